// Owns the request as it came beside the request as its upstream gets it. What
// differs has a word and a sign, not only a colour.

/** @import { Explanation } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { plural } from '../../core/format.js';
import { masked } from '../../core/secret.js';
import { shown } from './fields.js';

/** @typedef {'added' | 'removed' | 'changed'} Edit */
/** @typedef {{ name: string, came: string[], goes: string[], edit?: Edit }} Row */

const SIGNS = { added: '+', removed: '−', changed: '±' };

/** @param {Explanation} told */
export function comparison(told) {
  const { before, after, edits } = told.request;
  const line = (/** @type {{ method: string, target: string }} */ { method, target }) => `${method} ${masked(target)}`;
  /** @type {Row[]} */
  const rows = [{
    name: 'Request line', came: [line(before)], goes: after ? [line(after)] : [],
    edit: after && (after.method !== before.method || after.target !== before.target) ? 'changed' : undefined,
  }, ...fields(told)];
  return h('section', { class: 'stack', 'aria-label': 'Request' },
    h('h2', {}, 'The request, before and after'),
    h('p', { class: 'hint' }, after === null ? 'The upstream gets nothing.'
      : edits.length === 0 ? 'All fields are passed on as they came.' : `${plural(edits.length, 'field differs', 'fields differ')}: ${tally(told)}. Values that may be secrets are hidden.`),
    h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'The request before and after' },
      h('table', { class: 'compare' },
        h('thead', {}, h('tr', {}, ['Field', 'As it came', 'As the upstream gets it'].map((name) => h('th', { scope: 'col' }, name)))),
        h('tbody', {}, rows.map((row) => rowView(row, after !== null))))));
}

/** How many of each kind there are. @param {Explanation} told */
function tally({ request: { edits } }) {
  return ['changed', 'added', 'removed'].map((kind) => `${edits.filter(({ edit }) => edit === kind).length} ${kind}`).join(', ');
}

/** @param {Row} row @param {boolean} isSent */
function rowView({ name, came, goes, edit }, isSent) {
  const side = (/** @type {string[]} */ values, /** @type {string} */ none) => h('td', {},
    values.length === 0 ? h('em', {}, none) : values.map((value) => h('div', { class: 'mono' }, value)));
  return h('tr', { data: { edit: edit ?? null } },
    h('th', { scope: 'row' }, h('span', { class: 'mono' }, name), edit && h('span', { class: 'edit' }, `${SIGNS[edit]} ${edit}`)),
    side(came, 'nothing'),
    side(goes, isSent ? 'nothing' : 'not sent'));
}

/** Each field once: those that came, in their order, then those that are new. @param {Explanation} told */
function fields({ request: { before, after, edits } }) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  const row = (/** @type {string} */ name) => {
    const key = name.toLowerCase();
    const found = rows.get(key) ?? { name, came: [], goes: [], edit: edits.find((edit) => edit.name.toLowerCase() === key)?.edit };
    rows.set(key, found);
    return found;
  };
  for (const { name, value } of before.headers) row(name).came.push(shown(name, value));
  for (const { name, value } of after?.headers ?? []) row(name).goes.push(shown(name, value));
  return rows.values();
}
