// Owns which mounts are wanted and in which order: in the address, in the
// fields above the list, and in what is asked of the server.

/** @import { State } from '../../../types.js' */

import { now } from '../../core/clock.js';
import { h, unique } from '../../core/dom.js';
import { STATE_WORDS } from '../../core/format.js';
import { settled } from '../../core/poll.js';
import { FIELDS } from './pages.js';

const SETTLED_MS = 200;
const PAGE = 100;

/** @type {[seconds: string, says: string][]} */
const IDLE = [['', 'Any time'], ['600', '10 minutes'], ['3600', '1 hour'], ['86400', '1 day'], ['604800', '7 days'], ['2592000', '30 days']];

/** Each order, as most people want it first. @type {Record<string, string>} */
const SORTS = {
  id: 'Name', '-requests_per_s': 'Requests per second', '-requests': 'Requests', '-errors': 'Errors', '-p99': '99th percentile',
  '-in_flight': 'In flight', '-last_activity_at': 'Last activity', '-updated_at': 'Last change',
};

/** @typedef {{ search: string, states: State[], host: string, label: string, idle: string, sort: string }} Filters */

/** @param {URLSearchParams} query of the address @returns {Filters} */
export function read(query) {
  const idle = query.get('idle') ?? '';
  const sort = query.get('sort') ?? '';
  const states = (query.get('state') ?? '').split(',');
  return {
    search: query.get('search') ?? '',
    states: STATE_WORDS.filter((state) => states.includes(state)),
    host: (query.get('host') ?? '').trim(),
    label: (query.get('label') ?? '').trim(),
    idle: /^[1-9]\d{0,8}$/.test(idle) ? idle : '',
    sort: sort in SORTS || `-${sort}` in SORTS || sort === '-id' ? sort : 'id',
  };
}

/** The query of the address. @param {Filters} filters */
export function write({ search, states, host, label, idle, sort }) {
  return { search, state: states.join(','), host, label, idle, sort: sort === 'id' ? '' : sort };
}

/** Whether any mount is left out. @param {Filters} filters */
export function isNarrow({ search, states, host, label, idle }) {
  return Boolean(search.trim() || states.length || host || label || idle);
}

/**
 * What is asked of the server.
 * @param {Filters} filters
 * @param {{ fields?: string[], limit?: number }} [more]
 */
export function asked({ search, states, host, label, idle, sort }, { fields = FIELDS, limit = PAGE } = {}) {
  const query = new URLSearchParams({ limit: String(limit), fields: fields.join(','), sort });
  if (search.trim()) query.set('search', search.trim());
  if (states.length) query.set('state', states.join(','));
  // A star is no host that a mount could have; the server knows those of any host as an empty one.
  if (host) query.set('host', host === '*' ? '' : host);
  if (label) query.set('label', label);
  if (idle) query.set('inactive_since', new Date(now() - Number(idle) * 1000).toISOString());
  return query;
}

/**
 * The fields above the list. They change `filters` and tell it.
 * @param {Filters} filters
 * @param {() => void} changed
 */
export function filterForm(filters, changed) {
  /** What is typed counts with whatever is changed first. */
  const typed = () => Object.assign(filters, { search: fields.search.value, host: fields.host.value.trim(), label: fields.label.value.trim() });
  const soon = settled(SETTLED_MS, () => {
    const { search, host, label } = filters;
    typed();
    if (search.trim() !== filters.search.trim() || host !== filters.host || label !== filters.label) changed();
  });
  const chosen = () => {
    typed();
    changed();
  };
  const text = (/** @type {object} */ more) => h('input', { autocomplete: 'off', spellcheck: 'false', autocapitalize: 'off', oninput: soon, ...more });
  const fields = {
    search: text({ type: 'search', placeholder: 'Name, path, upstream or label', maxlength: 255 }),
    host: text({ type: 'text', placeholder: 'Exact, or * for any', title: 'The whole host of the match, as it stands there; * for mounts that take any host.' }),
    label: text({ type: 'text', placeholder: 'name or name=value' }),
    idle: h('select', { onchange: () => { filters.idle = fields.idle.value; chosen(); } }),
    sort: h('select', { onchange: () => { filters.sort = fields.sort.value; chosen(); } }),
  };
  const boxes = STATE_WORDS.map((state) => h('input', { type: 'checkbox', value: state, onchange: () => {
    filters.states = STATE_WORDS.filter((_, at) => boxes[at].checked);
    chosen();
  } }));
  const more = h('div', { class: 'more-filters', id: unique('filters') },
    h('label', {}, 'Host', fields.host), h('label', {}, 'Label', fields.label), h('label', {}, 'Idle for at least', fields.idle),
    h('label', { class: 'sort-by' }, 'Sort by', fields.sort),
    h('fieldset', { class: 'state-filter' }, h('legend', {}, 'State'),
      boxes.map((box, at) => h('label', { class: 'chip' }, box, STATE_WORDS[at]))));
  const toggle = h('button', { type: 'button', class: 'show-filters', 'aria-controls': more.id, 'aria-expanded': 'false', onclick: () => {
    toggle.setAttribute('aria-expanded', String(toggle.getAttribute('aria-expanded') !== 'true'));
  } }, 'Filters');
  const clear = h('button', { type: 'button', class: 'quiet', onclick: () => {
    for (const field of [fields.search, fields.host, fields.label]) field.value = '';
    clearFilters(filters, changed);
    fields.search.focus();
  } }, 'Clear filters');
  const node = h('form', { class: 'filters mounts-filters', role: 'search', 'aria-label': 'Mounts', onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
    h('label', { class: 'words' }, 'Search', fields.search), toggle, more, clear);

  /** Shows what is filtered for. */
  const show = () => {
    for (const name of /** @type {const} */ (['search', 'host', 'label'])) {
      if (document.activeElement !== fields[name]) fields[name].value = filters[name];
    }
    options(fields.idle, IDLE, filters.idle, (seconds) => `${seconds} s`);
    options(fields.sort, Object.entries(SORTS), filters.sort, orderInWords);
    boxes.forEach((box, at) => { box.checked = filters.states.includes(STATE_WORDS[at]); });
    clear.hidden = !isNarrow(filters);
    const hidden = [filters.host, filters.label, filters.idle, filters.states.length].filter(Boolean).length;
    toggle.textContent = hidden ? `Filters (${hidden})` : 'Filters';
  };
  show();
  return { node, show, search: fields.search };
}

/**
 * @param {Filters} filters
 * @param {() => void} changed
 */
export function clearFilters(filters, changed) {
  Object.assign(filters, { search: '', states: [], host: '', label: '', idle: '' });
  changed();
}

/** @param {string} sort that people seldom want first */
function orderInWords(sort) {
  const other = sort.startsWith('-') ? sort.slice(1) : `-${sort}`;
  return sort === '-id' ? 'Name, last first' : `${SORTS[other]}, least first`;
}

/**
 * Choices, and the one that was made even where it is not one of them.
 * @param {HTMLSelectElement} select
 * @param {[value: string, says: string][]} choices
 * @param {string} chosen
 * @param {(value: string) => string} inWords
 */
function options(select, choices, chosen, inWords) {
  const all = choices.some(([value]) => value === chosen) ? choices : [...choices, /** @type {[string, string]} */ ([chosen, inWords(chosen)])];
  select.replaceChildren(...all.map(([value, says]) => h('option', { value }, says)));
  select.value = chosen;
}
