// Owns the mount as an object: its members by JSON Pointer, what of it differs
// from the defaults, faults beside their fields, and joining two people's
// edits. All pure: nothing here knows a page or a server.

/** @import { Fault } from '../../../types.js' */
/** @typedef {import('./fields.js').Field} Field */
/** @typedef {Record<string, any>} Spec a mount as it is sent */

import { differences, isObject, same, specOf, own } from '../../core/diff.js';
import { FIELDS, belongs, defaultOf } from './fields.js';

/** @param {string} pointer */
const steps = (pointer) => pointer.split('/').slice(1).map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));

/**
 * The member there; undefined is nothing.
 * @param {unknown} spec
 * @param {string} pointer
 * @returns {unknown}
 */
export function at(spec, pointer) {
  return steps(pointer).reduce((value, step) => (isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined), spec);
}

/**
 * The same with another member there; undefined removes it, with the objects that it leaves empty.
 * @param {Spec} spec
 * @param {string} pointer
 * @param {unknown} value
 * @returns {Spec}
 */
export function put(spec, pointer, value) {
  return putBelow(spec, steps(pointer), value) ?? {};
}

/**
 * @param {unknown} into
 * @param {string[]} path
 * @param {unknown} value
 * @returns {any}
 */
function putBelow(into, [step, ...rest], value) {
  const old = isObject(into) ? into : {};
  const now = rest.length > 0 ? putBelow(old[step], rest, value) : value;
  const others = Object.entries(old).filter(([name]) => name !== step);
  if (now === undefined) return others.length > 0 ? Object.fromEntries(others) : undefined;
  // Where it stood, so that JSON does not jump.
  return Object.hasOwn(old, step)
    ? Object.fromEntries(Object.entries(old).map(([name, was]) => [name, name === step ? now : was]))
    : { ...old, [step]: now };
}

/**
 * A mount without what is so by default: what a person said. Its path stays, because it is looked for.
 * @param {object} mount
 * @returns {Spec}
 */
export function lean(mount) {
  /** @type {Spec} */
  let spec = specOf(mount);
  for (const field of FIELDS) {
    const value = at(spec, field.at);
    const usual = value !== undefined && field.at !== '/match/path' && !differs(spec, field);
    if (usual || (value === undefined && isObject(at(spec, parent(field.at))))) spec = put(spec, field.at, undefined);
  }
  return spec;
}

/** @param {string} pointer */
const parent = (pointer) => pointer.slice(0, pointer.lastIndexOf('/'));

/** Whether both say the same, defaults said or not. @param {object} a @param {object} b */
export const alike = (a, b) => same(lean(a), lean(b));

/** @param {Spec} spec @param {Field} field whether the member is another than by default */
export function differs(spec, field) {
  const value = at(spec, field.at);
  const usual = defaultOf(field, spec.kind);
  return value !== undefined && !same(value, usual) && !(value === null && usual !== undefined); // null is the default
}

/** In the order in which people think of them. @param {Spec} spec @returns {Spec} */
function ordered(spec) {
  const first = ['id', 'kind', 'match', ...new Set(FIELDS.map((field) => steps(field.at)[0]))];
  const place = (/** @type {string} */ name) => (first.indexOf(name) + first.length + 1) % (first.length + 1);
  return Object.fromEntries(Object.entries(spec).sort(([a], [b]) => place(a) - place(b)));
}

/** As people read it. @param {Spec} spec */
export const pretty = (spec) => JSON.stringify(ordered(spec), null, 2);

/**
 * A mount of another kind: what only the old kind has is laid aside, for the way back.
 * @param {Spec} spec
 * @param {string} kind
 * @param {Map<string, unknown>} aside
 */
export function ofKind(spec, kind, aside) {
  let now = put(spec, '/kind', kind);
  for (const { at: pointer, only } of FIELDS) {
    if (only === undefined) continue;
    const value = at(now, pointer);
    if (only !== kind && value !== undefined) {
      aside.set(pointer, value);
      now = put(now, pointer, undefined);
    } else if (only === kind && value === undefined && aside.has(pointer)) {
      now = put(now, pointer, aside.get(pointer));
    }
  }
  return now;
}

