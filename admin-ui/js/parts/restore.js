// Owns making a mount what it was at a revision: what that changes is shown as
// a dry run says, and done only if nobody has changed the mount meanwhile.

/** @import { Revision } from '../../types.js' */

import { Problem, call, get, inWords } from '../core/api.js';
import { differences, same } from '../core/diff.js';
import { h } from '../core/dom.js';
import { diffTable } from './bits.js';
import { ask } from './dialog.js';
import { reasonField } from './ending.js';
import { follow } from './operation.js';
import { toast } from './toast.js';

/**
 * Asks, and makes the mount what it was before or after that revision.
 * @param {Revision} entry
 * @param {'before' | 'after'} to
 * @param {string} label the word on the button
 * @returns {Promise<boolean>} whether it was done
 */
export async function restoreFrom({ revision, mount, before, after }, to, label) {
  const target = to === 'before' ? before : after;
  const restore = { path: { revision }, query: { to } };
  let tried, now, headers;
  try {
    [now] = (await get('listMountRevisions', { path: { id: mount }, query: { limit: 1 } })).revisions;
    // What is shown is what is done, or nothing is.
    headers = /** @type {Record<string, string>} */ (now?.after ? { 'If-Match': `"${now.revision}"` } : { 'If-None-Match': '*' });
    tried = await get('restoreRevision', { ...restore, query: { to, dry_run: true }, headers });
  } catch (error) {
    toast(`${mount}: ${inWords(error)}`, { tone: 'bad' });
    return false;
  }
  const current = now?.after ?? null;
  const reason = reasonField();
  const done = await ask({
    title: `${label}: ${mount}`,
    text: [
      same(current, target) ? h('p', {}, 'The mount is so already. Nothing will change.') : whatHappens(current, target),
      movedUrls(tried.urls),
      reason.node,
    ],
    action: target === null ? 'Remove the mount' : 'Restore',
    danger: target === null,
    wide: true,
    run: async (signal) => {
      const why = reason.read();
      const answer = await call('restoreRevision', { ...restore, headers: { ...headers, ...(why ? { 'X-Reason': why } : {}) }, signal })
        .catch((error) => {
          if (error instanceof Problem && error.status === 412) throw new Error('Somebody has changed the mount meanwhile. Close this and look again.');
          throw error;
        });
      void follow(answer.revision, mount);
    },
  });
  if (done) toast(`${mount} is as it was ${to} revision ${revision}.`);
  return done;
}

/**
 * @param {Revision['after']} current
 * @param {Revision['after']} target
 */
function whatHappens(current, target) {
  if (target === null) return h('p', {}, 'The mount is removed. What is under way is cut off after 20 seconds.');
  if (current === null) return h('p', {}, 'The mount is there again, as it was.');
  return h('div', {}, h('p', {}, 'Requests under way may finish. What will be different:'),
    diffTable(differences(current, target), { before: 'Now', after: 'Then', label: 'What will be different' }));
}

/**
 * URLs that change owner.
 * @param {{ match: string, from: string | null, to: string | null }[]} urls
 */
function movedUrls(urls) {
  if (urls.length === 0) return h('p', {}, 'No URL changes owner.');
  return h('ul', { class: 'moved', 'aria-label': 'URLs that change owner' }, urls.map(({ match, from, to }) => h('li', {},
    h('code', {}, match), from === null ? ' is answered by ' : [' goes from ', h('strong', {}, from), ' to '], h('strong', {}, to ?? 'nobody'), '.')));
}
