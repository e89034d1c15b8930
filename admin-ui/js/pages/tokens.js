// Owns the page "Tokens": who may call, kept current, and revoking them. It
// never has a value; that is between `tokens/make.js` and `tokens/value.js`.

/** @import { Page, Token } from '../../types.js' */

import { call, get, inWords } from '../core/api.js';
import { fill, h, keyed, passFocus, setText } from '../core/dom.js';
import { ago } from '../core/format.js';
import { poll } from '../core/poll.js';
import * as session from '../core/session.js';
import { empty, failure, loading, when } from '../parts/bits.js';
import { ask } from '../parts/dialog.js';
import { toast } from '../parts/toast.js';
import { makeToken } from './tokens/make.js';
import { rightsOf } from './tokens/rights.js';

const POLL_MS = 5000;
const FIRST = 'admin';

/** @type {Page} */
export const page = (_place, signal) => {
  const title = h('h1', { tabindex: -1 }, 'Tokens');
  const head = h('div', { class: 'page-head' }, title);
  const node = h('div', {}, head);
  if (!session.mayGovern()) {
    node.append(empty('Your token may not see the others', h('p', {}, 'Only a token that may change everything lists, makes and revokes tokens.')));
    return { title: 'Tokens', node };
  }
  const rows = h('tbody', {});
  const list = h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'All tokens' }, h('table', { class: 'tokens' },
    h('thead', {}, h('tr', {}, ['Name', 'Rights', 'Made', 'Last used'].map((name) => h('th', { scope: 'col' }, name)), h('td', {}))), rows));
  const body = h('div', { class: 'stack' }, loading('Asking for the tokens…'));
  let isShown = false;
  const now = poll(POLL_MS, signal, async () => {
    const { tokens } = await get('listTokens', { signal });
    passFocus(rows, () => keyed(rows, tokens, ({ name, created_at }) => `${name} ${created_at}`, (token) => rowFor(token, () => now()), update), () => title);
    if (!isShown) fill(body, list, h('p', { class: 'hint' }, 'What lets anybody in is not listed: the server keeps only its hash. The token admin is the one in the file ', h('code', {}, 'token'),
      ' of the data directory. To have another one made, remove that file and start the server again.'));
    isShown = true;
  }, (error) => {
    if (!isShown) fill(body, failure(inWords(error), () => now()));
  });
  head.append(h('div', { class: 'actions' }, h('button', { type: 'button', class: 'primary', onclick: () => void makeToken(now) }, 'New token')));
  node.append(body);
  return { title: 'Tokens', node };
};

/** @param {Token} token @param {() => void} changed */
function rowFor({ name, read_only, owner, created_at }, changed) {
  const isMine = name === session.who().name;
  return h('tr', {},
    h('th', { scope: 'row' }, h('span', { class: 'mono' }, name), isMine && h('span', { class: 'tag' }, 'yours')),
    h('td', {}, rightsOf({ read_only, owner })),
    h('td', { data: { label: 'Made' } }, when(created_at, ago(created_at))),
    h('td', { class: 'used', data: { label: 'Last used' } }),
    h('td', {}, name === FIRST
      ? h('span', { class: 'hint' }, 'not revoked here')
      : h('button', { type: 'button', class: 'small danger', 'aria-label': `Revoke ${name}`, onclick: async (/** @type {Event} */ event) => {
        const row = /** @type {HTMLElement} */ (event.currentTarget).closest('tr');
        if (await revoke(name, isMine, row?.dataset.used)) changed();
      } }, 'Revoke')));
}

/** @param {HTMLElement} row @param {Token} token */
function update(row, { created_at, last_used_at }) {
  setText(/** @type {Node} */ (row.querySelector('time')), ago(created_at));
  const cell = /** @type {Element} */ (row.querySelector('.used'));
  if (row.dataset.used !== (last_used_at ?? '')) {
    row.dataset.used = last_used_at ?? '';
    fill(cell, last_used_at ? when(last_used_at, ago(last_used_at)) : 'not since the server started');
  } else if (last_used_at) setText(/** @type {Node} */ (cell.firstChild), ago(last_used_at));
}

/**
 * @param {string} name
 * @param {boolean} isMine
 * @param {string} [used] when it was last let in
 */
async function revoke(name, isMine, used) {
  const done = await ask({
    title: `Revoke ${name}?`,
    text: [
      h('p', {}, used ? ['It was last used ', when(used, ago(used)), '.'] : 'It was not used since the server started.',
        ' Whoever has it is refused from then on. It cannot be taken back; make another one instead.'),
      isMine && h('p', {}, h('strong', {}, 'This is the token you use now:'), ' you will need another one at once.'),
    ],
    action: 'Revoke', danger: true,
    run: (signal) => call('deleteToken', { path: { id: name }, signal }),
  });
  if (done) toast(`${name} is revoked.`);
  return done;
}
