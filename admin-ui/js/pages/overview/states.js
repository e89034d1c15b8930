// Owns how many mounts there are in each state, each a link to them.

/** @import { ProcessStats } from '../../../types.js' */

import { change, h, setText } from '../../core/dom.js';
import { STATE_WORDS, count } from '../../core/format.js';
import { to } from '../../core/router.js';
import { statePill } from '../../parts/bits.js';

export function statesPanel() {
  const total = h('strong', {}, '');
  const numbers = STATE_WORDS.map((state) => {
    const number = h('strong', {}, '');
    return { state, number, link: h('a', { href: to(['mounts'], { state }) }, number, ' ', statePill(state)) };
  });
  return {
    node: h('nav', { class: 'panel states', 'aria-label': 'Mounts by state' },
      h('a', { href: to(['mounts']) }, total, ' ', h('span', {}, 'mounts')), numbers.map(({ link }) => link)),
    /** @param {ProcessStats} stats */
    show({ mounts }) {
      setText(total, count(mounts.total));
      for (const { state, number, link } of numbers) {
        const many = mounts.states[/** @type {keyof typeof mounts.states} */ (state)];
        setText(number, count(many));
        change(link, { data: { none: many === 0 } });
      }
    },
  };
}
