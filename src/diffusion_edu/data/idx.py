"""Reader of IDX files, the plain format of MNIST and its relatives."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import torch
from torch import Tensor

from .._errors import DataError
from ..disk import as_path
from .limits import UNREADABLE, read_most, reason

MOST = 1 << 30  # bytes that a file may unpack to
_UINT8 = 0x08


def read_idx(path: str | Path, dimensions: int) -> Tensor:
    """Read a gzipped IDX file of bytes.

    The file is a big-endian header (two zero bytes, the type 0x08, the number of dimensions, each size as
    32 bits) and then the bytes, the last dimension running fastest.

    Args:
        path: the `.gz` file.
        dimensions: how many the file must have: 3 for images, 1 for labels.

    Returns:
        uint8 tensor.

    Raises:
        FileNotFoundError: no such file.
        DataError: the file is not gzip, is cut short or damaged, or holds something else.

    Source: the description of the format by LeCun, Cortes and Burges for MNIST.
    """
    return parse_idx(gunzip(path, dimensions), dimensions, path)


def gunzip(path: str | Path, dimensions: int, most: int = MOST) -> bytes:
    """The unpacked content of a gzipped IDX file: no more of it than its header asks for, and a byte.

    Args:
        path: the file.
        dimensions: as for :func:`read_idx`.
        most: the most bytes that its header may ask for.

    Raises:
        TypeError: path is no path.
        FileNotFoundError: no such file.
        DataError: not gzip, cut short, damaged, or with another header.
    """
    path = as_path("path", path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {path}")
    try:
        with gzip.open(path, "rb") as file:
            head = file.read(4 + 4 * dimensions)
            expected = math.prod(_sizes(head, dimensions, path))
            if expected > most:
                raise DataError(f"{path} is not what it should be: its header asks for {expected:,} bytes")
            return head + read_most(file, expected + 1)
    except EOFError as error:
        raise DataError(f"{path} is cut short: the gzip stream ends too early") from error
    except DataError:
        raise
    except UNREADABLE as error:
        raise DataError(f"{path} is damaged or is not a gzip file: {reason(error)}") from error


def parse_idx(content: bytes, dimensions: int, path: str | Path) -> Tensor:
    """The tensor in the content of an IDX file; `path` is for messages.

    Raises:
        DataError: wrong magic number, or a length that does not fit the header.
    """
    sizes = _sizes(content, dimensions, path)
    expected = 4 + 4 * dimensions + math.prod(sizes)
    if len(content) != expected:
        shape = " x ".join(map(str, sizes))
        what = "is cut short" if len(content) < expected else "is too long"
        raise DataError(f"{path} {what}: {shape} needs {expected} bytes, got {len(content)}")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8)[4 + 4 * dimensions :].reshape(sizes)


def _sizes(content: bytes, dimensions: int, path: str | Path) -> tuple[int, ...]:
    """The sizes in a header."""
    wanted = bytes([0, 0, _UINT8, dimensions])
    if content[:4] != wanted:
        raise DataError(
            f"{path} is not an IDX file of bytes with {dimensions} dimension(s): "
            f"it starts with {content[:4].hex()}, not {wanted.hex()}"
        )
    header = 4 + 4 * dimensions
    if len(content) < header:
        raise DataError(f"{path} is cut short: {len(content)} bytes are less than its header")
    sizes = struct.unpack(f">{dimensions}I", content[4:header])
    if 0 in sizes:
        raise DataError(f"{path} holds nothing: its header says {' x '.join(map(str, sizes))}")
    return sizes
