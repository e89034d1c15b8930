// Owns how nodes are made and changed. All text becomes text nodes: nothing
// here, and nothing anywhere in the UI, makes markup out of a string.

/** @import { Child, Leaf, Props } from '../../types.js' */

const SVG = 'http://www.w3.org/2000/svg';

/**
 * An element. Of its properties, functions named `onclick` and so on listen,
 * `data` is its dataset, `value`, `checked` and `indeterminate` are set as
 * properties, and all others are attributes: true is an empty one, false, null
 * and undefined are none.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  node.append(...nodes(children));
  return change(node, props); // after the children: a select's value is one of them
}

/**
 * The same for pictures.
 * @template {keyof SVGElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {SVGElementTagNameMap[Tag]}
 */
export function svg(tag, props = {}, ...children) {
  const node = /** @type {SVGElementTagNameMap[Tag]} */ (document.createElementNS(SVG, tag));
  node.append(...nodes(children));
  return change(node, props);
}

/**
 * @param {Child[]} children
 * @returns {(Node | string)[]}
 */
function nodes(children) {
  return /** @type {Leaf[]} */ (/** @type {any[]} */ (children).flat(Infinity))
    .filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child)));
}

/**
 * Sets properties; what is so already is left alone, so that nothing flickers.
 * @template {HTMLElement | SVGElement} E
 * @param {E} node
 * @param {Props} props
 * @returns {E}
 */
export function change(node, props) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') {
      node.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name === 'data') {
      for (const [key, text] of Object.entries(/** @type {object} */ (value))) setData(node, key, text);
    } else if (name === 'value' || name === 'checked' || name === 'indeterminate') {
      const bag = /** @type {Record<string, unknown>} */ (/** @type {unknown} */ (node));
      if (bag[name] !== value) bag[name] = value;
    } else if (value === false || value === null || value === undefined) {
      node.removeAttribute(name);
    } else {
      const text = value === true ? '' : String(value);
      if (node.getAttribute(name) !== text) node.setAttribute(name, text);
    }
  }
  return node;
}

/**
 * @param {HTMLElement | SVGElement} node
 * @param {string} key
 * @param {unknown} value
 */
function setData(node, key, value) {
  if (value === null || value === undefined || value === false) delete node.dataset[key];
  else if (node.dataset[key] !== String(value)) node.dataset[key] = String(value);
}

/**
 * Sets the text of a node, where it is another one.
 * @param {Node} node
 * @param {string | number} text
 */
export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = String(text);
}

/**
 * Puts other children in the place of those there are.
 * @param {Element} node
 * @param {...Child} children
 */
export function fill(node, ...children) {
  node.replaceChildren(...nodes(children));
}

/**
 * Makes the children of a node those of a list: each item has one, found again
 * by its key, so that focus, selection and scrolling stay.
 * @template Item
 * @param {Element} parent
 * @param {Iterable<Item>} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => HTMLElement | SVGElement} make
 * @param {(node: HTMLElement, item: Item) => void} [update] called for every item, also when it was just made
 */
export function keyed(parent, items, keyOf, make, update) {
  const there = new Map([...parent.children].map((node) => [/** @type {HTMLElement} */ (node).dataset.key, node]));
  /** @type {Element | null} */
  let next = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let node = there.get(key);
    if (node) there.delete(key);
    else {
      node = make(item);
      /** @type {HTMLElement} */ (node).dataset.key = key;
    }
    if (node === next) next = next.nextElementSibling;
    else parent.insertBefore(node, next);
    update?.(/** @type {HTMLElement} */ (node), item);
  }
  for (const node of there.values()) node.remove();
}

/**
 * Does work that may take away what has the focus in `parent`; then `heir` has
 * it, since who works by keys would else begin at the top.
 * @param {Element} parent
 * @param {() => void} work
 * @param {() => HTMLElement} heir
 */
export function passFocus(parent, work, heir) {
  const held = parent.contains(document.activeElement);
  work();
  if (held && (!parent.isConnected || !parent.contains(document.activeElement))) heir().focus({ preventScroll: true });
}

/**
 * An id for an element that others name, as labels do.
 * @param {string} stem
 */
export function unique(stem) {
  unique.count += 1;
  return `${stem}-${unique.count}`;
}
unique.count = 0;
