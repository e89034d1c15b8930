// Owns short messages in the corner: what was done, with a way to undo it.

import { h, passFocus, setText } from '../core/dom.js';
import { inWords } from '../core/api.js';

const SHOWN_MS = 6000;
const UNDO_MS = 20_000;
const TOASTS_MAX = 4;

/**
 * Says something for a while; longer where there is something to do, and as
 * long as the pointer or the focus is on it.
 * @param {string} text
 * @param {{ tone?: 'good' | 'bad', action?: { label: string, run: () => Promise<unknown> } }} [more]
 * @returns {() => void} takes it away
 */
export function toast(text, { tone = 'good', action } = {}) {
  const area = /** @type {HTMLElement} */ (document.getElementById('toasts'));
  const said = h('span', {}, text);
  const node = h('div', { class: 'toast', data: { tone } }, said);
  /** Where the focus was before it came here. @type {EventTarget | null} */
  let before = null;
  const remove = () => passFocus(node, () => node.remove(), () => (
    before instanceof HTMLElement && before.isConnected ? before : /** @type {HTMLElement} */ (document.getElementById('main'))));
  if (action) {
    const button = h('button', { type: 'button' }, action.label);
    button.addEventListener('click', async () => {
      if (button.ariaDisabled) return; // not `disabled`, which would let the focus fall
      button.ariaDisabled = 'true';
      try {
        await action.run();
        remove();
      } catch (error) {
        setText(said, inWords(error));
        node.dataset.tone = 'bad';
        button.ariaDisabled = null;
      }
    });
    node.append(button);
  }
  node.append(h('button', { type: 'button', class: 'quiet close', 'aria-label': 'Dismiss', onclick: remove }, '×'));
  node.addEventListener('focusin', ({ relatedTarget }) => { if (relatedTarget && !area.contains(/** @type {Node} */ (relatedTarget))) before = relatedTarget; });
  area.append(node);
  while (area.children.length > TOASTS_MAX) area.firstElementChild?.remove();
  const time = action || tone === 'bad' ? UNDO_MS : SHOWN_MS;
  let timer = setTimeout(remove, time);
  const hold = () => clearTimeout(timer);
  const leave = () => {
    clearTimeout(timer);
    timer = setTimeout(remove, time);
  };
  for (const name of ['pointerenter', 'focusin']) node.addEventListener(name, hold);
  for (const name of ['pointerleave', 'focusout']) node.addEventListener(name, leave);
  return remove;
}
