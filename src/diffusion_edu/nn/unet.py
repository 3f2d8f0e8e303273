"""The U-Net of DDPM: channels change within a level, size changes between levels, skips join encoder and decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import checked
from ..cond import Cond
from ..config import Config
from ..randomness import seeded
from ._base import norm, zeroed
from .blocks import Attend, DownBlock, DownSample, ResBlock, UpBlock, UpSample
from .embeddings import TimeEmbedding, VectorEmbedding, batch_of_steps
from .trace import TraceRow, trace_modules


@dataclass(frozen=True)
class UNetConfig(Config):
    """Everything that fixes a U-Net's shape; it travels with the weights.

    Args:
        in_channels: channels of the image, in and out.
        channels: C of each level, from the largest down; each level halves height and width.
        blocks: blocks a level in the encoder; the decoder has one more.
        attention_levels: levels (0 is full size) whose blocks have self-attention. The middle block always has it.
        cross_levels: levels whose blocks read the condition's tokens, as the middle block does too; None: those of
            `attention_levels`. At a level that is here alone, text is read without self-attention, which is dear
            where positions are many.
        heads: attention heads.
        dropout: share dropped in each residual block in training.
        up: "transpose" or "nearest", see :class:`UpSample`.
        down_pad: "both" or "right", see :class:`DownSample`.
        vec_dim, token_dim, concat_channels: sizes of the condition's parts, for a conditional network.
        level: whether the network is given the noise level of the images of `concat`, :attr:`Cond.level`.
        stride: 1: the first and the last layer are 3x3 convolutions at full size. 2: they are an overlapping 4x4
            convolution of stride 2 and its transpose, so that no block works at full size, which costs a quarter.

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
    cross_levels: tuple[int, ...] | None = None
    level: bool = False
    stride: int = 1

    def check(self) -> None:
        """Raise unless the fields are good."""
        levels = len(self.channels)
        inside = all(0 <= i < levels for i in self.attention_levels)
        divided = self.heads >= 1 and all(c % self.heads == 0 for c in self.channels)
        self.require("in_channels", self.in_channels >= 1, "at least 1")
        self.require("channels", levels >= 1 and all(c >= 4 and c % 4 == 0 for c in self.channels), "multiples of 4")
        self.require("blocks", self.blocks >= 1, "at least 1")
        self.require("attention_levels", inside, f"levels 0..{levels - 1}")
        self.require("heads", divided, "a divisor of all channels")
        self.require("dropout", 0 <= self.dropout < 1, "in [0, 1)")
        self.require("up", self.up in ("transpose", "nearest"), "'transpose' or 'nearest'")
        self.require("down_pad", self.down_pad in ("both", "right"), "'both' or 'right'")
        self.require("vec_dim", self.vec_dim is None or self.vec_dim >= 1, "None or at least 1")
        self.require("token_dim", self.token_dim is None or self.token_dim >= 1, "None or at least 1")
        self.require("concat_channels", self.concat_channels >= 0, "at least 0")
        read = all(0 <= i < levels for i in self.cross_levels or ())
        self.require("cross_levels", read, f"None or levels 0..{levels - 1}")
        heard = not self.cross_levels or self.token_dim is not None
        self.require("cross_levels", heard, "None for a network without token_dim")
        self.require("stride", self.stride in (1, 2), "1 or 2")

    @property
    def factor(self) -> int:
        """What height and width must be multiples of."""
        return self.stride * 2 ** (len(self.channels) - 1)

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


