// Owns the page on which a mount is made, copied or edited: what it begins
// with, and for whom. `#/new`, `#/new?from=ID` and `#/mounts/ID/edit`.

/** @import { Mount, Page, Place } from '../../types.js' */
/** @typedef {import('./form/editor.js').Start} Start */
/** @typedef {import('./form/model.js').Spec} Spec */
/** @typedef {import('./form/draft.js').Draft} Draft */

import { Problem, call, inWords } from '../core/api.js';
import { change, fill, h } from '../core/dom.js';
import { moment } from '../core/format.js';
import { note, to } from '../core/router.js';
import * as session from '../core/session.js';
import { empty, failure, loading, when } from '../parts/bits.js';
import { unsound } from './form/json.js';
import { drop, find, returned } from './form/draft.js';
import { editor } from './form/editor.js';
import { lean, put } from './form/model.js';

/** What can stand in the address of a new mount, and where it goes. */
const PREFILLED = ['id', 'kind', 'host', 'path', 'address', 'force_host'];

/** @type {Page} */
export const page = (place, signal) => {
  const id = place.parts[0] === 'mounts' ? place.parts[1] : null;
  const from = id === null ? place.query.get('from') : null;
  const title = id !== null ? `Edit ${id}` : from ? `Copy of ${from}` : 'New mount';
  const views = h('nav', { class: 'tabs', 'aria-label': 'Views of the mount' });
  const body = h('div', {});
  const crumbs = h('nav', { class: 'crumbs', 'aria-label': 'Where you are' }, h('a', { href: to(['mounts']) }, 'Mounts'),
    (id ?? from) && [' / ', h('a', { href: to(['mounts', id ?? from ?? '']) }, id ?? from)]);
  const node = h('div', { class: 'form-page' }, h('div', { class: 'page-head' }, crumbs, h('h1', {}, title), views), body);

  returned(placeOf(place));
  const load = async () => {
    const reason = session.mayChange() ? null : 'Your token may only read.';
    if (reason) return refuse(body, id, reason, find(placeOf(place)));
    fill(body, loading('Loading the mount…'));
    try {
      const source = id ?? from;
      const found = source ? await call('getMount', { path: { id: source }, signal }) : null;
      const why = id !== null && found ? session.whyNot(found.body) : null;
      if (why) return refuse(body, id, why, find(placeOf(place)));
      // Nothing is written back as another number than it was.
      const rounded = found && unsound(found.text);
      if (rounded) return fill(body, failure(`This mount cannot be edited here: ${rounded.says}.`));
      show(place, signal, body, views, begin(place, title, found));
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Problem && error.status === 404) {
        const kept = find(placeOf(place));
        const anew = () => show(place, signal, body, views, id === null ? begin(place, title, null) : beginAnew(place, id, title, /** @type {Draft} */ (kept)));
        const discard = () => {
          drop(placeOf(place));
          void load();
        };
        missing(body, `Nothing is called ${id ?? from}.`, kept, anew, discard);
      } else fill(body, failure(inWords(error), () => void load()));
    }
  };
  void load();
  return { title, node };
};

/** @param {HTMLElement} body @param {string | null} id @param {string} why @param {Draft | null} kept */
function refuse(body, id, why, kept) {
  fill(body, empty(id === null ? 'You cannot make mounts' : 'You cannot change this mount', h('p', {}, why),
    kept && h('p', {}, 'Your edits from ', when(kept.at, moment(kept.at)), ' are kept in this tab, for a token that may save them.'),
    h('p', {}, id === null ? h('a', { href: to(['mounts']) }, 'All mounts') : h('a', { href: to(['mounts', id]) }, `See ${id}`),
      id !== null && session.mayChange() && [' · ', h('a', { href: to(['new'], { from: id }) }, 'Make a copy')])));
}

/**
 * The mount is not there; edits of it may be.
 * @param {HTMLElement} body
 * @param {string} why
 * @param {Draft | null} kept
 * @param {() => void} anew
 * @param {() => void} discard
 */
function missing(body, why, kept, anew, discard) {
  fill(body, empty('There is no such mount', h('p', {}, why),
    kept && [h('p', {}, 'Your edits of it from ', when(kept.at, moment(kept.at)), ' are kept in this tab.'),
      h('p', {}, h('button', { type: 'button', class: 'primary', onclick: anew }, 'Make it anew with what you edited'), ' ',
        h('button', { type: 'button', onclick: discard }, 'Discard them'))],
    h('p', {}, h('a', { href: to(['mounts']) }, 'All mounts'))));
}

