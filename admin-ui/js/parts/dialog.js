// Owns dialogs: made when they are asked for, gone when they close. Escape is
// Cancel; the focus goes back to where it was, which the browser sees to.

/** @import { Child } from '../../types.js' */

import { h, setText, unique } from '../core/dom.js';
import { inWords } from '../core/api.js';
import { toast } from './toast.js';

/**
 * Asks before something is done. The action runs while the dialog is open, so
 * that an error is told where it was asked; then it is false until it worked.
 * @param {object} about
 * @param {string} about.title
 * @param {Child[]} [about.text]
 * @param {string} about.action the word on the button
 * @param {boolean} [about.danger]
 * @param {string} [about.cancel]
 * @param {boolean} [about.wide]
 * @param {(signal: AbortSignal, form: HTMLFormElement) => Promise<unknown>} [about.run]
 * @returns {Promise<boolean>} whether it was done
 */
export function ask({ title, text = [], action, danger = false, cancel = 'Cancel', wide = false, run }) {
  return new Promise((done) => {
    const fault = h('p', { class: 'fault', role: 'alert' });
    const yes = h('button', { class: danger ? 'primary danger' : 'primary' }, action);
    const form = h('form', { novalidate: true }, h('div', { class: 'dialog-text' }, text), fault,
      h('div', { class: 'choices' }, h('button', { type: 'button', onclick: () => { if (!isBusy()) close(); } }, cancel), yes));
    let agreed = false;
    const stop = new AbortController();
    const isBusy = () => form.ariaBusy === 'true';
    const end = () => {
      stop.abort();
      done(agreed);
    };
    // What has begun is not taken back by closing: it goes on, and tells how it ended.
    const close = open(title, form, () => { if (!isBusy()) end(); }, { wide, isBusy });
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      if (isBusy()) return;
      form.ariaBusy = 'true';
      setText(fault, '');
      try {
        await run?.(stop.signal, form);
        agreed = true;
        close();
      } catch (error) {
        if (form.isConnected) setText(fault, inWords(error));
        else toast(`${title} ${inWords(error)}`, { tone: 'bad' });
      } finally {
        form.ariaBusy = null;
        if (!form.isConnected) end();
      }
    });
  });
}

/**
 * Opens a dialog with any content.
 * @param {string} title
 * @param {Child} content
 * @param {() => void} [closed]
 * @param {{ wide?: boolean, isBusy?: () => boolean }} [look] while it is busy, nobody closes it
 * @returns {() => void} closes it
 */
export function open(title, content, closed, { wide = false, isBusy = () => false } = {}) {
  const id = unique('dialog');
  const leave = () => { if (!isBusy()) dialog.close(); };
  const dialog = h('dialog', { class: wide ? 'wide' : '', 'aria-labelledby': id },
    h('div', { class: 'dialog-head' }, h('h2', { id }, title),
      h('button', { type: 'button', class: 'quiet close', 'aria-label': 'Close', onclick: leave }, '×')),
    content);
  dialog.addEventListener('close', () => {
    dialog.remove();
    closed?.();
  });
  dialog.addEventListener('cancel', (event) => { if (isBusy()) event.preventDefault(); });
  // The backdrop: begun and ended outside, for who selects a text may let go there.
  const isOutside = (/** @type {MouseEvent} */ { target, clientX: x, clientY: y }) => {
    const { left, right, top, bottom } = dialog.getBoundingClientRect();
    return target === dialog && (x < left || x > right || y < top || y > bottom);
  };
  let began = false;
  dialog.addEventListener('pointerdown', (event) => { began = isOutside(event); });
  dialog.addEventListener('click', (event) => { if (began && isOutside(event)) leave(); });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector('[autofocus]') ?? dialog.querySelector('.choices button')
    ?? dialog.querySelector('input, select, textarea');
  if (first instanceof HTMLElement) first.focus();
  return () => dialog.close();
}

/** Closes what is open, as when the page is left. */
export function closeAll() {
  for (const dialog of document.querySelectorAll('dialog[open]')) /** @type {HTMLDialogElement} */ (dialog).close();
}
