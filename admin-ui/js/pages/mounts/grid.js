// Owns the table on the screen: the rows in view, the one that has the focus,
// and what keys and clicks do there. It is as high as all its rows, also those
// that have not come yet.

/** @import { Line } from './pages.js' */
/** @import { Selection } from './selection.js' */

import { h } from '../../core/dom.js';
import { go, to } from '../../core/router.js';
import { makeHead, makeRow } from './row.js';
import { Virtual } from './virtual.js';

/** @typedef {import('./row.js').RowView} RowView */

export class Grid {
  /** @type {Line[]} */
  lines = [];

  /**
   * @param {object} about
   * @param {Selection} about.selection
   * @param {boolean} about.mayChoose
   * @param {() => void} about.chosen others are selected
   * @param {(sort: string) => void} about.sorted
   * @param {(id: string, button: HTMLElement) => void} about.menu
   * @param {() => void} about.moved other rows are in view
   * @param {AbortSignal} about.signal
   */
  constructor({ selection, mayChoose, chosen, sorted, menu, moved, signal }) {
    this.selection = selection;
    this.mayChoose = mayChoose;
    this.chosen = chosen;
    this.menu = menu;
    this.body = h('div', { role: 'rowgroup', class: 'mount-rows' });
    this.head = makeHead({ mayChoose, sorted, chosen: (on) => {
      selection.setAll(this.lines, on);
      this.chosen();
    } });
    this.node = h('div', { role: 'grid', class: mayChoose ? 'mounts-grid may-choose' : 'mounts-grid', 'aria-label': 'Mounts', 'aria-multiselectable': mayChoose ? 'true' : null },
      h('div', { role: 'rowgroup', class: 'mount-heads' }, this.head.node), this.body);
    /** @type {Virtual<RowView>} */
    this.rows = new Virtual(this.body, { make: () => makeRow(mayChoose), show: (view, at) => this.#show(view, at), moved, signal });
    this.body.addEventListener('keydown', (event) => this.#press(event));
    this.body.addEventListener('click', (event) => this.#click(event));
    this.body.addEventListener('pointerover', ({ target }) => {
      const at = placeOf(target);
      const line = this.lines[at];
      if (line) this.rows.at(at)?.explain(line);
    });
    this.body.addEventListener('focusin', (event) => {
      const at = placeOf(event.target);
      if (at !== this.rows.pinned) this.#activate(at);
    });
  }

  /**
   * Other lines, or more of them.
   * @param {Line[]} lines those that have come, from the first on
   * @param {number} total how many there are
   */
  set(lines, total) {
    const hadFocus = this.#hasFocus;
    this.lines = lines;
    this.node.setAttribute('aria-rowcount', String(total + 1));
    this.rows.count = total;
    this.draw();
    if (hadFocus && !this.#hasFocus) this.focus(this.rows.pinned); // its row was one that is not there after all
  }

  /** Shows what has changed in the lines that are in the page. */
  draw() {
    this.rows.draw(true);
    this.head.showChosen(this.selection.covers(this.lines));
  }

  get #hasFocus() {
    return this.body.contains(document.activeElement);
  }

  /** The lines that are in view. */
  get seen() {
    return this.lines.slice(...this.rows.view);
  }

  /** True while the list begins in view. */
  get isAtTop() {
    return this.rows.view[0] === 0;
  }

  /** The focused mount, if it is one of these. @returns {string | null} */
  get focused() {
    return this.#hasFocus ? this.lines[placeOf(document.activeElement)]?.id ?? null : null;
  }

  /** @param {RowView} view @param {number} at */
  #show(view, at) {
    const line = this.lines[at];
    const active = at === this.rows.pinned;
    if (line) view.show(line, { at, active, chosen: this.selection.ids.has(line.id) });
    else view.wait({ at, active });
  }

  /** @param {number} at */
  #activate(at) {
    const before = this.rows.pinned;
    this.rows.pinned = at;
    for (const one of [before, at]) {
      const view = this.rows.at(one);
      if (view) this.#show(view, one);
    }
  }

  /**
   * Puts the focus on a row, and the row in view.
   * @param {number} at
   * @param {{ scroll?: boolean }} [how] whether it may move
   */
  focus(at, { scroll = true } = {}) {
    this.#activate(Math.max(0, Math.min(at, this.rows.count - 1)));
    this.rows.draw();
    const node = this.rows.at(this.rows.pinned)?.node;
    if (scroll) node?.scrollIntoView({ block: 'nearest' });
    node?.focus({ preventScroll: true });
  }

  /** @param {number} at @param {boolean} range */
  #toggle(at, range) {
    const line = this.lines[at];
    if (!this.mayChoose || !line || line.why !== null || line.gone) return;
    this.selection.set(this.lines, at, !this.selection.ids.has(line.id), range);
    this.chosen();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    const isEdge = event.key === 'Home' || event.key === 'End';
    if (event.metaKey || event.altKey || (event.ctrlKey && !isEdge)) return;
    const at = placeOf(event.target);
    const isRow = event.target instanceof Element && event.target.matches('[role=row]');
    const page = Math.max(1, this.rows.view[1] - this.rows.view[0] - 2);
    const goes = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.rows.count - 1 }[event.key];
    if (goes !== undefined) this.focus(goes);
    else if (isRow && event.key === 'Enter') {
      if (this.lines[at]) go(to(['mounts', this.lines[at].id]));
    }
    else if (isRow && event.key === ' ') this.#toggle(at, event.shiftKey);
    else return;
    event.preventDefault();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    if (!(event.target instanceof Element)) return;
    const at = placeOf(event.target);
    const line = this.lines[at];
    if (!line) return;
    const button = event.target.closest('button');
    if (button instanceof HTMLElement) this.menu(line.id, button);
    else if (event.target.matches('input')) this.#toggle(at, event.shiftKey);
  }
}

/** Which row a node stands in. @param {EventTarget | null} target */
function placeOf(target) {
  const row = target instanceof Element ? target.closest('[role=row]') : null;
  return Number(row?.getAttribute('aria-rowindex') ?? 1) - 2;
}
