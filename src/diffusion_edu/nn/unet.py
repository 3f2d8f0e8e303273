"""The U-Net of DDPM: channels change within a level, size changes between levels, skips join encoder and decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._fields import JsonFields
from ..cond import Cond
from ._base import norm, zeroed
from .blocks import Attend, DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .embeddings import TimeEmbedding, VectorEmbedding
from .trace import TraceRow, trace_modules


@dataclass(frozen=True)
class UNetConfig(JsonFields):
    """Everything that fixes a U-Net's shape; it travels with the weights.

    Args:
        in_channels: channels of the picture, in and out.
        channels: C of each level, from full size down; each level halves height and width.
        blocks: blocks a level in the encoder; the decoder has one more.
        attention_levels: levels (0 is full size) whose blocks have attention. The middle block always has it.
        heads: attention heads.
        dropout: share dropped in each residual block in training.
        up: "transpose" or "nearest", see :class:`UpSample`.
        down_pad: "both" or "right", see :class:`DownSample`.
        vec_dim, token_dim, concat_channels: sizes of the condition's parts, for a conditional network.

    Raises:
        ValueError: a value is out of its range.
    """

    in_channels: int = 3
    channels: tuple[int, ...] = (64, 128, 128)
    blocks: int = 2
    attention_levels: tuple[int, ...] = (2,)
    heads: int = 1
    dropout: float = 0.0
    up: str = "transpose"
    down_pad: str = "both"
    vec_dim: int | None = None
    token_dim: int | None = None
    concat_channels: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "channels", tuple(self.channels))
        object.__setattr__(self, "attention_levels", tuple(self.attention_levels))
        levels = len(self.channels)
        rules = [
            ("in_channels", self.in_channels >= 1, "at least 1"),
            ("channels", levels >= 1 and all(c >= 4 and c % 4 == 0 for c in self.channels), "multiples of 4"),
            ("blocks", self.blocks >= 1, "at least 1"),
            (
                "attention_levels",
                all(0 <= i < levels for i in self.attention_levels),
                f"levels 0..{levels - 1}",
            ),
            (
                "heads",
                self.heads >= 1 and all(c % self.heads == 0 for c in self.channels),
                "a divisor of all channels",
            ),
            ("dropout", 0 <= self.dropout < 1, "in [0, 1)"),
            ("up", self.up in ("transpose", "nearest"), "'transpose' or 'nearest'"),
            ("down_pad", self.down_pad in ("both", "right"), "'both' or 'right'"),
            ("concat_channels", self.concat_channels >= 0, "at least 0"),
        ]
        for name, good, allowed in rules:
            if not good:
                raise ValueError(f"UNetConfig.{name} must be {allowed}, got {getattr(self, name)!r}")

    @classmethod
    def tiny(cls, **changes: Any) -> UNetConfig:
        """For tests: milliseconds a step (about 0.2 M parameters)."""
        return cls(**{"channels": (16, 16, 32), "blocks": 1, **changes})

    @classmethod
    def small(cls, **changes: Any) -> UNetConfig:
        """For the book: 1.2 M parameters, small enough to sample inside a web page."""
        return cls(**{"channels": (32, 64, 64), "blocks": 1, "heads": 4, **changes})

    @classmethod
    def base(cls, **changes: Any) -> UNetConfig:
        """The walk-through of the book: 64 wide at 32x32, 128 wide at 16x16 and 8x8, two blocks a level."""
        return cls(**changes)

    @classmethod
    def paper(cls, **changes: Any) -> UNetConfig:
        """The CIFAR-10 network of Ho et al. 2020, appendix B: 35.7 M parameters."""
        original = {"channels": (128, 256, 256, 256), "attention_levels": (1,), "dropout": 0.1}
        return cls(**{**original, "up": "nearest", "down_pad": "right", **changes})


class UNet(nn.Module):
    """The noise predictor of DDPM: (x_t, t) in, a tensor of x_t's shape out.

    Encoder, middle block and decoder; every feature map of the encoder is kept and joined, by concatenation, to
    the decoder's at the same size. All parts are told t by its embedding.

    Args:
        config: its shape.

    Source: Ronneberger et al. 2015; Ho et al. 2020, appendix B.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        c, widths = config, config.channels
        emb = 4 * widths[0]

        def attend(level: int) -> Attend | None:
            return Attend(widths[level], c.heads, c.token_dim) if level in c.attention_levels else None

        self.time = TimeEmbedding(widths[0], emb)
        self.vec = None if c.vec_dim is None else VectorEmbedding(c.vec_dim, emb)
        self.conv_in = nn.Conv2d(c.in_channels + c.concat_channels, widths[0], 3, padding=1)

        self.down = nn.ModuleList()
        skips, width = [widths[0]], widths[0]
        for level, out in enumerate(widths):
            for _ in range(c.blocks):
                self.down.append(DownBlock(width, out, emb, c.dropout, attend(level)))
                width = out
                skips.append(width)
            if level < len(widths) - 1:
                self.down.append(DownSample(width, c.down_pad))
                skips.append(width)

        self.middle1 = ResBlock(width, width, emb, c.dropout)
        self.middle_attention = Attend(width, c.heads, c.token_dim)
        self.middle2 = ResBlock(width, width, emb, c.dropout)

        self.up = nn.ModuleList()
        for level in reversed(range(len(widths))):
            for _ in range(c.blocks + 1):
                self.up.append(UpBlock(width, skips.pop(), widths[level], emb, c.dropout, attend(level)))
                width = widths[level]
            if level > 0:
                self.up.append(UpSample(width, c.up))

        self.norm_out = norm(width)
        self.conv_out = zeroed(nn.Conv2d(width, c.in_channels, 3, padding=1))

    def forward(self, x_t: Tensor, t: Tensor, cond: Cond | None = None) -> Tensor:
        """(B, C, H, W), (B,) integer steps -> (B, C, H, W).

        Raises:
            ValueError: channels, size, t or the condition do not fit the configuration.
        """
        self._check(x_t, t, cond)
        emb = self.time(t)  # (B, E)
        if self.vec is not None and cond is not None and cond.vec is not None:
            emb = emb + self.vec(cond.vec)
        if cond is not None and cond.concat is not None:
            x_t = torch.cat([x_t, cond.concat], dim=1)  # (B, C + C', H, W)

        h = self.conv_in(x_t)  # (B, widths[0], H, W)
        skips = [h]
        for part in self.down:
            h = part(h) if isinstance(part, DownSample) else part(h, emb, cond)
            skips.append(h)
        h = self.middle2(self.middle_attention(self.middle1(h, emb), cond), emb)
        for part in self.up:
            h = part(h) if isinstance(part, UpSample) else part(h, skips.pop(), emb, cond)
        return self.conv_out(F.silu(self.norm_out(h)))

    def trace(self, size: int = 32) -> list[TraceRow]:
        """The table of shapes: each part with its shapes, parameters and FLOPs for one picture of size x size."""
        with torch.device("meta"):
            twin = UNet(self.config)  # shapes only: no memory, no arithmetic
            c = self.config
            cond = Cond(
                vec=None if c.vec_dim is None else torch.zeros(1, c.vec_dim),
                tokens=None if c.token_dim is None else torch.zeros(1, 1, c.token_dim),
                concat=torch.zeros(1, c.concat_channels, size, size) if c.concat_channels else None,
            )
            x = torch.zeros(1, c.in_channels, size, size)
            return trace_modules(twin, x, torch.ones(1, dtype=torch.long), cond)

    def _check(self, x_t: Tensor, t: Tensor, cond: Cond | None) -> None:
        c = self.config
        if x_t.ndim != 4 or x_t.shape[1] != c.in_channels:
            raise ValueError(f"x_t must have shape (B, {c.in_channels}, H, W), got {tuple(x_t.shape)}")
        factor = 2 ** (len(c.channels) - 1)
        if x_t.shape[2] % factor or x_t.shape[3] % factor:
            raise ValueError(f"height and width must be multiples of {factor}, got {tuple(x_t.shape[2:])}")
        if t.shape != x_t.shape[:1]:
            raise ValueError(f"t must have shape ({x_t.shape[0]},), got {tuple(t.shape)}")
        given = cond if cond is not None else Cond()
        sizes = {
            "vec": (c.vec_dim or 0, 0 if given.vec is None else given.vec.shape[1]),
            "tokens": (c.token_dim or 0, 0 if given.tokens is None else given.tokens.shape[2]),
            "concat": (c.concat_channels, 0 if given.concat is None else given.concat.shape[1]),
        }
        for name, (wanted, got) in sizes.items():
            if wanted != got:
                raise ValueError(f"cond.{name} must have size {wanted} for this network (0: none), got {got}")
        if given.batch_size not in (None, x_t.shape[0]):
            raise ValueError(f"cond must have batch size {x_t.shape[0]}, got {given.batch_size}")
