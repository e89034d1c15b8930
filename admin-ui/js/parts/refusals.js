// Owns why requests are refused, in words.

/** @import { MountStats } from '../../types.js' */

/** What was so when it was refused, and the member that says the bound. @type {Record<keyof MountStats['refusals'], [string, string?]>} */
export const REFUSALS = {
  concurrency: ['as many were on their way as may be', 'concurrent_requests_max'],
  'queue-full': ['the queue was full', 'queue_max'],
  'queue-timeout': ['the wait in the queue took too long', 'queue_wait_ms_max'],
  body: ['there was too much content', 'request_body_bytes_max'],
  tunnels: ['as many tunnels were open as may be', 'tunnels_max'],
  rate: ['too many came in a second', 'requests_per_s_max'],
  paused: ['the mount was paused, and too many were held or too long'],
  draining: ['the mount was being drained'],
  disabled: ['the mount was disabled'],
  restarting: ['the actor of the mount was being started again'],
  failed: ['the actor of the mount had failed too often'],
  passwords: ['too many passwords were being checked'],
  descriptors: ['the process had no more file descriptors'],
  connections: ['the address of the client had too many connections'],
};
