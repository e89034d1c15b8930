// Owns how a page says whether what it streams is live: a word, its colour, and
// what that means there.

import { change, h, setText } from '../core/dom.js';

/** @typedef {'connecting' | 'live' | 'lost' | 'ended'} Contact */

/** @type {Record<Contact | 'paused', { word: string, tone: string }>} */
const STATES = {
  connecting: { word: 'Connecting', tone: 'idle' },
  live: { word: 'Live', tone: 'good' },
  paused: { word: 'Paused', tone: 'calm' },
  lost: { word: 'Lost', tone: 'bad' },
  ended: { word: 'Ended', tone: 'bad' },
};

/** @param {{ live: string, paused: string, lost: string }} meanings */
export function contactLine(meanings) {
  /** @type {Record<Contact | 'paused', string>} */
  const texts = { connecting: '', ended: 'Nothing more comes.', ...meanings };
  const pill = h('span', { class: 'pill', role: 'status' });
  const says = h('span', {});
  return {
    node: h('p', {}, pill, ' ', says),
    /** @param {Contact} contact @param {boolean} isPaused */
    show(contact, isPaused) {
      const state = isPaused && contact === 'live' ? 'paused' : contact;
      change(pill, { data: { tone: STATES[state].tone } });
      setText(pill, STATES[state].word);
      setText(says, texts[state]);
    },
  };
}
