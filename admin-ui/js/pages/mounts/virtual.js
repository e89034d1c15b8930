// Owns which rows are in the page: those in view, a few around them, and the
// one that has the focus. All rows are equally high, so that the stylesheet
// places them by their number; a scroll by less than a row changes nothing here.

const AROUND = 10;

/**
 * The rows of a list that a screen shows.
 * @param {number} top where the list begins, seen from the top of the screen
 * @param {number} screen how high it is
 * @param {number} row how high a row is
 * @param {number} count how many there are
 * @returns {[first: number, end: number]}
 */
function inView(top, screen, row, count) {
  if (row <= 0 || count === 0) return [0, 0];
  const first = Math.min(Math.max(0, Math.floor(-top / row)), count - 1);
  return [first, Math.min(count, Math.max(first + 1, Math.ceil((screen - top) / row)))];
}

/**
 * The rows to keep, in their order: around what is in view, and the pinned one.
 * @param {[first: number, end: number]} view
 * @param {number} pinned
 * @param {number} count
 */
export function kept([first, end], pinned, count) {
  const from = Math.max(0, first - AROUND);
  const to = Math.min(count, end + AROUND);
  const numbers = Array.from({ length: to - from }, (_, at) => from + at);
  if (pinned >= 0 && pinned < from) numbers.unshift(pinned);
  if (pinned >= to && pinned < count) numbers.push(pinned);
  return numbers;
}

/** @typedef {{ node: HTMLElement }} RowView */

/**
 * Rows that scroll with the page.
 * @template {RowView} View
 */
export class Virtual {
  /** @type {Map<number, View>} */
  #views = new Map();
  /** @type {[first: number, end: number]} */
  view = [0, 0];
  #count = 0;
  #pinned = 0;
  #asked = 0;
  #drawn = '';

  /**
   * @param {HTMLElement} body
   * @param {object} how
   * @param {() => View} how.make
   * @param {(view: View, at: number) => void} how.show
   * @param {() => void} how.moved other rows are in view
   * @param {AbortSignal} how.signal
   */
  constructor(body, { make, show, moved, signal }) {
    this.body = body;
    this.make = make;
    this.show = show;
    this.moved = moved;
    const soon = () => { this.#asked ||= requestAnimationFrame(() => this.draw()); };
    window.addEventListener('scroll', soon, { passive: true, signal });
    window.addEventListener('resize', soon, { passive: true, signal });
    // The stylesheet says how high a row is, by the width of the page.
    const measure = new ResizeObserver(() => this.draw());
    measure.observe(body);
    signal.addEventListener('abort', () => measure.disconnect());
  }

  /** The row that stays in the page wherever it is: the one that has or gets the focus. */
  get pinned() {
    return this.#pinned;
  }

  set pinned(at) {
    this.#pinned = Math.max(0, Math.min(at, this.#count - 1));
  }

  /** How many rows there are. */
  get count() {
    return this.#count;
  }

  set count(count) {
    this.#count = count;
    this.body.style.setProperty('--row-count', String(count));
    this.pinned = this.#pinned;
  }

  /** @returns {Iterable<[at: number, view: View]>} the rows that are in the page */
  get views() {
    return this.#views;
  }

  /** @param {number} at */
  at(at) {
    return this.#views.get(at);
  }

  /** Puts the rows in view in the page; `all` shows anew what is there already. */
  draw(all = false) {
    cancelAnimationFrame(this.#asked);
    this.#asked = 0;
    const before = this.view;
    const { top, height } = this.body.getBoundingClientRect();
    const row = this.#count ? height / this.#count : 0;
    this.view = inView(top, innerHeight, row, this.#count);
    const numbers = row > 0 ? kept(this.view, this.#pinned, this.#count) : [];
    const drawn = `${numbers[0]} ${numbers.length} ${numbers.at(-1)} ${this.#pinned}`;
    if (all || drawn !== this.#drawn) this.#place(numbers, all);
    this.#drawn = drawn;
    if (before[0] !== this.view[0] || before[1] !== this.view[1]) this.moved();
  }

  /**
   * @param {number[]} numbers
   * @param {boolean} all
   */
  #place(numbers, all) {
    const wanted = new Set(numbers);
    /** @type {View[]} */
    const free = [];
    for (const [at, view] of this.#views) if (!wanted.has(at)) free.push(view);
    /** @type {Map<number, View>} */
    const views = new Map();
    for (const at of numbers) {
      const there = this.#views.get(at);
      const view = there ?? free.pop() ?? this.make();
      views.set(at, view);
      if (!there || all) {
        view.node.style.setProperty('--row-at', String(at));
        this.show(view, at);
      }
      if (!view.node.isConnected) this.body.append(view.node);
    }
    for (const { node } of free) node.remove();
    this.#views = views;
  }

  /**
   * Puts the nodes in the order in which their rows are seen, for those who
   * read the page by its order. Not while it scrolls: a row that is only shown
   * anew costs a fraction of one that is moved. The pinned one stays where it
   * is, and the others go around it, so that it keeps the focus.
   */
  tidy() {
    const nodes = [...this.#views].sort(([a], [b]) => a - b).map(([at, { node }]) => ({ at, node }));
    if (nodes.every(({ node }, at) => node === this.body.children[at])) return;
    const pinned = this.#views.get(this.#pinned)?.node ?? null;
    for (const { at, node } of nodes) if (node !== pinned) this.body.insertBefore(node, at < this.#pinned ? pinned : null);
  }
}
