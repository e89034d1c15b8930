// Owns the panel "What needs attention": asks for the mounts that may need it,
// no more often than something can have changed, and shows what is told of them.

/** @import { ProcessStats, Row, State } from '../../../types.js' */
/** @import { Known, Need } from './attention.js' */

import { now as serverNow } from '../../core/clock.js';
import { Problem, get, inWords } from '../../core/api.js';
import { h, keyed, setText } from '../../core/dom.js';
import { count, plural } from '../../core/format.js';
import { poll } from '../../core/poll.js';
import { to } from '../../core/router.js';
import { showState } from '../../parts/bits.js';
import { BROKEN, HELD, needs } from './attention.js';

const ASK_MS = 5000;
const WATCHED_MS = 300_000; // errors that rose in this time count as rising
const ASKED_MAX = 100;
const SHOWN_MAX = 12;
const AT_ONCE = 3;

/** What the mounts with errors had when they were seen, the oldest first; kept while other pages are open. @type {Map<string, Known[]>} */
const known = new Map();
let complete = false; // all mounts with errors were among those asked for
let askedAt = 0;
let started = '';

/** @param {AbortSignal} signal */
export function attentionPanel(signal) {
  const summary = h('p', { role: 'status', class: 'calm' }, 'Looking…');
  const list = h('ul', { class: 'needs' });
  const more = h('span');
  const rest = h('p', { class: 'hint' }, more, ' All: ',
    h('a', { href: to(['mounts'], { sort: '-errors' }) }, 'mounts by errors'), ', ',
    h('a', { href: to(['mounts'], { state: [...BROKEN, ...HELD].join(',') }) }, 'mounts that are not open'), '.');
  const node = h('section', { class: 'panel attention', 'aria-labelledby': 'attention' },
    h('div', { class: 'panel-head' }, h('h2', { id: 'attention' }, 'What needs attention'), summary), list, rest);
  rest.hidden = true;

  /** @type {ProcessStats} */
  let stats;
  /** @type {{ broken: Row[], held: Row[], failing: Row[], bounded: boolean } | null} `bounded`: not all were asked for */
  let found = null;
  /** @type {Map<string, { errors: number, text: string }>} */
  const details = new Map();
  /** @type {(() => void) | null} */
  let askNow = null;
  let asked = '';

  /** @returns {Need[]} */
  const all = () => {
    if (!found) return [];
    const first = new Map([...known].map(([id, seen]) => [id, seen[0]]));
    const texts = new Map([...details].map(([id, { text }]) => [id, text]));
    return needs({ stats, ...found, known: first, details: texts }, serverNow());
  };

  const show = () => {
    if (!found) return;
    const told = all();
    keyed(list, told.slice(0, SHOWN_MAX), ({ key }) => key, makeNeed, showNeed);
    const least = found.bounded ? 'at least ' : '';
    rest.hidden = told.length <= SHOWN_MAX && !found.bounded;
    setText(more, `${count(Math.min(told.length, SHOWN_MAX))} of ${least}${count(told.length)} are shown.`);
    setText(summary, summaryOf(told, stats, least));
  };

  const look = async (/** @type {AbortSignal} */ own) => {
    const { states } = stats.mounts;
    const [broken, held, failing] = await Promise.all([
      inStates(BROKEN, states, own), inStates(HELD, states, own), withErrors(stats, own)]);
    found = { broken, held, failing, bounded: [broken, held, failing].some(({ length }) => length === ASKED_MAX) };
    show();
    const told = new Set(all().slice(0, SHOWN_MAX).filter(({ hasErrors }) => hasErrors).map(({ id }) => id));
    const stale = failing.filter(({ id, stats: numbers }) => told.has(id) && details.get(id)?.errors !== numbers?.errors);
    for (let at = 0; at < stale.length; at += AT_ONCE) {
      await Promise.all(stale.slice(at, at + AT_ONCE).map((mount) => askDetail(mount, own)));
      show();
    }
  };

  /** @param {Row} mount @param {AbortSignal} own */
  const askDetail = async ({ id, stats: numbers }, own) => {
    const asked = await get('getMountStats', { path: { id }, signal: own }).catch((error) => {
      if (error instanceof Problem && error.status === 404) return null; // gone meanwhile
      throw error;
    });
    const last = asked?.recent_errors[0];
    if (last) details.set(id, { errors: numbers?.errors ?? 0, text: `${last.method} ${last.target}: ${last.detail}` });
  };

  return {
    node,
    /** @param {ProcessStats} now */
    show(now) {
      stats = now;
      const { states } = stats.mounts;
      const sign = [...[...BROKEN, ...HELD].map((state) => states[/** @type {keyof typeof states} */ (state)]), stats.errors > 0].join();
      if (!askNow) askNow = poll(ASK_MS, signal, look, (error) => { if (!found) setText(summary, inWords(error)); });
      else if (sign !== asked) askNow();
      asked = sign;
      show();
    },
  };
}

