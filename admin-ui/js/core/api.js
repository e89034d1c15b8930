// Owns the token and the calls of the admin API: which operation is which
// method and path, and what can go wrong as types. Never touches the page.

/** @import { Calls, Fault, Input, Name, Output, Problem as ProblemBody } from '../../types.js' */

import { heard } from './clock.js';

const TOKEN_KEY = 'standin-token';
const CALL_MS_MAX = 15_000;

/** @satisfies {Calls} */
const CALLS = /** @type {const} */ ({
  listMounts: ['GET', '/v1/mounts'],
  createMount: ['POST', '/v1/mounts'],
  applyMounts: ['PUT', '/v1/mounts'],
  getMount: ['GET', '/v1/mounts/{id}'],
  putMount: ['PUT', '/v1/mounts/{id}'],
  patchMount: ['PATCH', '/v1/mounts/{id}'],
  deleteMount: ['DELETE', '/v1/mounts/{id}'],
  pauseMount: ['POST', '/v1/mounts/{id}/pause'],
  resumeMount: ['POST', '/v1/mounts/{id}/resume'],
  enableMount: ['POST', '/v1/mounts/{id}/enable'],
  disableMount: ['POST', '/v1/mounts/{id}/disable'],
  drainMount: ['POST', '/v1/mounts/{id}/drain'],
  restartMount: ['POST', '/v1/mounts/{id}/restart'],
  getMountStats: ['GET', '/v1/mounts/{id}/stats'],
  listMountRevisions: ['GET', '/v1/mounts/{id}/revisions'],
  getOperation: ['GET', '/v1/operations/{id}'],
  getStats: ['GET', '/v1/stats'],
  getCaller: ['GET', '/v1/caller'],
  explainRequest: ['POST', '/v1/explain'],
  listRevisions: ['GET', '/v1/revisions'],
  getRevision: ['GET', '/v1/revisions/{revision}'],
  restoreRevision: ['POST', '/v1/revisions/{revision}/restore'],
  importMounts: ['POST', '/v1/import'],
  exportMounts: ['GET', '/v1/export'],
  listTokens: ['GET', '/v1/tokens'],
  createToken: ['POST', '/v1/tokens'],
  deleteToken: ['DELETE', '/v1/tokens/{id}'],
});

/** The API answered, with an error (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Partial<ProblemBody> | undefined} body
   */
  constructor(status, body) {
    super(body?.detail ?? `The answer (${status}) is not one of the Standin API.`);
    this.status = status;
    this.title = body?.title ?? '';
    this.requestId = body?.request_id ?? '';
    /** @type {Fault[]} */
    this.errors = Array.isArray(body?.errors) ? body.errors : [];
  }
}

/** No answer came, so what became of the call is not known. */
export class Unreachable extends Error {}

/** Tells `reached`, `lost` and `refused` (the token does not count): what calls learn of the server. */
export const contact = new EventTarget();

/** @param {'reached' | 'lost' | 'refused'} what */
export function tell(what) {
  contact.dispatchEvent(new Event(what));
}

export function token() {
  return sessionStorage.getItem(TOKEN_KEY) ?? '';
}

/**
 * Keeps a token for this tab; false when the text cannot be one.
 * @param {string} text
 */
export function keepToken(text) {
  const usable = /^[\x21-\x7e]+$/.test(text);
  if (usable) sessionStorage.setItem(TOKEN_KEY, text);
  return usable;
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN_KEY);
}

/**
 * @template {Name} N
 * @typedef {{ body: Output<N>, text: string, status: number, revision: number | null, etag: string | null }} Answer `text` is the body as it came
 */

/**
 * Calls an operation of openapi.yaml by its name.
 * @template {keyof typeof CALLS} N
 * @param {N} name
 * @param {Input<N>} [input]
 * @returns {Promise<Answer<N>>}
 */
