"""Pickles of arrays, lists and texts, read without running anything and without more memory than they have bytes."""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_plain(content: bytes) -> Any:
    """What a pickle holds, with texts of Python 2 as bytes.

    Raises:
        pickle.UnpicklingError: it asks for anything else. (Damage shows as errors of many kinds.)
    """
    return _Plain(io.BytesIO(content), encoding="bytes").load()


class _Array:
    """What stands for the type of an array, which a pickle only names."""


def _empty_array(kind: Any, shape: Any, letter: Any) -> NDArray[Any]:
    """Where a pickled array begins; its true shape comes with its bytes, and has to fit them."""
    if kind is not _Array or shape != (0,):
        raise pickle.UnpicklingError("it holds an array that does not begin empty")
    return np.empty(0, np.uint8)


def _type(name: Any, *old: Any) -> np.dtype[Any]:
    if name not in ("u1", b"u1"):
        raise pickle.UnpicklingError(f"it holds an array of the type {name!r}, which no batch of CIFAR-10 needs")
    return np.dtype("u1", False, True)  # a copy: its state comes with the pickle


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"it holds a text in {encoding!r}")
    return text.encode("latin1")


class _Plain(pickle._Unpickler):  # type: ignore[name-defined]
    """Reads arrays, and nothing that could run code: a pickle from elsewhere may ask for any function.

    The one in C gives out memory for whatever number a pickle names; this one reads no further than there are bytes.
    """

    KNOWN = {  # noqa: RUF012
        ("numpy.core.multiarray", "_reconstruct"): _empty_array,
        ("numpy._core.multiarray", "_reconstruct"): _empty_array,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _type,
        ("_codecs", "encode"): _encode,
    }
    # Without what makes an array of bytes of a size that is named, and memory from outside.
    dispatch = {  # noqa: RUF012
        code: read
        for code, read in pickle._Unpickler.dispatch.items()  # type: ignore[attr-defined]
        if code not in (pickle.BYTEARRAY8[0], pickle.NEXT_BUFFER[0], pickle.READONLY_BUFFER[0])
    }

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.KNOWN:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no batch of CIFAR-10 needs")
        return self.KNOWN[module, name]
