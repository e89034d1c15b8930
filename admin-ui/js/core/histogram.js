// Owns the arithmetic of latency histograms. The server splits each doubling of
// the microseconds into four buckets; a slot is the place of one on a scale
// that goes on in both directions.

/** @typedef {{ below: number | null, count: number }} Bucket all took less than that, in milliseconds; null has no end */

const PER_OCTAVE = 4;
const US_PER_MS = 1000;

/** The place of a time on the scale, between the slots. @param {number} ms */
export function placeOf(ms) {
  const us = Math.max(ms * US_PER_MS, 1);
  const power = Math.floor(Math.log2(us));
  return (power + us / 2 ** power - 1) * PER_OCTAVE;
}

/** The time at a place. @param {number} place */
function timeAt(place) {
  const power = Math.floor(place / PER_OCTAVE);
  return 2 ** power * (1 + place / PER_OCTAVE - power) / US_PER_MS;
}

/** The slot of the bucket that ends there. @param {number} below */
export const slotOf = (below) => Math.round(placeOf(below)) - 1;

/**
 * What came since: both are the histogram of the same counters.
 * @param {Bucket[]} now
 * @param {Bucket[]} before
 * @returns {Bucket[]}
 */
export function gained(now, before) {
  const were = new Map(before.map(({ below, count }) => [below, count]));
  return now.map(({ below, count }) => ({ below, count: count - (were.get(below) ?? 0) })).filter(({ count }) => count > 0);
}

/**
 * How long that share took at most, as if each bucket were filled evenly.
 * @param {Bucket[]} buckets
 * @param {number} share between 0 and 1
 * @returns {number | null}
 */
export function quantile(buckets, share) {
  const total = buckets.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return null;
  const rank = Math.max(1, Math.ceil(share * total - 1e-6));
  let sum = 0;
  for (const { below, count } of buckets) {
    if (sum + count >= rank && below !== null) {
      const begin = timeAt(slotOf(below));
      return begin + (below - begin) * (rank - sum) / count;
    }
    sum += count;
  }
  // In the bucket without an end: at least as long as all others.
  return buckets.findLast(({ below }) => below !== null)?.below ?? null;
}

/** Each with how many there are up to it. @param {Bucket[]} buckets */
export function upTo(buckets) {
  let sum = 0;
  return buckets.map((bucket) => {
    sum += bucket.count;
    return { ...bucket, sum };
  });
}

const TICK_SHARE_MIN = 0.15; // of the width, so that none stands on another

/**
 * Round times between two places, far enough apart to be read.
 * @param {number} first
 * @param {number} end
 */
export function ticksOf(first, end) {
  const ticks = (/** @type {number[]} */ steps) => [-3, -2, -1, 0, 1, 2, 3, 4, 5].flatMap((power) => steps.map((step) => step * 10 ** power))
    .filter((at) => placeOf(at) >= first && placeOf(at) <= end);
  const apart = (/** @type {number[]} */ all) => all.every((at, n) => n === 0 || placeOf(at) - placeOf(all[n - 1]) >= TICK_SHARE_MIN * (end - first));
  return [[1, 2, 5], [1, 3]].map(ticks).find(apart) ?? ticks([1]);
}
