"""Emoji in three drawing styles, with words: 5,416 images that are part of this package.

Noto (Google, Apache 2.0), Twemoji (Twitter and contributors, CC BY 4.0), Fluent flat (Microsoft, MIT); names and
keywords from Unicode CLDR. Licenses and sources: `files/emoji`; made by `tools/make_emoji.py`.
"""

from __future__ import annotations

import hashlib
import io
import json
from importlib.resources import files
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from .._arguments import checked
from .._errors import DataError, bad_value, unknown_name
from .captions import emoji_caption

STYLES = ("fluent", "noto", "twemoji")
SIDE = 64
STRIP = 250  # pictures in a file, one under the other
# Of the pixels (N, 64, 64, 3) in C order, of the file of what is held out, and of the file of names.
PIXELS_SHA256 = "296249cd35bfdb4ee1d5fa6b2f682e41049988d7fcb1a2c648045c2bbf64fefa"
HELD_OUT_SHA256 = "25e2038642f079102976f0e5818ad301bcb91f701d40ac5a6b687c1e38e5fd44"
NAMES_SHA256 = "a3d76b681a1f4b023fbdc129e260cfbfe1ccbfd5289556b5e3b7fde6d4645eba"


class EmojiData(NamedTuple):
    """The emoji of one split; entry i of every field is about image i.

    Args:
        pixels: (N, 3, size, size) uint8, on white.
        labels: (N,) int64, the style: an index into `classes`.
        classes: the names of the styles.
        captions: what to call each image (:func:`emoji_caption`).
        names: Unicode's name of what is shown, the same in every style.
        keywords: Unicode's keywords.
        groups: Unicode's group ("food-drink").
        codes: the code points, joined by "-"; with the style they are the image's key.
        skipped: empty; here so that the emoji fit where other data sets do.
    """

    pixels: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    captions: tuple[str, ...]
    names: tuple[str, ...]
    keywords: tuple[tuple[str, ...], ...]
    groups: tuple[str, ...]
    codes: tuple[str, ...]
    skipped: tuple[str, ...] = ()

    @checked
    def described(self, seed: int | None) -> tuple[str, ...]:
        """Captions drawn with another seed, one per image: new words for the same images at every epoch."""
        styles = [self.classes[label] for label in self.labels.tolist()]
        return tuple(emoji_caption(s, n, k, seed) for s, n, k in zip(styles, self.names, self.keywords))


@checked
def emoji(split: str = "train", size: int = 32, seed: int | None = None) -> EmojiData:
    """The images of one split, with captions.

    The test split asks for combinations: each of its images shows a thing that the training split has in both other
    styles, in a style that it has many other things in. None has a near copy in the training split's images of its
    style (some emoji are drawn alike, such as flags that two places share). The split is fixed, in `held_out.json`.

    Args:
        split: "train" (4,936 images) or "test" (480, as many of each style).
        size: 64, or 32: each pixel the mean of four.
        seed: of the captions' words; None: all of the form "a red apple, noto style".

    Returns:
        EmojiData.

    Raises:
        ValueError: unknown split, other size.
        DataError: a file of the package is damaged.
    """
    if split not in ("train", "test"):
        raise unknown_name("split", split, ("train", "test"))
    if size not in (SIDE, SIDE // 2):
        raise bad_value("size", size, f"{SIDE // 2} or {SIDE}")
    entries = read_names()
    stored = _file("held_out.json")
    _check(stored, HELD_OUT_SHA256, "held_out.json")
    held_out = {tuple(key) for key in json.loads(stored)}
    wanted = [i for i, e in enumerate(entries) if ((e["style"], e["hexcode"]) in held_out) == (split == "test")]
    pixels = torch.from_numpy(read_pixels(len(entries))[wanted]).permute(0, 3, 1, 2).contiguous()
    if size != SIDE:
        pixels = halved(pixels)
    chosen = [entries[i] for i in wanted]
    data = EmojiData(
        pixels=pixels,
        labels=torch.tensor([STYLES.index(e["style"]) for e in chosen]),
        classes=STYLES,
        captions=(),
        names=tuple(e["label"] for e in chosen),
        keywords=tuple(tuple(e["tags"]) for e in chosen),
        groups=tuple(e["group"] for e in chosen),
        codes=tuple(e["hexcode"] for e in chosen),
    )
    return data._replace(captions=data.described(seed))


def halved(pixels: Tensor) -> Tensor:
    """(N, C, H, W) uint8 at half the size: the mean of each 2x2 block, halves rounded up."""
    corners = [pixels[..., y::2, x::2].to(torch.int16) for y in (0, 1) for x in (0, 1)]
    return ((corners[0] + corners[1] + corners[2] + corners[3] + 2) // 4).to(torch.uint8)


def read_names() -> list[dict]:
    """One entry per image, in the order of the pixels: style, label, hexcode, tags, group, sub.

    Raises:
        DataError: the file is not the one that the package was made with.
    """
    content = _file("emoji.json")
    _check(content, NAMES_SHA256, "emoji.json")
    return json.loads(content)


def read_pixels(count: int) -> NDArray[np.uint8]:
    """All images, (count, 64, 64, 3).

    Raises:
        DataError: a strip is damaged, or the pixels are not those that the package was made with.
    """
    strips = []
    for first in range(0, count, STRIP):
        name = f"{first // STRIP:03d}.webp"
        try:
            with Image.open(io.BytesIO(_file(name))) as image:
                strips.append(np.asarray(image.convert("RGB")))
        except (UnidentifiedImageError, OSError, ValueError) as error:
            raise DataError(f"the package's {name} cannot be read ({error}); install the package anew") from error
    pixels = np.concatenate(strips)
    _check(pixels.data, PIXELS_SHA256, "emoji images")
    return pixels.reshape(count, SIDE, SIDE, 3)


def _file(name: str) -> bytes:
    return (files("diffusion_edu.data") / "files" / "emoji" / name).read_bytes()


def _check(content: bytes | memoryview, expected: str, what: str) -> None:
    digest = hashlib.sha256(content).hexdigest()
    if digest != expected:
        raise DataError(f"the package's {what} are damaged: SHA-256 {digest}, not {expected}; install the package anew")
