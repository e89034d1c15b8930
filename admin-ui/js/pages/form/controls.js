// Owns the controls of the form: each shows a value of JSON and tells another
// when it is edited. Each keeps what was typed, sound or not.

/** @import { Fault } from '../../../types.js' */
/** @typedef {import('./fields.js').Field} Field */

import { isObject, same } from '../../core/diff.js';
import { change, fill, h, keyed, unique } from '../../core/dom.js';
import { unsound, where } from './json.js';

/**
 * @typedef {object} Shown a control
 * @property {HTMLElement} node
 * @property {(value: unknown, usual: unknown) => void} show the value; `usual` is what counts where there is none
 * @property {(faults: readonly Fault[], describedBy: string) => void} mark which of its inputs are at fault
 * @property {() => string} [fault] what is wrong that no value can say
 * @property {() => unknown} [half] what was typed that no value can say yet, as JSON; undefined is nothing
 * @property {(half: unknown) => void} [retype] shows that again, or undefined: only the value
 */
/** @typedef {(value: unknown) => void} Tell undefined is nothing */

/**
 * @param {Field} field
 * @param {string} id of the input that the label names, where there is one
 * @param {Tell} tell
 * @returns {Shown}
 */
export function control(field, id, tell) {
  switch (field.control) {
    case 'check': return checkbox(field, id, tell);
    case 'select': return choice(field, id, tell);
    case 'map': return pairs(field, id, tell);
    case 'rules': return rules(id, tell);
    case 'json': return json(field, id, tell);
    case 'number': return line(field, id, tell, { read: readNumber, write: plain, number: true });
    case 'words': return line(field, id, tell, { read: readWords, write: joined });
    case 'text': return line(field, id, tell, { read: (text) => text.trim() || undefined, write: plain });
  }
}

/** A value of whatever kind as a line. @param {unknown} value */
const plain = (value) => (value === undefined || value === null ? '' : typeof value === 'string' ? value : JSON.stringify(value));

/** @param {unknown} value */
const joined = (value) => (Array.isArray(value) ? value.map(plain).join(' ') : plain(value));

/** @param {string} text what is no number stays a text, for the server to refuse */
function readNumber(text) {
  const said = text.trim().replace(/(?<=\d)[_ \u202f](?=\d{3})/g, '');
  if (said === '') return undefined;
  return /^-?\d{1,16}(\.\d+)?$/.test(said) ? Number(said) : said;
}

/** @param {string} text */
function readWords(text) {
  const found = text.split(/[\s,]+/).filter(Boolean);
  return found.length > 0 ? found : undefined;
}

/** @param {unknown} usual */
const placeholder = (usual) => (usual === undefined || usual === '' ? '' : usual === null ? 'no bound' : joined(usual));

/**
 * One line of text.
 * @param {Field} field
 * @param {string} id
 * @param {Tell} tell
 * @param {{ read: (text: string) => unknown, write: (value: unknown) => string, number?: boolean }} how
 * @returns {Shown}
 */
