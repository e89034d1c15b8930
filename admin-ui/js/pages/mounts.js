// Owns the page "Mounts": a table that is as quick with 100 000 mounts as with
// ten, since the server sorts, filters and pages, and only rows in view are in
// the page and asked for again.

/** @import { Page } from '../../types.js' */

import { Problem, inWords } from '../core/api.js';
import { fill, h, setText } from '../core/dom.js';
import { clock, count, plural } from '../core/format.js';
import { poll, settled } from '../core/poll.js';
import { note, to } from '../core/router.js';
import * as session from '../core/session.js';
import { empty, failure, loading, snippet } from '../parts/bits.js';
import { firstCommands } from '../parts/commands.js';
import { bulkBar } from './mounts/bulk.js';
import { asked, clearFilters, filterForm, isNarrow, read, write } from './mounts/filters.js';
import { Grid } from './mounts/grid.js';
import { arrive } from './mounts/kept.js';
import { List } from './mounts/list.js';
import { rowMenu } from './mounts/menu.js';
import { Selection } from './mounts/selection.js';

const LIVE_MS = 2000;
const SOON_MS = 100;
const STOPPED_MS = 150; // so long after a scroll it is one
const AHEAD = 60; // rows loaded before they come into view
const FAR = 100; // rows to wait for of which is told

