// Owns the live traffic of a mount: requests as they end, the newest first,
// with what is known of the one that is chosen.

/** @import { Item } from './traffic/kept.js' */
/** @import { Wanted } from './traffic/filters.js' */

import { get, inWords, queryOf } from '../core/api.js';
import { change, fill, h, setText } from '../core/dom.js';
import { clock, count, matchOf, plural } from '../core/format.js';
import { painter } from '../core/paint.js';
import { here, note, to } from '../core/router.js';
import { watch } from '../core/stream.js';
import { download, failure } from '../parts/bits.js';
import { contactLine } from '../parts/contact.js';
import { detailsOf } from './traffic/details.js';
import { filterFields, soundOf, wantedOf, wants } from './traffic/filters.js';
import { harOf } from './traffic/har.js';
import { KEPT_MAX, Kept } from './traffic/kept.js';
import { requestList } from './traffic/list.js';

/**
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {HTMLElement}
 */
export function trafficView(id, signal) {
  const kept = new Kept();
  const first = wantedOf(here().query);
  let wanted = soundOf(first);
  /** @type {import('../parts/contact.js').Contact} */
  let contact = 'connecting';
  /** @type {Item | null} */
  let chosen = null;
  let lostAt = '';
  let gap = '';
  let asking = new AbortController();

  const head = contactLine({
    live: 'Requests appear as they end.',
    paused: 'The list is held; the mount is not. What comes is shown when you resume.',
    lost: 'No connection. Trying again; requests that end meanwhile are not seen.',
  });
  const counts = h('p', { class: 'hint' });
  const fault = h('div', {});
  const pause = h('button', { type: 'button', onclick: () => setPause(!kept.isPaused) }, 'Pause list');
  const clear = h('button', { type: 'button', onclick: () => { kept.clear(); gap = ''; draw(); } }, 'Clear');
  const har = h('button', { type: 'button', onclick: () => void exportHar() }, 'Export as HAR');
  const waiting = h('div', { class: 'panel empty' });
  const list = requestList((item) => choose(item));
  const details = h('section', { class: 'panel request-details', 'aria-label': 'Details of the request', hidden: true });
  const both = h('div', { class: 'traffic-both' }, list.node, details);

  details.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') choose(null);
  });

  /** @param {Item | null} item */
  function choose(item) {
    const left = chosen;
    chosen = item;
    list.mark(item?.key ?? '');
    change(details, { hidden: item === null });
    change(both, { data: { open: item !== null } });
    fill(details, ...(item ? detailsOf(item.entry, () => choose(null)) : []));
    if (item) details.scrollTop = 0;
    else if (left) list.focus(left.key);
    draw();
    // Where the details are below the list, they would be out of sight.
    if (item && details.offsetTop > list.node.offsetTop + 50) details.scrollIntoView({ block: 'nearest' });
  }

  /** @param {boolean} isPaused */
  function setPause(isPaused) {
    kept.pause(isPaused);
    setText(pause, isPaused ? 'Resume list' : 'Pause list');
    draw();
  }

  async function exportHar() {
    const { version } = await get('getStats', { signal }).catch(() => ({ version: '' }));
    const name = `${id}-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.har`;
    download(name, JSON.stringify(harOf(kept.items.map(({ entry }) => entry), version), null, 1), 'application/json');
  }

  function draw() {
    kept.settle();
    list.show(kept.items);
    change(both, { hidden: kept.items.length === 0 && chosen === null });
    change(waiting, { hidden: kept.items.length > 0 || chosen !== null || contact === 'ended' });
    for (const button of [clear, har]) change(button, { disabled: kept.items.length === 0 });
    head.show(contact, kept.isPaused);
    setText(counts, [
      kept.items.length > 0 && `${plural(kept.items.length, 'request')} shown.`,
      kept.waiting > 0 && `${count(kept.waiting)} came since it was paused${kept.waiting > KEPT_MAX ? `, the last ${KEPT_MAX} of which are kept` : ''}.`,
      kept.gone > 0 && `${plural(kept.gone, 'older one')} went: the last ${KEPT_MAX} are kept.`,
      kept.dropped > 0 && `${count(kept.dropped)} were not sent: they came faster than this page reads.`,
      gap,
    ].filter(Boolean).join(' '));
  }
  const paint = painter(signal, draw);

  /** Watches with the filters as they are now. */
  function open() {
    asking.abort();
    asking = new AbortController();
    contact = 'connecting';
    fill(fault);
    const { sample, ...others } = wanted;
    const query = queryOf({ ...others, sample });
    void watch(`/v1/mounts/${encodeURIComponent(id)}/traffic${query && `?${query}`}`, {
      signal: AbortSignal.any([signal, asking.signal]),
      event: ({ type, data }) => {
        if (type === 'request') kept.take(data);
        else if (type === 'dropped') kept.dropped += data.count;
        paint();
      },
      live: (isLive, problem) => {
        const now = new Date().toISOString();
        if (isLive && lostAt) gap = `Those between ${clock(lostAt)} and ${clock(now)} were not seen: there was no connection.`;
        if (isLive) lostAt = '';
        else if (contact === 'live') lostAt = now;
        contact = isLive ? 'live' : problem ? 'ended' : 'lost';
        fill(fault, problem ? failure(inWords(problem), open) : null);
        paint();
      },
    });
    draw();
  }

  /** @param {Wanted} next */
  function filter(next) {
    if (JSON.stringify(next) === JSON.stringify(wanted)) return;
    wanted = next;
    note(to(['mounts', id, 'traffic'], wanted));
    kept.keep(wants(wanted));
    describeWaiting();
    open();
  }

  let match = '';
  function describeWaiting() {
    const isFiltered = Object.keys(wanted).length > 0;
    fill(waiting, h('h2', {}, 'Waiting for requests…'),
      match && h('p', {}, 'This mount answers ', h('code', {}, match), '. Send a request there, and it appears here once it has ended.'),
      isFiltered && h('p', { class: 'calm' }, 'Only requests that meet the filters are shown.'));
  }

  describeWaiting();
  get('getMount', { path: { id }, signal }).then((mount) => {
    match = matchOf(mount);
    describeWaiting();
  }, () => {}); // the stream tells what is wrong
  const node = h('div', { class: 'live-traffic' },
    h('div', { class: 'live-head' }, head.node, h('div', { class: 'actions' }, pause, clear, har)),
    filterFields(first, filter, signal), fault, counts, waiting, both);
  open();
  return node;
}
