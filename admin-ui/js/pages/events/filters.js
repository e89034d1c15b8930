// Owns which events are wanted: the fields, what the server is asked, and what
// is chosen here of that it tells.

/** @import { Revision } from '../../../types.js' */
/** @import { Item } from './feed.js' */

import { h } from '../../core/dom.js';
import { settled } from '../../core/poll.js';
import { sentence } from './words.js';

const SETTLED_MS = 350;

/** @type {Revision['action'][]} */
export const ACTIONS = ['create', 'replace', 'delete', 'pause', 'resume', 'enable', 'disable', 'drain', 'restart', 'expire', 'lease', 'restore'];

const KINDS = { changes: 'All changes', states: 'States', operations: 'Operations that ended' };

/** @typedef {{ kind: string, mount: string, who: string, text: string }} Wanted what is empty is any */

/** @param {URLSearchParams} query @returns {Wanted} */
export function wantedOf(query) {
  const of = (/** @type {string} */ name) => query.get(name)?.trim() ?? '';
  return { kind: of('kind'), mount: of('mount'), who: of('who'), text: of('text') };
}

/** The types of events the server is asked for; none is all. @param {Wanted} wanted @returns {string[]} */
export function typesOf({ kind }) {
  if (kind === 'changes') return ACTIONS;
  if (kind === 'states') return ['state'];
  if (kind === 'operations') return ['operation'];
  return ACTIONS.some((action) => action === kind) ? [kind] : [];
}

/** @param {Wanted} wanted @returns {(item: Item) => boolean} */
export function wants(wanted) {
  const types = typesOf(wanted);
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  return (item) => {
    if (item.kind === 'note') return true;
    if (wanted.mount && item.data.mount !== wanted.mount) return false;
    if (types.length > 0 && !types.includes(item.kind === 'change' ? item.data.action : item.kind)) return false;
    if (wanted.who && (item.kind !== 'change' || !item.data.who.toLowerCase().includes(wanted.who.toLowerCase()))) return false;
    const said = words.length > 0 ? sentence(item).toLowerCase() : '';
    return words.every((word) => said.includes(word));
  };
}

/**
 * @param {Wanted} first
 * @param {(wanted: Wanted) => void} changed
 * @param {AbortSignal} signal
 */
export function filterFields(first, changed, signal) {
  const kind = h('select', { value: first.kind },
    h('option', { value: '' }, 'Everything'),
    Object.entries(KINDS).map(([value, label]) => h('option', { value }, label)),
    h('optgroup', { label: 'One kind of change' }, ACTIONS.map((action) => h('option', { value: action }, action))));
  const text = h('input', { type: 'search', value: first.text, placeholder: 'Words', autocomplete: 'off', spellcheck: 'false' });
  const mount = h('input', { value: first.mount, placeholder: 'any', autocomplete: 'off', spellcheck: 'false', class: 'filter-name' });
  const who = h('input', { value: first.who, placeholder: 'anybody', autocomplete: 'off', spellcheck: 'false', class: 'filter-name' });
  const read = () => changed({ kind: kind.value, mount: mount.value.trim(), who: who.value.trim(), text: text.value.trim() });
  const typed = settled(SETTLED_MS, read, signal);
  kind.addEventListener('change', read);
  for (const input of [text, mount, who]) input.addEventListener('input', typed);
  return h('form', { class: 'filters', role: 'search', 'aria-label': 'Which events', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); read(); } },
    h('label', {}, 'Search', text), h('label', {}, 'Kind', kind), h('label', {}, 'Mount', mount), h('label', {}, 'Who', who));
}
