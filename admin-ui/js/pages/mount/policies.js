// Owns what a mount does to what passes through it, in sentences: only what is
// not as by default, or matters. A value that could be a secret is never told.

/** @import { Mount } from '../../../types.js' */

import { usual } from '../../core/defaults.js';
import { bytes, count, duration, plural } from '../../core/format.js';

/** @typedef {{ group: string, text: string, tone?: 'warn' }} Policy */

/** What tells the upstream of the client. */
const FORWARDED = {
  x_forwarded_for: 'X-Forwarded-For', x_forwarded_host: 'X-Forwarded-Host', x_forwarded_proto: 'X-Forwarded-Proto',
  x_forwarded_port: 'X-Forwarded-Port', x_forwarded_prefix: 'X-Forwarded-Prefix', forwarded: 'Forwarded',
};

/** @type {Record<string, string>} */
const TREATMENTS = {
  overwrite: 'replaced by ours',
  append: 'ours is added to what a trusted proxy sent',
  keep: 'kept as sent, ours where none came',
  off: 'removed',
  pass: 'passed on unchecked',
};

/** @typedef {keyof Mount['timeouts']} Timeout */
/** @type {Record<Timeout, string>} */
export const TIMEOUT_NAMES = {
  connect_ms: 'Connecting', first_byte_ms: 'First byte', idle_ms: 'Standstill', tunnel_idle_ms: 'Standstill of a tunnel', total_ms: 'The whole exchange',
};

/** A time-out. @param {number | null | undefined} ms */
export function span(ms) {
  if (ms === null || ms === undefined) return 'no limit';
  if (ms % 1000 !== 0) return `${count(ms)} ms`;
  return duration(ms / 1000).replace(/ 0 (s|min|h)$/, '');
}

