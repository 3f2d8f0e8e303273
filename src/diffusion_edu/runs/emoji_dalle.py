"""The run `emoji-dalle`: DALL-E 2 in miniature, 64x64, with both of its priors.

Three stages, each of which needs none of the others: the prior by diffusion and the prior by codes, which see captions
and embeddings of images, and the decoder, which sees images and their embeddings and no text.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..data import emoji, to_x0
from ..diffusion import NoiseSchedule
from ..nn import UNet
from ..pretrained import load_as
from ..systems import (
    CodePrior,
    Dalle,
    DalleConfig,
    DiffusionPrior,
    EmbeddingWithText,
    FromEmbedding,
    LatentDiffusion,
    NextCode,
    PrincipalCodes,
    image_embeddings,
)
from ..train import Recipe
from .emoji_words import NOTES, READER, captions, on_gpu, reader
from .run import Made, Run, Source, Stage

LATENT = "emoji-latent"
SIZE = 64
CONFIG = DalleConfig(text=READER, latent=LATENT)
PRIOR = Recipe(steps=8_000, batch_size=128, rate=1e-3, warmup=200, cooldown=4_000, ema_decay=0.998)
DECODER = Recipe(steps=20_000, batch_size=64, rate=1e-3, warmup=200, cooldown=10_000, ema_decay=0.998)


@cache
def painter() -> LatentDiffusion:
    """The shipped system whose auto-encoder makes images of what the decoder draws."""
    return load_as(LATENT, LatentDiffusion)


def images() -> Tensor:
    """The training split, (N, 3, 64, 64) uint8."""
    return emoji("train", size=SIZE).pixels


def embeddings() -> Tensor:
    """What the frozen CLIP sees in each image of the training split, times sqrt(E): (N, E)."""
    return image_embeddings(reader().clip, images(), CONFIG.side)


def fitted_codes() -> PrincipalCodes:
    """The numbers into which the embeddings of the training split are turned."""
    return PrincipalCodes(CONFIG.code_prior).fit(embeddings())


def _embeddings_with_captions(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-dalle")
    return {"embedding": embeddings(), **captions()}


def _codes_with_captions(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-dalle")
    return {"codes": fitted_codes().encode(embeddings()), **captions()}


@torch.no_grad()
def _latents_with_embeddings(source: Source, made: Made) -> dict[str, Tensor]:
    source.refuse_folder("emoji-dalle")
    system = painter()
    parts = [system.autoencoder.encode(part) for part in to_x0(images()).split(128)]
    mean, std = torch.cat([part.mean for part in parts]), torch.cat([part.std for part in parts])
    return {"mean": (mean - system.shift) * system.scale, "std": std * system.scale, "vec": embeddings()}


def _assemble(made: Made) -> Dalle:
    system = Dalle(CONFIG, {READER: reader().clip, LATENT: painter()})
    for name, network in (("prior", "prior"), ("code_prior", "codes"), ("unet", "decoder")):
        getattr(system, name).load_state_dict(made[network].state_dict())
    system.codes.load_state_dict(fitted_codes().state_dict())
    return system


def report(system: Dalle) -> dict[str, Any]:
    """How near the embeddings that a text leads to are to those of the true images, on the held-out split.

    Returns:
        JSON-ready: mean cosines to the true embedding, of both priors with and without guidance, of the text's own
        embedding, of the mean embedding of the training split, and of the true one after it was turned into codes.
    """
    data = emoji("test", size=system.shape[1])
    true, texts = system.seen(data.pixels), list(data.captions)

    def cosine(other: Tensor) -> float:
        return F.cosine_similarity(other.cpu(), true).mean().item()

    codes = system.codes
    found = {
        "text": cosine(system.embed(texts, prior="none")),
        "mean": cosine(codes.mean[None]),
        "codes_of_the_true_image": cosine(codes.decode(codes.encode(true.to(codes.mean.device)))),
    }
    for prior in ("diffusion", "codes"):
        for guidance in (1.0, 2.0):
            found[f"{prior}_guidance_{guidance:g}"] = cosine(system.embed(texts, prior=prior, prior_guidance=guidance))
    found["codes_likeliest"] = cosine(system.embed(texts, prior="codes", prior_guidance=1.0, temperature=0.0))
    return {"images": len(texts), "cosine_to_the_true_embedding": found}


def _schedule() -> NoiseSchedule:
    return NoiseSchedule.from_dict(CONFIG.schedule)


RUN = Run(
    name="emoji-dalle",
    about="text to image by way of an image's embedding, two priors and a decoder: three hours on one CPU core",
    stages=(
        Stage(
            "prior",
            DiffusionPrior,
            CONFIG.prior,
            PRIOR,
            _embeddings_with_captions,
            lambda made: EmbeddingWithText(_schedule()),
            gpu=on_gpu(3_000, compiled=False),
        ),
        Stage(
            "codes",
            CodePrior,
            CONFIG.code_prior,
            PRIOR,
            _codes_with_captions,
            lambda made: NextCode(),
            gpu=on_gpu(2_000, compiled=False),
            needs=(),
        ),
        Stage(
            "decoder",
            UNet,
            CONFIG.unet,
            DECODER,
            _latents_with_embeddings,
            lambda made: FromEmbedding(_schedule()),
            gpu=on_gpu(8_000),
            needs=(),
        ),
    ),
    assemble=_assemble,
    measure=report,
    notes={
        **NOTES,
        "limits": "It draws emoji, and knows the few thousand words of their captions. The decoder sees an embedding "
        "of 128 numbers and no word: what these do not say, such as what is where, is left to chance. Whether an image "
        "shows what was asked must not be judged by emoji-clip, whose embeddings these are",
    },
)
