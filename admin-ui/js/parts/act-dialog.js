// Owns what is asked before a step of a mount's life that matters: which URLs
// it is about, what happens to requests under way, and why it is done.

/** @import { Mount } from '../../types.js' */
/** @import { Act } from '../acts.js' */
/** @import { Ending } from './ending.js' */

import { get } from '../core/api.js';
import { fill, h, setText } from '../core/dom.js';
import { matchOf, plural } from '../core/format.js';
import { poll } from '../core/poll.js';
import { ask } from './dialog.js';
import { endingField, reasonField } from './ending.js';

const LOOK_MS = 1000;

/** @typedef {Pick<Mount, 'in_flight' | 'tunnels' | 'held'>} UnderWay */

/** The acts that are asked about. @type {Partial<Record<Act, { action: string, danger: boolean, ends: boolean }>>} */
const ASKED = {
  disable: { action: 'Disable', danger: false, ends: false },
  drain: { action: 'Drain', danger: false, ends: true },
  restart: { action: 'Restart', danger: false, ends: false },
  delete: { action: 'Delete', danger: true, ends: true },
};

/** @param {Act} act */
export const isAsked = (act) => act in ASKED;

/**
 * Asks, and does it while the dialog is open.
 * @param {Act} act one that is asked about
 * @param {Mount} mount
 * @param {(said: Ending & { reason: string, signal: AbortSignal }) => Promise<unknown>} run
 * @returns {Promise<boolean>} whether it was done
 */
export async function askAbout(act, mount, run) {
  const about = ASKED[act];
  if (!about) throw new Error(`nobody is asked about ${act}`);
  const stop = new AbortController();
  const underWay = h('p', {}, wordsFor(act, mount));
  const ending = about.ends ? endingField() : null;
  const reason = reasonField();
  poll(LOOK_MS, stop.signal, async (signal) => {
    setText(underWay, wordsFor(act, await get('getMount', { path: { id: mount.id }, signal })));
  });
  try {
    return await ask({
      title: `${about.action} ${mount.id}?`,
      text: [urlsOf(act, mount, stop.signal), underWay, ending?.node, reason.node],
      action: about.action,
      danger: about.danger,
      run: async (signal) => run({ ...ending?.read(), reason: reason.read(), signal }),
    });
  } finally {
    stop.abort();
  }
}

/**
 * What becomes of its URLs.
 * @param {Act} act
 * @param {Mount} mount
 * @param {AbortSignal} signal
 */
function urlsOf(act, mount, signal) {
  const urls = [h('code', {}, matchOf(mount)), mount.match.host ? '' : ' on any host'];
  switch (act) {
    case 'restart': return h('p', {}, 'The mount begins anew with new connections to its upstream. No request to ', urls, ' is refused.');
    case 'delete': return h('p', {}, 'The mount is removed; Undo or its history brings it back. Requests to ', urls, ' ', heirOf(mount, signal));
    default: return h('p', {}, 'New requests to ', urls, ' are refused (503) until the mount is enabled again. No other mount answers them meanwhile.');
  }
}

/**
 * What becomes of requests under way.
 * @param {Act} act
 * @param {UnderWay} mount
 */
function wordsFor(act, mount) {
  const { in_flight, tunnels, held } = mount;
  const lines = [];
  if (in_flight + tunnels === 0) lines.push('Nothing is under way at this moment.');
  else {
    const one = in_flight + tunnels === 1;
    const then = { restart: ` ${one ? 'It finishes' : 'They finish'} on the old connections.`, disable: ` ${one ? 'It may' : 'They may'} finish.` };
    lines.push(`Under way: ${leftOf(in_flight, tunnels)}.${then[/** @type {'restart'} */ (act)] ?? ''}`);
  }
  if (held > 0 && act !== 'restart') lines.push(`${plural(held, 'request')} held now ${held === 1 ? 'is' : 'are'} refused.`);
  return lines.join(' ');
}

/**
 * Requests and tunnels in words.
 * @param {number} requests
 * @param {number} tunnels
 */
export function leftOf(requests, tunnels) {
  const both = [requests > 0 && plural(requests, 'request'), tunnels > 0 && plural(tunnels, 'tunnel')];
  return both.filter(Boolean).join(' and ') || 'nothing';
}

/**
 * Who answers its URLs when it is gone, as a dry run says.
 * @param {Mount} mount
 * @param {AbortSignal} signal
 */
function heirOf({ id }, signal) {
  const node = h('span', {}, 'are then answered by …');
  get('deleteMount', { path: { id }, query: { dry_run: true }, signal }).then(
    (tried) => {
      const to = /** @type {any} */ (tried)?.urls?.[0]?.to;
      if (to) fill(node, 'are then answered by ', h('strong', {}, to), '.');
      else setText(node, 'then get 404: no other mount answers them.');
    },
    () => setText(node, 'are then answered by somebody else or nobody; that could not be found out.'));
  return node;
}