export async function call(name, input = {}) {
  const [method, path] = CALLS[name];
  const answer = await fetch(url(path, input), {
    method,
    headers: headers(input),
    body: input.body === undefined ? undefined : typeof input.body === 'string' ? input.body : JSON.stringify(input.body),
    cache: 'no-store', credentials: 'omit', redirect: 'error',
    signal: AbortSignal.any([AbortSignal.timeout(input.ms ?? CALL_MS_MAX), ...(input.signal ? [input.signal] : [])]),
  }).catch((cause) => lost(cause, input.signal));
  const text = await answer.text().catch((cause) => lost(cause, input.signal));
  tell('reached');
  heard(answer.headers.get('Date'));
  const content = parse(text);
  if (!answer.ok || (content === undefined && answer.status !== 204)) throw refused(answer.status, content);
  const revision = answer.headers.get('X-Revision');
  return {
    body: /** @type {Output<N>} */ (content ?? null),
    text,
    status: answer.status,
    revision: revision === null ? null : Number(revision),
    etag: answer.headers.get('ETag'),
  };
}

/**
 * What an operation answers, where nothing else of the answer is wanted.
 * @template {keyof typeof CALLS} N
 * @param {N} name
 * @param {Input<N>} [input]
 * @returns {Promise<Output<N>>}
 */
export async function get(name, input) {
  return (await call(name, input)).body;
}

/**
 * The page of a list behind this one.
 * @template {'listMounts' | 'listRevisions' | 'listMountRevisions'} N
 * @param {N} name which list
 * @param {string} next as the list said it
 * @param {AbortSignal} [signal]
 * @returns {Promise<Output<N>>}
 */
export function follow(name, next, signal) {
  const query = /** @type {any} */ (new URLSearchParams(next.slice(next.indexOf('?') + 1)));
  const id = /^\/v1\/mounts\/([^/?]+)\//.exec(next)?.[1];
  return get(name, /** @type {any} */ ({ query, signal, path: id ? { id } : undefined }));
}

/**
 * A stream of server-sent events, to be read by `stream.js`.
 * @param {string} path
 * @param {Record<string, string>} more header fields
 * @param {AbortSignal} signal
 * @returns {Promise<Response>}
 */
export async function openStream(path, more, signal) {
  const answer = await fetch(path.slice(1), {
    headers: { Accept: 'text/event-stream', Authorization: `Bearer ${token()}`, ...more },
    cache: 'no-store', credentials: 'omit', redirect: 'error', signal,
  }).catch((cause) => lost(cause, signal));
  if (answer.ok && answer.body) {
    tell('reached');
    return answer;
  }
  throw refused(answer.status, parse(await answer.text().catch(() => '')));
}

/**
 * The path of a call, relative to the page so that it may lie below a prefix.
 * @param {string} path
 * @param {{ path?: object, query?: object }} input
 */
function url(path, input) {
  const given = /** @type {Record<string, unknown>} */ (input.path ?? {});
  const filled = path.slice(1).replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(given[name])));
  const query = queryOf(input.query);
  return query ? `${filled}?${query}` : filled;
}

/** @param {object | undefined} values of lists, labels are sent one by one and all others with commas between */
export function queryOf(values) {
  if (values instanceof URLSearchParams) return values.toString().replaceAll('%2C', ',');
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values ?? {})) {
    const each = Array.isArray(value) && name !== 'label' ? [value.join(',')] : [value].flat();
    for (const one of each) if (one !== undefined && one !== null && one !== '') query.append(name, String(one));
  }
  // Commas are plain in a query; a request line has room for 8 KiB.
  return query.toString().replaceAll('%2C', ',');
}

/** @param {{ headers?: Record<string, string>, body?: unknown, type?: string }} input */
function headers(input) {
  /** @type {Record<string, string>} */
  const type = input.body === undefined ? {} : { 'Content-Type': input.type ?? 'application/json' };
  return { Authorization: `Bearer ${token()}`, ...type, ...input.headers };
}

/** @param {string} text */
function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * @param {number} status
 * @param {Partial<ProblemBody> | undefined} content
 */
function refused(status, content) {
  if (status === 401) tell('refused');
  return new Problem(status, content);
}

/**
 * @param {unknown} cause
 * @param {AbortSignal | undefined} signal
 * @returns {never}
 */
function lost(cause, signal) {
  if (signal?.aborted) throw signal.reason; // nobody waits for it any more
  tell('lost');
  throw new Unreachable('The API cannot be reached.', { cause });
}

/**
 * Any error in words for people.
 * @param {unknown} error
 */
export function inWords(error) {
  if (!(error instanceof Problem)) return error instanceof Error ? error.message : String(error);
  const more = error.errors.map(({ pointer, detail }) => (pointer ? `${pointer}: ${detail}` : detail));
  return [error.message, ...more.filter((text) => text !== error.message)].join('\n');
}
