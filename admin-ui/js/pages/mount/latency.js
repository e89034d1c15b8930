// Owns the histogram of a mount's latency: bars on a logarithmic scale, where
// the quantiles lie, the same as a table, and what was counted since the page
// was opened.

/** @import { MountStats, Place } from '../../../types.js' */

/** @typedef {import('../../core/histogram.js').Bucket} Bucket */

import { change, h, keyed, setText, svg } from '../../core/dom.js';
import { NONE, count, ms, percent, plural } from '../../core/format.js';
import { gained, placeOf, quantile, slotOf, ticksOf, upTo } from '../../core/histogram.js';
import { note, to } from '../../core/router.js';
import { figure } from '../../parts/bits.js';

const MARKS = /** @type {const} */ (['p50', 'p90', 'p99']);
const SHARES = { p50: 0.5, p90: 0.9, p99: 0.99 };
const SLOTS_MIN = 12;

/** @param {Place} place */
export function latencyPart(place) {
  let fromOpening = place.query.get('latency') === 'opened';
  /** @type {MountStats | null} */
  let latest = null;
  /** @type {{ since: string | null, buckets: Bucket[] } | null} what had been counted when the page was opened */
  let before = null;

  const choice = (/** @type {string} */ name, /** @type {boolean} */ opened) => h('button', {
    type: 'button', class: 'small', 'aria-pressed': String(fromOpening === opened),
    onclick: () => {
      fromOpening = opened;
      note(to(place.parts, { latency: opened ? 'opened' : '' }));
      for (const [one, is] of /** @type {[HTMLElement, boolean][]} */ ([[whole, false], [part, true]])) change(one, { 'aria-pressed': String(fromOpening === is) });
      if (latest) draw(latest);
    },
  }, name);
  const whole = choice('Since start', false);
  const part = choice('Since you opened this page', true);
  const values = Object.fromEntries([...MARKS, 'mean', 'max'].map((name) => [name, h('span')]));
  const figures = h('dl', { class: 'figures four' }, figure('p50', values.p50), figure('p90', values.p90), figure('p99', values.p99));
  const further = h('p', { class: 'hint' });
  const chart = chartOf();
  const rows = h('tbody');
  const table = h('details', {}, h('summary', {}, 'As a table'), h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Latency as a table' },
    h('table', {}, h('thead', {}, h('tr', {}, h('th', { scope: 'col' }, 'Took less than'), h('th', { scope: 'col', class: 'number' }, 'Requests'), h('th', { scope: 'col', class: 'number' }, 'Up to here'))), rows)));
  const none = h('p', { class: 'calm' });
  const node = h('section', { class: 'panel latency', 'aria-label': 'Latency' },
    h('div', { class: 'panel-head' }, h('h2', {}, 'Latency'), h('div', { class: 'either', role: 'group', 'aria-label': 'What is counted' }, whole, part)),
    figures, chart.node, none, further, table);

  /** @param {MountStats} stats */
  const draw = ({ latency_ms: all }) => {
    const buckets = fromOpening && before ? gained(all.buckets, before.buckets) : all.buckets;
    const total = buckets.reduce((sum, bucket) => sum + bucket.count, 0);
    const marks = MARKS.map((name) => ({ name, at: fromOpening ? quantile(buckets, SHARES[name]) : all[name] }));
    for (const { name, at } of marks) setText(values[name], ms(at));
    setText(none, total > 0 ? '' : `No request has ended since ${fromOpening ? 'you opened this page' : 'the proxy was started'}; tunnels are left out.`);
    setText(further, total === 0 ? '' : fromOpening ? `${plural(total, 'request')}.`
      : `${plural(total, 'request')}. Mean ${ms(all.mean)}, p99.9 ${ms(all.p999)}, longest ${ms(all.max)}. Tunnels are left out.`);
    chart.node.hidden = table.hidden = total === 0;
    if (total === 0) return;
    chart.show(buckets, marks);
    keyed(rows, upTo(buckets), ({ below }) => String(below), () => h('tr', {}, h('th', { scope: 'row' }), h('td', { class: 'number' }), h('td', { class: 'number' })),
      (line, { below, count: n, sum }) => {
        const [time, here, until] = line.children;
        setText(time, below === null ? 'no end' : ms(below));
        setText(here, count(n));
        setText(until, percent(sum / total));
      });
  };
  return {
    node,
    /** @param {MountStats} stats */
    show(stats) {
      // A proxy that was started again counts anew.
      const { counting_since: since, latency_ms: { buckets } } = stats;
      if (before === null) before = { since, buckets };
      else if (before.since !== since) before = { since, buckets: [] };
      latest = stats;
      draw(stats);
    },
  };
}

function chartOf() {
  const bars = svg('svg', { class: 'bars', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  const lines = h('div', { class: 'marks', 'aria-hidden': 'true' });
  const axis = h('div', { class: 'ticks', 'aria-hidden': 'true' });
  const picture = h('div', { class: 'histogram', role: 'img' }, lines, bars, axis);
  return {
    node: picture,
    /** @param {Bucket[]} buckets @param {{ name: string, at: number | null }[]} marks */
    show(buckets, marks) {
      const slots = buckets.map(({ below }) => (below === null ? null : slotOf(below)));
      const known = slots.filter((slot) => slot !== null);
      const endless = slots.includes(null);
      let first = Math.min(...known, endless ? 67 : Infinity) - 1;
      let end = Math.max(...known, first) + (endless ? 3 : 2);
      for (let side = 0; end - first < SLOTS_MIN; side += 1) side % 2 === 0 ? end += 1 : first -= 1;
      const most = Math.max(...buckets.map((bucket) => bucket.count));
      change(bars, { viewBox: `0 0 ${end - first} 100` });
      keyed(bars, buckets, ({ below }) => String(below), () => svg('rect', { width: 0.84 }, svg('title')), (bar, { below, count: n }) => {
        const slot = below === null ? end - 2 : slotOf(below);
        // Even one of a million is to be seen.
        const height = Math.max(2, n * 100 / most);
        change(bar, { x: slot - first + 0.08, y: 100 - height, height });
        setText(/** @type {Node} */ (bar.firstChild), `${below === null ? 'longer' : `less than ${ms(below)}`}: ${plural(n, 'request')}`);
      });
      const across = (/** @type {HTMLElement} */ node, /** @type {number} */ at) => {
        const share = (placeOf(at) - first) / (end - first);
        node.style.setProperty('--at', String(Math.max(0, Math.min(1, share))));
        change(node, { data: { side: share > 0.8 ? 'end' : share < 0.06 ? 'start' : null } });
      };
      keyed(lines, marks.filter(({ at }) => at !== null), ({ name }) => name, ({ name }) => h('span', { class: `mark ${name}` }, h('span', {}, name)),
        (mark, { at }) => across(mark, Number(at)));
      keyed(axis, ticksOf(first, end), String, (at) => h('span', {}, at < 1000 ? `${Number(at.toPrecision(1))} ms` : `${at / 1000} s`), across);
      change(picture, { 'aria-label': `How long requests took, on a logarithmic scale: ${marks.map(({ name, at }) => `${name} ${at === null ? NONE : ms(at)}`).join(', ')}` });
    },
  };
}
