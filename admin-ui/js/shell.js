// Owns what surrounds every page: navigation, the state of the connection, the
// theme, whose token it is, and the help on keys.

import { contact, forgetToken, get } from './core/api.js';
import { change, h, setText, svg } from './core/dom.js';
import * as keys from './core/keys.js';
import { poll } from './core/poll.js';
import { go, to } from './core/router.js';
import * as samples from './core/samples.js';
import * as session from './core/session.js';
import { open } from './parts/dialog.js';
import { openPalette } from './parts/palette.js';

/** @typedef {{ name: string, path: string[], key: string, icon: string, governs?: boolean }} Section */

/** @type {Section[]} */
export const SECTIONS = [
  { name: 'Overview', path: [], key: 'o', icon: 'M3 12h4l3-8 4 16 3-8h4' },
  { name: 'Mounts', path: ['mounts'], key: 'm', icon: 'M4 6h16M4 12h16M4 18h16' },
  { name: 'Explain', path: ['explain'], key: 'x', icon: 'M5 12h10m0 0-4-4m4 4-4 4M19 5v14' },
  { name: 'Events', path: ['events'], key: 'e', icon: 'M12 7v5l3 2M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18' },
  { name: 'Import & export', path: ['transfer'], key: 'i', icon: 'M8 4v13m0 0-3-3m3 3 3-3M16 20V7m0 0-3 3m3-3 3 3' },
  { name: 'Tokens', path: ['tokens'], key: 't', icon: 'M14 11a4 4 0 1 0-4 4l1-1h2v-2h2zM14 11l6-6', governs: true },
];

const SAMPLE_MS = 12_000; // so often are the numbers of the overview asked for where another page is seen: they cost the more, the more mounts there are
const HEARTBEAT_MS = 4000; // so often is seen whether the server is there, where nothing else asks it
const LOOK_MS = 1000; // and so often is looked whether it is time
const STALE_MS = 12_000;

/** The parts of the shell that change. */
const pill = h('span', { class: 'pill', data: { tone: 'idle' } }, 'Connecting');
const banner = h('p', { class: 'banner', role: 'alert' });
const nav = h('nav', { 'aria-label': 'Pages' });
const account = h('div', { class: 'account' });
const menu = h('button', { type: 'button', class: 'menu', 'aria-expanded': 'false', 'aria-controls': 'side' }, icon('M4 7h16M4 12h16M4 17h16'), h('span', { class: 'unseen' }, 'Menu'));

/** @param {string} path */
export function icon(path) {
  return svg('svg', { viewBox: '0 0 24 24', class: 'icon', 'aria-hidden': 'true' }, svg('path', { d: path }));
}

/** Puts the shell around `main`. @param {HTMLElement} main */
export function build(main) {
  const side = h('div', { class: 'side', id: 'side' }, nav, h('section', { class: 'side-end', 'aria-label': 'Settings' }, themes(), account));
  const top = h('header', { class: 'top' },
    h('a', { href: to([]), class: 'brand' }, h('img', { src: 'icon.svg', alt: '', crossorigin: true, width: 26, height: 26 }), 'Standin'),
    pill,
    h('button', { type: 'button', class: 'find', onclick: openPalette }, h('span', {}, 'Search'), h('kbd', {}, 'Ctrl K')),
    menu);
  menu.addEventListener('click', () => setMenu(menu.getAttribute('aria-expanded') !== 'true'));
  side.addEventListener('click', (event) => {
    if (event.target instanceof Element && event.target.closest('a')) setMenu(false);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') setMenu(false);
  });
  document.addEventListener('pointerdown', (event) => {
    if (event.target instanceof Node && !side.contains(event.target) && !menu.contains(event.target)) setMenu(false);
  });
  document.body.prepend(
    h('a', { class: 'skip', href: '#main', onclick: (/** @type {Event} */ event) => { event.preventDefault(); main.focus(); } }, 'Skip to the page'),
    top, side, banner);
  followConnection();
  keys.listen();
}

/** @param {boolean} isOpen */
function setMenu(isOpen) {
  menu.setAttribute('aria-expanded', String(isOpen));
  document.body.classList.toggle('menu-open', isOpen);
}

/** A token is being tried. */
export function connecting() {
  isOut = false;
  show();
}

/** Shows what this token may see, until `signal` is aborted. @param {AbortSignal} signal */
export function signedIn(signal) {
  poll(LOOK_MS, signal, async (own) => {
    if (Date.now() - samples.lastTaken() >= SAMPLE_MS) await samples.take(own);
    else if (isLost || Date.now() - reachedAt >= HEARTBEAT_MS) await get('getCaller', { signal: own });
  });
  const { name, read_only, owner } = session.who();
  const rights = read_only ? 'may only read' : owner === null ? 'may change everything' : `may change the mounts of ${owner}`;
  nav.replaceChildren(...SECTIONS.filter((section) => !section.governs || session.mayGovern()).map(link));
  account.replaceChildren(
    h('p', {}, 'Token ', h('strong', {}, name), ` ${rights}.`),
    h('button', { type: 'button', class: 'quiet', onclick: forget }, 'Forget token'),
    h('button', { type: 'button', class: 'quiet', onclick: help }, 'Keys'),
    h('a', { href: 'openapi.yaml', target: '_blank', rel: 'noreferrer' }, 'API contract'));
  document.body.classList.remove('signed-out');
}

