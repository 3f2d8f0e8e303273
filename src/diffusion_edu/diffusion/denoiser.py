"""The one thing that samplers see: a function from (x_t, t, cond) to an estimate of x_0 and eps."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from .._arguments import between, checked, inside, predicted, tensor
from .._errors import bad_value, check_choice
from ..cond import Cond, Network
from .process import Estimate, check_target, to_x0_eps
from .schedules import NoiseSchedule

CLIPS = (False, True, "static", "dynamic")
_to_x0_eps = inside(to_x0_eps)  # what it is given here has been looked at


@checked
class Denoiser(nn.Module):
    r"""A network together with its schedule: predict, convert to x_0, clip, and derive eps again.

    The order matters. Clipping x_0 without deriving eps again would leave the two inconsistent, and a step
    would then not be the posterior of the clipped image.

    Args:
        model: ``model(x_t, t, cond) -> Tensor`` of x_t's shape; t is (B,) integers in 1..T.
        schedule: the schedule that the network was trained with.
        target: what the network predicts, as it was trained to: "eps", "x0" or "v".
        clip: True or "static" clips x_0 to [-1, 1] (pixels); "dynamic" clips and rescales it by
            :func:`dynamic_threshold` (pixels under strong guidance); False never clips (latents, embeddings).

    Raises:
        ValueError: unknown target or clip; at a call, a prediction of another shape, or t out of range.
    """

    def __init__(self, model: Network, schedule: NoiseSchedule, target: str = "eps", clip: bool | str = True) -> None:
        super().__init__()
        check_target(target)
        check_choice("clip", clip, CLIPS)
        self.model = model
        self.schedule = schedule
        self.target = target
        self.clip = clip

    @checked
    def forward(self, x_t: Tensor, t: int | Tensor, cond: Cond | None = None) -> Estimate:
        """The estimate (x0, eps) at step t, both of x_t's shape.

        Args:
            x_t: (B, ...) noised data.
            t: an int, or (B,) integers, in 1..T.
            cond: passed on to the network.
        """
        # What is given beside x_t may lie on the CPU: it is small, and goes where x_t is.
        steps = torch.full((x_t.shape[0],), t, device=x_t.device) if isinstance(t, int) else t.to(x_t.device)
        dtype = _type_of(self.model, x_t)
        cond = None if cond is None else cond.to(x_t.device, dtype)
        prediction = predicted("model", self.model(x_t.to(dtype), steps, cond), x_t)
        # The schedule's arithmetic is never done in half precision, whatever the network takes and returns.
        x_t = x_t if x_t.dtype == torch.float64 else x_t.float()
        prediction = prediction.to(x_t.dtype)
        estimate = _to_x0_eps(self.target, prediction, x_t, t, self.schedule)
        if not self.clip:
            return estimate
        x0 = _dynamic_threshold(estimate.x0) if self.clip == "dynamic" else estimate.x0.clamp(-1, 1)
        return _to_x0_eps("x0", x0, x_t, t, self.schedule)


def _type_of(model: object, x_t: Tensor) -> torch.dtype:
    """The type that a network works in: that of its first parameter; a function takes x_t as it is."""
    parameter = next(model.parameters(), None) if isinstance(model, nn.Module) else None
    return x_t.dtype if parameter is None or not parameter.is_floating_point() else parameter.dtype


@checked(x0=tensor("(B, D, ...)"), share=between(0, 1))
def dynamic_threshold(x0: Tensor, share: float = 0.995) -> Tensor:
    r"""Bring an estimate of x_0 into [-1, 1] by its own scale, so that strong guidance does not saturate it.

    s = max(1, the `share`-quantile of |x_0| over a sample's values); x_0 is clipped to [-s, s] and divided by s. At
    s = 1, which is where nearly everything lies inside, this is the static clip.

    Args:
        x0: (B, ...).
        share: in [0, 1]; the rest, 0.5% of the values, is clipped.

    Returns:
        (B, ...) in [-1, 1], and each sample by itself.

    Raises:
        ValueError: share outside [0, 1].

    Equation: eq-dynamic-threshold (Saharia et al. 2022, section 2.3 and figure A.10).
    Checked by: tests/diffusion/test_denoiser.py::test_the_dynamic_threshold_is_a_quantile_of_each_sample,
        tests/diffusion/test_denoiser.py::test_the_dynamic_threshold_leaves_what_lies_inside_as_it_is.
    """
    if not 0 <= share <= 1:
        raise bad_value("share", share, "between 0 and 1")
    ordered = x0.flatten(1).abs().sort(dim=1).values  # (B, D); torch.quantile refuses large batches
    at = share * (ordered.shape[1] - 1)
    low = ordered[:, math.floor(at)]
    scale = low + (at - math.floor(at)) * (ordered[:, math.ceil(at)] - low)
    s = scale.clamp(min=1).reshape(-1, *[1] * (x0.ndim - 1))  # (B, 1, ..., 1)
    return x0.clamp(-s, s) / s


_dynamic_threshold = inside(dynamic_threshold)
