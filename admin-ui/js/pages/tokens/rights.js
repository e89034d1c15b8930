// Owns what a token may, in words.

/** @param {{ read_only: boolean, owner: string | null }} token */
export function rightsOf({ read_only, owner }) {
  if (read_only) return 'Only reads';
  return owner === null ? 'Everything' : `Reads all, changes mounts of ${owner}`;
}
