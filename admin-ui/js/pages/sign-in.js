// Owns the form that asks for a token.

import { h, setText } from '../core/dom.js';

/**
 * @param {string} fault what was wrong with the last one
 * @param {(token: string) => string} take gets the token; says what is wrong with it, or nothing
 * @returns {HTMLElement}
 */
export function form(fault, take) {
  const told = h('p', { class: 'fault', id: 'token-fault', role: 'alert' }, fault);
  const input = h('input', { id: 'token', type: 'password', autocomplete: 'off', spellcheck: 'false', autofocus: true, 'aria-describedby': 'token-fault' });
  const node = h('form', { class: 'panel narrow', novalidate: true },
    h('h1', {}, 'Token needed'),
    h('p', {}, 'Open the UI link that ', h('code', {}, 'standin serve'), ' or ', h('code', {}, 'standin ui'),
      ' prints, or enter the token here. It is in the file ', h('code', {}, 'token'), ' of the data directory, by default ',
      h('code', {}, '~/.local/state/standin/token'), '. This tab keeps it until it is closed.'),
    h('div', { class: 'field' }, h('label', { for: 'token' }, 'Token'), input, told),
    h('button', { class: 'primary' }, 'Continue'));
  node.addEventListener('submit', (event) => {
    event.preventDefault();
    const text = input.value.trim();
    setText(told, text ? take(text) : 'Enter the token.');
  });
  return node;
}
