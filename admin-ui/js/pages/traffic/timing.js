// Owns where the time of a request went: its parts, and how they are drawn.

/** @import { TrafficEntry } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { ms } from '../../core/format.js';

/** @typedef {{ name: 'queued' | 'connect' | 'waiting' | 'rest', label: string, ms: number | null }} Part null where there was none */

const BAR_MS_MIN = 0.1;
const BAR_MS_MAX = 60_000;

/**
 * The parts, one after the other; their sum is the total, to the microsecond.
 * @param {TrafficEntry['timing_ms']} timing
 * @returns {Part[]}
 */
export function partsOf({ queued, connect, first_byte: firstByte, total }) {
  const before = (queued ?? 0) + (connect ?? 0);
  const answered = firstByte === null ? null : Math.max(firstByte, before);
  return [
    { name: 'queued', label: 'Queued', ms: queued },
    { name: 'connect', label: 'Connect', ms: connect },
    { name: 'waiting', label: 'Waiting for first byte', ms: answered === null ? null : micro(answered - before) },
    { name: 'rest', label: answered === null ? 'Without an answer of the upstream' : 'Rest of the answer', ms: micro(Math.max(0, total - (answered ?? before))) },
  ];
}

/** To the microsecond, as the server tells it. @param {number} value */
export function micro(value) {
  return Math.round(value * 1000) / 1000;
}

/**
 * A bar whose length says how long it took, on a scale of powers of ten that
 * is the same for every request, and whose colours say where.
 * @param {TrafficEntry['timing_ms']} timing
 */
export function timingBar(timing) {
  const bar = h('span', { class: 'timing-bar', 'aria-hidden': 'true' });
  const powers = Math.log10(Math.min(Math.max(timing.total, BAR_MS_MIN), BAR_MS_MAX) / BAR_MS_MIN);
  bar.style.setProperty('--length', `${3 + 97 * (powers / Math.log10(BAR_MS_MAX / BAR_MS_MIN))}%`);
  let share = 0;
  for (const part of partsOf(timing)) {
    share += (part.ms ?? 0) / (timing.total || 1);
    bar.style.setProperty(`--${part.name}`, `${share * 100}%`);
  }
  return bar;
}

/**
 * The parts below each other, each where it began.
 * @param {TrafficEntry} entry
 */
export function timingTable({ timing_ms: timing, reused }) {
  const whole = timing.total || 1;
  let begun = 0;
  const rows = partsOf(timing).map(({ name, label, ms: took }) => {
    const bar = h('span', { class: 'timing-part', data: { part: name } });
    bar.style.setProperty('--from', `${Math.min(99, begun / whole * 100)}%`);
    bar.style.setProperty('--share', `${(took ?? 0) / whole * 100}%`);
    begun += took ?? 0;
    const none = name === 'connect' && reused ? 'reused' : 'none';
    return h('tr', {}, h('th', { scope: 'row' }, label), h('td', { class: 'timing-line' }, took !== null && bar),
      h('td', { class: 'number' }, took === null ? h('span', { class: 'calm' }, none) : ms(took)));
  });
  return h('table', { class: 'plain timing-table' }, h('caption', { class: 'unseen' }, 'Where its time went'),
    h('tbody', {}, rows,
      h('tr', { class: 'sum' }, h('th', { scope: 'row' }, 'Total'), h('td'), h('td', { class: 'number' }, ms(timing.total)))));
}
