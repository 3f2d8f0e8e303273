"""What a case of damage is, and the answer that the whole file gives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from . import bombs
from .stock import Stock


@dataclass(frozen=True)
class Case:
    """A damaged file.

    Args:
        words: what was done.
        read: reads it; its answer is a text.
        names: one of these must stand in the message of an error.
        whole: the answer of the whole file; "": there is no right answer but an error.
        foreign: the format has no checksum, so another answer is not held against us.
    """

    words: str
    read: Callable[[], str]
    names: tuple[str, ...]
    whole: str = ""
    foreign: bool = False


Maker = Callable[[Stock, Path, Random, int], Case]


@cache
def answer_of(read: Callable[[Path], str], content: bytes, folder: Path, name: str) -> str:
    """What comes of a whole file."""
    return read(bombs.write(folder / "whole" / name, content))


def of_file(
    read: Callable[[Path], str], content: bytes, stored: bytes, name: str, folder: Path, words: str, **more: Any
) -> Case:
    """The case of a file that is read alone: `stored` in place of `content`."""
    whole = answer_of(read, content, folder.parent, name)
    path = bombs.write(folder / name, stored)
    return Case(words, partial(read, path), (name,), whole, **more)
