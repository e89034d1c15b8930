// Owns the page "Overview": what needs attention, the mounts by state, the
// traffic of the last minutes, and the process. Its parts stand in overview/.

/** @import { Page, ProcessStats } from '../../types.js' */

import { Problem, inWords } from '../core/api.js';
import { fill, h } from '../core/dom.js';
import { poll } from '../core/poll.js';
import { to } from '../core/router.js';
import * as samples from '../core/samples.js';
import * as session from '../core/session.js';
import { failure, loading } from '../parts/bits.js';
import { attentionPanel } from './overview/attention-panel.js';
import { firstMount } from './overview/first-mount.js';
import { processPanel } from './overview/process.js';
import { statesPanel } from './overview/states.js';
import { trafficPanels } from './overview/traffic.js';

const POLL_MS = 2000;

/** @type {Page} */
export const page = (_place, signal) => {
  const actions = h('div', { class: 'actions' }, session.mayChange() && h('a', { class: 'button primary', href: to(['new']) }, 'New mount'));
  const content = h('div', { class: 'overview' }, loading('Asking for the numbers…'));
  const attention = attentionPanel(signal);
  const states = statesPanel();
  const traffic = trafficPanels();
  const process = processPanel();
  const first = firstMount();

  /** What the content is made of now. */
  let shown = '';
  const arrange = (/** @type {string} */ wanted, /** @type {HTMLElement[]} */ nodes) => {
    if (shown !== wanted) fill(content, nodes);
    shown = wanted;
  };

  const show = (/** @type {ProcessStats} */ stats) => {
    if (stats.mounts.total === 0) arrange('empty', [first, traffic.node, process.node]);
    else arrange('mounts', [attention.node, states.node, traffic.node, process.node]);
    actions.hidden = stats.mounts.total === 0; // it is said where they are missing
    attention.show(stats);
    states.show(stats);
    traffic.show(stats);
    process.show(stats);
  };

  const again = poll(POLL_MS, signal, async (own) => show(await samples.take(own)), (error) => {
    if (error instanceof Problem) arrange('failure', [failure(inWords(error), () => again())]);
  });
  return { title: 'Overview', node: h('div', {}, h('div', { class: 'page-head' }, h('h1', {}, 'Overview'), actions), content) };
};
