// Owns the page "Import & export".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Import & export', node: h('div', {}, h('h1', {}, 'Import & export')) });
