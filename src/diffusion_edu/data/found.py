"""Which files of a folder are images, and what else lies there: nothing is left out without a word."""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from PIL import Image

RUN = "checkpoint.safetensors"  # a folder that holds one is that of a training run
GRIDS = "samples"  # where a training run keeps the grids that it draws on the way
# Formats that Pillow knows and does not read by itself: other programs do it, or no one.
_FOREIGN = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}


@cache
def formats() -> tuple[str, ...]:
    """The image formats that this Pillow reads by itself."""
    Image.init()
    return tuple(sorted(set(Image.OPEN) - _FOREIGN))


@cache
def endings() -> frozenset[str]:
    """The endings of files in :func:`formats`, in lower case."""
    known = set(formats())
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known)


@dataclass(frozen=True)
class Found:
    """What a folder holds; hidden files and folders do not count.

    Args:
        images: the files that are images by their endings, sorted by their paths from the folder.
        others: how many other files there are, by their endings.
        left: folders that were not entered on purpose, each with the reason.
        closed: folders that could not be read, each with the reason.
    """

    images: tuple[Path, ...]
    others: Mapping[str, int]
    left: tuple[str, ...]
    closed: tuple[str, ...]


def find_images(root: Path, leave_out: Iterable[Path] = ()) -> Found:
    """Look through a folder and all folders below it; a link to a folder is followed, and no folder is read twice.

    Left out are the folders of training runs and their grids, which are no data, wherever they lie below `root`.

    Args:
        root: the folder.
        leave_out: folders below it that are not entered either.

    Raises:
        FileNotFoundError: no such folder.
        NotADirectoryError: the path is a file.
    """
    if not root.exists():
        raise FileNotFoundError(f"no folder {root}")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; a folder of images is needed")
    closed_to = {path.expanduser().resolve(): "the folder of this run" for path in leave_out}
    if closed_to.pop(root.resolve(), None) or (root / RUN).is_file():
        closed_to[(root / GRIDS).resolve()] = "grids of a training run"
    images: list[Path] = []
    others: Counter[str] = Counter()
    left, closed = [], []
    seen = {root.resolve()}
    waiting, links = deque([root]), deque[Path]()  # links come last: a folder is named by where it really is
    while waiting or links:
        folder = waiting.popleft() if waiting else links.popleft()
        name = folder.relative_to(root).as_posix()
        try:
            reason = _reason(folder, root, closed_to, seen)
            if reason:
                left.append(f"{name} ({reason})")
                continue
            with os.scandir(folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    if entry.name.startswith("."):
                        continue
                    path = folder / entry.name
                    if entry.is_dir():
                        (links if entry.is_symlink() else waiting).append(path)
                    elif entry.is_file() and path.suffix.lower() in endings():
                        images.append(path)
                    else:
                        others[path.suffix.lower() if entry.is_file() else "no file"] += 1
        except OSError as error:  # not allowed, or a path that is too long
            closed.append(f"{name} ({error.strerror or error})")
    images.sort(key=lambda file: file.relative_to(root).as_posix())
    return Found(tuple(images), others, tuple(left), tuple(closed))


def _reason(folder: Path, root: Path, closed_to: Mapping[Path, str], seen: set[Path]) -> str:
    """Why a folder is not entered; "" where it is, which is noted in `seen`."""
    if folder == root:
        return ""
    real = folder.resolve()
    if real in closed_to:
        return closed_to[real]
    if (folder / RUN).is_file():
        return "a training run"
    if real in seen:
        return "a link to a folder that is read already"
    seen.add(real)
    return ""
