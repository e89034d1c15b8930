// Owns what stands where there are no mounts yet: how the first one is made.

import { h } from '../../core/dom.js';
import { to } from '../../core/router.js';
import * as session from '../../core/session.js';
import { empty, snippet } from '../../parts/bits.js';
import { firstCommands } from '../../parts/commands.js';

export function firstMount() {
  const { cli, curl } = firstCommands(session.who().owner);
  const may = session.mayChange();
  const text = may ? 'A mount says which requests go to which upstream. It counts as soon as it is made, without a restart.'
    : 'A mount says which requests go to which upstream. Your token may only read; with another one mounts are made so:';
  return empty('No mounts yet', h('p', { class: 'calm' }, text),
    may && h('p', {}, h('a', { class: 'button primary', href: to(['new']) }, 'New mount')),
    h('div', { class: 'ways' },
      h('h3', {}, 'From a shell, with the token in STANDIN_TOKEN'), snippet(cli, 'standin mount add'), snippet(curl, 'curl')),
    may && h('p', { class: 'hint' }, 'Mounts of other programs, Paste files too, come in by ', h('a', { href: to(['transfer']) }, 'Import'), '.'));
}
