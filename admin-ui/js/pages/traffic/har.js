// Owns requests as a file that other tools read: HAR 1.2, and commands for
// curl. Pure. What is not known is -1 or empty, as the format wants it; what
// the server has hidden stays so.

/** @import { TrafficEntry } from '../../../types.js' */

import { micro, partsOf } from './timing.js';

/** What stands in the place of a secret, and of fields that found no room. */
export const HIDDEN = '…';

/** Fields that a client sets by itself. */
const OWN_FIELDS = ['host', 'connection', 'content-length', 'transfer-encoding', 'te', 'upgrade', 'keep-alive'];

/**
 * @param {TrafficEntry[]} entries
 * @param {string} version of what made it
 */
export function harOf(entries, version) {
  const byTime = entries.toSorted((a, b) => (a.time < b.time ? -1 : a.time > b.time ? 1 : 0));
  return { log: { version: '1.2', creator: { name: 'Standin', version }, entries: byTime.map(entryOf) } };
}

/** @param {TrafficEntry} entry */
function entryOf(entry) {
  const timings = timingsOf(entry.timing_ms);
  const { request_headers: asked, response_headers: told } = entry;
  const url = urlOf(entry);
  const type = fieldOf(told, 'content-type') ?? 'x-unknown';
  const isPlain = fieldOf(told, 'content-encoding') === undefined;
  return {
    startedDateTime: entry.time,
    time: micro([timings.blocked, timings.connect, timings.send, timings.wait, timings.receive].reduce((sum, part) => sum + Math.max(0, part), 0)),
    request: {
      method: entry.method,
      url,
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: headersOf(asked),
      queryString: queryOf(url),
      headersSize: -1,
      bodySize: entry.received_bytes,
      ...leftOut(asked),
    },
    response: {
      status: entry.status ?? 0,
      statusText: '',
      httpVersion: 'HTTP/1.1',
      cookies: [],
      headers: headersOf(told),
      content: { size: isPlain ? entry.sent_bytes : -1, mimeType: type },
      redirectURL: fieldOf(told, 'location') ?? '',
      headersSize: -1,
      bodySize: entry.sent_bytes,
      ...leftOut(told),
    },
    cache: {},
    timings,
    ...(entry.upstream === null ? {} : { serverIPAddress: entry.upstream.replace(/:\d+$/, '').replace(/^\[|\]$/g, '') }),
    comment: `${entry.request_id} at mount ${entry.mount}: ${entry.failure ?? entry.end}`,
  };
}

/** @param {TrafficEntry['timing_ms']} timing */
function timingsOf(timing) {
  const [queued, connect, waiting, rest] = partsOf(timing).map((part) => part.ms);
  // Without an answer of the upstream, all that time was spent waiting for one.
  return {
    blocked: queued ?? -1, dns: -1, connect: connect ?? -1, ssl: -1, send: 0,
    wait: waiting ?? rest ?? 0, receive: waiting === null ? 0 : rest ?? 0,
  };
}

/** @param {TrafficEntry['request_headers']} fields */
function headersOf(fields) {
  return fields.filter(([name]) => name !== HIDDEN).map(([name, value]) => ({ name, value }));
}

/** @param {TrafficEntry['request_headers']} fields */
function leftOut(fields) {
  const last = fields.at(-1);
  return last?.[0] === HIDDEN ? { comment: `Fields that found no room: ${last[1]}` } : {};
}

/**
 * @param {TrafficEntry['request_headers']} fields
 * @param {string} name in lower case
 */
function fieldOf(fields, name) {
  return fields.find((field) => field[0].toLowerCase() === name)?.[1];
}

/**
 * The URL that was asked for, with what stands for secrets as a URL may have
 * it. Whether the client came by HTTPS is not known here.
 * @param {TrafficEntry} entry
 */
export function urlOf({ target, request_headers: fields }) {
  const ascii = target.replace(/[^\x21-\x7e]+/g, encodeURIComponent);
  return ascii.startsWith('/') ? `http://${fieldOf(fields, 'host') ?? 'localhost'}${ascii}` : ascii;
}

/** @param {string} url */
function queryOf(url) {
  const query = url.split('?').slice(1).join('?');
  return query.split('&').filter(Boolean).map((pair) => {
    const [name, value = ''] = pair.split(/=(.*)/s);
    return { name: decoded(name), value: decoded(value) };
  });
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return text;
  }
}

/**
 * The fields that the same request would have again: neither those that are
 * hidden, in part or whole, nor those that any client sets by itself.
 * @param {TrafficEntry} entry
 */
export function sentAgain({ request_headers: fields }) {
  return fields.filter(([name, value]) => name !== HIDDEN && !value.includes(HIDDEN) && !OWN_FIELDS.includes(name.toLowerCase()));
}

/**
 * The same request as a command for a shell; what is hidden is not in it.
 * @param {TrafficEntry} entry
 */
export function curlOf(entry) {
  const method = entry.method === 'GET' ? [] : entry.method === 'HEAD' ? ['--head'] : ['--request', quoted(entry.method)];
  const fields = sentAgain(entry)
    // An empty value is written with a semicolon, or curl would leave the field out.
    .map(([name, value]) => `--header ${quoted(value === '' ? `${name};` : `${name}: ${value}`)}`);
  return ['curl', '--globoff', '--path-as-is', ...method, quoted(urlOf(entry)), ...fields].join(' ');
}

/** One word of a shell, whatever is in it. @param {string} text */
function quoted(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
