// Owns the one moment in which a token's value can be had. It never stands in
// the page: it goes from here to the clipboard or into a file, and is forgotten
// when the dialog closes.

import { call } from '../../core/api.js';
import { h, setText } from '../../core/dom.js';
import { copy, download, snippet } from '../../parts/bits.js';
import { cliServer } from '../../parts/commands.js';
import { open } from '../../parts/dialog.js';
import { toast } from '../../parts/toast.js';

/**
 * @param {string} name of the token
 * @param {string} given its value
 * @param {() => void} changed is told when it was revoked here
 */
export function giveValue(name, given, changed) {
  let value = given;
  let isHad = false;
  const file = `${name}.token`;
  const said = h('p', { role: 'status', class: 'hint' });
  const had = (/** @type {string} */ text) => {
    isHad = true;
    setText(said, text);
  };
  const take = async () => {
    if (await copy(value)) had('It is in the clipboard.');
    else setText(said, 'The browser does not let the page copy here. Save it as a file.');
  };
  const save = () => {
    download(file, `${value}\n`, 'text/plain');
    had(`It is in ${file}. Keep it as you keep a password.`);
  };
  const close = open(`The token ${name} is made`, h('div', {},
    h('div', { class: 'dialog-text' },
      h('p', {}, h('strong', {}, 'Take it now.'), ' It is not shown, and once this is closed it cannot be had again.'),
      h('div', { class: 'value-of' },
        h('button', { type: 'button', class: 'primary', autofocus: true, onclick: () => void take() }, 'Copy the token'),
        h('button', { type: 'button', onclick: save }, 'Save as a file'), said),
      h('p', {}, 'With the command line, from its file:'), snippet(`standin mount list --server ${cliServer()} --token "$(cat ${file})"`, 'With the command line'),
      h('p', {}, 'With any program:'), snippet(`curl -H "Authorization: Bearer $(cat ${file})" ${new URL('v1/mounts', location.href)}`, 'With curl')),
    h('div', { class: 'choices' }, h('button', { type: 'button', onclick: () => close() }, 'Close'))), () => {
    value = '';
    if (!isHad) {
      toast(`The token ${name} was neither copied nor saved, so nobody has it.`, {
        tone: 'bad', action: { label: 'Revoke it', run: () => call('deleteToken', { path: { id: name } }).then(changed) },
      });
    }
  });
}
