// Owns making a token: the dialog that asks what it is to be. The value that
// comes of it goes to `value.js` and nowhere else.

import { Problem, call } from '../../core/api.js';
import { change, h, setText } from '../../core/dom.js';
import { ask } from '../../parts/dialog.js';
import { giveValue } from './value.js';

/** @typedef {'all' | 'read' | 'owner'} Right */

/** @type {[Right, string, string][]} */
const RIGHTS = [
  ['read', 'Only read', 'It sees everything and changes nothing.'],
  ['owner', 'Change the mounts of one owner', 'It reads all, and changes mounts whose label owner is the one below.'],
  ['all', 'Everything', 'It changes every mount, and makes and revokes tokens.'],
];

/** @param {() => void} changed is told whenever there are others @returns {Promise<void>} */
export async function makeToken(changed) {
  const name = field('token-name', 'Name', { class: 'mono', autofocus: true }, '1 to 63 of a-z 0-9 . _ - as in ci or dashboard. It stands in the history of changes.');
  const owner = field('token-owner', 'Owner', {}, 'As in the label owner of its mounts.');
  const radios = RIGHTS.map(([value, label, hint]) => h('label', { class: 'check' },
    h('input', { type: 'radio', name: 'right', value, checked: value === 'read', onchange: () => { owner.node.hidden = right() !== 'owner'; } }),
    h('span', {}, label, h('span', { class: 'hint' }, ` ${hint}`))));
  const right = () => /** @type {Right} */ (radios.map((label) => /** @type {HTMLInputElement} */ (label.firstChild)).find(({ checked }) => checked)?.value);
  owner.node.hidden = true;

  let value = '';
  const wanted = () => ({ name: name.input.value.trim(), read_only: right() === 'read', owner: right() === 'owner' ? owner.input.value : null });
  const done = await ask({
    title: 'New token',
    text: [name.node, h('fieldset', { class: 'rights' }, h('legend', {}, 'Rights'), radios), owner.node],
    action: 'Make the token',
    run: async (signal) => {
      for (const one of [name, owner]) one.tell('');
      try {
        ({ token: value } = (await call('createToken', { body: wanted(), signal })).body);
        changed();
      } catch (error) {
        throw beside(error, { name, owner });
      }
    },
  });
  if (done) giveValue(name.input.value.trim(), value, changed);
  value = '';
}

/** Tells faults beside their fields; what is left is told by the dialog. @param {unknown} error @param {Record<string, ReturnType<typeof field>>} fields */
function beside(error, fields) {
  if (!(error instanceof Problem)) return error;
  const rest = error.errors.filter(({ pointer, detail }) => {
    const one = fields[pointer.slice(1)];
    one?.tell(`It ${detail}.`);
    return !one;
  });
  fields[error.errors[0]?.pointer.slice(1)]?.input.focus();
  return error.errors.length === 0 ? error : new Error(rest.map(({ detail }) => detail).join('\n'));
}

/** @param {string} id @param {string} label @param {import('../../../types.js').Props} props @param {string} hint */
function field(id, label, props, hint) {
  const fault = h('p', { class: 'fault', id: `${id}-fault`, role: 'alert' });
  const input = h('input', { id, autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', 'aria-describedby': `${id}-fault ${id}-hint`, ...props });
  const node = h('div', { class: 'field' }, h('label', { for: id }, label), input, h('p', { class: 'hint', id: `${id}-hint` }, hint), fault);
  const tell = (/** @type {string} */ text) => {
    setText(fault, text);
    change(input, { 'aria-invalid': text ? 'true' : null });
  };
  return { node, input, tell };
}
