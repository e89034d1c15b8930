// Owns the four charts of the overview, and the numbers that stand above them.

/** @import { ProcessStats } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { NONE, count, duration, ms, percent, rate } from '../../core/format.js';
import * as samples from '../../core/samples.js';
import { liveFigure } from '../../parts/bits.js';
import { chart } from '../../parts/chart.js';

const MINUTE_S = 60;

export function trafficPanels() {
  const rateFigure = liveFigure('Requests/s');
  const ended = liveFigure('Requests');
  const p99 = liveFigure('p99');
  const p50 = liveFigure('p50');
  const share = liveFigure('5xx');
  const errors = liveFigure('Errors');
  const inFlight = liveFigure('In flight');
  const tunnels = liveFigure('Open tunnels');

  const rates = chart({ label: 'Requests per second', format: rate });
  const latencies = chart({ label: 'p99 latency', format: ms, tone: 'calm' });
  const shares = chart({ label: '5xx share', format: percent, least: 0.01, most: 1, tone: 'bad' });
  const flights = chart({ label: 'Requests in flight', format: count, least: 5 });
  const panels = [
    panel([rateFigure, ended], rates), panel([p99, p50], latencies), panel([share, errors], shares), panel([inFlight, tunnels], flights)];

  return {
    node: h('section', { class: 'grid traffic', 'aria-label': 'Traffic' }, panels),
    /** @param {ProcessStats} stats */
    show(stats) {
      const minute = samples.lastMinute();
      const span = minute ? spanOf(minute.seconds) : 'since the start';
      const { over_10_s, over_60_s } = stats.requests_per_s;
      rateFigure.show(rate(over_10_s), 'over 10 s');
      const { total } = stats.requests;
      if (stats.uptime_s <= MINUTE_S) ended.show(count(total), `since the start, ${duration(stats.uptime_s)} ago`);
      else ended.show(count(Math.min(total, Math.round(over_60_s * MINUTE_S))), `in the last minute, ${count(total)} since the start`);
      const latency = minute ?? stats.latency_ms;
      const requests = minute?.requests ?? stats.requests.total;
      p99.show(ms(latency.p99), latency.p99 === null ? `${requests === 0 ? 'no requests' : 'only tunnels'} ${span}` : span);
      p50.show(ms(latency.p50), latency.p50 === null ? '' : span);
      const failed = minute?.failed ?? stats.requests['5xx'];
      share.show(requests === 0 ? NONE : percent(failed / requests),
        requests === 0 ? `no requests ${span}` : `${count(failed)} of ${count(requests)} ${span}`);
      errors.show(count(minute?.errors ?? stats.errors), minute ? `${span}, ${count(stats.errors)} since the start` : span);
      inFlight.show(count(stats.in_flight));
      tunnels.show(count(stats.tunnels));
      draw(rates, samples.perSecond());
      draw(latencies, samples.series('p99'));
      draw(shares, samples.series('share'));
      draw(flights, samples.series('inFlight'));
    },
  };
}

/** @param {number} seconds */
const spanOf = (seconds) => (seconds >= 55 ? 'in the last minute' : `in the last ${Math.max(1, seconds)} s`);

/** @param {import('../../parts/chart.js').Chart} into @param {{ points: import('../../parts/chart.js').Point[], now: number }} series */
const draw = (into, { points, now }) => into.show(points, now);

/** @param {{ node: HTMLElement }[]} figures @param {{ node: HTMLElement }} drawn */
function panel(figures, drawn) {
  return h('div', { class: 'panel' }, h('dl', { class: 'figures' }, figures.map(({ node }) => node)), drawn.node);
}
