// Owns reading a JSON Patch (RFC 6902) beside what it changes.

/** @import { Difference } from '../../core/diff.js' */

/** @typedef {{ op: string, path: string, value?: unknown }} Step */

/**
 * What each step of a patch finds and leaves.
 * @param {unknown} before
 * @param {Step[]} patch of `add`, `remove` and `replace`
 * @returns {Difference[]}
 */
export function patchDifferences(before, patch) {
  return patch.map(({ op, path, value }) => ({
    path: partsOf(path).join('.'),
    before: op === 'add' ? undefined : at(before, path),
    after: op === 'remove' ? undefined : value,
  }));
}

/** @param {string} pointer */
function partsOf(pointer) {
  return pointer.split('/').slice(1).map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
}

/** @param {unknown} value @param {string} pointer @returns {unknown} */
function at(value, pointer) {
  return partsOf(pointer).reduce((/** @type {any} */ inside, part) => (
    typeof inside === 'object' && inside !== null && Object.hasOwn(inside, part) ? inside[part] : undefined), value);
}
