// Owns one mount while it is edited: the object that form and JSON both show,
// what the server says to it, and saving.

/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {import('./conflict.js').Version} Version */
/** @typedef {import('./check.js').Verdict} Verdict */
/** @typedef {import('./meanwhile.js').Work} Work */
/**
 * @typedef {object} Start
 * @property {string | null} id null is a mount that is to be made
 * @property {string} called what it is called in words
 * @property {Version} base what the edits began with
 * @property {Spec} now
 * @property {string | null} text JSON that was not sound when it was kept
 * @property {import('./draft.js').Half} [half] what was half typed in fields then
 * @property {string} place under which drafts are kept
 * @property {string} address where the form is
 * @property {Record<string, string>} notes under fields, by pointer
 * @property {string[]} told fields that show faults at once
 */

import { contact } from '../../core/api.js';
import { same } from '../../core/diff.js';
import { h } from '../../core/dom.js';
import { shortcut } from '../../core/keys.js';
import { settled } from '../../core/poll.js';
import { go, to } from '../../core/router.js';
import { toast } from '../../parts/toast.js';
import { save as saveIt, takenAt, tryOut } from './check.js';
import { current } from './conflict.js';
import { LOOKED_FOR_S, lookFor, lookOnce } from './doubt.js';
import * as draft from './draft.js';
import { conflictOf, effectPanel } from './effect.js';
import { meanwhile } from './meanwhile.js';
import { alike, lean, ofKind, put, strays } from './model.js';
import { notices } from './notices.js';
import { textView } from './text.js';
import { fieldsView } from './view.js';

const SETTLED_MS = 300;

/**
 * @param {Start} start
 * @param {AbortSignal} signal
 */
