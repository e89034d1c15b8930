// Owns how a mount looks as a row, the head above the rows, and their columns.
// A row is made once and shows one mount after the other.

/** @import { Line } from './pages.js' */

import { change, h, setText } from '../../core/dom.js';
import { NONE, ago, compact, count, moment, ms, percent, plural, rate, since } from '../../core/format.js';
import { to } from '../../core/router.js';
import { showState } from '../../parts/bits.js';
import { icon } from '../../shell.js';

const DOTS = 'M5 12h.01M12 12h.01M19 12h.01';

/** @typedef {{ key: string, label: string, sort?: string, says?: string }} Column `sort` as it is first wanted */

/** @type {Column[]} */
const COLUMNS = [
  { key: 'name', label: 'Mount', sort: 'id' },
  { key: 'state', label: 'State' },
  { key: 'flight', label: 'In flight', sort: '-in_flight', says: 'Requests on their way now, and how many there may be' },
  { key: 'rate', label: 'Req/s', sort: '-requests_per_s', says: 'Requests per second, over 10 seconds' },
  { key: 'requests', label: 'Requests', sort: '-requests', says: 'Requests since the start' },
  { key: 'errors', label: 'Errors', sort: '-errors', says: 'Replies of 5xx and exchanges that failed' },
  { key: 'p99', label: 'p99', sort: '-p99', says: 'How long 99 in 100 requests took at most' },
  { key: 'active', label: 'Active', sort: '-last_activity_at', says: 'When it last had a request' },
  { key: 'updated', label: 'Changed', sort: '-updated_at', says: 'When it was last changed' },
];

/**
 * The head: a click sorts, another one sorts the other way round.
 * @param {object} about
 * @param {boolean} about.mayChoose
 * @param {(sort: string) => void} about.sorted
 * @param {(on: boolean) => void} about.chosen all that are there
 */
export function makeHead({ mayChoose, sorted, chosen }) {
  let now = '';
  const all = h('input', { type: 'checkbox', 'aria-label': 'Select all rows loaded so far', onchange: () => chosen(all.checked) });
  const heads = COLUMNS.map(({ key, label, sort, says }) => h('div', { role: 'columnheader', class: `mount-cell of-${key}` }, sort === undefined ? label
    : h('button', { type: 'button', class: 'sort', title: says, onclick: () => sorted(now === sort ? other(sort) : sort) }, label)));
  const node = h('div', { role: 'row', class: 'mount-row mount-head', 'aria-rowindex': 1 },
    mayChoose && h('div', { role: 'columnheader', class: 'mount-cell of-choice' }, all), heads,
    mayChoose && h('div', { role: 'columnheader', class: 'mount-cell of-menu' }, h('span', { class: 'unseen' }, 'Actions')));
  return {
    node,
    /** @param {string} sort */
    showSort: (sort) => {
      now = sort;
      COLUMNS.forEach((column, at) => {
        const here = column.sort !== undefined && (sort === column.sort || sort === other(column.sort));
        change(heads[at], { 'aria-sort': here ? (sort.startsWith('-') ? 'descending' : 'ascending') : null });
      });
    },
    /** @param {boolean | null} on null is some of them */
    showChosen: (on) => { change(all, { checked: on === true, indeterminate: on === null }); },
  };
}

/** @param {string} sort */
const other = (sort) => (sort.startsWith('-') ? sort.slice(1) : `-${sort}`);

/** @typedef {ReturnType<typeof makeRow>} RowView */

