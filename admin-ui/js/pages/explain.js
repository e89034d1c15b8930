// Owns the page "Explain": a request is written down, and what would become of
// it is told. The address says the request, so that it can be sent to others.

/** @import { Page } from '../../types.js' */

import { Problem, call, inWords } from '../core/api.js';
import { change, fill, h, setText } from '../core/dom.js';
import { note, to } from '../core/router.js';
import { stripped } from '../core/secret.js';
import { failure, loading } from '../parts/bits.js';
import { answerView } from './explain/answer.js';
import { fieldsOf, keptLines, linesOf } from './explain/fields.js';

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND'];

/** @typedef {{ url: string, method: string, headers: Record<string, string[]> }} Asked */

/** @type {Page} */
export const page = ({ query }, signal) => {
  const url = field('explain-url', 'URL or path', h('input', {
    class: 'mono', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', inputmode: 'url', placeholder: 'http://www.example.org/orders/1 or /orders/1',
    value: query.get('url') ?? '',
  }));
  const method = field('explain-method', 'Method', h('input', {
    class: 'mono', autocomplete: 'off', autocapitalize: 'characters', spellcheck: 'false', list: 'explain-methods', placeholder: 'GET', value: query.get('method') ?? 'GET',
  }));
  const headers = field('explain-headers', 'Header fields', h('textarea', {
    rows: 3, autocomplete: 'off', spellcheck: 'false', placeholder: 'Accept: text/html', value: query.getAll('header').join('\n'),
  }), 'One per line. What may be a secret, as Authorization, ?api_key= or user:password@, is not kept in the address.');
  const fault = h('p', { class: 'fault', role: 'alert' });
  const form = h('form', { class: 'panel explain-form', novalidate: true },
    url.node, method.node, headers.node,
    h('datalist', { id: 'explain-methods' }, METHODS.map((value) => h('option', { value }))),
    fault, h('div', { class: 'choices' }, h('button', { class: 'primary' }, 'Explain')));
  const result = h('div', { class: 'stack' });

  /** Says in the address what is asked, but for what may be a secret: that is in the fields only. */
  const keep = () => {
    const lines = keptLines(headers.input.value).map((line) => ['header', line]);
    note(to(['explain'], new URLSearchParams([['url', stripped(url.input.value.trim())], ['method', method.input.value.trim() || 'GET'], ...lines])));
  };

  let last = new AbortController();
  const explain = async () => {
    const { lines, fault: unread } = linesOf(headers.input.value);
    const said = { url: url.input.value.trim(), method: method.input.value.trim() || 'GET' };
    for (const one of [url, method, headers]) one.tell('');
    setText(fault, '');
    last.abort();
    form.removeAttribute('aria-busy');
    last = new AbortController();
    const mine = AbortSignal.any([signal, last.signal]);
    url.tell(said.url === '' ? 'Write a URL, as in http://www.example.org/orders/1, or a path.' : '');
    headers.tell(unread);
    if (said.url === '' || unread) return focusFault([url, headers]);
    keep();
    form.setAttribute('aria-busy', 'true');
    if (!result.firstChild) fill(result, loading('Asking…'));
    const asked = { ...said, headers: fieldsOf(lines) };
    try {
      const { body } = await call('explainRequest', { body: asked, signal: mine });
      fill(result, answerView(asked, body));
    } catch (error) {
      if (mine.aborted) return;
      fill(result, error instanceof Problem && error.status === 422 ? null : failure(inWords(error), explain));
      if (error instanceof Problem && error.status === 422) tellFaults(error);
    } finally {
      if (!mine.aborted) form.removeAttribute('aria-busy'); // else another one is under way
    }
  };

  /** Each fault beside what it is about. @param {Problem} problem */
  const tellFaults = (problem) => {
    const rest = [];
    for (const { pointer, detail } of problem.errors) {
      const [, member, name] = pointer.split('/');
      if (member === 'url') url.tell(`It ${detail}.`);
      else if (member === 'method') method.tell(`It ${detail}.`);
      else if (member === 'headers') headers.tell(`${name ? `${unescaped(name)}: ` : ''}${detail}.`);
      else rest.push(detail);
    }
    setText(fault, problem.errors.length === 0 ? problem.message : rest.join('\n'));
    focusFault([url, method, headers]);
  };

  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void explain();
  });
  if (query.size > 0) keep(); // a link may have had one
  if (url.input.value) void explain();
  return {
    title: 'Explain',
    node: h('div', {}, h('div', { class: 'page-head' }, h('h1', {}, 'Explain')),
      h('p', { class: 'hint' }, 'Which mount would answer a request, why no other one, and what its upstream would get. Nothing is sent.'), form, result),
  };
};

/**
 * A field with its label and its fault.
 * @template {HTMLInputElement | HTMLTextAreaElement} E
 * @param {string} id
 * @param {string} label
 * @param {E} input
 * @param {string} [hint]
 */
function field(id, label, input, hint) {
  const fault = h('p', { class: 'fault', id: `${id}-fault`, role: 'alert' });
  change(input, { id, 'aria-describedby': `${id}-fault${hint ? ` ${id}-hint` : ''}` });
  const node = h('div', { class: `field ${id}` }, h('label', { for: id }, label), input, hint && h('p', { class: 'hint', id: `${id}-hint` }, hint), fault);
  const tell = (/** @type {string} */ text) => {
    setText(fault, text);
    change(input, { 'aria-invalid': text ? 'true' : null });
  };
  return { node, input, tell };
}

/** @param {{ input: HTMLElement }[]} fields */
function focusFault(fields) {
  fields.find(({ input }) => input.getAttribute('aria-invalid'))?.input.focus();
}

/** @param {string} name a part of a JSON Pointer */
function unescaped(name) {
  return name.replaceAll('~1', '/').replaceAll('~0', '~');
}
