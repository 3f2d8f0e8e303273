"""A named training: what is trained, on what, by which recipe, and what its model card says.

A run has one stage or several. Each stage is a :func:`fit` with a folder of its own, and may use what earlier stages
made: the latents of an auto-encoder, the embeddings of an encoder. A stage whose inputs changed is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .. import files
from .._arguments import above, checked, function, said
from .._errors import bad_value
from ..config import Config
from ..randomness import seeded
from ..train import Objective, Recipe
from ..train.checkpoint import CHECKPOINT

Made = Mapping[str, nn.Module]
"""The averaged networks of the stages before, by their names: on the CPU, frozen."""


@checked(white=above(0))
@dataclass(frozen=True)
class Source:
    """What whoever starts a run says about its data.

    Args:
        folder: with images of their own, or with the original files of a data set; None: found or downloaded.
        skip_bad: leave out images that cannot be read, instead of stopping.
        own: the folder of the run, which may lie below theirs and holds no data.
        white: as :class:`ImageFolder` has it.
    """

    folder: Path | None = None
    skip_bad: bool = False
    own: Path | None = None
    white: float | None = None

    @checked(run=said)
    def refuse_folder(self, run: str) -> None:
        """Raise where a folder was given to a run whose data come with the package."""
        if self.folder is not None:
            raise ValueError(f"--data must not be given with {run}, whose data are shipped; got {self.folder}")


@checked(name=said, network=function, data=function, objective=function)
@dataclass(frozen=True)
class Stage:
    """One training of a run.

    Args:
        name: of the stage: of its folder where a run has several.
        network: config -> the network, such as the class itself.
        config: its shape.
        recipe: the numbers.
        data: what was said about the data, and what earlier stages made -> the training data.
        objective: what earlier stages made -> what is minimized.
        gpu: other numbers of the recipe for a large GPU, where a step of a small network costs the same for a few
            images and for a thousand: batch size, learning rate, and as many steps as may be of use.
        needs: the names of the earlier stages that it uses; None: all of them. A stage that needs none can be trained
            first, or beside them.
    """

    name: str
    network: Callable[[Any], nn.Module]
    config: Config
    recipe: Recipe
    data: Callable[[Source, Made], Tensor | dict[str, Tensor]]
    objective: Callable[[Made], Objective]
    gpu: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        known = set(self.recipe.to_dict())
        if not set(self.gpu) <= known:
            raise bad_value("gpu", dict(self.gpu), f"numbers of the recipe by their names, {', '.join(sorted(known))}")

    @checked
    def new(self, seed: int) -> nn.Module:
        """The network, untrained; its random start is a function of the seed."""
        return seeded(lambda: self.network(self.config), seed)

    @checked
    def trained(self, directory: Path) -> nn.Module:
        """The averaged network in the stage's folder, on the CPU and frozen.

        Raises:
            FileNotFoundError: the stage has no checkpoint yet.
            CheckpointError: it is damaged, or is that of another network.
        """
        path = directory / CHECKPOINT
        tensors, _ = files.read(path)
        model, averaged = self.new(0), files.under_prefix("ema", tensors)
        with files.making_sense(path, f"does not fit the stage {self.name}"):
            files.check_fit(averaged, model.state_dict())
            model.load_state_dict(averaged)
        return model.eval().requires_grad_(False)


@checked(name=said, about=said, assemble=function, measure=function, shaped=function)
@dataclass(frozen=True)
class Run:
    """A named training.

    Args:
        name: what the command line calls it.
        about: one line for a list.
        stages: in order.
        notes: for the model card: `training_data`, `licence`, `intended_use`, `limits`.
        assemble: what the stages made -> the system that is kept; None for a run of one stage, whose network is kept.
        measure: the trained system -> what it can do on data that it never saw, JSON-ready.
        shaped: size, channels and model, as far as they were asked for -> the same run for such images, by such a
            network; None for a run whose images have one shape.

    Raises:
        ValueError: no stage, two of one name, several that nothing assembles, or one that needs what is not before it.
    """

    name: str
    about: str
    stages: tuple[Stage, ...]
    notes: Mapping[str, str] = field(default_factory=dict)
    assemble: Callable[[Made], nn.Module] | None = None
    measure: Callable[[Any], dict[str, Any]] | None = None
    shaped: Callable[..., Run] | None = None

    def __post_init__(self) -> None:
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) != len(names):
            raise bad_value("stages", names, "at least one, with names of their own")
        if len(names) > 1 and self.assemble is None:
            raise bad_value("assemble", None, "given for a run of several stages")
        for at, stage in enumerate(self.stages):
            if not set(stage.needs or ()) <= set(names[:at]):
                raise bad_value(f"needs of {stage.name}", stage.needs, f"names of stages before it, {names[:at]}")

    @checked
    def folder(self, directory: Path, stage: Stage) -> Path:
        """Where a stage of this run is kept: the run's folder, or one in it where there are several."""
        return directory if len(self.stages) == 1 else directory / stage.name

    @checked
    def before(self, directory: Path, stage: Stage) -> dict[str, nn.Module]:
        """What the stages before this one made, as far as it needs them.

        Raises:
            FileNotFoundError, CheckpointError: as :meth:`Stage.trained`.
            ValueError: a stage of another run.
        """
        if stage not in self.stages:
            raise bad_value(
                "stage", stage.name, f"one of the run {self.name}: {', '.join(s.name for s in self.stages)}"
            )
        earlier = self.stages[: self.stages.index(stage)]
        used = [other for other in earlier if stage.needs is None or other.name in stage.needs]
        return {other.name: other.trained(self.folder(directory, other)) for other in used}

    @checked
    def assembled(self, directory: Path) -> nn.Module:
        """The system made of all stages, in evaluation mode.

        Raises:
            FileNotFoundError, CheckpointError: as :meth:`Stage.trained`.
        """
        made = {stage.name: stage.trained(self.folder(directory, stage)) for stage in self.stages}
        system = next(iter(made.values())) if self.assemble is None else self.assemble(made)
        return system.eval().requires_grad_(False)


@torch.no_grad()
def checksum(network: nn.Module) -> str:
    """SHA-256 of a network's tensors, by which a later stage knows whether it changed."""
    return files.digest(network.state_dict())
