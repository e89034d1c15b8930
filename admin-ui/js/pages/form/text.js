// Owns the mount as JSON to be edited: the same object as the form's. A text
// that is not sound yet stays as it is, and is told with its place.

/** @typedef {import('./model.js').Spec} Spec */

import { isObject, same } from '../../core/diff.js';
import { change, h, setText, unique } from '../../core/dom.js';
import { copyButton } from '../../parts/bits.js';
import { unsound, where } from './json.js';
import { pretty } from './model.js';

const ROWS_MIN = 18;
const ROWS_MAX = 40;

/** @param {(spec: Spec | null) => void} edited null while the text is no mount at all */
export function textView(edited) {
  const id = unique('json');
  /** @type {Spec} the last object that the text was */
  let now = {};
  /** @type {import('./json.js').Unsound | null} */
  let found = null;
  const area = h('textarea', { id, spellcheck: 'false', autocapitalize: 'none', wrap: 'off', 'aria-describedby': `${id}-hint` });
  const place = h('button', { type: 'button', class: 'small', hidden: true, onclick: () => {
    area.focus();
    area.setSelectionRange(found?.offset ?? 0, (found?.offset ?? 0) + 1);
  } }, 'Go there');
  const fault = h('span', {});
  const told = h('p', { class: 'fault', id: `${id}-fault`, role: 'status' }, fault, ' ', place);
  const arrange = h('button', { type: 'button', class: 'small', onclick: () => {
    area.value = pretty(now);
    measure();
  } }, 'Arrange');
  const measure = () => change(area, { rows: Math.min(ROWS_MAX, Math.max(ROWS_MIN, area.value.split('\n').length + 1)) });
  const look = () => {
    found = unsound(area.value);
    if (!found && !isObject(JSON.parse(area.value))) found = { line: 1, column: 1, offset: 0, says: 'a mount is a JSON object' };
    setText(fault, found ? where(found) : '');
    arrange.disabled = found !== null;
    place.hidden = found === null;
    change(area, { 'aria-invalid': found ? 'true' : null, 'aria-describedby': found ? `${id}-hint ${id}-fault` : `${id}-hint` });
    if (!found) now = JSON.parse(area.value);
  };
  area.addEventListener('input', () => {
    look();
    edited(found ? null : now);
  });
  return {
    node: h('div', { class: 'panel as-json' },
      h('div', { class: 'panel-head' }, h('label', { for: id }, 'The mount as JSON'), h('span', { class: 'end' }, arrange, ' ', copyButton(() => area.value))),
      area, told, h('p', { class: 'hint', id: `${id}-hint` }, 'What is left out is as by default. Ctrl+Enter saves.')),
    /** Shows the object; a text that says the same stays as it was written. @param {Spec} spec */
    show(spec) {
      if (!found && same(spec, now) && area.value !== '') return;
      now = spec;
      area.value = pretty(spec);
      look();
      measure();
    },
    /** Shows a text that was not sound when it was kept. @param {string} text */
    restore(text) {
      area.value = text;
      look();
      measure();
    },
    get text() { return area.value; },
    /** What is not sound, in words. */
    fault: () => (found ? where(found) : ''),
    focus: () => area.focus(),
  };
}
