"""Attention over the H * W positions of a feature map; each position's token has C channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import checked, tensor
from ._base import norm, zeroed


@checked
class SelfAttention(nn.Module):
    r"""Every position attends to every position: x + W_o softmax(Q K^T / sqrt(d)) V, with d channels a head.

    Args:
        channels: C of the feature map.
        heads: number of heads; must divide C.

    Raises:
        ValueError: heads does not divide channels.

    Equation: eq-attention (Vaswani et al. 2017, eq. 1; in a U-Net, Ho et al. 2020, appendix B).
    Checked by: tests/nn/test_blocks.py::test_self_attention_is_the_formula.
    """

    def __init__(self, channels: int, heads: int = 1) -> None:
        super().__init__()
        _check_heads(channels, heads)
        self.heads = heads
        self.norm = norm(channels)
        # A 1x1 convolution is the linear layer on every token, and the faster one on a CPU.
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    @checked(fits="x", x=tensor("(B, C, H, W)", False))
    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        q, k, v = self.tokens(x)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(mixed.mT.reshape(x.shape))

    @checked(fits="x", x=tensor("(B, C, H, W)", False))
    def tokens(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(B, C, H, W) -> queries, keys and values, each (B, heads, H W, C / heads): one token a position."""
        b, c, height, width = x.shape
        q, k, v = self.qkv(self.norm(x)).reshape(b, 3, self.heads, c // self.heads, height * width).unbind(1)
        return q.mT, k.mT, v.mT


@checked
class CrossAttention(nn.Module):
    r"""Every position attends to the tokens of the condition (words), and to one learned token that says nothing.

    x + W_o softmax(Q K^T / sqrt(d)) V, with the queries from the positions and keys and values from the tokens. The
    learned token gives a position something to attend to when every word is masked.

    Args:
        channels: C of the feature map.
        token_dim: size of a condition token.
        heads: number of heads; must divide C.

    Raises:
        ValueError: heads does not divide channels.

    Equation: eq-cross-attention (Rombach et al. 2022, section 3.3).
    Checked by: tests/nn/test_blocks.py::test_cross_attention_is_the_formula.
    """

    def __init__(self, channels: int, token_dim: int, heads: int = 1) -> None:
        super().__init__()
        _check_heads(channels, heads)
        self.heads = heads
        self.norm = norm(channels)
        self.q = nn.Conv2d(channels, channels, 1)
        self.kv = nn.Linear(token_dim, 2 * channels)
        self.nothing = nn.Parameter(torch.randn(token_dim).mul_(0.02))
        self.out = zeroed(nn.Conv2d(channels, channels, 1))

    @checked(fits="x tokens mask", x=tensor("(B, C, H, W)", False), tokens=tensor("(B, L, D)", False))
    def forward(self, x: Tensor, tokens: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B, C, H, W), (B, L, D), (B, L) -> (B, C, H, W)."""
        q, k, v = self.projected(x, tokens)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=self.seen(mask))
        return x + self.out(mixed.mT.reshape(x.shape))

    @checked(fits="x tokens", x=tensor("(B, C, H, W)", False), tokens=tensor("(B, L, D)", False))
    def projected(self, x: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries of the positions (B, heads, H W, d), keys and values of the tokens (B, heads, 1 + L, d).

        Token 0 is the learned one; d = C / heads.
        """
        b, c, height, width = x.shape
        tokens = torch.cat([self.nothing.to(tokens).expand(b, 1, -1), tokens], dim=1)  # (B, 1 + L, D)
        q = self.q(self.norm(x)).reshape(b, self.heads, c // self.heads, height * width).mT
        k, v = self.kv(tokens).reshape(b, tokens.shape[1], 2, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        return q, k, v

    @staticmethod
    @checked(fits="mask")
    def seen(mask: Tensor | None) -> Tensor | None:
        """(B, L) -> (B, 1, 1, 1 + L) bool: which tokens may be looked at; the learned one always."""
        return None if mask is None else F.pad(mask, (1, 0), value=True)[:, None, None]


def _check_heads(channels: int, heads: int) -> None:
    if heads < 1 or channels % heads:
        raise ValueError(f"heads must divide channels={channels}, got {heads}")
