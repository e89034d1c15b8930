// Owns that what is remembered while a tab is open does not grow for ever.

const KEPT_MAX = 100;

/** Forgets the oldest of more than a hundred. @param {Map<unknown, unknown> | Set<unknown>} kept */
export function bound(kept) {
  for (const key of kept.keys()) {
    if (kept.size <= KEPT_MAX) return;
    kept.delete(key);
  }
}
