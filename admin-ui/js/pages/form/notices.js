// Owns the messages above the form: one of each kind, said where something
// important changes and gone when it no longer counts.

/** @import { Child } from '../../../types.js' */

import { change, fill, h } from '../../core/dom.js';

export function notices() {
  const node = h('div', { class: 'notices', role: 'status' });
  /** @type {Map<string, { line: HTMLElement, key: string }>} */
  const said = new Map();
  return {
    node,
    /**
     * @param {string} kind
     * @param {false | Child[]} children false for nothing
     * @param {'calm' | 'warn' | 'bad'} [tone]
     */
    say(kind, children, tone = 'calm') {
      const old = said.get(kind);
      if (children === false) {
        old?.line.remove();
        return void said.delete(kind);
      }
      const line = old?.line ?? h('div', { class: 'notice' });
      const probe = h('div', {}, ...children);
      if (old?.key === probe.textContent) return; // the same: nothing is said twice
      change(line, { data: { tone } });
      fill(line, ...children);
      said.set(kind, { line, key: line.textContent ?? '' });
      if (!old) node.append(line);
    },
  };
}
