// Owns finding the place where a text is not JSON, which browsers tell in
// many ways or not at all, and what they do not tell: members that are there
// twice, and whole numbers that they would change. Pure.

const TOKEN = /[ \t\n\r]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])|$)/y;

/** @typedef {{ line: number, column: number, offset: number, says: string }} Unsound */
/** @typedef {{ of: '{' | '[', names: Set<string> }} Open */

/**
 * What is wrong with a text that should be JSON; null where nothing is.
 * @param {string} text
 * @returns {Unsound | null}
 */
export function unsound(text) {
  /** @type {Open[]} */
  const open = [];
  /** @type {'value' | 'value or ]' | 'name' | 'name or }' | ':' | 'next' | 'end'} */
  let wanted = 'value';
  let offset = 0;
  for (;;) {
    TOKEN.lastIndex = offset;
    const found = TOKEN.exec(text);
    const start = offset + (/^[ \t\n\r]*/.exec(text.slice(offset))?.[0].length ?? 0);
    if (!found) return fault(text, start, text[start] === '"' ? 'this text does not end, or has a character that must be escaped' : `“${text.slice(start).match(/^(?:\w+|.)/su)?.[0]}” is not JSON`);
    const [, sign, string, plain] = found;
    offset = TOKEN.lastIndex;
    const within = open.at(-1);
    if (sign === undefined && string === undefined && plain === undefined) {
      return wanted === 'end' ? null : fault(text, start, `the text ends here, where ${asked(wanted, within)} is missing`);
    }
    const closes = sign === '}' ? '{' : sign === ']' ? '[' : '';
    if (closes !== '' && within?.of === closes && (wanted === 'next' || wanted === (closes === '{' ? 'name or }' : 'value or ]'))) {
      open.pop();
      wanted = open.length > 0 ? 'next' : 'end';
    } else if (wanted.startsWith('value') && (sign === '{' || sign === '[')) {
      open.push({ of: sign, names: new Set() });
      wanted = sign === '{' ? 'name or }' : 'value or ]';
    } else if (wanted.startsWith('value') && sign === undefined) {
      if (/^-?\d+$/.test(plain ?? '') && !Number.isSafeInteger(Number(plain))) return fault(text, start, `${plain} is a number that a browser cannot keep as it is; write it in quotes, or use the API or the command line`);
      wanted = open.length > 0 ? 'next' : 'end';
    } else if (wanted.startsWith('name') && string !== undefined && within) {
      const name = JSON.parse(string);
      if (within.names.has(name)) return fault(text, start, `the member ${string} is there twice`);
      within.names.add(name);
      wanted = ':';
    } else if (wanted === ':' && sign === ':') {
      wanted = 'value';
    } else if (wanted === 'next' && sign === ',') {
      wanted = within?.of === '{' ? 'name' : 'value';
    } else {
      return fault(text, start, `${asked(wanted, within)} is missing before “${(sign ?? string ?? plain).slice(0, 20)}”`);
    }
  }
}

/** @param {string} wanted @param {Open | undefined} within */
function asked(wanted, within) {
  if (wanted === 'next') return within?.of === '{' ? 'a comma or }' : 'a comma or ]';
  if (wanted === 'end') return 'the end';
  if (wanted === ':') return 'a colon';
  return wanted.startsWith('name') ? 'a name in quotes' : 'a value';
}

/** @param {string} text @param {number} offset @param {string} says @returns {Unsound} */
function fault(text, offset, says) {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1, offset, says };
}

/** In words. @param {Unsound} found */
export const where = ({ line, column, says }) => `Line ${line}, column ${column}: ${says}.`;
