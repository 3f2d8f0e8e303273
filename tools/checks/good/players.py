"""Good calls: the widgets that draw and search, around tiny networks."""

from __future__ import annotations

from functools import cache

import torch

import diffusion_edu as de
from diffusion_edu import systems, widgets
from diffusion_edu.nn import TextEncoderConfig, UNetConfig
from diffusion_edu.systems.text import ClipText
from diffusion_edu.widgets.search.captions import chosen_pictures

from .pieces import clip, dalle, rand, read
from .registry import good

PHOTOS = torch.randint(0, 256, (2, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@cache
def cascade() -> systems.Imagen:
    """One over color images that reads."""
    shape = {"in_channels": 3, "channels": (4, 4), "attention_levels": (1,), "token_dim": 16, "vec_dim": 12}
    config = systems.ImagenConfig(
        base=UNetConfig.tiny(**shape),
        up=(UNetConfig.tiny(**shape, concat_channels=3, level=True),),
        size=8,
        schedule={"name": "cosine", "T": 50},
        most_level=30,
        level=5,
    )
    return systems.Imagen(config, text=read).eval().requires_grad_(False)


@cache
def seeing() -> systems.CLIP:
    """A tiny CLIP for the images of the emoji."""
    config = systems.CLIPConfig.tiny(text=TextEncoderConfig.tiny(vocabulary=2048, length=24))
    return systems.CLIP(config).eval().requires_grad_(False)


@cache
def coloring() -> systems.PixelDiffusion:
    """A system over color images that reads."""
    shape = UNetConfig.tiny(in_channels=3, channels=(4, 4), attention_levels=(1,), token_dim=16, vec_dim=12)
    config = systems.PixelDiffusionConfig(unet=shape, size=8, schedule={"name": "linear", "T": 100})
    return systems.PixelDiffusion(config, text=ClipText(clip())).eval().requires_grad_(False)


@cache
def cloud() -> widgets.PriorCloud:
    """One of two captions."""
    return widgets.PriorCloud(dalle(), ["a cat", "a dog"], PHOTOS, rand(20, 12), [1.0], 1, prior_steps=2, steps=2)


@cache
def finder() -> widgets.TextSearch:
    """One around a tiny network."""
    return widgets.TextSearch(seeing(), examples=["dog"])


good(
    "CascadePlayer",
    widgets.CascadePlayer,
    lambda: {
        "system": cascade(),
        "prompts": ["a cat"],
        "steps": 2,
        "seeds": [1, 2],
        "levels": [0, 5],
        "guidance": 2.0,
        "sampler": de.DDIM(),
        "clip": "static",
        "frames": 2,
        "prompt": 0,
        "seed": 1,
        "level": 5,
        "frame": 1,
        "limit": 300_000,
    },
    "prompt:zero level:zero frame:zero guidance:zero,negative",
    clip="choice",
)
good(
    "LiveSampler",
    widgets.LiveSampler,
    lambda: {
        "model": "fashion",
        "method": "ddim",
        "steps": 3,
        "eta": 0.5,
        "seed": 3,
        "images": torch.zeros(2, 1, 32, 32, dtype=torch.uint8),
        "labels": ["a", "b"],
    },
    "eta:zero seed:zero images:numpy,none",
    model="choice",
    method="choice",
    images="images",
)
good(
    "PriorCloud",
    widgets.PriorCloud,
    lambda: {
        "system": dalle(),
        "captions": ["a cat", "a dog"],
        "images": PHOTOS,
        "training": rand(20, 12),
        "guidances": [1.0, 2.0],
        "n": 1,
        "seed": 1,
        "temperature": 1.0,
        "prior_steps": 2,
        "steps": 2,
        "decoder_guidance": 1.0,
        "decoder_seed": 1,
        "caption": 0,
        "guidance": 1.0,
        "point": 1,
        "limit": 300_000,
    },
    "seed:zero decoder_seed:zero caption:zero point:zero temperature:zero decoder_guidance:zero,negative",
    guidances="reals",
    images="images",
)
good("PriorCloud.row", None, lambda: {"point": 2, "guidance": "1"}, "point:zero", owner=cloud)
good(
    "TextPainter",
    widgets.TextPainter,
    lambda: {
        "model": coloring(),
        "prompt": "a cat",
        "negative": "a dog",
        "guidance": 2.0,
        "steps": 2,
        "seed": 3,
        "n": 1,
        "prompts": ["a cat"],
        "guidances": [0.0, 1.0],
    },
    "prompt:empty negative:empty guidance:zero seed:zero",
    guidances="reals",
)
good(
    "TextSearch",
    widgets.TextSearch,
    lambda: {
        "model": seeing(),
        "data": chosen_pictures()[0],
        "unseen": chosen_pictures()[1],
        "query": "cat",
        "batch": [1, 2],
        "temperature": 0.07,
        "examples": ["dog"],
    },
    "query:empty examples:empty",
    unseen="truths",
)
good("TextSearch.search", None, lambda: {"words": "cat", "k": 3}, "words:empty", owner=finder)
