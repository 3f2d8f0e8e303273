"""How much of a file is unpacked: a small one can claim a huge size, and can unpack to one."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Protocol

from .._errors import DataError
from ..disk import SENSELESS

_PART = 1 << 20
# What readers of damaged files raise, whichever library they are from.
UNREADABLE = (*SENSELESS, OSError, SyntaxError, zlib.error)


def reason(error: BaseException) -> str:
    """Why a file cannot be read, in words: some errors have none."""
    return (
        "it needs more memory than there is" if isinstance(error, MemoryError) else str(error) or type(error).__name__
    )


class Stream(Protocol):
    """What can be read from, wherever one is in it."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""

    def seek(self, position: int, /) -> int:
        """Go to a position."""

    def tell(self) -> int:
        """The position."""


def read_most(stream: Stream, most: int) -> bytes:
    """At most so many bytes of a stream: memory is taken for what comes, not for what may come."""
    parts: list[bytes] = []
    while most > 0 and (part := stream.read(min(most, _PART))):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


class Bounded:
    """A stream that ends with an error after `most` bytes, for readers that believe what a file says of its sizes.

    Args:
        stream: what is read.
        most: the last position that may be reached.
        path: for the message.
    """

    def __init__(self, stream: Stream, most: int, path: Path) -> None:
        self._stream, self._most, self._path = stream, most, path

    def read(self, size: int = -1) -> bytes:
        """The next bytes.

        Raises:
            DataError: there are more than there may be.
        """
        left = self._most - self._stream.tell()
        content = read_most(self._stream, left + 1 if size < 0 else min(size, left + 1))
        if len(content) > left:
            raise DataError(f"{self._path} unpacks to more than {self._most:,} bytes")
        return content

    def seek(self, position: int, whence: int = 0) -> int:
        """Go to a position from the beginning.

        Raises:
            DataError: it lies behind the last one.
        """
        if whence or position > self._most:
            raise DataError(f"{self._path} unpacks to more than {self._most:,} bytes")
        return self._stream.seek(position)

    def tell(self) -> int:
        """The position."""
        return self._stream.tell()
