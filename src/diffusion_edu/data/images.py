"""The form in which every data set comes: pixels, labels, names; and what became of the files of a folder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from torch import Tensor

_SHOWN = 5  # kinds of files, or folders, that one line names


class Reading(NamedTuple):
    """What became of the files of a folder: its words are one line.

    Args:
        images: how many were read.
        files: how many files there are, hidden ones not counted.
        left_out: how many of them were not read, by the reason: an ending, or "unreadable".
        folders: folders that were not entered, each with the reason.
        smallest, largest: (W, H) of the images, by their area.
        size: side of the squares that they became.
        clipped: images whose numbers did not fit into 0..white, each with the count.
    """

    images: int
    files: int
    left_out: Mapping[str, int]
    folders: tuple[str, ...]
    smallest: tuple[int, int]
    largest: tuple[int, int]
    size: int
    clipped: tuple[str, ...] = ()

    @property
    def resize(self) -> str:
        """How the images came to their size, such as "40 x 50 -> 32 x 32"."""
        ends = dict.fromkeys((self.smallest, self.largest))
        return f"{' to '.join(f'{w} x {h}' for w, h in ends)} -> {self.size} x {self.size}"

    def __str__(self) -> str:
        parts = [f"read {self.images:,} images of {self.files:,} files"]
        if self.left_out:
            kinds = sorted(self.left_out.items(), key=lambda kind: (-kind[1], kind[0]))
            parts.append(f"left out {sum(self.left_out.values()):,} ({_some([f'{n:,} {what}' for what, n in kinds])})")
        if self.folders:
            parts.append(f"not entered: {_some(self.folders)}")
        if self.clipped:
            parts.append(f"{len(self.clipped):,} beyond black or white: {_some(self.clipped)}")
        return "; ".join([*parts, self.resize])


class ImageData(NamedTuple):
    """A data set in memory.

    Args:
        pixels: (N, C, H, W) uint8.
        labels: (N,) int64, indices into `classes`.
        classes: the names.
        skipped: files and folders that could not be read, each with the reason (only when asked to skip them).
        reading: what became of the files, for a folder.
    """

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    skipped: tuple[str, ...] = ()
    reading: Reading | None = None


def _some(words: tuple[str, ...] | list[str]) -> str:
    more = [f"and {len(words) - _SHOWN:,} more"] if len(words) > _SHOWN else []
    return ", ".join([*words[:_SHOWN], *more])
