// Owns the start and which page is shown. A page is made for a place, lives
// until its signal is aborted, and is all that `main` holds meanwhile.

/** @import { Page } from '../types.js' */

import { Problem, contact, forgetToken, inWords, keepToken, token } from './core/api.js';
import { fill } from './core/dom.js';
import { wait } from './core/poll.js';
import { here, to } from './core/router.js';
import * as session from './core/session.js';
import * as shell from './shell.js';
import { failure, loading, noSuchPage } from './parts/bits.js';
import { closeAll } from './parts/dialog.js';
import * as events from './pages/events.js';
import * as explain from './pages/explain.js';
import * as form from './pages/form.js';
import * as mount from './pages/mount.js';
import * as mounts from './pages/mounts.js';
import * as overview from './pages/overview.js';
import * as signIn from './pages/sign-in.js';
import * as tokens from './pages/tokens.js';
import * as transfer from './pages/transfer.js';

const AGAIN_MS = 2000;

const main = /** @type {HTMLElement} */ (document.getElementById('main'));

/** @returns {Page} the page of where we are */
function pageOf() {
  const [section = '', id, more] = here().parts;
  if (section === '') return overview.page;
  if (section === 'mounts' && id === undefined) return mounts.page;
  if (section === 'mounts' && more === 'edit') return form.page;
  if (section === 'mounts') return mount.page;
  if (section === 'new') return form.page;
  const found = { explain, events, transfer, tokens }[section];
  return found?.page ?? (() => noSuchPage(to([]), 'Overview'));
}

let leaving = new AbortController();
let starting = new AbortController();
let isOpen = false;
let shown = '';

/** Shows the page of where we are. */
function show() {
  if (!isOpen) return;
  const place = here();
  leaving.abort();
  leaving = new AbortController();
  closeAll();
  const { title, node } = pageOf()(place, leaving.signal);
  const path = place.parts.join('/');
  document.title = `${title} · Standin`;
  shell.showSection(place.parts[0] ?? '');
  fill(main, node);
  // Another page begins at its head, for eyes and for screen readers.
  if (shown !== path) {
    window.scrollTo(0, 0);
    const head = main.querySelector('h1');
    if (head && shown !== '') {
      head.tabIndex = -1;
      head.focus({ preventScroll: true });
    }
  }
  shown = path || '/';
}

/** Ends what goes on with the token of before: its page, with all that it asks, and its dialogs. */
function shut() {
  isOpen = false;
  starting.abort();
  leaving.abort();
  closeAll();
}

/** Asks for a token. @param {string} [fault] */
function askToken(fault = '') {
  shut();
  shell.signedOut();
  document.title = 'Standin';
  fill(main, signIn.form(fault, (text) => {
    if (!keepToken(text)) return 'A token has no spaces and no letters beyond ASCII.';
    void start();
    return '';
  }));
}

/** Takes the token out of `#token=…` and out of the address bar. */
function takeToken() {
  const found = /^#token=([^&]*)/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, '', `${location.pathname}${location.search}#/`);
  try {
    keepToken(decodeURIComponent(found[1]));
  } catch {
    return false; // not written as a link would be
  }
  return true;
}

/** Finds out whose the token is, however long the server is away, and shows where we are. */
async function start() {
  shut();
  const mine = starting = new AbortController();
  if (token() === '') return askToken();
  shell.connecting();
  fill(main, loading('Connecting…'));
  while (!mine.signal.aborted) {
    try {
      await session.open();
      break;
    } catch (error) {
      if (mine.signal.aborted) return;
      if (error instanceof Problem && error.status === 401) {
        forgetToken();
        return askToken(`That token does not count here. ${error.message}`);
      }
      if (error instanceof Problem && error.status < 500) return fill(main, failure(inWords(error), start));
      await wait(AGAIN_MS, mine.signal);
    }
  }
  if (mine.signal.aborted) return;
  isOpen = true;
  shell.signedIn(mine.signal);
  shell.bindKeys(mine.signal);
  show();
}

shell.build(main);
contact.addEventListener('refused', () => {
  if (!isOpen) return;
  forgetToken();
  askToken('The token does not count any more. It may have been revoked, or the server has another one.');
});
window.addEventListener('hashchange', () => {
  if (takeToken()) void start();
  else show();
});
takeToken();
void start();
