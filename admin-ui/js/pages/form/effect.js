// Owns the panel beside the form: what saving does, as the dry run says; why,
// and how requests under way end; and saving itself.

/** @import { DryRun } from '../../../types.js' */
/** @import { Child } from '../../../types.js' */
/** @typedef {import('./check.js').Verdict} Verdict */

import { differences, isObject } from '../../core/diff.js';
import { change, fill, h, setText, unique } from '../../core/dom.js';
import { plural, sentence } from '../../core/format.js';
import { to } from '../../core/router.js';
import { diffTable } from '../../parts/bits.js';
import { lean, put } from './model.js';

const REASON_MAX = 256;
const DRAIN_S_MAX = 86_400;

const ENDS = /** @type {const} */ ([
  ['finish', 'Finish, however long it takes'],
  ['deadline', 'Finish, but not after a time'],
  ['kill', 'Are cut off at once'],
]);

/** @typedef {{ reason: string, mode?: 'finish' | 'deadline' | 'kill', drainMs?: number }} How */

/**
 * @param {{ isNew: boolean, cancel: string }} about `cancel` is where to go instead
 */
export function effectPanel({ isNew, cancel }) {
  const id = unique('effect');
  const lead = h('p', { class: 'lead', role: 'status' }, 'Asking the server…');
  const more = h('div', { class: 'effect-more' });
  const outcome = h('div', { class: 'outcome', role: 'alert' });
  const how = howToSave(isNew);
  const button = h('button', { class: 'primary' }, isNew ? 'Create mount' : 'Save');
  const node = h('section', { class: 'panel effect', 'aria-labelledby': id },
    h('h2', { id }, 'What saving does'), lead, more, how.node, outcome,
    h('div', { class: 'choices' }, h('a', { class: 'button', href: cancel }, 'Cancel'), button));
  let shown = '';
  return {
    node, button, how,
    /** The server is being asked; what it said last stands until then. @param {boolean} is */
    asking: (is) => change(node, { data: { asking: is || null } }),
    /** @param {Verdict | null} verdict null while the text is no JSON */
    show(verdict) {
      const [says, ...rest] = verdict ? said(verdict) : ['It cannot be saved: the JSON is not sound.'];
      setText(lead, /** @type {string} */ (says));
      const key = JSON.stringify(verdict);
      if (shown !== key) fill(more, ...rest);
      shown = key;
    },
    /** What became of saving. @param {...Child} children */
    tell: (...children) => fill(outcome, ...children.map((child) => h('p', { class: 'fault' }, child))),
  };
}

/** @param {Verdict} verdict @returns {[string, ...Child[]]} */
function said(verdict) {
  switch (verdict.is) {
    case 'would': return effects(verdict.run, verdict.isIdGiven);
    case 'faulty': return [`It cannot be saved yet: ${plural(verdict.faults.length, 'thing is', 'things are')} missing or wrong.`];
    case 'taken': return ['It cannot be saved yet.', conflictOf(verdict)];
    case 'raced': return [verdict.isGone ? 'This mount was deleted meanwhile.' : 'Somebody else changed this mount meanwhile.'];
    case 'refused': return ['The server refuses it.', h('p', { class: 'fault' }, verdict.text)];
    default: return ['The API cannot be reached, so what saving does is not known. What you typed is kept.'];
  }
}

/** Whose the match or the id is. @param {Verdict & { is: 'taken' }} verdict */
export function conflictOf({ by, text }) {
  return h('p', { class: 'fault' }, sentence(text), by !== null && [' ', h('a', { href: to(['mounts', by]) }, `See ${by}`)]);
}

/** @param {DryRun} run @param {boolean} isIdGiven @returns {[string, ...Child[]]} */
function effects(run, isIdGiven) {
  if (run.action === 'none') return ['Nothing changes.'];
  // An id that a dry run made up is not the one that there will be.
  const after = isIdGiven ? run.after ?? {} : put(run.after ?? {}, '/id', undefined);
  const changed = run.before ? differences(run.before, after) : differences(...fromNothing(lean(after)));
  const says = run.action === 'create' ? `A ${run.after?.kind ?? ''} mount is made.` : `${plural(changed.length, 'member changes', 'members change')}.`;
  return [says, urlList(run), changed.length > 0 && h('div', { class: run.before ? '' : 'only-after' },
    diffTable(changed, { before: 'Now', after: 'Then', label: 'What changes' })),
  !run.before && h('p', { class: 'hint' }, !isIdGiven && 'Its id is generated when it is made. ', 'All else is as by default.')];
}

