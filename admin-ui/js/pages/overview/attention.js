// Owns what needs attention: which mounts and bounds are told of, in which
// order, and in which words. Decides from what the server said, asks nothing.

/** @import { ProcessStats, Row, State } from '../../../types.js' */

import { count, duration, percent, plural, sayState, sentence } from '../../core/format.js';

const SETTLED_S = 60; // a pause or a drain shorter than that is somebody's work in hand
const SHARE_MIN = 0.05; // of all requests since the start
const RISEN_SHARE_MIN = 0.01; // of those that ended while somebody watched
const QUIET_S_MAX = 3600; // errors of a mount that nobody asked since are history
const BOUND_SHARE_MIN = 0.8;

/** @type {State[]} */
export const BROKEN = ['failed', 'restarting'];
/** @type {State[]} */
export const HELD = ['paused', 'draining'];
/** What somebody switched off, and so answers with errors. @type {Record<string, string>} */
const OFF = { disabled: 'Switched off', draining: 'Switched off', paused: 'Paused' };

/**
 * Something to look at: a mount, or a bound of the process.
 * @typedef {object} Need
 * @property {string} key
 * @property {string} [id] the mount
 * @property {string} [title] what it is where it is no mount
 * @property {State} [state]
 * @property {'bad' | 'warn' | 'calm'} tone
 * @property {string} word the tone in a word, where there is no state
 * @property {string} text
 * @property {string} [more] what went wrong last, as the server told it
 * @property {boolean} [hasErrors] that is to be asked for
 */

/** @typedef {{ at: number, errors: number, requests: number }} Known a mount's counts when they were seen */

/**
 * @param {object} found
 * @param {ProcessStats} found.stats
 * @param {Row[]} found.broken
 * @param {Row[]} found.held
 * @param {Row[]} found.failing those with the most errors
 * @param {Map<string, Known>} found.known their counts when they were seen first
 * @param {Map<string, string>} found.details what went wrong last with them
 * @param {number} now
 * @returns {Need[]} the worst first
 */
export function needs({ stats, broken, held, failing, known, details }, now) {
  const inState = new Set([...broken, ...held].map(({ id }) => id));
  const others = failing.filter(({ id }) => !inState.has(id));
  const isOff = (/** @type {Row} */ { state }) => state !== undefined && state in OFF;
  const errors = others.filter((mount) => !isOff(mount)).flatMap((mount) => ofErrors(mount, known.get(mount.id), details.get(mount.id), now));
  return [
    ...broken.map((mount) => ofBroken(mount, now)),
    ...ofBounds(stats),
    ...errors.filter(({ tone }) => tone === 'bad'), ...errors.filter(({ tone }) => tone !== 'bad'),
    ...held.filter((mount) => secondsIn(mount, now) >= SETTLED_S).map((mount) => ofHeld(mount, now)),
    ...others.filter(isOff).flatMap((mount) => ofOff(mount, known.get(mount.id), details.get(mount.id), now)),
  ];
}

/** @param {Row} mount @param {number} now */
function secondsIn(mount, now) {
  return (now - Date.parse(mount.state_since ?? '')) / 1000;
}

/** A reason as a sentence. @param {Row} mount */
function reasonOf({ state, state_reason: reason }) {
  return reason ? sentence(reason) : sayState(/** @type {State} */ (state));
}

/** @param {Row} mount @param {number} now @returns {Need} */
function ofBroken(mount, now) {
  const { id, state } = mount;
  return { key: `state ${id}`, id, state, tone: state === 'failed' ? 'bad' : 'warn', word: '',
    text: `${reasonOf(mount)} For ${duration(secondsIn(mount, now))}.` };
}

/** @param {Row} mount @param {number} now @returns {Need} */
function ofHeld(mount, now) {
  const { id, state, held = 0, in_flight: inFlight = 0, tunnels = 0 } = mount;
  const waiting = [
    held > 0 && `${plural(held, 'request')} held`,
    inFlight > held && `${plural(inFlight - held, 'request')} on the way`,
    tunnels > 0 && `${plural(tunnels, 'tunnel')} open`,
  ].filter(Boolean).join(', ');
  return { key: `state ${id}`, id, state, tone: 'calm', word: '',
    text: `${reasonOf(mount)} For ${duration(secondsIn(mount, now))}${waiting ? `; ${waiting}` : ''}.` };
}

/**
 * @param {Row} mount
 * @param {Known | undefined} known
 * @param {string | undefined} more
 * @param {number} now
 * @returns {Need[]}
 */
function ofErrors({ id, stats, last_activity_at: last }, known, more, now) {
  if (!stats || stats.errors === 0) return [];
  const risen = known ? stats.errors - known.errors : 0;
  const ended = known ? stats.requests - known.requests : 0;
  const rises = known && risen > 0 && risen >= RISEN_SHARE_MIN * ended;
  const share = stats.errors / Math.max(stats.errors, stats.requests);
  const isRecent = Boolean(last) && (now - Date.parse(last ?? '')) / 1000 < QUIET_S_MAX;
  if (!rises && !(share >= SHARE_MIN && isRecent)) return [];
  const all = `${count(stats.errors)} of ${plural(stats.requests, 'request')} failed since the start, ${percent(share)}`;
  const lately = rises ? `; ${count(risen)} in the last ${duration(Math.max(1, (now - known.at) / 1000))}` : '';
  return [{ key: `errors ${id}`, id, tone: rises ? 'bad' : 'warn', word: rises ? 'failing' : 'errors', text: `${all}${lately}.`, more, hasErrors: true }];
}

/**
 * A mount that somebody switched off, where clients go on to ask.
 * @param {Row} mount
 * @param {Known | undefined} known
 * @param {string | undefined} more
 * @param {number} now
 * @returns {Need[]}
 */
function ofOff(mount, known, more, now) {
  const { state, state_since: since = '', last_activity_at: last } = mount;
  if (!state || !last || Date.parse(last) <= Date.parse(since)) return []; // nobody has asked since
  return ofErrors(mount, known, more, now).map((need) => ({ ...need, key: `off ${mount.id}`, state, tone: 'calm', word: '',
    text: `${OFF[state]}, and still asked for. ${need.text}` }));
}

/** @param {ProcessStats} stats @returns {Need[]} */
function ofBounds({ connections, file_descriptors: descriptors }) {
  /** @type {[string, string, number | null, number | null, string][]} */
  const bounds = [
    ['connections', 'Client connections', connections.open, connections.max, 'Those beyond wait until others end; --connections-max sets the bound.'],
    ['descriptors', 'File descriptors', descriptors.open, descriptors.max, 'Without them no connection is made or taken; the system sets the bound.'],
  ];
  return bounds.flatMap(([key, title, open, max, says]) => {
    if (open === null || max === null || open < BOUND_SHARE_MIN * max) return [];
    /** @type {Need} */
    const need = { key: `bound ${key}`, title, tone: open >= max ? 'bad' : 'warn', word: open >= max ? 'full' : 'nearly full',
      text: `${count(open)} of ${count(max)}. ${says}` };
    return [need];
  });
}
