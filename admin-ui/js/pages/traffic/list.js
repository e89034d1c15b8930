// Owns the list of requests: one button for each, of which the arrow keys go
// from one to the next and Tab reaches one only.

/** @import { Item } from './kept.js' */

import { change, h, keyed } from '../../core/dom.js';
import { bytes, clock, moment, ms } from '../../core/format.js';
import { timingBar } from './timing.js';
import { toneOfStatus } from './words.js';

const MADE_MAX = 40; // rows in one frame; all that are kept would hold up the page

/** With the thousandths of a second, which `clock` leaves out. @param {string} time */
const exactClock = (time) => `${clock(time)}.${time.slice(20, 23)}`;

/** @param {(item: Item) => void} select */
export function requestList(select) {
  const list = h('ol', { class: 'request-list', 'aria-label': 'Requests, newest first' });
  const head = h('div', { class: 'requests-head', 'aria-hidden': 'true' },
    ['Time', 'Method', 'Target', 'Status'].map((name) => h('span', {}, name)),
    h('span', { class: 'number' }, 'Took'),
    h('span', { title: 'Where its time went. Ten times the time is longer by the same step; the colours are those of the details.' }, 'Timing'),
    h('span', { class: 'number' }, 'Sent'));
  /** @type {Map<string, Item>} */
  let shown = new Map();
  let selected = '';
  let nextFrame = 0;

  /** @param {Item} item */
  const row = ({ entry }) => h('li', {},
    h('button', { type: 'button', class: 'request', tabindex: -1 },
      h('time', { datetime: entry.time, title: moment(entry.time) }, exactClock(entry.time)),
      h('span', { class: 'request-method' }, entry.method),
      h('span', { class: 'target', title: entry.target }, entry.target),
      h('span', { class: 'request-status', data: { tone: toneOfStatus(entry.status) } },
        h('b', {}, entry.status ?? 'no answer'), entry.failure && h('span', {}, entry.failure)),
      h('span', { class: 'number took' }, ms(entry.timing_ms.total)),
      timingBar(entry.timing_ms),
      h('span', { class: 'number bytes' }, bytes(entry.sent_bytes))));

  /** @param {HTMLElement} node */
  const buttonOf = (node) => /** @type {HTMLElement} */ (node.firstElementChild);

  /** The one that Tab reaches: the focused, the selected, or else the first. */
  const setStop = () => {
    const focused = document.activeElement instanceof HTMLElement ? document.activeElement.closest('.request-list > li') : null;
    const chosen = [...list.children].find((node) => /** @type {HTMLElement} */ (node).dataset.key === selected);
    const stop = focused ?? chosen ?? list.firstElementChild;
    for (const old of list.querySelectorAll('[tabindex="0"]')) {
      if (old.parentElement !== stop) change(/** @type {HTMLElement} */ (old), { tabindex: -1 });
    }
    if (stop) change(buttonOf(/** @type {HTMLElement} */ (stop)), { tabindex: 0 });
  };

  /** Makes the rows of some that have none yet, the newest first, and of the others in the next frames. @param {Item[]} items */
  const fillIn = (items) => {
    cancelAnimationFrame(nextFrame);
    const there = new Set([...list.children].map((node) => /** @type {HTMLElement} */ (node).dataset.key));
    let made = 0;
    const now = items.filter(({ key }) => there.has(key) || (made += 1) <= MADE_MAX);
    const held = list.contains(document.activeElement);
    keyed(list, now, ({ key }) => key, row);
    setStop();
    // What had the focus has made room; the oldest is where it was.
    if (held && !list.contains(document.activeElement) && list.lastElementChild) {
      buttonOf(/** @type {HTMLElement} */ (list.lastElementChild)).focus({ preventScroll: true });
    }
    if (now.length < items.length) nextFrame = requestAnimationFrame(() => fillIn(items));
  };

  const mark = () => {
    for (const old of list.querySelectorAll('[aria-current]')) old.removeAttribute('aria-current');
    const chosen = [...list.children].find((node) => /** @type {HTMLElement} */ (node).dataset.key === selected);
    if (chosen) change(buttonOf(/** @type {HTMLElement} */ (chosen)), { 'aria-current': 'true' });
    setStop();
  };

  list.addEventListener('click', (event) => {
    const node = event.target instanceof Element ? event.target.closest('li') : null;
    const item = shown.get(node?.dataset.key ?? '');
    if (item) select(item);
  });
  list.addEventListener('focusin', setStop);
  list.addEventListener('keydown', (event) => {
    const node = event.target instanceof Element ? event.target.closest('li') : null;
    const next = { ArrowDown: node?.nextElementSibling, ArrowUp: node?.previousElementSibling, Home: list.firstElementChild, End: list.lastElementChild }[event.key];
    if (!next) return;
    event.preventDefault();
    buttonOf(/** @type {HTMLElement} */ (next)).focus();
  });

  return {
    node: h('div', { class: 'panel requests-of' }, head, list),
    /** @param {Item[]} items */
    show(items) {
      shown = new Map(items.map((item) => [item.key, item]));
      fillIn(items);
    },
    /** @param {string} key */
    mark(key) {
      selected = key;
      mark();
    },
    /** @param {string} key */
    focus(key) {
      const node = [...list.children].find((one) => /** @type {HTMLElement} */ (one).dataset.key === key) ?? list.firstElementChild;
      if (node) buttonOf(/** @type {HTMLElement} */ (node)).focus();
    },
  };
}
