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
import { bulkBar } from './mounts/bulk.js';
import { asked, clearFilters, filterForm, isNarrow, read, write } from './mounts/filters.js';
import { Grid } from './mounts/grid.js';
import { List } from './mounts/list.js';
import { rowMenu } from './mounts/menu.js';
import { Selection } from './mounts/selection.js';

const LIVE_MS = 2000;
const STOPPED_MS = 150; // so long after a scroll it is one
const AHEAD = 60; // rows loaded before they come into view

const HOW = 'standin mount add /hello http://127.0.0.1:3000/ --id hello';

/** @type {Page} */
export const page = (place, signal) => {
  const mayChoose = session.mayChange();
  const filters = read(place.query);
  const selection = new Selection();
  const total = h('p', { class: 'calm total', role: 'status' });
  const order = h('p', { class: 'hint order', hidden: true });
  const state = h('div', { class: 'list-state' }, loading('Loading mounts…'));
  const end = h('p', { class: 'list-end calm' });
  const notice = h('div', { class: 'panel changed', hidden: true }, h('span', { role: 'status' }),
    h('button', { type: 'button', class: 'small', onclick: () => { toTop(); list.reload(); } }, 'Show'));

  const list = new List({
    loaded: (again) => showList(again),
    grew: () => showMore(),
    failed: () => showFault(),
    changed: () => { if (list.pages) grid.draw(); showNotice(); },
    mayReload: () => grid.isAtTop && selection.ids.size === 0 && !menu.isOpen() && !document.querySelector('dialog[open]'),
  }, signal);
  const menu = rowMenu({ done: () => refresh(), signal });
  const grid = new Grid({
    selection, mayChoose, signal,
    chosen: () => showChosen(),
    sorted: (sort) => { filters.sort = sort; filtered(); },
    menu: (id, button) => void menu.open(id, button),
    moved: () => { ahead(); stopped(); },
  });
  const bulk = bulkBar({
    ids: selection.ids, signal,
    total: () => list.pages?.total ?? 0,
    query: () => asked({ ...filters, sort: 'id' }),
    changed: () => { showChosen(); refresh(); },
  });

  /** Other filters or another order. */
  const filtered = () => {
    if (signal.aborted) return;
    note(to(['mounts'], write(filters)));
    showFilters();
    grid.node.setAttribute('aria-busy', 'true');
    void list.load(asked(filters));
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
    grid.set(pages.lines, pages.total);
    grid.node.hidden = isEmpty;
    setText(total, isNarrow(filters) ? `${plural(pages.total, 'mount')} ${pages.total === 1 ? 'matches' : 'match'}` : plural(pages.total, 'mount'));
    fill(state, isEmpty && (isNarrow(filters) ? nothing() : none(mayChoose)));
    if (list.fault) fill(end, `More could not be loaded. ${inWords(list.fault)} `, h('button', { type: 'button', class: 'small', onclick: () => void list.more() }, 'Try again'));
    else setText(end, pages.next === null ? '' : `Loading more… ${count(pages.lines.length)} of ${count(pages.total)} are here.`);
    const isLiveOrder = !/^-?(id|updated_at)$/.test(filters.sort);
    order.hidden = isEmpty || !isLiveOrder;
    fill(order, `In the order of ${clock(new Date(list.sortedAt).toISOString())}. `,
      h('button', { type: 'button', class: 'small quiet', onclick: () => { toTop(); list.reload(); } }, 'Sort again'));
    bulk.show();
    ahead();
  };

  const nothing = () => empty('No mount matches', h('p', {}, 'Other words or fewer filters may find one.'),
    h('button', { type: 'button', onclick: () => clearFilters(filters, filtered) }, 'Clear filters'));

  const showFault = () => {
    grid.node.hidden = true;
    for (const node of [total, end]) setText(node, '');
    order.hidden = true;
    const mayClear = list.fault instanceof Problem && isNarrow(filters);
    fill(state, failure(inWords(list.fault), () => filtered()), mayClear && h('p', {}, h('button', { type: 'button', onclick: () => clearFilters(filters, filtered) }, 'Clear filters')));
  };

  const showChosen = () => {
    grid.draw();
    bulk.show();
    list.settle();
  };

  const showNotice = () => {
    const isSeen = list.hasChanged && !(grid.isAtTop && selection.ids.size === 0);
    notice.hidden = !isSeen;
    setText(/** @type {Node} */ (notice.firstChild), isSeen ? 'The list has changed.' : '');
  };

  const toTop = () => {
    if (node.getBoundingClientRect().top < 0) window.scrollTo(0, 0);
  };

  /** Loads the next page before its rows are wanted. */
  const ahead = () => {
    if (!list.fault && grid.rows.view[1] + AHEAD >= grid.lines.length) void list.more();
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
    form.node, order, state, grid.node, end, h('div', { class: 'dock' }, notice, mayChoose && bulk.node), mayChoose && menu.node);
  grid.node.hidden = true;
  showFilters();
  void list.load(asked(filters));
  return { title: 'Mounts', node };
};

/** Where there is no mount at all. @param {boolean} mayChange */
function none(mayChange) {
  return empty('No mounts yet', h('p', {}, 'A mount says which requests Standin takes and which upstream answers them.'),
    mayChange ? [h('p', {}, h('a', { class: 'button', href: to(['new']) }, 'New mount')), h('p', {}, 'or on the command line:'), snippet(HOW, 'Command')]
      : h('p', {}, 'Your token may only read, so another one has to make the first.'));
}
