// Owns the page "Import & export".

/** @import { Page } from '../../types.js' */

import { h } from '../core/dom.js';
import * as session from '../core/session.js';
import { exportPanel } from './transfer/export.js';
import { importPanels } from './transfer/import.js';

/** @type {Page} */
export const page = (_place, signal) => ({
  title: 'Import & export',
  node: h('div', {}, h('div', { class: 'page-head' }, h('h1', {}, 'Import & export')), exportPanel(signal),
    session.mayChange() ? importPanels(signal)
      : h('section', { class: 'panel' }, h('h2', {}, 'Import'), h('p', { class: 'calm' }, 'Your token may only read, so it cannot import.'))),
});
