// Owns the drawing of a mount's way: client, match, policies, upstream, and on
// the wires between them what passes there now.

/** @import { Mount, MountStats } from '../../../types.js' */

import { change, fill, h, keyed, setText } from '../../core/dom.js';
import { count, matchOf, plural, rate } from '../../core/format.js';
import { joined, list, policiesOf } from './policies.js';

const ERRORS_OVER_MS = 10_000;

export function flowPart() {
  const [entering, inner, outer] = [wire('in'), wire('inner'), wire('out')];
  const match = h('p', { class: 'mono' });
  const matchMore = h('p', { class: 'hint' });
  const policies = h('dl', { class: 'policies' });
  const upstream = h('p', { class: 'mono' });
  const upstreamMore = h('p', { class: 'hint' });
  const errorShare = shareOfErrors();
  const node = h('section', { class: 'panel flow-panel', 'aria-label': 'The way of a request' },
    h('ol', { class: 'flow' },
      stop('Client', 'client'), entering.node,
      stop('Match', 'match', match, matchMore), inner.node,
      stop('Policies', 'does', policies), outer.node,
      stop('Upstream', 'upstream', upstream, upstreamMore)));
  return {
    node,
    /** @param {Mount} mount @param {MountStats} stats */
    show(mount, stats) {
      const perS = stats.requests_per_s.over_10_s;
      const share = errorShare(stats);
      const errors = share === null ? null : share * perS;
      entering.show([`${rate(perS)} requests/s`, `${count(mount.in_flight)} in flight`],
        errors === null ? [] : [`${rate(errors)} errors/s`], errors ? 'bad' : null);
      inner.show([barred(mount)], [], mount.state === 'open' ? null : 'closed');
      outer.show([plural(stats.pool.open, 'connection'), `${count(stats.pool.idle)} idle`], [plural(mount.tunnels, 'tunnel')], null);
      showParts(match, matchOf(mount));
      setText(matchMore, `${mount.match.host ? '' : 'Any host. '}${mount.match.path === '/' ? 'Every path.' : 'This path, and all below it.'}`);
      showPolicies(policies, mount);
      showParts(upstream, addressOf(mount));
      setText(upstreamMore, joined(mount));
    },
  };
}

/** What keeps requests from going on. @param {Mount} mount */
function barred({ state, held }) {
  if (held > 0) return `${count(held)} held`;
  if (state === 'open') return '';
  return state === 'paused' ? '0 held' : state === 'starting' || state === 'restarting' ? 'waiting' : 'refused';
}

/** @param {Mount} mount */
function addressOf(mount) {
  if (mount.kind === 'regular') return mount.address;
  const scheme = mount.force_scheme ?? 'http';
  if (mount.force_host) return `${scheme}://${mount.force_host}`;
  return `${scheme}:// the host that the request names, of ${list([mount.allowed_hosts ?? []].flat())}`;
}

/** An address, which may go on in the next line behind its parts. @param {HTMLElement} node @param {string} text */
function showParts(node, text) {
  if (node.textContent === text) return;
  fill(node, text.split(/(?<=[./])(?=[^./])/).map((part, at) => (at === 0 ? part : [h('wbr'), part])));
}

/** @param {HTMLElement} node @param {Mount} mount */
function showPolicies(node, mount) {
  const all = policiesOf(mount);
  const groups = Map.groupBy(all, ({ group }) => group);
  if (all.length === 0) groups.set('', [{ group: '', text: 'All methods. Headers as usual for this kind of mount. Nothing is rewritten.' }]);
  keyed(node, groups, ([name]) => name, ([name]) => h('div', {}, h('dt', { class: name === '' ? 'unseen' : '' }, name || 'As usual'), h('dd', {}, h('ul'))),
    (part, [, sentences]) => keyed(/** @type {Element} */ (part.querySelector('ul')), sentences, ({ text }) => text,
      ({ text, tone }) => h('li', { data: { tone } }, text)));
}

/**
 * @param {string} name
 * @param {string} kind
 * @param {...import('../../../types.js').Child} children
 */
function stop(name, kind, ...children) {
  return h('li', { class: `stop ${kind}` }, h('h2', {}, name), children);
}

/** A wire: what goes there above it, what comes back below. @param {string} kind */
function wire(kind) {
  const there = h('span', { class: 'there' });
  const back = h('span', { class: 'back' });
  const node = h('li', { class: `wire ${kind}` }, there, h('span', { class: 'line', 'aria-hidden': 'true' }), back);
  const put = (/** @type {HTMLElement} */ into, /** @type {string[]} */ texts) =>
    keyed(into, texts.map((text, at) => ({ text, at })), ({ at }) => String(at), () => h('span'), (one, { text }) => setText(one, text));
  return {
    node,
    /** @param {string[]} going @param {string[]} coming @param {string | null} look */
    show(going, coming, look) {
      put(there, going);
      put(back, coming);
      change(node, { data: { look } });
    },
  };
}

/**
 * Which share of the requests of the last seconds were errors, to be told beside
 * their rate; null until that is known.
 */
function shareOfErrors() {
  /** @type {{ at: number, errors: number, requests: number }[]} */
  let known = [];
  return (/** @type {MountStats} */ { errors, requests: { total: requests }, requests_per_s: perS }) => {
    const at = performance.now();
    if (known.some((one) => one.requests > requests)) known = []; // the proxy was started again
    known.push({ at, errors, requests });
    while (known.length > 2 && at - known[1].at >= ERRORS_OVER_MS) known.shift();
    const [first] = known;
    if (errors === 0 || perS.over_10_s === 0) return 0;
    if (requests === first.requests) return known.length === 1 ? null : 0;
    return Math.min(1, (errors - first.errors) / (requests - first.requests));
  };
}
