// Owns what may be a secret in a request that is shown or stands in an address:
// names of fields and parameters, and users before a host. The rules are those
// by which the server hides secrets in live traffic.

/** What stands in the place of a secret. */
export const HIDDEN = '…';

/** Parts of names that may be those of a secret, wherever in them they stand; authors and authorities are none. */
const PART = /assertion|bearer|cookie|credential|csrf|hmac|jwt|key|otp|pass(phrase|code|wd|word)|saml|secret|session|signature|token|xsrf|auth(?!or(?!i[sz]))/i;

/** Words of such names that are too short to be looked for inside of others. */
const WORD = /(?<![a-z\d])(dpop|nonce|pass|pin|pwd|sas|sid|sig|ticket)(?![a-z\d])/i;

/** What parameters may be called besides, as letters and digits only. */
const PARAMETER = /^(code|nonce|pass|phpsessid|pwd|sas|sid|sig|ticket|(device|user)code)$|verifier$/;

/** Whether the value of a field with that name may let somebody in. @param {string} name */
export const isSecretName = (name) => PART.test(name) || WORD.test(name);

/** The same of a parameter, as `user[password]`. @param {string} name */
function isSecretParameter(name) {
  const words = name.split(/[[\].:]/).map((word) => word.toLowerCase().replace(/[^a-z\d]/g, ''));
  return isSecretName(name) || words.some((word) => PARAMETER.test(word) || isSecretName(word));
}

/** A character of an address, decoded `depth` times, and where its text begins. @typedef {{ sign: string, depth: number, start: number }} Unit */
/** @typedef {'path' | 'query' | 'fragment'} Part only what is not encoded begins another one */
/** @typedef {{ start: number, end: number, isUser: boolean }} Secret */

const ENCODED = /%((?:25)*)([\da-f]{2})|[^]/giu;

/** @param {string} text @returns {Unit[]} */
function unitsOf(text) {
  return [...text.matchAll(ENCODED)].map(({ 0: all, 1: more, 2: code, index: start }) => (code === undefined
    ? { sign: all, depth: 0, start }
    : { sign: String.fromCharCode(parseInt(code, 16)), depth: 1 + more.length / 2, start }));
}

/** @type {Record<Part, string>} */
const VALUE_ENDS = { path: '/;?#', query: '&#', fragment: '&' };

/** @param {Unit | undefined} unit browsers take the one for the other */
const isSlash = (unit) => unit?.sign === '/' || unit?.sign === '\\';

/**
 * Where the secrets of a text are, in order: also those of an address inside another one.
 * @param {string} text
 * @param {boolean} isAddress else it is a field's value, which begins with no host
 * @returns {Secret[]}
 */
function secretsOf(text, isAddress) {
  const units = unitsOf(text);
  /** @type {Secret[]} */
  const found = [];
  /** @type {Part} */
  let part = 'path';
  const startOf = (/** @type {number} */ at) => units[at]?.start ?? text.length;
  const endOf = (/** @type {number} */ from, /** @type {(unit: Unit) => boolean} */ ends) => {
    const end = units.findIndex((unit, at) => at >= from && ends(unit));
    return end < 0 ? units.length : end;
  };
  /** Goes on at the host, behind who is named before it. @param {number} from @param {number} depth */
  const skipUser = (from, depth) => {
    const end = endOf(from, (unit) => ('/\\?#'.includes(unit.sign) && unit.depth <= depth) || (unit.sign === '&' && unit.depth === 0 && part !== 'path'));
    const user = units.slice(from, end).findLastIndex(({ sign }) => sign === '@');
    if (user < 0) return from;
    found.push({ start: startOf(from), end: startOf(from + user), isUser: true });
    return from + user + 1;
  };

  let at = isAddress && !isSlash(units[0]) ? skipUser(0, 0) : 0;
  let name = at;
  while (at < units.length) {
    const { sign, depth } = units[at];
    if (depth === 0 && sign === '?' && part === 'path') part = 'query';
    if (depth === 0 && sign === '#') part = 'fragment';
    let next = at + 1;
    if (sign === '=' && isSecretParameter(units.slice(name, at).map((unit) => unit.sign).join(''))) {
      const ends = VALUE_ENDS[part];
      next = name = endOf(next, (unit) => unit.depth === 0 && ends.includes(unit.sign));
      found.push({ start: startOf(at + 1), end: startOf(next), isUser: false });
    } else if (isSlash(units[at]) && at > 0 && (units[at - 1].sign === ':' || (at === 1 && isSlash(units[0])))) {
      while (isSlash(units[next])) next += 1;
      next = name = skipUser(next, depth);
    } else if ('=?&;#/\\,'.includes(sign)) name = next;
    at = next;
  }
  return found.filter(({ start, end }) => start < end);
}

/**
 * A text without its secrets.
 * @param {string} text
 * @param {boolean} isAddress
 * @param {(secret: Secret) => { mask: string, end: number }} put what stands there, and where the text goes on
 */
function without(text, isAddress, put) {
  let kept = 0;
  let left = '';
  for (const secret of secretsOf(text, isAddress)) {
    const { mask, end } = put(secret);
    left += text.slice(kept, secret.start) + mask;
    kept = end;
  }
  return left + text.slice(kept);
}

/** To be shown: with a sign in the place of each. @param {string} text @param {boolean} [isAddress] */
export const masked = (text, isAddress = true) => without(text, isAddress, ({ end }) => ({ mask: HIDDEN, end }));

/** To be kept: their values are left out, users with their `@`. @param {string} text @param {boolean} [isAddress] */
export const stripped = (text, isAddress = true) => without(text, isAddress, ({ end, isUser }) => (
  { mask: '', end: isUser ? end + (/^(@|%(25)*40)/.exec(text.slice(end))?.[0].length ?? 0) : end }));
