// Owns what the server says to a mount: of a dry run, what saving it would do,
// and of a save, what became of it. All answers are values, none is thrown.

/** @import { DryRun, Fault, MountSpec } from '../../../types.js' */
/** @typedef {import('./model.js').Spec} Spec */

import { Problem, call, inWords } from '../../core/api.js';
import { at } from './model.js';

/** @typedef {{ id: string | null, etag: string | null, spec: Spec | string, signal?: AbortSignal }} Wish a null id makes a mount; a null ETag makes one under that id */
/**
 * @typedef {{ is: 'would', run: DryRun, isIdGiven: boolean }
 *   | { is: 'saved', id: string, revision: number }
 *   | { is: 'faulty', faults: Fault[], text: string }
 *   | { is: 'taken', by: string | null, text: string }
 *   | { is: 'raced', isGone?: boolean }
 *   | { is: 'refused', text: string }
 *   | { is: 'unknown' }} Verdict
 */

/** @param {Wish} wish @returns {Promise<Verdict>} */
export async function tryOut(wish) {
  const isIdGiven = wish.id !== null || at(wish.spec, '/id') !== undefined;
  return asked(async () => ({ is: 'would', run: /** @type {DryRun} */ ((await send(wish, { dry_run: true }, {})).body), isIdGiven }));
}

/**
 * @param {Wish} wish
 * @param {{ reason: string, mode?: 'finish' | 'deadline' | 'kill', drainMs?: number }} how
 * @returns {Promise<Verdict>}
 */
export async function save(wish, { reason, mode, drainMs }) {
  return asked(async () => {
    const { body, revision } = await send(wish, { mode, drain_ms: drainMs }, reason ? { 'X-Reason': reason } : {});
    const mount = /** @type {{ id: string, revision: number }} */ (body);
    return { is: 'saved', id: mount.id, revision: mount.revision ?? revision };
  });
}

/**
 * @param {Wish} wish
 * @param {object} query
 * @param {Record<string, string>} headers
 */
function send({ id, etag, spec, signal }, query, headers) {
  const body = /** @type {MountSpec} */ (spec);
  if (id === null) return call('createMount', { body, signal, query: /** @type {{ dry_run?: boolean }} */ (query), headers });
  /** @type {Record<string, string>} */
  const condition = etag === null ? { 'If-None-Match': '*' } : { 'If-Match': etag };
  return call('putMount', { path: { id }, body, signal, query, headers: { ...headers, ...condition } });
}

/** @param {() => Promise<Verdict>} work @returns {Promise<Verdict>} */
async function asked(work) {
  try {
    return await work();
  } catch (error) {
    // What stands between may have given up though the server did it.
    if (!(error instanceof Problem) || error.status < 400 || error.status === 502 || error.status === 504) return { is: 'unknown' };
    if (error.status === 412) return { is: 'raced' };
    if (error.status === 409) return { is: 'taken', by: /mount '([^']+)'/.exec(error.message)?.[1] ?? null, text: error.message };
    if (error.errors.length > 0) return { is: 'faulty', faults: error.errors, text: error.message };
    return { is: 'refused', text: inWords(error) };
  }
}

/** The field that is to be changed where the id or the match is another mount's. @param {Verdict & { is: 'taken' }} taken @returns {Fault[]} */
export function takenAt({ by, text }) {
  if (by === null) return [];
  const pointer = text.includes('answers for') ? '/match/path' : text.startsWith('there is') ? '/id' : '';
  return [{ pointer, detail: text }];
}
