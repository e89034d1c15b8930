// Owns the page "Events".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Events', node: h('div', {}, h('h1', {}, 'Events')) });
