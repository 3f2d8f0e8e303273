"""The parts of a U-Net: residual block, down and up block, change of size."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import among, checked, share, tensor
from ..cond import Cond
from ._base import norm, zeroed
from .attention import CrossAttention, SelfAttention


@checked(dropout=share)
class ResBlock(nn.Module):
    """Two convolutions beside a residual connection, with the embedding of t added in between.

    out = shortcut(x) + conv2(silu(norm2(conv1(silu(norm1(x))) + linear(silu(emb))))). The shortcut is the identity, or
    a 1x1 convolution when the number of channels changes. conv2 starts at zero, so the block starts as its shortcut.

    Args:
        in_channels, out_channels: C before and after.
        emb_channels: size of the embedding of t (and of the condition).
        dropout: share of features dropped before conv2 in training.

    Equation: eq-residual (He et al. 2016, eq. 2; in this form Ho et al. 2020, appendix B).
    Checked by: tests/nn/test_blocks.py::test_a_residual_block_starts_as_its_shortcut
        tests/nn/test_blocks.py::test_a_residual_block_adds_the_embedding_to_every_position.
    """

    def __init__(self, in_channels: int, out_channels: int, emb_channels: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm1 = norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1)
        self.emb = nn.Linear(emb_channels, out_channels)
        self.norm2 = norm(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1))
        self.shortcut = nn.Identity() if in_channels == out_channels else nn.Conv2d(in_channels, out_channels, 1)

    @checked(fits="x emb", x=tensor("(B, C, H, W)", False), emb=tensor("(B, E)", False))
    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        """(B, C_in, H, W), (B, E) -> (B, C_out, H, W)."""
        h = self.conv1(F.silu(self.norm1(x)))  # (B, C_out, H, W)
        h = h + self.emb(F.silu(emb))[:, :, None, None]
        h = self.conv2(self.dropout(F.silu(self.norm2(h))))
        return self.shortcut(x) + h


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


class Attend(nn.Module):
    """The optional attention of a block: over positions, and over the condition's tokens when there are any.

    Args:
        channels, heads: of both attentions.
        token_dim: size of a token; None: no tokens are read.
        own: whether positions attend to each other; without, tokens alone are read, at a fraction of the cost.
    """

    def __init__(self, channels: int, heads: int, token_dim: int | None, own: bool = True) -> None:
        super().__init__()
        self.self_attention = SelfAttention(channels, heads) if own else None
        self.cross_attention = None if token_dim is None else CrossAttention(channels, token_dim, heads)

    def forward(self, x: Tensor, cond: Cond | None) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        x = x if self.self_attention is None else self.self_attention(x)
        if self.cross_attention is not None and cond is not None and cond.tokens is not None:
            x = self.cross_attention(x, cond.tokens, cond.mask)
        return x


@checked(dropout=share)
class DownBlock(nn.Module):
    """One block of the encoder: a residual block that changes the channels, then optional attention.

    Args:
        in_channels, out_channels, emb_channels, dropout: of the :class:`ResBlock`.
        attention: an :class:`Attend` for out_channels, or None.
    """

    def __init__(
        self, in_channels: int, out_channels: int, emb_channels: int, dropout: float, attention: Attend | None
    ) -> None:
        super().__init__()
        self.res = ResBlock(in_channels, out_channels, emb_channels, dropout)
        self.attention = attention

    @checked(fits="x emb", x=tensor("(B, C, H, W)", False), emb=tensor("(B, E)", False))
    def forward(self, x: Tensor, emb: Tensor, cond: Cond | None = None) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W)."""
        x = self.res(x, emb)
        return x if self.attention is None else self.attention(x, cond)


@checked(dropout=share)
class UpBlock(nn.Module):
    """One block of the decoder: the encoder's features join by concatenation (a skip connection), then as above.

    Args:
        in_channels: channels of x.
        skip_channels: channels of the encoder's features.
        out_channels, emb_channels, dropout, attention: as for :class:`DownBlock`.
    """

    def __init__(
        self,
        in_channels: int,
        skip_channels: int,
        out_channels: int,
        emb_channels: int,
        dropout: float,
        attention: Attend | None,
    ) -> None:
        super().__init__()
        self.res = ResBlock(in_channels + skip_channels, out_channels, emb_channels, dropout)
        self.attention = attention

    @checked(
        fits="x skip emb",
        x=tensor("(B, C, H, W)", False),
        skip=tensor("(B, C', H, W)", False),
        emb=tensor("(B, E)", False),
    )
    def forward(self, x: Tensor, skip: Tensor, emb: Tensor, cond: Cond | None = None) -> Tensor:
        """(B, C_in, H, W), (B, C_skip, H, W) -> (B, C_out, H, W)."""
        x = self.res(torch.cat([x, skip], dim=1), emb)
        return x if self.attention is None else self.attention(x, cond)


@checked(pad=among("both", "right"))
class DownSample(nn.Module):
    """Halve height and width by a convolution of stride 2; the channels stay.

    Args:
        channels: C.
        pad: "both" pads one pixel on every side; "right" pads right and bottom only, as the original DDPM does.
    """

    def __init__(self, channels: int, pad: str = "both") -> None:
        super().__init__()
        self.pad = pad
        self.conv = nn.Conv2d(channels, channels, 3, stride=2, padding=1 if pad == "both" else 0)

    @checked(fits="x", x=tensor("(B, C, H, W)", False))
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H/2, W/2)."""
        return self.conv(x if self.pad == "both" else F.pad(x, (0, 1, 0, 1)))


@checked(mode=among("transpose", "nearest"))
class UpSample(nn.Module):
    """Double height and width; the channels stay.

    Args:
        channels: C.
        mode: "transpose" is a transposed convolution (kernel 4, stride 2: every output has as many inputs, so no
            checkerboard by design); "nearest" repeats pixels and convolves, as the original DDPM does.
    """

    def __init__(self, channels: int, mode: str = "transpose") -> None:
        super().__init__()
        self.mode = mode
        self.conv: nn.Module
        if mode == "transpose":
            self.conv = nn.ConvTranspose2d(channels, channels, 4, stride=2, padding=1)
        else:
            self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    @checked(fits="x", x=tensor("(B, C, H, W)", False))
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 2H, 2W)."""
        return self.conv(x if self.mode == "transpose" else F.interpolate(x, scale_factor=2.0, mode="nearest"))
