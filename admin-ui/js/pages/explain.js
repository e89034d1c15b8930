// Owns the page "Explain".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Explain', node: h('div', {}, h('h1', {}, 'Explain')) });
