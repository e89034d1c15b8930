// Owns how the end of a request reads. The words are those of the access log.

/** @import { TrafficEntry } from '../../../types.js' */

/** @type {Record<TrafficEntry['end'], string>} */
const ENDS = {
  complete: 'The whole answer was sent.',
  client_gone: 'The client went away before the end.',
  client_slow: 'The client stopped sending or reading.',
  upstream_failed: 'The upstream could not be reached, or spoke wrongly.',
  upstream_slow: 'The upstream took too long.',
  refused: 'The proxy answered with an error of its own.',
  tunnel: 'It was a tunnel, which has ended.',
  cut: 'It was cut off, because the proxy or the mount was to stop.',
  internal: 'A bug in the proxy ended it.',
};

/** @type {Record<NonNullable<TrafficEntry['failure']>, string>} */
const FAILURES = {
  upstream: 'The upstream was at fault.',
  client: 'The client was at fault.',
  proxy: 'The proxy was at fault.',
  concurrency: 'As many requests as the mount allows were on their way.',
  'queue-full': 'As many requests as the mount allows were waiting.',
  'queue-timeout': 'It waited for a place as long as the mount allows.',
  body: 'Its content was larger than the mount allows.',
  tunnels: 'As many tunnels as the mount allows were open.',
  rate: 'More requests came than the mount allows in a second.',
  paused: 'The mount was paused, and no more requests could be held, or not longer.',
  draining: 'The mount was draining.',
  disabled: 'The mount was disabled.',
  restarting: 'The actor of the mount was being restarted.',
  failed: 'The actor of the mount had failed.',
  passwords: 'Too many passwords waited to be checked.',
  descriptors: 'The process had no file descriptor left.',
  connections: 'The address of the client had too many connections.',
};

/** @param {TrafficEntry} entry */
export function sayEnd({ end, failure }) {
  // Most ends tell by themselves whose fault they were.
  const isTold = failure === null || (['upstream', 'client', 'proxy'].includes(failure) && !['complete', 'refused'].includes(end));
  return `${isTold ? '' : `${FAILURES[failure] ?? failure} `}${ENDS[end] ?? end}`;
}

/** @param {number | null} status */
export function toneOfStatus(status) {
  if (status === null || status >= 500) return 'bad';
  return status >= 400 ? 'warn' : status >= 300 || status < 200 ? 'calm' : 'good';
}
