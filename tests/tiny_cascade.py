"""A small cascade over color images of 4x4, 8x8 and 16x16 with random weights, which reads letters."""

from __future__ import annotations

import torch

import diffusion_edu as de
from diffusion_edu.randomness import seeded
from diffusion_edu.systems import Imagen, ImagenConfig

T, LEVEL = 50, 6
WORDS = {"vec_dim": 5, "token_dim": 6}
UP = {"in_channels": 3, "concat_channels": 3, "level": True, "blocks": 1, "attention_levels": (), "stride": 2}
CONFIG = ImagenConfig(
    de.UNetConfig(3, (8, 8), 1, attention_levels=(1,), **WORDS),
    (de.UNetConfig(channels=(8, 8), cross_levels=(1,), **UP, **WORDS), de.UNetConfig(channels=(8,), **UP)),
    4,
    {"name": "cosine", "T": T},
    most_level=20,
    level=LEVEL,
)


def reader(texts):
    """Each text as its length and its first letters; an empty one says nothing."""
    said = torch.tensor([bool(text.strip()) for text in texts])[:, None]
    letters = torch.tensor([[ord(c) % 7 for c in f"{text}   "[:3]] for text in texts]).float()
    vec = torch.tensor([[len(text), 1.0, 0.0, 0.0, 2.0] for text in texts])
    return de.Cond(vec=vec * said, tokens=letters[:, :, None].expand(-1, -1, 6), mask=(letters != 4) & said)


def cascade() -> Imagen:
    """The whole, each tensor of which is some way from its start."""
    system = seeded(lambda: Imagen(CONFIG, text=reader), 0).eval().requires_grad_(False)
    g = torch.Generator().manual_seed(0)
    for parameter in system.parameters():
        parameter.add_(0.15 * torch.randn(parameter.shape, generator=g))
    return system
