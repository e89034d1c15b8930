// Owns how a text is written so that a POSIX shell takes it as it is.

/**
 * A text as one word: as it stands where nothing in it means something, else
 * between single quotes.
 * @param {string} text
 */
export function quote(text) {
  return /^[A-Za-z0-9_@%+:,./][A-Za-z0-9_@%+=:,./-]*$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
