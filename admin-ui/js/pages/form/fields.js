// Owns which members a mount has, as a person edits them: one line each, in
// sections. A member that is not here is shown as JSON only. Knows no page.

/** @typedef {'text' | 'number' | 'words' | 'select' | 'check' | 'map' | 'rules' | 'json'} Control */
/**
 * @typedef {object} Field
 * @property {string} at the JSON Pointer of the member
 * @property {string} label
 * @property {string} hint
 * @property {Control} control
 * @property {unknown} [default] what counts where nothing is said; `byKind` where that depends on the kind
 * @property {{ regular: unknown, transparent: unknown }} [byKind]
 * @property {'regular' | 'transparent'} [only] the kind of mount that has it
 * @property {readonly string[]} [options] of a select
 * @property {readonly string[]} [suggests] of a text
 * @property {string} [unit]
 * @property {string} [example]
 * @property {boolean} [wide]
 * @property {readonly [string, string]} [pair] what a map's two columns are called
 */
/** @typedef {{ title: string, says: string, fields: readonly Field[] }} Section */

import { BY_KIND, DEFAULTS } from '../../core/defaults.js';

const TREATMENTS = ['overwrite', 'append', 'keep', 'off', 'pass'];
const VIAS = ['on', 'off', 'block'];
const HEADER = /** @type {const} */ (['Header field', 'Value']);

/** @param {Control} control @returns {(at: string, label: string, hint: string, more?: Partial<Field>) => Field} */
const as = (control) => (at, label, hint, more = {}) => ({ at, label, hint, control, default: DEFAULTS[at], byKind: BY_KIND[at], ...more });
const [text, number, check, rules, json] = [as('text'), as('number'), as('check'), as('rules'), as('json')];
/** @type {typeof text} */
const words = (at, label, hint, more = {}) => as('words')(at, label, hint, { default: [], ...more });
/** @type {typeof text} */
const map = (at, label, hint, more = {}) => as('map')(at, label, hint, { default: {}, wide: true, pair: HEADER, ...more });
/** @param {string} at @param {string} label @param {string} hint @param {readonly string[]} options @param {Partial<Field>} [more] @returns {Field} */
const select = (at, label, hint, options, more = {}) => as('select')(at, label, hint, { options, ...more });

/** Which requests, and where they go: always open. @type {readonly Field[]} */
export const FIRST = [
  text('/match/host', 'Host', 'Exact, or “*.example.org” for every name below one; with a port if need be. Empty takes any host.', { example: 'any host' }),
  text('/match/path', 'Path', 'What a path must begin with, by whole segments. “/” takes every path.', { example: '/' }),
  text('/address', 'Upstream address', 'The base URL, to which the rest of the path is joined.', { only: 'regular', wide: true, example: 'http://server3:8680/base/' }),
  text('/force_host', 'Upstream host', 'Connect here, whatever the request names; Host stays as it was sent. Empty goes to the host that the request names.',
    { only: 'transparent', example: '127.0.0.1:9001' }),
  select('/force_scheme', 'Scheme', 'How to speak with the upstream.', ['http', 'https'], { only: 'transparent' }),
  words('/allowed_hosts', 'Allowed hosts', 'Hosts that requests may name, with spaces between: exact, or “*.suffix”, each with its port. Needed where no upstream host is given.',
    { only: 'transparent', wide: true, example: '*.internal:80 reports.example.org' }),
  text('/id', 'Id', 'Names the mount for ever: a–z, 0–9, “.”, “_” and “-”. Left empty, one is generated.', { example: 'orgs' }),
  check('/enabled', 'Enabled', 'A mount that is not enabled keeps its URLs and answers 503.'),
];