/** @param {boolean} mayChoose */
export function makeRow(mayChoose) {
  const cell = (/** @type {string} */ key, /** @type {import('../../../types.js').Child[]} */ ...children) => h('div', { role: 'gridcell', class: `mount-cell of-${key}` }, children);
  const box = h('input', { type: 'checkbox' });
  const link = h('a', { class: 'mount-id' });
  const labels = h('span', { class: 'mount-labels' });
  const way = h('span', { class: 'mount-way' });
  const pill = h('span', { class: 'pill' });
  const age = h('span', { class: 'state-age' });
  const reason = h('span', { class: 'second' });
  const flight = h('span', {});
  const waiting = h('span', { class: 'second' });
  const share = h('span', { class: 'second' });
  const texts = { rate: h('span', {}), requests: h('span', {}), errors: h('span', {}), p99: h('span', {}), active: h('span', {}), updated: h('span', {}) };
  const menu = h('button', { type: 'button', class: 'quiet row-menu', 'aria-haspopup': 'menu', 'aria-expanded': 'false' }, icon(DOTS));
  const controls = [link, box, menu];
  const node = h('div', { role: 'row', class: 'mount-row' },
    mayChoose && cell('choice', h('label', {}, box)),
    h('div', { role: 'rowheader', class: 'mount-cell of-name' }, h('span', { class: 'mount-title-line' }, link, labels), way),
    cell('state', h('span', { class: 'state-line' }, pill, age), reason),
    cell('flight', flight, waiting),
    cell('rate', texts.rate), cell('requests', texts.requests), cell('errors', texts.errors, share), cell('p99', texts.p99),
    cell('active', texts.active), cell('updated', texts.updated),
    mayChoose && cell('menu', menu));
  let shown = '';

  /** What an edit changes, or another mount. @param {Line} line */
  const showMount = (line) => {
    setText(link, line.id);
    change(link, { href: to(['mounts', line.id]), title: line.id });
    setText(labels, line.labels);
    change(labels, { title: line.labels || null });
    setText(way, `${line.match} → ${line.upstream}`);
    change(way, { title: `${line.match} → ${line.upstream}` });
    change(box, { 'aria-label': `Select ${line.id}`, disabled: line.why !== null, title: line.why });
    change(menu, { 'aria-label': `Actions for ${line.id}` });
  };

  /** @param {boolean} on */
  const setWaiting = (on) => {
    node.classList.toggle('waiting', on);
    change(node, { 'aria-busy': on ? 'true' : null });
  };

  /** @param {Line} line */
  const showNumbers = (line) => {
    node.classList.toggle('gone', line.gone);
    menu.hidden = line.why !== null || line.gone;
    if (line.gone) {
      change(pill, { data: { tone: 'idle' }, title: 'This mount has been deleted.' });
      setText(pill, 'deleted');
      setText(age, '');
    } else {
      showState(pill, line.state);
      setText(age, since(line.since));
    }
    setText(reason, line.gone ? '' : line.reason ?? '');
    change(reason, { title: line.reason });
    setText(flight, line.limit === null ? count(line.inFlight) : `${count(line.inFlight)} / ${compact(line.limit)}`);
    flight.classList.toggle('none', line.inFlight === 0);
    setText(waiting, [line.held > 0 && `${count(line.held)} held`, line.tunnels > 0 && plural(line.tunnels, 'tunnel')].filter(Boolean).join(', '));
    number(texts.rate, line.rate, rate);
    number(texts.requests, line.requests, compact);
    number(texts.errors, line.errors, compact);
    setText(share, line.errors > 0 && line.requests > 0 ? percent(Math.min(1, line.errors / line.requests)) : '');
    texts.errors.classList.toggle('bad', line.errors > 0);
    setText(texts.p99, ms(line.p99));
    setText(texts.active, line.active === null ? NONE : ago(line.active));
    setText(texts.updated, ago(line.updated));
  };

  return {
    node,
    /** Times in full, which take longer to write than all the rest; so only where somebody points. @param {Line} line */
    explain: (line) => {
      change(age, { title: `Since ${moment(line.since)}` });
      change(texts.active, { title: line.active === null ? 'No request since the proxy was started.' : moment(line.active) });
      change(texts.updated, { title: moment(line.updated) });
    },
    /** A row that has not come yet. @param {{ at: number, active: boolean }} how */
    wait: ({ at, active }) => {
      change(node, { 'aria-rowindex': at + 2, 'aria-selected': null, tabindex: active ? 0 : -1 });
      if (shown === '' && node.classList.contains('waiting')) return;
      shown = '';
      setWaiting(true);
      node.classList.remove('gone');
      setText(link, '…');
      change(link, { href: null, title: null });
      for (const node of [labels, way]) {
        setText(node, '');
        change(node, { title: null });
      }
    },
    /**
     * @param {Line} line
     * @param {{ at: number, active: boolean, chosen: boolean }} how
     */
    show: (line, { at, active, chosen }) => {
      const mount = `${line.id} ${line.match} ${line.upstream} ${line.labels}`;
      if (shown !== mount) showMount(line);
      if (shown === '') setWaiting(false);
      shown = mount;
      change(node, { 'aria-rowindex': at + 2, 'aria-selected': mayChoose ? String(chosen) : null, tabindex: active ? 0 : -1 });
      for (const control of controls) change(control, { tabindex: active ? null : -1 });
      change(box, { checked: chosen });
      showNumbers(line);
    },
  };
}

/**
 * @param {HTMLElement} node
 * @param {number} value
 * @param {(value: number) => string} inWords
 */
function number(node, value, inWords) {
  setText(node, inWords(value));
  node.classList.toggle('none', value === 0);
}
