"""Exact denoisers: for a Gaussian, a mixture and a finite data set the best estimate of x_0 is a formula.

They need no training, so they test samplers without the error of a network, and show what a perfectly
trained network would answer. Each is called like a :class:`Denoiser`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .._arguments import checked, inside, tensor
from .._errors import bad_value
from ..cond import Cond
from . import process
from .process import Estimate
from .schedules import NoiseSchedule

to_x0_eps = inside(process.to_x0_eps)  # what it is given here has been looked at


@checked(means=tensor("(K, ...)", some=True))
class MixtureOracle:
    r"""The exact E[x_0 | x_t] when x_0 comes from a mixture of round Gaussians.

    Component k explains x_t with weight proportional to w_k N(x_t; a m_k, (a^2 r_k^2 + b^2) I), a = sqrt(alpha_bar_t),
    b = sqrt(1 - alpha_bar_t), and then expects m_k + a r_k^2 / (a^2 r_k^2 + b^2) (x_t - a m_k).

    Equation: eq-oracle (Karras et al. 2022, appendix B.3, for single points).
    Checked by: tests/diffusion/test_oracle.py::test_mixture_is_the_posterior_mean_by_summation.

    Args:
        means: (K, ...) the centers; the trailing shape is that of a sample.
        std: r, the standard deviation of each component: a number or (K,), at least 0.
        schedule: the noise schedule.
        weights: (K,) positive; normalized. Default: equal.

    Raises:
        ValueError: shapes or signs are wrong.
    """

    def __init__(
        self,
        means: Tensor,
        std: float | Tensor,
        schedule: NoiseSchedule,
        weights: Tensor | None = None,
    ) -> None:
        if means.ndim < 2 or not means.is_floating_point():
            raise ValueError(f"means must be floating point of shape (K, ...), got {means.dtype} {tuple(means.shape)}")
        components = means.shape[0]
        spread = torch.as_tensor(std, dtype=means.dtype, device=means.device).expand(components)
        share = torch.ones_like(spread) if weights is None else weights.to(means)
        if share.shape != (components,) or not bool((share > 0).all()):
            raise bad_value(
                "weights", tuple(share.shape), f"({components},) positive numbers, one for each of the means"
            )
        if not bool((spread >= 0).all()):
            raise ValueError("std must not be negative")
        self.schedule = schedule
        self.means = means
        self.variance = spread**2
        self.log_weights = (share / share.sum()).log()

    @checked(per_sample="x_t t", x_t=tensor("(B, D, ...)"))
    def __call__(self, x_t: Tensor, t: int | Tensor, cond: Cond | None = None) -> Estimate:
        """The exact estimate at x_t: (B, ...)."""
        if x_t.shape[1:] != self.means.shape[1:]:
            raise ValueError(f"x_t must have shape (B, {tuple(self.means.shape[1:])}), got {tuple(x_t.shape)}")
        flat, means = x_t.flatten(1), self.means.flatten(1).to(x_t)
        a = self.schedule.gather("signal", t, flat)  # (B, 1), or a scalar for an int t
        b2 = self.schedule.gather("noise", t, flat) ** 2
        total = a**2 * self.variance.to(x_t) + b2  # (B or 1, K): variance of x_t within a component
        # A product instead of (B, K, D) differences: for a data set those would not fit into memory.
        square = flat.pow(2).sum(1, keepdim=True) - 2 * a * (flat @ means.T) + a**2 * means.pow(2).sum(1)
        log_density = -0.5 * square / total - 0.5 * flat.shape[1] * total.log()
        weight = (self.log_weights.to(x_t) + log_density).softmax(dim=1)  # (B, K)
        pull = a * self.variance.to(x_t) / total
        x0 = (weight * (1 - a * pull)) @ means + (weight * pull).sum(1, keepdim=True) * flat
        return to_x0_eps("x0", x0.reshape(x_t.shape), x_t, t, self.schedule)


@checked(data=tensor("(N, D, ...)", some=True))
class DatasetOracle(MixtureOracle):
    """The exact denoiser of a finite data set: the mixture whose components are single points.

    It can only ever return training data: what a network that memorized perfectly would do.

    Args:
        data: (N, ...) the data set, floating point.
        schedule: the noise schedule.
    """

    def __init__(self, data: Tensor, schedule: NoiseSchedule) -> None:
        super().__init__(data, 0.0, schedule)


@checked
class GaussianOracle:
    r"""The exact E[x_0 | x_t] when x_0 comes from N(m, C).

    m + a C (a^2 C + b^2 I)^{-1} (x_t - a m), with a = sqrt(alpha_bar_t), b = sqrt(1 - alpha_bar_t).

    Args:
        mean: (D,) m.
        covariance: (D, D) C, symmetric and positive semi-definite.
        schedule: the noise schedule.

    Raises:
        ValueError: shapes differ, or the covariance is not symmetric and positive semi-definite.
    """

    def __init__(self, mean: Tensor, covariance: Tensor, schedule: NoiseSchedule) -> None:
        if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
            raise ValueError(
                f"mean must be (D,) and covariance (D, D), got {tuple(mean.shape)} and {tuple(covariance.shape)}"
            )
        if not torch.allclose(covariance, covariance.T):
            raise ValueError("covariance must be symmetric")
        # In the eigenbasis the inverse is a division, for every t at once.
        variance, basis = torch.linalg.eigh(covariance)
        if variance.min() < -1e-6 * variance.abs().max():
            raise ValueError(f"covariance must be positive semi-definite, its least eigenvalue is {variance.min():.3g}")
        self.schedule = schedule
        self.mean, self.variance, self.basis = mean, variance.clamp(min=0), basis

    @checked(per_sample="x_t t", x_t=tensor("(B, D)"))
    def __call__(self, x_t: Tensor, t: int | Tensor, cond: Cond | None = None) -> Estimate:
        """The exact estimate at x_t: (B, D)."""
        if x_t.ndim != 2 or x_t.shape[1] != len(self.mean):
            raise ValueError(f"x_t must have shape (B, {len(self.mean)}), got {tuple(x_t.shape)}")
        mean, variance, basis = self.mean.to(x_t), self.variance.to(x_t), self.basis.to(x_t)
        a = self.schedule.gather("signal", t, x_t)
        b2 = self.schedule.gather("noise", t, x_t) ** 2
        shrink = a * variance / (a**2 * variance + b2)
        x0 = mean + (((x_t - a * mean) @ basis) * shrink) @ basis.T
        return to_x0_eps("x0", x0, x_t, t, self.schedule)
