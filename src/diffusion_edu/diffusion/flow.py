"""Flow matching: a straight line between data and noise, and a network that predicts the velocity along it.

Only three things change: the coefficients of the mixture, what is predicted, and with it how the steps are weighted.
Time runs as everywhere in the package, t = 0 is the data and t = T is noise, so the same networks and samplers serve.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import answering, checked, predicted, steps, tensor
from .._arguments.tensors import whole
from .._arguments.values import integer
from .._errors import bad_type, bad_value, check_choice
from ..cond import Cond
from ..randomness import randint, randn
from .process import Estimate, check_pair, to_x0_eps
from .schedules import MAX_BETA, NoiseSchedule


@checked
@dataclass(frozen=True)
class StraightPath:
    r"""x_t = (1 - tau) x_0 + tau eps with tau = t / T: the coefficients of a straight line.

    The variance is not preserved on the way. :meth:`as_schedule` is the same path scaled so that it is.

    Args:
        T: number of steps.

    Raises:
        ValueError: T < 2.
    """

    T: int = 1000

    def __post_init__(self) -> None:
        if isinstance(self.T, bool) or not isinstance(self.T, int) or self.T < 2:
            raise bad_value("T", self.T, "an integer of at least 2")

    def signal(self, t: int) -> float:
        """1 - t / T, the coefficient of x_0."""
        return 1 - self.noise(t)

    def noise(self, t: int) -> float:
        """t / T, the coefficient of eps."""
        if type(t) is not int:
            t = integer("t", t)
        if not 0 <= t <= self.T:
            raise bad_value("t", t, f"in 0..{self.T}")
        return t / self.T

    def gather(self, table: str, t: int | Tensor, like: Tensor) -> Tensor:
        """Entries `t` of "signal" or "noise", shaped (B, 1, ..., 1) to multiply `like`, on its device.

        Raises:
            TypeError: t is no int and holds no integers, or like is no tensor.
            ValueError: another table, or a t outside 0..T where that can be seen without a wait for a GPU.
        """
        check_choice("table", table, ("signal", "noise"))
        if not isinstance(like, Tensor):
            raise bad_type("like", like, "the tensor that the entries multiply")
        if not isinstance(t, Tensor):
            self.noise(t)
        elif t.is_floating_point() or t.dtype == torch.bool or t.ndim > 1:
            raise bad_type("t", t, "an int, or integers of shape (B,)")
        elif t.device.type == "cpu":
            whole("t", t, 0, self.T)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        tau = (torch.as_tensor(t, device=like.device).double() / self.T).to(dtype)
        values = tau if table == "noise" else 1 - tau
        return values if values.ndim == 0 and like.dtype == dtype else values.reshape(-1, *[1] * (like.ndim - 1))

    def length(self, t: int) -> float:
        """sqrt((1 - tau)^2 + tau^2): a point of the line divided by it has the variance of its schedule."""
        return math.hypot(self.signal(t), self.noise(t))

    def as_schedule(self) -> NoiseSchedule:
        r"""The noise schedule of the same path, scaled to preserve the variance.

        alpha_bar_t = (1 - tau)^2 / ((1 - tau)^2 + tau^2). At T no signal is left, and a schedule may not reach that:
        beta_T is :data:`MAX_BETA`, as for the cosine.
        """
        bar = torch.tensor([(self.signal(t) / self.length(t)) ** 2 for t in range(self.T + 1)], dtype=torch.float64)
        beta = (1 - bar[1:] / bar[:-1]).clamp(max=MAX_BETA)
        return NoiseSchedule(torch.cat([torch.zeros(1, dtype=torch.float64), beta]))


@checked(same="x0 noise", per_sample="x0 t")
def flow_sample(
    x0: Tensor,
    t: int | Tensor,
    path: StraightPath,
    noise: Tensor | None = None,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    r"""A point of the line between x_0 and noise: x_t = (1 - tau) x_0 + tau eps.

    Equation: eq-flow-path (Lipman et al. 2023; Liu et al. 2023).
    Checked by: tests/diffusion/test_flow.py::test_the_path_is_a_straight_line_with_a_constant_velocity.

    Args:
        x0: (B, ...) clean data.
        t: in 0..T: an int, or (B,) integers.
        noise: (B, ...) the noise at the other end; drawn from `generator` when not given.

    Returns:
        x_t and eps, both (B, ...).

    Raises:
        ValueError: noise of another shape.
    """
    if noise is None:
        noise = randn(x0.shape, generator, x0.device, x0.dtype)
    elif noise.shape != x0.shape:
        raise ValueError(f"noise must have the shape of x0 {tuple(x0.shape)}, got {tuple(noise.shape)}")
    return path.gather("signal", t, x0) * x0 + path.gather("noise", t, x0) * noise, noise


@checked
def flow_velocity(x0: Tensor, eps: Tensor) -> Tensor:
    r"""The velocity of the line, u = d x_t / d tau = eps - x_0: the same at every t.

    Equation: eq-flow-velocity (Lipman et al. 2023; Liu et al. 2023).
    Checked by: tests/diffusion/test_flow.py::test_the_path_is_a_straight_line_with_a_constant_velocity.

    Raises:
        ValueError: shapes differ.
    """
    if eps.shape != x0.shape:
        raise ValueError(f"eps must have the shape of x0 {tuple(x0.shape)}, got {tuple(eps.shape)}")
    return eps - x0


def from_velocity(velocity: Tensor, x_t: Tensor, t: int | Tensor, path: StraightPath) -> Estimate:
    r"""Both ends of the line through x_t with this velocity: x_0 = x_t - tau u and eps = x_t + (1 - tau) u.

    Neither divides by a small number, at either end.

    Raises:
        ValueError: shapes differ.
    """
    if velocity.shape != x_t.shape:
        raise ValueError(f"velocity must have the shape of x_t {tuple(x_t.shape)}, got {tuple(velocity.shape)}")
    signal, noise = path.gather("signal", t, x_t), path.gather("noise", t, x_t)
    return Estimate(x_t - noise * velocity, x_t + signal * velocity)


@checked(same="x0 eps", per_sample="x0 t", model=answering, x0=tensor(some=True), t=steps)
def flow_loss(
    model: Any,
    x0: Tensor,
    path: StraightPath,
    generator: torch.Generator | None = None,
    *,
    cond: Cond | None = None,
    t: Tensor | None = None,
    eps: Tensor | None = None,
) -> Tensor:
    r"""The loss of flow matching: the squared error of the velocity at a random point of a random line.

    L = E[ || (eps - x_0) - u_theta((1 - tau) x_0 + tau eps, t) ||^2 ], t uniform in 1..T.

    The many lines through one point have many velocities. The squared error makes the network learn their mean, and
    the mean of lines is a curve.

    Equation: eq-flow-loss (Liu et al. 2023, eq. 1).
    Checked by: tests/diffusion/test_flow.py::test_the_best_answer_is_the_mean_velocity_and_no_other_has_less_loss.

    Args:
        model: ``model(x_t, t, cond)``.
        x0: (B, ...) data.
        generator: source of t and eps.
        cond: condition of each sample.
        t, eps: (B,) steps and (B, ...) noise to use instead of random ones.

    Returns:
        A scalar, float32 whatever the network's precision.
    """
    if t is None:
        t = randint(1, path.T + 1, (x0.shape[0],), generator, x0.device)
    x_t, eps = flow_sample(x0, t, path, eps, generator)
    return F.mse_loss(model(x_t, t, cond).float(), flow_velocity(x0, eps).float())


@checked(same="x_t velocity")
def flow_step(x_t: Tensor, velocity: Tensor, t: int, s: int, path: StraightPath) -> Tensor:
    r"""One Euler step along the velocity: x_s = x_t + (tau_s - tau_t) u. It is the DDIM step of these coefficients.

    Equation: eq-flow-step (Liu et al. 2023).
    Checked by: tests/diffusion/test_flow.py::test_an_euler_step_is_the_ddim_step_of_these_coefficients.

    Raises:
        ValueError: t or s out of range, or equal.
    """
    check_pair(max(s, t), min(s, t), path.T)
    return x_t + (path.noise(s) - path.noise(t)) * velocity


@checked
class FlowDenoiser(nn.Module):
    """A network that predicts the velocity, as a denoiser: every sampler of the package can use it.

    Samplers work with the variance-preserving schedule of the path; the state is scaled to the line for the network.
    DDIM with eta = 0 then takes the Euler steps of :func:`flow_step`.

    Args:
        model: ``model(x_t, t, cond)`` -> velocity; t is (B,) integers in 1..T.
        path: the path that it was trained with.
        clip: True clips x_0 to [-1, 1] (pixels).
    """

    def __init__(self, model: Any, path: StraightPath, clip: bool = False) -> None:
        super().__init__()
        self.model = model
        self.path = path
        self.schedule = path.as_schedule()
        self.clip = clip

    @checked
    def forward(self, x_t: Tensor, t: int, cond: Cond | None = None) -> Estimate:
        """The estimate (x0, eps) at step t, both of x_t's shape (B, ...)."""
        if not 1 <= t <= self.path.T:
            raise bad_value("t", t, f"in 1..{self.path.T}")
        x_t = x_t if x_t.dtype == torch.float64 else x_t.float()
        on_line = self.path.length(t) * x_t
        steps = torch.full((x_t.shape[0],), t, device=x_t.device)
        velocity = predicted("model", self.model(on_line, steps, cond), x_t).to(x_t.dtype)
        estimate = from_velocity(velocity, on_line, t, self.path)
        return to_x0_eps("x0", estimate.x0.clamp(-1, 1), x_t, t, self.schedule) if self.clip else estimate
