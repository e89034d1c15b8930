// Owns the keys that work everywhere. Single letters do nothing while a text
// is typed, and can be switched off for those whose tools send them.

const KEY = 'standin-keys';
const SECOND_MS_MAX = 1500;

/** @typedef {{ keys: string, says: string, run: () => void }} Shortcut `g m` is one after the other, `mod+k` with Ctrl or ⌘ */

/** @type {Shortcut[]} */
const shortcuts = [];

/** @returns {readonly Shortcut[]} */
export const all = () => shortcuts;

export const singleKeys = {
  get on() {
    return localStorage.getItem(KEY) !== 'off';
  },
  set on(on) {
    localStorage.setItem(KEY, on ? 'on' : 'off');
  },
};

/**
 * @param {string} keys
 * @param {string} says
 * @param {() => void} run
 * @param {AbortSignal} [signal] until when it works
 */
export function shortcut(keys, says, run, signal) {
  const one = { keys, says, run };
  shortcuts.push(one);
  signal?.addEventListener('abort', () => shortcuts.splice(shortcuts.indexOf(one), 1));
}

let first = '';
let at = 0;

/** @param {KeyboardEvent} event */
function press(event) {
  if (event.defaultPrevented || event.isComposing || event.altKey) return;
  const mod = event.ctrlKey || event.metaKey;
  const typed = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const now = performance.now();
  const pair = first && now - at < SECOND_MS_MAX ? `${first} ${typed}` : '';
  first = '';
  if (document.querySelector('dialog[open]')) return;
  if (!mod && (!singleKeys.on || isTyping(event.target))) return;
  const wanted = mod ? [`mod+${typed}`] : [pair, typed];
  const found = shortcuts.findLast((one) => wanted.includes(one.keys));
  if (found) {
    event.preventDefault();
    found.run();
  } else if (!mod && shortcuts.some((one) => one.keys.startsWith(`${typed} `))) {
    first = typed;
    at = now;
  }
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement
    && (target.isContentEditable || target.matches('textarea, select, input:not([type=checkbox], [type=radio], [type=button])'));
}

export function listen() {
  document.addEventListener('keydown', press);
}
