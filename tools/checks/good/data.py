"""Good calls: data and pixels."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import torch

import diffusion_edu as de

from .pieces import P, X, folder, rand
from .registry import good


@cache
def picture_folder() -> Path:
    """A folder with one picture."""
    place = folder() / "pictures"
    place.mkdir(exist_ok=True)
    de.data.to_image(P[0]).save(place / "a.png")
    return place


@cache
def emoji_data() -> de.data.EmojiData:
    """Two of them."""
    return de.data.EmojiData(
        P[:2],
        torch.tensor([0, 1]),
        ("noto", "fluent"),
        ("", ""),
        ("cat", "dog"),
        (("pet",), ()),
        ("a", "a"),
        ("1", "2"),
    )


good(
    "ImageFolder",
    de.data.ImageFolder,
    lambda: {"path": picture_folder(), "size": 8, "channels": 1, "on_error": "skip"},
    then=lambda f: f.load(),
    on_error="choice",
)
good("EmojiData.described", None, lambda: {"seed": 1}, "seed:zero", owner=emoji_data)
good("emoji", de.data.emoji, lambda: {"split": "test", "size": 32, "seed": 1}, "seed:zero", split="choice")
good("cifar10", de.data.cifar10, lambda: {"split": "test", "root": folder()}, split="choice")
good(
    "fashion_mnist",
    de.data.fashion_mnist,
    lambda: {"split": "test", "root": None, "size": 32},
    split="choice",
    root="path",
)
good(
    "emoji_caption",
    de.data.emoji_caption,
    lambda: {"style": "noto", "name": "cat", "keywords": ["pet"], "seed": 1},
    "seed:zero keywords:empty",
)
good("grid", de.data.grid, lambda: {"x": X, "columns": 2, "padding": 1}, "padding:zero", x="images")
good("photo", de.data.photo, dict)
good("raster", de.data.raster, lambda: {"points": rand(5, 2), "size": 8, "half": 3.0}, "points:empty")
good(
    "save_grid",
    de.data.save_grid,
    lambda: {"path": folder() / "grid.png", "x": X, "columns": 2, "padding": 1, "scale": 2},
    "padding:zero",
    x="images",
)
good("to_image", de.data.to_image, lambda: {"pixels": P[0]}, pixels="images")
good("to_pixels", de.data.to_pixels, lambda: {"x": X}, "x:scalar,empty,inf")
good("to_x0", de.data.to_x0, lambda: {"pixels": P}, "pixels:scalar,empty")
good(
    "toy",
    de.data.toy,
    lambda: {"name": "letters", "n": 5, "seed": 1, "spread": 0.1, "text": "de"},
    "seed:zero spread:zero",
    name="choice",
)
