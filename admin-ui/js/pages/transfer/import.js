// Owns the import: what is given is first tried, and only what was tried just
// so can be imported. What the server said is all that is told.

/** @import { Given, Kind } from './source.js' */

import { Problem, Unreachable, call, inWords } from '../../core/api.js';
import { change, fill, h, setText } from '../../core/dom.js';
import { plural } from '../../core/format.js';
import * as session from '../../core/session.js';
import { failure, loading } from '../../parts/bits.js';
import { faultList } from './faults.js';
import { doneView, triedView } from './outcome.js';
import { sourceForm } from './source.js';

const IMPORT_MS_MAX = 120_000;
const REASON = /^[\x20-\x7e]{0,256}$/;

/** @type {Record<Kind, string>} */
const TYPES = { json: 'application/json', paste: 'text/x-paste-ini' };

/** @param {AbortSignal} signal */
export function importPanels(signal) {
  const { owner } = session.who();
  const result = h('div', { class: 'stack', id: 'import-result' });
  const outcome = h('div', { class: 'stack' }); // of the import, below its button
  const reasonFault = h('p', { class: 'fault', id: 'import-reason-fault', role: 'alert' });
  const reason = h('input', { id: 'import-reason', autocomplete: 'off', 'aria-describedby': 'import-reason-fault' });
  const button = h('button', { type: 'button', class: 'primary', disabled: true, onclick: () => void make() }, 'Import');
  const hint = h('p', { class: 'hint' });

  /** What was tried well and is still what is given. @type {{ given: Given, mounts: number } | null} */
  let tried = null;
  let last = new AbortController();
  const settle = (/** @type {typeof tried} */ now) => {
    tried = now;
    change(button, { disabled: !now?.mounts });
    setText(button, now?.mounts ? `Import ${plural(now.mounts, 'mount')}` : 'Import');
    setText(hint, now === null ? 'A dry run comes first.' : now.mounts === 0 ? 'There is nothing to import.' : 'All of them are made, or none.');
  };
  /** Another text is given, or none: what was told of the last one is over. */
  const forget = () => {
    last.abort();
    settle(null);
    fill(result);
    fill(outcome);
  };

  const attempt = async (/** @type {Given} */ given) => {
    forget();
    last = new AbortController();
    const mine = AbortSignal.any([signal, last.signal]);
    fill(result, loading('Trying…'));
    try {
      const { body } = await send(given, true, mine);
      settle({ given, mounts: body.created.length + body.updated.length });
      fill(result, triedView(body, given, source, signal));
    } catch (error) {
      if (!mine.aborted) fill(result, refusal(error, given, 'The dry run failed', () => void attempt(given)));
    }
  };

  const make = async () => {
    const now = tried;
    if (now === null) return;
    const why = reason.value.trim();
    setText(reasonFault, REASON.test(why) ? '' : 'A reason is one line of at most 256 plain ASCII characters.');
    change(reason, { 'aria-invalid': REASON.test(why) ? null : 'true' });
    if (!REASON.test(why)) return reason.focus();
    change(button, { disabled: true });
    fill(outcome);
    if (!(await isAsRead(now.given))) {
      forget();
      return fill(outcome, failure('The file was changed after the dry run. Choose it again.'));
    }
    setText(hint, 'Importing…');
    try {
      const { body } = await send(now.given, false, signal, why);
      settle(null);
      reason.value = '';
      fill(result);
      fill(outcome, doneView(body));
    } catch (error) {
      if (signal.aborted) return;
      settle(null);
      fill(result);
      fill(outcome, error instanceof Unreachable
        ? failure('No answer came, so it is not known whether the mounts were imported. Another dry run shows it.')
        : refusal(error, now.given, 'Nothing was imported'));
    }
    outcome.scrollIntoView({ block: 'nearest' });
  };

  /** @param {unknown} error @param {Given} given @param {string} title @param {() => void} [again] */
  const refusal = (error, given, title, again) => (
    error instanceof Problem && error.status < 500 ? faultList(error, given, title, source) : failure(inWords(error), again));

  const source = sourceForm({ attempt, forget, signal });
  settle(null);
  return [
    h('section', { class: 'panel', 'aria-labelledby': 'import-title' },
      h('h2', { id: 'import-title' }, 'Import'),
      h('p', { class: 'hint' }, 'Mounts are made or replaced by their id; those that are not named stay as they are.',
        owner !== null && ` Your token may import only mounts with the label owner=${owner}.`),
      source.node),
    result,
    h('section', { class: 'panel', 'aria-label': 'Do it' },
      h('div', { class: 'field' }, h('label', { for: 'import-reason' }, 'Reason ', h('span', { class: 'optional' }, 'optional, kept in the history')), reason, reasonFault),
      h('div', { class: 'choices' }, hint, button)),
    outcome,
  ];
}

/** @param {Given} given @param {boolean} dryRun @param {AbortSignal} signal @param {string} [why] */
function send({ text, kind }, dryRun, signal, why) {
  return call('importMounts', {
    query: dryRun ? { dry_run: true } : {}, body: text, type: TYPES[kind], headers: why ? { 'X-Reason': why } : {}, signal, ms: IMPORT_MS_MAX,
  });
}

/** Whether the file is still the one that was read; the browser refuses one that is not. @param {Given} given */
async function isAsRead({ file }) {
  try {
    await file?.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}
