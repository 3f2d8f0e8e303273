"""The variational bound: how many bits a diffusion model needs at most to describe its data."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .._arguments import checked, name_or_table, tensor
from .._errors import check_choice
from .process import q_sample
from .reverse import stride
from .schedules import NoiseSchedule
from .steps import VARIANCES


class Bound(NamedTuple):
    """The terms of the bound, in bits per dimension; the smaller their sum, the more likely the model finds the data.

    `prior` is what q(x_T | x_0) and pure noise differ by; `steps[t]` belongs to the reverse step from t; `steps[0]`
    is 0.
    """

    prior: float
    steps: Tensor

    @property
    def total(self) -> float:
        """The bound itself: at least the mean of -log2 p(x_0) per dimension."""
        return self.prior + self.steps.sum().item()


def gaussian_kl(mean_p: Tensor, variance_p: float, mean_q: Tensor | float, variance_q: float) -> Tensor:
    r"""KL(N(mean_p, variance_p) || N(mean_q, variance_q)) of each value, in nats.

    ((mean_p - mean_q)^2 + variance_p) / (2 variance_q) - 1/2 - 1/2 ln(variance_p / variance_q).

    Equation: eq-gaussian-kl (the textbook's).
    Checked by: tests/diffusion/test_bound.py::test_the_divergence_is_that_of_the_library_and_zero_for_equals.

    Raises:
        ValueError: a variance is not positive.
    """
    if not (variance_p > 0 and variance_q > 0):
        raise ValueError(f"variances must be positive, got {variance_p!r} and {variance_q!r}")
    ratio = variance_p / variance_q
    return (mean_p - mean_q) ** 2 / (2 * variance_q) + 0.5 * (ratio - 1 - math.log(ratio))


def reverse_variances(schedule: NoiseSchedule, variance: str = "posterior") -> Tensor:
    """(T + 1,) variances of the reverse steps: "posterior" is tilde-beta_t, "beta" is beta_t.

    The posterior's is 0 at t = 1, where a density would be infinite; tilde-beta_2 stands there (Nichol and Dhariwal).

    Raises:
        ValueError: unknown variance.
    """
    check_choice("variance", variance, VARIANCES)
    if variance == "beta":
        return schedule.beta.clone()
    table = [0.0] + [stride(t, t - 1, schedule)[2] for t in range(1, schedule.T + 1)]
    table[1] = table[2]
    return torch.tensor(table, dtype=torch.float64)


def bound_term(x0: Tensor, x_t: Tensor, x0_hat: Tensor, t: int, schedule: NoiseSchedule, variance: float) -> Tensor:
    r"""What the reverse step from t costs: KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t)), in nats.

    Both have their mean on the line A x_0 + B x_t, so only the error of the estimate is left of the difference:
    A^2 (x_0 - x0_hat)^2 / (2 sigma^2) plus what the two variances differ by. At t = 1 it is -ln p(x_0 | x_1).

    Equation: eq-bound-term (Ho et al. 2020, eq. 8 and 10).
    Checked by: tests/diffusion/test_bound.py::test_a_term_is_the_divergence_of_two_normal_distributions.

    Args:
        x0, x_t: (B, ...) clean and noised data.
        x0_hat: (B, ...) the estimate made from x_t.
        t: in 1..T.
        variance: sigma^2 of the model's step.

    Returns:
        (B,) the sum over the values of each sample.

    Raises:
        ValueError: t out of range, or a variance that is not positive.
    """
    of_x0, _, known = stride(t, t - 1, schedule)
    if t > 1:
        return gaussian_kl(of_x0 * x0, known, of_x0 * x0_hat, variance).flatten(1).sum(1)
    if not variance > 0:
        raise ValueError(f"variance must be positive, got {variance!r}")
    # of_x0 is 1 here: the mean of the last step is the estimate.
    return ((x0 - x0_hat) ** 2 / (2 * variance) + 0.5 * math.log(2 * math.pi * variance)).flatten(1).sum(1)


@checked(x0=tensor(some=True), variance=name_or_table)
@torch.no_grad()
def variational_bound(
    denoiser: Any,
    x0: Tensor,
    schedule: NoiseSchedule,
    variance: str | Tensor = "posterior",
    generator: torch.Generator | None = None,
) -> Bound:
    r"""An upper bound on the bits per dimension, for data with a density: the mean over x0, one noise at each step.

    -ln p(x_0) <= KL(q(x_T | x_0) || N(0, I)) + sum_{t=2}^T E KL(q(x_{t-1} | x_t, x_0) || p(x_{t-1} | x_t))
    + E[-ln p(x_0 | x_1)].

    A density may exceed 1, so bits may be negative. (For 8-bit images the last term is another one.)

    Equation: eq-bound (Ho et al. 2020, eq. 5; Sohl-Dickstein et al. 2015, eq. 14).
    Checked by: tests/diffusion/test_bound.py::test_the_bound_by_sampling_is_the_bound_in_closed_form
        tests/diffusion/test_bound.py::test_with_the_true_variance_the_bound_is_the_exact_likelihood.

    Args:
        denoiser: ``denoiser(x_t, t)`` -> an estimate; called T times.
        x0: (B, ...) data.
        schedule: the noise schedule.
        variance: sigma_t^2 of the model: "posterior", "beta", or a (T + 1,) table of one's own, positive from 1 to T.
        generator: source of the noise.

    Raises:
        ValueError: an unknown variance, or a table of another shape or with a value that is not positive.
    """
    table = reverse_variances(schedule, variance) if isinstance(variance, str) else variance.detach().cpu().double()
    if table.shape != (schedule.T + 1,) or not bool((table[1:] > 0).all()):
        raise ValueError(
            f"variance must be ({schedule.T + 1},) with positive values from 1 on, got {tuple(table.shape)}"
        )
    bits = 1 / (math.log(2) * x0[0].numel())
    sigma2 = table.tolist()
    steps = torch.zeros(schedule.T + 1, dtype=torch.float64)
    for t in range(1, schedule.T + 1):
        x_t, _ = q_sample(x0, t, schedule, generator=generator)
        term = bound_term(x0, x_t, denoiser(x_t, t).x0, t, schedule, sigma2[t])
        steps[t] = bits * term.double().mean()
    signal, noise = schedule.signal(schedule.T), schedule.noise(schedule.T)
    prior = gaussian_kl(signal * x0, noise**2, 0.0, 1.0).flatten(1).sum(1).double().mean().item()
    return Bound(bits * prior, steps)