/**
 * The members that have no field.
 * @param {Spec} spec
 * @returns {string[]} their pointers
 */
export function strays(spec) {
  const known = FIELDS.filter((field) => belongs(field, spec.kind)).map((field) => field.at);
  /** @type {(value: Record<string, unknown>, way: string) => string[]} */
  const walk = (value, way) => Object.keys(value).flatMap((name) => {
    const pointer = `${way}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (pointer === '/kind' || known.includes(pointer)) return [];
    const below = value[name];
    const has = known.some((one) => one.startsWith(`${pointer}/`));
    if (has && (isObject(below) || below === null)) return walk(below ?? {}, pointer);
    return [pointer];
  });
  return walk(specOf(spec), '');
}

/**
 * Faults by the field they belong to; under '' those that belong to none.
 * @param {readonly Fault[]} faults
 * @param {unknown} kind
 * @returns {Map<string, Fault[]>}
 */
export function byField(faults, kind) {
  const fields = FIELDS.filter((field) => belongs(field, kind)).map((field) => field.at);
  /** @type {Map<string, Fault[]>} */
  const found = new Map();
  for (const fault of faults) {
    const within = fields.find((pointer) => fault.pointer === pointer || fault.pointer.startsWith(`${pointer}/`))
      ?? fields.find((pointer) => pointer.startsWith(`${fault.pointer}/`) && fault.pointer === '/match') ?? '';
    found.set(within, [...(found.get(within) ?? []), fault]);
  }
  return found;
}

/**
 * Mine on top of theirs: what I changed since `base` is as I have it, all else is as they have it.
 * @param {any} base
 * @param {any} mine
 * @param {any} theirs
 * @returns {any} undefined is nothing
 */
export function merge(base, mine, theirs) {
  if (same(base, mine)) return theirs;
  if (same(base, theirs)) return mine;
  const [was, here, there] = [base, mine, theirs].map((value) => value ?? (isObject(base) || isObject(mine) ? {} : value));
  if (!isObject(here) || !isObject(there)) return mine;
  const before = isObject(was) ? was : {};
  const names = [...new Set([...Object.keys(there), ...Object.keys(here)])];
  const members = names.map((name) => [name, merge(own(before, name), own(here, name), own(there, name))]).filter(([, value]) => value !== undefined);
  return members.length > 0 ? Object.fromEntries(members) : undefined;
}

/**
 * What each of two changed since `base`, member by member.
 * @param {Spec} base
 * @param {Spec} mine
 * @param {Spec} theirs
 */
export function compare(base, mine, theirs) {
  const [ours, others] = [differences(base, mine), differences(base, theirs)];
  const begins = (/** @type {string[]} */ way, /** @type {string[]} */ with_) => with_.every((step, at) => way[at] === step);
  const touches = (/** @type {import('../../core/diff.js').Difference} */ a, /** @type {import('../../core/diff.js').Difference} */ b) => begins(a.steps ?? [], b.steps ?? []) || begins(b.steps ?? [], a.steps ?? []);
  const rows = others.map((their) => {
    const touched = ours.some((one) => touches(one, their));
    const value = (their.steps ?? []).reduce((/** @type {unknown} */ member, step) => (isObject(member) ? own(member, step) : undefined), mine);
    return { path: their.path, before: their.before, theirs: { value: their.after }, mine: touched ? { value } : undefined,
      both: touched && !same(value, their.after) };
  });
  const rest = ours.filter((one) => !others.some((their) => touches(their, one)))
    .map(({ path, before, after }) => ({ path, before, theirs: undefined, mine: { value: after }, both: false }));
  return [...rows.filter((row) => row.both), ...rows.filter((row) => !row.both), ...rest];
}
