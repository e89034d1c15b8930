// Owns the page "Overview".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Overview', node: h('div', {}, h('h1', {}, 'Overview')) });
