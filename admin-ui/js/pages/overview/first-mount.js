// Owns what stands where there are no mounts yet: how the first one is made.

import { h } from '../../core/dom.js';
import { to } from '../../core/router.js';
import * as session from '../../core/session.js';
import { empty, snippet } from '../../parts/bits.js';
import { quote } from '../../parts/shell-words.js';

const EXAMPLE = { id: 'hello', path: '/hello', address: 'http://127.0.0.1:9000/' };

export function firstMount() {
  const { owner } = session.who();
  const server = new URL('.', document.baseURI).href.replace(/\/$/, '');
  const may = session.mayChange();
  const text = may ? 'A mount says which requests go to which upstream. It counts as soon as it is made, without a restart.'
    : 'A mount says which requests go to which upstream. Your token may only read; with another one mounts are made so:';
  return empty('No mounts yet', h('p', { class: 'calm' }, text),
    may && h('p', {}, h('a', { class: 'button primary', href: to(['new']) }, 'New mount')),
    h('div', { class: 'ways' },
      h('h3', {}, 'From a shell, with the token in STANDIN_TOKEN'),
      snippet(command(server, owner), 'standin mount add'), snippet(curl(server, owner), 'curl')),
    may && h('p', { class: 'hint' }, 'Mounts of other programs, Paste files too, come in by ', h('a', { href: to(['transfer']) }, 'Import'), '.'));
}

/** @param {string} server @param {string | null} owner */
function command(server, owner) {
  const label = owner === null ? '' : ` --label ${quote(`owner=${owner}`)}`;
  return `standin mount add ${EXAMPLE.path} ${EXAMPLE.address} --id ${EXAMPLE.id}${label} \\
  --server ${server}`;
}

/** @param {string} server @param {string | null} owner */
function curl(server, owner) {
  const mount = { kind: 'regular', match: { path: EXAMPLE.path }, address: EXAMPLE.address, ...(owner === null ? {} : { labels: { owner } }) };
  return `curl -X PUT ${server}/v1/mounts/${EXAMPLE.id} \\
  -H "Authorization: Bearer $STANDIN_TOKEN" -H 'Content-Type: application/json' \\
  -d ${quote(JSON.stringify(mount))}`;
}
