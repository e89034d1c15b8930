// Owns the page "Tokens".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Tokens', node: h('div', {}, h('h1', {}, 'Tokens')) });
