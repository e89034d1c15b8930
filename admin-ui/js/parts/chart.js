// Owns a small chart of one number over the last minutes: made once, and fed
// with all its points again and again. Where there is no value the line breaks.

import { change, h, setText, svg } from '../core/dom.js';
import { duration } from '../core/format.js';

const WIDTH = 600;
const HEIGHT = 100;
const STROKE_ROOM = 2; // of the height, so that the highest value is not cut

/** @typedef {{ at: number, value: number | null }} Point a time in milliseconds and what was then, the oldest first */

/**
 * @typedef {object} Chart
 * @property {HTMLElement} node
 * @property {(points: readonly Point[], now: number) => void} show draws the points up to `now`
 */

/**
 * @param {object} about
 * @param {string} about.label what is drawn: its name for those who do not see it, and above it
 * @param {(value: number) => string} about.format how a value reads, with its unit
 * @param {number} [about.span_ms] how far back it goes
 * @param {number} [about.least] what the scale reaches at least, so that noise does not look like mountains
 * @param {number} [about.most] what no value can exceed
 * @param {'bad' | 'warn' | 'good' | 'calm'} [about.tone]
 * @returns {Chart}
 */
export function chart({ label, format, span_ms = 300_000, least = 1, most = Infinity, tone }) {
  const area = svg('path', { class: 'chart-area' });
  const line = svg('path', { class: 'chart-line' });
  const mark = svg('path', { class: 'chart-mark' });
  const picture = svg('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    svg('path', { class: 'chart-rule', d: `M0 ${STROKE_ROOM}H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}` }), area, line, mark);
  const top = h('span', {});
  const value = h('span', { class: 'chart-value' });
  const span = duration(span_ms / 1000).replace(/ 0 s$/, '');
  const node = h('figure', { class: 'chart', data: { tone } },
    h('figcaption', {}, h('span', {}, label), value),
    h('div', { class: 'chart-plot' }, picture, h('div', { class: 'chart-scale', 'aria-hidden': 'true' }, top, h('span', {}, '0'))),
    h('div', { class: 'chart-time', 'aria-hidden': 'true' }, h('span', {}, `${span} ago`), h('span', {}, 'now')));

  /** @type {readonly Point[]} */
  let seen = [];
  let end = 0;
  let said = 'nothing yet';
  /** @type {number | null} where the pointer is, as a share of the width */
  let pointed = null;

  const x = (/** @type {number} */ at) => WIDTH * (1 - (end - at) / span_ms);

  /** Says the value under the pointer, or else the last one. */
  const tellValue = () => {
    const at = pointed === null ? null : end - span_ms * (1 - pointed);
    const found = at === null ? null : nearest(seen, at);
    change(mark, { d: found ? `M${x(found.at).toFixed(1)} 0V${HEIGHT}` : null });
    if (!found) return setText(value, said);
    const ago = Math.round((end - found.at) / 1000);
    setText(value, `${found.value === null ? 'nothing' : format(found.value)}, ${ago === 0 ? 'now' : `${duration(ago)} ago`}`);
  };
  picture.addEventListener('pointermove', (event) => {
    const { left, width } = picture.getBoundingClientRect();
    pointed = (event.clientX - left) / width;
    tellValue();
  });
  picture.addEventListener('pointerleave', () => {
    pointed = null;
    tellValue();
  });

  return {
    node,
    show(points, now) {
      end = now;
      seen = points.filter(({ at }) => at >= now - span_ms && at <= now);
      const highest = Math.max(0, ...seen.map((point) => point.value ?? 0));
      const scale = Math.min(most, roundUp(Math.max(highest, least)));
      const y = (/** @type {number} */ of) => HEIGHT - (HEIGHT - STROKE_ROOM) * (of / scale);
      const runs = runsOf(seen).map((run) => run.map((point) => `${x(point.at).toFixed(1)} ${y(/** @type {number} */ (point.value)).toFixed(1)}`));
      const bounds = runsOf(seen).map((run) => [x(run[0].at).toFixed(1), x(run[run.length - 1].at).toFixed(1)]);
      // One value alone is a bar: a line of one point would not be seen.
      change(line, { d: runs.map((run, at) => `M${run.length === 1 ? `${bounds[at][0]} ${HEIGHT}L` : ''}${run.join('L')}`).join('') || null });
      change(area, { d: runs.map((run, at) => `M${bounds[at][0]} ${HEIGHT}L${run.join('L')}V${HEIGHT}Z`).join('') || null });
      setText(top, format(scale));
      const last = seen[seen.length - 1]?.value;
      if (runs.length === 0) said = 'nothing yet';
      else said = `${last === null ? 'nothing' : format(last)} now, ${format(highest)} at most`;
      change(picture, { 'aria-label': `${label}, last ${span}: ${said}` });
      tellValue();
    },
  };
}

/**
 * The parts without a gap.
 * @param {readonly Point[]} points
 * @returns {Point[][]}
 */
function runsOf(points) {
  /** @type {Point[][]} */
  const runs = [[]];
  for (const point of points) {
    if (point.value !== null) runs[runs.length - 1].push(point);
    else if (runs[runs.length - 1].length) runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

/**
 * @param {readonly Point[]} points
 * @param {number} at
 * @returns {Point | null}
 */
function nearest(points, at) {
  return points.reduce((/** @type {Point | null} */ best, point) => (
    best && Math.abs(best.at - at) <= Math.abs(point.at - at) ? best : point), null);
}

/** The next of 1, 2, 5, 10, 20 and so on. @param {number} value */
function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [1, 2, 5, 10].find((one) => one * power >= value * (1 - 1e-9)) ?? 10;
  return digit * power;
}
