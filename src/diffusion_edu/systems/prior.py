"""The prior of DALL-E 2: a diffusion model whose data are embeddings, from what a text says to one of an image.

Embeddings of length 1 have E numbers of about 1 / sqrt(E): beside noise of variance 1 they would be nothing. Here all
embeddings are multiplied by sqrt(E), so that the mean of their squares is 1, and none is ever clipped.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .._arguments import batch_of, checked
from .._errors import bad_value
from ..cond import Cond
from ..config import Config
from ..nn import TimeEmbedding
from ..nn.embeddings import batch_of_steps
from ..nn.transformer import Transformer, TransformerConfig
from ..randomness import Draw
from .pixel_diffusion import WithText


@dataclass(frozen=True)
class PriorConfig(Config):
    """Everything that fixes the shape of a prior; it travels with the weights.

    Args:
        embedding: E, the size of the embeddings of texts and images.
        token_dim: size of a token's vector.
        trunk: what reads the sequence; causal, so that each position sees those before it.

    Raises:
        ValueError: a value is out of its range.
    """

    embedding: int = 128
    token_dim: int = 96
    trunk: TransformerConfig = field(default_factory=lambda: TransformerConfig(176, 4, causal=True, dropout=0.1))

    def check(self) -> None:
        """Raise unless the fields are good."""
        self.require("embedding", self.embedding >= 1, "at least 1")
        self.require("token_dim", self.token_dim >= 1, "at least 1")
        self.require("trunk", self.trunk.causal and self.trunk.width % 2 == 0, "causal and of even width")

    @classmethod
    def tiny(cls, **changes: Any) -> PriorConfig:
        """For tests: milliseconds a step."""
        return cls(**{"trunk": TransformerConfig.tiny(causal=True), **changes})


class SaidPrefix(nn.Module):
    """What a text says as the first positions of a sequence: its tokens, then its embedding.

    Args:
        config: of the prior.
    """

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config
        self.token = nn.Linear(config.token_dim, config.trunk.width)
        self.embedding = nn.Linear(config.embedding, config.trunk.width)

    def forward(self, cond: Cond | None, batch: int) -> tuple[Tensor, Tensor]:
        """The condition of B samples -> (B, L + 1, D), and which positions count, (B, L + 1).

        Raises:
            ValueError: no tokens or no vector, one of another size, or another batch size.
        """
        tokens, vec = (None, None) if cond is None else (cond.tokens, cond.vec)
        if cond is None or tokens is None or vec is None:
            raise ValueError("cond must have tokens and vec: what a text says; cond.nothing() of one says nothing")
        c = self.config
        if tokens.shape[2] != c.token_dim or vec.shape != (batch, c.embedding):
            wanted = f"tokens ({batch}, L, {c.token_dim}) and vec ({batch}, {c.embedding})"
            raise bad_value("cond", f"tokens {tuple(tokens.shape)} and vec {tuple(vec.shape)}", f"one of {wanted}")
        mask = tokens.new_ones(tokens.shape[:2], dtype=torch.bool) if cond.mask is None else cond.mask
        said = torch.cat([self.token(tokens), self.embedding(vec)[:, None]], dim=1)  # (B, L + 1, D)
        return said, torch.cat([mask, mask.new_ones(batch, 1)], dim=1)


@checked
class DiffusionPrior(nn.Module):
    r"""A network that denoises embeddings: (x_t, t, cond) in, x_0 out, where x_0 is sqrt(E) times an image's embedding.

    The transformer reads tokens, embedding of the text, t, x_t, and one learned vector more; what stands at the last
    place becomes x_0. Where nothing is said the tokens do not count and the text's embedding is 0; x_t always stays.

    Args:
        config: its shape.

    Raises:
        ValueError: in forward, for an x_t, a t or a condition of another shape.

    Source: Ramesh et al. 2022, section 2.2; sqrt(E): Crowson, in LAION's reproduction of it.
    """

    def __init__(self, config: PriorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.trunk.width
        self.said = SaidPrefix(config)
        self.time = TimeEmbedding(width, width)
        self.noised = nn.Linear(config.embedding, width)
        self.query = nn.Parameter(torch.randn(width))
        self.trunk = Transformer(config.trunk)
        self.out = nn.Linear(width, config.embedding)

    @checked(fits="x_t")
    def forward(self, x_t: Tensor, t: int | Tensor, cond: Cond | None = None) -> Tensor:
        """(B, E) noised embeddings, (B,) integer steps or one for all -> (B, E) the prediction of x_0."""
        if x_t.ndim != 2 or x_t.shape[1] != self.config.embedding:
            raise ValueError(f"x_t must have shape (B, {self.config.embedding}), got {tuple(x_t.shape)}")
        t = batch_of_steps(x_t, t)
        if t.shape != x_t.shape[:1]:
            raise ValueError(f"t must have shape ({x_t.shape[0]},), one step for each of x_t, got {tuple(t.shape)}")
        batch, dtype = x_t.shape[0], self.noised.weight.dtype
        x_t = x_t if x_t.dtype == dtype else x_t.to(dtype)
        said, counts = self.said(None if cond is None else cond.to(x_t.device, dtype), batch)
        own = [self.time(t), self.noised(x_t), self.query.expand(batch, -1)]
        sequence = torch.cat([said, torch.stack([part.to(said.dtype) for part in own], dim=1)], dim=1)  # (B, L + 4, D)
        counts = torch.cat([counts, counts.new_ones(batch, len(own))], dim=1)
        return self.out(self.trunk(sequence, counts)[:, -1])


def example_of_prior(config: PriorConfig, length: int) -> dict[str, Tensor]:
    """Inputs of a prior by name, but for t, the same at every call: two texts of `length` places, the last unused."""
    g = torch.Generator().manual_seed(0)
    return {
        "x_t": torch.randn((2, config.embedding), generator=g),
        "vec": torch.randn((2, config.embedding), generator=g),
        "tokens": torch.randn((2, length, config.token_dim), generator=g),
        "mask": (torch.arange(length) < length - 1).expand(2, length).clone(),
    }


@checked
@dataclass(frozen=True)
class EmbeddingWithText(WithText):
    """Denoising of the embeddings of captioned images; x_0 itself is predicted, and its squared error is the loss.

    The data hold `embedding` (N, E), times sqrt(E), and captions as :class:`WithText`.

    Equation: eq-diffusion-prior (Ramesh et al. 2022, eq. 2).
    Checked by: tests/systems/test_prior.py::test_the_loss_is_the_error_of_the_embedding_itself.
    """

    target: str = "x0"

    @checked(batch=batch_of("embedding"))
    def images(self, batch: dict[str, Tensor], draw: Draw) -> Tensor:
        """The embeddings of the images."""
        return batch["embedding"].float()
