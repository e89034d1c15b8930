// Owns what went wrong at a mount: the last errors, and how many requests failed
// or were refused, and why.

/** @import { Mount, MountStats } from '../../../types.js' */

import { change, h, keyed, setText } from '../../core/dom.js';
import { ago, moment, plural, sentence } from '../../core/format.js';
import { to } from '../../core/router.js';
import { REFUSALS } from '../../parts/refusals.js';

/** @typedef {MountStats['recent_errors'][number]} RecentError */

/** @type {[keyof MountStats['failures'], string][]} */
const FAILURES = [['upstream', 'failed by a fault of the upstream'], ['proxy', 'failed by a fault of the proxy'], ['client', 'ended because the client had gone or sent too slowly']];

export function errorsPart() {
  const sums = h('ul', { class: 'sums' });
  const errors = h('ul', { class: 'errors' });
  const none = h('p', { class: 'calm' }, 'No errors since the proxy was started.');
  const node = h('section', { class: 'panel', 'aria-label': 'Errors' }, h('h2', {}, 'Recent errors'), sums, none, errors);
  return {
    node,
    /** @param {Mount} mount @param {MountStats} stats */
    show(mount, { recent_errors: recent = [], failures, refusals }) {
      keyed(sums, [...failed(failures), ...refused(refusals)], ({ key }) => key,
        ({ words, budget }) => h('li', {}, h('strong'), ` ${words}`, budget && [' ', h('code', {}, budget)]),
        (line, { n }) => setText(/** @type {Node} */ (line.firstChild), plural(n, 'request')));
      keyed(errors, Map.groupBy(recent, alike), ([key]) => key, () => entry(), (line, [, all]) => showEntry(line, all, mount));
      none.hidden = recent.length > 0;
    },
  };
}

/** @param {MountStats['failures']} failures */
function failed(failures) {
  return FAILURES.filter(([whose]) => failures[whose] > 0).map(([whose, words]) => ({ key: `failed ${whose}`, n: failures[whose], words, budget: '' }));
}

/** @param {MountStats['refusals']} refusals */
function refused(refusals) {
  return Object.entries(refusals).filter(([, n]) => n > 0).map(([why, n]) => {
    const [words, budget = ''] = REFUSALS[/** @type {keyof typeof REFUSALS} */ (why)] ?? [why];
    return { key: `refused ${why}`, n, words: `refused: ${words}`, budget };
  });
}

/** What is the same of errors that are told once. @param {RecentError} error */
const alike = ({ method, target, status, failure, detail }) => JSON.stringify([method, pathOf(target), status, failure, detail]);

/** @param {string} target */
const pathOf = (target) => target.replace(/\?.*/s, '');

function entry() {
  return h('li', {}, h('time'), h('span', { class: 'status' }), h('span', { class: 'asked mono' }, h('strong'), ' ', h('span')),
    h('span', { class: 'detail' }, h('span'), ' ', h('span', { class: 'calm' }), ' ', h('span', { class: 'tag', title: 'What logs and error answers call it' })),
    h('a', { class: 'button small' }, 'Explain'),
    h('details', { class: 'each' }, h('summary'), h('ul')));
}

/**
 * @param {HTMLElement} line
 * @param {RecentError[]} all alike, the newest first
 * @param {Mount} mount
 */
function showEntry(line, all, mount) {
  const [newest] = all;
  const { at, method, target, status, failure, detail, request_id: id } = newest;
  const one = all.length === 1;
  const asked = one ? target : pathOf(target);
  const [time, answer, what, why, explain, each] = /** @type {HTMLElement[]} */ ([...line.children]);
  change(time, { datetime: at, title: moment(at) });
  setText(time, ago(at));
  change(answer, { data: { tone: status !== null && status < 500 ? 'warn' : 'bad' } });
  setText(answer, status === null ? 'no answer' : String(status));
  setText(what.children[0], method);
  setText(what.children[1], asked);
  const [says, fault, tag] = why.children;
  setText(says, sentence(detail));
  setText(fault, whose(failure));
  setText(tag, id);
  /** @type {HTMLElement} */ (tag).hidden = !one;
  change(explain, { href: to(['explain'], { url: urlOf(target, mount), method }), 'aria-label': `Explain ${method} ${asked}` });
  each.hidden = one;
  setText(each.children[0], plural(all.length, 'time'));
  keyed(each.children[1], one ? [] : all, (error) => `${error.at} ${error.request_id}`, (error) => h('li', {}, h('time', { datetime: error.at, title: moment(error.at) }),
    h('span', { class: 'mono' }, error.target), h('span', { class: 'tag' }, error.request_id)),
  (part, error) => setText(/** @type {Node} */ (part.firstChild), ago(error.at)));
}

/** @param {string | null} failure */
function whose(failure) {
  if (failure === null) return ''; // the detail says who answered so
  if (failure === 'upstream') return 'Fault of the upstream.';
  return failure === 'proxy' ? 'Fault of the proxy.' : 'Refused.';
}

/**
 * The URL that was asked for, as far as it is known: a host stands for those of
 * a pattern, and what was left out as secret or too long is missing.
 * @param {string} target
 * @param {Pick<Mount, 'match'>} mount
 */
export function urlOf(target, { match }) {
  const path = target.replaceAll('…', '');
  if (!path.startsWith('/') || !match.host) return path;
  return `http://${match.host.replace(/^\*/, 'any')}${path}`;
}
