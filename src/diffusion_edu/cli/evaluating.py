"""diffusion-edu evaluate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from .. import processes
from ..data import ImageFolder, cifar10, emoji, fashion_mnist, to_pixels
from ..data.emoji import halved
from ..data.found import endings
from ..features import FEATURE_NETWORKS, feature_network
from ..metrics import Statistics, compare
from ..metrics.features import FeatureNetwork
from ..metrics.statistics import is_statistics
from ..pretrained import RUN_WEIGHTS, available
from ..systems import generate_part
from ..train.checkpoint import CHECKPOINT
from ..train.machine import tune_malloc
from .common import FAILED, OK, check_least, check_seed, load_drawing, pick_device, say
from .options import Evaluate, read_sampler

DATA_SETS = {"fashion-mnist": "fashion-classifier", "emoji": "emoji-clip", "cifar10": "inception"}
PADDED = {"fashion-mnist": 28, "fashion-classifier": 28}  # whose images are padded, and the side before
TITLES = {"Inception-v3 of 2015": "inception", "EfficientNet-Lite0": "efficientnet"}  # networks as statistics have them
INCEPTION = 2048  # features: what other packages store statistics of
DRAWN = 10_000


class _Pictures(NamedTuple):
    """What a source gave: pixels or statistics, what to call it, and how its images were brought to another size."""

    pixels: Tensor
    words: str
    resize: str = ""


class _Moments(NamedTuple):
    pixels: Statistics
    words: str
    resize: str = ""


def evaluate(options: Evaluate) -> int:
    """Compare two sources of images and print what was found."""
    # A mistake is told before anything is read or drawn.
    check_least("--n", options.n, 4)
    check_least("--size", options.size)
    check_least("--batch-size", options.batch_size)
    if options.resamples != 0:
        check_least("--resamples (or 0)", options.resamples, 20)
    check_seed(options.seed, options.n or DRAWN)
    read_sampler(options.sampler)
    for role, source in (("IMAGES", options.pictures), ("REFERENCE", options.reference)):
        if Path(source).is_file() and Path(source).suffix.lower() in endings():
            raise ValueError(f"{role} must be a folder of images, not a single one, got the file {source!r}")
    if is_statistics(options.pictures):
        raise ValueError(f"IMAGES must be images: statistics, as {options.pictures!r}, stand second, as REFERENCE")
    if not is_statistics(options.reference) and _is_weights(options.reference):
        allowed = "a folder of images, a data set or statistics"
        raise ValueError(f"REFERENCE must be {allowed}, got the weights {options.reference!r}")
    device = pick_device(options.device)
    tune_malloc()
    with processes.joined(device) as process:
        return _evaluate(options, device, process.first)


def _evaluate(options: Evaluate, device: torch.device, speaks: bool) -> int:
    """The same in one process, or as one of several, of which the first measures and speaks."""
    reference: _Pictures | _Moments | None = None
    if is_statistics(options.reference):
        stats = Statistics.load(options.reference)
        reference = _Moments(stats, f"the statistics {options.reference}")
    try:
        network = feature_network(_network(options, reference), options.weights, device)
    except ImportError as error:
        return say(f"error: {error}", FAILED)
    if reference is None:
        reference = _read(options.reference, options, network, device)
    elif isinstance(reference.pixels, Statistics) and reference.pixels.width != network.width:
        allowed = f"statistics of {network.width} features for {network.name}"
        raise ValueError(f"REFERENCE must hold {allowed}, got {reference.pixels.width}")
    other = reference.pixels if isinstance(reference.pixels, Tensor) else None
    pictures = _read(options.pictures, options, network, device, other)
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
    sizes = [each.resize for each in (pictures, reference) if each.resize]
    result = replace(result, resize="; ".join([*sizes, f"then {result.resize}" if sizes else result.resize]))
    if options.as_json:
        print(json.dumps({"pictures_of": pictures.words, "reference": reference.words, **result.to_dict()}, indent=2))
    else:
        print(f"{pictures.words}\nagainst {reference.words}\n{result}")
    return OK


def _network(options: Evaluate, reference: _Pictures | _Moments | None) -> str:
    """The network that was asked for, else that of the statistics or of a data set, else the one of the FID."""
    if options.network is not None:
        return options.network
    if isinstance(reference, _Moments):
        title = str(reference.pixels.about.get("network"))
        if title in FEATURE_NETWORKS or title in TITLES:
            return TITLES.get(title, title)
        if reference.pixels.width != INCEPTION:
            said = f"{options.reference} does not name its network, which has {reference.pixels.width} features"
            raise ValueError(f"--network must be given: {said}")
        return "inception"
    names = [source.partition(":")[0] for source in (options.reference, options.pictures)]
    return next((DATA_SETS[data_set] for data_set in names if data_set in DATA_SETS), "inception")


def _read(
    source: str, options: Evaluate, network: FeatureNetwork, device: torch.device, other: Tensor | None = None
) -> _Pictures:
    """The images of a source, and what to call them; `other` are those that they are compared with."""
    data_set, _, split = source.partition(":")
    n = options.n
    if data_set in DATA_SETS:
        pixels = _data_set(data_set, split or "test", options, network)
        count = len(pixels) if n is None or other is None else min(n, len(pixels))
        return _Pictures(pixels[:count], f"{data_set}, {split or 'test'} split")
    if _is_weights(source):
        return _drawn(source, options, network, device)
    size = options.size or network.side or (int(other.shape[-1]) if other is not None else None)
    found = _of_folder(source, size or _side_of_first(source), options, network)
    return found if n is None or other is None else found._replace(pixels=found.pixels[:n])


def _of_folder(source: str, size: int, options: Evaluate, network: FeatureNetwork) -> _Pictures:
    """The images of a folder, padded where the data set that they are compared with is padded from their size."""
    data = ImageFolder(source, size, network.channels, white=options.white).load()
    assert data.reading is not None
    words, whole = f"{source}: {data.reading}", (data.reading.smallest, data.reading.largest)
    names = [each.partition(":")[0] for each in (options.reference, options.pictures)]
    side = next((PADDED[name] for name in (*names, network.name) if name in PADDED), None)
    if options.size is None and side is not None and whole == ((side, side), (side, side)) and size > side:
        pixels = ImageFolder(source, side, network.channels, white=options.white).load().pixels
        edge = (size - side) // 2
        padded = f"{side} x {side} -> {size} x {size}, padded with black as Fashion-MNIST is"
        words = words.replace(data.reading.resize, padded)
        return _Pictures(F.pad(pixels, (edge, size - side - edge) * 2), words, f"{source} {padded}")
    same = whole == ((size, size), (size, size))
    return _Pictures(data.pixels, words, "" if same else f"{source} {data.reading.resize} (Lanczos, center)")


def _drawn(source: str, options: Evaluate, network: FeatureNetwork, device: torch.device) -> _Pictures:
    """The images that weights draw: of texts, where they read."""
    system, sampler = load_drawing(source, device), read_sampler(options.sampler)
    texts = _texts(options) if system.text is not None else None
    if texts is None and (options.prompt or options.negative or options.guidance is not None):
        raise ValueError(f"--prompt, --negative and --guidance must be left out for {source}, which reads no text")
    count = options.n or (DRAWN if texts is None else len(texts))
    part = generate_part(
        system,
        None if texts is None else [texts[i % len(texts)] for i in range(count)],
        count if texts is None else None,
        guidance=options.guidance,
        negative=options.negative,
        seed=options.seed,
        sampler=sampler,
        steps=options.steps,
        batch_size=options.batch_size,
        progress=processes.world().first,
    )
    drawn = torch.cat(processes.gathered(to_pixels(part)))
    words = f"{source}, {sampler}" + ("" if options.steps is None else f", {options.steps} steps")
    if texts is not None:
        words += f", {len(texts)} texts, guidance {2 if options.guidance is None else options.guidance:g}"
    if network.side is not None and drawn.shape[-1] == 2 * network.side:
        mean = "each 2 x 2 pixels as their mean"
        return _Pictures(halved(drawn), f"{words}, {mean}", f"{source} {mean}")
    return _Pictures(drawn, words)


def _texts(options: Evaluate) -> list[str]:
    """What a system that reads is to draw: what was asked for, or the captions of what it is compared with."""
    data_set, _, split = options.reference.partition(":")
    if options.prompt:
        return list(options.prompt)
    if data_set != "emoji":
        raise ValueError(f"--prompt must be given: {options.reference} has no captions for {options.pictures} to draw")
    return list(emoji(split or "test").captions)


def _data_set(data_set: str, split: str, options: Evaluate, network: FeatureNetwork) -> Tensor:
    """All images of a split."""
    if data_set == "emoji":
        return emoji(split, size=network.side or 64).pixels
    return (cifar10 if data_set == "cifar10" else fashion_mnist)(split, root=options.data).pixels


def _is_weights(source: str) -> bool:
    """Weights of the package, a file, or the folder of a run; any other folder is one of images."""
    path = Path(source)
    return source in available() or path.is_file() or any((path / name).is_file() for name in (RUN_WEIGHTS, CHECKPOINT))


def _side_of_first(folder: str) -> int:
    """The short side of a folder's first image: where nothing else says so, images keep their size."""
    files = ImageFolder(folder).files()
    if not files:
        return 32  # reading it will say what is wrong
    with Image.open(files[0]) as image:
        return min(image.size)
