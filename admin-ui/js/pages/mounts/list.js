// Owns the list as it comes from the server: its first page, those behind it,
// the live numbers of what is in view, and whether it is still the list.

/** @import { Output, Row } from '../../../types.js' */

import { Problem, Unreachable, contact, follow, get } from '../../core/api.js';
import { watch } from '../../core/stream.js';
import { FIELDS, LIVE, Pages, lineOf, refresh } from './pages.js';

const AT_ONCE_MAX = 100; // ids in one request line, which has 8 KiB
const CHANGES = ['create', 'replace', 'delete', 'expire', 'restore'];
const QUIET_MS = 300; // changes often come together
const QUIET_AGAIN_MS = 1000;
const NEAR = 100; // rows of a page
const FAR = 1000; // and of one on the way to rows far below

/**
 * @typedef {object} Told
 * @property {() => URLSearchParams} query what is wanted, as it is asked for at this moment
 * @property {(again: boolean) => void} loaded another list, or the same one `again`
 * @property {() => void} grew
 * @property {() => void} failed
 * @property {() => void} changed a line, or whether the list is another one by now
 * @property {() => boolean} mayReload whether nobody minds when rows move
 */

export class List {
  /** @type {Pages | null} */
  pages = null;
  /** @type {unknown} what kept the list, or its next page, from coming */
  fault = null;
  isLoading = false;
  hasChanged = false;
  isOther = false; // what is there is not yet what was asked for
  /** @type {unknown} why changes are not told any more */
  silence = null;
  sortedAt = 0;
  #said = 0; // the last revision when the stream began
  #asking = new AbortController();
  #streaming = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #reload;
  #wanted = 0;
  #signal;
  #told;

