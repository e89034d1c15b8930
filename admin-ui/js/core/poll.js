// Owns asking again and again: only while the page is seen, never twice at
// once, at once when it is seen again, and more seldom while no answer comes.

import { Unreachable } from './api.js';

const AGAIN_MS_MAX = 10_000;

/**
 * Does `work` now and again `ms` after each end, until `signal` is aborted.
 * Errors are handed to `failed`; an unreachable server is only asked more seldom.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @param {(signal: AbortSignal) => Promise<void>} work
 * @param {(error: unknown) => void} [failed]
 * @returns {() => void} does the work now, as soon as what goes on has ended
 */
export function poll(ms, signal, work, failed) {
  let wake = () => {};
  let wanted = false;
  const run = async () => {
    let losses = 0;
    while (!signal.aborted) {
      await untilVisible(signal);
      if (signal.aborted) return;
      wanted = false;
      try {
        await work(signal);
        losses = 0;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof Unreachable) losses += 1;
        failed?.(error);
      }
      if (wanted) continue;
      const turn = new AbortController();
      wake = () => turn.abort();
      const pause = losses === 0 ? ms : Math.min(ms * 1.5 ** losses, AGAIN_MS_MAX);
      await wait(pause, AbortSignal.any([signal, turn.signal]));
    }
  };
  void run();
  return () => {
    wanted = true;
    wake();
  };
}

/**
 * Ends after that time, or when `signal` is aborted; never fails.
 * @param {number} ms
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function wait(ms, signal) {
  return new Promise((done) => {
    if (signal.aborted) return done();
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      done();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/**
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function untilVisible(signal) {
  return new Promise((done) => {
    if (!document.hidden || signal.aborted) return done();
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      done();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
  });
}

/**
 * Calls `work` once nothing has called this for `ms`; not where `signal` is aborted by then.
 * @template {any[]} A
 * @param {number} ms
 * @param {(...given: A) => void} work
 * @param {AbortSignal} [signal]
 */
export function settled(ms, work, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  return (/** @type {A} */ ...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => { if (!signal?.aborted) work(...given); }, ms);
  };
}
