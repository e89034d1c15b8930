// Owns the page "Mount".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Mount', node: h('div', {}, h('h1', {}, 'Mount')) });
