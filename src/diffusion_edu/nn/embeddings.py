"""Embeddings: the step t, and labels, as vectors that a network can use."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .._arguments import above, checked, real_tensor, tensor, whole
from .._arguments.tensors import whole as check_whole
from .._arguments.values import MOST_STEP


@checked(t=real_tensor, max_period=above(0))
def sinusoidal_embedding(t: Tensor, dim: int, max_period: float = 10_000.0) -> Tensor:
    r"""Sine and cosine of t at dim / 2 frequencies between 1 and 1 / max_period.

    e_i(t) = sin(t w_i), e_{i + dim/2}(t) = cos(t w_i), w_i = max_period^(-i / (dim/2 - 1)).

    Give it integer steps: for t in [0, 1] neighboring steps would be almost the same vector.

    Args:
        t: (B,) steps.
        dim: even, at least 4.

    Returns:
        (B, dim) float32.

    Raises:
        ValueError: dim is odd or too small, or t is not one-dimensional.

    Equation: eq-time-embedding (Vaswani et al. 2017, section 3.5, with the frequencies of Ho et al. 2020).
    Checked by: tests/nn/test_blocks.py::test_sinusoids_have_the_frequencies_of_the_formula
        tests/nn/test_blocks.py::test_neighbouring_steps_are_far_apart.
    """
    if dim < 4 or dim % 2:
        raise ValueError(f"dim must be even and at least 4, got {dim}")
    if t.ndim != 1:
        raise ValueError(f"t must have shape (B,), got {tuple(t.shape)}")
    half = dim // 2
    rate = torch.arange(half, dtype=torch.float32, device=t.device) * (-math.log(max_period) / (half - 1))
    angle = t.float()[:, None] * rate.exp()[None]  # (B, dim / 2)
    return torch.cat([angle.sin(), angle.cos()], dim=1)


def batch_of_steps(x_t: Tensor, t: int | Tensor) -> Tensor:
    """Steps as a network reads them: (B,) integers on x_t's device; an integer is meant for every sample.

    Raises:
        ValueError: a step below 1, where that can be seen without a wait for a GPU.
    """
    if not isinstance(t, Tensor):
        t = torch.full((x_t.shape[0],), t, device=x_t.device)
    if not torch.compiler.is_compiling():
        check_whole("t", t, 1, MOST_STEP, "any")
    return t if t.device == x_t.device else t.to(x_t.device)


@checked
class TimeEmbedding(nn.Module):
    """The step t as a vector: sinusoids, then two linear layers with SiLU between.

    Args:
        width: size of the sinusoidal embedding.
        channels: size of the result.
    """

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        self.width = width
        self.linear1 = nn.Linear(width, channels)
        self.linear2 = nn.Linear(channels, channels)

    @checked(fits="t", t=whole(0, MOST_STEP))
    def forward(self, t: Tensor) -> Tensor:
        """(B,) integer steps -> (B, channels)."""
        # Sinusoids in float32 whatever autocast says: bf16 cannot tell 999 from 1000.
        h = self.linear1(sinusoidal_embedding(t, self.width).to(self.linear1.weight.dtype))
        return self.linear2(nn.functional.silu(h))


@checked
class VectorEmbedding(nn.Module):
    """A condition vector brought to the width of the time embedding, to be added to it.

    Args:
        dim: size of the vector.
        channels: size of the result.
    """

    def __init__(self, dim: int, channels: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dim, channels)
        self.linear2 = nn.Linear(channels, channels)

    @checked(fits="vec", vec=tensor("(B, D)", False))
    def forward(self, vec: Tensor) -> Tensor:
        """(B, dim) -> (B, channels)."""
        return self.linear2(nn.functional.silu(self.linear1(vec)))


def random_table(rows: int, width: int) -> nn.Embedding:
    """A learned vector for each of the integers 0..rows-1, from N(0, I) at the start: the numbers of `nn.Embedding`.

    They are drawn before it is made, because its own start on the meta device imports the compiler, which takes a
    second; networks are built there first when they are loaded.
    """
    return nn.Embedding.from_pretrained(torch.randn(rows, width), freeze=False)


@checked
class LabelEmbedding(nn.Module):
    """A learned vector a class, and one more that means "no class given".

    Args:
        classes: number of classes.
        dim: size of a vector.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.classes = classes
        self.table = random_table(classes + 1, dim)

    @checked(fits="labels", labels=whole(0))
    def forward(self, labels: Tensor) -> Tensor:
        """(B,) labels in 0..classes-1 -> (B, dim)."""
        return self.table(labels)

    @property
    def null(self) -> Tensor:
        """(1, dim) the learned vector for "no class given"."""
        return self.table.weight[self.classes :]
