"""What the good calls are made of: small networks, tensors and files, the same at every run."""

from __future__ import annotations

import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

import diffusion_edu as de
from diffusion_edu import metrics, systems
from diffusion_edu import nn as parts
from diffusion_edu.randomness import Draw
from diffusion_edu.systems.sentence_encoder import SentenceEncoder, SentenceEncoderConfig
from diffusion_edu.systems.text import ClipText


def rand(*shape: int) -> Tensor:
    """The same numbers at every call, in (-1, 1)."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float32) * 1.8 - 0.9


def generator() -> torch.Generator:
    """A new one."""
    return torch.Generator().manual_seed(0)


S = de.NoiseSchedule.linear(100)
PATH = de.StraightPath(100)
X, Y, Z = rand(2, 1, 4, 4), rand(2, 1, 4, 4) * 0.5, rand(2, 1, 4, 4) * 0.3
T2 = torch.tensor([3, 50])
P = torch.randint(0, 256, (6, 1, 8, 8), generator=generator(), dtype=torch.uint8)
FLAT = rand(6, 3)


@cache
def folder() -> Path:
    """Where calls write."""
    return Path(tempfile.mkdtemp())


class Zero(nn.Module):
    """The smallest network."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.zeros(()))

    def forward(self, x_t: Tensor, t: Tensor, cond: Any = None) -> Tensor:
        """Nothing of x_t."""
        return self.scale * x_t


@cache
def unet(**changes: Any) -> parts.UNet:
    """A U-Net of two levels, made once."""
    return parts.new_unet(
        parts.UNetConfig.tiny(**{"in_channels": 1, "channels": (4, 4), "attention_levels": (1,), **changes}), 0
    ).eval()


def reading() -> parts.UNet:
    """One that reads tokens and a vector."""
    return unet(token_dim=16, vec_dim=12)


def cond(b: int = 2) -> de.Cond:
    """What :func:`reading` reads."""
    return de.Cond(vec=rand(b, 12), tokens=rand(b, 3, 16), mask=torch.ones(b, 3, dtype=torch.bool))


def the(thing: Any) -> Any:
    """Itself."""
    return thing


def denoiser() -> de.Denoiser:
    """Around the smallest network."""
    return de.Denoiser(Zero(), S)


def estimate() -> de.Estimate:
    """Of X's shape."""
    return de.Estimate(Y, Z)


@cache
def classifier() -> systems.Classifier:
    """A tiny one."""
    return systems.Classifier(systems.ClassifierConfig(1, (4, 4), 1, 3)).eval()


@cache
def clip() -> systems.CLIP:
    """A tiny one, with the vocabulary of the emoji."""
    text = parts.TextEncoderConfig.tiny(vocabulary=2048)
    return systems.CLIP(systems.CLIPConfig.tiny(text=text)).eval().requires_grad_(False)


@cache
def pixel() -> systems.PixelDiffusion:
    """A system without texts."""
    return systems.PixelDiffusion(pixel_config()).eval().requires_grad_(False)


def pixel_config() -> systems.PixelDiffusionConfig:
    """Its shape."""
    shape = parts.UNetConfig.tiny(in_channels=1, channels=(4, 4), attention_levels=(1,))
    return systems.PixelDiffusionConfig(unet=shape, size=8, schedule={"name": "linear", "T": 100})


@cache
def painter() -> systems.PixelDiffusion:
    """A system that reads."""
    shape = parts.UNetConfig.tiny(in_channels=1, channels=(4, 4), attention_levels=(1,), token_dim=16, vec_dim=12)
    config = systems.PixelDiffusionConfig(unet=shape, size=8, schedule={"name": "linear", "T": 100})
    return systems.PixelDiffusion(config, text=ClipText(clip())).eval().requires_grad_(False)


