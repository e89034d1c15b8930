// Owns the page: which view is shown, the table of mounts and its refreshing,
// the dialogs. Data reach the page as text only, never as markup.

import * as api from './api.js';

const REFRESH_MS = 2000;
const MESSAGE_MS = 8000;
const ROWS_MAX = 500;
const READ_MAX = 1000; // the largest page that the API has

const $ = (id) => document.getElementById(id);

// Both write only what changed, so that nothing flickers and a selection stays.

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

// ---- Messages and the token ----

let messageTimer;

function say(text) {
  clearTimeout(messageTimer);
  setText($('message'), text);
  if (text) messageTimer = setTimeout(say, MESSAGE_MS, '');
}

function setConnection(tone, text) {
  $('connection').dataset.tone = tone;
  setText($('connection'), text);
}

/** Takes the token out of `#token=…` and out of the address bar. */
function takeTokenFromAddress() {
  const found = /^#token=([^&]*)/.exec(location.hash);
  if (!found) return;
  history.replaceState(null, '', location.pathname + location.search);
  try {
    api.keepToken(decodeURIComponent(found[1]));
  } catch {
    // Not a token: the page asks for one.
  }
}

function show(view) {
  for (const id of ['token-view', 'mounts-view']) $(id).hidden = id !== view;
  $('forget').hidden = view !== 'mounts-view';
}

/** Asks for a token, and drops what only its holder may see. */
function askToken(fault) {
  api.forgetToken();
  turn += 1;
  clearTimeout(timer);
  mounts = undefined;
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  setConnection('warn', fault ? 'Token refused' : 'Token needed');
  say('');
  setText($('banner'), '');
  setText($('token-fault'), fault);
  $('token').value = '';
  $('token').setAttribute('aria-invalid', String(fault !== ''));
  syncRows([]);
  show('token-view');
  $('token').focus();
}

$('token-form').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!api.keepToken($('token').value.trim())) {
    setText($('token-fault'), 'Enter the token.');
    return;
  }
  open();
});
$('forget').addEventListener('click', () => askToken(''));

// ---- Reading the mounts ----

let mounts; // undefined until the first answer
let total = 0; // how many there are, read or not
let readAt;
let turn = 0; // numbers the reads, so that a late answer is not shown
let timer;

/** Shows what there is to show with the token at hand. */
function open() {
  if (!api.token()) return askToken('');
  $('token').value = '';
  setText($('token-fault'), '');
  setConnection('idle', 'Connecting');
  show('mounts-view');
  render();
  refresh();
}

async function refresh() {
  clearTimeout(timer);
  turn += 1;
  const mine = turn;
  try {
    const list = await api.listMounts(READ_MAX);
    if (mine !== turn) return;
    mounts = list.mounts;
    total = list.total;
    readAt = new Date();
    setConnection('good', 'Live');
    setText($('banner'), '');
  } catch (error) {
    if (mine !== turn) return;
    if (refused(error)) return;
    const since = readAt && mounts ? ` Below is how it was at ${readAt.toLocaleTimeString()}.` : '';
    setConnection('bad', error instanceof api.Unreachable ? 'No answer' : 'Failing');
    setText($('banner'), `${explain(error)} Trying again every ${REFRESH_MS / 1000} seconds.${since}`);
  }
  render();
  if (!document.hidden) timer = setTimeout(refresh, REFRESH_MS);
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (!document.hidden && api.token()) refresh();
});

/** True when the token was refused; the page then asks for another. */
function refused(error) {
  const is = error instanceof api.Problem && error.status === 401;
  if (is) askToken('The token was refused. Enter the one of this server.');
  return is;
}

function explain(error) {
  if (error instanceof api.Unreachable) return error.message;
  if (!(error instanceof api.Problem)) throw error;
  return `${error.status} ${error.title}: ${error.message}`.replace(/[^.!?]$/, '$&.');
}

// ---- The table ----

const rows = new Map(); // mount id → its row, which stays the same element

