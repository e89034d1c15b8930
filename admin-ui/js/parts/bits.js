// Owns the small parts that many pages have: states, times, numbers with a
// name, JSON, differences, things to copy, and what stands where nothing is.

/** @import { Child } from '../../types.js' */
/** @import { State } from '../../types.js' */

import { h, setText } from '../core/dom.js';
import { inline } from '../core/diff.js';
import { NONE, moment, sayState, toneOf } from '../core/format.js';

/**
 * A state: a word, a colour and a shape.
 * @param {State} state
 */
export function statePill(state) {
  return showState(h('span', { class: 'pill' }), state);
}

/**
 * @param {HTMLElement} pill
 * @param {State} state
 */
export function showState(pill, state) {
  pill.dataset.tone = toneOf(state);
  pill.title = sayState(state);
  setText(pill, state);
  return pill;
}

/**
 * A number with its name.
 * @param {string} name
 * @param {Child} value
 * @param {Child} [more]
 */
export function figure(name, value, more) {
  return h('div', { class: 'figure' }, h('dt', {}, name), h('dd', {}, value, more && h('span', { class: 'more' }, more)));
}

/**
 * The same for a number that changes.
 * @param {string} name
 */
export function liveFigure(name) {
  const value = h('span', {}, NONE);
  const more = h('span', {});
  return {
    node: figure(name, value, more),
    /** @param {string} text @param {string} [note] */
    show(text, note = '') {
      setText(value, text);
      setText(more, note);
    },
  };
}

/**
 * A time, with the date to be read on hovering.
 * @param {string} time RFC 3339
 * @param {string} text
 */
export function when(time, text) {
  return h('time', { datetime: time, title: moment(time) }, text);
}

/**
 * What stands where there is nothing: why, and what to do.
 * @param {string} title
 * @param {...Child} children
 */
export function empty(title, ...children) {
  return h('div', { class: 'panel empty' }, h('h2', {}, title), ...children);
}

/**
 * The page of a place where none is.
 * @param {string} href where one may go on
 * @param {string} name of that
 */
export function noSuchPage(href, name) {
  return { title: 'Not found', node: h('div', {}, h('div', { class: 'page-head' }, h('h1', {}, 'There is no such page')), h('p', {}, h('a', { href }, name))) };
}

/** While the first answer is awaited. @param {string} what */
export function loading(what) {
  return h('p', { class: 'panel calm loading', role: 'status' }, what);
}

/**
 * An error in the place of what it kept from being shown.
 * @param {string} text
 * @param {(() => void)} [again]
 */
export function failure(text, again) {
  return h('div', { class: 'panel failure', role: 'alert' }, h('p', {}, text),
    again && h('button', { type: 'button', onclick: again }, 'Try again'));
}

/**
 * JSON to read: names, texts and numbers in their colours.
 * @param {unknown} value
 * @param {string} label what it is, for those who do not see it
 */
export function jsonView(value, label) {
  const text = JSON.stringify(value, null, 2) ?? '';
  const parts = text.split(/("(?:[^"\\]|\\.)*"(?::)?|\b(?:true|false|null)\b|-?\b\d[\d.eE+-]*\b)/);
  const leaves = parts.map((part, at) => {
    if (at % 2 === 0) return part;
    const kind = part.endsWith(':') ? 'name' : part.startsWith('"') ? 'text' : 'number';
    return h('span', { class: `json-${kind}` }, part);
  });
  return h('pre', { class: 'json', tabindex: 0, role: 'region', 'aria-label': label }, h('code', {}, leaves));
}

/**
 * A table of what is different.
 * @param {import('../core/diff.js').Difference[]} differences
 * @param {{ before?: string, after?: string, label: string }} names
 */
export function diffTable(differences, { before = 'Before', after = 'After', label }) {
  const heads = ['Member', before, after].map((name) => h('th', { scope: 'col' }, name));
  const rows = differences.map(({ path, before: was, after: is }) => h('tr', {},
    h('th', { scope: 'row' }, h('code', {}, path || 'the whole')),
    h('td', { class: 'was', data: { label: before } }, was === undefined ? h('em', {}, 'nothing') : h('del', {}, inline(was))),
    h('td', { class: 'is', data: { label: after } }, is === undefined ? h('em', {}, 'nothing') : h('ins', {}, inline(is)))));
  return h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': label },
    h('table', { class: 'diff' }, h('thead', {}, h('tr', {}, heads)), h('tbody', {}, rows)));
}

/**
 * A button that copies a text.
 * @param {() => string} text
 * @param {string} [label]
 */
export function copyButton(text, label = 'Copy') {
  const button = h('button', { type: 'button', class: 'small' }, label);
  button.addEventListener('click', async () => {
    const done = await copy(text());
    setText(button, done ? 'Copied' : 'Copy failed');
    setTimeout(() => setText(button, label), 2000);
  });
  return button;
}

/** @param {string} text @returns {Promise<boolean>} */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // without HTTPS there is no clipboard, but on loopback
  }
}

/**
 * A text that is there to be copied, as a command is.
 * @param {string} text
 * @param {string} label
 */
export function snippet(text, label) {
  return h('div', { class: 'snippet' },
    h('pre', { tabindex: 0, role: 'region', 'aria-label': label }, h('code', {}, text)), copyButton(() => text));
}

/**
 * Gives the user a file.
 * @param {string} name
 * @param {string} content
 * @param {string} type
 */
export function download(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = h('a', { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
