"""The other prior of DALL-E 2: an embedding as whole numbers, drawn one by one as a language model draws words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import at_least, batch_of, checked, tensor
from .._errors import bad_value
from ..cond import Cond
from ..nn.embeddings import random_table
from ..nn.transformer import Transformer, TransformerConfig
from ..randomness import Draw, SeededNoise
from .prior import PriorConfig, SaidPrefix, example_of_prior
from .text import chosen_phrasing


@dataclass(frozen=True)
class CodePriorConfig(PriorConfig):
    """Everything that fixes a prior over codes; it travels with the weights.

    Args:
        embedding, token_dim, trunk: as for :class:`PriorConfig`.
        codes: K, how many numbers of an embedding are kept, those of largest variance.
        levels: how many values each of them may have.

    Raises:
        ValueError: a value is out of its range.
    """

    trunk: TransformerConfig = field(default_factory=lambda: TransformerConfig(176, 2, causal=True, dropout=0.1))
    codes: int = 32
    levels: int = 32

    def check(self) -> None:
        """Raise unless the fields are good."""
        super().check()
        self.require("codes", 1 <= self.codes <= self.embedding, f"in 1..{self.embedding}")
        self.require("levels", self.levels >= 2, "at least 2")


@checked
class PrincipalCodes(nn.Module):
    r"""Embeddings as K whole numbers each, and back: principal components in the order of their variance, quantized.

    c_k = floor((w_k . (e - m) - low_k) / step_k), kept in 0..levels - 1, and e_hat = m + sum_k (low_k + (c_k + 1/2)
    step_k) w_k, where m is the mean and w_k the k-th eigenvector of the covariance. The range of each component is
    that of the embeddings that :meth:`fit` is given, in equal steps.

    Args:
        config: of the prior.

    Equation: eq-codes (Ramesh et al. 2022, section 2.2).
    Checked by: tests/systems/test_prior.py::test_codes_go_back_to_within_half_a_step.
    """

    mean: Tensor
    axes: Tensor
    low: Tensor
    step: Tensor

    def __init__(self, config: CodePriorConfig) -> None:
        super().__init__()
        self.levels = config.levels
        self.register_buffer("mean", torch.zeros(config.embedding))
        axes = torch.zeros(config.codes, config.embedding)
        axes.view(-1)[:: config.embedding + 1].fill_(1.0)  # torch.eye, which on the meta device imports the compiler
        self.register_buffer("axes", axes)  # (K, E), of length 1 each
        self.register_buffer("low", torch.ones(config.codes).mul_(-1))
        self.register_buffer("step", torch.full((config.codes,), 2 / config.levels))

    @checked
    @torch.no_grad()
    def fit(self, embeddings: Tensor) -> PrincipalCodes:
        """Learn mean, axes and ranges from (N, E) embeddings, and return itself.

        Raises:
            ValueError: fewer than two embeddings, or of another size.
        """
        if embeddings.ndim != 2 or len(embeddings) < 2 or embeddings.shape[1] != len(self.mean):
            raise bad_value("embeddings", tuple(embeddings.shape), f"of shape (N, {len(self.mean)}), N at least 2")
        e = embeddings.double()
        axes = torch.linalg.eigh(torch.cov(e.T)).eigenvectors.T.flip(0)[: len(self.axes)]  # the largest first
        # An eigenvector may point either way, as the machine likes: its largest number shall be positive.
        axes = axes * axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()
        part = (e - e.mean(0)) @ axes.T  # (N, K)
        low, high = part.amin(0), part.amax(0)
        fitted = {"mean": e.mean(0), "axes": axes, "low": low, "step": (high - low).clamp(min=1e-6) / self.levels}
        for name, value in fitted.items():
            getattr(self, name).copy_(value)
        return self

    @checked(fits="embeddings", embeddings=tensor("(B, E)"))
    def encode(self, embeddings: Tensor) -> Tensor:
        """(B, E) -> (B, K) integers in 0..levels - 1."""
        part = (embeddings - self.mean) @ self.axes.T
        return ((part - self.low) / self.step).floor().long().clamp(0, self.levels - 1)

    @checked(fits="codes")
    def decode(self, codes: Tensor) -> Tensor:
        """(B, K) integers -> (B, E): the middle of each step."""
        if codes.device.type == "cpu" and codes.numel() and int(codes.max()) >= self.levels:
            raise bad_value("codes", int(codes.max()), f"in 0..{self.levels - 1}")
        return self.mean + (self.low + (codes + 0.5) * self.step) @ self.axes


@checked
class CodePrior(nn.Module):
    """A causal transformer over the codes of an embedding, with what the text says before them.

    What stands at the place of the text's embedding says the first code, what stands at each code the next one.

    Args:
        config: its shape.

    Raises:
        ValueError: in forward, for K or more codes, or a condition of another shape.

    Source: Ramesh et al. 2022, section 2.2, without the dot product of text and image among what is said.
    """

    def __init__(self, config: CodePriorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.trunk.width
        self.said = SaidPrefix(config)
        self.value = random_table(config.levels, width)
        self.place = nn.Parameter(torch.randn(config.codes - 1, width).mul_(0.5))
        self.trunk = Transformer(config.trunk)
        self.out = nn.Linear(width, config.levels)

    @checked(fits="codes")
    def forward(self, codes: Tensor, cond: Cond | None = None) -> Tensor:
        """(B, k) integers, the first k codes, k < K -> (B, k + 1, levels): logits of the first k + 1."""
        if codes.ndim != 2 or codes.shape[1] >= self.config.codes:
            raise ValueError(f"codes must have shape (B, k) with k < {self.config.codes}, got {tuple(codes.shape)}")
        batch, count = codes.shape
        said, counts = self.said(None if cond is None else cond.to(codes.device, self.place.dtype), batch)
        known = (self.value(codes) + self.place[:count]).to(said.dtype)
        counts = torch.cat([counts, counts.new_ones(batch, count)], dim=1)
        states = self.trunk(torch.cat([said, known], dim=1), counts)  # (B, L + 1 + k, D)
        return self.out(states[:, said.shape[1] - 1 :])

    @checked(temperature=at_least(0))
    @torch.no_grad()
    def draw(
        self,
        cond: Cond,
        seeds: Sequence[int],
        *,
        guidance: float = 1.0,
        negative: Cond | None = None,
        temperature: float = 1.0,
        batch_size: int = 256,
    ) -> Tensor:
        r"""Draw codes one after the other, each from softmax(l / temperature) with l = l_u + w (l_c - l_u).

        Args:
            cond: what B texts say.
            seeds: one integer a sample, which does not depend on the batch around it.
            guidance: w, on the logits.
            negative: what takes the place of "nothing said" in l_u, of batch size 1.
            temperature: below 1 the likely codes become likelier; at 0 the likeliest is taken.
            batch_size: samples that are worked on at once; costs memory, changes nothing else.

        Returns:
            (B, K) integers.

        Raises:
            ValueError: a negative temperature, or a batch size below 1.

        Equation: eq-logit-guidance (Gafni et al. 2022, section 3.5).
        Checked by: tests/systems/test_prior.py::test_guidance_is_on_the_logits.
        """
        if not temperature >= 0:
            raise bad_value("temperature", temperature, "at least 0")
        if batch_size < 1:
            raise bad_value("batch_size", batch_size, "at least 1")
        if not len(seeds) or len(seeds) != cond.batch_size:
            raise bad_value("seeds", f"{len(seeds)} of them", f"one for each of the {cond.batch_size} samples of cond")
        drawn = []
        for first in range(0, len(seeds), batch_size):
            said, some = cond[first : first + batch_size], seeds[first : first + batch_size]
            other = said.nothing() if negative is None else negative[torch.zeros(len(some), dtype=torch.long)]
            drawn.append(self._draw(said if guidance == 1 else said.joined(other), some, guidance, temperature))
        return torch.cat(drawn)

    def _draw(self, cond: Cond, seeds: Sequence[int], guidance: float, temperature: float) -> Tensor:
        """One batch; `cond` holds what is said, and with a guidance other than 1 what is not said after it."""
        device, most = self.place.device, self.config.levels - 1
        # Uniform in (0, 1), from the normal numbers that all samples of this book are drawn from.
        u = torch.special.ndtr(SeededNoise(seeds, (self.config.codes,), device, torch.float64).draw())  # (B, K)
        cond, codes = cond.to(device), torch.empty(len(seeds), 0, dtype=torch.long, device=device)
        for k in range(self.config.codes):
            logits = self(codes if guidance == 1 else codes.repeat(2, 1), cond)[:, -1].double()  # (B or 2B, levels)
            if guidance != 1:
                said, unsaid = logits.chunk(2)
                logits = unsaid + guidance * (said - unsaid)
            if temperature == 0:
                code = logits.argmax(1)
            else:
                reached = (logits / temperature).softmax(1).cumsum(1)
                code = (reached <= u[:, k, None]).sum(1).clamp(max=most)  # the first that reaches beyond u_k
            codes = torch.cat([codes, code[:, None]], dim=1)
        return codes


class CodesByName(nn.Module):
    """The prior by codes for runtimes that know no :class:`Cond`: its tensors by name."""

    def __init__(self, network: CodePrior) -> None:
        super().__init__()
        self.network = network

    def forward(self, codes: Tensor, vec: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
        """(B, k) codes and what is said -> (B, k + 1, levels); codes that are not known yet may be any."""
        return self.network(codes, Cond(vec=vec, tokens=tokens, mask=mask))


def example_of_codes(config: CodePriorConfig, length: int) -> dict[str, Tensor]:
    """Inputs of :class:`CodesByName`, the same at every call."""
    codes = torch.randint(config.levels, (2, config.codes - 1), generator=torch.Generator().manual_seed(0))
    said = example_of_prior(config, length)
    return {"codes": codes, **{name: said[name] for name in ("vec", "tokens", "mask")}}


@checked
@dataclass(frozen=True)
class NextCode:
    """The objective of a :class:`CodePrior`: the cross entropy of each code, given those before it and the text.

    L = -(1 / K) sum_k log p(c_k | c_1, ..., c_{k-1}, text), in nats; ln(levels) for one that knows nothing.

    The data hold `codes` (N, K), and captions as :class:`WithText`.

    Args:
        drop: share of samples whose condition is dropped, for guidance.

    Raises:
        ValueError: drop outside [0, 1].

    Equation: eq-code-prior (Ramesh et al. 2022, section 2.2).
    Checked by: tests/systems/test_prior.py::test_the_loss_is_the_cross_entropy_of_all_codes.
    """

    drop: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.drop <= 1:
            raise bad_value("drop", self.drop, "between 0 and 1")

    @checked(batch=batch_of("codes", "tokens", "mask", "vec"))
    def __call__(self, model: Any, batch: dict[str, Tensor], draw: Draw) -> Tensor:
        """The loss of one batch."""
        codes, cond = batch["codes"], chosen_phrasing(batch, draw.integers(0, batch["mask"].shape[1]))
        cond = cond.where(draw.uniform() >= self.drop, cond.nothing())
        logits = model(codes[:, :-1], cond)  # (B, K, levels)
        return F.cross_entropy(logits.float().flatten(0, 1), codes.flatten())
