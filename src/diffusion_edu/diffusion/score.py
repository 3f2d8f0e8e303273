"""The score, the differential equation whose paths end at data, and Langevin's walk: other words for a denoiser.

The score of step t is the gradient of ln q_t, the logarithm of the density of x_t. It points to where data are denser.
"""

from __future__ import annotations

import math

from torch import Tensor

from .._arguments import above, checked
from .process import check_pair
from .schedules import NoiseSchedule


@checked
def score_from_eps(eps: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    r"""The score that a prediction of the noise amounts to.

    grad ln q_t(x_t) = -E[eps | x_t] / sqrt(1 - alpha_bar_t).

    Equation: eq-score (Vincent 2011).
    Checked by: tests/diffusion/test_score.py::test_the_score_is_the_gradient_of_the_log_density.

    Args:
        eps: (B, ...) E[eps | x_t], or a network's prediction of it.
        t: in 1..T.

    Raises:
        ValueError: t out of range.
    """
    check_pair(t, 0, schedule.T)
    return -eps / schedule.noise(t)


@checked
def classifier_score(conditional: Tensor, unconditional: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    r"""The gradient of the classifier that a conditional network contains, though none was trained.

    By Bayes' rule grad ln q_t(c | x_t) = grad ln q_t(x_t | c) - grad ln q_t(x_t), which is
    -(E[eps | x_t, c] - E[eps | x_t]) / sqrt(1 - alpha_bar_t). The guidance of :class:`Guided` adds w - 1 times this
    to the conditional score.

    Equation: eq-guidance-score (Ho and Salimans 2022, section 3.2).
    Checked by: tests/diffusion/test_score.py::test_two_noise_predictions_make_a_classifier.

    Args:
        conditional, unconditional: (B, ...) E[eps | x_t, c] and E[eps | x_t], or a network's predictions of them.
        t: in 1..T.

    Raises:
        ValueError: t out of range, shapes differ.
    """
    if conditional.shape != unconditional.shape:
        shapes = f"{tuple(unconditional.shape)}, got {tuple(conditional.shape)}"
        raise ValueError(f"conditional must have the shape of unconditional {shapes}")
    return score_from_eps(conditional - unconditional, t, schedule)


@checked
def tweedie(x_t: Tensor, score: Tensor, t: int, schedule: NoiseSchedule) -> Tensor:
    r"""The mean of the clean data, from the score: Tweedie's formula.

    E[x_0 | x_t] = (x_t + (1 - alpha_bar_t) grad ln q_t(x_t)) / sqrt(alpha_bar_t).

    Equation: eq-tweedie (Efron 2011).
    Checked by: tests/diffusion/test_score.py::test_tweedie_gives_the_denoisers_mean_back.

    Args:
        x_t, score: (B, ...) noised data, and the score there.
        t: in 1..T.

    Raises:
        ValueError: t out of range, shapes differ.
    """
    check_pair(t, 0, schedule.T)
    if score.shape != x_t.shape:
        raise ValueError(f"score must have the shape of x_t {tuple(x_t.shape)}, got {tuple(score.shape)}")
    return (x_t + schedule.noise(t) ** 2 * score) / schedule.signal(t)


@checked(same="x_t eps")
def ode_step(x_t: Tensor, eps: Tensor, t: int, s: int, schedule: NoiseSchedule) -> Tensor:
    r"""One Euler step of the probability-flow equation, from t to any s.

    In the coordinates y = x_t / sqrt(alpha_bar_t) and sigma_t = sqrt(1 - alpha_bar_t) / sqrt(alpha_bar_t) the equation
    is dy / d sigma = eps(x_t, t), so y_s = y_t + (sigma_s - sigma_t) eps. It is the DDIM step with eta = 0.

    Equation: eq-pf-ode (Song et al. 2021, eq. 14; Song et al. 2021b, eq. 13).
    Checked by: tests/diffusion/test_score.py::test_ddim_is_its_euler_step,
        tests/diffusion/test_score.py::test_the_equation_keeps_each_point_at_its_rank.

    Args:
        x_t: (B, ...) state at t.
        eps: (B, ...) the noise estimated there.
        t, s: different steps in 0..T; s > t goes from data to noise.

    Returns:
        (B, ...) x_s.

    Raises:
        ValueError: t or s out of range, or equal.
    """
    check_pair(max(s, t), min(s, t), schedule.T)
    a_t, a_s = schedule.signal(t), schedule.signal(s)
    return a_s * (x_t / a_t + (schedule.noise(s) / a_s - schedule.noise(t) / a_t) * eps)


@checked(same="x score noise", size=above(0))
def langevin_step(x: Tensor, score: Tensor, size: float, noise: Tensor) -> Tensor:
    r"""One step of Langevin's walk: a little uphill, and a little noise.

    x' = x + h grad ln q(x) + sqrt(2 h) z. With small h the walk visits places as often as q is dense there, from
    whatever start.

    Equation: eq-langevin (Song and Ermon 2019, eq. 4).
    Checked by: tests/diffusion/test_score.py::test_langevins_walk_forgets_its_start_and_finds_the_density.

    Args:
        x, score, noise: (B, ...) the state, the score there, and fresh standard normal numbers z.
        size: h, positive.

    Raises:
        ValueError: size is not positive.
    """
    if not size > 0:
        raise ValueError(f"size must be positive, got {size!r}")
    return x + size * score + math.sqrt(2 * size) * noise
