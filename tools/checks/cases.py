"""The kinds of damage: each makes case k of its kind, which is a file to be read and what should come of it."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import torch

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
from .changes import DEEP, KEY, SUM, damaged, damaged_json, damaged_tensors, join, split, without_checksum
from .lies import OF_NETWORKS, OF_TRAININGS, told
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


def _of_file(
    read: Callable[[Path], str], content: bytes, stored: bytes, name: str, folder: Path, words: str, **more: Any
) -> Case:
    whole = answer_of(read, content, folder.parent, name)
    path = bombs.write(folder / name, stored)
    return Case(words, partial(read, path), (name,), whole, **more)


def weights(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Weights without a card."""
    content = s.weights[k % len(s.weights)]
    words, stored = damaged_tensors(content, random)
    return _of_file(stock.load, content, stored, f"w{k % len(s.weights)}.safetensors", folder, words)


def old_weights(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Weights without a card or a checksum, as earlier versions wrote them."""
    content = without_checksum(s.weights[k % len(s.weights)])
    words, stored = damaged_tensors(content, random)
    return _of_file(stock.load, content, stored, f"w{k % len(s.weights)}.safetensors", folder, words)


def checkpoints(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Checkpoints that are loaded."""
    words, stored = damaged_tensors(s.checkpoint, random)
    return _of_file(stock.load, s.checkpoint, stored, CHECKPOINT, folder, words)


def resumed(s: Stock, folder: Path, random: Random, k: int, old: bool = False) -> Case:
    """Checkpoints from which a training goes on."""
    content = without_checksum(s.checkpoint) if old else s.checkpoint
    words, stored = damaged_tensors(content, random)
    return _resumed(s, folder, stored, words)


def _resumed(s: Stock, folder: Path, stored: bytes, words: str, **more: Any) -> Case:
    whole = _gone_on(s, folder.parent)
    bombs.write(folder / "run" / CHECKPOINT, stored)
    bombs.write(folder / "run" / METRICS, s.metrics)
    return Case(words, partial(stock.train, folder / "run", 3), (CHECKPOINT,), whole, **more)


@cache
def _gone_on(s: Stock, folder: Path) -> str:
    shutil.copytree(s.run, folder / "gone on")
    return stock.train(folder / "gone on", 3)


def cards(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Cards beside whole weights."""
    odd = bombs.cards()
    if k < len(odd):
        words, stored = list(odd.items())[k]
    elif k % 2:
        words, stored = damaged(s.card, random)
    else:
        words, edited = damaged_json(json.loads(s.card), random)
        stored = json.dumps(edited).encode()
    path = bombs.write(folder / "w0.safetensors", s.weights[0])
    bombs.write(folder / "w0.json", stored)
    whole = answer_of(stock.load, s.weights[0], folder.parent, "w0.safetensors")
    return Case(words, partial(stock.card, path), ("w0.",), whole)


def lies(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Descriptions that say what cannot be, and tensors that cannot be, with the right checksum."""
    tensors, meta = files.read(s.run / CHECKPOINT)
    tensors = {name: value.clone() for name, value in tensors.items()}
    of_tensors = list(_tensors_that_lie(tensors).items())
    k %= len(OF_NETWORKS) + len(OF_TRAININGS) + len(of_tensors)
    path = folder / "run" / CHECKPOINT
    if k < len(OF_NETWORKS):
        place, value = OF_NETWORKS[k]
        if place.startswith(("model", "uses")):
            meta = files.read(s.folder / "w0.safetensors")[1]
            tensors = files.read(s.folder / "w0.safetensors")[0]
        files.write(path, tensors, told(meta, place, value))
        return Case(f"{place} = {str(value)[:40]}", partial(stock.load, path), (CHECKPOINT,))
    k -= len(OF_NETWORKS)
    if k < len(OF_TRAININGS):
        place, value = OF_TRAININGS[k]
        files.write(path, tensors, told(meta, place, value))
        words = f"{place} = {str(value)[:40]}"
    else:
        words, tensors = of_tensors[k - len(OF_TRAININGS)]
        files.write(path, {name: value.clone() for name, value in tensors.items()}, meta)
    bombs.write(folder / "run" / METRICS, s.metrics)
    return Case(words, partial(stock.train, folder / "run", 3), (CHECKPOINT,))


def _tensors_that_lie(tensors: dict[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
    some, moment, step = "model.conv_in.weight", "optimizer.3.exp_avg", "optimizer.0.step"
    without = {name: {k: v for k, v in tensors.items() if k != name} for name in (some, moment, step)}
    return {
        **{f"no {name}": rest for name, rest in without.items()},
        **{f"{name} is NaN": {**tensors, name: tensors[name] * float("nan")} for name in (some, moment, step)},
        **{f"{name} is whole": {**tensors, name: tensors[name].long()} for name in (some, moment, step)},
        **{f"{name} is flat": {**tensors, name: tensors[name].flatten()[:1]} for name in (some, moment)},
        **{f"also {name}": {**tensors, name: tensors[some]} for name in ("x", "optimizer.x", "optimizer.1.2.3")},
        "also of no parameter": {**tensors, "optimizer.999.step": tensors[step]},
        "steps swapped": {**tensors, step: tensors[moment], moment: tensors[step]},
    }


def edited(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Descriptions with an edit at random and the right checksum: some say what another file may say."""
    content = s.weights[k % len(s.weights)] if k % 2 else s.checkpoint
    words, stored = _edited(content, random)
    if k % 2:
        return _of_file(stock.load, content, stored, f"w{k % len(s.weights)}.safetensors", folder, words, foreign=True)
    return _resumed(s, folder, stored, words, foreign=True)


def _edited(content: bytes, random: Random) -> tuple[str, bytes]:
    header, body = split(content)
    whole = json.loads(header["__metadata__"][KEY])
    whole.pop(SUM)
    words, meta = damaged_json(whole, random)
    checksum = files.digest(_tensors_in(content), json.dumps(meta, sort_keys=True))
    return words, join({**header, "__metadata__": {KEY: json.dumps({**meta, SUM: checksum})}}, body)


def _tensors_in(content: bytes) -> dict[str, torch.Tensor]:
    from safetensors.torch import load

    return load(content)


def statistics(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Statistics of features, kept as rows and as moments, and as other packages write them."""
    content = s.statistics[k % 3]
    if k % 3 == 2:
        words, stored = damaged(content, random)
        return _of_file(stock.statistics, content, stored, "s2.npz", folder, words, foreign=True)
    content = without_checksum(content) if k % 7 == 5 else content
    words, stored = damaged_tensors(content, random)
    return _of_file(stock.statistics, content, stored, f"s{k % 3}.safetensors", folder, words)


def prompts(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Tables of what an encoder says of prompts."""
    content = without_checksum(s.prompts) if k % 6 == 5 else s.prompts
    words, stored = damaged_tensors(content, random)
    return _of_file(stock.prompts, content, stored, "p.safetensors", folder, words)


def tables(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """IDX files: damaged as they are packed, and before they were."""
    packed = gzip.compress(s.idx, mtime=0)
    if k % 2:
        words, stored = damaged(packed, random)
    else:
        words, inner = damaged(s.idx, random, 0, 24)
        words, stored = f"inside: {words}", gzip.compress(inner, mtime=0)
    return _of_file(stock.idx, packed, stored, "t.gz", folder, words, foreign=k % 2 == 0)


def pictures(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Pictures in all formats."""
    name = list(s.pictures)[k % len(s.pictures)]
    content = s.pictures[name]
    words, stored = damaged(content, random, 0, random.choice((64, len(content))))
    return _of_file(stock.picture, content, stored, name, folder, words, foreign=True)


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


# Each kind, and how many there are of it in 1,600.
KINDS: dict[str, tuple[Maker, int]] = {
    "weights without a card": (weights, 247),
    "weights of earlier versions": (old_weights, 80),
    "checkpoints, loaded": (checkpoints, 100),
    "checkpoints, resumed": (resumed, 170),
    "checkpoints of earlier versions": (partial(resumed, old=True), 50),
    "cards": (cards, 50),
    "impossible descriptions and tensors": (lies, 153),
    "edited descriptions": (edited, 80),
    "feature statistics": (statistics, 80),
    "states of prompts": (prompts, 50),
    "IDX": (tables, 90),
    "pictures": (pictures, 160),
    "CIFAR-10": (cifar, 66),
    "bombs": (bombs_of_all_kinds, 50),
    "reports": (reports, 30),
    "odd names": (names, 144),
}
