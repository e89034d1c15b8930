// Owns the panels that tell what a change has left behind, requests and tunnels,
// until nothing of it is left. They stay while one works elsewhere.

/** @import { Operation } from '../../types.js' */

import { Problem, call, get, inWords } from '../core/api.js';
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

/** What ends all of a mount, so that draining it once more may cut that off. */
const EMPTIES = ['disable', 'drain', 'expire'];
/** @type {Record<string, string>} */
const DONE = { disable: 'disabled', drain: 'being drained', expire: 'ended by its lease', delete: 'deleted', restore: 'restored' };

/** Those that are shown, by mount. @type {Map<string, AbortController>} */
const shown = new Map();

const area = h('section', { id: 'operations', 'aria-label': 'Still under way' });

/**
 * Shows what is left of a mount as it was before that revision, if anything is.
 * @param {number | null} revision
 * @param {string} id the mount
 * @returns {Promise<boolean>} whether anything was
 */
export async function follow(revision, id) {
  if (revision === null) return false;
  const path = { id: revision };
  const first = await get('getOperation', { path }).catch(() => null);
  if (first?.state !== 'running' || first.mount !== id) return false;
  const stop = new AbortController();
  shown.get(id)?.abort(); // what is left of that is in this one, too
  shown.set(id, stop);
  const panel = make(first, id, stop);
  panel.show(first);
  poll(AGAIN_MS, stop.signal, async (signal) => {
    const operation = await get('getOperation', { path, query: { wait_ms: LOOK_MS }, signal });
    if (operation.state === 'running') return panel.show(operation);
    stop.abort();
    toast(operation.cut ? `What was left of ${id} was cut off.` : `Nothing of ${id} as it was is under way any more.`);
  }, (error) => {
    if (error instanceof Problem && error.status < 500) stop.abort();
    else panel.fault(error);
  });
  return true;
}

/**
 * @param {Operation} operation
 * @param {string} id
 * @param {AbortController} stop
 */
function make({ kind }, id, stop) {
  const left = h('p', { class: 'left' });
  const until = h('p', { class: 'hint' });
  /** @type {Operation} */
  let last;
  const cut = kind && EMPTIES.includes(kind) && session.mayChange()
    && h('button', { type: 'button', class: 'small danger', onclick: () => cutOff(id, () => leftOf(last.requests, last.tunnels)) }, 'Cut off now');
  const node = h('div', { class: 'operation', role: 'group', 'aria-label': `What is left of ${id}` },
    h('p', {}, h('a', { href: to(['mounts', id]) }, id), ` is ${DONE[kind ?? ''] ?? 'changed'}.`),
    left, until, cut,
    h('button', { type: 'button', class: 'quiet close', 'aria-label': `Hide what is left of ${id}`, onclick: () => stop.abort() }, '×'));
  stop.signal.addEventListener('abort', () => {
    node.remove();
    if (shown.get(id) === stop) shown.delete(id);
    settle();
  });
  area.append(node);
  settle();
  return {
    show(/** @type {Operation} */ operation) {
      last = operation;
      setText(left, `${leftOf(operation.requests, operation.tunnels)} left`);
      setText(until, endOf(operation));
    },
    fault: (/** @type {unknown} */ error) => setText(until, `${inWords(error)} Trying again.`),
  };
}

/** How the rest ends. @param {Operation} operation */
function endOf({ mode, deadline_at }) {
  if (mode === 'kill') return 'Being cut off.';
  if (deadline_at === null) return 'May go on until it ends by itself.';
  const seconds = Math.ceil((Date.parse(deadline_at) - Date.now()) / 1000);
  return seconds > 0 ? `Cut off in ${duration(seconds)}.` : 'Being cut off.';
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
