// Owns how the result of an import looks, tried or done: counts first, then
// each change with its difference, URLs that change owner, and notes.

/** @import { Child, Imported } from '../../../types.js' */
/** @import { Given, Source } from './source.js' */

import { Problem, get, inWords } from '../../core/api.js';
import { fill, h } from '../../core/dom.js';
import { count, plural } from '../../core/format.js';
import { to } from '../../core/router.js';
import { diffTable, failure, figure, jsonView, loading } from '../../parts/bits.js';
import { lineButton } from './faults.js';
import { placeOf } from './locate.js';
import { patchDifferences } from './patch.js';

/** @typedef {Imported['changes'][number]} Change */
/** @typedef {Imported['urls'][number]} Move */

const SHOWN_MAX = 100;

/** What may become of URLs, the worst first. @type {{ name: string, word: string, tone: string, is: (move: Move) => boolean }[]} */
const MOVES = [
  { name: 'answered by nobody any more', word: 'lost', tone: 'bad', is: ({ to: then }) => then === null },
  { name: 'taken from another mount', word: 'moved', tone: 'warn', is: ({ from, to: then }) => from !== null && then !== null },
  { name: 'answered by nobody until now', word: 'new', tone: 'calm', is: ({ from, to: then }) => from === null && then !== null },
];

/** @type {Record<string, { tone: string, says: string }>} */
const SEVERITIES = {
  error: { tone: 'bad', says: 'Nothing is imported.' },
  warning: { tone: 'warn', says: 'Something is not as it was.' },
  fixed: { tone: 'good', says: 'A defect of Paste that is gone here.' },
  info: { tone: 'idle', says: 'Where the rest is found now.' },
};

/**
 * @param {Imported} told
 * @param {Given} given
 * @param {Source} source
 * @param {AbortSignal} signal
 * @returns {Child}
 */
export function triedView(told, given, source, signal) {
  const { created, updated, unchanged, changes, urls, notes } = told;
  const isSame = created.length + updated.length === 0;
  return h('section', { class: 'panel', 'aria-label': 'Dry run' },
    h('h2', {}, 'What the dry run says'),
    h('p', { role: 'status' }, isSame ? 'All mounts are so already.' : `${summary(told)}. Nothing was changed yet.`),
    h('dl', { class: 'figures' }, figure('New', count(created.length)), figure('Changed', count(updated.length)), figure('As they are', count(unchanged.length)),
      MOVES.map(({ is, word }) => ({ word, moved: urls.filter(is).length })).filter(({ moved }) => moved > 0).map(({ word, moved }) => figure(`URLs ${word}`, count(moved))), notes.length > 0 && figure('Notes', count(notes.length))),
    notes.length > 0 && notesView(told, given, source),
    changes.length > 0 && [h('h3', {}, 'Mounts'), h('ul', { class: 'changes' }, changes.slice(0, SHOWN_MAX).map((change) => h('li', {}, changeView(change, signal)))), rest(changes.length, 'mount')],
    MOVES.map((move) => movesView(urls.filter(move.is), move)));
}

/** @param {Imported} told */
export function doneView(told) {
  const links = told.changes.slice(0, SHOWN_MAX).map(({ id }) => h('li', {}, h('a', { href: to(['mounts', id]) }, id)));
  return h('section', { class: 'panel done', 'aria-label': 'Imported' },
    h('h2', {}, 'Imported'), h('p', { role: 'status' }, `${summary(told)}, at revision ${count(told.revision)}.`),
    links.length > 0 && h('ul', { class: 'links' }, links), rest(told.changes.length, 'mount'),
    h('p', {}, h('a', { href: to(['events']) }, 'Events'), ' tells of each change.'));
}

