// Owns one mount while it is edited: the object that form and JSON both show,
// what the server says to it, saving, and what others do to it meanwhile.

/** @import { Fault, Revision } from '../../../types.js' */
/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {import('./conflict.js').Version} Version */
/** @typedef {import('./check.js').Verdict} Verdict */
/**
 * @typedef {object} Start
 * @property {string | null} id null is a mount that is to be made
 * @property {string} called what it is called in words
 * @property {Version} base what the edits began with
 * @property {Spec} now
 * @property {string | null} text JSON that was not sound when it was kept
 * @property {string} place under which drafts are kept
 * @property {string} address where the form is
 * @property {Record<string, string>} notes under fields, by pointer
 * @property {string[]} told fields that show faults at once
 */

import { Problem, Unreachable, contact } from '../../core/api.js';
import { same } from '../../core/diff.js';
import { fill, h } from '../../core/dom.js';
import { shortcut } from '../../core/keys.js';
import { settled } from '../../core/poll.js';
import { go, to } from '../../core/router.js';
import { toast } from '../../parts/toast.js';
import { save as saveIt, tryOut } from './check.js';
import { authors, changesSince, conflictPanel, current, follow } from './conflict.js';
import * as draft from './draft.js';
import { conflictOf, effectPanel } from './effect.js';
import { alike, at, lean, merge, ofKind, put, strays } from './model.js';
import { notices } from './notices.js';
import { textView } from './text.js';
import { fieldsView } from './view.js';

const SETTLED_MS = 300;

/**
 * @param {Start} start
 * @param {AbortSignal} signal
 */
