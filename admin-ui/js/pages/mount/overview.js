// Owns the tab "Overview" of a mount: which parts there are, and the clock that
// lets their times go on between answers.

/** @import { Mount, MountStats, Place } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { budgetsPart } from './budgets.js';
import { countsPart } from './counts.js';
import { errorsPart } from './errors.js';
import { flowPart } from './flow.js';
import { latencyPart } from './latency.js';
import { lifePart } from './life.js';

const TICK_MS = 1000;

/**
 * @param {Place} place
 * @param {string} id
 * @param {AbortSignal} signal
 */
export function overviewView(place, id, signal) {
  const [flow, life, budgets, latency, counts, errors] = [flowPart(), lifePart(id, signal), budgetsPart(), latencyPart(place), countsPart(), errorsPart()];
  const node = h('div', { class: 'mount-overview' }, flow.node,
    h('div', { class: 'grid' }, life.node, budgets.node), h('div', { class: 'grid' }, latency.node, counts.node), errors.node);
  let tick = () => {};
  const clock = setInterval(() => tick(), TICK_MS);
  signal.addEventListener('abort', () => clearInterval(clock));
  return {
    node,
    /** @param {Mount} mount @param {MountStats | null} stats */
    show(mount, stats) {
      if (!stats) return;
      flow.show(mount, stats);
      budgets.show(mount, stats);
      latency.show(stats);
      counts.show(stats);
      tick = () => {
        life.show(mount);
        errors.show(mount, stats);
      };
      tick();
    },
  };
}
