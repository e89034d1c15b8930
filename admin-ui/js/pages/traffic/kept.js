// Owns which requests are kept: the newest ones, and while it is paused those
// that wait to be shown. Pure.

/** @import { TrafficEntry } from '../../../types.js' */

/** @typedef {{ key: string, entry: TrafficEntry }} Item */

export const KEPT_MAX = 500;

export class Kept {
  /** @type {Item[]} newest first */
  items = [];
  /** @type {Item[]} newest last */
  #news = [];
  #next = 1;
  isPaused = false;
  /** How many there were no longer room for. */
  gone = 0;
  /** How many the server left out, since they came too fast. */
  dropped = 0;

  /** How many came since it was paused. */
  waiting = 0;

  /** @param {TrafficEntry} entry */
  take(entry) {
    this.#news.push({ key: String(this.#next), entry });
    this.#next += 1;
    if (this.isPaused) this.waiting += 1;
    // Cut now and then only: cutting one by one would be work for each.
    if (this.#news.length >= KEPT_MAX * 2) this.gone += this.#news.splice(0, this.#news.length - KEPT_MAX).length;
  }

  /** Shows what came, unless it is paused. */
  settle() {
    if (this.isPaused || this.#news.length === 0) return;
    const all = [...this.#news.reverse(), ...this.items];
    this.gone += Math.max(0, all.length - KEPT_MAX);
    this.items = all.slice(0, KEPT_MAX);
    this.#news = [];
    this.waiting = 0;
  }

  /** @param {boolean} isPaused */
  pause(isPaused) {
    this.settle();
    this.isPaused = isPaused;
    this.settle();
  }

  clear() {
    this.items = [];
    this.#news = [];
    this.waiting = this.gone = this.dropped = 0;
  }

  /** Keeps those only. @param {(entry: TrafficEntry) => boolean} wanted */
  keep(wanted) {
    this.items = this.items.filter(({ entry }) => wanted(entry));
    this.#news = this.#news.filter(({ entry }) => wanted(entry));
    this.waiting = Math.min(this.waiting, this.#news.length);
  }
}
