// Owns a mount as JSON, and the same thing as commands.

/** @import { Mount } from '../../../types.js' */

import { h } from '../../core/dom.js';

/**
 * @param {Mount} _mount
 * @returns {HTMLElement}
 */
export const configView = (_mount) => h('div');
