// Owns how an explanation looks: the verdict, the request's way drawn, who
// lost, and what of the request is another at its end.

/** @import { Child, Explanation, State } from '../../../types.js' */
/** @import { Asked } from '../explain.js' */

import { h } from '../../core/dom.js';
import { clock, count, sentence } from '../../core/format.js';
import { to } from '../../core/router.js';
import { masked, stripped } from '../../core/secret.js';
import * as session from '../../core/session.js';
import { statePill } from '../../parts/bits.js';
import { comparison } from './comparison.js';

const LOST_MAX = 64; // as many does the server tell

/**
 * @param {Asked} asked
 * @param {Explanation} told
 * @returns {Child[]}
 */
export function answerView(asked, told) {
  return [
    h('section', { class: 'panel', 'aria-label': 'Answer' }, verdict(asked, told), way(asked, told),
      h('p', { class: 'hint' }, `As it was at ${clock(new Date().toISOString())}, with the mounts of revision ${count(told.revision)}.`)),
    others(told),
    told.mount !== null && comparison(told),
  ];
}

/** @param {Asked} asked @param {Explanation} told */
function verdict(asked, told) {
  const { tone, word, text } = sum(told);
  return h('div', { class: 'verdict', role: 'status' },
    h('h2', {}, h('span', { class: 'pill', data: { tone } }, word), ' ', text),
    told.refusal && h('p', {}, sentence(told.refusal.detail)),
    told.mount === null && told.refusal?.status === 404 && session.mayChange()
      && h('p', {}, h('a', { href: newMount(asked) }, 'Make a mount for it')));
}

/**
 * The answer in one line.
 * @param {Explanation} told
 * @returns {{ tone: string, word: string, text: Child }}
 */
function sum({ mount, refusal, admission }) {
  if (mount === null && refusal === null) return { tone: 'calm', word: 'answered', text: 'The proxy answers it itself.' };
  if (mount === null) {
    const text = refusal?.status === 404 ? 'Nobody answers it' : 'The proxy refuses it';
    return { tone: 'bad', word: String(refusal?.status), text: `${text}.` };
  }
  const link = linkTo(mount);
  if (refusal !== null) return { tone: 'bad', word: String(refusal.status), text: [link, ' refuses it.'] };
  if (admission === 'admitted' || admission === null) return { tone: 'good', word: 'passed on', text: [link, ' answers it.'] };
  return { tone: 'warn', word: 'held', text: [link, admission === 'held' ? ' holds it.' : ' holds it for a moment, or refuses it.'] };
}

/** The way of the request, drawn. @param {Asked} asked @param {Explanation} told */
function way(asked, told) {
  const { mount, refusal, upstream } = told;
  return h('ol', { class: 'way', 'aria-label': 'The way of the request' },
    step('Request', 'good', h('p', { class: 'mono' }, h('strong', {}, asked.method), ' ', masked(asked.url))),
    mount === null
      ? step('Match', refusal === null ? 'calm' : 'bad', h('p', {}, refusal === null ? 'It is for the proxy.' : `No mount gets it: ${refusal.status}.`))
      : step('Match', 'good', h('p', { class: 'mono' }, told.match ?? 'unknown'), took(told.prefix)),
    mount !== null && step('Mount', refusal ? 'bad' : told.admission === 'admitted' ? 'good' : 'warn',
      h('p', {}, linkTo(mount), ' ', told.state && statePill(/** @type {State} */ (told.state))),
      h('p', {}, admissionInWords(told)),
      told.asks_password && h('p', {}, 'It asks for a user and a password, which are not checked here.')),
    mount !== null && (upstream === null
      ? step('Upstream', 'idle', h('p', {}, 'It is not asked.'))
      : step('Upstream', refusal ? 'idle' : 'good', h('p', { class: 'mono' }, masked(upstream.url)),
        h('p', {}, refusal ? 'It would be dialled at ' : 'Dialled at ', h('code', {}, upstream.address), '.'))));
}

/** @param {string} name @param {string} tone @param {...Child} content */
function step(name, tone, ...content) {
  return h('li', { class: 'step', data: { tone } }, h('h3', {}, name), content);
}

/** @param {string | null} prefix */
function took(prefix) {
  return prefix ? h('p', {}, 'It took ', h('code', {}, prefix), ' of the path.') : h('p', {}, 'It takes every path.');
}

/** @param {Explanation} told */
function admissionInWords({ admission, state, refusal }) {
  if (admission === null) return 'What it would do now is not known.';
  if (admission === 'admitted') return refusal ? 'It has room for it, but refuses this one.' : 'One more request is let in at once.';
  if (admission === 'refused') return 'One more request is refused.';
  if (admission === 'held_or_refused') return 'Its actor is about to be started again: one more request is held for a moment, or refused with 503.';
  if (state === 'paused') return 'One more request is held until the mount is resumed.';
  return state === 'starting' ? 'One more request is held until its actor has started.' : 'It is full: one more request waits for a place.';
}

/** Who else matches, and why it is not them. @param {Explanation} told */
function others({ lost, mount }) {
  if (mount === null) return null;
  const rows = lost.map(({ id, match, why }) => h('tr', {},
    h('th', { scope: 'row' }, linkTo(id)), h('td', { class: 'mono' }, match ?? ''), h('td', {}, sentence(why))));
  return h('section', { class: 'stack', 'aria-label': 'Others' }, h('h2', {}, 'Mounts that lost'),
    lost.length === 0
      ? h('p', { class: 'panel calm' }, 'No other mount matches this request.')
      : h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Mounts that lost' }, h('table', {},
        h('thead', {}, h('tr', {}, ['Mount', 'Match', 'Why not'].map((name) => h('th', { scope: 'col' }, name)))), h('tbody', {}, rows))),
    lost.length >= LOST_MAX && h('p', { class: 'hint' }, `There may be more than these ${LOST_MAX}; the next best come first.`));
}

/** @param {string} id */
const linkTo = (id) => h('a', { href: to(['mounts', id]) }, id);

/** Where a mount for this URL is made. @param {Asked} asked */
function newMount({ url, headers }) {
  const named = Object.entries(headers).find(([name]) => name.toLowerCase() === 'host')?.[1][0];
  const base = URL.parse(`http://${named ?? 'localhost'}/`) ?? 'http://localhost/';
  const read = URL.parse(url, base);
  const host = named !== undefined || !url.startsWith('/') ? read?.hostname : '';
  return to(['new'], { path: read && stripped(read.pathname), host });
}