def latent_config() -> systems.LatentDiffusionConfig:
    """A small latent diffusion."""
    shape = parts.UNetConfig.tiny(in_channels=3, channels=(4, 4), attention_levels=(1,))
    return systems.LatentDiffusionConfig(
        autoencoder=parts.AutoEncoderConfig.tiny(in_channels=3),
        unet=shape,
        size=16,
        schedule={"name": "cosine", "T": 50},
    )


@cache
def latent() -> systems.LatentDiffusion:
    """It."""
    return systems.LatentDiffusion(latent_config()).eval().requires_grad_(False)


def imagen_config() -> systems.ImagenConfig:
    """A cascade of two."""
    shape = partial(parts.UNetConfig.tiny, in_channels=1, channels=(4, 4), attention_levels=(1,))
    return systems.ImagenConfig(
        base=shape(),
        up=(shape(concat_channels=1, level=True),),
        size=8,
        schedule={"name": "cosine", "T": 50},
        most_level=30,
        level=5,
    )


@cache
def imagen() -> systems.Imagen:
    """It."""
    return systems.Imagen(imagen_config()).eval().requires_grad_(False)


def prior_config() -> systems.PriorConfig:
    """Of embeddings of 12 numbers."""
    return systems.PriorConfig.tiny(embedding=12, token_dim=16)


def code_config() -> systems.CodePriorConfig:
    """The same by codes."""
    trunk = parts.TransformerConfig.tiny(causal=True)
    return systems.CodePriorConfig(embedding=12, token_dim=16, trunk=trunk, codes=3, levels=4)


@cache
def code_prior() -> systems.CodePrior:
    """It."""
    return systems.CodePrior(code_config()).eval().requires_grad_(False)


@cache
def codes() -> systems.PrincipalCodes:
    """Of the same embeddings."""
    return systems.PrincipalCodes(code_config())


def dalle_config() -> systems.DalleConfig:
    """A DALL-E 2 around the tiny CLIP and latent diffusion."""
    shape = parts.UNetConfig.tiny(in_channels=3, channels=(4, 4), attention_levels=(1,), vec_dim=12)
    return systems.DalleConfig(
        prior=prior_config(), code_prior=code_config(), unet=shape, schedule={"name": "cosine", "T": 50}, side=16
    )


@cache
def dalle() -> systems.Dalle:
    """It."""
    return systems.Dalle(dalle_config(), used()).eval().requires_grad_(False)


def used() -> dict[str, nn.Module]:
    """The frozen networks of it."""
    return {"emoji-clip": clip(), "emoji-latent": latent()}


@cache
def tokenizer() -> systems.Tokenizer:
    """Of a few words."""
    return systems.Tokenizer.train(["a red apple", "a cat"], size=64)


@cache
def sentence() -> SentenceEncoder:
    """A tiny BERT."""
    return SentenceEncoder(SentenceEncoderConfig(64, 16, 8, 1, 2, 8)).eval().requires_grad_(False)


def features_of(x0: Tensor) -> Tensor:
    """Three features of an image of 8 x 8."""
    return torch.stack([x0.mean((1, 2, 3)), x0.amax((1, 2, 3)), x0[:, 0, 0, 0]], dim=1)


def feature_network() -> metrics.FeatureNetwork:
    """They, as a network."""
    return metrics.FeatureNetwork("test", "test", features_of, 3, 1, 8, "none")


def statistics() -> de.Statistics:
    """Of FLAT."""
    return de.Statistics(3).update(FLAT)


def draw(b: int = 2) -> Draw:
    """The random numbers of a step."""
    return Draw(generator(), b)


def captions(b: int = 2) -> dict[str, Tensor]:
    """Two phrasings of each image."""
    return {"tokens": rand(b, 2, 3, 16), "mask": torch.ones(b, 2, 3, dtype=torch.bool), "vec": rand(b, 2, 12)}


def read(texts: Any) -> de.Cond:
    """A reader of texts that says little."""
    return cond(len(texts))
