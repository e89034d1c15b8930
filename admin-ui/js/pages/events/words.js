// Owns how an event reads.

/** @import { Revision } from '../../../types.js' */
/** @import { Item, OperationNews, StateNews } from './feed.js' */

/** @type {Record<Revision['action'], { did: string, tone: string }>} */
const ACTIONS = {
  create: { did: 'created', tone: 'good' },
  replace: { did: 'changed', tone: 'calm' },
  delete: { did: 'deleted', tone: 'bad' },
  pause: { did: 'paused', tone: 'calm' },
  resume: { did: 'resumed', tone: 'good' },
  enable: { did: 'enabled', tone: 'good' },
  disable: { did: 'disabled', tone: 'idle' },
  drain: { did: 'drained', tone: 'calm' },
  restart: { did: 'restarted', tone: 'warn' },
  expire: { did: 'lease ran out', tone: 'warn' },
  lease: { did: 'lease changed', tone: 'calm' },
  restore: { did: 'restored', tone: 'calm' },
};

/** @param {Revision['action']} action */
export const didOf = (action) => ACTIONS[action]?.did ?? action;

/** @param {Revision['action']} action */
export const toneOfAction = (action) => ACTIONS[action]?.tone ?? 'idle';

/** What is said of a mount that is in another state. @param {StateNews} data */
export function sayStateNews({ state, state_reason: reason, restarts }) {
  const again = restarts === 0 ? '' : ` (its actor was started again ${restarts === 1 ? 'once' : `${restarts} times`})`;
  return `is ${state} now${again}${reason ? `: ${reason}` : ''}`;
}

/** What has ended. @param {OperationNews} data */
export function sayOperation({ operation, kind, cut }) {
  const by = kind === null ? `revision ${operation}` : `revision ${operation} (${kind})`;
  return cut ? `What ${by} left under way was cut off.` : `What ${by} left under way has ended.`;
}

/** All that can be read of it, to be searched. @param {Item} item */
export function sentence(item) {
  if (item.kind === 'note') return item.data;
  const { mount } = item.data;
  if (item.kind === 'state') return `${mount} ${sayStateNews(item.data)}`;
  if (item.kind === 'operation') return `${mount} ${sayOperation(item.data)}`;
  const { revision, who, why, action } = item.data;
  return `${mount} ${action} ${didOf(action)} ${who} ${why ?? ''} ${revision}`;
}
