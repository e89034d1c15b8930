// Owns the mounts of the list that have come so far, page behind page, each as
// what its row shows and no more. Pure: asks nobody, touches no page.

/** @import { Field, Mount, Output, Row, State } from '../../../types.js' */

import { matchOf, upstreamOf } from '../../core/format.js';
import { whyNot } from '../../core/session.js';

/** What changes by itself. @type {Field[]} */
export const LIVE = ['id', 'revision', 'updated_at', 'last_activity_at', 'state', 'state_reason', 'state_since', 'in_flight', 'tunnels', 'held', 'stats'];

/** And what only an edit changes; asking for any of these costs the server several times as much. @type {Field[]} */
export const FIELDS = [...LIVE, 'limits', 'kind', 'match', 'address', 'force_host', 'allowed_hosts', 'labels', 'fixed'];

/**
 * A mount as its row shows it.
 * @typedef {object} Line
 * @property {string} id
 * @property {string} match
 * @property {string} upstream
 * @property {string} labels
 * @property {string | null} why why it cannot be changed with this token
 * @property {number} revision
 * @property {State} state
 * @property {string | null} reason
 * @property {string} since
 * @property {string} updated
 * @property {string | null} active
 * @property {number} inFlight
 * @property {number | null} limit requests at a time
 * @property {number} held
 * @property {number} tunnels
 * @property {number} rate
 * @property {number} requests
 * @property {number} errors
 * @property {number | null} p99
 * @property {boolean} gone
 */

/**
 * @param {Row} row with FIELDS
 * @returns {Line}
 */
export function lineOf(row) {
  const mount = /** @type {Mount} */ (row);
  return { id: row.id, match: matchOf(mount), upstream: upstreamOf(mount), labels: labelsOf(mount), why: whyNot(mount), limit: mount.limits.concurrent_requests_max ?? null,
    gone: false, ...liveOf(row) };
}

/** @param {Mount} mount */
const labelsOf = ({ labels }) => Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`).join(', ');

/**
 * @param {Line} line
 * @param {Row} row with LIVE
 */
export function refresh(line, row) {
  Object.assign(line, liveOf(row), { gone: false });
}

/** @param {Row} row */
function liveOf(row) {
  const mount = /** @type {Mount & Required<Pick<Row, 'stats'>>} */ (row);
  return {
    revision: mount.revision,
    state: mount.state,
    reason: mount.state_reason,
    since: mount.state_since,
    updated: mount.updated_at,
    active: mount.last_activity_at,
    inFlight: mount.in_flight,
    held: mount.held,
    tunnels: mount.tunnels,
    rate: mount.stats.requests_per_s,
    requests: mount.stats.requests,
    errors: mount.stats.errors,
    p99: mount.stats.p99_ms,
  };
}

/** The pages that have come. */
export class Pages {
  /** @type {Line[]} */
  lines = [];
  /** @type {Map<string, number>} */
  #places = new Map();
  total = 0;
  revision = 0;
  /** @type {string | null} */
  next = null;

  /** @param {Output<'listMounts'>} list */
  constructor(list) {
    this.revision = list.revision;
    this.add(list);
  }

  /** The page behind the last one. A mount whose value has changed meanwhile may come again, and counts once. @param {Output<'listMounts'>} list */
  add(list) {
    for (const row of list.mounts) {
      if (this.#places.has(row.id)) continue;
      this.#places.set(row.id, this.lines.length);
      this.lines.push(lineOf(row));
    }
    this.next = list.next;
    // What came twice or went meanwhile would leave the count and the rows at odds.
    this.total = list.next === null ? this.lines.length : Math.max(list.total, this.lines.length + 1);
  }

  /** Where a mount stands; -1 where it has not come. @param {string} id */
  placeOf(id) {
    return this.#places.get(id) ?? -1;
  }

  /** @param {string} id @returns {Line | undefined} */
  line(id) {
    return this.lines[this.placeOf(id)];
  }
}
