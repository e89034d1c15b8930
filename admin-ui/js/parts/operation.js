// Owns the panels that tell what a change has left behind, requests and tunnels,
// until nothing of it is left. Those of what was done here stay while one works
// elsewhere; each stands once, in the page of its mount where that has a place.

/** @import { Mount, Operation } from '../../types.js' */

import { Problem, call, get, inWords } from '../core/api.js';
import { bound } from '../core/bound.js';
import { now } from '../core/clock.js';
import { h, setText } from '../core/dom.js';
import { duration } from '../core/format.js';
import { poll } from '../core/poll.js';
import { to } from '../core/router.js';
import * as session from '../core/session.js';
import { leftOf } from './act-dialog.js';
import { ask } from './dialog.js';
import { toast } from './toast.js';

const LOOK_MS = 500;
const AGAIN_MS = 100;
const REVISIONS_MAX = 8; // so many of a mount may have begun what is left

/** What ends all of a mount, so that draining it once more may cut that off. */
const EMPTIES = ['disable', 'drain', 'expire'];
/** @type {Record<string, string>} */
const DONE = { disable: 'disabled', drain: 'being drained', expire: 'ended by its lease', delete: 'deleted', restore: 'restored' };

/**
 * @typedef {object} Panel
 * @property {HTMLElement} node
 * @property {Operation} operation as it was told last
 * @property {boolean} own of what was done in this tab: goes on wherever one is
 * @property {AbortController} stop
 */

/** Those that are shown, by mount. @type {Map<string, Panel>} */
const shown = new Map();
/** Where panels stand instead of in the corner, by mount. @type {Map<string, HTMLElement>} */
const places = new Map();
/** Revisions whose panels were put away. @type {Set<number>} */
const hidden = new Set();
/** Mounts that are being looked at for what is left of them. @type {Set<string>} */
const looking = new Set();
/** What was found for mounts as they were then. @type {Map<string, { revision: number, found: number | null }>} */
const looked = new Map();

const area = h('section', { id: 'operations', 'aria-label': 'Still under way' });

/**
 * Shows what is left of a mount as it was before that revision, if anything is.
 * @param {number | null} revision
 * @param {string} id the mount
 * @returns {Promise<boolean>} whether anything was
 */
export async function follow(revision, id) {
  if (revision === null) return false;
  const first = await running(revision, id).catch(() => null);
  if (first) begin(first, id).own = true;
  return first !== null;
}

/**
 * Shows what is left of a mount whoever began that, until `signal` is aborted.
 * What was lost on the way is looked for with the next call.
 * @param {Mount} mount
 * @param {AbortSignal} signal
 * @returns {Promise<boolean>} whether it is shown from now on
 */
export async function followOf({ id, revision, state, generations }, signal) {
  if (looking.has(id) || (state !== 'draining' && generations.length === 0)) return false;
  const before = looked.get(id);
  const isHidden = (/** @type {number} */ found) => hidden.has(found) && !places.has(id);
  if (before?.revision === revision && (before.found === null || shown.get(id)?.operation.id === before.found || isHidden(before.found))) return false;
  looking.add(id);
  try {
    const first = await running(revision, id, signal) ?? await earlier(id, revision, signal);
    if (signal.aborted) return false;
    looked.set(id, { revision, found: first?.id ?? null });
    bound(looked);
    if (!first || isHidden(first.id)) return false;
    const panel = begin(first, id);
    signal.addEventListener('abort', () => { if (!panel.own) panel.stop.abort(); }, { signal: panel.stop.signal });
    return true;
  } catch {
    return false;
  } finally {
    looking.delete(id);
  }
}

/** What is left of a mount, as far as it is shown. @param {string} id */
export const leftBehind = (id) => shown.get(id)?.operation ?? null;

/**
 * Has the panel of a mount stand there until `signal` is aborted.
 * @param {string} id
 * @param {HTMLElement} place
 * @param {AbortSignal} signal
 */
export function standAt(id, place, signal) {
  const settleIt = () => {
    const panel = shown.get(id);
    if (panel) put(panel.node, id);
  };
  places.set(id, place);
  settleIt();
  signal.addEventListener('abort', () => {
    if (places.get(id) === place) places.delete(id);
    settleIt();
  });
}

/**
 * The operation of a revision, while it goes on.
 * @param {number} revision
 * @param {string} id the mount
 * @param {AbortSignal} [signal]
 */
async function running(revision, id, signal) {
  const operation = await get('getOperation', { path: { id: revision }, signal }).catch(unlessNone);
  return operation?.state === 'running' && operation.mount === id ? operation : null;
}

/**
 * The newest that goes on of those that began before.
 * @param {string} id
 * @param {number} revision
 * @param {AbortSignal} signal
 */
async function earlier(id, revision, signal) {
  const list = await get('listMountRevisions', { path: { id }, query: { limit: REVISIONS_MAX }, signal }).catch(unlessNone);
  for (const one of list?.revisions ?? []) {
    const operation = one.revision < revision ? await running(one.revision, id, signal) : null;
    if (operation) return operation;
  }
  return null;
}

