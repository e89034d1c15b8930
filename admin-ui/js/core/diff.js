// Owns what is different between two JSON values, and in which words.

/** @typedef {{ path: string, steps?: string[], before: unknown, after: unknown }} Difference undefined is nothing there; names may have dots, steps tell them apart */

/**
 * Every member that differs, at its deepest; lists differ as a whole.
 * @param {unknown} before
 * @param {unknown} after
 * @param {string[]} [steps]
 * @returns {Difference[]}
 */
export function differences(before, after, steps = []) {
  if (same(before, after)) return [];
  if (!isObject(before) || !isObject(after)) return [{ path: steps.join('.'), steps, before, after }];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => differences(own(before, name), own(after, name), [...steps, name]));
}

/**
 * A member, which may be called `constructor` and need not be there.
 * @param {Record<string, any>} value
 * @param {string} name
 */
export const own = (value, name) => (Object.hasOwn(value, name) ? value[name] : undefined);

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
export function isObject(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The same JSON, whatever the order of members.
 * @param {unknown} a
 * @param {unknown} b
 * @returns {boolean}
 */
export function same(a, b) {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((one, at) => same(one, b[at]));
  if (!isObject(a) || !isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}

/**
 * A value on one line, or several where it is long.
 * @param {unknown} value
 */
export function inline(value) {
  if (value === undefined) return 'nothing';
  const short = JSON.stringify(value);
  return short.length <= 80 ? short : JSON.stringify(value, null, 2);
}

/** What only answers have, and no change sends. */
const ONLY_TOLD = ['revision', 'created_at', 'updated_at', 'state', 'state_reason', 'state_since', 'in_flight', 'tunnels',
  'held', 'restarts', 'generation', 'generations', 'last_activity_at', 'lease_expires_at', 'fixed', 'links', 'stats'];

/**
 * A mount without what only answers have: what can be sent.
 * @param {object} mount
 * @returns {Record<string, any>}
 */
export function specOf(mount) {
  return Object.fromEntries(Object.entries(mount).filter(([name]) => !ONLY_TOLD.includes(name)));
}
