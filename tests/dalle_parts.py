"""A tiny system of two priors and a decoder, untrained and awake, for the tests of its parts."""

import torch

import diffusion_edu as de
from diffusion_edu.nn import AutoEncoderConfig, TextEncoderConfig
from diffusion_edu.randomness import seeded
from diffusion_edu.systems import (
    CLIP,
    CLIPConfig,
    CodePriorConfig,
    Dalle,
    DalleConfig,
    LatentDiffusion,
    LatentDiffusionConfig,
    PriorConfig,
)

E, D, K, LEVELS = 12, 16, 5, 4
TEXTS = ["a red apple, noto style", "cat", "a woman mountain biking with medium skin tone, twemoji style"]
SIZES = {"embedding": E, "token_dim": D}
PRIOR = PriorConfig.tiny(**SIZES)
CODES = CodePriorConfig.tiny(**SIZES, codes=K, levels=LEVELS)
UNET = de.UNetConfig.tiny(in_channels=3, channels=(8, 16), attention_levels=(1,), heads=2, vec_dim=E)
CONFIG = DalleConfig(PRIOR, CODES, UNET, {"name": "cosine", "T": 100}, text="clip", side=8, latent="latent")


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def awake(module):
    """The module with its zero layers set to small random numbers, as after some training."""
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=g))
    return module


def used():
    """The frozen networks: a CLIP for images of 8x8, and an auto-encoder for images of 16x16."""
    text = TextEncoderConfig.tiny(vocabulary=2048)
    clip = seeded(lambda: CLIP(CLIPConfig.tiny(embedding=E, text=text)), 0)
    unet = de.UNetConfig.tiny(in_channels=3, channels=(8,), attention_levels=())
    latent = seeded(lambda: LatentDiffusion(LatentDiffusionConfig(AutoEncoderConfig.tiny(), unet, 16)), 0)
    latent.scale.copy_(torch.tensor([2.0, 0.5, 1.0]).reshape(3, 1, 1))
    return {"clip": awake(clip), "latent": awake(latent)}


def system(config=CONFIG):
    """The whole, in evaluation mode; its codes are those of a few images."""
    whole = awake(seeded(lambda: Dalle(config, used()), 0)).eval().requires_grad_(False)
    whole.codes.fit(whole.seen(randn(40, 3, 16, 16).tanh()))
    return whole


def said(batch=2, length=4, seed=0):
    """A condition as a reader makes it: each text of another length."""
    mask = torch.arange(length) < torch.arange(1, batch + 1).clamp(max=length)[:, None]
    return de.Cond(vec=randn(batch, E, seed=seed), tokens=randn(batch, length, D, seed=seed + 1), mask=mask)
