// Owns how many requests a mount had: in the last minute, by class of the
// status, and their bytes.

/** @import { MountStats } from '../../../types.js' */

import { change, h, keyed, setText, svg } from '../../core/dom.js';
import { bytes, count, percent, plural, rate, since } from '../../core/format.js';
import { figure } from '../../parts/bits.js';

/** @type {[keyof MountStats['requests'], string, string][]} */
const CLASSES = [['1xx', '1xx, switched to a tunnel', 'calm'], ['2xx', '2xx, good', 'good'], ['3xx', '3xx, elsewhere', 'calm'], ['4xx', '4xx, refused', 'warn'],
  ['5xx', '5xx, failed', 'bad'], ['none', 'none: the client had gone', 'idle']];

export function countsPart() {
  const [total, now, received, sent] = [h('span'), h('span'), h('span'), h('span')];
  const age = h('span', { class: 'calm' });
  const bars = svg('svg', { class: 'minute', viewBox: '0 0 60 100', preserveAspectRatio: 'none', role: 'img' });
  const peak = h('span');
  const rows = h('tbody');
  const node = h('section', { class: 'panel' }, h('div', { class: 'panel-head' }, h('h2', {}, 'Requests'), age),
    h('dl', { class: 'figures' }, figure('Requests', total), figure('Per second', now), figure('Received', received), figure('Sent', sent)),
    h('div', { class: 'minute-of' }, bars, h('p', { class: 'hint axis' }, h('span', {}, '1 min ago'), peak, h('span', {}, 'now'))),
    h('table', { class: 'plain classes' }, h('caption', { class: 'unseen' }, 'Requests by class of the status'),
      h('thead', { class: 'unseen' }, h('tr', {}, ['Status', 'Share', 'Requests'].map((name) => h('th', { scope: 'col' }, name)))), rows));
  return {
    node,
    /** @param {MountStats} stats */
    show({ requests, requests_per_s: perS, requests_by_second: seconds, received_bytes, sent_bytes, counting_since }) {
      setText(age, counting_since ? `since ${since(counting_since)} ago` : 'none since the proxy was started');
      setText(total, count(requests.total));
      setText(now, rate(perS.over_10_s));
      setText(received, bytes(received_bytes));
      setText(sent, bytes(sent_bytes));
      const most = Math.max(...seconds, 1);
      keyed(bars, seconds.map((n, at) => ({ n, at })), ({ at }) => String(at), ({ at }) => svg('rect', { x: at + 0.1, width: 0.8 }),
        (bar, { n }) => change(bar, { y: 100 - n * 100 / most, height: n * 100 / most }));
      const sum = seconds.reduce((one, other) => one + other, 0);
      change(bars, { 'aria-label': `Requests in each of the last 60 seconds: ${count(sum)} in all, at most ${count(Math.max(...seconds))} in one` });
      setText(peak, `at most ${count(Math.max(...seconds))} a second`);
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
