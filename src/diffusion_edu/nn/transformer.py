"""The transformer: a trunk over a sequence of vectors, and the text encoder that is built on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import checked, tensor
from ..config import Config
from ._base import normal_
from .embeddings import random_table


@dataclass(frozen=True)
class TransformerConfig(Config):
    """Everything that fixes the shape of a trunk; it knows neither words nor positions.

    Args:
        width: D, the size of each position's vector.
        depth: number of blocks.
        heads: attention heads; must divide the width.
        ratio: width of the hidden layer of each block, in units of D.
        dropout: share dropped after attention and after the hidden layer in training.
        causal: each position sees itself and those before it only, as a language model and a prior need it.

    Raises:
        ValueError: a value is out of its range.
    """

    width: int = 128
    depth: int = 4
    heads: int = 4
    ratio: int = 4
    dropout: float = 0.0
    causal: bool = False

    def check(self) -> None:
        """Raise unless the fields are good."""
        self.require("depth", self.depth >= 1, "at least 1")
        self.require("ratio", self.ratio >= 1, "at least 1")
        self.require("heads", self.heads >= 1 and self.width % self.heads == 0, f"a divisor of the width {self.width}")
        self.require("width", self.width >= 2, "at least 2")
        self.require("dropout", 0 <= self.dropout < 1, "in [0, 1)")

    @classmethod
    def tiny(cls, **changes: Any) -> TransformerConfig:
        """For tests: milliseconds a step."""
        return cls(**{"width": 16, "depth": 2, "heads": 2, "ratio": 2, **changes})

    @classmethod
    def small(cls, **changes: Any) -> TransformerConfig:
        """For the book: about 0.8 million parameters."""
        return cls(**changes)


@dataclass(frozen=True)
class TextEncoderConfig(Config):
    """Everything that fixes a text encoder's shape; it travels with the weights.

    Args:
        vocabulary: number of tokens; ids run from 0 to vocabulary - 1.
        length: largest number of positions.
        trunk: what reads them.

    Raises:
        ValueError: a value is out of its range.
    """

    vocabulary: int = 2048
    length: int = 32
    trunk: TransformerConfig = field(default_factory=TransformerConfig)

    def check(self) -> None:
        """Raise unless the fields are good."""
        self.require("vocabulary", self.vocabulary >= 1, "at least 1")
        self.require("length", self.length >= 1, "at least 1")

    @property
    def width(self) -> int:
        """D, the size of each token's vector."""
        return self.trunk.width

    @classmethod
    def tiny(cls, **changes: Any) -> TextEncoderConfig:
        """For tests: milliseconds a step. The changes are of fields of this class and of the trunk's alike."""
        return cls.from_dict({"vocabulary": 64, "length": 12, **TransformerConfig.tiny().to_dict(), **changes})

    @classmethod
    def small(cls, **changes: Any) -> TextEncoderConfig:
        """For the book: about a million parameters, small enough to run inside a web page."""
        return cls.from_dict({**TransformerConfig.small().to_dict(), **changes})

    @classmethod
    @checked
    def from_dict(cls, data: Mapping[str, Any]) -> TextEncoderConfig:
        """The inverse of :meth:`to_dict`; the fields of the trunk may also lie beside the others, as in older files.

        Raises:
            ValueError: a field is not known.
        """
        if "trunk" not in data:
            own = {"vocabulary", "length"}
            trunk = {name: value for name, value in data.items() if name not in own}
            data = {**{name: value for name, value in data.items() if name in own}, "trunk": trunk}
        return super().from_dict(data)