/** A, B and C. @param {readonly string[]} names */
export function list(names) {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** Words of a mount, which may come as one text. @param {string | string[] | undefined} words @returns {string[]} */
const words = (words) => (typeof words === 'string' ? words.split(/\s+/).filter(Boolean) : words ?? []);

/**
 * @param {Mount} mount
 * @returns {Policy[]}
 */
export function policiesOf(mount) {
  /** @type {Policy[]} */
  const found = [];
  const say = (/** @type {string} */ group, /** @type {string | false | null | undefined} */ text) => {
    if (text) found.push({ group, text });
  };
  const methods = words(mount.allowed_request_methods);
  say('Let in', methods.length > 0 && `Only ${list(methods)}; other methods get ${mount.disallowed_status}.`);
  say('Let in', mount.identity?.basic && `A password is asked for (“${mount.identity.basic.realm}”), and not passed on.`);
  for (const text of limitsOf(mount)) say('Let in', text);

  if (mount.kind === 'regular') {
    say('Request', mount.host_header === 'preserve' ? 'Host is the one that the client asked for.'
      : mount.host_header !== 'upstream' && `Host is always ${mount.host_header}.`);
    say('Request', !mount.strip_prefix && mount.match.path !== '/' && 'The whole path is passed on, its prefix too.');
  }
  const suppressed = words(mount.suppress_http_headers);
  say('Request', suppressed.length > 0 && `Not passed on: ${list(suppressed)}.`);
  for (const text of forwardedOf(mount)) say('Request', text);
  say('Request', editsOf(mount.request_headers));
  const identity = Object.keys(mount.identity?.headers ?? {});
  say('Request', identity.length > 0 && `${list(identity)} say who is served, whatever the client sends.`);
  say('Request', mount.identity?.sign && `Signed with the key ${mount.identity.sign.key_id}, valid for ${mount.identity.sign.expires_s} s.`);
  say('Request', mount.traceparent === 'ensure' && 'Gets a traceparent where it has none.');

  for (const text of trustOf(mount.tls)) say('Upstream', text);
  if (mount.tls?.insecure_skip_verify) found.push({ group: 'Upstream', text: 'Its certificate is not checked: whoever answers is believed.', tone: 'warn' });
  const allowed = words(mount.allow_addresses);
  say('Upstream', allowed.length > 0 && `May also be at ${list(allowed)}, which is else refused.`);
  const times = /** @type {Timeout[]} */ (Object.keys(TIMEOUT_NAMES)).filter((name) => mount.timeouts[name] !== usual(`/timeouts/${name}`, mount.kind))
    .map((name) => `${TIMEOUT_NAMES[name].toLowerCase()} ${span(mount.timeouts[name])}`);
  say('Upstream', times.length > 0 && `Time limits: ${list(times)}.`);

  say('Reply', mount.rewrite.location && 'URLs in Location and the like become those that clients see.');
  say('Reply', mount.rewrite.cookies && 'Path and Domain of cookies become those that clients see.');
  const rules = mount.rewrite.body ?? [];
  const types = [...new Set(rules.flatMap((rule) => words(rule.media_types)))];
  say('Reply', rules.length > 0 && `${plural(rules.length, 'text')} replaced in ${list(types)}.`);
  const { via_response: via } = mount.forwarded;
  say('Reply', via !== 'off' && `Via is ${via === 'on' ? 'added' : 'removed'}.`);
  say('Reply', editsOf(mount.response_headers));
  return found;
}

/** @param {Mount} mount @returns {string[]} */
function limitsOf({ kind, limits }) {
  const differs = (/** @type {keyof typeof limits} */ name) => limits[name] !== usual(`/limits/${name}`, kind);
  const found = [];
  const { concurrent_requests_max: requests, queue_max: queue, tunnels_max: tunnels, requests_per_s_max: perSecond } = limits;
  if (differs('concurrent_requests_max')) found.push(`At most ${plural(Number(requests), 'request')} at a time.`);
  if (differs('queue_max')) found.push(`${count(Number(queue))} more may wait, up to ${span(limits.queue_wait_ms_max)}.`);
  if (differs('requests_per_s_max')) found.push(`At most ${plural(Number(perSecond), 'request')} a second.`);
  if (differs('tunnels_max')) found.push(tunnels === 0 ? 'No tunnels: upgrades are refused.' : `At most ${plural(Number(tunnels), 'tunnel')} at a time.`);
  if (differs('request_body_bytes_max')) found.push(`At most ${bytes(Number(limits.request_body_bytes_max))} of content in a request.`);
  if (differs('client_bytes_per_s_min')) found.push(limits.client_bytes_per_s_min === 0 ? 'Clients may be as slow as they like.' : `Clients must keep up ${bytes(Number(limits.client_bytes_per_s_min))}/s.`);
  return found;
}

/** @param {Mount} mount @returns {string[]} */
function forwardedOf({ kind, forwarded }) {
  const fields = /** @type {[keyof typeof FORWARDED, string][]} */ (Object.entries(FORWARDED));
  const differ = fields.filter(([name]) => forwarded[name] !== usual(`/forwarded/${name}`, kind));
  const found = Object.keys(TREATMENTS).flatMap((treatment) => {
    const names = differ.filter(([name]) => forwarded[name] === treatment).map(([, field]) => field);
    return names.length === 0 ? [] : [`${list(names)}: ${TREATMENTS[treatment]}.`];
  });
  const peers = words(forwarded.trusted_peers);
  if (peers.length > 0) found.push(`Proxies at ${list(peers)} are believed.`);
  if (forwarded.via !== 'on') found.push(forwarded.via === 'off' ? 'Via is passed on as it came.' : 'Via is removed.');
  return found;
}

/** @param {Mount['request_headers']} edits */
function editsOf({ set = {}, add = {}, remove = [] }) {
  const each = [['removes', words(remove)], ['sets', Object.keys(set)], ['adds', Object.keys(add)]]
    .filter(([, names]) => names.length > 0).map(([verb, names]) => `${verb} ${list(/** @type {string[]} */ (names))}`);
  return each.length > 0 && `${each.join('; ').replace(/^./, (first) => first.toUpperCase())}.`;
}

/** @param {Mount['tls']} tls @returns {string[]} */
function trustOf(tls) {
  if (!tls) return [];
  return [
    tls.ca_file && `Its certificate must lead to one of ${tls.ca_file}.`,
    tls.server_name && `Its certificate must name ${tls.server_name}.`,
    tls.client_certificate_file && `Is shown our certificate, ${tls.client_certificate_file}.`,
    tls.min_version === '1.3' && 'Must speak TLS 1.3.',
  ].filter((text) => typeof text === 'string');
}

/** Where a path below the match arrives, in words. @param {Mount} mount */
export function joined(mount) {
  if (mount.kind === 'transparent') return 'The path is passed on as it is.';
  const { match: { path }, strip_prefix: strips } = mount;
  return strips && path !== '/' ? `What stands behind ${path} is joined to it.` : 'The whole path is joined to it.';
}
