// Owns the steps of a mount's life: which there are in which state, how they
// are asked for, done, and undone.

/** @import { Mount } from '../types.js' */

/** @typedef {'enable' | 'disable' | 'pause' | 'resume' | 'drain' | 'restart' | 'delete'} Act */

/**
 * What can be done with a mount as it is, with this token.
 * @param {Mount} _mount
 * @returns {Act[]}
 */
export const actsFor = (_mount) => [];

/** The word on its button. @param {Act} act */
export const labelOf = (act) => act[0].toUpperCase() + act.slice(1);

/**
 * Does it, without asking; for many at once.
 * @param {Act} _act
 * @param {string} _id
 * @param {{ signal?: AbortSignal, reason?: string }} [_more]
 * @returns {Promise<{ revision: number | null }>}
 */
export const perform = async (_act, _id, _more) => ({ revision: null });

/**
 * Asks where it matters, does it, says what was done and offers to undo it.
 * @param {Act} _act
 * @param {Mount} _mount
 * @returns {Promise<boolean>} whether it was done
 */
export const actOn = async (_act, _mount) => false;
