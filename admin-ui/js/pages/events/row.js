// Owns one event of the feed: a line, and below it what a revision changed
// once that is asked for.

/** @import { Revision } from '../../../types.js' */
/** @import { Item } from './feed.js' */

import { differences } from '../../core/diff.js';
import { change, fill, h, unique } from '../../core/dom.js';
import { clock } from '../../core/format.js';
import { to } from '../../core/router.js';
import * as session from '../../core/session.js';
import { diffTable, jsonView, showState, when } from '../../parts/bits.js';
import { restoreFrom } from '../../parts/restore.js';
import { didOf, sayOperation, sayStateNews, toneOfAction } from './words.js';

const NAMED_MAX = 3; // so many changed members are named on the line

const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });

/**
 * @param {Item} item
 * @param {(entry: Revision) => boolean} isLast whether nothing was done to the mount since
 */
export function eventRow(item, isLast) {
  const { kind, at, data } = item;
  const time = when(at, at.slice(0, 10) === new Date().toISOString().slice(0, 10) ? clock(at) : `${day.format(new Date(at))} ${clock(at)}`);
  if (kind === 'note') return h('li', { class: 'event', data: { kind } }, h('div', { class: 'event-line' }, time, pill('idle', 'note'), h('p', {}, data)));
  const mount = h('a', { href: to(['mounts', data.mount]) }, data.mount);
  if (kind === 'state') {
    const state = showState(h('span', { class: 'pill' }), data.state);
    return h('li', { class: 'event' }, h('div', { class: 'event-line' }, time, state, h('p', {}, mount, h('span', { class: 'calm' }, ` ${sayStateNews(data)}`))));
  }
  if (kind === 'operation') {
    return h('li', { class: 'event' }, h('div', { class: 'event-line' }, time, pill('calm', 'ended'), h('p', {}, mount, ' ', h('span', { class: 'calm' }, sayOperation(data)))));
  }
  return changeRow(data, time, mount, isLast);
}

/** @param {string} tone @param {string} text */
const pill = (tone, text) => h('span', { class: 'pill', data: { tone } }, text);

/**
 * @param {Revision} entry
 * @param {HTMLElement} time
 * @param {HTMLElement} mount
 * @param {(entry: Revision) => boolean} isLast
 */
function changeRow(entry, time, mount, isLast) {
  const { revision, who, why, action } = entry;
  const id = unique('revision');
  const body = h('div', { class: 'event-body', id, hidden: true });
  const open = h('button', { type: 'button', class: 'small', 'aria-expanded': 'false', 'aria-controls': id, 'aria-label': `What revision ${revision} changed` }, `#${revision}`);
  open.addEventListener('click', () => {
    const isOpen = body.hidden;
    change(open, { 'aria-expanded': String(isOpen) });
    change(body, { hidden: !isOpen });
    fill(body, ...(isOpen ? bodyOf(entry, isLast) : []));
  });
  return h('li', { class: 'event' },
    h('div', { class: 'event-line' }, time, pill(toneOfAction(action), didOf(action)),
      h('p', {}, mount, h('span', { class: 'calm' }, inShort(entry)), h('span', { class: 'calm' }, ' by ', h('b', {}, who)), why && h('span', { class: 'event-why' }, why)),
      open),
    body);
}

/** The names of what is different, where the word for it does not say that. @param {Revision} entry */
function inShort({ action, before, after }) {
  if (!before || !after || !['replace', 'lease', 'restore'].includes(action)) return '';
  const names = differences(before, after).map(({ path }) => path);
  if (names.length === 0) return '';
  return `: ${names.slice(0, NAMED_MAX).join(', ')}${names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : ''}`;
}

/**
 * @param {Revision} entry
 * @param {(entry: Revision) => boolean} isLast
 */
function bodyOf(entry, isLast) {
  const { revision, before, after } = entry;
  const label = isLast(entry) ? 'Undo' : 'Undo this and all since';
  return [
    before && after ? whatDiffers(entry) : jsonView(before ?? after, `The mount that revision ${revision} ${before ? 'removed' : 'made'}`),
    mayUndo(entry) && h('button', { type: 'button', class: 'small', 'aria-label': `${label}, revision ${revision}`, onclick: () => restoreFrom(entry, 'before', label) }, label),
  ];
}

/** @param {Revision} entry */
function whatDiffers({ revision, before, after }) {
  const all = differences(before, after);
  return all.length === 0 ? h('p', { class: 'calm' }, 'Nothing of what is kept is different.')
    : diffTable(all, { label: `What revision ${revision} changed, member by member` });
}

/** @param {Revision} entry */
function mayUndo({ before, after }) {
  return [before, after].every((kept) => kept === null
    || session.whyNot(/** @type {any} */ ({ labels: kept.labels, fixed: false })) === null);
}
