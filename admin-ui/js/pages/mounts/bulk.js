// Owns doing something with many mounts: the bar that says how many are
// selected, the question before, what goes on, and what failed and why.

/** @typedef {import('../../acts.js').Act} Act */

/** @import { State } from '../../../types.js' */
/** @import { Ending } from '../../parts/ending.js' */

import { counts, labelOf, perform } from '../../acts.js';
import { Problem, Unreachable, follow, get, inWords } from '../../core/api.js';
import { fill, h, setText } from '../../core/dom.js';
import { count, plural } from '../../core/format.js';
import { whyNot } from '../../core/session.js';
import { open } from '../../parts/dialog.js';
import { endingField, reasonField } from '../../parts/ending.js';
import { toast } from '../../parts/toast.js';

const IDS_MAX = 10_000;
const PORTION = 100; // names in one request line
const PAGE = 1000;
const AT_ONCE = 4;
const NAMED_MAX = 5;
const FAILURES_MAX = 200; // in one table

/** What it means, and how it is said when it is done. @type {Record<Act, { says: string, done: string }>} */
const ACTS = {
  enable: { says: 'They take requests again.', done: 'enabled' },
  disable: { says: 'New requests are refused until they are enabled.', done: 'disabled' },
  pause: { says: 'Requests are held until they are resumed.', done: 'paused' },
  resume: { says: 'Held requests go on.', done: 'resumed' },
  drain: { says: 'New requests are refused.', done: 'told to drain' },
  restart: { says: 'Their actors are started again.', done: 'restarted' },
  delete: { says: 'New requests no longer reach them.', done: 'deleted' },
};

const HARD = ['disable', 'drain', 'delete'];

/** @typedef {{ id: string, why: string }} Failure */

/**
 * @param {object} about
 * @param {Set<string>} about.ids those selected
 * @param {() => number} about.total how many the filters take
 * @param {() => URLSearchParams} about.query of these, with `limit` and `fields` still to be said
 * @param {() => void} about.changed others are selected
 * @param {AbortSignal} about.signal
 */
export function bulkBar({ ids, total, query, changed, signal }) {
  const says = h('strong', { role: 'status' });
  const most = h('span', {});
  const all = h('button', { type: 'button', class: 'small' }, h('span', {}, most, h('span', { class: 'that' }, ' that match')));
  const clear = h('button', { type: 'button', class: 'small quiet', 'aria-label': 'Clear selection', onclick: () => {
    reading.abort();
    ids.clear();
    changed();
  } }, 'Clear');
  const acts = /** @type {Act[]} */ (Object.keys(ACTS)).map((act) => h('button', {
    type: 'button', class: act === 'delete' ? 'small danger' : 'small',
    onclick: async () => {
      const states = await statesOf([...ids], signal);
      if (!signal.aborted) confirm(act, ids, states, changed);
    },
  }, labelOf(act)));
  const node = h('section', { class: 'bulk panel', 'aria-label': 'Selected mounts', hidden: true }, h('div', { class: 'chosen' }, says, all, clear), h('div', { class: 'acts' }, acts));
  let reading = new AbortController();

  all.addEventListener('click', async () => {
    reading.abort();
    const mine = reading = new AbortController();
    try {
      const left = await chooseAll(ids, query(), AbortSignal.any([mine.signal, signal]), () => setText(says, `Reading: ${count(ids.size)}…`));
      if (left > 0) toast(`${plural(left, 'mount')} cannot be changed with your token and ${left === 1 ? 'is' : 'are'} left out.`);
    } catch (error) {
      if (!mine.signal.aborted && !signal.aborted) toast(inWords(error), { tone: 'bad' });
    }
    if (!mine.signal.aborted && !signal.aborted) changed();
  });

  // Messages in the corner stand above the bar, not on its buttons.
  const above = new ResizeObserver(() => document.body.style.setProperty('--dock', `${node.offsetHeight}px`));
  above.observe(node);
  signal.addEventListener('abort', () => {
    above.disconnect();
    document.body.style.removeProperty('--dock');
  });

  /** Shows how many there are. */
  const show = () => {
    node.hidden = ids.size === 0;
    setText(says, `${count(ids.size)} selected`);
    all.hidden = ids.size >= Math.min(total(), IDS_MAX);
    setText(most, total() > IDS_MAX ? `Select the first ${count(IDS_MAX)}` : `Select all ${count(total())}`);
  };
  return { node, show };
}

