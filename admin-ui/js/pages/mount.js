// Owns the page "Mount": its head with what can be done, its tabs, and what is
// said when there is no such mount, or none any more.

/** @import { Mount, MountStats, Page } from '../../types.js' */

/** @typedef {{ node: HTMLElement, show?: (mount: Mount, stats: MountStats | null, text: string) => void }} View `text` is the mount as it came */

import { actOn, acted, actsFor, labelOf } from '../acts.js';
import { Problem, call, get, inWords } from '../core/api.js';
import { fill, h, keyed, passFocus, setText } from '../core/dom.js';
import { poll } from '../core/poll.js';
import { to } from '../core/router.js';
import * as session from '../core/session.js';
import { empty, failure, loading, noSuchPage, showState, statePill } from '../parts/bits.js';
import { followOf } from '../parts/operation.js';
import { configView } from './mount/config.js';
import { historyView } from './mount/history.js';
import { overviewView } from './mount/overview.js';
import { trafficView } from './traffic.js';

const AGAIN_MS = 2000;

/** The tabs: their part of the address, and their names. @type {[string, string][]} */
const TABS = [['', 'Overview'], ['traffic', 'Live traffic'], ['history', 'History'], ['config', 'Configuration']];

/** @type {Page} */
export const page = (place, signal) => {
  const [, id = '', more = ''] = place.parts;
  const tab = more;
  if (place.parts.length > 3 || !TABS.some(([part]) => part === more)) return noSuchPage(to(['mounts', id]), id);
  const note = h('p', { class: 'banner', role: 'status' });
  const body = h('div', { class: 'mount-body' });
  const head = headOf(id, () => again());
  const tabs = h('nav', { class: 'tabs', 'aria-label': 'Views of this mount' }, TABS.map(([part, name]) =>
    h('a', { href: to(['mounts', id, ...(part ? [part] : [])]), 'aria-current': part === tab ? 'page' : null }, name)));
  const node = h('div', { class: 'mount' }, head.node, tabs, note, body);

  /** What stands in the body: a view, or a word in its place. */
  let shown = '';
  /** @type {View | null} */
  let view = null;
  let seen = false;
  let leaving = new AbortController();
  const put = (/** @type {string} */ what, /** @type {() => View} */ make) => {
    if (shown === what) return;
    shown = what;
    leaving.abort();
    leaving = new AbortController();
    view = make();
    fill(body, view.node);
  };
  const viewOf = () => {
    const until = AbortSignal.any([signal, leaving.signal]);
    if (tab === 'traffic') return { node: trafficView(id, until) };
    if (tab === 'history') return { node: historyView(id, until) };
    return tab === 'config' ? configOf() : overviewView(place, id, until);
  };
  const none = () => {
    head.none(seen);
    // What was done to it can be read, and undone, though it is gone.
    if (tab === 'history') {
      put('view', viewOf);
      setText(note, seen ? 'This mount was deleted.' : 'There is no such mount now. If there was one, this is what was done to it.');
    } else put('none', () => ({ node: seen ? gone(id) : unknown(id) }));
  };

  if (tab === 'history') put('view', viewOf);
  else put('loading', () => ({ node: loading('Loading the mount…') }));
  const again = poll(AGAIN_MS, signal, async () => {
    const asked = { path: { id }, signal };
    try {
      const [{ body: mount, text }, stats] = await Promise.all([call('getMount', asked), tab === '' ? get('getMountStats', asked) : null]);
      seen = true;
      head.show(mount);
      setText(note, '');
      put('view', viewOf);
      view?.show?.(mount, stats, text);
      void followOf(mount, signal).then((isNew) => { if (isNew) again(); });
    } catch (error) {
      if (!(error instanceof Problem && error.status === 404)) throw error;
      none();
    }
  }, (error) => {
    if (shown === 'view') setText(note, error instanceof Problem ? inWords(error) : '');
    else if (shown !== 'none') put(`failed: ${inWords(error)}`, () => ({ node: failure(inWords(error), () => again()) }));
  });
  acted.addEventListener('done', again, { signal });
  return { title: id, node };
};

/**
 * @param {string} id
 * @param {() => void} done after something was done
 */
function headOf(id, done) {
  const pill = statePill('starting');
  pill.hidden = true;
  const title = h('h1', { tabindex: -1 }, id);
  const acts = h('div', { class: 'actions' });
  const why = h('p', { class: 'hint' });
  const node = h('div', { class: 'page-head' }, h('p', { class: 'crumbs' }, h('a', { href: to(['mounts']) }, 'Mounts')),
    h('div', { class: 'mount-title' }, title, h('span', { role: 'status' }, pill)), acts, why);
  /** @type {Mount | null} */
  let mount = null;
  const button = (/** @type {import('../acts.js').Act} */ act) => h('button', {
    type: 'button', class: act === 'delete' ? 'danger' : '',
    onclick: async () => {
      if (mount && await actOn(act, mount)) done();
    },
  }, labelOf(act));
  const link = (/** @type {string} */ name, /** @type {string} */ href) => h('a', { class: 'button', href }, name);
  const fillActs = (/** @type {[string, () => HTMLElement][]} */ wanted) => {
    passFocus(acts, () => keyed(acts, wanted, ([name]) => name, ([, make]) => make()), () => title);
  };
  return {
    node,
    /** @param {Mount} now */
    show(now) {
      mount = now;
      pill.hidden = false;
      showState(pill, now.state);
      const offered = actsFor(now);
      /** @type {[string, () => HTMLElement][]} */
      const wanted = offered.filter((act) => act !== 'delete').map((act) => [act, () => button(act)]);
      if (session.whyNot(now) === null) wanted.push(['edit', () => link('Edit', to(['mounts', id, 'edit']))]);
      if (session.mayChange()) wanted.push(['duplicate', () => link('Duplicate', to(['new'], { from: id }))]);
      if (offered.includes('delete')) wanted.push(['delete', () => button('delete')]);
      fillActs(wanted);
      setText(why, now.fixed ? 'This mount comes from the command line or a file, and is changed there.'
        : session.mayChange() ? session.whyNot(now) ?? '' : '');
    },
    /** @param {boolean} wasThere */
    none(wasThere) {
      mount = null;
      pill.hidden = !wasThere;
      showState(pill, 'stopped');
      setText(pill, 'deleted');
      setText(why, '');
      fillActs([]);
    },
  };
}

/** The configuration, made anew when it is another one. @returns {View} */
function configOf() {
  const node = h('div');
  let revision = -1;
  return {
    node,
    show(mount, _stats, text) {
      if (mount.revision === revision) return;
      revision = mount.revision;
      fill(node, configView(mount, text));
    },
  };
}

/** @param {string} id */
function gone(id) {
  return empty('This mount was deleted', h('p', {}, 'Its URLs are answered by other mounts now, or with 404. Its history tells what was done, and can undo it.'),
    h('p', { class: 'choices' }, h('a', { class: 'button', href: to(['mounts', id, 'history']) }, 'History and undo'), h('a', { class: 'button', href: to(['mounts']) }, 'All mounts')));
}

/** @param {string} id */
function unknown(id) {
  const text = `There is no mount ${id}`;
  return empty(text, h('p', {}, 'It was never made, was deleted, or its lease ran out.'),
    h('p', { class: 'choices' },
      session.mayChange() && h('a', { class: 'button primary', href: to(['new'], { id }) }, 'Create it'),
      h('a', { class: 'button', href: to(['mounts', id, 'history']) }, 'Its history, if any'), h('a', { class: 'button', href: to(['mounts']) }, 'All mounts')));
}
