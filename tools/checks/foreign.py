"""The kinds of damage to files that others made: tables, images, archives, bombs, reports, and odd names."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.data import ImageFolder, cifar10, fashion_mnist
from diffusion_edu.data.folder import read_picture
from diffusion_edu.data.idx import read_idx
from diffusion_edu.metrics.inception import load_inception
from diffusion_edu.pretrained import card_of
from diffusion_edu.systems import PromptTable
from diffusion_edu.train.checkpoint import CHECKPOINT, METRICS

from . import bombs, stock
from .case import Case, of_file
from .changes import DEEP, damaged
from .stock import Stock


def tables(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """IDX files: damaged as they are packed, and before they were."""
    packed = gzip.compress(s.idx, mtime=0)
    if k % 2:
        words, stored = damaged(packed, random)
    else:
        words, inner = damaged(s.idx, random, 0, 24)
        words, stored = f"inside: {words}", gzip.compress(inner, mtime=0)
    return of_file(stock.idx, packed, stored, "t.gz", folder, words, foreign=k % 2 == 0)


def pictures(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Pictures in all formats."""
    name = list(s.pictures)[k % len(s.pictures)]
    content = s.pictures[name]
    words, stored = damaged(content, random, 0, random.choice((64, len(content))))
    return of_file(stock.picture, content, stored, name, folder, words, foreign=True)


def cifar(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """CIFAR-10 in its four forms."""
    form = list(s.cifar)[k % len(s.cifar)]
    whole = dict(s.cifar[form])
    name = random.choice([name for name in whole if not name.startswith("test")])
    words, stored = damaged(whole[name], random, 0, random.choice((64, len(whole[name]))))
    return _cifar(s, folder, form, name, stored, words)


def _cifar(s: Stock, folder: Path, form: str, name: str, stored: bytes, words: str) -> Case:
    for other, content in {**s.cifar[form], name: stored}.items():
        bombs.write(folder / "cifar" / other, content)
    answer = _whole_cifar(s, folder.parent)
    return Case(f"{name}: {words}", partial(stock.cifar, folder / "cifar"), (name, str(folder / "cifar")), answer)


@cache
def _whole_cifar(s: Stock, folder: Path) -> str:
    for name, content in s.cifar["binary"].items():
        bombs.write(folder / "whole cifar" / name, content)
    return stock.cifar(folder / "whole cifar")


@cache
def _bombs(s: Stock) -> list[tuple[str, str, str, bytes]]:
    archive = next(iter(s.cifar["archive"]))
    return [
        *(("picture", name, name, content) for name, content in bombs.pictures().items()),
        *(("table", name, name, content) for name, content in bombs.tables().items()),
        *(("moments", name, name, content) for name, content in bombs.moments().items()),
        *(("tensors", name, "b.safetensors", content) for name, content in bombs.tensors().items()),
        *(("archive", name, archive, content) for name, content in bombs.archives().items()),
        *(("pickle", name, "data_batch_1", content) for name, content in bombs.pickles().items()),
        *(("pictures", name, "train_lables.json", content) for name, content in bombs.labels().items()),
    ]


def bombs_of_all_kinds(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Small files that claim a huge size, or unpack to one."""
    kind, words, name, content = _bombs(s)[k % len(_bombs(s))]
    if kind in s.cifar:
        return _cifar(s, folder, kind, name, content, f"bomb: {words}")
    read = {"picture": stock.picture, "table": stock.idx, "tensors": stock.load, "moments": stock.statistics}[kind]
    path = bombs.write(folder / name, content)
    may = name in ("alpha.png", "grey.png", "wide.gif")  # large, and not too large
    return Case(f"bomb: {name} {words}", partial(read, path), (name,), foreign=may)


def reports(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Reports of a finished training: whatever they are, the training stays finished and its checkpoint whole."""
    odd = (b"", b"\n\n", b"{}\n", b"5\n[]\nnull\n", b"\xff\xfe\n", b'{"step": "x"}\n', DEEP.encode(), bytes(4096))
    words, stored = ("odd", odd[k]) if k < len(odd) else damaged(s.metrics, random)
    shutil.copytree(s.run, folder / "run")
    bombs.write(folder / "run" / METRICS, stored)
    return Case(words, partial(stock.metrics, folder / "run"), (METRICS,), _finished(s))


@cache
def _finished(s: Stock) -> str:
    tensors, meta = files.read(s.run / CHECKPOINT)
    return files.digest(tensors, str(meta["step"]))


READERS: dict[str, Callable[[Any], object]] = {
    "load": de.load,
    "card_of": card_of,
    "files.read": files.read,
    "Statistics.load": de.Statistics.load,
    "PromptTable.read": PromptTable.read,
    "read_idx": lambda path: read_idx(path, 3),
    "read_picture": lambda path: read_picture(path, 8, 1),
    "ImageFolder": lambda path: ImageFolder(path).load(),
    "cifar10": lambda path: cifar10("train", root=path),
    "fashion_mnist": lambda path: fashion_mnist("train", root=path),
    "load_inception": load_inception,
    "fit": lambda path: stock.train(Path(path) if isinstance(path, str) else path),
}


def names(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Odd names, and names of what is no file, for everything that reads one."""
    who, read = list(READERS.items())[k % len(READERS)]
    values: list[Any] = [3, b"x", ["x"], 1.5, {}]
    values += ["a\0b", "new\nline", "x" * 5000, "missing", "/dev/zero", "pipe", "loop"]
    value = values[k // len(READERS) % len(values)]
    os.mkfifo(folder / "pipe")
    (folder / "loop").symlink_to(folder / "loop")
    if not isinstance(value, str):
        return Case(
            f"{who}({value!r})", lambda: str(read(value)), ("name ", "path ", "root ", "weights ", "directory ")
        )
    path = value if value.startswith("/") else str(folder / value)
    known = (value[:30], repr(value)[1:30], "zero byte", "null")
    if who == "fit" and value in ("new\nline", "missing"):
        return Case(f"{who}({value!r})", lambda: str(read(path)), known, str(s and _trained(folder.parent)))
    return Case(f"{who}({value[:30]!r})", lambda: str(read(path)), known)


@cache
def _trained(folder: Path) -> str:
    return stock.train(folder / "trained")
