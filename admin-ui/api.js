// Owns the token and the calls of the admin API: each is one function, and what
// can go wrong is a type. Never touches the page.

const TOKEN_KEY = 'standin-token';
const CALL_MS_MAX = 10_000;

/** The API answered, with an error (RFC 9457). */
export class Problem extends Error {
  constructor(status, body) {
    super(body?.detail ?? 'The answer is not one of the Standin API.');
    this.status = status;
    this.title = body?.title ?? '';
    this.errors = Array.isArray(body?.errors) ? body.errors : [];
  }
}

/** No answer came, so what became of the call is not known. */
export class Unreachable extends Error {}

export function token() {
  return sessionStorage.getItem(TOKEN_KEY) ?? '';
}

/** Keeps a token for this tab; false when the text cannot be one. */
export function keepToken(text) {
  const usable = /^[\x21-\x7e]+$/.test(text);
  if (usable) sessionStorage.setItem(TOKEN_KEY, text);
  return usable;
}

export function forgetToken() {
  sessionStorage.removeItem(TOKEN_KEY);
}

/** The first `limit` mounts, and how many there are (`total`). */
export const listMounts = (limit) => call('GET', `v1/mounts?limit=${limit}`);
export const createMount = (spec) => call('POST', 'v1/mounts', spec);
export const deleteMount = (id) => call('DELETE', `v1/mounts/${encodeURIComponent(id)}`);

async function call(method, path, body) {
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  let answer, text;
  try {
    answer = await fetch(path, {
      method, headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: 'no-store', credentials: 'omit', redirect: 'error',
      signal: AbortSignal.timeout(CALL_MS_MAX),
    });
    text = await answer.text();
  } catch (cause) {
    throw new Unreachable('The API cannot be reached.', { cause });
  }
  if (answer.status === 204) return null;
  let content;
  try {
    content = JSON.parse(text);
  } catch {
    content = undefined;
  }
  if (answer.ok && content !== undefined) return content;
  throw new Problem(answer.status, content);
}
