// Owns how the fields are laid out: the common ones open, all others in
// sections that say at a glance what differs from the defaults, and each fault
// beside its field.

/** @import { Fault } from '../../../types.js' */
/** @typedef {import('./fields.js').Field} Field */
/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {import('./draft.js').Half} Half */

import { inline } from '../../core/diff.js';
import { change, fill, h, setText, unique } from '../../core/dom.js';
import { ended, plural, sentence } from '../../core/format.js';
import { control } from './controls.js';
import { FIRST, SECTIONS, belongs, defaultOf } from './fields.js';
import { at, byField, differs } from './model.js';

const KINDS = [
  { kind: 'regular', label: 'Regular', says: 'Below one base URL, with paths rewritten.' },
  { kind: 'transparent', label: 'Transparent', says: 'To one host, or to the host that the request names; nothing is rewritten.' },
];

/**
 * @typedef {object} Told
 * @property {(pointer: string, value: unknown) => void} edit
 * @property {(kind: string) => void} kind
 */
/** @typedef {{ field: Field, node: HTMLElement, show: (spec: Spec) => void, mark: (faults: readonly Fault[]) => boolean, focus: () => void, fault: () => string, half: () => unknown, retype: (half: unknown) => void }} Cell */

/**
 * @param {Told} told
 * @param {{ fixedId: boolean, notes: Record<string, string> }} about notes stand under fields, by pointer
 */
export function fieldsView(told, { fixedId, notes }) {
  const cell = (/** @type {Field} */ field) => cellOf(field, told.edit, notes[field.at]);
  const first = FIRST.filter(({ at: pointer }) => !(fixedId && pointer === '/id')).map(cell);
  const sections = SECTIONS.map((section) => sectionOf(section.title, section.says, section.fields.map(cell)));
  const cells = [...first, ...sections.flatMap((section) => section.cells)];
  const kinds = kindChoice(told.kind);
  const strayed = h('p', { class: 'hint strayed' });
  const node = h('fieldset', { class: 'mount-fields' }, h('legend', { class: 'unseen' }, 'The mount'),
    h('div', { class: 'panel first' }, kinds.node, h('div', { class: 'member-cells' }, first.map((one) => one.node)), strayed),
    h('div', { class: 'sections' }, sections.map((section) => section.node)));
  return {
    node,
    /** @param {Spec} spec @param {string[]} strays */
    show(spec, strays) {
      kinds.show(spec.kind);
      for (const one of cells) one.show(spec);
      for (const one of sections) one.show(spec);
      setText(strayed, strays.length === 0 ? '' : `There is no field for ${strays.join(', ')}; see JSON.`);
      strayed.hidden = strays.length === 0;
    },
    /**
     * Puts faults beside their fields.
     * @param {readonly Fault[]} faults
     * @param {(pointer: string) => boolean} seen whether the field may show them
     * @param {unknown} kind
     * @returns {Fault[]} those that have no field
     */
    mark(faults, seen, kind) {
      const found = byField(faults, kind);
      for (const one of cells) one.mark(seen(one.field.at) ? found.get(one.field.at) ?? [] : []);
      for (const one of sections) one.showFaults();
      return found.get('') ?? [];
    },
    /** Faults that the server cannot see. @returns {string[]} */
    ownFaults: () => cells.map((one) => one.fault()).filter(Boolean),
    /** What was typed that the mount cannot say yet, by pointer. @returns {Half} */
    half: () => Object.fromEntries(cells.map((one) => [one.field.at, one.half()]).filter(([, half]) => half !== undefined)),
    /** Shows that again, and nothing else of the kind. @param {Half} half */
    retype: (half) => cells.forEach((one) => one.retype(half[one.field.at])),
    /** Goes to the first field with a fault, opening its section. */
    focusFault() {
      const bad = cells.find((one) => !one.node.hidden && one.node.dataset.fault);
      const section = sections.find(({ cells: within }) => bad && within.includes(bad));
      if (section) section.node.open = true;
      bad?.focus();
      return bad !== undefined;
    },
    /** @param {string} pointer */
    focus: (pointer) => cells.find(({ field }) => field.at === pointer)?.focus(),
  };
}

/** @param {(kind: string) => void} chosen */
function kindChoice(chosen) {
  const name = unique('kind');
  const inputs = KINDS.map(({ kind }) => h('input', { type: 'radio', name, value: kind, onchange: () => chosen(kind) }));
  const node = h('fieldset', { class: 'mount-kinds' }, h('legend', {}, 'Kind'),
    KINDS.map(({ label, says }, index) => h('label', {}, inputs[index], h('span', {}, h('strong', {}, label), h('span', { class: 'hint' }, says)))));
  return { node, show: (/** @type {unknown} */ kind) => inputs.forEach((input) => change(input, { checked: input.value === kind })) };
}

