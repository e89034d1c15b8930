// Owns what time it is by the server's clock, which all times of the API are of:
// the browser's may be minutes off, and leases and deadlines must not lie.

const SAME_MS = 2000; // the header has whole seconds, and the answer was on its way

let ahead = 0;

/** Milliseconds since 1970, as the server counts them. */
export const now = () => Date.now() + ahead;

/** An answer said what time it is. @param {string | null} date as the header has it */
export function heard(date) {
  const apart = Date.parse(date ?? '') - Date.now();
  if (!Number.isNaN(apart)) ahead = Math.abs(apart) > SAME_MS ? apart : 0;
}
