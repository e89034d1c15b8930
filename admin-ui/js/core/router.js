// Owns the address: `#/mounts/orgs?tab=json` is a place, and going to one is a
// link like any other.

/** @import { Place } from '../../types.js' */

/** @returns {Place} where the address says we are */
export function here() {
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  return { parts: path.split('/').filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The address of a place, for a link.
 * @param {string[]} parts
 * @param {Record<string, string | null | undefined> | URLSearchParams} [query] what is empty is left out
 */
export function to(parts, query = {}) {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const said = new URLSearchParams(/** @type {[string, string][]} */ (pairs.filter(([, value]) => value)));
  const path = parts.map(encodeURIComponent).join('/');
  return `#/${path}${said.size ? `?${said}` : ''}`;
}

/** @param {string} address as `to` makes it */
export function go(address) {
  location.hash = address;
}

/**
 * Says in the address what a page shows now, without leaving the page.
 * @param {string} address
 */
export function note(address) {
  if (location.hash !== address) history.replaceState(history.state, '', address);
}