  /**
   * @param {Told} told
   * @param {AbortSignal} signal
   */
  constructor(told, signal) {
    this.#told = told;
    this.#signal = signal;
    signal.addEventListener('abort', () => clearTimeout(this.#reload));
    contact.addEventListener('reached', () => {
      if (!(this.fault instanceof Unreachable) || this.isLoading) return;
      if (this.pages) this.retry();
      else void this.load();
    }, { signal });
  }

  /**
   * Loads the first page. While it comes, the list there was stays.
   * @param {boolean} [again] the same list, as it is now
   */
  async load(again = false) {
    this.#asking.abort();
    const mine = this.#asking = new AbortController();
    clearTimeout(this.#reload);
    this.#reload = undefined;
    const query = this.#told.query();
    if (!again) this.#watch();
    this.isOther ||= !again;
    this.isLoading = true;
    this.hasChanged = false;
    try {
      const list = await get('listMounts', { query: /** @type {any} */ (query), signal: AbortSignal.any([mine.signal, this.#signal]) });
      if (mine.signal.aborted) return;
      this.pages = new Pages(list);
      this.isOther = false;
      this.sortedAt = Date.now();
      this.#end(null);
      if (this.#said > list.revision) this.hasChanged = true;
      this.#told.loaded(again);
      this.settle();
    } catch (error) {
      if (mine.signal.aborted || this.#signal.aborted) return;
      if (again) this.hasChanged = true; // the list that is there is still one
      else this.pages = null;
      this.#end(again ? null : error);
      if (again) this.#told.changed();
      else this.#told.failed();
    }
  }

  /** So many rows are wanted, from the first on. Of wishes, the last one counts. @param {number} rows */
  want(rows) {
    this.#wanted = rows;
    if (!this.isLoading && !this.fault) void this.#more();
  }

  /** Goes on where the last page did not come. */
  retry() {
    this.fault = null;
    void this.#more();
  }

  /** Loads pages one behind the other, since each says where the next one begins, for as long as more is wanted. */
  async #more() {
    const { pages } = this;
    const mine = this.#asking;
    const isWanted = () => pages !== null && pages.next !== null && pages.lines.length < this.#wanted;
    if (!pages || !isWanted()) return;
    this.isLoading = true;
    while (isWanted()) {
      const limit = this.#wanted - pages.lines.length > NEAR ? FAR : NEAR;
      try {
        const list = await follow('listMounts', limited(/** @type {string} */ (pages.next), limit), AbortSignal.any([mine.signal, this.#signal]));
        if (mine.signal.aborted) return;
        pages.add(list);
      } catch (error) {
        if (mine.signal.aborted || this.#signal.aborted) return;
        this.#end(error);
        return this.#told.grew();
      }
      this.#told.grew();
      await new Promise((done) => setTimeout(done)); // what was shown is painted before the next page is read
      if (mine.signal.aborted || this.#signal.aborted) return;
    }
    this.#end(null);
  }

  /** Goes on with a list that was left, which may have changed meanwhile. @param {import('./kept.js').Left} left */
  restore({ pages, sortedAt }) {
    this.pages = pages;
    this.sortedAt = sortedAt;
    this.#watch();
    if (this.#told.query().has('state')) void this.#recount();
  }

  /** The journal does not tell afterwards which states there were; the number of mounts does. */
  async #recount() {
    const mine = this.#asking;
    const query = this.#told.query();
    query.set('limit', '1');
    query.set('fields', 'id');
    try {
      const { total } = await get('listMounts', { query: /** @type {any} */ (query), signal: AbortSignal.any([mine.signal, this.#signal]) });
      if (!mine.signal.aborted && total !== this.pages?.total) this.change();
    } catch {
      // The rows that are seen are asked for all the same.
    }
  }

  /** @param {unknown} fault */
  #end(fault) {
    this.isLoading = false;
    this.fault = fault;
  }

  /**
   * The live numbers of these, and what edits have made of them.
   * @param {string[]} ids
   * @param {AbortSignal} signal
   */
  async refresh(ids, signal) {
    const { pages } = this;
    if (!pages) return;
    /** @type {string[]} */
    const edited = [];
    let went = false;
    const found = await inPortions(ids, LIVE, signal);
    for (const id of ids) {
      const line = pages.line(id);
      const row = found.get(id);
      if (!line) continue;
      if (!row) {
        went ||= !line.gone;
        line.gone = true;
      }
      else if (row.revision !== line.revision) edited.push(id);
      else refresh(line, row);
    }
    if (went && !this.hasChanged) this.change();
    if (edited.length === 0) return;
    for (const [id, row] of await inPortions(edited, FIELDS, signal)) Object.assign(pages.line(id) ?? {}, lineOf(row));
  }

  // ---- Whether it is still the list ----

  /** The list is another one by now: it is loaded again where nobody minds, else that is said. */
  change() {
    this.hasChanged = true;
    this.#told.changed();
    this.settle();
  }

  /** Loads a list that has changed, soon and not too often, if nobody minds. */
  settle() {
    if (!this.hasChanged || this.isLoading || this.#reload !== undefined || this.#signal.aborted) return;
    const pause = Math.max(QUIET_MS, this.sortedAt + QUIET_AGAIN_MS - Date.now());
    this.#reload = setTimeout(() => {
      this.#reload = undefined;
      if (this.hasChanged && !document.hidden && this.#told.mayReload()) this.reload();
    }, pause);
  }

  reload() {
    void this.load(true);
  }

  #watch() {
    this.#streaming.abort();
    const mine = this.#streaming = new AbortController();
    this.#said = 0;
    this.silence = null;
    const states = this.#told.query().get('state')?.split(',');
    const types = states ? [...CHANGES, 'state'] : CHANGES;
    void watch(`/v1/events?types=${types.join(',')}`, {
      signal: AbortSignal.any([mine.signal, this.#signal]),
      event: (event) => this.#take(event, states),
      live: (_, problem) => {
        if (!problem) return;
        if (problem instanceof Problem && problem.status === 410) {
          // The journal no longer has what came meanwhile.
          this.change();
          this.#watch();
        } else {
          this.silence = problem;
          this.#told.changed();
        }
      },
    });
  }

  /**
   * @param {import('../../core/stream.js').Event} event
   * @param {string[] | undefined} states those that are wanted
   */
  #take({ type, data }, states) {
    const line = type === 'hello' ? undefined : this.pages?.line(data.mount);
    const isNew = (/** @type {number} */ revision) => !this.pages || revision > this.pages.revision;
    if (type === 'hello') {
      const isFirst = this.#said === 0;
      this.#said ||= data.revision;
      if (isFirst && this.pages && isNew(data.revision)) this.change();
    } else if (type === 'state') {
      if (Boolean(line) !== states?.includes(data.state)) this.change();
    } else if (type === 'gone' || type === 'dropped') {
      this.change();
    } else if (isNew(data.revision)) {
      if (line && type === 'delete') line.gone = true;
      this.change();
    }
  }
}

/**
 * The path of a page with another number of rows.
 * @param {string} next
 * @param {number} limit
 */
function limited(next, limit) {
  const [path, query] = next.split('?');
  const asked = new URLSearchParams(query);
  asked.set('limit', String(limit));
  return `${path}?${asked}`;
}

/**
 * Mounts by their ids.
 * @param {string[]} ids
 * @param {import('../../../types.js').Field[]} fields
 * @param {AbortSignal} signal
 * @returns {Promise<Map<string, Row>>}
 */
async function inPortions(ids, fields, signal) {
  /** @type {Promise<Output<'listMounts'>>[]} */
  const portions = [];
  for (let at = 0; at < ids.length; at += AT_ONCE_MAX) {
    const id = ids.slice(at, at + AT_ONCE_MAX);
    portions.push(get('listMounts', { query: { id, limit: id.length, fields }, signal }));
  }
  const lists = await Promise.all(portions);
  return new Map(lists.flatMap(({ mounts }) => mounts.map((row) => [row.id, row])));
}
