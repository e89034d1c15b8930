// Owns which requests are wanted: the fields and what is wrong with them, what
// the address says of them, and which of those already here still belong.

/** @import { TrafficEntry } from '../../../types.js' */

import { change, h, setText, unique } from '../../core/dom.js';
import { count } from '../../core/format.js';
import { settled } from '../../core/poll.js';

const SETTLED_MS = 350;
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'];
const NAMES = /** @type {const} */ (['status', 'method', 'path_prefix', 'min_ms', 'sample']);

/** @typedef {Partial<Record<typeof NAMES[number], string>>} Wanted by the server's own names; what is not there is any */

const LIST_MAX = 16;
const SLOW_MS_MAX = 86_400_000;
const SAMPLE_MAX = 1_000_000;

/** @param {string} text @param {(one: string) => boolean} is */
const isListOf = (text, is) => listOf(text).length <= LIST_MAX && listOf(text).every(is);

/** @param {string} text @param {number} least @param {number} most */
const isWhole = (text, least, most) => /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;

/** What each may be, as the server takes it, and how that reads. @type {Record<keyof Wanted, { is: (text: string) => boolean, says: string }>} */
const RULES = {
  status: { is: (text) => isListOf(text, (one) => /^([1-5]xx|[1-5]\d\d)$/i.test(one)), says: 'Classes or codes, as in 4xx, 503.' },
  method: { is: (text) => isListOf(text, (one) => /^[\w!#$%&'*+.^`|~-]+$/.test(one)), says: `At most ${LIST_MAX} methods, as in GET, POST.` },
  path_prefix: { is: (text) => /^\/[\x21-\x7e]*$/.test(text), says: 'It begins with / and has no spaces.' },
  min_ms: { is: (text) => isWhole(text, 0, SLOW_MS_MAX), says: `A whole number from 0 to ${count(SLOW_MS_MAX)}.` },
  sample: { is: (text) => isWhole(text, 1, SAMPLE_MAX), says: `A whole number from 1 to ${count(SAMPLE_MAX)}.` },
};

/** As the server and the address have it; methods nearly always are capitals. @param {keyof Wanted} name @param {string} text */
function settledText(name, text) {
  return name === 'method' ? listOf(text).join(',').toUpperCase() : name === 'status' ? listOf(text).join(',') : text.trim();
}

/** What the address says. @param {URLSearchParams} query @returns {Wanted} */
export function wantedOf(query) {
  return Object.fromEntries(NAMES.map((name) => [name, settledText(name, query.get(name) ?? '')]).filter(([, value]) => value));
}

/** What of that is sound. @param {Wanted} wanted @returns {Wanted} */
export function soundOf(wanted) {
  return Object.fromEntries(NAMES.flatMap((name) => (wanted[name] && RULES[name].is(wanted[name]) ? [[name, wanted[name]]] : [])));
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
 * The fields; `changed` is called with what is wanted once typing has ended,
 * unless something is wrong, which is told beside its field.
 * @param {Wanted} first
 * @param {(wanted: Wanted) => void} changed
 * @param {AbortSignal} signal
 */
export function filterFields(first, changed, signal) {
  const given = listOf(soundOf(first).status);
  const boxes = [...new Set([...CLASSES, ...given])].map((status) =>
    h('input', { type: 'checkbox', value: status, checked: given.includes(status) }));
  const method = h('input', { value: first.method ?? '', placeholder: 'GET, POST', class: 'filter-short', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false' });
  const prefix = h('input', { value: first.path_prefix ?? '', placeholder: '/', class: 'filter-path', autocomplete: 'off', spellcheck: 'false' });
  const number = (/** @type {string | undefined} */ value, /** @type {string} */ any) =>
    h('input', { value: value ?? '', placeholder: any, class: 'filter-number', inputmode: 'numeric', autocomplete: 'off' });
  const fields = [
    field('method', 'Method', method), field('path_prefix', 'Path begins with', prefix),
    field('min_ms', 'At least, ms', number(first.min_ms, '0')), field('sample', 'One in', number(first.sample, '1')),
  ];

  const read = () => {
    const areSound = fields.map((one) => one.check()).every(Boolean);
    const status = boxes.filter((box) => box.checked).map((box) => box.value).join(',');
    if (areSound) changed(Object.fromEntries([['status', status], ...fields.map((one) => [one.name, one.text()])].filter(([, value]) => value)));
  };
  const node = h('form', { class: 'filters', role: 'search', 'aria-label': 'Which requests', onsubmit: (/** @type {Event} */ event) => { event.preventDefault(); read(); } },
    h('fieldset', { class: 'chips' }, h('legend', {}, 'Status'),
      h('div', {}, boxes.map((box) => h('label', {}, box, h('span', {}, box.value))))),
    fields.map((one) => one.node));
  for (const box of boxes) box.addEventListener('change', read);
  const typed = settled(SETTLED_MS, read, signal);
  for (const { input } of fields) input.addEventListener('input', typed);
  method.addEventListener('input', () => capitals(method));
  for (const one of fields) one.check(); // the address may have anything
  return node;
}

/**
 * A field with what is wrong with it.
 * @param {keyof Wanted} name
 * @param {string} label
 * @param {HTMLInputElement} input
 */
function field(name, label, input) {
  const fault = h('p', { class: 'fault', id: unique('filter'), role: 'alert' });
  change(input, { 'aria-describedby': fault.id });
  const text = () => settledText(name, input.value);
  return {
    name, input, text,
    node: h('div', {}, h('label', {}, label, input), fault),
    check() {
      const isSound = text() === '' || RULES[name].is(text());
      setText(fault, isSound ? '' : RULES[name].says);
      change(input, { 'aria-invalid': isSound ? null : 'true' });
      return isSound;
    },
  };
}

/** Makes what is typed capitals, with the caret where it is. @param {HTMLInputElement} input */
function capitals(input) {
  const { selectionStart, selectionEnd, value } = input;
  if (value === value.toUpperCase()) return;
  input.value = value.toUpperCase();
  input.setSelectionRange(selectionStart, selectionEnd);
}
