// Owns the page "Form".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';

/** @type {Page} */
export const page = () => ({ title: 'Form', node: h('div', {}, h('h1', {}, 'Form')) });
