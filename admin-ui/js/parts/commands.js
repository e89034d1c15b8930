// Owns a mount as commands: the same thing as curl and as the command line has
// it. Only texts are made here; nothing is asked of anybody.

/** @import { Mount } from '../../types.js' */

import { isObject, same, specOf } from '../core/diff.js';
import { flagsOf } from './flags.js';
import { quote } from './shell-words.js';

/** @typedef {Record<string, any>} Json */
/** @typedef {{ name: string, text: string }} Command */

export const TOKEN_FILE = '~/.local/state/standin/token';

const NEXT_LINE = ' \\\n  ';
const FIRST = { id: 'hello', path: '/hello', address: 'http://127.0.0.1:9000/' };

/** The admin address as the command line takes it, which knows no names, no HTTPS and no paths. */
export function cliServer() {
  const { protocol, hostname, port } = location;
  const host = hostname === 'localhost' ? '127.0.0.1' : hostname;
  return protocol === 'http:' && /^([\d.]+|\[.*\])$/.test(host) ? `http://${host}:${port || 80}` : 'http://IP:PORT';
}

/**
 * How the first mount is made, with the token in STANDIN_TOKEN.
 * @param {string | null} owner of the token
 * @returns {{ cli: string, curl: string }}
 */
export function firstCommands(owner) {
  const { id, path, address } = FIRST;
  const mount = { kind: 'regular', match: { path }, address, ...(owner === null ? {} : { labels: { owner } }) };
  return {
    cli: [`standin mount add ${path} ${address} --id ${id}${owner === null ? '' : ` --label ${quote(`owner=${owner}`)}`}`, `--server ${cliServer()}`].join(NEXT_LINE),
    curl: [`curl -X PUT ${quote(new URL(`v1/mounts/${id}`, document.baseURI).href)}`,
      '-H "Authorization: Bearer $STANDIN_TOKEN" -H \'Content-Type: application/json\'', `-d ${quote(JSON.stringify(mount))}`].join(NEXT_LINE),
  };
}

/**
 * A mount without what the server has by itself where nothing is said.
 * @param {Json} spec
 * @param {Json} defaults a mount of the same kind of which nothing was said that need not be
 * @returns {Json}
 */
function essence(spec, defaults) {
  const told = Object.entries(spec).filter(([name, value]) => !same(value, defaults[name]));
  return Object.fromEntries(told.map(([name, value]) => [name,
    isObject(value) && isObject(defaults[name]) ? essence(value, defaults[name]) : value]));
}

/**
 * All that has to be said to make the mount what it is.
 * @param {Mount} mount
 * @param {Json} defaults as `essence` takes them
 * @returns {Json}
 */
function said(mount, defaults) {
  const { id, kind, match } = mount;
  return { id, kind, match, ...(mount.kind === 'regular' ? { address: mount.address } : {}), ...essence(specOf(mount), { ...defaults, match }) };
}

/**
 * The mount by curl.
 * @param {Mount} mount
 * @param {Json} defaults as `essence` takes them
 * @param {string} base the address of the API
 * @returns {Command[]}
 */
export function curlCommands(mount, defaults, base) {
  const url = new URL(`v1/mounts/${encodeURIComponent(mount.id)}`, base).href;
  const call = (/** @type {string} */ options, /** @type {object | null} */ body = null, step = '') => [
    `curl -sS --fail-with-body ${options}${quote(url + step)}`,
    `-H "Authorization: Bearer $(cat ${TOKEN_FILE})"`,
    ...(body ? ["-H 'Content-Type: application/json'", `--data-raw ${quote(JSON.stringify(body, null, options.includes('PUT') ? 2 : 0))}`] : []),
  ].join(NEXT_LINE);
  return [
    { name: 'Make it', text: call('-X PUT ', said(mount, defaults)) },
    ...(mount.state === 'paused' ? [{ name: 'Pause it', text: call('-X POST ', null, '/pause') }] : []),
    { name: 'Show it', text: call('') },
    { name: 'Change a part of it', text: call('-X PATCH ', partOf(mount)) },
    { name: 'Delete it', text: call('-X DELETE ') },
  ];
}

/**
 * The mount by the command line.
 * @param {Mount} mount
 * @param {Json} defaults as `essence` takes them
 * @returns {Command[]}
 */
export function cliCommands(mount, defaults) {
  const id = quote(mount.id);
  const part = mount.kind === 'regular' ? `--address ${quote(mount.address)}` : `--enabled=${mount.enabled}`;
  return [
    { name: 'Make it', text: added(mount, defaults) ?? imported(mount, defaults) },
    ...(mount.state === 'paused' ? [{ name: 'Pause it', text: `standin mount pause ${id}` }] : []),
    { name: 'Show it', text: `standin mount show ${id}` },
    { name: 'Change a part of it', text: `standin mount set ${id} ${part}` },
    { name: 'Delete it', text: `standin mount rm ${id}` },
  ];
}

/** A part to change, with the value that it has. @param {Mount} mount */
function partOf(mount) {
  return mount.kind === 'regular' ? { address: mount.address } : { enabled: mount.enabled };
}

/**
 * As arguments; null where they cannot say all of it.
 * @param {Mount} mount
 * @param {Json} defaults
 */
function added(mount, defaults) {
  const { host, path } = mount.match;
  const flags = flagsOf(said(mount, defaults));
  if (flags === null || host === 'any') return null; // that is no host there, but all of them
  return [
    `standin mount add ${quote(path)} ${mount.kind === 'regular' ? quote(mount.address) : '--transparent'}`,
    `--id ${quote(mount.id)}`, ...(host ? [`--host ${quote(host)}`] : []), ...flags,
  ].join(NEXT_LINE);
}

/**
 * As a file, here on standard input, which can say everything.
 * @param {Mount} mount
 * @param {Json} defaults
 */
function imported(mount, defaults) {
  return `standin import - <<'EOF'\n${JSON.stringify({ mounts: [said(mount, defaults)] }, null, 2)}\nEOF`;
}