export function signedOut() {
  isOut = true;
  reachedAt = 0; // nothing that was seen is shown any more
  nav.replaceChildren();
  account.replaceChildren();
  document.body.classList.add('signed-out');
  show();
}

function forget() {
  forgetToken();
  sessionStorage.clear(); // what was edited and seen, too: the next one may be somebody else
  location.hash = '';
  location.reload();
}

/** @param {Section} section */
function link({ name, path, icon: d }) {
  return h('a', { href: to(path), data: { section: path[0] ?? '' } }, icon(d), name);
}

/** Marks where we are. @param {string} section the first part of the address */
export function showSection(section) {
  for (const one of /** @type {NodeListOf<HTMLElement>} */ (nav.querySelectorAll('a'))) {
    change(one, { 'aria-current': one.dataset.section === (section === 'new' ? 'mounts' : section) ? 'page' : null });
  }
}

function themes() {
  const { standinTheme } = window;
  const choice = (/** @type {string} */ value, /** @type {string} */ label) => h('label', {},
    h('input', { type: 'radio', name: 'theme', value, checked: standinTheme.get() === value, onchange: () => standinTheme.set(value) }),
    h('span', {}, label));
  return h('fieldset', { class: 'themes' }, h('legend', { class: 'unseen' }, 'Colours'),
    choice('light', 'Light'), choice('dark', 'Dark'), choice('auto', 'Auto'));
}

// ---- Whether what is seen is true ----

let reachedAt = 0;
let isLost = false;
let isOut = false;

function followConnection() {
  contact.addEventListener('reached', () => {
    reachedAt = Date.now();
    isLost = false;
    show();
  });
  contact.addEventListener('lost', () => {
    isLost = true;
    show();
  });
  for (const name of ['online', 'offline']) window.addEventListener(name, show);
  setInterval(show, 1000);
}

function show() {
  const stale = !isOut && reachedAt > 0 && (isLost || (!document.hidden && Date.now() - reachedAt > STALE_MS));
  document.body.classList.toggle('stale', stale);
  if (isOut) {
    change(pill, { data: { tone: 'idle' } });
    setText(pill, 'Signed out');
    setText(banner, '');
  } else if (reachedAt === 0) {
    change(pill, { data: { tone: isLost ? 'bad' : 'idle' } });
    setText(pill, isLost ? 'No connection' : 'Connecting');
    setText(banner, isLost ? 'The API cannot be reached. Trying again.' : '');
  } else if (isLost || stale) {
    change(pill, { data: { tone: 'bad' } });
    setText(pill, 'Stale');
    const at = new Date(reachedAt).toLocaleTimeString('en-GB');
    setText(banner, `No connection to the API. What you see is from ${at}. Trying again.`);
  } else {
    change(pill, { data: { tone: 'good' } });
    setText(pill, 'Live');
    setText(banner, '');
  }
}

// ---- Keys ----

/** Until `signal` is aborted: another token may do other things. @param {AbortSignal} signal */
export function bindKeys(signal) {
  keys.shortcut('mod+k', 'Search mounts, pages and actions', openPalette, signal);
  keys.shortcut('/', 'Search', () => {
    const field = document.querySelector('main input[type=search]');
    if (field instanceof HTMLElement) field.focus();
    else openPalette();
  }, signal);
  keys.shortcut('?', 'Show these keys', help, signal);
  for (const { name, path, key, governs } of SECTIONS) {
    if (!governs || session.mayGovern()) keys.shortcut(`g ${key}`, `Go to ${name}`, () => go(to(path)), signal);
  }
  if (session.mayChange()) keys.shortcut('n', 'New mount', () => go(to(['new'])), signal);
}

function help() {
  const rows = keys.all().map(({ keys: pressed, says }) => h('tr', {},
    h('td', {}, pressed.split(' ').map((key, at) => [at > 0 && ' then ', h('kbd', {}, key.replace('mod+', 'Ctrl '))])),
    h('td', {}, says)));
  const on = h('input', { type: 'checkbox', checked: keys.singleKeys.on, onchange: () => { keys.singleKeys.on = on.checked; } });
  open('Keys', h('div', {}, h('table', { class: 'plain' }, h('tbody', {}, rows)),
    h('label', { class: 'check' }, on, 'Single keys work (those without Ctrl)'),
    h('p', { class: 'hint' }, 'In tables the arrow keys go from row to row.')));
}
