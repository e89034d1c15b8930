// Owns what happened, the newest first and each once: revisions looked up and
// told meet here, with what is told only. Pure.

/** @import { Revision, State } from '../../../types.js' */

/**
 * @typedef {{ at: string, mount: string, state: State, state_reason: string | null, restarts: number, generation: number }} StateNews
 * @typedef {{ at: string, mount: string, operation: number, kind: Revision['action'] | null, mode: string | null, cut: boolean }} OperationNews
 * @typedef {{ key: string, at: string, live: number } & (
 *   { kind: 'change', data: Revision } | { kind: 'state', data: StateNews } | { kind: 'operation', data: OperationNews } | { kind: 'note', data: string }
 * )} Item `live` is the number of what was told, 0 of what was looked up
 */

export const KEPT_MAX = 2000;

/** One that was looked up. @param {Revision} data @returns {Item & { kind: 'change' }} */
export const changeOf = (data) => ({ key: `revision ${data.revision}`, at: data.at, live: 0, kind: 'change', data });

/** Many changes can be of the same millisecond. @param {Item} a @param {Item} b */
function isNewer(a, b) {
  if (a.at !== b.at) return a.at > b.at;
  return a.kind === 'change' && b.kind === 'change' ? a.data.revision > b.data.revision : a.live > b.live;
}

export class Feed {
  /** @type {Item[]} newest first */
  items = [];
  #keys = new Set();
  #count = 0;
  /** What was asked for by hand is kept too. */
  #max = KEPT_MAX;
  /** How many older ones made room. */
  gone = 0;

  /** The number of what was told last. */
  get last() {
    return this.#count;
  }

  /** What an event of the stream tells. @param {string} type @param {any} data */
  tell(type, data) {
    this.#count += 1;
    const live = this.#count;
    if (type === 'state') this.#add({ key: `state ${live}`, at: data.at, live, kind: 'state', data });
    else if (type === 'operation') this.#add({ key: `operation ${live}`, at: data.at, live, kind: 'operation', data });
    else if (data?.revision !== undefined && data.mount !== undefined) this.#add({ ...changeOf(data), live });
    this.#bound();
  }

  /** Something about the feed itself. @param {string} text */
  note(text) {
    this.#count += 1;
    this.#add({ key: `note ${this.#count}`, at: new Date().toISOString(), live: this.#count, kind: 'note', data: text });
  }

  /** Those of a page of the history. @param {Item[]} items */
  look(items) {
    for (const item of items) this.#add(item);
    this.#max = Math.max(KEPT_MAX, this.items.length);
  }

  /** Forgets the revisions, which can be looked up again, and what is not wanted. @param {(item: Item) => boolean} wanted */
  begin(wanted) {
    this.items = this.items.filter((item) => item.kind !== 'change' && wanted(item));
    this.#keys = new Set(this.items.map(({ key }) => key));
    this.#max = KEPT_MAX;
    this.gone = 0;
  }

  /** @param {Item} item */
  #add(item) {
    if (this.#keys.has(item.key)) return;
    this.#keys.add(item.key);
    // Most come in order, at one end or the other.
    if (this.items.length === 0 || isNewer(item, this.items[0])) this.items.unshift(item);
    else this.items.splice(this.items.findLastIndex((one) => isNewer(one, item)) + 1, 0, item);
  }

  #bound() {
    for (const { key } of this.items.splice(this.#max)) {
      this.#keys.delete(key);
      this.gone += 1;
    }
  }
}
