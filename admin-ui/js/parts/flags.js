// Owns a mount as the arguments of `standin mount add`, as far as they can say it.

import { DEFAULTS } from '../core/defaults.js';
import { quote } from './shell-words.js';

/** @typedef {Record<string, any>} Json */

/** Arguments as they are gathered, and whether they say all so far. */
class Flags {
  /** @type {string[]} */
  words = [];
  sayAll = true;

  /** @param {string} name @param {unknown} value none where it is undefined */
  text(name, value) {
    if (value === undefined) return;
    if (typeof value !== 'string') this.sayAll = false;
    else this.words.push(`--${name}${value.startsWith('-') ? '=' : ' '}${quote(value)}`);
  }

  /** @param {string} name @param {unknown} values an empty list cannot be said */
  list(name, values) {
    if (values === undefined) return;
    if (!Array.isArray(values) || values.length === 0) this.sayAll = false;
    else for (const value of values) this.text(name, value);
  }

  /** @param {string} name @param {unknown} value @param {unknown} said the only value that there is a word for */
  only(name, value, said) {
    if (value === undefined) return;
    if (value === said) this.words.push(`--${name}`);
    else this.sayAll = false;
  }

  /** @param {string} name @param {Json | undefined} members @param {string} between */
  pairs(name, members, between) {
    for (const [key, value] of Object.entries(members ?? {})) {
      // What is trimmed, or cut at the first one, would be something else.
      const survives = typeof value === 'string' && !key.includes(between[0]) && (between === '=' || value === value.trim());
      if (survives) this.text(name, `${key}${between}${value}`);
      else this.sayAll = false;
    }
  }

  /** @param {string} name @param {Json | undefined} members no limit cannot be said of a new mount */
  numbers(name, members) {
    for (const [key, value] of Object.entries(members ?? {})) this.text(name, Number.isSafeInteger(value) ? `${key}=${value}` : null);
  }

  /** @param {Json} rest there is no word for any of it */
  nothing(rest) {
    if (Object.keys(rest).length > 0) this.sayAll = false;
  }
}

/**
 * The arguments; null where they cannot say all of it.
 * @param {Json} spec without what the server has by itself; id, kind, match and address are said elsewhere
 * @returns {string[] | null}
 */
export function flagsOf(spec) {
  const { id, kind, match, address, ...rest } = spec;
  const flags = new Flags();
  flags.nothing([where, how, tls, forwarded, identity, replies, keeping].reduce((left, take) => take(flags, left), rest));
  return flags.sayAll ? flags.words : null;
}

// Each takes its members and leaves the others.

/** @param {Flags} flags @param {Json} spec */
function where(flags, { force_host, allowed_hosts, force_scheme, host_header, strip_prefix, allow_addresses, ...rest }) {
  flags.text('force-host', force_host);
  flags.list('allowed-host', allowed_hosts);
  flags.text('force-scheme', force_scheme);
  flags.text('host-header', host_header);
  flags.only('keep-prefix', strip_prefix, false);
  flags.list('allow-address', allow_addresses);
  return rest;
}

/** @param {Flags} flags @param {Json} spec */
function how(flags, { allowed_request_methods, suppress_http_headers, limits, timeouts, traceparent, ...rest }) {
  flags.list('method', allowed_request_methods);
  flags.list('suppress', suppress_http_headers);
  flags.numbers('limit', limits);
  flags.numbers('timeout', timeouts);
  flags.only('trace', traceparent, 'ensure');
  return rest;
}

/** @param {Flags} flags @param {Json} spec */
function tls(flags, { tls: given, ...rest }) {
  const { ca_file, client_certificate_file, client_key_file, server_name, min_version, insecure_skip_verify, ...others } = given ?? {};
  flags.text('tls-ca', ca_file);
  flags.text('tls-cert', client_certificate_file);
  flags.text('tls-key', client_key_file);
  flags.text('tls-server-name', server_name);
  flags.text('tls-min-version', min_version);
  flags.only('insecure-skip-verify', insecure_skip_verify || undefined, true);
  flags.nothing(others);
  return rest;
}

/** @param {Flags} flags @param {Json} spec */
function forwarded(flags, { forwarded: given, ...rest }) {
  const { trusted_peers, ...fields } = given ?? {};
  flags.pairs('forwarded', fields, '=');
  flags.list('trusted-peer', trusted_peers);
  return rest;
}

/** @param {Flags} flags @param {Json} spec */
function identity(flags, { identity: given, ...rest }) {
  const { basic, headers, sign, ...others } = given ?? {};
  const { htpasswd_file, realm, ...ofBasic } = basic ?? {};
  const { keys_file, key_id, expires_s, tag, ...ofSign } = sign ?? {};
  flags.text('basic-auth', htpasswd_file);
  flags.pairs('identity-header', headers, ': ');
  if (sign) flags.text('sign', `${keys_file}:${key_id}`);
  // These are in no mount that is only tried, so they may be said though they are as by default.
  const inner = { '/identity/basic/realm': realm, '/identity/sign/expires_s': expires_s, '/identity/sign/tag': tag };
  const other = Object.entries(inner).filter(([pointer, value]) => value !== undefined && value !== DEFAULTS[pointer]);
  flags.nothing({ ...others, ...ofBasic, ...ofSign, ...Object.fromEntries(other) });
  return rest;
}

/** @param {Flags} flags @param {Json} spec */
function replies(flags, { rewrite, request_headers, response_headers, ...rest }) {
  const { location, cookies, ...others } = rewrite ?? {};
  flags.only('rewrite-location', location, true);
  flags.only('rewrite-cookies', cookies, true);
  flags.nothing(others);
  for (const [name, edits] of Object.entries({ request: request_headers, response: response_headers })) {
    const { set, remove, ...more } = edits ?? {};
    flags.pairs(`set-${name}-header`, set, ': ');
    if (remove?.length !== 0) flags.list(`remove-${name}-header`, remove);
    flags.nothing(more);
  }
  return rest;
}

/** @param {Flags} flags @param {Json} spec */
function keeping(flags, { labels, metadata, lease, enabled, ...rest }) {
  flags.pairs('label', labels, '=');
  if (metadata !== undefined) flags.text('metadata', JSON.stringify(metadata));
  if (lease) flags.text('lease', `${lease.ttl_s}:${lease.on_expiry}`);
  flags.only('enabled=false', enabled, false);
  return rest;
}
