// Owns the export: all mounts as one file, byte for byte as the server says them.

import { call, inWords } from '../../core/api.js';
import { h, setText } from '../../core/dom.js';
import { plural } from '../../core/format.js';
import { download } from '../../parts/bits.js';

const EXPORT_MS_MAX = 120_000;

/** @param {AbortSignal} signal */
export function exportPanel(signal) {
  const said = h('p', { role: 'status' });
  const fault = h('p', { class: 'fault', role: 'alert' });
  const button = h('button', { type: 'button', onclick: () => void run() }, 'Export all mounts');
  const run = async () => {
    button.disabled = true;
    setText(fault, '');
    setText(said, 'Asking…');
    try {
      const { body, text } = await call('exportMounts', { signal, ms: EXPORT_MS_MAX });
      const name = `standin-mounts-${body.revision}.json`;
      download(name, text, 'application/json');
      setText(said, `${plural(body.mounts.length, 'mount')} of revision ${body.revision}, in ${name}.`);
    } catch (error) {
      setText(said, '');
      if (!signal.aborted) setText(fault, inWords(error));
    } finally {
      button.disabled = false;
    }
  };
  return h('section', { class: 'panel', 'aria-labelledby': 'export-title' },
    h('div', { class: 'panel-head' }, h('h2', { id: 'export-title' }, 'Export'), button),
    h('p', { class: 'hint' }, 'Left out are mounts of the command line and the configuration, and what a mount does at the moment: a paused one is not paused where it is imported. '
      + 'Edits of header fields may hold secrets; keep the file as you keep those.'),
    said, fault);
}