/** @type {readonly Section[]} */
export const SECTIONS = [
  { title: 'Labels', says: 'For searching, selecting and ownership', fields: [
    map('/labels', 'Labels', 'The label “owner” says whose the mount is.', { pair: ['Name', 'Text'] }),
  ] },
  { title: 'Path and methods', says: 'What is passed on', fields: [
    check('/strip_prefix', 'Strip the path', 'The path below the mount’s own is joined to the address. Without this the whole path is.', { only: 'regular' }),
    text('/host_header', 'Host sent upstream', '“upstream” is that of the address, “preserve” the client’s; anything else is sent as it stands.',
      { only: 'regular', suggests: ['upstream', 'preserve'], example: 'upstream' }),
    words('/allowed_request_methods', 'Allowed methods', 'With spaces between. Empty lets all through.', { example: 'GET HEAD' }),
    select('/disallowed_status', 'Answer to other methods', '405 with Allow, or 400 with the word “Disallowed”.', ['405', '400']),
    words('/suppress_http_headers', 'Suppressed header fields', 'Of requests; not passed on to the upstream.', { wide: true, example: 'accept-encoding' }),
  ] },
  { title: 'Limits', says: 'How much of what at a time', fields: [
    number('/limits/concurrent_requests_max', 'Requests at a time', 'Further ones get 503.'),
    number('/limits/queue_max', 'Requests that wait', 'While as many as may be are in progress.'),
    number('/limits/queue_wait_ms_max', 'Longest wait', 'Then a waiting request gets 503.', { unit: 'ms' }),
    number('/limits/requests_per_s_max', 'Requests a second', 'Further ones get 429.'),
    number('/limits/tunnels_max', 'Tunnels at a time', 'WebSockets and other upgraded connections.'),
    number('/limits/request_body_bytes_max', 'Content of a request', 'More gets 413.', { unit: 'bytes' }),
    number('/limits/client_bytes_per_s_min', 'Slowest client', 'Over each 10 s in which it is waited for. 0 is none.', { unit: 'bytes/s' }),
  ] },
  { title: 'Time limits', says: 'How long what may take', fields: [
    number('/timeouts/connect_ms', 'Connecting', 'Until the upstream accepts, name look-up included.', { unit: 'ms' }),
    number('/timeouts/first_byte_ms', 'First byte', 'Until the upstream answers, from when it has the whole request.', { unit: 'ms' }),
    number('/timeouts/idle_ms', 'Standing still', 'Of content. Set it above the longest pause of a stream of events.', { unit: 'ms' }),
    number('/timeouts/tunnel_idle_ms', 'Tunnel standing still', 'Until a silent tunnel is closed.', { unit: 'ms' }),
    number('/timeouts/total_ms', 'Whole exchange', 'Tunnels excepted.', { unit: 'ms' }),
  ] },
  { title: 'Header edits', says: 'Remove, then set, then add', fields: [
    words('/request_headers/remove', 'Remove from requests', 'Names with spaces between.', { wide: true, example: 'X-Debug Cookie' }),
    map('/request_headers/set', 'Set in requests', 'In the place of what came. {client_address}, {host}, {mount_id} and {request_id} stand for what they say.'),
    map('/request_headers/add', 'Add to requests', 'Beside what came.'),
    words('/response_headers/remove', 'Remove from replies', 'Names with spaces between.', { wide: true, example: 'X-Powered-By' }),
    map('/response_headers/set', 'Set in replies', 'In the place of what the upstream sent.'),
    map('/response_headers/add', 'Add to replies', 'Beside what the upstream sent.'),
  ] },
  { title: 'Rewriting of replies', says: 'Redirects, cookies and content', fields: [
    check('/rewrite/location', 'Rewrite redirects', 'URLs of the upstream in Location, Link and the like become those that the client sees.'),
    check('/rewrite/cookies', 'Rewrite cookies', 'Path and Domain of Set-Cookie become the mount’s.'),
    rules('/rewrite/body', 'Content', 'Text that is replaced while it passes, literally. Media types with spaces between; text/html where none is given.', { wide: true }),
  ] },
  { title: 'Forwarding', says: 'What the upstream is told of the client', fields: [
    select('/forwarded/x_forwarded', 'X-Forwarded-…', 'For those of the five below that have no setting of their own.', TREATMENTS),
    select('/forwarded/x_forwarded_for', 'X-Forwarded-For', 'The client’s address.', TREATMENTS),
    select('/forwarded/x_forwarded_host', 'X-Forwarded-Host', 'The host that the client asked for.', TREATMENTS),
    select('/forwarded/x_forwarded_proto', 'X-Forwarded-Proto', 'The scheme that the client used.', TREATMENTS),
    select('/forwarded/x_forwarded_port', 'X-Forwarded-Port', 'The port that the client used.', TREATMENTS),
    select('/forwarded/x_forwarded_prefix', 'X-Forwarded-Prefix', 'The part of the path that is not passed on.', TREATMENTS),
    select('/forwarded/forwarded', 'Forwarded', 'The same in one field (RFC 7239).', TREATMENTS),
    select('/forwarded/via', 'Via of requests', 'on: this hop is added. off: what came stays. block: what came goes.', VIAS),
    select('/forwarded/via_response', 'Via of replies', 'The same, towards the client.', VIAS),
    select('/traceparent', 'traceparent', 'keep: as it came. ensure: one is made where none came.', ['keep', 'ensure']),
    words('/forwarded/trusted_peers', 'Trusted proxies', 'Networks of proxies in front of this one, whose word is taken.', { wide: true, example: '10.0.0.0/8 192.0.2.7' }),
  ] },
  { title: 'Identity', says: 'Who asks: passwords, fields and signatures', fields: [
    text('/identity/basic/htpasswd_file', 'Password file', 'Path on the proxy’s machine, as “htpasswd -B” writes it. Given, a password is asked for.', { example: '/etc/standin/htpasswd' }),
    text('/identity/basic/realm', 'Realm', 'What browsers call it when they ask.', { example: 'standin' }),
    map('/identity/headers', 'Identity fields', 'What the upstream is told; {user} and {auth_type} stand for what the password showed.'),
    text('/identity/sign/keys_file', 'Keys file', 'Path on the proxy’s machine, with a line key_id:base64 for each key. Given, requests are signed (RFC 9421).', { example: '/etc/standin/keys' }),
    text('/identity/sign/key_id', 'Key', 'The key of the file that signs.', { example: 'k1' }),
    number('/identity/sign/expires_s', 'Signature counts for', 'How long it may be believed.', { unit: 's' }),
    text('/identity/sign/tag', 'Signature tag', 'What it is for; verifiers ask for it.', { example: 'standin' }),
  ] },
  { title: 'TLS and addresses', says: 'How an https upstream is checked, and what may be reached', fields: [
    text('/tls/ca_file', 'Trusted certificates', 'PEM file, instead of the system’s.', { example: '/etc/standin/ca.pem' }),
    text('/tls/server_name', 'Name in the certificate', 'Instead of the upstream’s host.', { example: 'upstream.internal' }),
    text('/tls/client_certificate_file', 'Our certificate', 'PEM file, with those that lead to its root.'),
    text('/tls/client_key_file', 'Its key', 'PEM file.'),
    select('/tls/min_version', 'Oldest TLS', 'The oldest version that is spoken.', ['1.2', '1.3']),
    check('/tls/insecure_skip_verify', 'Do not check the certificate', 'Whoever answers is believed. Only for tests.'),
    words('/allow_addresses', 'Allowed addresses', 'Networks that may be reached though they are link-local, cloud metadata, multicast or reserved.', { wide: true, example: '169.254.10.0/24' }),
  ] },
  { title: 'Lease', says: 'The mount ends unless somebody renews it', fields: [
    number('/lease/ttl_s', 'Lasts', 'How long one renewal counts. Empty is no lease.', { unit: 's' }),
    select('/lease/on_expiry', 'Then', 'What happens when nobody renews it.', ['delete', 'disable', 'drain']),
  ] },
  { title: 'Metadata', says: 'Anything as JSON, echoed back', fields: [
    json('/metadata', 'Metadata', 'A JSON object of at most 16 KiB.', { default: {}, wide: true, example: '{}' }),
  ] },
];

export const FIELDS = [...FIRST, ...SECTIONS.flatMap(({ fields }) => fields)];

/**
 * What counts where the member is not there; undefined is nothing.
 * @param {Field} field
 * @param {unknown} kind
 */
export function defaultOf(field, kind) {
  if (field.byKind) return field.byKind[kind === 'transparent' ? 'transparent' : 'regular'];
  return field.default;
}

/** @param {Field} field @param {unknown} kind whether such a mount has the member */
export function belongs(field, kind) {
  return field.only === undefined || field.only === kind;
}
