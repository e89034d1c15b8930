// Owns a mount as JSON, and the same thing as commands.

/** @import { Mount } from '../../../types.js' */
/** @import { Command } from '../../parts/commands.js' */

import * as session from '../../core/session.js';
import { get, inWords } from '../../core/api.js';
import { specOf } from '../../core/diff.js';
import { fill, h } from '../../core/dom.js';
import { copyButton, download, failure, jsonView, loading, snippet } from '../../parts/bits.js';
import { TOKEN_FILE, cliCommands, curlCommands } from '../../parts/commands.js';
import { unsound } from '../form/json.js';

/**
 * @param {Mount} mount
 * @param {string} came the same as the server said it
 * @returns {HTMLElement}
 */
export function configView(mount, came) {
  const rounded = unsound(came);
  if (rounded) return asItCame(came, rounded.says);
  const spec = specOf(mount);
  const text = JSON.stringify(spec, null, 2);
  const [curl, cli] = [h('div'), h('div')];
  void showCommands(curl, cli, mount);
  return h('div', { class: 'config' },
    section('JSON', 'What is kept of the mount, as PUT takes it.', [
      copyButton(() => text),
      h('button', { type: 'button', class: 'small', onclick: () => download(`${mount.id}.json`, `${text}\n`, 'application/json') }, 'Download'),
    ], jsonView(spec, 'The mount as JSON'),
    h('details', {}, h('summary', {}, 'With what only answers have'), jsonView(mount, 'The whole answer'))),
    section('curl', ['The token is read from its file, which is ', h('code', {}, TOKEN_FILE), ' where the server was started without ',
      h('code', {}, '--data-dir'), '. Put another token in its place where this one may do more than is needed.'], [], curl),
    section('Command line', ['On the machine of the server and as its user, nothing more is needed. Elsewhere, say which server and token in ',
      h('code', {}, 'STANDIN_ADMIN'), ' and ', h('code', {}, 'STANDIN_TOKEN'), '.'], [], cli));
}

/**
 * A mount that is another one once it was read here: no command is made of it.
 * @param {string} text
 * @param {string} why
 */
function asItCame(text, why) {
  return h('div', { class: 'config' },
    failure(`This mount is not shown as commands: ${why}.`),
    section('JSON', 'The whole answer, as the server said it.', [], snippet(text, 'The whole answer')));
}

/**
 * @param {string} title
 * @param {import('../../../types.js').Child} hint
 * @param {HTMLElement[]} actions
 * @param {...HTMLElement} content
 */
function section(title, hint, actions, ...content) {
  return h('section', { class: 'panel', 'aria-label': title }, h('div', { class: 'panel-head' }, h('h2', {}, title), actions), h('p', { class: 'hint' }, hint), content);
}

/**
 * @param {string} tool
 * @param {Command[]} list
 */
function commands(tool, list) {
  return h('dl', { class: 'commands' }, list.map(({ name, text }) => [h('dt', {}, name), h('dd', {}, snippet(text, `${name}, ${tool}`))]));
}

/**
 * Commands say only what the server does not have by itself, which it tells of
 * a mount of the same kind that is only tried.
 * @param {HTMLElement} curl
 * @param {HTMLElement} cli
 * @param {Mount} mount
 */
async function showCommands(curl, cli, mount) {
  const probe = `defaults-${crypto.getRandomValues(new Uint32Array(2)).join('-')}`;
  const needed = mount.kind === 'regular' ? { address: mount.address } : { force_host: 'defaults.invalid' };
  // A token that is bound to an owner tries mounts of that owner.
  const { owner } = session.who(); // one who may make its own mounts only tries one of those
  const body = /** @type {any} */ ({ kind: mount.kind, id: probe, match: { path: `/${probe}` }, labels: owner === null ? mount.labels : { ...mount.labels, owner }, ...needed });
  for (const node of [curl, cli]) fill(node, loading('Asking what the server has by itself…'));
  try {
    const tried = /** @type {any} */ (await get('createMount', { query: { dry_run: true }, body }));
    const { labels, force_host, ...defaults } = tried.after;
    fill(curl, commands('curl', curlCommands(mount, defaults, document.baseURI)));
    fill(cli, commands('command line', cliCommands(mount, defaults)));
  } catch (error) {
    for (const node of [curl, cli]) fill(node, failure(inWords(error), () => void showCommands(curl, cli, mount)));
  }
}
