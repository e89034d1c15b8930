// Owns what others do to a mount while it is edited: it is noticed, followed
// where nothing is lost by that, and else put before the editor to choose.

/** @import { Revision } from '../../../types.js' */
/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {import('./conflict.js').Version} Version */
/**
 * @typedef {object} Work a mount while it is edited
 * @property {Spec} now
 * @property {Version} base what the edits stand on
 * @property {Spec | null} sent what was sent without an answer
 * @property {boolean} isSaving
 * @property {boolean} isDone saved, or given up
 */
/**
 * @typedef {object} Around
 * @property {string | null} id
 * @property {string} place under which drafts are kept
 * @property {() => boolean} isDirty
 * @property {() => void} edited shows the work as it is now
 * @property {() => void} check asks the server what saving does
 * @property {() => void} dropHalf forgets what is half typed in fields
 * @property {() => void} toJson
 * @property {() => void} back to the fields
 * @property {ReturnType<typeof import('./text.js').textView>} text
 * @property {ReturnType<typeof import('./effect.js').effectPanel>} effect
 * @property {ReturnType<typeof import('./notices.js').notices>} notices
 */

import { Problem, Unreachable, inWords } from '../../core/api.js';
import { same } from '../../core/diff.js';
import { fill, h } from '../../core/dom.js';
import { go, to } from '../../core/router.js';
import { toast } from '../../parts/toast.js';
import { authors, changesSince, conflictPanel, current, follow } from './conflict.js';
import * as draft from './draft.js';
import { alike, lean, merge } from './model.js';

/**
 * @param {Work} work
 * @param {Around} around
 * @param {AbortSignal} signal
 */
export function meanwhile(work, { id, place, isDirty, edited, check, dropHalf, toJson, back, text, effect, notices }, signal) {
  const node = h('div', { class: 'conflict-place' });
  /** @type {{ theirs: Version | null, revisions: Revision[], isOpen: boolean } | null} */
  let conflict = null;

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
    if (id === null || work.isDone || work.isSaving || work.sent || signal.aborted) return;
    try {
      const theirs = await current(id, signal);
      const known = conflict ? conflict.theirs : work.base;
      const isNews = theirs?.etag !== known?.etag && !(theirs === null && work.base.etag === null);
      if (isNews && theirs && same(theirs.spec, work.base.spec)) {
        stand(theirs);
      } else if (isNews) {
        const revisions = await changesSince(id, work.base.revision, signal);
        if (theirs && (!isDirty() || alike(work.now, theirs.spec))) {
          const wasMine = alike(work.now, theirs.spec);
          work.now = theirs.spec;
          stand(theirs);
          notices.say('changed', [`${authors(revisions)} changed this mount just now (revision ${theirs.revision}). ${wasMine ? 'It is as you have it.' : 'You see it as it is.'}`]);
        } else {
          conflict = { theirs, revisions, isOpen: conflict?.isOpen ?? false };
          sayConflict();
          check();
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
    work.base = version;
    conflict = null;
    fill(node);
    notices.say('changed', false);
    edited();
  }

  function sayConflict() {
    if (!conflict) return;
    const { theirs, revisions } = conflict;
    const what = theirs === null ? 'deleted this mount' : `changed this mount (revision ${theirs.revision})`;
    notices.say('changed', !conflict.isOpen && [`${authors(revisions)} ${what} while you edited it. `,
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
    fill(node, conflictPanel({ base: work.base.spec, mine: work.now, theirs, revisions }, { keep: keepMine, take: takeTheirs, back: goBack }));
    sayConflict();
    if (focus) /** @type {HTMLElement | null} */ (node.querySelector('h2'))?.focus();
  }

  function keepMine() {
    if (!conflict) return;
    const { theirs } = conflict;
    if (text.fault() !== '') {
      toJson();
      return effect.tell('Make the JSON sound first: only then is it known what you changed.');
    }
    if (theirs) work.now = merge(work.base.spec, lean(work.now), theirs.spec) ?? {};
    stand(theirs ?? { spec: {}, etag: null, revision: 0 });
    notices.say('changed', [theirs ? `Your changes stand on top of revision ${theirs.revision} now. See what saving does, then save.` : 'Saving makes the mount anew.']);
    effect.tell();
    effect.button.focus();
  }

  function takeTheirs() {
    if (!conflict) return;
    const { theirs } = conflict;
    if (!theirs) {
      work.isDone = true;
      draft.drop(place);
      return go(to(['mounts']));
    }
    const [mine, from] = [lean(work.now), work.base.spec];
    work.now = theirs.spec;
    text.show(work.now);
    dropHalf();
    stand(theirs);
    effect.tell();
    toast('You have their version; your edits were dropped.', { action: { label: 'Bring mine back', run: async () => {
      if (signal.aborted) throw new Error('The form was left, and the edits with it.');
      work.now = merge(from, mine, work.base.spec) ?? {};
      edited();
    } } });
  }

  function goBack() {
    if (conflict) conflict.isOpen = false;
    fill(node);
    sayConflict();
    back();
  }

  /** @param {string} mount */
  function listen(mount) {
    notices.say('silence', false);
    follow(mount, signal, () => void look(), (problem) => notices.say('silence', [`What others do to this mount is not told any more. ${inWords(problem)} `,
      h('button', { type: 'button', class: 'small', onclick: () => listen(mount) }, 'Try again')], 'bad'));
  }

  if (id !== null) listen(id);
  return { node, look, isGone: () => conflict !== null && conflict.theirs === null, redraw: () => { if (conflict?.isOpen) drawConflict(); } };
}
