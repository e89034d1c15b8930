// Owns a save without an answer. What was sent may still wait at the server, so
// a look that does not find it proves nothing: it is looked for until it shows,
// cannot count any more, or has had time enough.

/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {import('./conflict.js').Version} Version */
/** @typedef {{ id: string | null, base: Version, sent: Spec }} Doubt a null id is a mount that was to be made */
/**
 * @typedef {{ is: 'saved', id: string, now: Version, revision: number } | { is: 'refused' } | { is: 'absent' }} Fate
 *   `refused`: the server has another version by now, so what was sent does not count when it comes
 */

import { Problem, Unreachable, get } from '../../core/api.js';
import { poll } from '../../core/poll.js';
import * as session from '../../core/session.js';
import { tryOut } from './check.js';
import { current } from './conflict.js';
import { alike, at, put } from './model.js';

const AGAIN_MS = 1000;
const LOOKED_FOR_MS = 30_000;
export const LOOKED_FOR_S = LOOKED_FOR_MS / 1000;

/**
 * What the server has of it now; fails where it is not reached.
 * @param {Doubt} doubt
 * @param {AbortSignal} signal
 * @returns {Promise<Fate>}
 */
export async function lookOnce({ id, base, sent }, signal) {
  const where = id ?? at(sent, '/id') ?? await inTheWay(sent, signal);
  const now = typeof where === 'string' ? await current(where, signal) : null;
  if (typeof where !== 'string' || now === null) return { is: base.etag === null ? 'absent' : 'refused' };
  const wanted = put(sent, '/id', where);
  if (alike(wanted, now.spec)) return { is: 'saved', id: where, now, revision: now.revision };
  if (now.etag === base.etag) return { is: 'absent' };
  // It may have been saved, and changed by somebody else at once.
  const { revisions } = await get('listMountRevisions', { path: { id: where }, query: { since: String(base.revision), order: 'newest', limit: 50 }, signal });
  const mine = revisions.find(({ who, after }) => who === session.who().name && after && alike(wanted, after));
  return mine ? { is: 'saved', id: where, now, revision: mine.revision } : { is: 'refused' };
}

/** The mount that has its URLs, where it was to get an id by itself. @param {Spec} sent @param {AbortSignal} signal */
async function inTheWay(sent, signal) {
  const said = await tryOut({ id: null, etag: null, spec: sent, signal });
  if (said.is === 'unknown') throw new Unreachable();
  return said.is === 'taken' ? said.by : null;
}

/**
 * Looks until `signal` is aborted or its fate is known.
 * @param {Doubt} doubt
 * @param {AbortSignal} signal
 * @param {{ answered: () => void, known: (fate: Fate) => void }} told `answered`: the server does again, and does not have it so far
 */
export function lookFor(doubt, signal, { answered, known }) {
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let since = 0;
  poll(AGAIN_MS, both, async () => {
    const fate = await lookOnce(doubt, both);
    const is = Date.now();
    if (fate.is === 'absent' && (since === 0 || is - since < LOOKED_FOR_MS)) {
      if (since === 0) answered();
      since ||= is;
      return;
    }
    ended.abort();
    known(fate);
  }, (error) => {
    if (!(error instanceof Problem || error instanceof Unreachable)) throw error;
  });
}
