// Owns how numbers, times and mounts read.

/** @import { Mount, State } from '../../types.js' */

import { now } from './clock.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const fine = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 });
const timeOfDay = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' });
const dateAndTime = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });

/** What stands where there is no number. */
export const NONE = '–';

/** 1,234 */
export const count = (/** @type {number} */ n) => whole.format(n);

/** 12.3K, for narrow places. */
export const compact = (/** @type {number} */ n) => (n < 10_000 ? whole.format(n) : short.format(n));

/** A number per second. @param {number} n */
export function rate(n) {
  if (n === 0) return '0';
  return n < 10 ? fine.format(n) : compact(Math.round(n));
}

/** Milliseconds. @param {number | null | undefined} ms */
export function ms(ms) {
  if (ms === null || ms === undefined) return NONE;
  if (ms < 100) return `${fine.format(ms)} ms`;
  if (ms < 10_000) return `${whole.format(ms)} ms`;
  return `${fine.format(ms / 1000)} s`;
}

/** @param {number} n */
export function bytes(n) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  const power = n < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(n) / 10));
  const value = n / 1024 ** power;
  return `${power === 0 || value >= 100 ? whole.format(value) : fine.format(value)} ${units[power]}`;
}

/** 0.3 is 30%. @param {number} share */
export function percent(share) {
  if (share === 0) return '0%';
  const hundredth = share * 100;
  return hundredth < 0.1 ? '<0.1%' : `${hundredth < 10 ? fine.format(hundredth) : whole.format(hundredth)}%`;
}

/** Seconds as the two largest units: 3 d 4 h. @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return s < 600 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${Math.floor(s / 60)} min`;
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3600)} h`;
}

/** How long ago. @param {string | null | undefined} time RFC 3339 */
export function ago(time) {
  if (!time) return NONE;
  const seconds = (now() - Date.parse(time)) / 1000;
  if (seconds < 5) return 'now';
  return seconds < 60 ? `${Math.floor(seconds)} s ago` : `${duration(seconds).split(' ').slice(0, 2).join(' ')} ago`;
}

/** How long since. @param {string | null | undefined} time RFC 3339 */
export function since(time) {
  return time ? duration((now() - Date.parse(time)) / 1000) : NONE;
}

/** The time of day. @param {string} time RFC 3339 */
export function clock(time) {
  return timeOfDay.format(new Date(time));
}

/** Date and time of day. @param {string} time RFC 3339 */
export function moment(time) {
  return dateAndTime.format(new Date(time));
}

/** One of many: 1 mount, 2 mounts. @param {number} n @param {string} noun @param {string} [many] */
export function plural(n, noun, many = `${noun}s`) {
  return `${count(n)} ${n === 1 ? noun : many}`;
}

/** With an end. @param {string} text */
export const ended = (text) => (/[.!?…/]$/u.test(text) ? text : `${text}.`);

/** A text of the server as a sentence. @param {string} text */
export const sentence = (text) => ended(text.replace(/^./u, (first) => first.toUpperCase()));

/** What it takes, as people write it. @param {Pick<Mount, 'match'>} mount */
export function matchOf({ match }) {
  return `${match.host ?? ''}${match.path}`;
}

/** Where it goes. @param {Mount} mount */
export function upstreamOf(mount) {
  if (mount.kind === 'regular') return mount.address;
  const hosts = mount.allowed_hosts ?? [];
  return mount.force_host ?? `the host it names (${[hosts].flat().join(', ')})`;
}

/** @type {Record<State, { tone: string, says: string }>} */
const STATES = {
  starting: { tone: 'warn', says: 'Its actor is being started.' },
  open: { tone: 'good', says: 'Requests are passed on.' },
  paused: { tone: 'calm', says: 'Requests are held until it is resumed.' },
  draining: { tone: 'calm', says: 'New requests are refused; those on their way go on.' },
  disabled: { tone: 'idle', says: 'New requests are refused until it is enabled.' },
  restarting: { tone: 'warn', says: 'Its actor failed and is started again.' },
  failed: { tone: 'bad', says: 'Its actor failed too often. Restart it or change it.' },
  stopped: { tone: 'idle', says: 'It is gone.' },
};

export const STATE_WORDS = /** @type {State[]} */ (Object.keys(STATES).filter((word) => word !== 'stopped'));

/** @param {State} state */
export const toneOf = (state) => STATES[state]?.tone ?? 'idle';

/** @param {State} state */
export const sayState = (state) => STATES[state]?.says ?? '';