/**
 * @param {State[]} wanted
 * @param {Record<string, number>} states how many there are in each
 * @param {AbortSignal} signal
 * @returns {Promise<Row[]>}
 */
async function inStates(wanted, states, signal) {
  if (wanted.every((state) => states[state] === 0)) return [];
  const query = /** @type {any} */ ({ state: wanted, limit: ASKED_MAX, fields: ['state', 'state_reason', 'state_since', 'held', 'in_flight', 'tunnels'] });
  return (await get('listMounts', { query, signal })).mounts;
}

/**
 * Those with the most errors, whose numbers are remembered.
 * @param {ProcessStats} stats
 * @param {AbortSignal} signal
 * @returns {Promise<Row[]>}
 */
async function withErrors(stats, signal) {
  const mounts = stats.errors === 0 ? [] : (await get('listMounts', {
    query: { sort: '-errors', limit: ASKED_MAX, fields: ['state', 'state_since', 'last_activity_at', 'stats'] }, signal,
  })).mounts.filter((mount) => mount.stats && mount.stats.errors > 0);
  const now = Date.now();
  if (started !== stats.started_at || now - askedAt > WATCHED_MS) {
    known.clear();
    complete = false;
  }
  const ids = new Set(mounts.map(({ id }) => id));
  for (const id of known.keys()) if (!ids.has(id)) known.delete(id);
  for (const { id, stats: numbers } of mounts) {
    const { errors, requests } = /** @type {NonNullable<Row['stats']>} */ (numbers);
    // One that was not among all those with errors had none then.
    const before = known.get(id) ?? (complete ? [{ at: askedAt, errors: 0, requests }] : []);
    const same = before.filter((one) => now - one.at <= WATCHED_MS && one.errors <= errors);
    known.set(id, [...same, { at: now, errors, requests }]);
  }
  started = stats.started_at;
  complete = mounts.length < ASKED_MAX;
  askedAt = now;
  return mounts;
}

/** @param {Need[]} all @param {ProcessStats} stats @param {string} least */
function summaryOf(all, { mounts }, least) {
  if (all.length > 0) return `${least}${plural(all.length, 'thing')} to look at`.replace(/^a/, 'A');
  const open = mounts.states.open;
  return open === mounts.total ? `Nothing. ${mounts.total === 1 ? 'The one mount is open.' : `All ${count(open)} mounts are open.`}`
    : `Nothing. ${count(open)} of ${plural(mounts.total, 'mount')} ${open === 1 ? 'is' : 'are'} open.`;
}

/** @param {Need} need */
function makeNeed({ id, title }) {
  return h('li', {}, h('span', { class: 'pill' }),
    h('div', {}, id ? h('a', { href: to(['mounts', id]) }, id) : h('strong', {}, title), h('p', {}), h('p', { class: 'mono' })));
}

/** @param {HTMLElement} node @param {Need} need */
function showNeed(node, { state, tone, word, text, more = '' }) {
  const [pill, told] = /** @type {HTMLElement[]} */ ([...node.children]);
  if (state) showState(pill, state);
  else {
    pill.dataset.tone = tone;
    setText(pill, word);
  }
  const [, says, last] = told.children;
  setText(says, text);
  setText(last, more);
}
