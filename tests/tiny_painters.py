"""Small text-to-image systems with random weights, which half precision holds: for tests of what is around them."""

from __future__ import annotations

import torch

import diffusion_edu as de
from diffusion_edu.nn import AutoEncoderConfig
from diffusion_edu.systems import LatentDiffusion, LatentDiffusionConfig, PixelDiffusion, PixelDiffusionConfig

SCHEDULE = {"name": "cosine", "T": 1000}
TEXT = {"vec_dim": 128, "token_dim": 96}
READER = "emoji-clip"


def shaken(system, spread=0.05):
    """The system, none of whose tensors is at zero or one, as after training."""
    g = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in system.state_dict().values():
            tensor.add_(spread * torch.randn(tensor.shape, generator=g)).copy_(tensor.half().float())
    return system.eval().requires_grad_(False)


def tiny_latent() -> LatentDiffusion:
    """16x16 images, a latent of 4 channels; the text is read at two sizes, at the first and in the middle."""
    coder = AutoEncoderConfig.tiny(latent_channels=4)
    unet = de.UNetConfig(4, (8, 16), 1, attention_levels=(), cross_levels=(0,), heads=2, **TEXT)
    config = LatentDiffusionConfig(coder, unet, 16, SCHEDULE, text=READER)
    return shaken(de.randomness.seeded(lambda: LatentDiffusion(config, {READER: de.load(READER)}), 0))


def tiny_pixel() -> PixelDiffusion:
    """8x8 images, clipped dynamically; the text is read in the middle alone."""
    unet = de.UNetConfig(3, (8,), 1, attention_levels=(), heads=2, **TEXT)
    config = PixelDiffusionConfig(unet, 8, SCHEDULE, "v", "dynamic", READER)
    return shaken(de.randomness.seeded(lambda: PixelDiffusion(config, {READER: de.load(READER)}), 0))
