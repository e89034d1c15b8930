// Owns the page "Events": what happened and happens, the newest first, looked
// up as far back as is asked for and told from there on without gap or double.

/** @import { Page, Revision } from '../../types.js' */
/** @import { Wanted } from './events/filters.js' */

import { Problem, get, inWords, queryOf } from '../core/api.js';
import { same } from '../core/diff.js';
import { change, h, keyed, setText } from '../core/dom.js';
import { clock, count, moment, plural } from '../core/format.js';
import { painter } from '../core/paint.js';
import { note, to } from '../core/router.js';
import { watch } from '../core/stream.js';
import { contactLine } from '../parts/contact.js';
import { Feed, changeOf } from './events/feed.js';
import { ACTIONS, filterFields, typesOf, wantedOf, wants } from './events/filters.js';
import { eventRow } from './events/row.js';

const FIRST = 50;
const PAGE = 200;
const PAGES_MAX = 10; // so many are looked through for one press of "Older"

/** @type {Page} */
export const page = ({ query }, signal) => {
  const feed = new Feed();
  let wanted = wantedOf(query);
  /** @type {import('../parts/contact.js').Contact} */
  let contact = 'connecting';
  let lostAt = '';
  let pausedAt = -1; // the number of what was told last before, or that it goes on
  /** The oldest revision that was looked at. */
  let reached = Infinity;
  let isWhole = false;
  let oldest = 1;
  let begin = new AbortController();
  let told = '';

  const head = contactLine({
    live: 'Events appear as they happen.',
    paused: 'What happens is shown when you resume.',
    lost: 'No connection. Trying again; no change will be missed.',
  });
  const counts = h('p', { class: 'hint' });
  const fault = h('p', { class: 'fault', role: 'alert' });
  const again = h('button', { type: 'button', hidden: true, onclick: () => void start() }, 'Load anew');
  const pause = h('button', { type: 'button', onclick: () => setPause(pausedAt < 0) }, 'Pause');
  const list = h('ol', { class: 'feed', 'aria-label': 'Events, newest first' });
  const none = h('p', { class: 'calm loading', role: 'status' }, 'Loading…');
  const older = h('button', { type: 'button', hidden: true, onclick: () => void more() }, 'Older');
  const end = h('p', { class: 'hint' });

  /** What the server chooses; the rest is chosen here. @returns {Wanted} */
  const asked = () => ({ ...wanted, who: '', text: '' });

  /** @param {boolean} isPaused */
  function setPause(isPaused) {
    pausedAt = isPaused ? feed.last : -1;
    setText(pause, isPaused ? 'Resume' : 'Pause');
    draw();
  }

  function draw() {
    const isWanted = wants(wanted);
    const all = feed.items.filter(isWanted);
    const shown = pausedAt < 0 ? all : all.filter(({ live }) => live <= pausedAt);
    keyed(list, shown, ({ key }) => key, (item) => eventRow(item, isLast));
    change(list, { hidden: shown.length === 0 });
    change(none, { hidden: shown.length > 0 });
    if (contact !== 'connecting' || isWhole) setText(none, Object.values(wanted).some(Boolean)
      ? 'Nothing that happened meets the filters. What does appears here.' : 'Nothing has happened yet. Changes of mounts and their states appear here.');
    head.show(contact, pausedAt >= 0);
    setText(counts, [
      shown.length > 0 && `${plural(shown.length, 'event')} shown.`,
      all.length > shown.length && `${count(all.length - shown.length)} came since it was paused.`,
      feed.gone > 0 && `${plural(feed.gone, 'older one')} made room; Older looks them up again.`,
    ].filter(Boolean).join(' '));
    change(older, { hidden: (isWhole && feed.gone === 0) || reached === Infinity });
    setText(end, endWords());
    change(again, { hidden: contact !== 'ended' });
  }
  const paint = painter(signal, draw);

  function endWords() {
    const types = typesOf(wanted);
    const whole = oldest > 1 ? `The journal begins with revision ${oldest}.` : 'That is the whole history.';
    const back = !looksUp() || reached === Infinity ? '' : isWhole ? whole : `Looked up back to revision ${reached}.`;
    const isStateToo = types.length === 0 || types.some((type) => type === 'state' || type === 'operation');
    return [back, isStateToo && told && `States and operations are told since ${moment(told)}, when this page began to listen.`].filter(Boolean).join(' ');
  }

  /** Whether there is a history of what is asked for: states and operations are only told. */
  function looksUp() {
    const types = typesOf(wanted);
    return types.length === 0 || types.some((type) => ACTIONS.some((action) => action === type));
  }

  /** Whether nothing was done to its mount since, as far as the feed knows. @param {Revision} entry */
  function isLast(entry) {
    return typesOf(wanted).length !== 1
      && !feed.items.some(({ kind, data }) => kind === 'change' && data.mount === entry.mount && data.revision > entry.revision);
  }

  /**
   * Looks up older revisions until there is one that is wanted.
   * @param {AbortSignal} until
   * @param {number} limit of the first page
   * @returns {Promise<number | null>} the revision that the first page was read at
   */
  async function lookBack(until, limit) {
    const [isAsked, isWanted] = [wants(asked()), wants(wanted)];
    let at = null;
    let found = 0;
    for (let pages = 0; pages < PAGES_MAX && found === 0 && !isWhole; pages += 1) {
      const range = { limit: pages === 0 ? limit : PAGE, ...(reached === Infinity ? {} : { until: String(reached - 1) }) };
      const answer = await (wanted.mount
        ? get('listMountRevisions', { path: { id: wanted.mount }, query: range, signal: until })
        : get('listRevisions', { query: range, signal: until }));
      const items = answer.revisions.map(changeOf).filter(isAsked);
      feed.look(items);
      found += items.filter(isWanted).length;
      at ??= answer.revision;
      oldest = answer.oldest;
      reached = answer.revisions.at(-1)?.revision ?? Math.min(reached, answer.revision + 1);
      isWhole = answer.next === null;
    }
    return at;
  }

  async function more() {
    change(older, { disabled: true });
    setText(fault, '');
    // What made room for newer events is looked up again.
    if (feed.gone > 0) {
      reached = feed.items.reduce((least, { kind, data }) => (kind === 'change' ? Math.min(least, data.revision) : least), Infinity);
      feed.gone = 0;
      isWhole = false;
    }
    try {
      await lookBack(begin.signal, PAGE);
    } catch (error) {
      if (!begin.signal.aborted) setText(fault, inWords(error));
    } finally {
      change(older, { disabled: false });
      draw();
    }
  }

  /** Begins anew with the filters as they are. */
  async function start() {
    begin.abort();
    const mine = begin = new AbortController();
    const until = AbortSignal.any([signal, mine.signal]);
    feed.begin(wants(asked()));
    contact = 'connecting';
    reached = Infinity;
    setText(none, 'Loading…');
    setText(fault, '');
    draw();
    const types = typesOf(wanted);
    let since = '';
    isWhole = !looksUp();
    try {
      if (looksUp()) since = String(await lookBack(until, FIRST) ?? '');
    } catch (error) {
      if (until.aborted) return;
      if (error instanceof Problem && error.status === 404) {
        isWhole = true; // a mount that there never was may still come
      } else {
        contact = 'ended';
        setText(fault, inWords(error));
        return draw();
      }
    }
    if (until.aborted) return;
    draw();
    const filters = queryOf({ mount: wanted.mount, types: types.join(',') });
    void watch(`/v1/events${filters && `?${filters}`}`, { signal: until, since, event: take, live });
  }

  /** @param {import('../core/stream.js').Event} event */
  function take({ type, data }) {
    if (type === 'hello') return;
    if (type === 'dropped') feed.note(`${plural(data.count, 'state or operation', 'states and operations')} came faster than this page reads, and were not told.`);
    else if (type === 'gone') feed.note(`Changes before revision ${data.oldest} are no longer in the journal, and some were not told.`);
    else feed.tell(type, data);
    paint();
  }

  /** @param {boolean} isLive @param {unknown} [problem] */
  function live(isLive, problem) {
    const now = new Date().toISOString();
    if (isLive && lostAt) feed.note(`Connected again. States and operations since ${clock(lostAt)} were not told; changes were.`);
    if (isLive && !told) told = now;
    if (isLive) lostAt = '';
    else if (contact === 'live') lostAt = now;
    contact = isLive ? 'live' : problem ? 'ended' : 'lost';
    setText(fault, problem ? inWords(problem) : '');
    paint();
  }

  /** @param {Wanted} next */
  function filter(next) {
    if (same(next, wanted)) return;
    const isAskedSame = next.mount === wanted.mount && next.kind === wanted.kind;
    wanted = next;
    note(to(['events'], { ...wanted }));
    if (!isAskedSame) return void start();
    draw();
    if (!feed.items.some(wants(wanted)) && !isWhole) void more();
  }

  const node = h('div', { class: 'live-events' },
    h('div', { class: 'page-head' }, h('h1', {}, 'Events'), h('div', { class: 'actions' }, pause)),
    h('div', { class: 'live-head' }, head.node),
    filterFields(wanted, filter, signal), fault, again, counts,
    h('div', { class: 'panel feed-of' }, none, list), h('div', { class: 'feed-end' }, older, end));
  void start();
  return { title: 'Events', node };
};
