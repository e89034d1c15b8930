// Owns who the token is, and so which buttons there are: what would be refused
// is not offered.

/** @import { Mount } from '../../types.js' */

import { get } from './api.js';

/** @typedef {{ name: string, read_only: boolean, owner: string | null }} Caller */

/** @type {Caller} */
let caller = { name: '', read_only: true, owner: null };

/** Asks whose token it is. */
export async function open() {
  caller = await get('getCaller');
  return caller;
}

export function who() {
  return caller;
}

/** True for a token that may change something. */
export function mayChange() {
  return !caller.read_only;
}

/** True for a token that may change everything, tokens too. */
export function mayGovern() {
  return !caller.read_only && caller.owner === null;
}

/**
 * Why this mount cannot be changed with this token; null when it can.
 * @param {Pick<Mount, 'labels' | 'fixed'>} mount
 * @returns {string | null}
 */
export function whyNot(mount) {
  if (caller.read_only) return 'Your token may only read.';
  if (mount.fixed) return 'This mount comes from the command line or a file, and is changed there.';
  if (caller.owner !== null && mount.labels?.owner !== caller.owner) {
    return `Your token may change only mounts with the label owner=${caller.owner}.`;
  }
  return null;
}