function render() {
  const words = $('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const all = mounts ?? [];
  const found = all.filter((mount) => {
    const text = describe(mount);
    return words.every((word) => text.includes(word));
  });
  syncRows(found.slice(0, ROWS_MAX));
  $('mounts-view').classList.toggle('stale', $('banner').textContent !== '');
  $('loading').hidden = mounts !== undefined || $('banner').textContent !== '';
  $('empty').hidden = mounts === undefined || all.length > 0;
  $('no-match').hidden = all.length === 0 || found.length > 0;
  $('table').hidden = found.length === 0;
  const unread = total > all.length;
  $('more').hidden = found.length <= ROWS_MAX && !unread;
  setText($('count'), words.length ? `${found.length} of ${all.length}` : mounts ? String(total) : '');
  setText($('no-match'), `No mount matches “${$('filter').value.trim()}”.`);
  const shown = Math.min(found.length, ROWS_MAX);
  setText($('more'), unread
    ? `Of ${total} mounts the first ${all.length} by id were read, and ${shown} are shown. See the others with “standin mount list”.`
    : `These are the first ${shown} of ${found.length}. Filter to see others.`);
}

/** Makes the rows be these mounts, in their order, touching only what differs. */
function syncRows(list) {
  const wanted = new Set(list.map((mount) => mount.id));
  for (const [id, row] of rows) {
    if (wanted.has(id)) continue;
    if (row.contains(document.activeElement)) $('filter').focus();
    row.remove();
    rows.delete(id);
  }
  let next = $('rows').firstElementChild;
  for (const mount of list) {
    const row = rows.get(mount.id) ?? $('row').content.firstElementChild.cloneNode(true);
    if (row === next) next = next.nextElementSibling;
    else $('rows').insertBefore(row, next);
    rows.set(mount.id, row);
    fillRow(row, mount);
  }
}

function fillRow(row, mount) {
  const cell = (name) => row.querySelector(`.${name}`);
  setText(cell('host'), mount.match.host ?? 'any host');
  setAttribute(cell('host'), 'class', mount.match.host ? 'host' : 'host any');
  setText(cell('path'), mount.match.path);
  setText(cell('id'), mount.id);
  setText(cell('kind'), mount.kind);
  setText(cell('upstream'), upstreamOf(mount));
  setText(cell('state'), mount.state);
  setAttribute(cell('state'), 'data-tone', { open: 'good', restarting: 'bad' }[mount.state] ?? 'warn');
  setText(cell('in-flight'), String(mount.in_flight));
  setText(cell('tunnels'), String(mount.tunnels));
  setText(cell('restarts'), String(mount.restarts));
  setText(cell('updated'), timeAgo(mount.updated_at));
  setAttribute(cell('updated'), 'datetime', mount.updated_at);
  setAttribute(cell('updated'), 'title', new Date(mount.updated_at).toLocaleString());
  setAttribute(row, 'data-id', mount.id);
  setAttribute(row.querySelector('[data-action=delete]'), 'aria-label', `Delete mount ${mount.id}`);
}

function upstreamOf(mount) {
  // Whoever answers there is believed: nobody should have to look for that.
  return goesTo(mount) + (mount.tls?.insecure_skip_verify ? ' (certificate not checked!)' : '');
}

function goesTo(mount) {
  if (mount.kind === 'regular') return mount.address;
  if (mount.force_host) return `${mount.force_scheme ?? 'http'}://${mount.force_host}`;
  return `any of ${mount.allowed_hosts.join(', ')}`;
}

function describe(mount) {
  const match = (mount.match.host ?? 'any host') + mount.match.path;
  return [match, mount.id, mount.kind, mount.state, upstreamOf(mount)].join(' ').toLowerCase();
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const UNITS = [['day', 86_400], ['hour', 3600], ['minute', 60]];

function timeAgo(instant) {
  const seconds = Math.max(0, (Date.now() - Date.parse(instant)) / 1000);
  const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? [];
  return unit ? relative.format(-Math.floor(seconds / size), unit) : 'just now';
}

$('filter').addEventListener('input', render);

// ---- Dialogs ----

/** Runs one mutation from a form, once at a time; `onFault` shows what failed. */
function onSubmit(form, act, onFault) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.ariaBusy === 'true') return;
    form.ariaBusy = 'true';
    try {
      await act();
    } catch (error) {
      if (!refused(error)) onFault(error);
    } finally {
      form.ariaBusy = 'false';
    }
  });
}

for (const button of document.querySelectorAll('[data-close]')) {
  button.addEventListener('click', () => button.closest('dialog').close());
}

// ---- Creating a mount ----

const mountForm = $('mount-form');

