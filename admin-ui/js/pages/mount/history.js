// Owns what was done to a mount: each change with what it changed, live, the
// newest first.

/** @import { Revision } from '../../../types.js' */

import { Problem, follow as followPage, get, inWords } from '../../core/api.js';
import { differences, same } from '../../core/diff.js';
import { fill, h, keyed, setText } from '../../core/dom.js';
import { matchOf, moment, plural, upstreamOf } from '../../core/format.js';
import { wait } from '../../core/poll.js';
import * as session from '../../core/session.js';
import { watch } from '../../core/stream.js';
import { diffTable, empty, failure, jsonView, loading, when } from '../../parts/bits.js';
import { restoreFrom } from '../../parts/restore.js';

const PAGE = 20;
const SHOWN_MAX = 12; // as many members are shown at once
const AGAIN_MS = 2000;

/** @typedef {Revision['after']} Kept */

/** @type {Record<Revision['action'], string>} */
const DID = {
  create: 'Created', replace: 'Changed', delete: 'Deleted', pause: 'Paused', resume: 'Resumed', enable: 'Enabled', disable: 'Disabled',
  drain: 'Drained', restart: 'Restarted', expire: 'Lease ran out', lease: 'Lease changed', restore: 'Restored',
};

/**
 * @param {string} id the mount, which need not be there any more
 * @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function historyView(id, signal) {
  const list = h('ol', { class: 'revisions' });
  const older = h('button', { type: 'button', onclick: () => more() }, 'Older changes');
  const end = h('p', { class: 'hint' });
  const fault = h('p', { class: 'fault', role: 'alert' });
  const node = h('section', { class: 'history', 'aria-label': 'History' }, loading('Reading the history…'));
  /** @type {Revision[]} newest first */
  let revisions = [];
  /** @type {string | null} */
  let next = null;
  let oldest = 1;

  const show = () => {
    const [newest] = revisions;
    keyed(list, revisions, ({ revision }) => String(revision), (entry) => revisionNode(entry), (item, entry) => offer(item, entry, newest));
    older.hidden = next === null;
    const first = revisions.at(-1);
    setText(end, next === null && first && first.before !== null && oldest > 1 ? `The journal begins with revision ${oldest}; what was before is not kept.` : '');
    if (revisions.length === 0) {
      fill(node, empty('No changes are kept', h('p', {}, 'A mount of the command line or of a file is changed there, and each start makes it anew.')));
    } else if (!node.contains(list)) fill(node, list, fault, h('p', { class: 'older' }, older), end);
  };
  const more = async () => {
    if (next === null) return;
    older.disabled = true;
    setText(fault, '');
    try {
      const page = await followPage('listMountRevisions', next, signal);
      revisions = [...revisions, ...page.revisions];
      next = page.next;
      show();
    } catch (error) {
      if (!signal.aborted) setText(fault, inWords(error));
    } finally {
      older.disabled = false;
    }
  };
  const start = async () => {
    /** @type {number} */
    let known;
    try {
      const page = await get('listMountRevisions', { path: { id }, query: { limit: PAGE }, signal });
      ({ revisions, next, oldest } = page);
      known = page.revision;
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status === 404) fill(node, empty('There is no such mount', h('p', {}, 'Nothing is known of it.')));
      else fill(node, failure(inWords(error), () => void start()));
      return;
    }
    setText(fault, '');
    show();
    await watch(`/v1/events?mount=${encodeURIComponent(id)}`, { signal, since: String(known), event: take, live: (_, problem) => problem && setText(fault, inWords(problem)) });
    if (signal.aborted) return;
    await wait(AGAIN_MS, signal); // the stream cannot go on from there: begin anew
    if (!signal.aborted) await start();
  };
  const take = (/** @type {{ type: string, data: any }} */ { data }) => {
    if (data?.revision === undefined || data.after === undefined || data.mount !== id) return; // not a change
    if (revisions.some(({ revision }) => revision >= data.revision)) return;
    revisions = [data, ...revisions];
    show();
  };
  void start();
  return node;
}

/**
 * One change.
 * @param {Revision} entry
 */
function revisionNode({ revision, at, who, why, action, before, after }) {
  return h('li', { class: 'revision' },
    h('div', { class: 'revision-head' },
      h('h2', {}, DID[action] ?? action),
      h('p', { class: 'calm' }, when(at, moment(at)), ' by ', h('strong', {}, who), ` · revision ${revision}`),
      h('div', { class: 'actions' })),
    why && h('p', { class: 'why' }, why),
    whatChanged(before, after, revision));
}

/**
 * @param {Kept} before
 * @param {Kept} after
 * @param {number} revision
 */
function whatChanged(before, after, revision) {
  const there = before && after;
  if (!there) {
    const whole = before ?? after;
    return whole && h('details', {}, h('summary', {}, inShort(whole)), jsonView(whole, `The whole mount, revision ${revision}`));
  }
  const all = differences(before, after);
  if (all.length === 0) return h('p', { class: 'calm' }, 'Nothing of what is kept is different.');
  const table = diffTable(all, { label: `What revision ${revision} changed` });
  return all.length <= SHOWN_MAX ? table : h('details', {}, h('summary', {}, `${plural(all.length, 'member')} differ`), table);
}

/** A whole mount on one line. @param {NonNullable<Kept>} kept */
function inShort(kept) {
  const mount = /** @type {any} */ (kept); // of long ago, perhaps, and without what all have now
  return mount.match ? `${matchOf(mount)} → ${upstreamOf(mount)}` : mount.kind;
}

/**
 * What can be taken back: not what is so already, nor what the token may not touch.
 * @param {HTMLElement} item
 * @param {Revision} entry
 * @param {Revision} newest
 */
function offer(item, entry, newest) {
  const actions = /** @type {HTMLElement} */ (item.querySelector('.actions'));
  const isNewest = entry === newest;
  const mayBe = (/** @type {Kept} */ kept) => !same(kept, newest.after) && [kept, newest.after].every((one) => one === null
    || session.whyNot(/** @type {any} */ ({ labels: one.labels, fixed: false })) === null);
  const choices = [
    mayBe(entry.before) && { to: /** @type {const} */ ('before'), label: isNewest ? 'Undo this change' : 'Undo this and all since' },
    mayBe(entry.after) && { to: /** @type {const} */ ('after'), label: 'Go back to this' },
  ].filter((choice) => choice !== false);
  keyed(actions, choices, ({ to, label }) => `${to} ${label}`, ({ to, label }) => h('button', {
    type: 'button', class: isNewest ? 'small' : 'small quiet', 'aria-label': `${label}, revision ${entry.revision}`, onclick: () => restoreFrom(entry, to, label),
  }, label));
}
