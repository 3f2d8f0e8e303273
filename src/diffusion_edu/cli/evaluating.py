"""diffusion-edu evaluate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from ..data import ImageFolder, cifar10, emoji, fashion_mnist, to_pixels
from ..evaluate import compare, feature_network
from ..metrics.features import FeatureNetwork
from ..pretrained import CHECKPOINT, RUN_WEIGHTS, available, load
from ..train import parallel
from ..train.machine import tune_malloc
from .common import FAILED, OK, pick_device, say
from .options import Evaluate

DATA_SETS = {"fashion-mnist": "fashion-classifier", "emoji": "emoji-clip", "cifar10": "inception"}
DRAWN = 10_000


class _Pictures(NamedTuple):
    pixels: Tensor
    told: str


def evaluate(options: Evaluate) -> int:
    """Compare two sources of pictures and print what was found."""
    if options.n is not None and options.n < 4:
        raise ValueError(f"--n must be at least 4, got {options.n}")
    if _is_weights(options.reference):
        raise ValueError(f"REFERENCE must be a folder of pictures or a data set, got the weights {options.reference!r}")
    device = pick_device(options.device)
    tune_malloc()
    with parallel.joined(device) as here:
        return _evaluate(options, device, here.first)


def _evaluate(options: Evaluate, device: torch.device, speaks: bool) -> int:
    """The same in one process, or as one of several, of which the first measures and speaks."""
    kinds = [source.partition(":")[0] for source in (options.reference, options.pictures)]
    name = options.network or next((DATA_SETS[kind] for kind in kinds if kind in DATA_SETS), "inception")
    try:
        network = feature_network(name, options.weights, device)
    except ImportError as error:
        return say(f"error: {error}", FAILED)
    reference = _read(options.reference, options, network, device)
    pictures = _read(options.pictures, options, network, device, reference.pixels)
    if not speaks:
        return OK
    result = compare(
        pictures.pixels,
        reference.pixels,
        network,
        resamples=options.resamples,
        seed=options.seed,
        batch_size=options.batch_size,
    )
    if options.as_json:
        print(json.dumps({"pictures_of": pictures.told, "reference": reference.told, **result.to_dict()}, indent=2))
    else:
        print(f"{pictures.told}\nagainst {reference.told}\n{result}")
    return OK


def _read(
    source: str, options: Evaluate, network: FeatureNetwork, device: torch.device, other: Tensor | None = None
) -> _Pictures:
    """The pictures of a source, and what to call them; `other` are those that they are compared with."""
    kind, _, split = source.partition(":")
    n = options.n
    if kind in DATA_SETS:
        pixels = _data_set(kind, split or "test", options, network)
        count = len(pixels) if n is None or other is None else min(n, len(pixels))
        return _Pictures(pixels[:count], f"{kind}, {split or 'test'} split")
    if _is_weights(source):
        system = load(source, device)
        part = system.generate_part(
            n or DRAWN,
            seed=options.seed,
            method=options.method,
            steps=options.steps,
            eta=options.eta,
            batch_size=options.batch_size,
            progress=parallel.world().first,
        )
        drawn = torch.cat(parallel.gathered(to_pixels(part)))
        steps = "" if options.steps is None else f", {options.steps} steps"
        return _Pictures(drawn, f"{source}, {options.method}{steps}, eta {options.eta:g}")
    size = options.size or network.side or (int(other.shape[-1]) if other is not None else None)
    folder = ImageFolder(source, size or _side_of_first(source), network.channels)
    pixels = folder.load().pixels
    told = f"{source}, cut to {folder.size} x {folder.size}"
    return _Pictures(pixels if n is None or other is None else pixels[:n], told)


def _data_set(kind: str, split: str, options: Evaluate, network: FeatureNetwork) -> Tensor:
    """All pictures of a split."""
    if kind == "emoji":
        return emoji(split, size=network.side or 64).pixels
    return (cifar10 if kind == "cifar10" else fashion_mnist)(split, root=options.data).pixels


def _is_weights(source: str) -> bool:
    """Weights of the package, a file, or the folder of a run; any other folder is one of pictures."""
    path = Path(source)
    return source in available() or path.is_file() or any((path / name).is_file() for name in (RUN_WEIGHTS, CHECKPOINT))


def _side_of_first(folder: str) -> int:
    """The short side of a folder's first picture: where nothing else says so, pictures keep their size."""
    files = ImageFolder(folder).files()
    if not files:
        return 32  # reading it will say what is wrong
    with Image.open(files[0]) as image:
        return min(image.size)
