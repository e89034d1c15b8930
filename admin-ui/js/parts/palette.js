// Owns the search over everything: mounts as the server finds them, pages, and
// what can be done on the page that is seen.

/** @import { Mount } from '../../types.js' */

/** @typedef {{ label: string, more?: string, run: () => void }} Entry */

import { get } from '../core/api.js';
import { change, h, keyed, setText } from '../core/dom.js';
import { matchOf } from '../core/format.js';
import { settled } from '../core/poll.js';
import { go, to } from '../core/router.js';
import * as session from '../core/session.js';
import { SECTIONS } from '../shell.js';
import { open } from './dialog.js';

const FOUND_MAX = 8;
const SETTLED_MS = 120;

/** @returns {Entry[]} */
function pages() {
  const there = SECTIONS.filter((section) => !section.governs || session.mayGovern())
    .map(({ name, path }) => ({ label: name, more: 'page', run: () => go(to(path)) }));
  return session.mayChange() ? [...there, { label: 'New mount', more: 'page', run: () => go(to(['new'])) }] : there;
}

export function openPalette() {
  if (document.querySelector('dialog[open]') || document.body.classList.contains('signed-out')) return;
  const stop = new AbortController();
  const list = h('ul', { class: 'found', id: 'palette-found', role: 'listbox', 'aria-label': 'Found' });
  const note = h('p', { class: 'hint', role: 'status' });
  const input = h('input', {
    type: 'search', placeholder: 'A mount, host, path, label or page', autocomplete: 'off', spellcheck: 'false', autofocus: true,
    role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'palette-found', 'aria-label': 'Search',
  });
  const close = open('Search', h('div', { class: 'palette' }, input, list, note), () => stop.abort());
  /** @type {Entry[]} */
  let entries = [];
  let chosen = 0;
  let searched = ''; // the text that the entries are of

  const choose = (/** @type {number} */ at) => {
    chosen = Math.max(0, Math.min(at, entries.length - 1));
    [...list.children].forEach((node, index) => change(/** @type {HTMLElement} */ (node), { 'aria-selected': String(index === chosen) }));
    const node = list.children[chosen];
    change(input, { 'aria-activedescendant': node?.id });
    node?.scrollIntoView({ block: 'nearest' });
  };
  const take = (/** @type {Entry | undefined} */ entry) => {
    if (!entry) return;
    close();
    entry.run();
  };
  const show = (/** @type {Entry[]} */ found) => {
    entries = found;
    keyed(list, found.map((entry, at) => ({ entry, at })), ({ entry }) => `${entry.more} ${entry.label}`,
      () => h('li', { role: 'option' }, h('span', {}), h('small', {})),
      (node, { entry, at }) => {
        node.id = `palette-${at}`;
        setText(/** @type {Node} */ (node.firstChild), entry.label);
        setText(/** @type {Node} */ (node.lastChild), entry.more ?? '');
        node.onclick = () => take(entry);
      });
    choose(0);
  };
  const search = async () => {
    const text = input.value.trim();
    const words = text.toLowerCase().split(/\s+/);
    const near = pages().filter(({ label }) => words.every((word) => label.toLowerCase().includes(word)));
    if (text === '') {
      setText(note, '');
      searched = text;
      return show(near);
    }
    try {
      const { mounts, total } = await get('listMounts', { query: { search: text, limit: FOUND_MAX, fields: ['id', 'match'] }, signal: stop.signal });
      if (input.value.trim() !== text) return;
      searched = text;
      show([...mounts.map((mount) => ({ label: mount.id, more: matchOf(/** @type {Mount} */ (mount)), run: () => go(to(['mounts', mount.id])) })), ...near]);
      setText(note, total > FOUND_MAX ? `${total} mounts; Mounts shows all of them.` : total + near.length === 0 ? 'Nothing found.' : '');
    } catch (error) {
      if (stop.signal.aborted) return;
      show(near);
      setText(note, 'Mounts could not be searched.');
    }
  };
  // Who types on and presses Enter means what was typed, not what was found before.
  const enter = async () => {
    if (input.value.trim() !== searched) await search();
    if (input.isConnected) take(entries[chosen]);
  };
  input.addEventListener('input', settled(SETTLED_MS, search));
  input.addEventListener('keydown', (event) => {
    if (event.key === 'ArrowDown') choose(chosen + 1);
    else if (event.key === 'ArrowUp') choose(chosen - 1);
    else if (event.key === 'Enter') void enter();
    else return;
    event.preventDefault();
  });
  show(pages());
}
