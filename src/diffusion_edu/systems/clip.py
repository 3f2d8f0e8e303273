"""CLIP: one encoder for pictures and one for texts, trained so that a picture and its own words point the same way."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._fields import JsonFields
from ..nn._base import norm, zeroed
from ..nn.transformer import TextEncoder, TransformerConfig

FIRST_LOG_SCALE = math.log(1 / 0.07)
MOST_LOG_SCALE = math.log(100.0)


@dataclass(frozen=True)
class CLIPConfig(JsonFields):
    """Everything that fixes a CLIP's shape; it travels with the weights.

    Args:
        in_channels: channels of the pictures.
        channels: C of each level of the picture encoder; each level halves height and width.
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
    text: TransformerConfig = field(default_factory=TransformerConfig)

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        rules = [
            ("in_channels", self.in_channels >= 1, "at least 1"),
            ("channels", bool(self.channels) and all(c >= 1 for c in self.channels), "one positive number a level"),
            ("blocks", self.blocks >= 1, "at least 1"),
            ("embedding", self.embedding >= 1, "at least 1"),
        ]
        for name, good, allowed in rules:
            if not good:
                raise ValueError(f"CLIPConfig.{name} must be {allowed}, got {getattr(self, name)!r}")

    @classmethod
    def tiny(cls, **changes: Any) -> CLIPConfig:
        """For tests: milliseconds a step."""
        return cls(**{"channels": (8, 16), "embedding": 12, "text": TransformerConfig.tiny(), **changes})

    @classmethod
    def small(cls, **changes: Any) -> CLIPConfig:
        """For the book: 3 M parameters, for pictures of 32x32."""
        return cls(**{"text": TransformerConfig.small(), **changes})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CLIPConfig:
        """The inverse of :meth:`to_dict`, the text encoder's fields included.

        Raises:
            ValueError: a field is not known.
        """
        text = {"text": TransformerConfig.from_dict(data["text"])} if "text" in data else {}
        return super().from_dict({**data, **text})


class Residual(nn.Module):
    """x + conv2(silu(norm2(conv1(silu(norm1(x)))))): the U-Net's residual block without an embedding to listen to."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm1 = norm(channels)
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm2 = norm(channels)
        self.conv2 = zeroed(nn.Conv2d(channels, channels, 3, padding=1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        return x + self.conv2(F.silu(self.norm2(self.conv1(F.silu(self.norm1(x))))))


class ImageEncoder(nn.Module):
    """A small convolutional network: levels of half the size each, residual blocks, and the mean over positions.

    Args:
        config: its shape.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        widths = (config.in_channels, *config.channels)
        for before, after in pairwise(widths):
            layers.append(nn.Conv2d(before, after, 4, stride=2, padding=1))
            layers += [Residual(after) for _ in range(config.blocks)]
        self.levels = nn.Sequential(*layers)
        self.norm = norm(widths[-1])

    def forward(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) pictures in [-1, 1] -> (B, channels[-1])."""
        return F.silu(self.norm(self.levels(x0))).mean((2, 3))


class Embedded(NamedTuple):
    """What :class:`CLIP` makes of a batch: image (B, E) and text (B, E) of length 1, and the log of the scale."""

    image: Tensor
    text: Tensor
    log_scale: Tensor


class CLIP(nn.Module):
    """Two encoders into one space, in which the cosine says how well a text fits a picture.

    `log_scale` is learned too: cosines are multiplied by its exponential before the softmax. It starts at ln(1/0.07)
    and is kept in [0, ln 100].

    Args:
        config: its shape.

    Source: Radford et al. 2021, sections 2.3 to 2.5.
    """

    def __init__(self, config: CLIPConfig) -> None:
        super().__init__()
        self.config = config
        self.image = ImageEncoder(config)
        self.image_out = nn.Linear(config.channels[-1], config.embedding, bias=False)
        self.text = TextEncoder(config.text)
        self.text_out = nn.Linear(config.text.width, config.embedding, bias=False)
        self.log_scale = nn.Parameter(torch.tensor(FIRST_LOG_SCALE))

    def encode_image(self, x0: Tensor) -> Tensor:
        """(B, C, H, W) pictures in [-1, 1] -> (B, E) of length 1, float32."""
        return F.normalize(self.image_out(self.image(x0)).float(), dim=1)

    def encode_text(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(B, L) tokens, (B, L) bool -> (B, E) of length 1, float32."""
        return F.normalize(self.text_out(self.text(ids, mask)[1]).float(), dim=1)

    def forward(self, x0: Tensor, ids: Tensor, mask: Tensor) -> Embedded:
        """Both embeddings of a batch, and the log of the scale."""
        if self.training:
            # Outside its range the clamp of the loss has no gradient: a step too far could never be taken back.
            with torch.no_grad():
                self.log_scale.clamp_(0.0, MOST_LOG_SCALE)
        return Embedded(self.encode_image(x0), self.encode_text(ids, mask), self.log_scale)