/** The fields in use; each has the JSON Pointer of the member it writes. */
const fields = () => [...mountForm.querySelectorAll('[data-pointer]:enabled')];

function showKind() {
  for (const part of mountForm.querySelectorAll('[data-kind]')) {
    part.hidden = part.disabled = part.dataset.kind !== mountForm.elements.kind.value;
  }
}

/** The mount as the form says it; what is left empty is left out. */
function readSpec() {
  const spec = {};
  for (const field of fields()) {
    if (field.type === 'radio' && !field.checked) continue;
    const text = field.value.trim();
    const value = 'list' in field.dataset ? text.split(/[\s,]+/).filter(Boolean) : text;
    if (value.length === 0) continue;
    const names = field.dataset.pointer.slice(1).split('/');
    const last = names.pop();
    names.reduce((at, name) => (at[name] ??= {}), spec)[last] = value;
  }
  return spec;
}

function clearFaults() {
  for (const fault of mountForm.querySelectorAll('.fault')) setText(fault, '');
  for (const field of mountForm.querySelectorAll('[aria-invalid]')) field.removeAttribute('aria-invalid');
}

/** Each fault beside the field its pointer names, the rest above the form. */
function showFaults(error) {
  clearFaults();
  const above = [];
  for (const { pointer, detail } of error.errors ?? []) {
    const field = fields().find((field) => `${pointer}/`.startsWith(`${field.dataset.pointer}/`));
    const fault = field?.closest('.field')?.querySelector('.fault');
    if (!fault) {
      above.push(pointer ? `${pointer}: ${detail}` : detail);
      continue;
    }
    const entry = Number(pointer.slice(field.dataset.pointer.length + 1) || NaN);
    const text = Number.isNaN(entry) ? detail : `Entry ${entry + 1}: ${detail}`;
    setText(fault, fault.textContent ? `${fault.textContent}\n${text}` : text);
    field.setAttribute('aria-invalid', 'true');
    const more = field.closest('details');
    if (more) more.open = true;
  }
  if (error instanceof api.Unreachable) above.push(`${error.message} Whether the mount was made is not known.`);
  else if (!error.errors?.length) above.push(explain(error));
  setText($('mount-fault'), above.join('\n'));
  const first = mountForm.querySelector('[aria-invalid]');
  if (first) first.focus();
  else $('mount-fault').scrollIntoView({ block: 'nearest' });
}

mountForm.addEventListener('change', showKind);
$('new').addEventListener('click', () => {
  clearFaults();
  showKind();
  $('mount-dialog').showModal();
});
onSubmit(mountForm, async () => {
  const made = await api.createMount(readSpec());
  $('mount-dialog').close();
  mountForm.reset();
  say(`Mount ${made.id} is made.`);
  refresh();
}, showFaults);

// ---- Deleting a mount ----

let doomed; // the id that the delete dialog asks about

$('rows').addEventListener('click', (event) => {
  if (!event.target.closest('[data-action=delete]')) return;
  doomed = event.target.closest('tr').dataset.id;
  const mount = mounts.find((mount) => mount.id === doomed);
  const { host = 'any host', path } = mount.match;
  setText($('delete-title'), `Delete mount ${doomed}?`);
  setText($('delete-text'), `Requests for ${host} below ${path} will no longer reach ${upstreamOf(mount)}.`);
  setText($('delete-fault'), '');
  $('delete-dialog').showModal();
});
onSubmit($('delete-form'), async () => {
  try {
    await api.deleteMount(doomed);
  } catch (error) {
    if (!(error instanceof api.Problem && error.status === 404)) throw error;
  }
  $('delete-dialog').close();
  say(`Mount ${doomed} is deleted.`);
  refresh();
}, (error) => setText($('delete-fault'), explain(error)));

// ---- Start ----

const example = new URL('v1/mounts/hello', document.baseURI);
setText($('example'), `curl -X PUT ${example} \\
  -H "Authorization: Bearer $(cat ~/.local/state/standin/token)" \\
  -H 'Content-Type: application/json' \\
  -d '{"kind": "regular", "match": {"path": "/hello"},
       "address": "http://127.0.0.1:9000/"}'`);
window.addEventListener('hashchange', () => {
  takeTokenFromAddress();
  open();
});
takeTokenFromAddress();
open();
