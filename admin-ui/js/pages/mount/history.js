// Owns what was done to a mount, and undoing it.

import { h } from '../../core/dom.js';

/**
 * @param {string} _id
 * @param {AbortSignal} _signal
 * @returns {HTMLElement}
 */
export const historyView = (_id, _signal) => h('div');
