// Owns the steps of a mount's life: which there are in which state, how they
// are asked for, done, and undone.

/** @import { Mount } from '../types.js' */
/** @import { Ending } from './parts/ending.js' */

import { Problem, call, get, inWords } from './core/api.js';
import { bound } from './core/bound.js';
import * as session from './core/session.js';
import { askAbout, isAsked } from './parts/act-dialog.js';
import { reasonOf } from './parts/ending.js';
import { follow } from './parts/operation.js';
import { toast } from './parts/toast.js';

/** @typedef {'enable' | 'disable' | 'pause' | 'resume' | 'drain' | 'restart' | 'delete'} Act */
/** @typedef {Ending & { signal?: AbortSignal, reason?: string, etag?: string }} More with an etag only if the mount is still that */
/** @typedef {{ revision: number | null, etag: string | null }} Done */

const CALLS = /** @type {const} */ ({
  enable: 'enableMount', disable: 'disableMount', pause: 'pauseMount', resume: 'resumeMount',
  drain: 'drainMount', restart: 'restartMount', delete: 'deleteMount',
});

/** What each state is left by, the likeliest first. @type {Record<import('../types.js').State, Act[]>} */
const ACTS = {
  starting: ['disable', 'drain', 'delete'],
  open: ['pause', 'disable', 'drain', 'restart', 'delete'],
  paused: ['resume', 'disable', 'drain', 'restart', 'delete'],
  draining: ['enable', 'drain', 'delete'],
  disabled: ['enable', 'delete'],
  restarting: ['restart', 'disable', 'drain', 'delete'],
  failed: ['restart', 'disable', 'drain', 'delete'],
  stopped: [],
};

/** @type {Record<Act, string>} */
const DONE = {
  enable: 'is enabled and answers again.',
  disable: 'is disabled. New requests are refused.',
  pause: 'is paused. Requests are held until it is resumed.',
  resume: 'is resumed. Held requests go on.',
  drain: 'takes no new requests.',
  restart: 'was restarted, with new connections to its upstream.',
  delete: 'is deleted.',
};

/**
 * What can be done with a mount as it is, with this token.
 * @param {Pick<Mount, 'state' | 'labels' | 'fixed'>} mount
 * @returns {Act[]}
 */
export const actsFor = (mount) => (session.whyNot(mount) === null ? [...ACTS[mount.state] ?? []] : []);

/** Whether it does anything in that state. @param {Act} act @param {import('../types.js').State} state */
export const counts = (act, state) => ACTS[state]?.includes(act) ?? true;

/** The word on its button. @param {Act} act */
export const labelOf = (act) => act[0].toUpperCase() + act.slice(1);

/**
 * Does it, without asking; for many at once.
 * @param {Act} act
 * @param {string} id
 * @param {More} [more] how what is under way ends counts for drain and delete
 * @returns {Promise<Done>}
 */
export async function perform(act, id, { signal, reason = '', mode, drain_ms, etag: only } = {}) {
  const why = reasonOf(reason);
  /** @type {any} */
  const query = act === 'drain' || act === 'delete' ? { mode, drain_ms } : undefined;
  const { revision, etag } = await call(CALLS[act], { path: { id }, query, headers: { ...(why ? { 'X-Reason': why } : {}), ...(only ? { 'If-Match': only } : {}) }, signal });
  return { revision, etag };
}

/**
 * Asks where it matters, does it, says what was done and offers to undo it.
 * @param {Act} act
 * @param {Mount} mount
 * @returns {Promise<boolean>} whether it was done
 */
export async function actOn(act, mount) {
  const { id } = mount;
  /** @type {Done} */
  let done = { revision: null, etag: null };
  const run = async (/** @type {More} */ more) => { done = await perform(act, id, more); };
  if (isAsked(act)) {
    if (!await askAbout(act, mount, run)) return false;
  } else {
    try {
      await run({});
    } catch (error) {
      toast(`${id}: ${inWords(error)}`, { tone: 'bad' });
      return false;
    }
  }
  const undo = undoOf(act, mount, done);
  say(id, DONE[act], undo);
  void follow(done.revision, id);
  return true;
}

/**
 * What was last said of each mount: once something else is done, it is not
 * true any more, and cannot be undone.
 * @type {Map<string, () => void>}
 */
const said = new Map();

/** Tells `done` when something was done to a mount here, or undone: what pages show of it is old. */
export const acted = new EventTarget();

/**
 * @param {string} id
 * @param {string} words
 * @param {(() => Promise<void>) | null} undo
 */
function say(id, words, undo) {
  acted.dispatchEvent(new Event('done'));
  said.get(id)?.();
  said.delete(id);
  said.set(id, toast(`${id} ${words}`, { action: undo ? { label: 'Undo', run: undo } : undefined }));
  bound(said);
}

/**
 * What gives back what was; null where nothing does, or nothing was changed.
 * @param {Act} act
 * @param {Mount} before
 * @param {Done} done
 * @returns {(() => Promise<void>) | null}
 */
function undoOf(act, before, { revision, etag }) {
  const { id } = before;
  if (act === 'delete') return revision === null ? null : () => restore(id, revision, { 'If-None-Match': '*' });
  // Where nothing was changed, the mount's revision is an older one, and perhaps somebody else's.
  if (etag === `"${before.revision}"` || etag !== `"${revision}"`) return null;
  const opposite = /** @type {Partial<Record<Act, Act>>} */ ({ enable: 'disable', pause: 'resume', resume: 'pause', disable: 'enable' })[act];
  if (!opposite || revision === null || etag === null) return null;
  return async () => {
    // Disabling has ended a pause, which enabling would not bring back.
    const { before: was } = await get('getRevision', { path: { revision } });
    if (act === 'disable' && was?.paused) return restore(id, revision, { 'If-Match': etag });
    await perform(opposite, id, { etag }).catch((error) => {
      throw error instanceof Problem && error.status === 412 ? new Error(`${id}: somebody has changed it since, so nothing was undone. See its history.`) : error;
    });
    say(id, DONE[opposite], null);
  };
}

/**
 * Makes a mount what a revision found, unless somebody has changed it since.
 * @param {string} id
 * @param {number} revision
 * @param {Record<string, string>} headers
 */
async function restore(id, revision, headers) {
  await call('restoreRevision', { path: { revision }, query: { to: 'before' }, headers });
  say(id, 'is as it was.', null);
}
