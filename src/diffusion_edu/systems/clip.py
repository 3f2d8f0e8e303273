"""CLIP: one encoder for images and one for texts, trained so that an image and its own words point the same way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import batch_of, checked
from ..config import Config
from ..data.augment import shifted
from ..nn import ImageEncoder, TextEncoder, TextEncoderConfig
from ..randomness import Draw
from ..train.machine import full_precision
from .tokenizer import emoji_tokenizer

FIRST_LOG_SCALE = math.log(1 / 0.07)
MOST_LOG_SCALE = math.log(100.0)


@dataclass(frozen=True)
class CLIPConfig(Config):
    """Everything that fixes a CLIP's shape; it travels with the weights.

    Args:
        in_channels: channels of the images.
        channels: C of each level of the image encoder; each level halves height and width.
        blocks: residual blocks a level.
        embedding: E, the size of the embeddings.
        text: shape of the text encoder.

    Raises:
        ValueError: a value is out of its range.
    """

    in_channels: int = 3
    channels: tuple[int, ...] = (32, 64, 128, 256)
    blocks: int = 1
    embedding: int = 128
    text: TextEncoderConfig = field(default_factory=TextEncoderConfig)

    def check(self) -> None:
        """Raise unless the fields are good."""
        levels = bool(self.channels) and all(c >= 1 for c in self.channels)
        self.require("in_channels", self.in_channels >= 1, "at least 1")
        self.require("channels", levels, "one positive number a level")
        self.require("blocks", self.blocks >= 1, "at least 1")
        self.require("embedding", self.embedding >= 1, "at least 1")

    @classmethod
    def tiny(cls, **changes: Any) -> CLIPConfig:
        """For tests: milliseconds a step."""
        return cls(**{"channels": (8, 16), "embedding": 12, "text": TextEncoderConfig.tiny(), **changes})

    @classmethod
    def small(cls, **changes: Any) -> CLIPConfig:
        """For the book: 3 M parameters, for images of 32x32."""
        return cls(**{"text": TextEncoderConfig.small(), **changes})


class Embedded(NamedTuple):
    """What :class:`CLIP` makes of a batch: image (B, E) and text (B, E) of length 1, and the log of the scale."""

    image: Tensor
    text: Tensor
    log_scale: Tensor


@checked
class CLIP(nn.Module):
    """Two encoders into one space, in which the cosine says how well a text fits an image.

    `log_scale` is learned too: cosines are multiplied by its exponential before the softmax. It starts at ln(1/0.07)
    and is kept in [0, ln 100].

    Args:
        config: its shape.

    Source: Radford et al. 2021, sections 2.3 to 2.5.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        self.image = ImageEncoder(config.in_channels, config.channels, config.blocks)
        self.image_out = nn.Linear(config.channels[-1], config.embedding, bias=False)
        self.text = TextEncoder(config.text)
        self.text_out = nn.Linear(config.text.width, config.embedding, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_LOG_SCALE))

    @checked(fits="x0")
    def encode_image(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> (B, E) of length 1, float32."""
        return F.normalize(self.image_out(self.image(x0)).float(), dim=1)

    @checked
    def encode_text(self, texts: Sequence[str] | Tensor, mask: Tensor | None = None) -> Tensor:
        """Texts -> (B, E) of length 1, float32.

        Args:
            texts: B texts, which the vocabulary of the emoji's captions cuts into tokens; or (B, L) tokens.
            mask: (B, L) bool, True for a real token; with tokens only.
        """
        if not isinstance(texts, Tensor):
            ids, mask = emoji_tokenizer().encode(texts)
            if ids.shape[1] > self.config.text.length:  # a longer text loses its end
                ids, mask = emoji_tokenizer().encode(texts, self.config.text.length)
            texts, mask = ids.to(self.log_scale.device), mask.to(self.log_scale.device)
        return F.normalize(self.text_out(self.text(texts, mask)[1]).float(), dim=1)

    @checked(fits="x0 ids mask")
    def forward(self, x0: Tensor, ids: Tensor, mask: Tensor) -> Embedded:
        """Both embeddings of a batch, and the log of the scale.

        Raises:
            TypeError, ValueError: other types or shapes, or not as many images as texts.
        """
        if len(x0) != len(ids):
            raise ValueError(f"x0 must have one image for each text of ids, {len(ids)}, got {len(x0)}")
        if self.training:
            # Outside its range the clamp of the loss has no gradient: a step too far could never be taken back.
            with torch.no_grad():
                self.log_scale.clamp_(0.0, MOST_LOG_SCALE)
        return Embedded(self.encode_image(x0), self.encode_text(ids, mask), self.log_scale)


@checked
def clip_loss(image: Tensor, text: Tensor, log_scale: Tensor | float, groups: Tensor | None = None) -> Tensor:
    r"""Symmetric cross entropy: each image must find its text among the batch's, and each text its image.

    L = 1/2 (CE(rows of S) + CE(columns of S)), S_ij = exp(log_scale) image_i . text_j, right answer i = j.

    Equation: eq-contrastive (Radford et al. 2021, figure 3; duplicates are left out here).
    Checked by: tests/systems/test_clip.py::test_the_loss_is_the_formula.

    Args:
        image: (B, E), made to have length 1.
        text: (B, E), likewise; row i belongs to image i. Moved to the device of `image`, as `groups`.
        log_scale: logarithm of the inverse temperature; clamped to [0, ln 100].
        groups: (B,) integers, equal for entries that show or say the same: those are no wrong answers to each other,
            and are left out of each other's sums.

    Returns:
        A scalar, float32. With embeddings that know nothing it is about ln B.

    Raises:
        ValueError: other shapes.
    """
    if image.ndim != 2 or image.shape != text.shape or len(image) == 0:
        raise ValueError(f"image and text must both be (B, E), got {tuple(image.shape)} and {tuple(text.shape)}")
    # In float32 whatever autocast says: in bf16 a cosine has two digits, and the scale is up to 100.
    with full_precision(image.device):
        scale = torch.as_tensor(log_scale, device=image.device).float().clamp(0.0, MOST_LOG_SCALE).exp()
        text = text.to(image.device)
        similarity = scale * F.normalize(image.float(), dim=1) @ F.normalize(text.float(), dim=1).T  # (B, B)
        if groups is not None:
            if groups.shape != image.shape[:1]:
                raise ValueError(f"groups must have shape ({len(image)},), got {tuple(groups.shape)}")
            itself = torch.eye(len(image), dtype=torch.bool, device=image.device)
            similarity = similarity.masked_fill(
                (groups[:, None] == groups[None]).to(image.device) & ~itself, -torch.inf
            )
        right = torch.arange(len(image), device=image.device)
        return (F.cross_entropy(similarity, right) + F.cross_entropy(similarity.T, right)) / 2


@checked
@dataclass(frozen=True)
class Contrast:
    """The objective of CLIP for :func:`diffusion_edu.fit`.

    The data hold `pixels` (N, C, H, W); `ids` (N, L), or (N, K, L) with K phrasings of which each step draws one;
    and `group` (N,), equal for entries that are the same thing. Token 0 is padding.

    Args:
        shift: images are moved by up to so many pixels in each direction, onto white.

    Raises:
        ValueError: shift is negative.
    """

    shift: int = 0
    whole_batches: ClassVar[bool] = True  # each image is compared with all texts of the batch

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"Contrast.shift must be at least 0, got {self.shift!r}")

    @checked(batch=batch_of("pixels", "ids", "group"))
    def __call__(self, model: Any, batch: dict[str, Tensor], draw: Draw) -> Tensor:
        """The loss of one batch."""
        x0, ids = batch["pixels"], batch["ids"]
        if self.shift:
            x0 = shifted(x0, self.shift, draw)
        if ids.ndim == 3:
            row = torch.arange(len(ids), device=ids.device)
            ids = ids[row, draw.integers(0, ids.shape[1])]
        image, text, log_scale = model(x0, ids, ids != 0)
        return clip_loss(image, text, log_scale, batch["group"])