def clip_loss(image: Tensor, text: Tensor, log_scale: Tensor | float, groups: Tensor | None = None) -> Tensor:
    r"""Symmetric cross entropy: each picture must find its text among the batch's, and each text its picture.

    L = 1/2 (CE(rows of S) + CE(columns of S)), S_ij = exp(log_scale) image_i . text_j, right answer i = j.

    Equation: eq-contrastive (Radford et al. 2021, figure 3; duplicates are left out here).
    Checked by: tests/systems/test_clip.py::test_the_loss_is_the_formula.

    Args:
        image: (B, E), made to have length 1.
        text: (B, E), likewise; row i belongs to picture i.
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
    with torch.autocast(image.device.type, enabled=False):
        scale = torch.as_tensor(log_scale, device=image.device).float().clamp(0.0, MOST_LOG_SCALE).exp()
        similarity = scale * F.normalize(image.float(), dim=1) @ F.normalize(text.float(), dim=1).T  # (B, B)
        if groups is not None:
            if groups.shape != image.shape[:1]:
                raise ValueError(f"groups must have shape ({len(image)},), got {tuple(groups.shape)}")
            itself = torch.eye(len(image), dtype=torch.bool, device=image.device)
            similarity = similarity.masked_fill((groups[:, None] == groups[None]) & ~itself, -torch.inf)
        right = torch.arange(len(image), device=image.device)
        return (F.cross_entropy(similarity, right) + F.cross_entropy(similarity.T, right)) / 2


@dataclass(frozen=True)
class Contrast:
    """The objective of CLIP for :func:`diffusion_edu.fit`.

    The data hold `pixels` (N, C, H, W); `ids` (N, L), or (N, K, L) with K phrasings of which each step draws one;
    and `group` (N,), equal for entries that are the same thing. Token 0 is padding.

    Args:
        shift: pictures are moved by up to so many pixels in each direction, onto white.

    Raises:
        ValueError: shift is negative.
    """

    shift: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0:
            raise ValueError(f"Contrast.shift must be at least 0, got {self.shift!r}")

    def __call__(self, model: Any, batch: dict[str, Tensor], generator: torch.Generator) -> Tensor:
        """The loss of one batch."""
        x0, ids = batch["pixels"], batch["ids"]
        if self.shift:
            x0 = shifted(x0, self.shift, generator)
        if ids.ndim == 3:
            row = torch.arange(len(ids), device=ids.device)
            ids = ids[row, torch.randint(ids.shape[1], (len(ids),), generator=generator, device=ids.device)]
        image, text, log_scale = model(x0, ids, ids != 0)
        return clip_loss(image, text, log_scale, batch["group"])


def shifted(x0: Tensor, most: int, generator: torch.Generator, fill: float = 1.0) -> Tensor:
    """Each picture moved by a random number of pixels, at most `most` up, down, left and right.

    Args:
        x0: (B, C, H, W) in [-1, 1].
        most: at least 0.
        generator: on the device of x0.
        fill: what comes in at the edges: 1 is white, -1 black.

    Returns:
        (B, C, H, W).
    """
    b, c, height, width = x0.shape
    down, right = torch.randint(2 * most + 1, (2, b, 1), generator=generator, device=x0.device)
    rows = down + torch.arange(height, device=x0.device)  # (B, H)
    columns = right + torch.arange(width, device=x0.device)  # (B, W)
    which, channel = torch.arange(b, device=x0.device), torch.arange(c, device=x0.device)
    padded = F.pad(x0, (most, most, most, most), value=fill)
    return padded[which[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None]]