/** That there is none is an answer; all else is none. @param {unknown} error @returns {null} */
function unlessNone(error) {
  if (error instanceof Problem && error.status === 404) return null;
  throw error;
}

/** @param {Operation} first @param {string} id @returns {Panel} */
function begin(first, id) {
  const before = shown.get(id);
  if (before && before.operation.id >= first.id) return before;
  const stop = new AbortController();
  const { node, show, fault } = make(first, id, stop);
  /** @type {Panel} */
  const panel = { node, operation: first, own: false, stop };
  before?.stop.abort(); // what is left of that is in this one, too
  shown.set(id, panel);
  stop.signal.addEventListener('abort', () => {
    if (shown.get(id) === panel) shown.delete(id);
    node.remove();
    settle();
  });
  show(first);
  put(node, id);
  poll(AGAIN_MS, stop.signal, async (signal) => {
    const operation = await get('getOperation', { path: { id: first.id }, query: { wait_ms: LOOK_MS }, signal });
    panel.operation = operation;
    if (operation.state === 'running') return show(operation);
    stop.abort();
    if (panel.own) toast(operation.cut ? `What was left of ${id} was cut off.` : `Nothing of ${id} as it was is under way any more.`);
  }, (error) => {
    if (error instanceof Problem && error.status < 500) stop.abort();
    else fault(error);
  });
  return panel;
}

/** In the place of the mount, or else in the corner. @param {HTMLElement} node @param {string} id */
function put(node, id) {
  (places.get(id) ?? area).append(node);
  settle();
}

/**
 * @param {Operation} operation
 * @param {string} id
 * @param {AbortController} stop
 */
function make({ id: revision, kind }, id, stop) {
  const left = h('p', { class: 'left' });
  const until = h('p', { class: 'hint' });
  /** @type {Operation} */
  let last;
  const empties = EMPTIES.includes(kind ?? '');
  const cut = empties && session.mayChange() && h('button', {
    type: 'button', class: 'small danger', onclick: () => cutOff(id, () => leftOf(last.requests, last.tunnels)),
  }, 'Cut off now');
  const node = h('div', { class: empties ? 'operation empties' : 'operation', role: 'group', 'aria-label': `What is left of ${id}` },
    h('p', { class: 'whose' }, h('a', { href: to(['mounts', id]) }, id), ` is ${DONE[kind ?? ''] ?? 'changed'}.`),
    left, until, cut,
    h('button', { type: 'button', class: 'quiet close', 'aria-label': `Hide what is left of ${id}`,
      onclick: () => {
        hidden.add(revision);
        bound(hidden);
        stop.abort();
      } }, '×'));
  return {
    node,
    show(/** @type {Operation} */ operation) {
      last = operation;
      setText(left, `${leftOf(operation.requests, operation.tunnels)} left`);
      setText(until, endOf(operation));
    },
    fault: (/** @type {unknown} */ error) => setText(until, `${inWords(error)} Trying again.`),
  };
}

/** How the rest ends. @param {Operation} operation */
function endOf(operation) {
  const how = cutOf(operation);
  return how === null ? 'May go on until it ends by itself.' : `${how[0].toUpperCase()}${how.slice(1)}.`;
}

/** How it is cut off; null where it may go on. @param {Pick<Operation, 'mode' | 'deadline_at'>} operation */
export function cutOf({ mode, deadline_at }) {
  if (mode === 'kill') return 'being cut off';
  if (deadline_at === null) return null;
  const seconds = Math.ceil((Date.parse(deadline_at) - now()) / 1000);
  return seconds > 0 ? `cut off in ${duration(seconds)}` : 'being cut off';
}

/**
 * Drains once more, with nothing left to finish; not where the mount answers again.
 * @param {string} id
 * @param {() => string} left
 */
function cutOff(id, left) {
  return ask({
    title: `Cut off what is left of ${id}?`,
    text: [h('p', {}, `Under way: ${left()}. Their clients see the connection break.`)],
    action: 'Cut off now',
    danger: true,
    run: async (signal) => {
      const { body, etag } = await call('getMount', { path: { id }, signal });
      if (body.enabled) throw new Error('The mount answers again. To cut off what is left, drain it.');
      // Before it is done: its end may be heard of before its answer.
      const panel = shown.get(id);
      if (panel) panel.own = true;
      await call('drainMount', { path: { id }, query: { mode: 'kill' }, headers: etag ? { 'If-Match': etag } : {}, signal });
    },
  });
}

/** Puts the panels on the page while there are any, with short messages above them. */
function settle() {
  if (area.childElementCount === 0) area.remove();
  else if (!area.isConnected) {
    document.body.append(area);
    sizes.observe(area);
  }
  if (!area.isConnected) document.body.style.removeProperty('--operations');
}

const sizes = new ResizeObserver(() => {
  if (area.isConnected) document.body.style.setProperty('--operations', `${area.offsetHeight}px`);
});
