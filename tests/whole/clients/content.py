"""Content of any size that is the same everywhere, and never twice the same block."""

import hashlib

BLOCK_BYTES = 64 * 1024


def blocks(count):
    for number in range(count):
        yield hashlib.sha256(b"%d" % number).digest() * (BLOCK_BYTES // 32)


def sha256(parts):
    """The digest and the length of what comes in parts."""
    digest, length = hashlib.sha256(), 0
    for part in parts:
        digest.update(part)
        length += len(part)
    return digest.hexdigest(), length
