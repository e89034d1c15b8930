// Owns the page "Mounts".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Mounts', node: h('div', {}, h('h1', {}, 'Mounts')) });
