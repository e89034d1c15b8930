// Owns the numbers of the process itself: what it holds, and for how long it runs.

/** @import { ProcessStats } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { NONE, bytes, count, duration, moment, ms, plural } from '../../core/format.js';
import { liveFigure } from '../../parts/bits.js';

export function processPanel() {
  const clients = liveFigure('Client connections');
  const pool = liveFigure('Upstream pool');
  const memory = liveFigure('Resident memory');
  const descriptors = liveFigure('File descriptors');
  const store = liveFigure('Changes durable in');
  const uptime = liveFigure('Uptime');
  const version = liveFigure('Version');
  const figures = [clients, pool, memory, descriptors, store, uptime, version];
  return {
    node: h('section', { class: 'panel', 'aria-labelledby': 'process' }, h('h2', { id: 'process' }, 'Process'),
      h('dl', { class: 'figures' }, figures.map(({ node }) => node))),
    /** @param {ProcessStats} stats */
    show(stats) {
      const { open, max } = stats.file_descriptors;
      const { commits, latency_ms: took } = stats.journal;
      clients.show(count(stats.connections.open), `of ${count(stats.connections.max)}`);
      pool.show(count(stats.pool.open), `open, ${count(stats.pool.idle)} idle`);
      memory.show(stats.resident_bytes === null ? NONE : bytes(stats.resident_bytes));
      descriptors.show(open === null ? NONE : count(open), max === null ? '' : `of ${count(max)}`);
      store.show(ms(took.p50), commits === 0 ? 'none since the start' : `99% within ${ms(took.p99)}, ${plural(commits, 'commit')}`);
      uptime.show(duration(stats.uptime_s), `since ${moment(stats.started_at)}`);
      version.show(stats.version, `revision ${count(stats.revision)}`);
    },
  };
}
