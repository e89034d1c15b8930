// Owns what is to be imported: a file that is chosen or dropped, or text, and
// which of the two kinds it is.

import { change, fill, h, setText } from '../../core/dom.js';
import { bytes } from '../../core/format.js';

/** @typedef {'json' | 'paste'} Kind */
/** @typedef {{ text: string, kind: Kind, file: File | null }} Given */
/** @typedef {ReturnType<typeof sourceForm>} Source */

const SHOWN_CHARS_MAX = 256 * 1024; // a text area with more is slow
const FILE_BYTES_MAX = 64 * 1024 * 1024; // as the server takes

/** @type {[Kind, string][]} */
const KINDS = [['json', 'JSON, as an export has it'], ['paste', 'Paste Deploy (INI)']];

/**
 * @param {object} told
 * @param {(given: Given) => void} told.attempt
 * @param {() => void} told.forget another text is given, or none
 * @param {AbortSignal} told.signal
 */
export function sourceForm({ attempt, forget, signal }) {
  /** A file as it was read, until its text is changed. @type {{ file: File, text: string } | null} */
  let read = null;
  let isChosen = false; // the kind, by the person

  const fault = h('p', { class: 'fault', id: 'import-fault', role: 'alert' });
  const picker = h('input', { type: 'file', hidden: true, accept: '.json,.ini,.conf,.cfg,.txt,application/json,text/plain' });
  const text = h('textarea', { id: 'import-text', class: 'import-text', rows: 8, wrap: 'off', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'import-fault' });
  const about = h('p', { class: 'import-file' });
  const textField = h('div', { class: 'field' }, h('label', { for: 'import-text' }, 'Text'), text);
  const radios = new Map(KINDS.map(([kind]) => [kind, h('input', { type: 'radio', name: 'import-kind', value: kind, checked: kind === 'json' })]));
  const found = h('span', { class: 'hint' });
  const button = h('button', { class: 'button' }, 'Dry run');
  const node = h('form', { class: 'import-form', novalidate: true },
    h('div', { class: 'drop' },
      h('button', { type: 'button', onclick: () => picker.click() }, 'Choose a file'), picker, h('span', { class: 'calm' }, 'or drop one here, or write below.'), about),
    textField,
    h('fieldset', { class: 'kinds' }, h('legend', {}, 'Kind'),
      KINDS.map(([kind, label]) => h('label', { class: 'check' }, /** @type {HTMLElement} */ (radios.get(kind)), label)), found),
    fault, h('div', { class: 'choices' }, button));

  /** @returns {Kind} */
  const kind = () => (radios.get('paste')?.checked ? 'paste' : 'json');
  const guess = (/** @type {string} */ content, /** @type {string} */ name) => {
    if (isChosen) return;
    const { kind: one, by } = kindOf(content, name);
    for (const [value, radio] of radios) change(radio, { checked: value === one });
    setText(found, content === '' ? '' : `Found by the ${by}.`);
  };
  const showFile = (/** @type {File | null} */ file, isHidden = false) => {
    textField.hidden = isHidden;
    fill(about, file && [h('strong', {}, file.name), `, ${bytes(file.size)}. `, isHidden && 'It is too long to be shown here. ',
      h('button', { type: 'button', class: 'small', onclick: clear }, 'Remove')]);
  };
  const clear = () => {
    read = null;
    isChosen = false;
    text.value = '';
    guess('', '');
    setText(fault, '');
    showFile(null);
    forget();
    text.focus();
  };
  const go = () => {
    setText(fault, '');
    const content = read?.text ?? text.value;
    if (content.trim() === '') {
      setText(fault, 'Choose a file, or write what is to be imported.');
      return text.focus();
    }
    attempt({ text: content, kind: kind(), file: read?.file ?? null });
  };
  const take = async (/** @type {File} */ file) => {
    forget();
    setText(fault, '');
    try {
      if (file.size > FILE_BYTES_MAX) throw new Error(`The file has ${bytes(file.size)}; at most ${bytes(FILE_BYTES_MAX)} can be imported at once.`);
      const content = await textOf(file);
      read = { file, text: content };
      isChosen = false;
      const isLong = content.length > SHOWN_CHARS_MAX;
      text.value = isLong ? '' : content;
      guess(content, file.name);
      showFile(file, isLong);
      go();
    } catch (error) {
      clear();
      setText(fault, error instanceof Error ? error.message : String(error));
    }
  };

  node.addEventListener('submit', (event) => {
    event.preventDefault();
    go();
  });
  picker.addEventListener('change', () => {
    const [file] = picker.files ?? [];
    if (file) void take(file);
    picker.value = ''; // so that the same one can be chosen again
  });
  text.addEventListener('input', () => {
    if (read) showFile(null);
    read = null;
    guess(text.value, '');
    forget();
  });
  for (const radio of radios.values()) {
    radio.addEventListener('change', () => {
      isChosen = true;
      setText(found, '');
      forget();
    });
  }
  acceptDrops(node, take, signal);

  /** A place of the file in its text here, where the ends of lines are one character each. @param {number} at */
  const here = (at) => (read ? at - (read.text.slice(0, at).match(/\r\n/g)?.length ?? 0) : at);
  /** Shows a place of what was given, where it can be seen. @param {number} start @param {number} end */
  const show = (start, end) => {
    text.setSelectionRange(here(start), here(end));
    text.blur(); // the browser scrolls to the selection when the focus comes
    text.focus();
    const line = text.value.slice(0, here(start)).split('\n').length - 1;
    const height = parseFloat(getComputedStyle(text).lineHeight);
    text.scrollTop = Math.max(0, line * height - text.clientHeight / 2);
    text.scrollIntoView({ block: 'nearest' });
  };
  return { node, show, canShow: () => !textField.hidden };
}

/**
 * Which kind a text is, by its name or else by how it begins.
 * @param {string} text
 * @param {string} name
 * @returns {{ kind: Kind, by: 'name' | 'content' }}
 */
function kindOf(text, name) {
  if (/\.json$/i.test(name)) return { kind: 'json', by: 'name' };
  if (/\.(ini|conf|cfg)$/i.test(name)) return { kind: 'paste', by: 'name' };
  // A section's name begins with a bracket, too.
  return { kind: /^\s*($|\{|\[\s*([[{"\]]|$))/.test(text.slice(0, 1024)) ? 'json' : 'paste', by: 'content' };
}

/** @param {File} file */
async function textOf(file) {
  const content = await file.arrayBuffer();
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new Error('The file is not UTF-8 text. Convert it.');
  }
}

/**
 * Takes a file that is dropped; one that misses does not open in the page's place.
 * @param {HTMLElement} node
 * @param {(file: File) => void} take
 * @param {AbortSignal} signal
 */
function acceptDrops(node, take, signal) {
  const over = (/** @type {DragEvent} */ event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    const isHere = event.target instanceof Node && node.contains(event.target);
    node.classList.toggle('over', isHere);
    event.dataTransfer.dropEffect = isHere ? 'copy' : 'none';
  };
  document.addEventListener('dragover', over, { signal });
  document.addEventListener('drop', (event) => {
    if (!event.dataTransfer?.types.includes('Files')) return;
    event.preventDefault();
    node.classList.remove('over');
    const [file] = event.dataTransfer.files;
    if (file && event.target instanceof Node && node.contains(event.target)) take(file);
  }, { signal });
  node.addEventListener('dragleave', (event) => {
    if (!(event.relatedTarget instanceof Node && node.contains(event.relatedTarget))) node.classList.remove('over');
  });
}
