"""Noise schedules: how much noise is added at each step, and how much signal is left.

Tables have T + 1 entries so that index t is the t of the paper: beta[0] = 0, alpha_bar[0] = 1 is the clean
image. They are built in float64 on the CPU and rounded once, when a device needs them in float32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from .._arguments import checked, numbers_of
from .._arguments.tensors import whole
from .._arguments.values import integer
from .._errors import bad_type, bad_value, check_choice

# Nichol and Dhariwal clip beta so that no single step destroys the whole signal (their section 3.2).
MAX_BETA = 0.999
TABLES = ("beta", "alpha", "alpha_bar", "signal", "noise")


@checked(beta=numbers_of)
@dataclass(frozen=True, eq=False)
class NoiseSchedule:
    r"""The table of beta_t and everything that follows from it.

    Make one with :meth:`linear`, :meth:`scaled_linear` or :meth:`cosine`; ``NoiseSchedule(beta)`` takes a table
    of one's own with ``beta[0] = 0``.

    Equation: eq-alpha-bar (Ho et al. 2020, section 2): alpha_bar_t = prod_{s <= t} (1 - beta_s).
    Checked by: tests/diffusion/test_schedules.py::test_alpha_bar_is_the_product_and_starts_at_one.

    Args:
        beta: (T + 1,) variance added at each step; beta[0] = 0, 0 < beta[t] < 1 for t = 1..T.
        name: "linear", "scaled_linear", "cosine" or "custom".
        options: the arguments that made the table, so that a checkpoint can make it again.

    Raises:
        ValueError: beta is not such a table.
    """

    beta: Tensor
    name: str = "custom"
    options: dict[str, Any] = field(default_factory=dict)
    alpha: Tensor = field(init=False)
    alpha_bar: Tensor = field(init=False)
    _signal: list[float] = field(init=False, repr=False)
    _noise: list[float] = field(init=False, repr=False)
    _cache: dict[Any, Tensor] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        beta = torch.as_tensor(self.beta, device="cpu").detach().to("cpu", torch.float64).clone()
        if beta.ndim != 1 or len(beta) < 2:
            raise ValueError(f"beta must have shape (T + 1,) with T >= 1, got {tuple(beta.shape)}")
        if beta[0] != 0:
            raise ValueError(f"beta[0] must be 0 (x_0 is the clean image), got {beta[0].item()}")
        if not bool(((beta[1:] > 0) & (beta[1:] < 1)).all()):
            raise ValueError("beta[1:] must lie strictly between 0 and 1 and be finite")
        object.__setattr__(self, "beta", beta)
        object.__setattr__(self, "alpha", 1 - beta)
        object.__setattr__(self, "alpha_bar", torch.cumprod(1 - beta, dim=0))
        # Python floats: exact float64, and reading one never waits for a GPU.
        signal, noise = self.alpha_bar.sqrt().tolist(), (1 - self.alpha_bar).sqrt().tolist()
        object.__setattr__(self, "_signal", signal)
        object.__setattr__(self, "_noise", noise)

    # ---- makers ------------------------------------------------------------------------------------------

    @classmethod
    @checked
    def linear(cls, T: int = 1000, beta_start: float = 1e-4, beta_end: float = 0.02) -> NoiseSchedule:
        r"""beta rises linearly, scaled by 1000 / T so that any T ends in noise.

        beta_t = (1000 / T) (b_1 + (t - 1) / (T - 1) (b_T - b_1)).

        Equation: eq-linear (Ho et al. 2020, section 4).
        Checked by: tests/diffusion/test_schedules.py::test_linear_is_linear_in_beta.

        Args:
            T: number of steps. With the default ends T must exceed 20, or the last beta would reach 1.
            beta_start, beta_end: the ends for T = 1000.

        Raises:
            ValueError: T < 2, ends out of order, or a scaled beta of 1 or more.
        """
        beta = torch.linspace(*_scaled_ends(T, beta_start, beta_end), T, dtype=torch.float64, device="cpu")
        return cls(_pad(beta), "linear", {"T": T, "beta_start": beta_start, "beta_end": beta_end})

    @classmethod
    @checked
    def scaled_linear(cls, T: int = 1000, beta_start: float = 0.00085, beta_end: float = 0.012) -> NoiseSchedule:
        r"""sqrt(beta) rises linearly, as in latent diffusion (whose code calls this "linear").

        beta_t = (1000 / T) (sqrt(b_1) + (t - 1) / (T - 1) (sqrt(b_T) - sqrt(b_1)))^2.

        Equation: eq-scaled-linear (Rombach et al. 2022, code).
        Checked by: tests/diffusion/test_schedules.py::test_scaled_linear_is_linear_in_the_root.

        Args:
            T: number of steps.
            beta_start, beta_end: the ends for T = 1000.

        Raises:
            ValueError: T < 2, ends out of order, or a scaled beta of 1 or more.
        """
        start, end = _scaled_ends(T, beta_start, beta_end)
        beta = torch.linspace(math.sqrt(start), math.sqrt(end), T, dtype=torch.float64, device="cpu") ** 2
        return cls(_pad(beta), "scaled_linear", {"T": T, "beta_start": beta_start, "beta_end": beta_end})

    @classmethod
    @checked
    def cosine(cls, T: int = 1000, s: float = 0.008) -> NoiseSchedule:
        r"""alpha_bar falls along a squared cosine.

        f(t) = cos^2(pi/2 (t/T + s) / (1 + s)), beta_t = min(1 - f(t) / f(t - 1), 0.999); alpha_bar is then the
        product of 1 - beta_t, so that the clipped table stays consistent with itself.

        Equation: eq-cosine (Nichol and Dhariwal 2021, eq. 17).
        Checked by: tests/diffusion/test_schedules.py::test_cosine_follows_the_cosine_and_is_consistent_where_clipped.

        Args:
            T: number of steps.
            s: offset that keeps the first betas from vanishing.

        Raises:
            ValueError: T < 2, or s outside (0, 1).
        """
        _check_T(T)
        if not 0 < s < 1:
            raise bad_value("s", s, "between 0 and 1")
        u = torch.arange(T + 1, dtype=torch.float64, device="cpu") / T
        f = torch.cos(math.pi / 2 * (u + s) / (1 + s)) ** 2
        return cls(_pad((1 - f[1:] / f[:-1]).clamp(max=MAX_BETA)), "cosine", {"T": T, "s": s})

    @classmethod
    @checked
    def from_name(cls, name: str, T: int = 1000, **options: float) -> NoiseSchedule:
        """The schedule called `name` in the table `SCHEDULES`, for a command line or a config.

        Raises:
            ValueError: unknown name (the message holds the nearest one), or bad options.
        """
        check_choice("name", name, SCHEDULES)
        return SCHEDULES[name](T, **options)

    def to_dict(self) -> dict[str, Any]:
        """A JSON-ready description from which :meth:`from_dict` makes the same table."""
        if self.name == "custom":
            return {"name": "custom", "beta": self.beta.tolist()}
        return {"name": self.name, **self.options}

    @classmethod
    @checked
    def from_dict(cls, data: dict[str, Any]) -> NoiseSchedule:
        """The inverse of :meth:`to_dict`.

        Raises:
            TypeError, ValueError: data lack a name, or hold an unknown one or bad options.
        """
        if not isinstance(data.get("name"), str):
            raise bad_value("data", dict(data), "the arguments of a schedule, with its name")
        if data.get("name") == "custom":
            return cls(torch.tensor(data["beta"], dtype=torch.float64, device="cpu"))
        with torch.device("cpu"):  # a network may be built on the meta device, where there are no numbers
            return cls.from_name(**data)

    # ---- answers -----------------------------------------------------------------------------------------

    @property
    def T(self) -> int:
        """Number of steps."""
        return len(self._signal) - 1  # not of a tensor: that takes ten times as long, and samplers ask often

    @property
    def snr(self) -> Tensor:
        r"""(T + 1,) signal-to-noise ratio, a ratio of variances (infinite at t = 0).

        SNR(t) = alpha_bar_t / (1 - alpha_bar_t).

        Equation: eq-snr (Kingma et al. 2021, eq. 2).
        Checked by: tests/diffusion/test_schedules.py::test_snr_is_the_ratio_of_variances_and_falls.
        """
        return self.alpha_bar / (1 - self.alpha_bar)

    def signal(self, t: int) -> float:
        """sqrt(alpha_bar_t), the coefficient of x_0 in x_t, as a Python float."""
        return self._signal[self._index(t)]

    def noise(self, t: int) -> float:
        """sqrt(1 - alpha_bar_t), the standard deviation of the noise in x_t, as a Python float."""
        return self._noise[self._index(t)]

    def gather(self, table: str, t: int | Tensor, like: Tensor) -> Tensor:
        """Entries `t` of a table, shaped (B, 1, ..., 1) to multiply `like`, on its device.

        Args:
            table: "beta", "alpha", "alpha_bar", "signal" or "noise".
            t: an int, or (B,) integers.
            like: (B, ...) the tensor that the entries will multiply. Float64 stays float64; every other type
                gets float32, because half precision would round small noise levels to zero.

        Raises:
            TypeError: t is no int and holds no integers, or like is no tensor.
            ValueError: another table, or a t outside 0..T where that can be seen without a wait for a GPU.
        """
        check_choice("table", table, TABLES)
        if not isinstance(like, Tensor):
            raise bad_type("like", like, "the tensor that the entries multiply")
        if not isinstance(t, Tensor):
            t = self._index(t)
        elif t.is_floating_point() or t.dtype == torch.bool or t.ndim > 1:
            raise bad_type("t", t, "an int, or integers of shape (B,)")
        elif t.device.type == "cpu":
            whole("t", t, 0, self.T)
        dtype = torch.float64 if like.dtype == torch.float64 else torch.float32
        key = (table, like.device, dtype)
        if key not in self._cache:
            rows = {"signal": self.alpha_bar.sqrt(), "noise": (1 - self.alpha_bar).sqrt()}
            full = rows[table] if table in rows else getattr(self, table)
            self._cache[key] = full.to(like.device, dtype)
        values = self._cache[key][torch.as_tensor(t, device=like.device).long()]
        # A scalar would take on a half-precision type; one value in a tensor of dimensions lifts `like` to float32.
        if values.ndim == 0 and like.dtype == dtype:
            return values
        return values.reshape(-1, *[1] * (like.ndim - 1))

    def _index(self, t: int) -> int:
        if type(t) is not int:
            t = integer("t", t)
        if not 0 <= t <= self.T:
            raise bad_value("t", t, f"in 0..{self.T}")
        return t

    def __repr__(self) -> str:
        return f"NoiseSchedule({self.name!r}, T={self.T}, alpha_bar_T={self.alpha_bar[-1].item():.2e})"


def check_description(name: str, data: dict[str, Any]) -> None:
    """Raise unless a configuration's description is one that :meth:`NoiseSchedule.from_dict` takes.

    Raises:
        ValueError: it is not; says why.
    """
    try:
        NoiseSchedule.from_dict(data)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be the arguments of NoiseSchedule.from_dict, got {data!r}: {error}") from error


# The one table of names; a new schedule is a maker as those above, and a row of it.
SCHEDULES: dict[str, Callable[..., NoiseSchedule]] = {
    "linear": NoiseSchedule.linear,
    "scaled_linear": NoiseSchedule.scaled_linear,
    "cosine": NoiseSchedule.cosine,
}


def _check_T(T: int) -> None:
    if isinstance(T, bool) or not isinstance(T, int) or T < 2:
        raise bad_value("T", T, "an integer of at least 2")


def _scaled_ends(T: int, start: float, end: float) -> tuple[float, float]:
    _check_T(T)
    if not 0 < start <= end:
        raise ValueError(f"need 0 < beta_start <= beta_end, got beta_start={start!r}, beta_end={end!r}")
    scale = 1000 / T
    if scale * end >= 1:
        raise ValueError(
            f"beta_end * 1000 / T must stay below 1, got {scale * end:.3g} for T={T}: "
            f"take T > {int(1000 * end)} or a smaller beta_end"
        )
    return scale * start, scale * end


def _pad(beta: Tensor) -> Tensor:
    return torch.cat([torch.zeros(1, dtype=beta.dtype, device=beta.device), beta])
