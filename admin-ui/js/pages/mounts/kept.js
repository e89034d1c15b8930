// Owns the list that was left, so that Back finds the same rows at the same
// place. There is one, for a few minutes; who comes by a link begins anew.

/** @import { Pages } from './pages.js' */

import * as session from '../../core/session.js';

const KEPT_MS = 300_000;

/**
 * @typedef {object} Left
 * @property {Pages} pages
 * @property {number} sortedAt
 * @property {number} top how far it was scrolled
 * @property {number} pinned the row that had the focus last
 * @property {boolean} wasFocused it had it when the page was left
 */

/** @type {Left & { mark: string, caller: session.Caller } | null} */
let kept = null;
/** @type {ReturnType<typeof setTimeout> | undefined} */
let timer;
let visits = 0;

/**
 * Marks this entry of the browser's history: a link makes another entry, and
 * Back comes to this one.
 * @returns {{ found: Left | null, leave: (left: Left) => void }} what was left here
 */
export function arrive() {
  const found = kept !== null && history.state?.mounts === kept.mark && kept.caller === session.who() ? kept : null;
  visits += 1;
  const mark = `${performance.timeOrigin} ${visits}`; // of this load of the page, too
  history.replaceState({ ...history.state, mounts: mark }, '');
  const caller = session.who();
  return {
    found,
    leave: (left) => {
      kept = { ...left, mark, caller };
      clearTimeout(timer);
      timer = setTimeout(() => { kept = null; }, KEPT_MS);
    },
  };
}
