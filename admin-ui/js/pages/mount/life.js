// Owns what a mount is now and how long yet: state, generations, restarts,
// lease, whose it is, and what was noted with it.

/** @import { Mount } from '../../../types.js' */

import { now } from '../../core/clock.js';
import { same } from '../../core/diff.js';
import { change, fill, h, keyed, setText } from '../../core/dom.js';
import { ago, count, duration, moment, plural, sayState, sentence, since, toneOf } from '../../core/format.js';
import { to } from '../../core/router.js';
import { jsonView } from '../../parts/bits.js';
import { cutOf, leftBehind, standAt } from '../../parts/operation.js';

/** @type {Record<string, string>} */
const ENDINGS = { delete: 'is deleted', disable: 'is disabled', drain: 'is drained' };

const LEASE_SOON_S = 10;

/** @param {string} id @param {AbortSignal} signal */
export function lifePart(id, signal) {
  const facts = h('dl', { class: 'facts' });
  const state = fact(facts, 'State');
  const left = h('div', { class: 'left-behind' });
  state.after(left);
  standAt(id, left, signal);
  const held = fact(facts, 'Held');
  const lease = fact(facts, 'Lease');
  const generation = fact(facts, 'Generation');
  const olds = h('ul', { class: 'olds' });
  generation.after(olds);
  const restarts = fact(facts, 'Restarts');
  const activity = fact(facts, 'Last request');
  const owner = fact(facts, 'Owner');
  const labels = fact(facts, 'Labels');
  const changed = fact(facts, 'Changed');
  const made = fact(facts, 'Made');
  const metadata = h('details', { class: 'metadata' }, h('summary', {}, 'Metadata'));
  const node = h('section', { class: 'panel' }, h('h2', {}, 'State'), facts, metadata);
  /** @type {unknown} */
  let noted;
  /** @type {unknown} */
  let labelled;
  return {
    node,
    /** @param {Mount} mount */
    show(mount) {
      showState(state, mount);
      held.show(mount.held > 0 && `${plural(mount.held, 'request waits', 'requests wait')} to be let in.`);
      generation.show(count(mount.generation), mount.generations.length > 0 ? 'Still at work as the mount was before:' : '');
      keyed(olds, mount.generations, (one) => String(one.generation), () => h('li'), (one, old) =>
        setText(one, `Generation ${count(old.generation)}: ${plural(old.requests, 'request')} and ${plural(old.tunnels, 'tunnel')} left`));
      restarts.show(mount.restarts > 0 && `Its actor failed and was started again ${plural(mount.restarts, 'time')}.`);
      showLease(lease, mount);
      activity.show(mount.last_activity_at ? ago(mount.last_activity_at) : 'None since the proxy was started.', undefined, undefined, mount.last_activity_at);
      owner.show(mount.labels?.owner ?? false);
      if (!same(labelled, mount.labels ?? {})) {
        labelled = mount.labels ?? {};
        const others = Object.entries(mount.labels ?? {}).filter(([name]) => name !== 'owner');
        labels.fill(others.map(([name, value]) => h('a', { class: 'tag', href: to(['mounts'], { label: `${name}=${value}` }) }, `${name}=${value}`)));
      }
      changed.show(`${ago(mount.updated_at)}, in revision ${count(mount.revision)}`, undefined, undefined, mount.updated_at);
      made.show(ago(mount.created_at), undefined, undefined, mount.created_at);
      if (!same(noted, mount.metadata)) {
        noted = mount.metadata;
        fill(metadata, h('summary', {}, 'Metadata'), jsonView(mount.metadata, 'Metadata'));
      }
      metadata.hidden = Object.keys(mount.metadata ?? {}).length === 0;
    },
  };
}

/** @param {ReturnType<typeof fact>} state @param {Mount} mount */
function showState(state, mount) {
  const operation = mount.state === 'draining' ? leftBehind(mount.id) : null;
  const cut = operation && cutOf(operation);
  const says = cut ? `New requests are refused; those on their way are ${cut}.` : sayState(mount.state);
  // What is on its way "may finish", the reason goes on, which is not so then.
  const reason = cut ? mount.state_reason?.split(';')[0] : mount.state_reason;
  state.show(`${says} For ${since(mount.state_since)}.`, reason ? sentence(reason) : '', toneOf(mount.state));
}

/** @param {ReturnType<typeof fact>} lease @param {Mount} mount */
function showLease(lease, mount) {
  if (!mount.lease || !mount.lease_expires_at) return lease.show(false);
  const left = (Date.parse(mount.lease_expires_at) - now()) / 1000;
  const ending = ENDINGS[mount.lease.on_expiry ?? 'delete'];
  lease.show(left > 0 ? `In ${duration(left)} it ${ending}, unless renewed.` : `It has run out: it ${ending}.`,
    `A renewal lasts ${duration(mount.lease.ttl_s)}.`, left < LEASE_SOON_S ? 'warn' : undefined, mount.lease_expires_at);
}

/**
 * A name and what is to be said under it; hidden where that is nothing.
 * @param {HTMLElement} into
 * @param {string} name
 */
function fact(into, name) {
  const text = h('span');
  const more = h('span', { class: 'more' });
  const said = h('dd', {}, text, more);
  const row = h('div', { class: 'fact' }, h('dt', {}, name), said);
  into.append(row);
  return {
    /** @param {Node} node */
    after: (node) => said.append(node),
    /** @param {import('../../../types.js').Child} children */
    fill(children) {
      row.hidden = Array.isArray(children) && children.length === 0;
      fill(text, children);
    },
    /** @param {string | false} words @param {string} [further] @param {string} [tone] @param {string | null} [time] to be read on hovering */
    show(words, further = '', tone, time) {
      row.hidden = words === false;
      setText(text, words || '');
      setText(more, further);
      change(said, { data: { tone }, title: time ? moment(time) : null });
    },
  };
}
