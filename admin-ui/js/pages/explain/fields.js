// Owns header fields as text: lines to names and values, and how a value is
// shown and kept.

import { HIDDEN, isSecretName, masked, stripped } from '../../core/secret.js';

/** @typedef {[name: string, value: string]} Line */

/** What the server says in the place of a signature. */
const SIGNATURE = '(made when it is sent)';

/**
 * A field's value as it may be shown.
 * @param {string} name
 * @param {string} value
 */
export function shown(name, value) {
  if (value === SIGNATURE) return value;
  return isSecretName(name) ? HIDDEN : masked(value, false);
}

/** The lines that an address may keep, as they stand in it. @param {string} text */
export function keptLines(text) {
  return text.split('\n').filter((line) => line.trim() !== '' && !isSecretName(line.split(':')[0])).map((line) => stripped(line, false).trim());
}

/**
 * Lines of `Name: value`; empty ones do not count.
 * @param {string} text
 * @returns {{ lines: Line[], fault: string }}
 */
export function linesOf(text) {
  /** @type {Line[]} */
  const lines = [];
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const colon = line.indexOf(':');
    if (colon < 1) return { lines, fault: `Line ${at + 1} is not a field. Write it as Name: value.` };
    lines.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  return { lines, fault: '' };
}

/**
 * The same by name, each with all its values in their order.
 * @param {Line[]} lines
 * @returns {Record<string, string[]>}
 */
export function fieldsOf(lines) {
  const fields = Object.create(null); // a field may be called as what objects inherit
  for (const [name, value] of lines) (fields[name] ??= []).push(value);
  return fields;
}
