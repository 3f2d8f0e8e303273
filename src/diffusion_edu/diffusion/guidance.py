"""Classifier-free guidance: a network around a network, so that denoisers and samplers never learn of it."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from .._arguments import checked
from .._errors import bad_value
from ..cond import Cond, Network


@checked
class Guided(nn.Module):
    r"""A network that exaggerates what its condition says: u + w (c - u), in one call for twice the batch.

    c is the prediction with the condition and u the one without. w = 1 is c and w = 0 is u, bit for bit and for
    the price of one. (Ho and Salimans write (1 + w') c - w' u, where w' = w - 1.)

    It stands below the :class:`Denoiser`, which clips: a mixture of two clipped estimates is not the clipped
    mixture. eps, x0 and v are affine in each other at a given x_t, so it does not matter which is mixed.

    Args:
        network: a network that was trained with its condition dropped now and then.
        scale: w, any finite number; below 0 it leads away from the condition.
        negative: what takes the place of u's condition, "nothing said", of batch size 1 or B; its vec and tokens
            count, while the concat and level of both are those of the call.

    Raises:
        ValueError: scale is not finite; at a call with w other than 1, there is no text or vector to say nothing
            of, or `negative` has other fields or another batch size.

    Equation: eq-guidance (Ho and Salimans 2022, eq. 6).
    Checked by: tests/diffusion/test_guidance.py::test_guidance_is_the_formula_for_every_channel,
        tests/diffusion/test_guidance.py::test_scale_one_is_the_condition_alone_and_scale_zero_nothing_said_bit_for_bit.

    Source: the negative condition, Liu et al. 2022, section 3.
    """

    def __init__(self, network: Network, scale: float, negative: Cond | None = None) -> None:
        super().__init__()
        if not math.isfinite(scale):
            raise bad_value("scale", scale, "a finite number")
        self.network = network
        self.scale = float(scale)
        self.negative = negative

    @checked(per_sample="x_t t")
    def forward(self, x_t: Tensor, t: Tensor, cond: Cond | None = None) -> Tensor:
        """(B, ...) x_t, (B,) t -> (B, ...) the guided prediction."""
        if self.scale == 1:
            return self.network(x_t, t, cond)
        if cond is None or (cond.vec is None and cond.tokens is None):
            raise ValueError(f"cond must have vec or tokens for guidance with scale {self.scale:g}, got neither")
        other = cond.nothing() if self.negative is None else self._said(self.negative, cond, x_t)
        if self.scale == 0:
            return self.network(x_t, t, other)
        both = self.network(torch.cat([x_t, x_t]), torch.cat([t, t]), cond.joined(other))  # (2B, ...)
        # The difference of two close numbers, made larger: not in half precision.
        c, u = (both if both.dtype == torch.float64 else both.float()).chunk(2)
        return u + self.scale * (c - u)

    @staticmethod
    def _said(negative: Cond, cond: Cond, x_t: Tensor) -> Cond:
        """The negative condition for every sample of x_t, with the concat and level of `cond`."""
        batch, own = x_t.shape[0], negative.batch_size
        if own not in (1, batch):
            raise ValueError(f"negative must have batch size 1 or {batch}, got {own}")
        said = negative if own == batch else negative[torch.zeros(batch, dtype=torch.long)]
        return replace(said.to(x_t.device), concat=cond.concat, level=cond.level)
