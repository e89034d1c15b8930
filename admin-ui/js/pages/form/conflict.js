// Owns two people editing one mount: noticing that somebody else changed it,
// saying who changed what, and choosing what becomes of it.

/** @import { Revision } from '../../../types.js' */
/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {{ spec: Spec, etag: string | null, revision: number }} Version a mount as the server has it */

import { Problem, call, get } from '../../core/api.js';
import { inline } from '../../core/diff.js';
import { h, unique } from '../../core/dom.js';
import { moment } from '../../core/format.js';
import { watch } from '../../core/stream.js';
import { when } from '../../parts/bits.js';
import { compare, lean } from './model.js';

/**
 * The mount as it is now; null where it is gone.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Version | null>}
 */
export async function current(id, signal) {
  try {
    const { body, etag } = await call('getMount', { path: { id }, signal });
    return { spec: lean(body), etag, revision: body.revision };
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

/**
 * Who changed it since then; nothing where the journal no longer has it.
 * @param {string} id
 * @param {number} since
 * @param {AbortSignal} signal
 * @returns {Promise<Revision[]>}
 */
export async function changesSince(id, since, signal) {
  try {
    return (await get('listMountRevisions', { path: { id }, query: { since: String(since), order: 'oldest', limit: 20 }, signal })).revisions;
  } catch (error) {
    if (error instanceof Problem) return [];
    throw error;
  }
}

/**
 * Calls `look` whenever the mount may be another one than before.
 * @param {string} id
 * @param {AbortSignal} signal
 * @param {() => void} look
 * @param {(problem: unknown) => void} ended why nothing more is told
 */
export function follow(id, signal, look, ended) {
  void watch(`/v1/events?mount=${encodeURIComponent(id)}`, {
    signal,
    event: ({ type }) => { if (!['state', 'operation', 'dropped'].includes(type)) look(); },
    live: (_, problem) => { if (problem) ended(problem); },
  });
}

/** Who changed it and when, in words. @param {Revision[]} revisions */
export function authors(revisions) {
  const names = [...new Set(revisions.map(({ who }) => who))];
  return names.length === 0 ? 'Somebody' : names.length < 3 ? names.join(' and ') : `${names.slice(0, 2).join(', ')} and others`;
}

const VALUE_MAX = 400;

const SIDES = ['Before', 'Theirs', 'Yours'];

/** @param {{ value: unknown } | undefined} side @param {number} which */
function cell(side, which) {
  const data = { side: SIDES[which] }; // where the table has no head, as on a phone
  if (side === undefined) return h('td', { class: 'calm', data }, h('em', {}, 'unchanged'));
  const text = inline(side.value);
  return h('td', { data }, side.value === undefined ? h('em', {}, 'by default') : h(which > 0 ? 'ins' : 'span', {}, text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}…` : text));
}

/**
 * Their changes and mine, side by side.
 * @param {{ base: Spec, mine: Spec, theirs: Version | null, revisions: Revision[] }} sides
 * @param {{ keep: () => void, take: () => void, back: () => void }} choose
 */
export function conflictPanel({ base, mine, theirs, revisions }, { keep, take, back }) {
  const id = unique('conflict');
  const who = authors(revisions);
  const rows = compare(base, lean(mine), theirs?.spec ?? base);
  const both = rows.filter((row) => row.both).length;
  const says = theirs === null ? `${who} deleted this mount while you edited it` : `${who} changed this mount while you edited it`;
  const table = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Their changes and yours' }, h('table', { class: 'diff three' },
    h('thead', {}, h('tr', {}, ['Member', ...SIDES].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, rows.map((row) => h('tr', { data: { both: row.both || null } },
      h('th', { scope: 'row' }, h('code', {}, row.path), row.both && h('span', { class: 'tag' }, 'both changed it')),
      cell({ value: row.before }, 0), cell(row.theirs, 1), cell(row.mine, 2))))));
  const summary = theirs === null ? 'Nothing is lost: your version is still here.'
    : both === 0 ? 'You changed other members than they did, so both can be kept.'
      : `You both changed ${both === 1 ? 'one member' : `${both} members`}. On top of theirs, yours count there.`;
  return h('section', { class: 'panel conflict', 'aria-labelledby': id },
    h('h2', { id, tabindex: -1 }, says),
    h('ul', { class: 'authors' }, revisions.map((one) => h('li', {}, h('strong', {}, one.who), ` · ${one.action} · revision ${one.revision} · `,
      when(one.at, moment(one.at)), one.why && ` · “${one.why}”`))),
    h('p', {}, summary),
    rows.length > 0 && table,
    h('div', { class: 'choices' },
      h('button', { type: 'button', onclick: back }, 'Back to editing'),
      h('button', { type: 'button', onclick: take }, theirs === null ? 'Leave it deleted' : 'Take theirs'),
      h('button', { type: 'button', class: 'primary', onclick: keep }, theirs === null ? 'Make it anew' : 'Keep mine on top of theirs')));
}
