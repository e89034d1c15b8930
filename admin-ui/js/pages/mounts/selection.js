// Owns which mounts are selected, by name, so that they stay so while rows come
// and go. Pure.

/** @import { Line } from './pages.js' */

export class Selection {
  /** @type {Set<string>} */
  ids = new Set();
  #from = 0; // where a range begins

  /**
   * Selects a row or takes it back; with `range` all from the last one on.
   * @param {Line[]} lines
   * @param {number} at
   * @param {boolean} on
   * @param {boolean} range
   */
  set(lines, at, on, range) {
    const from = range ? Math.min(this.#from, lines.length - 1) : at;
    for (const line of lines.slice(Math.min(from, at), Math.max(from, at) + 1)) {
      if (!on) this.ids.delete(line.id);
      else if (isFree(line)) this.ids.add(line.id);
    }
    this.#from = at;
  }

  /** None is selected, as in a list that was filtered anew. */
  clear() {
    this.ids.clear();
    this.#from = 0;
  }

  /** @param {Line[]} lines @param {boolean} on */
  setAll(lines, on) {
    for (const line of lines) {
      if (!on) this.ids.delete(line.id);
      else if (isFree(line)) this.ids.add(line.id);
    }
  }

  /** All of these are selected, none, or (null) some. @param {Line[]} lines @returns {boolean | null} */
  covers(lines) {
    if (this.ids.size === 0) return false;
    let free = 0;
    let chosen = 0;
    for (const line of lines) {
      if (!isFree(line)) continue;
      free += 1;
      if (this.ids.has(line.id)) chosen += 1;
    }
    return chosen === 0 ? false : chosen === free ? true : null;
  }
}

/** @param {Line} line */
const isFree = (line) => line.why === null && !line.gone;
