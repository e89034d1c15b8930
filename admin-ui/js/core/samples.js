// Owns what was seen of the process in the last minutes, whichever page was
// open: GET /v1/stats tells what there was since the start, and two answers
// what there was between them. Kept over a reload of the tab.

/** @import { ProcessStats } from '../../types.js' */
/** @import { Point } from '../parts/chart.js' */
/** @import { Bucket } from './histogram.js' */

import { get } from './api.js';
import { gained, quantile } from './histogram.js';

const KEY = 'standin-samples';
const KEPT_MS = 300_000;
const MINUTE_MS = 61_000; // a minute, and what a poll may be late
const APART_MS_MIN = 500; // two that ask at once are one
const GAP_MS_MAX = 15_000; // what lies further apart says nothing of each moment between

/**
 * What was counted until then.
 * @typedef {{ at: number, requests: number, failed: number, errors: number, buckets: Bucket[] }} Mark
 */

/**
 * What happened between the answer before this one and this one.
 * @typedef {{ at: number, p99: number | null, share: number | null, inFlight: number | null }} Sample
 */

/**
 * @typedef {object} Recent what happened lately
 * @property {number} seconds how lately
 * @property {number} requests
 * @property {number} failed replies of 5xx
 * @property {number} errors
 * @property {number | null} p50
 * @property {number | null} p99
 */

/** @typedef {{ started: string, seconds: [second: number, count: number][], marks: Mark[], samples: Sample[] }} Kept */

/** @type {Kept} */
let kept = restored();
let takenAt = 0;
let turns = 0;
/** The answer to who asked last of those that were answered. @type {{ turn: number, stats: ProcessStats } | null} */
let latest = null;

/**
 * Asks for the numbers of now, and keeps what they say.
 * @param {AbortSignal} signal
 */
export async function take(signal) {
  const turn = turns += 1;
  const stats = await get('getStats', { signal });
  if (latest && turn < latest.turn) return latest.stats; // an older answer came last
  latest = { turn, stats };
  keep(stats, Date.now());
  return stats;
}

/** When that was done last, by the clock of the browser. */
export const lastTaken = () => takenAt;

/**
 * @param {ProcessStats} stats
 * @param {number} now
 */
function keep(stats, now) {
  if (kept.started !== stats.started_at) kept = none(stats.started_at);
  keepSeconds(stats);
  if (now - takenAt < APART_MS_MIN) return;
  takenAt = now;
  /** @type {Mark} */
  const mark = {
    at: now, requests: stats.requests.total, failed: stats.requests['5xx'], errors: stats.errors,
    buckets: stats.latency_ms.buckets,
  };
  const before = kept.marks[kept.marks.length - 1];
  const near = before && now - before.at <= GAP_MS_MAX;
  if (!near && kept.samples.length) kept.samples.push({ at: now, p99: null, share: null, inFlight: null });
  const lately = near ? between(before, mark) : null;
  kept.samples.push({
    at: now, p99: lately?.p99 ?? null, inFlight: stats.in_flight,
    share: lately && lately.requests > 0 ? lately.failed / lately.requests : null,
  });
  kept.samples = kept.samples.filter(({ at }) => now - at <= KEPT_MS);
  kept.marks = [...kept.marks, mark].filter(({ at }) => now - at <= MINUTE_MS);
}

/** The server tells each of the last 60 seconds; those before are kept here. @param {ProcessStats} stats */
function keepSeconds({ uptime_s, requests_by_second: told }) {
  const first = uptime_s - told.length;
  const older = kept.seconds.filter(([second]) => second < first && second >= uptime_s - KEPT_MS / 1000);
  const newer = told.map((count, at) => /** @type {[number, number]} */ ([first + at, count]));
  kept.seconds = [...older, ...newer.filter(([second]) => second >= 0)];
}

/** Requests in each second of the process's life. @returns {{ points: Point[], now: number }} */
export function perSecond() {
  /** @type {Point[]} */
  const points = [];
  for (const [second, count] of kept.seconds) {
    const before = points[points.length - 1];
    if (before && second * 1000 - before.at > 1000) points.push({ at: before.at + 1000, value: null });
    points.push({ at: second * 1000, value: count });
  }
  return { points, now: points[points.length - 1]?.at ?? 0 };
}

/**
 * One of the numbers that are only known where somebody watched.
 * @param {'p99' | 'share' | 'inFlight'} name
 * @returns {{ points: Point[], now: number }}
 */
export function series(name) {
  return { points: kept.samples.map((sample) => ({ at: sample.at, value: sample[name] })), now: takenAt };
}

/** The last minute, or what was seen of it; null before there are two answers. @returns {Recent | null} */
export function lastMinute() {
  const { marks } = kept;
  return marks.length > 1 ? between(marks[0], marks[marks.length - 1]) : null;
}

/**
 * @param {Mark} from
 * @param {Mark} until
 * @returns {Recent}
 */
function between(from, until) {
  const buckets = gained(until.buckets, from.buckets);
  return {
    seconds: Math.round((until.at - from.at) / 1000),
    requests: until.requests - from.requests, failed: until.failed - from.failed, errors: until.errors - from.errors,
    p50: quantile(buckets, 0.5), p99: quantile(buckets, 0.99),
  };
}

/** @param {string} started @returns {Kept} */
function none(started) {
  return { started, seconds: [], marks: [], samples: [] };
}

/** @returns {Kept} what was kept when the tab was reloaded */
function restored() {
  try {
    const found = JSON.parse(sessionStorage.getItem(KEY) ?? '');
    sessionStorage.removeItem(KEY);
    return found;
  } catch {
    return none('');
  }
}

window.addEventListener('pagehide', () => sessionStorage.setItem(KEY, JSON.stringify(kept)));
