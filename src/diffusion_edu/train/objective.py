"""What training minimizes: what an objective is to the loop, what files call it, and diffusion as one of them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Protocol

from torch import Tensor

from .._arguments import answering, anything, checked, inside
from .._arguments.tensors import floats
from .._errors import bad_value, check_choice
from ..cond import Cond, Network
from ..diffusion.process import TARGETS
from ..diffusion.schedules import NoiseSchedule
from ..randomness import Draw
from .losses import WEIGHTS, diffusion_loss


class Objective(Protocol):
    """What :func:`fit` can minimize: a function, or a frozen dataclass with its settings.

    It must take every random number from `draw`, or a resumed run is another run, and two processes are not one. It
    must be a mean over the entries of the batch, each by itself; an objective that compares them with each other says
    so by an attribute `whole_batches = True`, and runs in one process only.
    """

    def __call__(self, model: Any, batch: Any, draw: Draw) -> Tensor:
        """The loss of one batch, a scalar in float32."""
        ...


def description(objective: Objective) -> dict[str, Any] | str:
    """What a file calls an objective, JSON-ready: a dataclass by its class and settings, a function by its name."""
    if not is_dataclass(objective):
        return getattr(objective, "__qualname__", type(objective).__qualname__)
    settings = {field.name: getattr(objective, field.name) for field in fields(objective)}
    plain = {name: value.to_dict() if hasattr(value, "to_dict") else value for name, value in settings.items()}
    return {"class": type(objective).__name__, **plain}


def translated(meta: Mapping[str, Any]) -> dict[str, Any]:
    """The description of a file of format 1 in the words of format 2; one of format 2 as it is.

    Format 1 had diffusion in every description: a schedule, and a `kind` beside it and in the recipe. Another objective
    was written as Python does: "Contrast(shift=2)".
    """
    if meta.get("format") != 1:
        return dict(meta)
    old = {name: value for name, value in meta.items() if name not in ("schedule", "kind", "objective")}
    if "recipe" in old:
        old["recipe"] = {name: value for name, value in old["recipe"].items() if name != "kind"}
    objective = meta.get("objective")
    if objective is None and meta.get("schedule"):
        settings = {"schedule": meta["schedule"], "target": meta["kind"], "drop": 0.0, "weight": "uniform"}
        old["objective"] = {"class": "Denoising", **settings}
    elif objective is not None:
        old["objective"] = _called(objective)
    return {**old, "format": 2}


def _called(text: str) -> dict[str, Any] | str:
    """ "Contrast(shift=2)" as {"class": "Contrast", "shift": 2}; a plain name as it is."""
    try:
        call = ast.parse(text, mode="eval").body
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
            return {"class": call.func.id, **{str(k.arg): ast.literal_eval(k.value) for k in call.keywords}}
    except (SyntaxError, ValueError):  # "f.<locals>.g": a function's name
        pass
    return text


@checked
@dataclass(frozen=True)
class Denoising:
    """Diffusion as an objective: :func:`diffusion_loss` of what :meth:`read` finds in a batch.

    A system with words or latents says in a subclass what its x_0 and its condition are, and nothing else.

    Equation: eq-condition-dropout (Ho and Salimans 2022, algorithm 1).
    Checked by: tests/train/test_objective.py::test_conditions_travel_with_their_images_and_are_dropped_by_sample.

    Args:
        schedule: the noise schedule.
        target: what the network predicts: "eps", "x0" or "v".
        drop: share of samples whose condition is dropped, for classifier-free guidance; one draw per sample for its
            vector and its tokens together.
        weight: of each sample's loss, as for :func:`diffusion_loss`.

    Raises:
        ValueError: an unknown target or weight, or drop outside [0, 1]; at a call, drop without a condition.
    """

    schedule: NoiseSchedule
    target: str = "eps"
    drop: float = 0.0
    weight: str = "uniform"

    def __post_init__(self) -> None:
        check_choice("target", self.target, TARGETS)
        check_choice("weight", self.weight, WEIGHTS)
        if not 0 <= self.drop <= 1:
            raise bad_value("drop", self.drop, "between 0 and 1")

    @checked(batch=anything)
    def read(self, batch: Any, draw: Draw) -> tuple[Tensor, Cond | None]:
        """x_0 and the condition of a batch; here the batch is x_0, and there is no condition.

        Raises:
            TypeError: a batch of named tensors, of which a subclass must say what they are.
        """
        if isinstance(batch, Mapping):
            raise TypeError(f"batch must be one tensor, got {sorted(batch)}: a subclass of Denoising reads named ones")
        if not len(floats("batch", batch, finite=False)):  # `fit` has looked, and a look a step would wait for a GPU
            raise bad_value("batch", batch, "one tensor (B, ...) with B >= 1")
        return batch, None

    @checked(batch=anything)
    def __call__(self, model: Network, batch: Any, draw: Draw) -> Tensor:
        """The loss of one batch."""
        x0, cond = self.read(batch, draw)
        t = draw.integers(1, self.schedule.T + 1)
        eps = draw.normal(*x0.shape[1:])
        if self.drop:
            if cond is None:
                raise ValueError(f"drop must be 0 where nothing is told to the network, got {self.drop}")
            cond = cond.where(draw.uniform() >= self.drop, cond.nothing())
        # Steps and noise come from here, and x0 has been looked at: no need to look again at every step of a training.
        loss = inside(diffusion_loss)
        model = answering("model", model)
        return loss(model, x0, self.schedule, self.target, cond=cond, t=t, eps=eps, weight=self.weight)
