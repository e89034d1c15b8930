// Owns streams of server-sent events: read with the token, which the browser's
// own EventSource cannot send, come back to after a loss, and let go while the
// page is hidden, since a browser has few connections to one server.

import { Problem, openStream } from './api.js';
import { untilVisible, wait } from './poll.js';

const AGAIN_MS_MIN = 500;
const AGAIN_MS_MAX = 10_000;
const SILENCE_MS_MAX = 40_000; // the server says every 15 s that it is alive

/** @typedef {{ type: string, data: any, id: string }} Event */

/**
 * Reads a stream until `signal` is aborted, from the last id on after each loss.
 * @param {string} path with its query
 * @param {object} told
 * @param {(event: Event) => void} told.event
 * @param {(live: boolean, problem?: unknown) => void} [told.live] whether events come now; a problem that will not go away ends it
 * @param {AbortSignal} told.signal
 * @param {string} [told.since] the last id that is known
 */
export async function watch(path, { event, live, signal, since = '' }) {
  let id = since;
  let again = AGAIN_MS_MIN;
  while (!signal.aborted) {
    await untilVisible(signal);
    const stop = new AbortController();
    const hide = () => { if (document.hidden) stop.abort(); };
    document.addEventListener('visibilitychange', hide, { signal });
    try {
      const both = AbortSignal.any([signal, stop.signal]);
      /** @type {Record<string, string>} */
      const more = id ? { 'Last-Event-ID': id } : {};
      const opening = setTimeout(() => stop.abort(), SILENCE_MS_MAX);
      const answer = await openStream(path, more, both).finally(() => clearTimeout(opening));
      live?.(true);
      again = AGAIN_MS_MIN;
      await read(answer, stop, id, (one) => {
        id = one.id;
        if (one.type !== '') event(one);
      });
    } catch (error) {
      if (signal.aborted) return;
      const final = error instanceof Problem && error.status < 500 && error.status !== 429;
      live?.(false, final ? error : undefined);
      if (final) return;
    } finally {
      document.removeEventListener('visibilitychange', hide);
      stop.abort();
    }
    if (signal.aborted) return;
    live?.(false);
    await wait(again * (0.75 + Math.random() / 2), signal);
    again = Math.min(again * 2, AGAIN_MS_MAX);
  }
}

/**
 * @param {Response} answer
 * @param {AbortController} stop
 * @param {string} id the last one that is known
 * @param {(event: Event) => void} take
 */
async function read(answer, stop, id, take) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (answer.body).getReader();
  const decoder = new TextDecoder();
  const lines = new Lines(take, id);
  for (;;) {
    const timer = setTimeout(() => stop.abort(), SILENCE_MS_MAX);
    const { done, value } = await reader.read().finally(() => clearTimeout(timer));
    if (done) return;
    lines.take(decoder.decode(value, { stream: true }));
  }
}

/** Lines become events, as the HTML standard says (§9.2.6): an id counts until another is said. One alone has no type. */
export class Lines {
  #rest = '';
  #type = '';
  /** @type {string[]} */
  #data = [];
  #id;
  /** @type {(event: Event) => void} */
  #give;

  /** @param {(event: Event) => void} give @param {string} id */
  constructor(give, id) {
    this.#give = give;
    this.#id = id;
  }

  /** @param {string} text */
  take(text) {
    const lines = (this.#rest + text).split(/\r\n|\n/);
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#line(line);
  }

  /** @param {string} line */
  #line(line) {
    if (line === '') return this.#end();
    const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
    if (name === 'event') this.#type = value;
    else if (name === 'data') this.#data.push(value);
    else if (name === 'id') this.#id = value;
  }

  #end() {
    const said = this.#data.join('\n');
    const type = said === '' ? '' : this.#type || 'message';
    this.#give({ type, data: said === '' ? null : JSON.parse(said), id: this.#id });
    this.#type = '';
    this.#data = [];
  }
}