/** What is said of a new mount, member by member. @param {Record<string, unknown>} after @returns {[unknown, unknown]} */
function fromNothing({ kind: _, ...after }) {
  return [Object.fromEntries(Object.entries(after).filter(([, value]) => isObject(value)).map(([name]) => [name, {}])), after];
}

/** Which URLs are answered by another mount then, in words. @param {DryRun} run */
function urlList({ urls, id, before }) {
  if (urls.length === 0) return before && h('p', { class: 'hint' }, 'No URL is answered by another mount.');
  const who = (/** @type {string} */ mount) => (mount === id ? 'this mount' : h('a', { href: to(['mounts', mount]) }, mount));
  return h('ul', { class: 'moves', 'aria-label': 'URLs that change owner' }, urls.map(({ match, from, to: into }) => {
    const url = h('code', {}, match);
    const tone = from !== null && from !== id ? 'warn' : into === null ? 'bad' : 'calm';
    if (from === null) return h('li', { data: { tone } }, url, ' is answered by ', into === null ? 'nobody' : who(into), '; until now by nobody.');
    if (into === null) return h('li', { data: { tone } }, url, ' is answered by nobody any more; until now by ', who(from), '.');
    return h('li', { data: { tone } }, url, ' moves from ', from === id ? 'this mount' : ['mount ', who(from)], ' to ', into === id ? 'this one' : ['mount ', who(into)], '.');
  }));
}

/** @param {boolean} isNew */
function howToSave(isNew) {
  const [reasonId, modeId, timeId] = [unique('reason'), unique('mode'), unique('time')];
  const reason = h('input', { id: reasonId, type: 'text', autocomplete: 'off', placeholder: 'release 12', 'aria-describedby': `${reasonId}-hint ${reasonId}-fault` });
  const reasonFault = h('p', { class: 'fault', id: `${reasonId}-fault` });
  const mode = h('select', { id: modeId }, ENDS.map(([value, label]) => h('option', { value }, label)));
  const time = h('input', { id: timeId, type: 'text', class: 'number', inputmode: 'decimal', value: '20', 'aria-describedby': `${timeId}-fault` });
  const timeFault = h('p', { class: 'fault', id: `${timeId}-fault` });
  const within = h('div', { class: 'field', hidden: true }, h('label', { for: timeId }, 'Cut off after'),
    h('div', { class: 'input-line' }, time, h('span', { class: 'unit' }, 's')), timeFault);
  mode.addEventListener('change', () => { within.hidden = mode.value !== 'deadline'; });
  const check = () => {
    const text = reason.value.trim();
    const seconds = Number(time.value.trim().replace(',', '.'));
    const bad = !/^[\x20-\x7e]*$/.test(text) ? 'Letters, digits and signs of ASCII only.' : text.length > REASON_MAX ? `At most ${REASON_MAX} letters.` : '';
    const late = within.hidden || (time.value.trim() !== '' && seconds >= 0 && seconds <= DRAIN_S_MAX) ? '' : `A number of seconds from 0 to ${DRAIN_S_MAX}.`;
    setText(reasonFault, bad);
    setText(timeFault, late);
    change(reason, { 'aria-invalid': bad ? 'true' : null });
    change(time, { 'aria-invalid': late ? 'true' : null });
    if (bad) reason.focus();
    else if (late) time.focus();
    return bad === '' && late === '' ? { text, seconds } : null;
  };
  const node = h('div', { class: 'how' },
    h('div', { class: 'field' }, h('label', { for: reasonId }, 'Reason ', h('span', { class: 'optional' }, '(optional)')), reason,
      h('p', { class: 'hint', id: `${reasonId}-hint` }, 'Kept in the history.'), reasonFault),
    !isNew && h('div', { class: 'field' }, h('label', { for: modeId }, 'Requests under way'), mode,
      h('p', { class: 'hint' }, 'New requests go to the mount as it is then. This is for those that began before, and tunnels.')), !isNew && within);
  return {
    node,
    /** @returns {How | null} null where something is wrong, which is told and has the focus */
    read() {
      const found = check();
      if (!found) return null;
      if (isNew) return { reason: found.text };
      const chosen = /** @type {How['mode']} */ (mode.value);
      return { reason: found.text, mode: chosen, drainMs: chosen === 'deadline' ? Math.round(found.seconds * 1000) : undefined };
    },
  };
}