/**
 * A field with its label, what it means, and what is wrong with it.
 * @param {Field} field
 * @param {(pointer: string, value: unknown) => void} edit
 * @param {string} [note]
 * @returns {Cell}
 */
function cellOf(field, edit, note = '') {
  const id = unique('field');
  const [hintId, faultId, labelId] = ['hint', 'fault', 'label'].map((part) => `${id}-${part}`);
  const shown = control(field, id, (value) => edit(field.at, value));
  const isCheck = field.control === 'check';
  const isGroup = field.control === 'map' || field.control === 'rules';
  const reset = h('button', { type: 'button', class: 'quiet small reset', 'aria-label': `Reset ${field.label}`, onclick: () => {
    edit(field.at, undefined);
    document.getElementById(id)?.focus();
  } }, 'Reset');
  const resets = field.byKind !== undefined || field.default !== undefined;
  const member = h('code', { class: 'member', 'aria-hidden': 'true' }, (field.wide ? field.at.slice(1) : field.at.replace(/.*\//, '')).replaceAll('/', '.'));
  const label = isGroup ? h('span', { class: 'label', id: labelId }, field.label) : h('label', { for: id }, field.label);
  const head = h('div', { class: 'member-head' }, isCheck && shown.node, label, member, resets && reset);
  const hint = h('p', { class: 'hint', id: hintId }, field.hint, note && h('strong', {}, ` ${note}`));
  const fault = h('p', { class: 'fault', id: faultId });
  const node = h('div', { class: 'member-cell' }, head, !isCheck && shown.node, hint, fault);
  node.classList.toggle('wide', field.wide === true);
  if (isGroup) change(node, { role: 'group', 'aria-labelledby': labelId, 'aria-describedby': hintId });
  return {
    field, node,
    show(spec) {
      node.hidden = !belongs(field, spec.kind);
      shown.show(at(spec, field.at), defaultOf(field, spec.kind));
      const other = differs(spec, field);
      change(node, { data: { differs: (other && resets) || null } });
      reset.hidden = !other;
    },
    mark(faults) {
      const own = shown.fault?.() ?? '';
      const texts = faults.map(({ pointer, detail }) => {
        const within = pointer.slice(field.at.length + 1);
        return within ? ended(`${within}: ${detail}`) : sentence(detail);
      });
      const all = [own, ...texts].filter(Boolean);
      change(node, { data: { fault: all.length > 0 || null } });
      setText(fault, all.join('\n'));
      shown.mark(faults, [hintId, all.length > 0 && faultId].filter(Boolean).join(' '));
      return all.length > 0;
    },
    focus: () => focusIn(node, id),
    fault: () => (node.hidden ? '' : shown.fault?.() ?? ''),
    half: () => (node.hidden ? undefined : shown.half?.()),
    retype: (half) => shown.retype?.(half),
  };
}

/** @param {HTMLElement} node @param {string} id */
function focusIn(node, id) {
  const target = node.querySelector('[aria-invalid=true]') ?? document.getElementById(id);
  if (target instanceof HTMLElement) target.focus();
}

/**
 * @param {string} title
 * @param {string} says
 * @param {Cell[]} cells
 */
function sectionOf(title, says, cells) {
  const glance = h('span', { class: 'glance' });
  const faults = h('span', { class: 'fault' });
  const node = h('details', { class: 'panel section' },
    h('summary', {}, h('span', { class: 'title' }, title), glance, faults),
    h('p', { class: 'hint' }, `${says}.`), h('div', { class: 'member-cells' }, cells.map((cell) => cell.node)));
  return {
    node, cells,
    /** @param {Spec} spec */
    show(spec) {
      const others = cells.filter(({ field }) => belongs(field, spec.kind) && differs(spec, field));
      change(glance, { data: { differs: others.length > 0 || null } });
      if (others.length === 0) return setText(glance, 'as by default');
      const words = others.map(({ field }) => h('span', {}, `${field.label} `, h('code', {}, brief(at(spec, field.at)))));
      fill(glance, words.flatMap((word, index) => [index > 0 && ', ', word]));
    },
    showFaults() {
      const bad = cells.filter((cell) => cell.node.dataset.fault && !cell.node.hidden).length;
      setText(faults, bad > 0 ? plural(bad, 'fault') : '');
    },
  };
}

/** A value in a few letters. @param {unknown} value */
function brief(value) {
  if (Array.isArray(value)) return value.every((one) => typeof one === 'string') ? value.join(' ') : plural(value.length, 'rule');
  if (typeof value === 'object' && value !== null) return Object.keys(value).join(' ');
  return typeof value === 'string' ? value : inline(value);
}
