"""The real images and the prompts that a system is measured with; each is read once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from diffusion_edu.data import emoji
from diffusion_edu.data.emoji import SIDE, EmojiData, halved

SEED = 0  # of the order of the prompts


@dataclass
class Prompts:
    """Prompts with their true images, in a fixed random order: the first m of them are a fair sample.

    Args:
        name: "held_out" or "training".
        texts: the captions.
        pixels: {size: (N, 3, size, size) uint8}.
        place: (N,) of each image in its split.
    """

    name: str
    texts: list[str]
    pixels: dict[int, Tensor]
    place: Tensor

    def __len__(self) -> int:
        return len(self.texts)


@dataclass
class Sets:
    """All real images that are looked at.

    Args:
        n: prompts of each kind, the answers that there are to choose from.
    """

    n: int
    held_out: Prompts = field(init=False)
    training: Prompts = field(init=False)
    other_style: dict[int, Tensor] = field(init=False)
    everything: dict[int, Tensor] = field(init=False)

    def __post_init__(self) -> None:
        test, train = (emoji(split, size=SIDE) for split in ("test", "train"))
        self.held_out = _prompts("held_out", test, range(len(test.captions)), self.n)
        # Two images of one caption would both be right: each caption once.
        once = {caption: i for i, caption in enumerate(train.captions)}
        self.training = _prompts("training", train, list(once.values()), self.n)
        self.other_style = _sizes(train.pixels[next_style(test, train)[self.held_out.place]])
        self.everything = _sizes(train.pixels)


def next_style(test: EmojiData, train: EmojiData) -> Tensor:
    """For each test image the place of the training image of the same thing in the next style."""
    where = {key: i for i, key in enumerate(zip(train.codes, train.labels.tolist()))}
    styles = len(test.classes)
    return torch.tensor([where[code, (label + 1) % styles] for code, label in zip(test.codes, test.labels.tolist())])


def _prompts(name: str, data: EmojiData, allowed: Any, n: int) -> Prompts:
    order = torch.randperm(len(allowed), generator=torch.Generator().manual_seed(SEED))[:n]
    place = torch.tensor(list(allowed))[order]
    return Prompts(name, [data.captions[i] for i in place.tolist()], _sizes(data.pixels[place]), place)


def _sizes(pixels: Tensor) -> dict[int, Tensor]:
    return {SIDE: pixels, SIDE // 2: halved(pixels)}
