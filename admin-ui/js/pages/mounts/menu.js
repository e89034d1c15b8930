// Owns the menu of a row: what can be done with its mount as it is now. There
// is one for all rows, above everything else, beside the button that asked.

import { actOn, actsFor, labelOf } from '../../acts.js';
import { get, inWords } from '../../core/api.js';
import { change, fill, h } from '../../core/dom.js';
import { to } from '../../core/router.js';
import { toast } from '../../parts/toast.js';

const EDGE_PX = 8;

/**
 * @param {object} about
 * @param {() => void} about.done something was done
 * @param {AbortSignal} about.signal
 */
export function rowMenu({ done, signal }) {
  const node = h('div', { class: 'menu-list', role: 'menu', popover: 'auto' });
  /** @type {HTMLElement | null} */
  let opener = null;
  const close = () => { if (node.matches(':popover-open')) node.hidePopover(); };
  const items = () => /** @type {HTMLElement[]} */ ([...node.children]);

  node.addEventListener('toggle', (event) => {
    const isOpen = /** @type {ToggleEvent} */ (event).newState === 'open';
    if (opener) change(opener, { 'aria-expanded': String(isOpen) });
  });
  node.addEventListener('keydown', (event) => {
    const all = items();
    const at = all.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const goes = { ArrowDown: (at + 1) % all.length, ArrowUp: (at + all.length - 1) % all.length, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === 'Tab') close();
    if (goes === undefined) return;
    event.preventDefault();
    all[goes].focus();
  });
  // It would stay behind when its row moves.
  window.addEventListener('scroll', close, { passive: true, signal });

  /** @param {string} id @param {HTMLElement} button */
  const open = async (id, button) => {
    opener = button;
    try {
      const mount = await get('getMount', { path: { id }, signal });
      const act = (/** @type {import('../../acts.js').Act} */ one) => h('button', {
        type: 'button', role: 'menuitem', tabindex: -1, class: one === 'delete' ? 'danger' : '', onclick: async () => {
          close();
          if (await actOn(one, mount)) done();
        },
      }, labelOf(one));
      fill(node, ['edit', 'traffic'].map((more) => h('a', { class: 'button', role: 'menuitem', tabindex: -1, href: to(['mounts', id, more]) },
        more === 'edit' ? 'Edit' : 'Live traffic')), actsFor(mount).map(act));
      change(node, { 'aria-label': `Actions for ${id}` });
      node.showPopover();
      place(node, button);
      items()[0]?.focus();
    } catch (error) {
      if (!signal.aborted) toast(inWords(error), { tone: 'bad' });
    }
  };
  return { node, open, isOpen: () => node.matches(':popover-open') };
}

/**
 * Beside the button, where there is room.
 * @param {HTMLElement} node
 * @param {HTMLElement} button
 */
function place(node, button) {
  const { right, top, bottom } = button.getBoundingClientRect();
  const { offsetWidth, offsetHeight } = node;
  const below = bottom + offsetHeight + EDGE_PX <= innerHeight;
  node.style.setProperty('left', `${Math.max(EDGE_PX, right - offsetWidth)}px`);
  node.style.setProperty('top', `${Math.max(EDGE_PX, below ? bottom : top - offsetHeight)}px`);
}
