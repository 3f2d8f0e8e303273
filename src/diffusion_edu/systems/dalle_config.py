"""What fixes a DALL-E 2 in miniature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..config import Config
from ..nn import UNetConfig
from .code_prior import CodePriorConfig
from .described import check_drawing
from .prior import PriorConfig


def _decoder() -> UNetConfig:
    return UNetConfig(4, (48, 72, 96), 1, (1, 2), dropout=0.1, heads=2, vec_dim=128)


@dataclass(frozen=True)
class DalleConfig(Config):
    """Everything that fixes such a system; it travels with the weights.

    Args:
        prior: the prior by diffusion.
        code_prior: the prior by codes.
        unet: the decoder: a network that denoises latents, conditioned on an embedding.
        schedule: arguments of :meth:`NoiseSchedule.from_dict`, for embeddings and for latents.
        target: what the decoder predicts: "eps", "x0" or "v".
        text: name of the shipped CLIP, whose embeddings these are.
        side: height and width of the images that the CLIP reads; those of the system are averaged down to it.
        latent: name of the shipped latent diffusion whose auto-encoder makes images of latents.

    Raises:
        ValueError: a value is out of its range, or the parts do not fit each other.
    """

    prior: PriorConfig = field(default_factory=PriorConfig)
    code_prior: CodePriorConfig = field(default_factory=CodePriorConfig)
    unet: UNetConfig = field(default_factory=_decoder)
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "cosine", "T": 1000})
    target: str = "v"
    text: str = "emoji-clip"
    side: int = 32
    latent: str = "emoji-latent"

    def check(self) -> None:
        """Raise unless the fields are good."""
        size = self.prior.embedding
        self.require("code_prior", self.code_prior.embedding == size, f"one of embeddings of {size} numbers")
        self.require("code_prior", self.code_prior.token_dim == self.prior.token_dim, "one that reads the same tokens")
        told = self.unet.vec_dim == size and self.unet.token_dim is None
        self.require("unet", told, f"one with vec_dim {size} and no tokens: it is told an embedding alone")
        self.require("side", self.side >= 1, "at least 1")
        check_drawing(self)