/** @param {Imported} told */
function summary({ created, updated, unchanged }) {
  const parts = [[created, 'new'], [updated, 'changed'], [unchanged, 'as before']].filter(([ids]) => ids.length > 0);
  const [[ids, word], ...more] = parts.length > 0 ? parts : [[[], 'new']];
  return [`${plural(ids.length, 'mount')} ${word}`, ...more.map(([others, how]) => `${count(others.length)} ${how}`)].join(', ');
}

/** @param {number} total @param {string} noun */
function rest(total, noun) {
  return total > SHOWN_MAX && h('p', { class: 'hint' }, `These are the first ${SHOWN_MAX} of ${plural(total, noun)}.`);
}

/** A change, whose difference is made when it is opened. @param {Change} change @param {AbortSignal} signal */
function changeView(change, signal) {
  const isNew = change.action === 'create';
  const body = h('div', { class: 'change-body' });
  const node = h('details', {}, h('summary', {},
    h('span', { class: 'edit', data: { tone: isNew ? 'good' : 'calm' } }, isNew ? '+ new' : '± changed'), h('span', { class: 'mono' }, change.id),
    h('span', { class: 'calm' }, isNew ? '' : change.diff.map(({ path }) => path.split('/')[1]).filter((name, at, all) => all.indexOf(name) === at).join(', '))), body);
  node.addEventListener('toggle', () => {
    if (node.open && !body.firstChild) void showDifference(body, change, signal);
  });
  return node;
}

/** @param {HTMLElement} body @param {Change} change @param {AbortSignal} signal */
async function showDifference(body, change, signal) {
  const [first] = change.diff;
  if (change.action === 'create' || first?.path === '') return fill(body, jsonView(first?.value, `The new mount ${change.id}`));
  fill(body, loading('Asking for the mount as it is…'));
  try {
    const mount = await get('getMount', { path: { id: change.id }, signal });
    fill(body, diffTable(patchDifferences(mount, change.diff), { before: 'Now', after: 'Then', label: `What changes in ${change.id}` }));
  } catch (error) {
    if (signal.aborted) return;
    const text = error instanceof Problem && error.status === 404 ? 'The mount is gone meanwhile. Do the dry run again.' : inWords(error);
    fill(body, failure(text, () => void showDifference(body, change, signal)));
  }
}

/** @param {Move[]} moves @param {typeof MOVES[number]} what */
function movesView(moves, { tone, word, name }) {
  if (moves.length === 0) return null;
  const title = `URLs ${name}`;
  const owner = (/** @type {string | null} */ id) => h('td', {}, id === null ? h('em', { class: 'calm' }, 'nobody') : h('span', { class: 'mono' }, id));
  return [h('h3', {}, title, ' ', h('span', { class: 'pill', data: { tone } }, word)), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': title }, h('table', {},
    h('thead', {}, h('tr', {}, ['URLs at', 'Now', 'Then'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, moves.slice(0, SHOWN_MAX).map(({ match, from, to: then }) => h('tr', {}, h('th', { scope: 'row', class: 'mono' }, match), owner(from), owner(then)))))), rest(moves.length, 'URL')];
}

/** What there is to say about a Paste Deploy file. @param {Imported} told @param {Given} given @param {Source} source */
function notesView({ notes }, { text: file }, source) {
  const rows = notes.slice(0, SHOWN_MAX).map(({ line, severity, text }) => {
    const { tone, says } = SEVERITIES[severity] ?? SEVERITIES.info;
    return h('tr', {}, h('td', { class: 'number' }, line === null ? h('span', { class: 'calm' }, 'all') : lineButton(file, placeOf(file, line), source)),
      h('td', {}, h('span', { class: 'pill', title: says, data: { tone } }, severity)), h('td', { class: 'words' }, text));
  });
  return [h('h3', {}, 'Notes on the file'), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Notes on the file' }, h('table', { class: 'lines' },
    h('thead', {}, h('tr', {}, h('th', { scope: 'col', class: 'number' }, 'Line'), ['Kind', 'Note'].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, rows))), rest(notes.length, 'note')];
}
