"""The one thing that samplers see: a function from (x_t, t, cond) to an estimate of x_0 and eps."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..cond import Cond
from .process import Estimate, check_kind, to_x0_eps
from .schedules import NoiseSchedule


class Denoiser(nn.Module):
    r"""A network together with its schedule: predict, convert to x_0, clip, and derive eps again.

    The order matters. Clipping x_0 without deriving eps again would leave the two inconsistent, and a step
    would then not be the posterior of the clipped picture.

    Args:
        model: ``model(x_t, t, cond) -> Tensor`` of x_t's shape; t is (B,) integers in 1..T.
        schedule: the schedule that the network was trained with.
        kind: what the network predicts: "eps", "x0" or "v".
        clip: True clips x_0 to [-1, 1] (pixels), False never clips (latents, embeddings).

    Raises:
        ValueError: unknown kind; at a call, a prediction of another shape, or t out of range.
    """

    def __init__(self, model: Any, schedule: NoiseSchedule, kind: str = "eps", clip: bool = True) -> None:
        super().__init__()
        check_kind(kind)
        self.model = model
        self.schedule = schedule
        self.kind = kind
        self.clip = clip

    def forward(self, x_t: Tensor, t: int | Tensor, cond: Cond | None = None) -> Estimate:
        """The estimate (x0, eps) at step t, both of x_t's shape.

        Args:
            x_t: (B, ...) noised data.
            t: an int, or (B,) integers, in 1..T.
            cond: passed on to the network.
        """
        steps = torch.full((x_t.shape[0],), t, device=x_t.device) if isinstance(t, int) else t
        prediction = self.model(x_t, steps, cond)
        # The schedule's arithmetic is never done in half precision, whatever the network takes and returns.
        x_t = x_t if x_t.dtype == torch.float64 else x_t.float()
        prediction = prediction.to(x_t.dtype)
        estimate = to_x0_eps(self.kind, prediction, x_t, t, self.schedule)
        if not self.clip:
            return estimate
        return to_x0_eps("x0", estimate.x0.clamp(-1, 1), x_t, t, self.schedule)
