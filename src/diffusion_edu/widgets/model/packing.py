"""Large weights as a page loads them, with the standard library alone: a build of the book loads this file by its path.

The worker (worker.mjs) turns them round again.
"""

from __future__ import annotations

import zlib

PACK_FROM = 4_000_000  # bytes, from which on weights travel packed


def packed(content: bytes) -> bytes:
    """Numbers of two bytes, all their low bytes first and then all their high ones, deflated: a seventh smaller."""
    return zlib.compress(content[0::2] + content[1::2], 9)


def traveling(content: bytes) -> int:
    """How many bytes of it a page loads."""
    return len(content if len(content) < PACK_FROM else packed(content))
