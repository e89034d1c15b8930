// Owns edits that are not saved yet: kept in this tab, so that leaving the
// page, a reload or an expired token loses nothing.

/** @typedef {import('./model.js').Spec} Spec */
/** @typedef {{ now: Spec, base: Spec, etag: string | null, revision: number, text: string | null, half?: Half, at: string, by: string }} Draft `text` is JSON that is not sound yet; `by` is the name of the token */
/** @typedef {Record<string, unknown>} Half what was typed in fields that the mount cannot say yet, by pointer */

import { go } from '../../core/router.js';
import * as session from '../../core/session.js';
import { toast } from '../../parts/toast.js';

/** Not by token: who gets another one while editing goes on with it. @param {string} place */
const key = (place) => `standin-draft:${place}`;

/** @param {string} place @returns {Draft | null} */
export function find(place) {
  try {
    const found = JSON.parse(sessionStorage.getItem(key(place)) ?? 'null');
    return typeof found?.now === 'object' && typeof found.base === 'object' ? found : null;
  } catch {
    return null;
  }
}

/** @param {string} place @param {Omit<Draft, 'at' | 'by'>} draft @returns {boolean} whether there was room for it */
export function keep(place, draft) {
  try {
    sessionStorage.setItem(key(place), JSON.stringify({ ...draft, at: new Date().toISOString(), by: session.who().name }));
    return true;
  } catch {
    return false;
  }
}

/** @param {string} place */
export function drop(place) {
  sessionStorage.removeItem(key(place));
}

/** What takes away the words that lead back, by place. @type {Map<string, () => void>} */
const ways = new Map();

/** The page was left; says so, and how to go on. @param {string} place @param {string} says @param {string} address */
export function left(place, says, address) {
  ways.set(place, toast(says, { action: { label: 'Go on editing', run: async () => go(address) } }));
}

/** Somebody is there again, and needs no way back. @param {string} place */
export function returned(place) {
  ways.get(place)?.();
  ways.delete(place);
}
