// Owns how the errors of an import look: each beside the line that it is about.

/** @import { Problem } from '../../core/api.js' */
/** @import { Fault } from '../../../types.js' */
/** @import { Given, Source } from './source.js' */

import { isObject } from '../../core/diff.js';
import { h } from '../../core/dom.js';
import { count, plural } from '../../core/format.js';
import { lineAt, placeOf, placesOf } from './locate.js';

const SHOWN_MAX = 100;

/**
 * @param {Problem} problem
 * @param {Given} given
 * @param {string} title
 * @param {Source} source
 */
export function faultList(problem, given, title, source) {
  const faults = faultsOf(problem);
  const shown = faults.slice(0, SHOWN_MAX);
  const places = given.kind === 'json' ? placesOf(given.text, shown.map(({ pointer }) => pointer)) : new Map();
  const ids = given.kind === 'json' && shown.length > 0 ? idsOf(given.text) : [];
  const rows = shown.map((fault) => {
    const place = fault.line ? placeOf(given.text, fault.line, fault.column) : places.get(fault.pointer) ?? 0;
    const id = ids[Number(/^\/mounts\/(\d+)/.exec(fault.pointer)?.[1] ?? NaN)];
    return h('tr', {}, h('td', { class: 'number' }, lineButton(given.text, place, source)),
      h('td', {}, h('p', {}, fault.detail),
        h('p', { class: 'hint' }, id !== undefined && ['Mount ', h('strong', {}, id), ', '], fault.pointer && h('code', {}, fault.pointer)),
        h('code', { class: 'excerpt' }, lineAt(given.text, place).excerpt)));
  });
  return h('section', { class: 'panel failure', role: 'alert', 'aria-label': title },
    h('h2', {}, title), h('p', {}, problem.message),
    rows.length > 0 && h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Errors' },
      h('table', { class: 'lines' }, h('thead', {}, h('tr', {}, h('th', { scope: 'col', class: 'number' }, 'Line'), h('th', { scope: 'col' }, 'What is wrong'))), h('tbody', {}, rows))),
    faults.length > SHOWN_MAX && h('p', {}, `These are the first ${SHOWN_MAX} of ${plural(faults.length, 'error')}.`));
}

/**
 * A line's number, which shows the line in the text.
 * @param {string} text
 * @param {number} place
 * @param {Source} source
 */
export function lineButton(text, place, source) {
  const { line, start, end } = lineAt(text, place);
  if (!source.canShow()) return count(line);
  return h('button', { type: 'button', class: 'small', 'aria-label': `Show line ${line}`, onclick: () => source.show(start, end) }, count(line));
}

/**
 * What is wrong where; of malformed JSON only the words tell the line.
 * @param {Problem} problem
 * @returns {(Fault & { column?: number })[]}
 */
function faultsOf({ errors, message }) {
  if (errors.length > 0) return errors;
  const [, line, column] = /at line (\d+) column (\d+)/.exec(message) ?? [];
  return line === undefined ? [] : [{ pointer: '', detail: message, line: Math.max(1, Number(line)), column: Math.max(1, Number(column)) }];
}

/** @param {string} text @returns {(string | undefined)[]} */
function idsOf(text) {
  try {
    const { mounts } = JSON.parse(text);
    return Array.isArray(mounts) ? mounts.map((mount) => (isObject(mount) && typeof mount.id === 'string' ? mount.id : undefined)) : [];
  } catch {
    return [];
  }
}
