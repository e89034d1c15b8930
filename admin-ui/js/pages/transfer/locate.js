// Owns where in a text something is: JSON Pointers and lines to places.

const TOKEN = /\s*(?:"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:,]|[^\s{}[\]:,"]+)/y;
const EXCERPT_CHARS_MAX = 120;

/** @typedef {{ pointer: string, place: number, key: string | null }} Level `place` counts the items of a list, −1 in an object */

/**
 * Where the value of each pointer begins in a JSON text; where there is none,
 * where that of the nearest one around it does. One pass, for large texts.
 * @param {string} text
 * @param {string[]} pointers
 * @returns {Map<string, number>}
 */
export function placesOf(text, pointers) {
  const around = pointers.map(waysUp);
  const wanted = new Set(around.flat());
  /** @type {Map<string, number>} */
  const found = new Map();
  /** @type {Level[]} */
  const levels = [];
  TOKEN.lastIndex = 0;
  for (let match = TOKEN.exec(text); match !== null; match = TOKEN.exec(text)) {
    const token = match[0].trimStart();
    const level = levels.at(-1);
    if (token === '}' || token === ']') levels.pop();
    else if (token === ',' && level) {
      if (level.place < 0) level.key = null;
      else level.place += 1;
    } else if (level && level.place < 0 && level.key === null) level.key = nameOf(token);
    else if (token !== ':' && token !== ',') {
      const part = level && (level.place < 0 ? level.key : String(level.place));
      const pointer = level ? `${level.pointer}/${part}` : '';
      if (wanted.has(pointer) && !found.has(pointer)) found.set(pointer, TOKEN.lastIndex - token.length);
      if (token === '{' || token === '[') levels.push({ pointer, place: token === '[' ? 0 : -1, key: null });
    }
  }
  return new Map(around.map((ways) => [ways[0], found.get(ways.find((way) => found.has(way)) ?? '') ?? 0]));
}

/** A pointer, and all that are around it. @param {string} pointer */
function waysUp(pointer) {
  const ways = [pointer];
  while (pointer !== '') {
    pointer = pointer.slice(0, pointer.lastIndexOf('/'));
    ways.push(pointer);
  }
  return ways;
}

/** A member's name as pointers write it. @param {string} token */
function nameOf(token) {
  try {
    return String(JSON.parse(token)).replaceAll('~', '~0').replaceAll('/', '~1');
  } catch {
    return token;
  }
}

/** Where a line begins. @param {string} text @param {number} line from 1 @param {number} [column] from 1 */
export function placeOf(text, line, column = 1) {
  let at = 0;
  for (let left = line - 1; left > 0; left -= 1) {
    const end = text.indexOf('\n', at);
    if (end < 0) break;
    at = end + 1;
  }
  return Math.min(at + column - 1, text.length);
}

/**
 * The line of a place, and what of it fits here.
 * @param {string} text
 * @param {number} place
 */
export function lineAt(text, place) {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < place; at = text.indexOf('\n', at + 1)) line += 1;
  const start = text.lastIndexOf('\n', place - 1) + 1;
  const end = text.indexOf('\n', place);
  const whole = text.slice(start, end < 0 ? undefined : end).trimEnd();
  const from = whole.length <= EXCERPT_CHARS_MAX ? 0 : Math.max(0, place - start - EXCERPT_CHARS_MAX / 3);
  const cut = whole.slice(from, from + EXCERPT_CHARS_MAX);
  const excerpt = `${from > 0 ? '…' : ''}${cut.trim()}${from + EXCERPT_CHARS_MAX < whole.length ? '…' : ''}`;
  return { line, start, end: start + whole.length, excerpt };
}