class TransformerBlock(nn.Module):
    """Attention between positions, then a hidden layer at each; both are normalized before and added after.

    x <- x + W_o softmax(Q K^T / sqrt(d)) V of norm(x), then x <- x + W_2 gelu(W_1 norm(x)).

    Args:
        config: its shape.

    Source: Vaswani et al. 2017, section 3; normalized before each part as Xiong et al. 2020.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width)
        self.hidden = nn.Linear(width, config.ratio * width)
        self.shrink = nn.Linear(config.ratio * width, width)
        self.dropout = nn.Dropout(config.dropout)
        for layer in (self.qkv, self.out, self.hidden, self.shrink):
            normal_(layer.weight, layer.in_features**-0.5)
            nn.init.zeros_(layer.bias)
        # All blocks add twice to one stream: smaller last layers keep its variance, however many there are (GPT-2).
        with torch.no_grad():
            for layer in (self.out, self.shrink):
                layer.weight.mul_((2 * config.depth) ** -0.5)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """(B, L, D), (B or 1, 1, L, L) bool "row sees column" -> (B, L, D)."""
        b, length, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(b, length, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # each (B, heads, L, D / heads)
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen)
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(b, length, width)))
        return x + self.dropout(self.shrink(F.gelu(self.hidden(self.norm2(x)))))


@checked
class Transformer(nn.Module):
    """A stack of blocks and a last normalization, for any sequence of vectors.

    It knows no order: positions must be in the vectors already.

    Args:
        config: its shape.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.blocks = nn.ModuleList(TransformerBlock(config) for _ in range(config.depth))
        self.norm = nn.LayerNorm(config.width)

    @checked(fits="x mask", x=tensor("(B, L, D)", False))
    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """Let the positions exchange what they hold.

        Args:
            x: (B, L, D).
            mask: (B, L) bool, True where a position counts; the others are seen by nobody but themselves.

        Returns:
            (B, L, D). What stands at a position that does not count means nothing.
        """
        seen = self.seen(x, mask)
        for block in self.blocks:
            x = block(x, seen)
        return self.norm(x)

    @checked(fits="x mask", x=tensor("(B, L, D)", False))
    def seen(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(B or 1, 1, L, L) bool: True where the position of the row may look at that of the column."""
        at = torch.arange(x.shape[1], device=x.device)
        before, itself = at[:, None] >= at[None], at[:, None] == at[None]
        seen = before[None, None] if self.config.causal else torch.ones_like(itself)[None, None]
        if mask is None:
            return seen
        # A position that sees nothing would be 0 / 0, and in the next block a NaN that no mask can take back.
        return (seen & mask[:, None, None, :]) | itself


@checked
class TextEncoder(nn.Module):
    """Tokens in, a vector for each out, and one for the whole.

    Args:
        config: its shape.

    Raises:
        ValueError: in forward, for ids or a mask of another shape or type, or more positions than the network has.

    Source: Radford et al. 2021, section 2.4, with all words seen by all, and their mean in place of the last.
    """

    def __init__(self, config: TextEncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.tokens = random_table(config.vocabulary, config.width)
        self.positions = nn.Parameter(torch.randn(config.length, config.width).mul_(0.01))
        normal_(self.tokens.weight, 0.02)
        self.trunk = Transformer(config.trunk)

    @checked(fits="ids")
    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Read a batch of texts.

        Args:
            ids: (B, L) integer tokens, L at most `config.length`.
            mask: (B, L) bool, True for a real token and False for padding, which changes nothing.

        Returns:
            States (B, L, D) and the pooled vector (B, D): the mean of the real tokens' states, or with a causal mask
            the state of the last real token, which alone has seen them all. No real token: zeros.
        """
        if ids.ndim != 2 or ids.shape[1] > self.config.length:
            raise ValueError(f"ids must have shape (B, L) with L <= {self.config.length}, got {tuple(ids.shape)}")
        if mask.shape != ids.shape or mask.dtype != torch.bool:
            got = f"{mask.dtype} {tuple(mask.shape)}"
            raise ValueError(f"mask must be bool of shape {tuple(ids.shape)}, as ids has, got {got}")
        states = self.trunk(self.tokens(ids) + self.positions[: ids.shape[1]], mask)
        return states, self.pool(states, mask)

    @checked(fits="states mask", states=tensor("(B, L, D)", False))
    def pool(self, states: Tensor, mask: Tensor) -> Tensor:
        """(B, L, D), (B, L) -> (B, D)."""
        weight = mask
        if self.config.trunk.causal:
            after = mask.flip(1).cumsum(1).flip(1) - mask.long()  # real tokens that follow
            weight = mask & (after == 0)
        share = weight.to(states.dtype)
        share = share / share.sum(1, keepdim=True).clamp(min=1)
        return (share[:, :, None] * states).sum(1)
