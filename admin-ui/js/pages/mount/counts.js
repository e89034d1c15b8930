// Owns how many requests a mount had: in the last minute, by class of the
// status, and their bytes.

/** @import { MountStats } from '../../../types.js' */

import { h, keyed, setText } from '../../core/dom.js';
import { bytes, count, percent, plural, rate, since } from '../../core/format.js';
import { figure } from '../../parts/bits.js';
import { chart } from '../../parts/chart.js';

const MINUTE_MS = 60_000;

/** @type {[keyof MountStats['requests'], string, string][]} */
const CLASSES = [['1xx', '1xx', 'calm'], ['2xx', '2xx', 'good'], ['3xx', '3xx', 'calm'], ['4xx', '4xx', 'warn'], ['5xx', '5xx', 'bad'], ['none', 'No answer', 'idle']];

export function countsPart() {
  const [total, now, received, sent] = [h('span'), h('span'), h('span'), h('span')];
  const age = h('span', { class: 'calm' });
  const minute = chart({ label: 'Requests a second', format: rate, span_ms: MINUTE_MS });
  const rows = h('tbody');
  const node = h('section', { class: 'panel' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Requests'), age),
    h('dl', { class: 'figures four' }, figure('Requests', total), figure('Per second', now), figure('Received', received), figure('Sent', sent)),
    minute.node,
    h('table', { class: 'plain classes' }, h('caption', { class: 'unseen' }, 'Requests by class of the status'),
      h('thead', { class: 'unseen' }, h('tr', {}, ['Status', 'Share', 'Requests'].map((name) => h('th', { scope: 'col' }, name)))), rows));
  return {
    node,
    /** @param {MountStats} stats */
    show({ requests, requests_per_s: perS, requests_by_second: seconds, received_bytes, sent_bytes, counting_since }) {
      setText(age, counting_since ? `counted for ${since(counting_since)}` : 'none since the proxy was started');
      setText(total, count(requests.total));
      setText(now, rate(perS.over_10_s));
      setText(received, bytes(received_bytes));
      setText(sent, bytes(sent_bytes));
      // The last of the seconds is the last whole one.
      const end = Date.now();
      minute.show(seconds.map((value, at) => ({ at: end - (seconds.length - 1 - at) * 1000, value })), end);
      keyed(rows, CLASSES.filter(([name]) => requests[name] > 0), ([name]) => name,
        ([, words, tone]) => h('tr', {}, h('th', { scope: 'row' }, words), h('td', {}, h('span', { class: 'meter', data: { tone } }, h('span')), h('span', { class: 'share' })), h('td', { class: 'number' })),
        (line, [name]) => {
          const share = requests[name] / requests.total;
          const [, bar, number] = line.children;
          /** @type {HTMLElement} */ (bar.querySelector('.meter > span')).style.setProperty('--use', String(share));
          setText(/** @type {Node} */ (bar.lastChild), percent(share));
          setText(number, plural(requests[name], 'request'));
        });
    },
  };
}