/**
 * Selects what the filters take, page by page.
 * @param {Set<string>} ids
 * @param {URLSearchParams} query
 * @param {AbortSignal} signal
 * @param {() => void} went
 * @returns {Promise<number>} how many were left out, since they cannot be changed
 */
async function chooseAll(ids, query, signal, went) {
  query.set('limit', String(PAGE));
  query.set('fields', 'id,labels,fixed');
  let left = 0;
  let list = await get('listMounts', { query: /** @type {any} */ (query), signal });
  for (;;) {
    for (const row of list.mounts) {
      if (whyNot(/** @type {any} */ (row)) !== null) left += 1;
      else if (ids.size < IDS_MAX) ids.add(row.id);
    }
    went();
    if (list.next === null || ids.size >= IDS_MAX) return left;
    list = await follow('listMounts', list.next, signal);
  }
}

/**
 * The states of mounts now: those of rows out of view are old.
 * @param {string[]} ids
 * @param {AbortSignal} signal
 */
async function statesOf(ids, signal) {
  /** @type {Map<string, State>} */
  const states = new Map();
  const portions = Array.from({ length: Math.ceil(ids.length / PORTION) }, (_, at) => ids.slice(at * PORTION, (at + 1) * PORTION));
  await inTurns(portions, signal, async (id) => {
    const found = await get('listMounts', { query: { id, limit: PORTION, fields: ['state'] }, signal }).catch(() => null);
    for (const row of found?.mounts ?? []) if (row.state) states.set(row.id, row.state);
  });
  return states;
}

/**
 * Asks, does it, and says what failed. What failed stays selected.
 * @param {Act} act
 * @param {Set<string>} ids
 * @param {Map<string, State>} states as they are now, as far as that is known
 * @param {() => void} changed
 */
