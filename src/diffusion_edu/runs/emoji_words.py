"""What the text-to-image runs share: the frozen reader, the captions that they learn from, and what their cards say."""

from __future__ import annotations

from functools import cache
from typing import Any

from torch import Tensor

from ..data import emoji
from ..data.captions import PHRASINGS, short_texts
from ..pretrained import load_as
from ..systems import CLIP
from ..systems.text import ClipText, caption_table

READER = "emoji-clip"
SHORT = 3  # of the short forms: "a red apple", "red apple", and one or two keywords
NOTES = {
    "training_data": "4,936 emoji in three drawing styles with Unicode's names and keywords: Noto (Apache 2.0), "
    "Twemoji (CC BY 4.0), Fluent flat (MIT), Unicode CLDR (Unicode license). 480 more, each a thing that training has "
    "in the two other styles, were held out",
    "licence": "MIT, as this package; the images that it learned from keep theirs",
    "intended_use": "Teaching: how a diffusion model is told what to draw, and what that costs",
    "limits": "It draws emoji, and knows the few thousand words of their captions. Whether an image shows what was "
    "asked must not be judged by emoji-clip, which it reads with",
}


def on_gpu(steps: int, compiled: bool = True) -> dict[str, Any]:
    """Numbers of a recipe for a large GPU, where a step costs about the same for a few images and for some hundreds.

    Args:
        steps: in the second half of them the rate falls.
        compiled: whether the network is large enough for compiling to be worth its minute.
    """
    return {"batch_size": 512, "rate": 1.5e-3, "compile": compiled, "steps": steps, "cooldown": steps // 2}


@cache
def reader() -> ClipText:
    """The frozen text encoder of the shipped CLIP."""
    return ClipText(load_as(READER, CLIP))


def phrasings() -> list[tuple[str, ...]]:
    """The captions of the training split: whole ones in several phrasings, then the first short forms.

    Returns:
        K = PHRASINGS + SHORT lists of N texts; entry i of each is about image i.
    """
    data = emoji("train")
    whole = [data.captions, *(data.described(seed) for seed in range(PHRASINGS - 1))]
    return [*whole, *zip(*(short_texts(*thing)[:SHORT] for thing in zip(data.names, data.keywords)))]


def captions() -> dict[str, Tensor]:
    """The captions of the training split, encoded once.

    Returns:
        tokens, mask and vec, as :func:`caption_table` makes them of :func:`phrasings`.
    """
    return caption_table(reader(), phrasings())