function line({ suggests, unit, example, control: kind }, id, tell, { read, write, number = false }) {
  const list = suggests && h('datalist', { id: unique('suggests') }, suggests.map((value) => h('option', { value })));
  const input = h('input', { id, type: 'text', class: kind === 'number' ? 'number' : 'mono', inputmode: number ? 'numeric' : null,
    list: list?.id, autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
  input.addEventListener('input', () => tell(read(input.value)));
  return {
    node: h('div', { class: 'input-line' }, input, list, unit && h('span', { class: 'unit' }, unit)),
    show: (value, usual) => {
      if (!same(read(input.value), value)) input.value = write(value);
      change(input, { placeholder: (number ? placeholder(usual) : '') || example || '' });
    },
    mark: (faults, describedBy) => invalid(input, faults.length > 0, describedBy),
  };
}

/** @param {HTMLElement} input @param {boolean} is @param {string} describedBy */
function invalid(input, is, describedBy) {
  change(input, { 'aria-invalid': is ? 'true' : null, 'aria-describedby': describedBy || null });
}

/** @param {Field} field @param {string} id @param {Tell} tell @returns {Shown} */
function checkbox({ default: usual }, id, tell) {
  const input = h('input', { id, type: 'checkbox' });
  input.addEventListener('change', () => tell(input.checked === usual ? undefined : input.checked));
  return {
    node: input,
    show: (value) => change(input, { checked: value === undefined ? usual === true : value === true }),
    mark: (faults, describedBy) => invalid(input, faults.length > 0, describedBy),
  };
}

/** @param {Field} field @param {string} id @param {Tell} tell @returns {Shown} */
function choice({ options = [], default: usually }, id, tell) {
  const select = h('select', { id });
  let offered = '';
  select.addEventListener('change', () => {
    tell(select.value === '' ? undefined : typeof usually === 'number' ? Number(select.value) : select.value);
  });
  return {
    node: select,
    show: (value, usual) => {
      const text = plain(value === usual ? undefined : value);
      const others = options.filter((one) => one !== plain(usual));
      if (text !== '' && !others.includes(text)) others.push(text); // not one of ours: shown all the same
      if (offered !== [usual, ...others].join()) {
        offered = [usual, ...others].join();
        fill(select, h('option', { value: '' }, usual === undefined ? 'not set' : `${plain(usual)} (default)`),
          others.map((one) => h('option', { value: one }, one)));
      }
      change(select, { value: text });
    },
    mark: (faults, describedBy) => invalid(select, faults.length > 0, describedBy),
  };
}

/**
 * Names and texts, a row each. Rows stay as they were typed, also where two have one name.
 * @param {Field} field
 * @param {string} id
 * @param {Tell} tell
 * @returns {Shown}
 */
function pairs({ label, pair = ['Name', 'Value'] }, id, tell) {
  /** @typedef {{ key: string, name: string, value: string }} Row */
  /** @type {Row[]} */
  let rows = [];
  let said = '';
  const list = h('div', { class: 'pair-rows' });
  const add = h('button', { type: 'button', class: 'small', id }, `Add ${pair[0].toLowerCase()}`);
  const used = () => rows.filter(({ name, value }) => name.trim() !== '' || value !== '');
  const read = () => (used().length === 0 ? undefined : Object.fromEntries(used().map(({ name, value }) => [name.trim(), value])));
  const edited = () => {
    const value = read();
    said = JSON.stringify(value ?? {});
    tell(value);
  };
  /** @param {[string, unknown][]} texts */
  const fillRows = (texts) => {
    rows = texts.map(([name, one]) => ({ key: unique('row'), name, value: plain(one) }));
    draw();
  };
  const half = () => (used().some((row) => isTwice(used(), row)) ? rows.map(({ name, value }) => [name, value]) : undefined);
  const draw = () => keyed(list, rows, ({ key }) => key, (row) => rowOf(row, label, pair, edited, () => {
    rows = rows.filter((one) => one !== row);
    draw();
    add.focus();
    edited();
  }));
  add.addEventListener('click', () => {
    rows.push({ key: unique('row'), name: '', value: '' });
    draw();
    /** @type {HTMLElement | null | undefined} */ (list.lastElementChild?.querySelector('input'))?.focus();
  });
  return {
    node: h('div', { class: 'pairs' }, list, add),
    show: (value) => {
      const text = JSON.stringify(value ?? {});
      if (text === said) return;
      said = text;
      fillRows(isObject(value) ? Object.entries(value) : []);
    },
    mark: (faults, describedBy) => {
      [...list.children].forEach((node, at) => {
        const name = rows[at].name.trim().replaceAll('~', '~0').replaceAll('/', '~1');
        const is = faults.some(({ pointer }) => pointer.endsWith(`/${name}`)) || isTwice(used(), rows[at]);
        for (const input of node.querySelectorAll('input')) invalid(input, is, describedBy);
      });
    },
    fault: () => {
      const twice = rows.find((row) => isTwice(used(), row));
      return twice ? `“${twice.name.trim()}” is there twice.` : '';
    },
    half,
    retype: (kept) => {
      if (Array.isArray(kept)) fillRows(kept);
      else if (half()) fillRows(Object.entries(JSON.parse(said)));
    },
  };
}

/** @param {{ name: string }[]} rows @param {{ name: string }} row */
const isTwice = (rows, row) => rows.some((one) => one !== row && rows.includes(row) && one.name.trim() === row.name.trim());

/**
 * @param {{ name: string, value: string }} row
 * @param {string} label
 * @param {readonly [string, string]} pair
 * @param {() => void} edited
 * @param {() => void} remove
 */
function rowOf(row, label, pair, edited, remove) {
  const input = (/** @type {'name' | 'value'} */ member, /** @type {string} */ called) => {
    const one = h('input', { type: 'text', class: 'mono', value: row[member], placeholder: called, 'aria-label': `${label}: ${called.toLowerCase()}`,
      autocomplete: 'off', autocapitalize: 'none', spellcheck: 'false' });
    one.addEventListener('input', () => {
      row[member] = one.value;
      edited();
    });
    return one;
  };
  return h('div', { class: 'pair-row' }, input('name', pair[0]), input('value', pair[1]),
    h('button', { type: 'button', class: 'quiet close', 'aria-label': `Remove ${pair[0].toLowerCase()}`, onclick: remove }, '×'));
}

/**
 * Rules for content: what is searched for, what stands there instead, and where.
 * @param {string} id
 * @param {Tell} tell
 * @returns {Shown}
 */
function rules(id, tell) {
  /** @typedef {{ key: string, from: string, to: string, types: string, more: Record<string, unknown> }} Rule */
  /** @type {Rule[]} */
  let rows = [];
  let said = '';
  const list = h('div', { class: 'pair-rows' });
  const add = h('button', { type: 'button', class: 'small', id }, 'Add rule');
  const edited = () => {
    const value = rows.map(({ from, to, types, more }) => ({ ...more, ...(readWords(types) ? { media_types: readWords(types) } : {}), from, to }));
    said = JSON.stringify(value);
    tell(value.length > 0 ? value : undefined);
  };
  const draw = () => keyed(list, rows, ({ key }) => key, (row) => {
    const input = (/** @type {'from' | 'to' | 'types'} */ member, /** @type {string} */ called) => {
      const one = h('input', { type: 'text', class: 'mono', value: row[member], autocomplete: 'off', spellcheck: 'false', autocapitalize: 'none',
        placeholder: member === 'types' ? 'text/html' : '' });
      one.addEventListener('input', () => {
        row[member] = one.value;
        edited();
      });
      return h('label', {}, h('span', {}, called), one);
    };
    return h('div', { class: 'pair-row rule' }, input('from', 'Search for'), input('to', 'Put instead'), input('types', 'Media types'),
      h('button', { type: 'button', class: 'quiet close', 'aria-label': 'Remove rule', onclick: () => {
        rows = rows.filter((one) => one !== row);
        draw();
        add.focus();
        edited();
      } }, '×'));
  });
  add.addEventListener('click', () => {
    rows.push({ key: unique('rule'), from: '', to: '', types: '', more: {} });
    draw();
    /** @type {HTMLElement | null | undefined} */ (list.lastElementChild?.querySelector('input'))?.focus();
    edited();
  });
  return {
    node: h('div', { class: 'pairs' }, list, add),
    show: (value) => {
      const text = JSON.stringify(value ?? []);
      if (text === said) return;
      said = text;
      rows = (Array.isArray(value) ? value : []).filter(isObject).map(({ from, to, media_types: types, ...more }) => (
        { key: unique('rule'), from: plain(from), to: plain(to), types: joined(types), more }));
      draw();
    },
    mark: (faults, describedBy) => [...list.children].forEach((node, at) => {
      const is = faults.some(({ pointer }) => `${pointer}/`.startsWith(`/rewrite/body/${at}/`));
      for (const input of node.querySelectorAll('input')) invalid(input, is, describedBy);
    }),
  };
}

/** @param {Field} field @param {string} id @param {Tell} tell @returns {Shown} */
function json({ example }, id, tell) {
  const input = h('textarea', { id, rows: 4, spellcheck: 'false', autocapitalize: 'none', placeholder: example });
  const fault = () => {
    const found = input.value.trim() === '' ? null : unsound(input.value);
    return found ? where(found) : '';
  };
  /** @type {unknown} the last that was sound */
  let value;
  const write = () => { input.value = value === undefined ? '' : JSON.stringify(value, null, 2); };
  input.addEventListener('input', () => {
    if (fault() === '') value = input.value.trim() === '' ? undefined : JSON.parse(input.value);
    tell(value);
  });
  return {
    node: input,
    show: (now) => {
      if (same(now, value)) return;
      value = now;
      write();
    },
    mark: (faults, describedBy) => invalid(input, faults.length > 0 || fault() !== '', describedBy),
    fault,
    half: () => (fault() === '' ? undefined : input.value),
    retype: (kept) => {
      if (typeof kept === 'string') input.value = kept;
      else if (fault() !== '') write();
    },
  };
}
