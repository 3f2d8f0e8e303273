"""The kinds of damage: each makes case k of its kind, which is a file to be read and what should come of it."""

from __future__ import annotations

import json
import shutil
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import torch

from diffusion_edu import files
from diffusion_edu.train.checkpoint import CHECKPOINT, METRICS

from . import bombs, stock
from .case import Case, Maker, answer_of, of_file
from .changes import KEY, SUM, damaged, damaged_json, damaged_tensors, join, split, without_checksum
from .foreign import bombs_of_all_kinds, cifar, names, pictures, reports, tables
from .lies import OF_NETWORKS, OF_TRAININGS, told
from .stock import Stock


def weights(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Weights without a card."""
    content = s.weights[k % len(s.weights)]
    words, stored = damaged_tensors(content, random)
    return of_file(stock.load, content, stored, f"w{k % len(s.weights)}.safetensors", folder, words)


def old_weights(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Weights without a card or a checksum, as earlier versions wrote them."""
    content = without_checksum(s.weights[k % len(s.weights)])
    words, stored = damaged_tensors(content, random)
    return of_file(stock.load, content, stored, f"w{k % len(s.weights)}.safetensors", folder, words)


def checkpoints(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Checkpoints that are loaded."""
    words, stored = damaged_tensors(s.checkpoint, random)
    return of_file(stock.load, s.checkpoint, stored, CHECKPOINT, folder, words)


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
        return of_file(stock.load, content, stored, f"w{k % len(s.weights)}.safetensors", folder, words, foreign=True)
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
        return of_file(stock.statistics, content, stored, "s2.npz", folder, words, foreign=True)
    content = without_checksum(content) if k % 7 == 5 else content
    words, stored = damaged_tensors(content, random)
    return of_file(stock.statistics, content, stored, f"s{k % 3}.safetensors", folder, words)


def prompts(s: Stock, folder: Path, random: Random, k: int) -> Case:
    """Tables of what an encoder says of prompts."""
    content = without_checksum(s.prompts) if k % 6 == 5 else s.prompts
    words, stored = damaged_tensors(content, random)
    return of_file(stock.prompts, content, stored, "p.safetensors", folder, words)


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
