// Owns which requests are wanted: the fields, what the address says of them,
// what the server is asked, and which of those already here still belong.

/** @import { TrafficEntry } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { settled } from '../../core/poll.js';

const SETTLED_MS = 350;
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];
const NAMES = /** @type {const} */ (['status', 'method', 'path_prefix', 'min_ms', 'sample']);

/** @typedef {Partial<Record<typeof NAMES[number], string>>} Wanted by the server's own names; what is not there is any */

/** @param {URLSearchParams} query @returns {Wanted} */
export function wantedOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, query.get(name)?.trim()]).filter(([, value]) => value));
}

/**
 * Whether a request that is already here is one of those.
 * @param {Wanted} wanted
 * @returns {(entry: TrafficEntry) => boolean}
 */
export function wants(wanted) {
  const statuses = listOf(wanted.status).map((status) => status.toLowerCase());
  const methods = listOf(wanted.method);
  return ({ status, method, target, timing_ms: timing }) => {
    const code = String(status ?? '');
    const isStatus = statuses.length === 0 || statuses.some((one) => (one.endsWith('xx') ? code[0] === one[0] : code === one));
    const isMethod = methods.length === 0 || methods.includes(method);
    return isStatus && isMethod && pathOf(target).startsWith(wanted.path_prefix ?? '') && timing.total >= Number(wanted.min_ms ?? 0);
  };
}

/** @param {string | undefined} text */
function listOf(text) {
  return (text ?? '').split(',').map((one) => one.trim()).filter(Boolean);
}

/** @param {string} target the raw one, which may be a whole URL */
function pathOf(target) {
  return target.replace(/^[a-z]+:\/\/[^/?]*/i, '').split('?')[0];
}

/**
 * The fields; `changed` is called with what is wanted once typing has ended.
 * @param {Wanted} first
 * @param {(wanted: Wanted) => void} changed
 */
export function filterFields(first, changed) {
  const given = listOf(first.status);
  const boxes = [...new Set([...CLASSES, ...given])].map((status) =>
    h('input', { type: 'checkbox', value: status, checked: given.includes(status) }));
  const method = h('input', { value: first.method ?? '', placeholder: 'GET, POST', class: 'filter-short', autocomplete: 'off', spellcheck: 'false' });
  const prefix = h('input', { value: first.path_prefix ?? '', placeholder: '/', class: 'filter-path', autocomplete: 'off', spellcheck: 'false' });
  const number = (/** @type {string | undefined} */ value, /** @type {number} */ min, /** @type {number} */ max, /** @type {string} */ any) =>
    h('input', { type: 'number', value: value ?? '', min, max, placeholder: any, class: 'filter-number', inputmode: 'numeric' });
  const slow = number(first.min_ms, 0, 86_400_000, '0');
  const sample = number(first.sample, 1, 1_000_000, '1');
  const fields = { method, path_prefix: prefix, min_ms: slow, sample };

  const read = () => {
    const texts = Object.entries(fields).map(([name, input]) => [name, input.value.trim()]);
    const status = boxes.filter((box) => box.checked).map((box) => box.value).join(',');
    changed(Object.fromEntries([['status', status], ...texts].filter(([, value]) => value)));
  };
  const node = h('form', { class: 'filters', role: 'search', 'aria-label': 'Which requests', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); read(); } },
    h('fieldset', { class: 'chips' }, h('legend', {}, 'Status'),
      h('div', {}, boxes.map((box) => h('label', {}, box, h('span', {}, box.value))))),
    h('label', {}, 'Method', method), h('label', {}, 'Path begins with', prefix),
    h('label', {}, 'At least, ms', slow), h('label', {}, 'One in', sample));
  for (const box of boxes) box.addEventListener('change', read);
  const typed = settled(SETTLED_MS, read);
  for (const input of Object.values(fields)) input.addEventListener('input', typed);
  return node;
}
