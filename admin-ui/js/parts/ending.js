// Owns the two questions that a change may ask: how what is under way ends, and
// why the change is made.

import { h, unique } from '../core/dom.js';

const DRAIN_S = 20; // as the server has it where nothing is said
const DRAIN_S_MAX = 86_400;
const REASON_CHARS_MAX = 256;

/** @typedef {{ mode?: 'finish' | 'deadline' | 'kill', drain_ms?: number }} Ending */

/**
 * How requests and tunnels end that are under way.
 * @returns {{ node: HTMLElement, read: () => Ending }} reading fails with words for people
 */
export function endingField() {
  const name = unique('ending');
  const choice = (/** @type {string} */ value, /** @type {boolean} */ checked) => h('input', { type: 'radio', name, value, checked });
  const [finish, deadline, kill] = [choice('finish', false), choice('deadline', true), choice('kill', false)];
  const seconds = h('input', { type: 'text', inputmode: 'numeric', class: 'seconds', value: String(DRAIN_S), 'aria-label': 'Seconds', onfocus: () => { deadline.checked = true; } });
  const node = h('fieldset', { class: 'ending' }, h('legend', {}, 'What is under way'),
    h('label', { class: 'check' }, finish, 'may finish, however long it takes'),
    h('div', { class: 'check' }, h('label', { class: 'check' }, deadline, 'is cut off after'), seconds, h('span', {}, 'seconds')),
    h('label', { class: 'check' }, kill, 'is cut off at once'));
  const read = () => {
    if (finish.checked) return { mode: /** @type {const} */ ('finish') };
    if (kill.checked) return { mode: /** @type {const} */ ('kill') };
    const text = seconds.value.trim();
    if (!/^\d+$/.test(text) || Number(text) > DRAIN_S_MAX) {
      seconds.focus();
      throw new Error(`Say after how many seconds, 0 to ${DRAIN_S_MAX}.`);
    }
    return { mode: /** @type {const} */ ('deadline'), drain_ms: Number(text) * 1000 };
  };
  return { node, read };
}

/**
 * Why it is done.
 * @returns {{ node: HTMLElement, read: () => string }}
 */
export function reasonField() {
  const id = unique('reason');
  const input = h('input', { id, type: 'text', maxlength: REASON_CHARS_MAX, autocomplete: 'off' });
  const node = h('div', { class: 'field' }, h('label', { for: id }, 'Reason ', h('span', { class: 'optional' }, 'for the history, optional')), input);
  return { node, read: () => reasonOf(input.value) };
}

/**
 * The reason as a header can carry it; fails with words for people.
 * @param {string} text
 */
export function reasonOf(text) {
  const reason = text.trim();
  if (!/^[\x20-\x7e]*$/.test(reason) || reason.length > REASON_CHARS_MAX) {
    throw new Error(`A reason is one line of at most ${REASON_CHARS_MAX} plain ASCII characters.`);
  }
  return reason;
}
