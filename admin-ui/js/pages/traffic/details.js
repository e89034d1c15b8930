// Owns all that is known of one request.

/** @import { TrafficEntry } from '../../../types.js' */

import { h } from '../../core/dom.js';
import { bytes, moment } from '../../core/format.js';
import { to } from '../../core/router.js';
import { copyButton } from '../../parts/bits.js';
import { HIDDEN, curlOf, sentAgain, urlOf } from './har.js';
import { timingTable } from './timing.js';
import { sayEnd, toneOfStatus } from './words.js';

/**
 * @param {TrafficEntry} entry
 * @param {() => void} close
 */
export function detailsOf(entry, close) {
  const { status, upstream, reused, client } = entry;
  return [
    h('div', { class: 'details-head' },
      h('h2', {}, h('span', { class: 'request-method' }, entry.method), ' ', entry.target),
      h('button', { type: 'button', class: 'quiet close', 'aria-label': 'Close the details', onclick: close }, '×')),
    h('p', {}, h('b', { class: 'request-code', data: { tone: toneOfStatus(status) } }, status ?? 'No answer'), ' ', sayEnd(entry)),
    h('div', { class: 'details-acts' },
      h('a', { class: 'button small', href: explainOf(entry) }, 'Explain this request'),
      copyButton(() => curlOf(entry), 'Copy as curl')),
    !isWhole(entry) && h('p', { class: 'hint' }, `What is hidden is missing there: fields are left out, and ${HIDDEN} stands in the URL.`),
    timingTable(entry),
    h('dl', { class: 'request-facts' },
      fact('Upstream', upstream === null ? 'not reached' : `${upstream}, on ${reused ? 'a connection used before' : 'a new connection'}`),
      fact('Client', client ?? 'on a Unix socket'),
      fact('Request id', h('code', {}, entry.request_id)),
      fact('Begun', moment(entry.time)),
      fact('Content', `${bytes(entry.received_bytes)} received, ${bytes(entry.sent_bytes)} sent`)),
    fieldTable('Request headers', entry.request_headers),
    fieldTable('Response headers', entry.response_headers),
  ];
}

/** Whether nothing of what was asked is hidden. @param {TrafficEntry} entry */
const isWhole = ({ target, request_headers: fields }) => !target.includes(HIDDEN) && !fields.flat().some((text) => text.includes(HIDDEN));

/** Where the same request is explained. @param {TrafficEntry} entry */
function explainOf(entry) {
  const fields = sentAgain(entry).map(([name, value]) => ['header', `${name}: ${value}`]);
  return to(['explain'], new URLSearchParams([['method', entry.method], ['url', urlOf(entry)], ...fields]));
}

/** @param {string} name @param {Node | string} value */
function fact(name, value) {
  return h('div', {}, h('dt', {}, name), h('dd', {}, value));
}

/**
 * @param {string} name
 * @param {TrafficEntry['request_headers']} fields
 */
function fieldTable(name, fields) {
  const rows = fields.map(([field, value]) => (field === HIDDEN
    ? h('tr', {}, h('td', { colspan: 2, class: 'calm' }, `${value} that found no room`))
    : h('tr', {}, h('th', { scope: 'row' }, field), h('td', {}, valueOf(value)))));
  return h('section', {}, h('h3', {}, name),
    fields.length === 0 ? h('p', { class: 'calm' }, 'None.') : h('table', { class: 'plain request-fields' }, h('tbody', {}, rows)));
}

/** @param {string} value */
function valueOf(value) {
  if (value === HIDDEN) return [HIDDEN, ' ', h('em', {}, 'hidden by the server')];
  return value.includes(HIDDEN) ? [value, ' ', h('em', {}, 'in part hidden by the server')] : value;
}
