// Owns how the errors of an import look: each beside the line that it is about.

/** @import { Problem } from '../../core/api.js' */
/** @import { Fault } from '../../../types.js' */
/** @import { Given, Source } from './source.js' */

import { isObject } from '../../core/diff.js';
import { h } from '../../core/dom.js';
import { count, plural } from '../../core/format.js';
import { to } from '../../core/router.js';
import { lineAt, placeOf, placesOf } from './locate.js';

const SHOWN_MAX = 100;

/**
 * @param {Problem} problem
 * @param {Given} given
 * @param {string} title
 * @param {Source} source
 */
export function faultList(problem, given, title, source) {
  const faults = faultsOf(problem, given);
  const shown = faults.slice(0, SHOWN_MAX);
  const places = given.kind === 'json' ? placesOf(given.text, shown.map(({ pointer }) => pointer)) : new Map();
  const mounts = given.kind === 'json' && shown.length > 0 ? mountsOf(given.text) : [];
  const rows = shown.map((fault) => {
    const place = fault.line ? placeOf(given.text, fault.line, fault.column) : places.get(fault.pointer) ?? 0;
    const id = mounts[Number(/^\/mounts\/(\d+)/.exec(fault.pointer)?.[1] ?? NaN)]?.id;
    return h('tr', {}, h('td', { class: 'number' }, lineButton(given.text, place, source)),
      h('td', {}, h('p', {}, fault.detail),
        h('p', { class: 'hint' }, typeof id === 'string' && ['Mount ', h('strong', {}, id), ', '], fault.pointer && h('code', {}, fault.pointer)),
        h('code', { class: 'excerpt' }, lineAt(given.text, place).excerpt)));
  });
  return h('section', { class: 'panel failure', role: 'alert', 'aria-label': title },
    h('h2', {}, title), h('p', {}, problem.message, linkOf(problem)),
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

/** To the mount that there is already and that stands in the way. @param {Problem} problem */
function linkOf({ status, message }) {
  const id = status === 409 ? /mount '([^']+)'/.exec(message)?.[1] : undefined;
  return id !== undefined && ['. ', h('a', { href: to(['mounts', id]) }, `See ${id}`)];
}

/**
 * What is wrong where; of malformed JSON and of conflicts only the words tell it.
 * @param {Problem} problem
 * @param {Given} given
 * @returns {(Fault & { column?: number })[]}
 */
function faultsOf({ status, errors, message }, given) {
  if (errors.length > 0) return errors;
  if (status === 409) return conflictsOf(message, given);
  const [, line, column] = /at line (\d+) column (\d+)/.exec(message) ?? [];
  return line === undefined ? [] : [{ pointer: '', detail: message, line: Math.max(1, Number(line)), column: Math.max(1, Number(column)) }];
}

/**
 * Where the file has the match that another mount has: the problem names only
 * that one, so what has the same match is looked for.
 * @param {string} message
 * @param {Given} given
 * @returns {Fault[]}
 */
function conflictsOf(message, { text, kind }) {
  const [, by, match] = /mount '([^']+)' answers for (\S+) already/.exec(message) ?? [];
  if (match === undefined) return [];
  const detail = `It would answer for ${match}, as ${by} does.`;
  if (kind === 'json') {
    return mountsOf(text).flatMap((mount, at) => (
      mount && mount.id !== by && isObject(mount.match) && `${String(mount.match.host ?? '').toLowerCase()}${mount.match.path ?? '/'}` === match ? [{ pointer: `/mounts/${at}/match`, detail }] : []));
  }
  const sameMatch = (/** @type {string} */ line) => line.split('=')[0].trim().replace(/^https?:\/\//, '').replace(/(?<=.)\/$/, '') === match;
  return text.split('\n').flatMap((line, at) => (line.includes('=') && sameMatch(line) ? [{ pointer: '', detail, line: at + 1 }] : []));
}

/** The mounts of a JSON file, as far as it has some. @param {string} text @returns {(Record<string, any> | null)[]} */
function mountsOf(text) {
  try {
    const { mounts } = JSON.parse(text);
    return Array.isArray(mounts) ? mounts.map((mount) => (isObject(mount) ? mount : null)) : [];
  } catch {
    return [];
  }
}
