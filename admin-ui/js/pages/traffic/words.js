// Owns how the end of a request reads. The words are those of the access log.

/** @import { TrafficEntry } from '../../../types.js' */

import { sentence } from '../../core/format.js';
import { REFUSALS } from '../../parts/refusals.js';

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

/** @type {Record<string, string>} */
const FAULTS = { upstream: 'The upstream was at fault.', client: 'The client was at fault.', proxy: 'The proxy was at fault.' };

/** @param {TrafficEntry} entry */
export function sayEnd({ end, failure }) {
  // Most ends tell by themselves whose fault they were.
  const isTold = failure === null || (failure in FAULTS && !['complete', 'refused'].includes(end));
  return `${isTold ? '' : `${FAULTS[failure] ?? whyOf(failure)} `}${ENDS[end] ?? end}`;
}

/** @param {string} refusal */
const whyOf = (refusal) => sentence(REFUSALS[/** @type {keyof typeof REFUSALS} */ (refusal)]?.[0] ?? refusal);

/** @param {number | null} status */
export function toneOfStatus(status) {
  if (status === null || status >= 500) return 'bad';
  return status >= 400 ? 'warn' : status >= 300 || status < 200 ? 'calm' : 'good';
}
