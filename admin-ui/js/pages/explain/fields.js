// Owns header fields as text: lines to names and values, and which names are
// those of secrets.

/** @typedef {[name: string, value: string]} Line */

// As the server hides them in live traffic.
const SECRET = /auth|cookie|credential|csrf|key|nonce|otp|pass|secret|session|signature|token/i;

/** Whether a field's value may let somebody in. @param {string} name */
export const isSecret = (name) => SECRET.test(name);

/** What the server says in the place of a signature. */
const SIGNATURE = '(made when it is sent)';

/**
 * A field's value as it may be shown.
 * @param {string} name
 * @param {string} value
 */
export const shown = (name, value) => (isSecret(name) && value !== SIGNATURE ? '(hidden)' : value);

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
