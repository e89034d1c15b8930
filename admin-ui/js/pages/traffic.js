// Owns the live traffic of a mount.

import { h } from '../core/dom.js';

/**
 * @param {string} _id
 * @param {AbortSignal} _signal
 * @returns {HTMLElement}
 */
export const trafficView = (_id, _signal) => h('div');