/** Under which drafts are kept: each beginning of a new mount has its own. @param {Place} place */
function placeOf({ parts, query }) {
  const said = new URLSearchParams(['from', ...PREFILLED].flatMap((name) => (query.get(name) ? [[name, query.get(name) ?? '']] : [])));
  return parts[0] === 'mounts' ? `mounts/${parts[1]}` : said.size > 0 ? `new?${said}` : 'new';
}

/**
 * What the form begins with: the mount, a copy of it, or what the address says.
 * @param {Place} place
 * @param {string} called
 * @param {{ body: Mount, etag: string | null } | null} found
 * @returns {Start}
 */
function begin(place, called, found) {
  const address = to(place.parts, place.query);
  const { owner } = session.who();
  /** @type {Record<string, string>} */
  const notes = owner === null ? {} : { '/labels': `Your token may change only mounts with the label owner=${owner}.` };
  if (found && place.parts[0] === 'mounts') {
    const spec = lean(found.body);
    return { id: found.body.id, called, base: { spec, etag: found.etag, revision: found.body.revision }, now: spec, text: null, place: placeOf(place), address, notes, told: [] };
  }
  let spec = found ? put(lean(found.body), '/id', undefined) : /** @type {Spec} */ ({ kind: 'regular' });
  if (found) notes['/match/path'] = `The copy needs another host or path than ${found.body.id} has.`;
  for (const name of PREFILLED) {
    const value = place.query.get(name);
    if (value) spec = put(spec, name === 'host' || name === 'path' ? `/match/${name}` : `/${name}`, value);
  }
  if (owner !== null) spec = put(spec, '/labels/owner', owner);
  return { id: null, called, base: { spec, etag: null, revision: 0 }, now: spec, text: null, place: placeOf(place), address, notes, told: found ? ['/match/path'] : [] };
}

/**
 * What it begins with where the mount was deleted while nobody looked: saving makes it again.
 * @param {Place} place
 * @param {string} id
 * @param {string} called
 * @param {Draft} kept
 * @returns {Start}
 */
function beginAnew(place, id, called, kept) {
  return { id, called, base: { spec: {}, etag: null, revision: 0 }, now: kept.now, text: kept.text, place: placeOf(place),
    address: to(place.parts, place.query), notes: {}, told: [] };
}

/**
 * @param {Place} place
 * @param {AbortSignal} signal
 * @param {HTMLElement} body
 * @param {HTMLElement} views
 * @param {Start} start
 */
function show(place, signal, body, views, start) {
  const kept = find(start.place);
  const restored = kept ? { ...start, now: kept.now, text: kept.text, half: kept.half,
    base: start.id === null || start.base.etag === null ? start.base : { spec: kept.base, etag: kept.etag, revision: kept.revision } } : start;
  const one = editor(restored, signal);
  /** @type {[string, boolean][]} */
  const choices = [['Form', false], ['JSON', true]];
  const links = choices.map(([label, json]) => h('a', { href: addressOf(place, json), onclick: (/** @type {MouseEvent} */ event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault(); // following it would make the page anew
    one.view(json);
  } }, label));
  one.onView((json) => {
    links.forEach((link, at) => change(link, { 'aria-current': choices[at][1] === json ? 'page' : null }));
    note(addressOf(place, json));
  });
  const { owner } = session.who();
  one.notices.say('owner', start.id === null && owner !== null && [`Your token makes only mounts with the label owner=${owner}, which is filled in.`]);
  one.notices.say('draft', kept !== null && ['These are your edits from ', when(kept.at, moment(kept.at)), kept.by !== session.who().name && [', begun with the token ', h('code', {}, kept.by)], ', which are not saved yet. ',
    h('button', { type: 'button', class: 'small', onclick: () => {
      one.notices.say('draft', false);
      one.discard();
    } }, 'Discard them')]);
  fill(views, ...links);
  fill(body, one.node);
  one.view(kept?.text != null || place.query.get('view') === 'json');
}

/** @param {Place} place @param {boolean} json */
function addressOf(place, json) {
  const query = new URLSearchParams(place.query);
  if (json) query.set('view', 'json');
  else query.delete('view');
  return to(place.parts, query);
}
