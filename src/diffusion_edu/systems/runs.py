"""The named trainings that are no diffusion: what `diffusion-edu train` needs to know of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..train import Recipe
from ..train.losses import Objective
from . import classifier, emoji_clip
from .weights import load_system


@dataclass(frozen=True)
class Run:
    """A named run of :func:`diffusion_edu.fit` with an objective of its own.

    Args:
        about: one line for a list.
        kind: class of the network.
        recipe: the numbers.
        objective: what is minimised.
        new_model: seed -> the network, untrained.
        data: folder of the original files, or None -> the training data.
        report: the trained network -> what it can do on data that it never saw, JSON-ready.
        notes: for the model card: training_data, licence, intended_use, limits.
    """

    about: str
    kind: str
    recipe: Recipe
    objective: Objective
    new_model: Callable[[int], nn.Module]
    data: Callable[[Path | None], dict[str, Tensor]]
    report: Callable[[Any], dict[str, Any]]
    notes: dict[str, str]

    def measure(self, path: str | Path) -> dict[str, Any]:
        """The report of the network in a file."""
        return self.report(load_system(path, self.kind))


def _emoji(root: Path | None) -> dict[str, Tensor]:
    if root is not None:
        raise ValueError(f"--data must not be given with the recipe emoji-clip, whose data are shipped; got {root}")
    return emoji_clip.training_data()


RUNS: dict[str, Run] = {
    "emoji-clip": Run(
        about="CLIP on the emoji and their captions: the model of chapter 9, about half an hour on one CPU core",
        kind="CLIP",
        recipe=emoji_clip.RECIPE,
        objective=emoji_clip.OBJECTIVE,
        new_model=emoji_clip.new_clip,
        data=_emoji,
        report=emoji_clip.report,
        notes={
            "training_data": "4,936 emoji in three drawing styles with Unicode's names and keywords: Noto (Apache "
            "2.0), Twemoji (CC BY 4.0), Fluent flat (MIT), Unicode CLDR (Unicode licence)",
            "licence": "MIT, as this package; the pictures keep theirs",
            "intended_use": "Teaching: how pictures and words come into one space, and what a CLIP score says",
            "limits": "It knows emoji at 32x32 and the few thousand words of their captions, and no other picture. "
            "Do not measure a generator with the CLIP that guided it",
        },
    ),
    "fashion-classifier": Run(
        about="a classifier of Fashion-MNIST, the feature network of chapter 8: a quarter of an hour on one CPU core",
        kind="Classifier",
        recipe=classifier.RECIPE,
        objective=classifier.OBJECTIVE,
        new_model=classifier.new_classifier,
        data=classifier.training_data,
        report=classifier.report,
        notes={
            "training_data": "Fashion-MNIST, 60,000 training pictures with their labels (Xiao et al. 2017), padded to "
            "32x32; MIT, Zalando SE",
            "licence": "MIT, as this package",
            "intended_use": "Features for a Frechet or kernel distance between sets of such pictures",
            "limits": "It sees what tells ten kinds of clothes apart, and may be blind to the rest. A distance that it "
            "measures is no FID, and can be compared only with others that it measured",
        },
    ),
}