function confirm(act, ids, states, changed) {
  /** @type {Map<State, number>} */
  const useless = new Map();
  const chosen = [...ids].filter((id) => {
    const state = states.get(id);
    if (state === undefined || counts(act, state)) return true;
    useless.set(state, (useless.get(state) ?? 0) + 1);
    return false;
  });
  const many = plural(chosen.length, 'mount');
  const ending = act === 'drain' || act === 'delete' ? endingField() : null;
  const reason = reasonField();
  const fault = h('p', { class: 'fault', role: 'alert' });
  const stop = new AbortController();
  const content = h('div', { class: 'bulk-dialog' });
  const close = open(`${labelOf(act)} ${many}?`, content, () => stop.abort());
  const title = /** @type {HTMLElement} */ (content.parentElement?.querySelector('h2'));

  /** @param {Ending & { reason: string }} more */
  const run = async (more) => {
    setText(title, `${labelOf(act)} ${many}`);
    const says = h('p', {});
    const bar = h('progress', { max: chosen.length, value: 0, 'aria-label': 'Done' });
    const halt = h('button', { type: 'button', onclick: () => stop.abort() }, 'Stop');
    fill(content, h('div', { class: 'dialog-text' }, says, bar), h('div', { class: 'choices' }, halt));
    halt.focus();
    let done = 0;
    /** @type {Failure[]} */
    const failures = [];
    await inTurns(chosen, stop.signal, async (id) => {
      try {
        await perform(act, id, more);
        ids.delete(id);
        done += 1;
      } catch (error) {
        failures.push({ id, why: inWords(error) });
        if (error instanceof Problem && error.status === 404) ids.delete(id);
        if (error instanceof Unreachable) stop.abort(); // so would all others
      }
      bar.value = done + failures.length;
      setText(says, `${count(done)} of ${many} ${ACTS[act].done}${failures.length ? `, ${count(failures.length)} failed` : ''}.`);
    });
    changed();
    const left = chosen.length - done - failures.length;
    const told = `${plural(done, 'mount')} ${ACTS[act].done}.`;
    if (failures.length === 0 && left === 0) {
      close();
      toast(told);
      return;
    }
    const stopped = left > 0 ? ` Stopped before ${count(left)} more.` : '';
    if (!content.isConnected) {
      toast(`${told}${stopped}${failures.length ? ` ${count(failures.length)} failed.` : ''}`, { tone: 'bad' });
      return;
    }
    fill(content, h('div', { class: 'dialog-text', role: 'status' }, h('p', {}, told, stopped),
      failures.length > 0 && failed(failures), h('p', { class: 'hint' }, 'They are still selected.')),
    h('div', { class: 'choices' }, h('button', { type: 'button', class: 'primary', onclick: close }, 'Close')));
    content.querySelector('button')?.focus();
  };

  if (chosen.length === 0) {
    setText(title, `${labelOf(act)} ${plural(ids.size, 'mount')}?`);
    fill(content, h('div', { class: 'dialog-text' }, leftOut(act, useless)),
      h('div', { class: 'choices' }, h('button', { type: 'button', onclick: close }, 'Close')));
    /** @type {HTMLElement | null} */ (content.querySelector('.choices button'))?.focus();
    return;
  }
  fill(content, h('form', { novalidate: true, onsubmit: (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      void run({ ...ending?.read(), reason: reason.read() });
    } catch (error) {
      setText(fault, inWords(error));
    }
  } }, h('div', { class: 'dialog-text' }, h('p', {}, ACTS[act].says), names(chosen), useless.size > 0 && leftOut(act, useless),
    ending?.node, reason.node, fault),
  h('div', { class: 'choices' }, h('button', { type: 'button', onclick: close }, 'Cancel'),
    h('button', { class: HARD.includes(act) ? 'primary danger' : 'primary' }, `${labelOf(act)} ${many}`))));
  /** @type {HTMLElement | null} */ (content.querySelector('.choices button'))?.focus();
}

/**
 * How many stay as they are, since in their state it would do nothing or fail.
 * @param {Act} act
 * @param {Map<State, number>} states
 */
function leftOut(act, states) {
  const all = [...states.values()].reduce((sum, n) => sum + n, 0);
  const each = [...states].map(([state, n]) => `${count(n)} ${n === 1 ? 'is' : 'are'} ${state}`).join(', ');
  return h('p', {}, h('strong', {}, `${plural(all, 'mount')} ${all === 1 ? 'is' : 'are'} left out`),
    `, where “${labelOf(act)}” would change nothing or fail: ${each}. ${all === 1 ? 'It stays' : 'They stay'} selected.`);
}

/** The first few. @param {string[]} ids */
function names(ids) {
  const more = ids.length - NAMED_MAX;
  return h('ul', { class: 'names' }, ids.slice(0, NAMED_MAX).map((id) => h('li', { class: 'mono' }, id)), more > 0 && h('li', {}, `and ${count(more)} more`));
}

/** @param {Failure[]} failures */
function failed(failures) {
  return h('div', {}, h('h3', {}, `${plural(failures.length, 'mount')} failed`),
    h('div', { class: 'scroll failures', tabindex: 0, role: 'region', 'aria-label': 'What failed' },
      h('table', { class: 'plain' }, h('tbody', {}, failures.slice(0, FAILURES_MAX).map(({ id, why }) => h('tr', {}, h('th', { scope: 'row', class: 'mono' }, id), h('td', {}, why)))))),
    failures.length > FAILURES_MAX && h('p', { class: 'hint' }, `And ${count(failures.length - FAILURES_MAX)} more.`));
}

/**
 * Some at a time, in their order, until all are done or it is stopped. What has begun is ended.
 * @template T
 * @param {T[]} ids
 * @param {AbortSignal} signal
 * @param {(id: T) => Promise<void>} work
 */
async function inTurns(ids, signal, work) {
  let at = 0;
  const turn = async () => {
    while (at < ids.length && !signal.aborted) {
      at += 1;
      await work(ids[at - 1]);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, turn));
}