export function editor({ id, called, base, now, text: unsoundText, half = {}, place, address, notes, told }, signal) {
  /** @type {Work} */
  const work = { now, base, sent: null, isSaving: false, isDone: false };
  const aside = new Map();
  const touched = new Set(told);
  let isTold = false; // every fault, from the first try to save on
  let isJson = false;
  /** @type {Verdict | null} */
  let verdict = null;
  const messages = notices();
  const fields = fieldsView({
    edit: (pointer, value) => {
      touched.add(pointer);
      work.now = put(work.now, pointer, value);
      typed();
    },
    kind: (kind) => {
      work.now = ofKind(work.now, kind, aside);
      typed();
    },
  }, { fixedId: id !== null, notes });
  const text = textView((spec) => {
    if (spec) work.now = spec;
    isTold = true;
    typed();
  });
  const effect = effectPanel({ isNew: id === null, cancel: id === null ? to(['mounts']) : to(['mounts', id]) });
  const isHalf = () => text.fault() !== '' || Object.keys(fields.half()).length > 0;
  const isDirty = () => isHalf() || !alike(work.now, work.base.spec);
  const others = meanwhile(work, { id, place, isDirty, edited, check: () => check(), dropHalf: () => fields.retype({}), text, effect, notices: messages, toJson: () => view(true), back: () => fields.focus('/match/host') }, signal);
  const form = h('form', { class: 'editor', novalidate: true, 'aria-label': called }, h('div', { class: 'editing' }, fields.node, text.node), effect.node);
  const node = h('div', { class: 'form-page' }, messages.node, others.node, form);

  function typed() {
    if (!work.sent) effect.tell(); // what became of the last try does not count any more
    edited();
  }

  /** After every change, whoever made it. */
  function edited() {
    const unsound = text.fault() !== '';
    if (!unsound) text.show(work.now);
    fields.show(work.now, strays(work.now));
    fields.node.disabled = unsound;
    fields.node.hidden = isJson;
    text.node.hidden = !isJson;
    messages.say('unsound', unsound && !isJson && ['The JSON is not sound, so this form shows the last that was. ', text.fault(), ' ',
      h('button', { type: 'button', class: 'small', onclick: () => view(true) }, 'Back to JSON')]);
    keepDraft();
    showFaults();
    others.redraw();
    check();
  }

  const kept = () => ({ now: work.now, base: work.base.spec, etag: work.base.etag, revision: work.base.revision, text: text.fault() ? text.text : null, half: fields.half() });

  function keepDraft() {
    if (work.isDone) return;
    if (!isDirty()) return draft.drop(place);
    const fits = draft.keep(place, kept());
    messages.say('draft-full', !fits && ['There is no room in this browser to keep these edits when the page is left.']);
  }

  // ---- What the server says ----

  let turn = new AbortController();
  async function ask() {
    turn.abort();
    if (signal.aborted || work.isDone || work.isSaving) return;
    const mine = turn = new AbortController();
    if (text.fault() !== '') return effect.show(null);
    effect.asking(true);
    const said = await tryOut({ id, etag: work.base.etag, spec: work.now, signal: AbortSignal.any([signal, mine.signal]) });
    if (mine.signal.aborted || signal.aborted || work.isSaving) return;
    effect.asking(false);
    if (said.is !== 'raced') return take(said);
    await others.look();
    if (!mine.signal.aborted && !signal.aborted) take({ is: 'raced', isGone: others.isGone() });
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
    const rest = fields.mark(faults, (pointer) => isTold || touched.has(pointer), work.now.kind);
    const above = isJson ? (isTold ? faults : rest) : rest;
    messages.say('faults', above.length > 0 && [h('ul', { class: 'faults' }, above.map(({ pointer, detail }) => h('li', {}, pointer && [h('code', {}, pointer), ' '], detail)))], 'bad');
  }

  // ---- Saving ----

  async function save() {
    if (work.isSaving || work.isDone) return;
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
    const before = doubt;
    looking.abort();
    setSaving(true);
    turn.abort();
    effect.asking(false);
    // It goes on where the page is left: what the server has got, it does.
    let said = await saveIt({ id, etag: work.base.etag, spec: work.now }, how);
    // Paused or resumed meanwhile, it is the same mount under another revision.
    if (said.is === 'raced' && !signal.aborted && await onlyMoved()) said = await saveIt({ id, etag: work.base.etag, spec: work.now }, how);
    setSaving(false);
    if (signal.aborted) return tellAway(said);
    if (said.is === 'unknown') return inDoubt();
    doubt = work.sent = null;
    if (before && (said.is === 'raced' || said.is === 'taken')) {
      // What is in the way may be what was sent before.
      const fate = await lookOnce(before, signal).catch(() => null);
      if (signal.aborted) return;
      if (fate?.is === 'saved') return savedAfterAll(before.sent, fate);
    }
    if (said.is === 'saved') return succeed(said.id, said.revision, said.revision === work.base.revision ? 'Nothing was to be changed.' : `Saved as revision ${said.revision}.`);
    if (said.is === 'raced') {
      await others.look(true);
      return effect.tell(others.isGone() ? 'Not saved: this mount was deleted meanwhile.' : 'Not saved: somebody else changed this mount meanwhile.');
    }
    take(said);
    if (said.is === 'taken') effect.tell('Not saved.', conflictOf(said));
    else effect.tell(said.is === 'refused' ? `Not saved. ${said.text}` : 'Not saved: see what is missing or wrong.');
    if (!isJson) fields.focusFault();
    void others.look(); // what was noticed while this was being saved
  }

  /** What became of it, where somebody went on meanwhile. @param {import('./check.js').Verdict} said */
  function tellAway(said) {
    if (said.is !== 'saved') return draft.left(place, `${called}: ${said.is === 'unknown' ? 'it is not known whether what you edited was saved; it is' : 'what you edited is not saved, and'} kept in this tab.`, address);
    draft.drop(place);
    return void toast(`${said.id}: Saved as revision ${said.revision}.`);
  }

  /** @param {boolean} is */
  function setSaving(is) {
    work.isSaving = is;
    form.ariaBusy = is ? 'true' : null;
  }

  /** @param {string} saved @param {number} revision @param {string} says */
  function succeed(saved, revision, says) {
    work.isDone = true;
    draft.drop(place);
    toast(`${saved}: ${says}`);
    go(to(['mounts', saved]));
    return revision;
  }

  /** Whether only the revision is another one; then that is what the edits stand on. */
  async function onlyMoved() {
    const found = id === null ? null : await current(id, signal).catch(() => null);
    if (!found || !same(found.spec, work.base.spec)) return false;
    work.base = found;
    return true;
  }

  // ---- Without an answer ----

  /** @type {import('./doubt.js').Doubt | null} */
  let doubt = null;
  let looking = new AbortController();
  function inDoubt() {
    const sent = work.sent = work.now;
    doubt = { id, base: work.base, sent };
    looking = new AbortController();
    effect.tell('No answer came, so it is not known whether this was saved. Everything you typed is still here. As soon as the server answers, this page finds out.');
    lookFor(doubt, AbortSignal.any([signal, looking.signal]), {
      answered: () => effect.tell(`The server answers again and has not saved this so far. It is still not known whether it will: what was sent may wait there. This page looks for it for ${LOOKED_FOR_S} s.`),
      known: (fate) => {
        doubt = work.sent = null;
        if (fate.is === 'saved') return savedAfterAll(sent, fate);
        effect.tell(fate.is === 'refused' ? 'This was not saved, and will not be: the server has another version by now.'
          : `It had not been saved ${LOOKED_FOR_S} s after the server answered again. ${id === null
            ? 'Creating it once more is safe: there are no two mounts with one id or the same URLs.'
            : 'Saving once more is safe: it counts only if the mount is still the one that you began with (If-Match).'}`);
        check();
        void others.look(true);
      },
    });
  }

  /** @param {Spec} sent @param {import('./doubt.js').Fate & { is: 'saved' }} fate */
  function savedAfterAll(sent, { id: saved, now: there, revision }) {
    if (!isHalf() && alike(work.now, sent)) return void succeed(saved, revision, there.etag === work.base.etag ? 'Nothing was to be changed.' : `It was saved after all, as revision ${revision}.`);
    // What was typed since stands on what was saved; what others did since then is found by its ETag.
    const spec = lean(put(sent, '/id', saved));
    work.base = { spec, etag: alike(spec, there.spec) ? there.etag : work.base.etag, revision };
    const says = `What you had sent was saved after all, as revision ${revision}. What you typed since then is not.`;
    if (id !== null) {
      edited();
      effect.tell(says);
      return void others.look();
    }
    work.now = put(work.now, '/id', saved);
    draft.drop(place);
    draft.keep(`mounts/${saved}`, kept());
    work.isDone = true;
    toast(`${saved}: ${says}`);
    go(to(['mounts', saved, 'edit']));
  }

  contact.addEventListener('reached', () => {
    if (work.isSaving || verdict?.is !== 'unknown') return;
    verdict = null;
    check();
  }, { signal });

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
  window.addEventListener('beforeunload', (event) => { if (isDirty() && !work.isDone) event.preventDefault(); }, { signal });
  signal.addEventListener('abort', () => {
    if (!isDirty() || work.isDone || work.isSaving) return;
    draft.left(place, `${called}: ${work.sent ? 'it is not known whether what you edited was saved; it is' : 'what you edited is not saved, and'} kept in this tab.`, address);
  });
  if (unsoundText !== null) text.restore(unsoundText);
  else text.show(work.now);
  fields.show(work.now, strays(work.now));
  fields.retype(half);

  return {
    node, view, notices: messages,
    /** @param {(isJson: boolean) => void} work called whenever the view is another one */
    onView: (work) => { viewed = work; },
    /** Goes back to what the server has. */
    discard() {
      work.now = work.base.spec;
      text.show(work.now);
      fields.retype({});
      edited();
    },
  };
}