@checked
class UNet(nn.Module):
    """The noise predictor of DDPM: (x_t, t) in, a tensor of x_t's shape out.

    Encoder, middle block and decoder; every feature map of the encoder is kept and joined, by concatenation, to
    the decoder's at the same size. All parts are given the embedding of t.

    Args:
        config: its shape.

    Source: Ronneberger et al. 2015; Ho et al. 2020, appendix B.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        c, widths = config, config.channels
        emb = 4 * widths[0]

        cross_levels = c.attention_levels if c.cross_levels is None else c.cross_levels

        def attend(level: int) -> Attend | None:
            own = level in c.attention_levels
            token_dim = c.token_dim if level in cross_levels else None
            return Attend(widths[level], c.heads, token_dim, own) if own or token_dim is not None else None

        self.time = TimeEmbedding(widths[0], emb)
        self.vec = None if c.vec_dim is None else VectorEmbedding(c.vec_dim, emb)
        self.level = TimeEmbedding(widths[0], emb) if c.level else None
        kernel = 3 if c.stride == 1 else 4
        into = c.in_channels + c.concat_channels
        self.conv_in = nn.Conv2d(into, widths[0], kernel, stride=c.stride, padding=1)

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
        # The transposed convolution's outputs overlap: each sees four positions, and blocks of pixels show no seams.
        last = nn.Conv2d if c.stride == 1 else nn.ConvTranspose2d
        self.conv_out = zeroed(last(width, c.in_channels, kernel, stride=c.stride, padding=1))

    @checked
    def forward(self, x_t: Tensor, t: int | Tensor, cond: Cond | None = None) -> Tensor:
        """(B, C, H, W), (B,) integer steps or one for all -> (B, C, H, W), in the type of the weights.

        t and the condition are moved to x_t's device, and all that is given to the type of the weights.

        Raises:
            TypeError: x_t is not floating point, t holds no integers.
            ValueError: channels, size, t or the condition do not fit the configuration; x_t is on another device.
        """
        t = batch_of_steps(x_t, t)
        self._check(x_t, t, cond)
        dtype = self.conv_in.weight.dtype
        x_t = x_t if x_t.dtype == dtype else x_t.to(dtype)
        cond = None if cond is None else cond.to(x_t.device, dtype)
        emb = self.time(t)  # (B, E)
        if self.vec is not None and cond is not None and cond.vec is not None:
            emb = emb + self.vec(cond.vec)
        if self.level is not None and cond is not None and cond.level is not None:
            emb = emb + self.level(cond.level)
        if cond is not None and cond.concat is not None:
            x_t = torch.cat([x_t, cond.concat], dim=1)  # (B, C + C', H, W)

        h = self.conv_in(x_t)  # (B, widths[0], H / stride, W / stride)
        skips = [h]
        for part in self.down:
            h = part(h) if isinstance(part, DownSample) else part(h, emb, cond)
            skips.append(h)
        h = self.middle2(self.middle_attention(self.middle1(h, emb), cond), emb)
        for part in self.up:
            h = part(h) if isinstance(part, UpSample) else part(h, skips.pop(), emb, cond)
        return self.conv_out(F.silu(self.norm_out(h)))

    @checked
    def trace(self, size: int = 32) -> list[TraceRow]:
        """The table of shapes: each part with its shapes, parameters and FLOPs for one image of size x size."""
        with torch.device("meta"):
            shapes_only = UNet(self.config)  # no memory, no arithmetic
            c = self.config
            cond = Cond(
                vec=None if c.vec_dim is None else torch.zeros(1, c.vec_dim),
                tokens=None if c.token_dim is None else torch.zeros(1, 1, c.token_dim),
                concat=torch.zeros(1, c.concat_channels, size, size) if c.concat_channels else None,
                level=torch.zeros(1, dtype=torch.long) if c.level else None,
            )
            x = torch.zeros(1, c.in_channels, size, size)
            return trace_modules(shapes_only, x, torch.ones(1, dtype=torch.long), cond)

    def _check(self, x_t: Tensor, t: Tensor, cond: Cond | None) -> None:
        c = self.config
        if x_t.ndim != 4 or x_t.shape[1] != c.in_channels:
            raise ValueError(f"x_t must have shape (B, {c.in_channels}, H, W), got {tuple(x_t.shape)}")
        if x_t.shape[2] % c.factor or x_t.shape[3] % c.factor:
            raise ValueError(f"x_t: height and width must be multiples of {c.factor}, got {tuple(x_t.shape[2:])}")
        if x_t.device != self.conv_in.weight.device:
            raise ValueError(f"x_t must be on {self.conv_in.weight.device}, where the network is, got {x_t.device}")
        if t.shape != x_t.shape[:1]:
            raise ValueError(
                f"t must have shape ({x_t.shape[0]},), one step for each sample of x_t, got {tuple(t.shape)}"
            )
        given = cond if cond is not None else Cond()
        sizes = {
            "vec": (c.vec_dim or 0, 0 if given.vec is None else given.vec.shape[1]),
            "tokens": (c.token_dim or 0, 0 if given.tokens is None else given.tokens.shape[2]),
            "concat": (c.concat_channels, 0 if given.concat is None else given.concat.shape[1]),
        }
        for name, (wanted, got) in sizes.items():
            if wanted != got:
                raise ValueError(f"cond.{name} must have size {wanted} for this network (0: none), got {got}")
        if (given.level is not None) != c.level:
            raise ValueError(f"cond.level must {'be given to' if c.level else 'be None for'} this network")
        if given.batch_size is not None and given.batch_size != x_t.shape[0]:
            raise ValueError(f"cond must have batch size {x_t.shape[0]}, got {given.batch_size}")
        if given.concat is not None and given.concat.shape[2:] != x_t.shape[2:]:
            raise ValueError(
                f"cond.concat must have height and width of x_t {tuple(x_t.shape[2:])}, "
                f"got {tuple(given.concat.shape[2:])}"
            )


@checked
def new_unet(config: UNetConfig, seed: int) -> UNet:
    """A U-Net whose random start is a function of the seed; global generators are left as they were."""
    return seeded(lambda: UNet(config), seed)
