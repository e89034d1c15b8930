// Owns how much of its budgets a mount uses, and its limits on times.

/** @import { Mount, MountStats } from '../../../types.js' */

/** @typedef {{ name: string, use?: number, max?: number, says: string }} Budget without `max` there is nothing to fill */

import { change, h, keyed, setText } from '../../core/dom.js';
import { bytes, count, percent, rate } from '../../core/format.js';
import { TIMEOUT_NAMES, span } from './policies.js';

const NEARLY = 0.8;

export function budgetsPart() {
  const rows = h('ul', { class: 'budgets' });
  const times = h('dl', { class: 'times' });
  const node = h('section', { class: 'panel' }, h('h2', {}, 'Budgets'), rows, h('h3', {}, 'Time limits'), times);
  return {
    node,
    /** @param {Mount} mount @param {MountStats} stats */
    show(mount, stats) {
      keyed(rows, budgetsOf(mount, stats), ({ name }) => name, row, showRow);
      keyed(times, Object.entries(TIMEOUT_NAMES), ([name]) => name, ([, words]) => h('div', {}, h('dt', {}, words), h('dd')),
        (pair, [name]) => setText(/** @type {Node} */ (pair.lastChild), span(mount.timeouts[/** @type {keyof typeof TIMEOUT_NAMES} */ (name)])));
    },
  };
}

/**
 * @param {Mount} mount
 * @param {MountStats} stats
 * @returns {Budget[]}
 */
function budgetsOf({ limits, in_flight, held, tunnels, state }, stats) {
  const requests = limits.concurrent_requests_max ?? 0;
  const queue = limits.queue_max ?? 0;
  const upgrades = limits.tunnels_max ?? 0;
  const perS = limits.requests_per_s_max ?? null;
  const now = stats.requests_per_s.over_1_s;
  const floor = limits.client_bytes_per_s_min ?? 0;
  const content = limits.request_body_bytes_max ?? null;
  // While it is paused, requests are held for another reason than want of room.
  const waiting = state === 'paused' ? 0 : held;
  return [
    requests === 0 ? { name: 'Requests at a time', says: 'none are let in' }
      : { name: 'Requests at a time', use: in_flight, max: requests, says: `${count(in_flight)} of ${count(requests)}` },
    queue === 0 ? { name: 'Queue', says: 'none: further requests are refused' }
      : { name: 'Queue', use: waiting, max: queue, says: `${count(waiting)} of ${count(queue)}, for ${span(limits.queue_wait_ms_max)} at most` },
    upgrades === 0 ? { name: 'Tunnels', says: 'none: upgrades are refused' }
      : { name: 'Tunnels', use: tunnels, max: upgrades, says: `${count(tunnels)} of ${count(upgrades)}` },
    perS === null ? { name: 'Requests a second', says: `${rate(now)}, unlimited` }
      : { name: 'Requests a second', use: now, max: perS, says: `${rate(now)} of ${count(perS)}` },
    { name: 'Content of a request', says: content === null ? 'unlimited' : `${bytes(content)} at most` },
    { name: 'Slowest client', says: floor === 0 ? 'unlimited' : `${bytes(floor)}/s at least` },
  ];
}

/** @param {Budget} budget */
function row({ name }) {
  return h('li', {}, h('span', { class: 'name' }, name), h('span', { class: 'says' }),
    h('span', { class: 'meter', role: 'meter', 'aria-label': name, 'aria-valuemin': 0 }, h('span')));
}

/** @param {HTMLElement} node @param {Budget} budget */
function showRow(node, { use, max, says }) {
  const [, text, meter] = /** @type {HTMLElement[]} */ ([...node.children]);
  const metered = use !== undefined && max !== undefined;
  const share = metered ? Math.min(1, use / max) : 0;
  const word = !metered || share < NEARLY ? '' : share < 1 ? ' (nearly all)' : ' (all)';
  setText(text, says + word);
  meter.hidden = !metered;
  if (!metered) return;
  change(meter, { 'aria-valuenow': Math.min(use, max), 'aria-valuemax': max, 'aria-valuetext': `${says}, ${percent(share)}`,
    data: { tone: share === 1 ? 'bad' : share >= NEARLY ? 'warn' : null } });
  /** @type {HTMLElement} */ (meter.firstElementChild).style.setProperty('--use', String(share));
}