/** @type {Page} */
export const page = (place, signal) => {
  const mayChoose = session.mayChange();
  const filters = read(place.query);
  const selection = new Selection();
  const total = h('p', { class: 'calm total', role: 'status' });
  const order = h('p', { class: 'hint order', hidden: true });
  const state = h('div', { class: 'list-state' }, loading('Loading mounts…'));
  const far = h('div', { class: 'panel changed', hidden: true }, h('span', { role: 'status' }), h('span', { class: 'calm' }),
    h('button', { type: 'button', class: 'small', onclick: () => { list.retry(); showFar(); } }, 'Try again'));
  const notice = h('div', { class: 'panel changed', hidden: true }, h('span', { role: 'status' }),
    h('button', { type: 'button', class: 'small', onclick: () => {
      toTop();
      if (list.silence) void list.load();
      else list.reload();
    } }, 'Show'));

  // An import tells of thousands of changes: they are shown together.
  let isSoon = false;
  const soon = () => {
    if (isSoon) return;
    isSoon = true;
    setTimeout(() => {
      isSoon = false;
      if (signal.aborted) return;
      if (list.pages) grid.draw();
      showNotice();
    }, SOON_MS);
  };

  const list = new List({
    query: () => asked(filters),
    loaded: (again) => showList(again),
    grew: () => showMore(),
    failed: () => showFault(),
    changed: () => soon(),
    mayReload: () => grid.isAtTop && selection.ids.size === 0 && !menu.isOpen() && !document.querySelector('dialog[open]'),
  }, signal);
  const menu = rowMenu({ done: () => refresh(), signal });
  const grid = new Grid({
    selection, mayChoose, signal,
    chosen: () => showChosen(),
    sorted: (sort) => { filters.sort = sort; filtered(); },
    menu: (id, button) => void menu.open(id, button),
    moved: () => { ahead(); showFar(); stopped(); },
  });
  const bulk = bulkBar({
    ids: selection.ids, signal,
    total: () => list.pages?.total ?? 0,
    query: () => asked({ ...filters, sort: 'id' }),
    changed: () => { showChosen(); refresh(); },
  });

  const narrowing = () => JSON.stringify({ ...filters, sort: '' });
  let narrowed = narrowing();
  /** Other filters or another order. */
  const filtered = () => {
    if (signal.aborted) return;
    // What was selected under other filters is not seen any more, and must not be meant.
    if (narrowing() !== narrowed) {
      selection.clear();
      showChosen();
    }
    narrowed = narrowing();
    note(to(['mounts'], write(filters)));
    showFilters();
    grid.node.setAttribute('aria-busy', 'true');
    void list.load();
  };
  const form = filterForm(filters, filtered);

  const showFilters = () => {
    form.show();
    grid.head.showSort(filters.sort);
  };

  /** @param {boolean} again */
  const showList = (again) => {
    const pages = /** @type {import('./mounts/pages.js').Pages} */ (list.pages);
    const focused = grid.focused;
    grid.node.removeAttribute('aria-busy');
    if (!again) toTop();
    grid.rows.pinned = again && focused ? Math.max(0, pages.placeOf(focused)) : again ? grid.rows.pinned : 0;
    showMore();
    if (focused && pages.lines.length) grid.focus(grid.rows.pinned);
    showNotice();
  };

  const showMore = () => {
    const { pages } = list;
    if (!pages) return;
    const isEmpty = pages.lines.length === 0;
    grid.node.hidden = isEmpty;
    grid.set(pages.lines, pages.total);
    setText(total, isNarrow(filters) ? `${plural(pages.total, 'mount')} ${pages.total === 1 ? 'matches' : 'match'}` : plural(pages.total, 'mount'));
    fill(state, isEmpty && (isNarrow(filters) ? nothing() : none(mayChoose)));
    const isLiveOrder = !/^-?(id|updated_at)$/.test(filters.sort);
    order.hidden = isEmpty || !isLiveOrder;
    fill(order, `In the order of ${clock(new Date(list.sortedAt).toISOString())}. `,
      h('button', { type: 'button', class: 'small quiet', onclick: () => { toTop(); list.reload(); } }, 'Sort again'));
    bulk.show();
    ahead();
    showFar();
  };

  /** What goes on while rows far below the last one that has come are in view, or why they do not come. */
  const showFar = () => {
    const [words, here, again] = /** @type {HTMLElement[]} */ ([...far.children]);
    const { pages, fault } = list;
    const until = grid.rows.view[1];
    far.hidden = !pages || (!fault && (pages.next === null || until - pages.lines.length < FAR));
    again.hidden = !fault;
    if (far.hidden || !pages) return setText(words, '');
    setText(words, fault ? `More could not be loaded. ${inWords(fault)}` : `Loading rows up to ${count(until)} of ${count(pages.total)}`);
    setText(here, fault ? '' : `${count(pages.lines.length)} are here`);
  };

  /** In the words of the search, which finds parts of a host. */
  const searchHost = () => {
    Object.assign(filters, { search: `${filters.search.trim()} ${filters.host}`.trim(), host: '' });
    filtered();
    form.search.focus();
  };

  const nothing = () => empty('No mount matches', filters.host && filters.host !== '*'
    ? [h('p', {}, 'Host is compared whole.'), h('p', {}, h('button', { type: 'button', onclick: searchHost }, `Search for “${filters.host}” instead`))]
    : h('p', {}, 'Other words or fewer filters may find one.'),
    h('button', { type: 'button', onclick: () => clearFilters(filters, filtered) }, 'Clear filters'));

  const showFault = () => {
    grid.node.hidden = true;
    setText(total, '');
    order.hidden = true;
    showFar();
    const mayClear = list.fault instanceof Problem && isNarrow(filters);
    fill(state, failure(inWords(list.fault), () => filtered()), mayClear && h('p', {}, h('button', { type: 'button', onclick: () => clearFilters(filters, filtered) }, 'Clear filters')));
  };

  const showChosen = () => {
    grid.draw();
    bulk.show();
    list.settle();
  };

  const showNotice = () => {
    const isSeen = list.silence !== null || (list.hasChanged && !(grid.isAtTop && selection.ids.size === 0));
    const [words, again] = /** @type {HTMLElement[]} */ ([...notice.children]);
    notice.hidden = !isSeen;
    setText(words, list.silence ? `What is made and deleted is not told any more. ${inWords(list.silence)}` : isSeen ? 'The list has changed.' : '');
    setText(again, list.silence ? 'Load anew' : 'Show');
  };

  const toTop = () => {
    if (node.getBoundingClientRect().top < 0) window.scrollTo(0, 0);
  };

  /** Loads the next page before its rows are wanted. */
  const ahead = () => {
    list.want(grid.rows.view[1] + AHEAD);
  };

  /** Comes back to a list that was left. @param {import('./mounts/kept.js').Left} left */
  const restore = (left) => {
    if (signal.aborted) return;
    list.restore(left);
    showMore();
    window.scrollTo(0, left.top);
    grid.rows.pinned = left.pinned;
    if (left.wasFocused) grid.focus(left.pinned, { scroll: false });
    else grid.draw();
    refresh();
  };

  const refresh = poll(LIVE_MS, signal, async (stop) => {
    const ids = grid.seen.filter(({ gone }) => !gone).map(({ id }) => id);
    if (ids.length) await list.refresh(ids, stop);
    if (list.pages) grid.draw();
    list.settle();
    showNotice();
  });
  const stopped = settled(STOPPED_MS, () => {
    if (signal.aborted) return;
    grid.rows.tidy();
    refresh();
    showNotice();
  });

  const node = h('div', { class: 'mounts' },
    h('div', { class: 'page-head' }, h('h1', {}, 'Mounts'), total,
      mayChoose && h('div', { class: 'actions' }, h('a', { class: 'button primary', href: to(['new']) }, 'New mount'))),
    form.node, order, state, grid.node, h('div', { class: 'dock' }, far, notice, mayChoose && bulk.node), mayChoose && menu.node);
  grid.node.hidden = true;
  showFilters();
  const { found, leave } = arrive();
  if (found) queueMicrotask(() => restore(found)); // when the page is in its place, and its head has had the focus
  else void list.load();
  signal.addEventListener('abort', () => {
    const { pages, sortedAt } = list;
    const wasFocused = grid.body.contains(document.activeElement) || menu.node.contains(document.activeElement);
    if (pages && !list.isOther) leave({ pages, sortedAt, top: scrollY, pinned: grid.rows.pinned, wasFocused });
  });
  return { title: 'Mounts', node };
};

/** Where there is no mount at all. @param {boolean} mayChange */
function none(mayChange) {
  return empty('No mounts yet', h('p', {}, 'A mount says which requests Standin takes and which upstream answers them.'),
    mayChange ? [h('p', {}, h('a', { class: 'button', href: to(['new']) }, 'New mount')), h('p', {}, 'or on the command line, with the token in STANDIN_TOKEN:'), snippet(firstCommands(session.who().owner).cli, 'Command')]
      : h('p', {}, 'Your token may only read, so another one has to make the first.'));
}