export function editor({ id, called, base, now, text: kept, place, address, notes, told }, signal) {
  const aside = new Map();
  const touched = new Set(told);
  let isTold = false; // every fault, from the first try to save on
  let isJson = false;
  let isSaving = false;
  let isDone = false;
  /** @type {Verdict | null} */
  let verdict = null;
  /** @type {Spec | null} what was sent without an answer */
  let sent = null;
  /** @type {{ theirs: Version | null, revisions: Revision[], isOpen: boolean } | null} */
  let conflict = null;

  const notes_ = notices();
  const conflictPlace = h('div', { class: 'conflict-place' });
  const fields = fieldsView({
    edit: (pointer, value) => {
      touched.add(pointer);
      now = put(now, pointer, value);
      typed();
    },
    kind: (kind) => {
      now = ofKind(now, kind, aside);
      typed();
    },
  }, { fixedId: id !== null, notes });
  const text = textView((spec) => {
    if (spec) now = spec;
    isTold = true;
    typed();
  });
  const effect = effectPanel({ isNew: id === null, cancel: id === null ? to(['mounts']) : to(['mounts', id]) });
  const form = h('form', { class: 'editor', novalidate: true, 'aria-label': called }, h('div', { class: 'editing' }, fields.node, text.node), effect.node);
  const node = h('div', { class: 'stack' }, notes_.node, conflictPlace, form);

  const isDirty = () => text.fault() !== '' || !alike(now, base.spec);

  function typed() {
    if (!sent) effect.tell(); // what became of the last try does not count any more
    edited();
  }

  /** After every change, whoever made it. */
  function edited() {
    const unsound = text.fault() !== '';
    if (!unsound) text.show(now);
    fields.show(now, strays(now));
    fields.node.disabled = unsound;
    fields.node.hidden = isJson;
    text.node.hidden = !isJson;
    notes_.say('unsound', unsound && !isJson && ['The JSON is not sound, so this form shows the last that was. ', text.fault(), ' ',
      h('button', { type: 'button', class: 'small', onclick: () => view(true) }, 'Back to JSON')]);
    keepDraft();
    showFaults();
    if (conflict?.isOpen) drawConflict();
    check();
  }

  function keepDraft() {
    if (isDone) return;
    if (!isDirty()) return draft.drop(place);
    const fits = draft.keep(place, { now, base: base.spec, etag: base.etag, revision: base.revision, text: text.fault() ? text.text : null });
    notes_.say('draft-full', !fits && ['There is no room in this browser to keep these edits when the page is left.']);
  }

  // ---- What the server says ----

  let turn = new AbortController();
  async function ask() {
    turn.abort();
    if (signal.aborted || isDone || isSaving) return;
    const mine = turn = new AbortController();
    if (text.fault() !== '') return effect.show(null);
    effect.asking(true);
    const said = await tryOut({ id, etag: base.etag, spec: now, signal: AbortSignal.any([signal, mine.signal]) });
    if (mine.signal.aborted || signal.aborted || isSaving) return;
    effect.asking(false);
    take(said);
    if (said.is === 'raced') void look();
  }
  const check = settled(SETTLED_MS, () => void ask());

  /** @param {Verdict} said */
  function take(said) {
    verdict = said;
    effect.show(said);
    showFaults();
  }

  function showFaults() {
    const faults = verdict?.is === 'faulty' ? verdict.faults : verdict?.is === 'taken' ? takenAt(verdict) : [];
    const rest = fields.mark(faults, (pointer) => isTold || touched.has(pointer), now.kind);
    const above = isJson ? (isTold ? faults : rest) : rest;
    notes_.say('faults', above.length > 0 && [h('ul', { class: 'faults' }, above.map(({ pointer, detail }) => h('li', {}, pointer && [h('code', {}, pointer), ' '], detail)))], 'bad');
  }

  // ---- Saving ----

  async function save() {
    if (isSaving || isDone) return;
    isTold = true;
    effect.tell();
    showFaults();
    if (text.fault() !== '') {
      view(true);
      return text.focus();
    }
    const own = fields.ownFaults();
    if (own.length > 0) {
      effect.tell(...own);
      return void (isJson || fields.focusFault());
    }
    const how = effect.how.read();
    if (!how) return;
    setSaving(true);
    turn.abort();
    effect.asking(false);
    let said = await saveIt({ id, etag: base.etag, spec: now, signal }, how);
    // Paused or resumed meanwhile, it is the same mount under another revision.
    if (said.is === 'raced' && !signal.aborted && await onlyMoved()) said = await saveIt({ id, etag: base.etag, spec: now, signal }, how);
    setSaving(false);
    if (signal.aborted) return;
    if (said.is === 'saved') return succeed(said.id, said.revision, said.revision === base.revision ? 'Nothing was to be changed.' : `Saved as revision ${said.revision}.`);
    if (said.is === 'unknown') {
      sent = now;
      return effect.tell('No answer came, so it is not known whether this was saved. Everything you typed is still here. As soon as the server answers, this page finds out.');
    }
    if (said.is === 'raced') {
      effect.tell('Not saved: somebody else changed this mount meanwhile.');
      return look(true);
    }
    take(said);
    if (said.is === 'taken') effect.tell('Not saved.', conflictOf(said));
    else effect.tell(said.is === 'refused' ? `Not saved. ${said.text}` : 'Not saved: see what is missing or wrong.');
    if (!isJson) fields.focusFault();
    void look(); // what was noticed while this was being saved
  }

  /** @param {boolean} is */
  function setSaving(is) {
    isSaving = is;
    form.ariaBusy = is ? 'true' : null;
  }

  /** @param {string} saved @param {number} revision @param {string} says */
  function succeed(saved, revision, says) {
    isDone = true;
    draft.drop(place);
    toast(`${saved}: ${says}`);
    go(to(['mounts', saved]));
    return revision;
  }

  /** Whether only the revision is another one; then that is what the edits stand on. */
  async function onlyMoved() {
    const found = id === null ? null : await current(id, signal).catch(() => null);
    if (!found || !same(found.spec, base.spec)) return false;
    base = found;
    return true;
  }

  /** What became of a save without an answer. */
  async function findOut() {
    const mine = sent;
    sent = null;
    if (!mine) return;
    try {
      const said = id === null && at(mine, '/id') === undefined ? await tryOut({ id, etag: null, spec: mine, signal }) : null;
      if (said?.is === 'unknown') throw new Unreachable();
      const maybe = id ?? (said?.is === 'taken' ? said.by : at(mine, '/id'));
      const found = typeof maybe === 'string' ? await current(maybe, signal) : null;
      if (found && found.etag !== base.etag && alike(put(mine, '/id', maybe), found.spec)) {
        return void succeed(String(maybe), found.revision, `It was saved after all, as revision ${found.revision}.`);
      }
      effect.tell('The server answers again: this was not saved. Save once more when you like.');
      if (found && found.etag !== base.etag && id !== null) await look(true);
      else check();
    } catch (error) {
      if (!signal.aborted && !(error instanceof Problem || error instanceof Unreachable)) throw error;
      sent = mine; // away again
    }
  }

  contact.addEventListener('reached', () => {
    if (sent && !isSaving) void findOut();
    else if (verdict?.is === 'unknown') {
      verdict = null;
      check();
    }
  }, { signal });

  // ---- What others do meanwhile ----

  let looks = Promise.resolve();
  let isWaiting = false;
  /** @param {boolean} [open] whether a conflict is to be shown at once */
  function look(open = false) {
    if (isWaiting && !open) return looks;
    isWaiting = true;
    looks = looks.then(() => {
      isWaiting = false;
      return lookNow(open);
    });
    return looks;
  }

  /** @param {boolean} open */
  async function lookNow(open) {
    if (id === null || isDone || isSaving || sent || signal.aborted) return;
    try {
      const theirs = await current(id, signal);
      const known = conflict ? conflict.theirs : base;
      const isNews = theirs?.etag !== known?.etag && !(theirs === null && base.etag === null);
      if (isNews && theirs && same(theirs.spec, base.spec)) {
        stand(theirs);
      } else if (isNews) {
        const revisions = await changesSince(id, base.revision, signal);
        if (theirs && (!isDirty() || alike(now, theirs.spec))) {
          const wasMine = alike(now, theirs.spec);
          now = theirs.spec;
          stand(theirs);
          notes_.say('changed', [`${authors(revisions)} changed this mount just now (revision ${theirs.revision}). ${wasMine ? 'It is as you have it.' : 'You see it as it is.'}`]);
        } else {
          conflict = { theirs, revisions, isOpen: conflict?.isOpen ?? false };
          sayConflict();
        }
      }
      if (conflict && open) conflict.isOpen = true;
      if (conflict?.isOpen) drawConflict(open);
    } catch (error) {
      // Not reached, and looked for again with the next event.
      if (!signal.aborted && !(error instanceof Problem || error instanceof Unreachable)) throw error;
    }
  }

  /** The edits stand on this version from now on. @param {Version} version */
  function stand(version) {
    base = version;
    conflict = null;
    fill(conflictPlace);
    notes_.say('changed', false);
    edited();
  }

  function sayConflict() {
    if (!conflict) return;
    const { theirs, revisions } = conflict;
    const what = theirs === null ? 'deleted this mount' : `changed this mount (revision ${theirs.revision})`;
    notes_.say('changed', !conflict.isOpen && [`${authors(revisions)} ${what} while you edited it. `,
      h('button', { type: 'button', class: 'small', onclick: () => void openConflict() }, 'Compare')], 'warn');
  }

  function openConflict() {
    if (!conflict) return;
    conflict.isOpen = true;
    drawConflict(true);
  }

  function drawConflict(focus = false) {
    if (!conflict) return;
    const { theirs, revisions } = conflict;
    fill(conflictPlace, conflictPanel({ base: base.spec, mine: now, theirs, revisions }, { keep: keepMine, take: takeTheirs, back }));
    sayConflict();
    if (focus) /** @type {HTMLElement | null} */ (conflictPlace.querySelector('h2'))?.focus();
  }

  function keepMine() {
    if (!conflict) return;
    const { theirs } = conflict;
    if (text.fault() !== '') {
      view(true);
      return effect.tell('Make the JSON sound first: only then is it known what you changed.');
    }
    if (theirs) now = merge(base.spec, lean(now), theirs.spec) ?? {};
    stand(theirs ?? { spec: {}, etag: null, revision: 0 });
    notes_.say('changed', [theirs ? `Your changes stand on top of revision ${theirs.revision} now. See what saving does, then save.` : 'Saving makes the mount anew.']);
    effect.tell();
    effect.button.focus();
  }

  function takeTheirs() {
    if (!conflict) return;
    const { theirs } = conflict;
    if (!theirs) {
      isDone = true;
      draft.drop(place);
      return go(to(['mounts']));
    }
    const [mine, from] = [lean(now), base.spec];
    now = theirs.spec;
    text.show(now);
    stand(theirs);
    effect.tell();
    toast('You have their version; your edits were dropped.', { action: { label: 'Bring mine back', run: async () => {
      if (signal.aborted) throw new Error('The form was left, and the edits with it.');
      now = merge(from, mine, base.spec) ?? {};
      edited();
    } } });
  }

  function back() {
    if (conflict) conflict.isOpen = false;
    fill(conflictPlace);
    sayConflict();
    fields.focus('/match/host');
  }

  // ---- Form and JSON, beginning and end ----

  /** @type {(isJson: boolean) => void} */
  let viewed = () => {};
  /** @param {boolean} json */
  function view(json) {
    isJson = json;
    viewed(json);
    edited();
  }

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void save();
  });
  shortcut('mod+Enter', 'Save', () => form.requestSubmit(), signal);
  window.addEventListener('beforeunload', (event) => { if (isDirty() && !isDone) event.preventDefault(); }, { signal });
  signal.addEventListener('abort', () => {
    if (!isDirty() || isDone) return;
    toast(`${called}: what you edited is not saved, and kept in this tab.`, { action: { label: 'Go on editing', run: async () => go(address) } });
  });
  if (kept !== null) text.restore(kept);
  else text.show(now);
  if (id !== null) follow(id, signal, () => void look());

  return {
    node, view, notices: notes_,
    /** @param {(isJson: boolean) => void} work called whenever the view is another one */
    onView: (work) => { viewed = work; },
    /** Goes back to what the server has. */
    discard() {
      now = base.spec;
      text.show(now);
      edited();
    },
  };
}

/** The field that is to be changed where the id or the match is another mount's. @param {Verdict & { is: 'taken' }} taken @returns {Fault[]} */
function takenAt({ by, text }) {
  if (by === null) return [];
  const pointer = text.includes('answers for') ? '/match/path' : text.startsWith('there is') ? '/id' : '';
  return [{ pointer, detail: text }];
}
