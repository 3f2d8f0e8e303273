"""The parts of the measurement: each takes what is there and answers with its piece of the result file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from torch import Tensor

from diffusion_edu.metrics.neighbors import nearest

from . import eyes as looking
from .cost import cost
from .drawing import Easel
from .eyes import Eyes
from .sets import Prompts, Sets
from .sources import Subject

SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
CANDIDATES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
STEPS = (5, 10, 15, 25, 50)
RULE = "the lowest whose judge's top-5 on training prompts is within one standard error of the best"


@dataclass
class Bench:
    """All that the parts share.

    Args:
        sets: the real images.
        eyes: the networks that look.
        settings: n, sweep_n, choose_n, steps, seed.
    """

    sets: Sets
    eyes: Eyes
    settings: dict[str, Any]
    seen: dict[tuple[str, int], Tensor] = field(default_factory=dict)

    def efficientnet(self, which: str, size: int) -> Tensor:
        """EfficientNet's features of the true held-out images, or of those in the next style; computed once."""
        key = which, size
        if key not in self.seen:
            sets = self.sets
            pixels = sets.held_out.pixels[size] if which == "held_out" else sets.other_style[size]
            self.seen[key] = self.eyes.efficientnet(pixels)
        return self.seen[key]

    @cached_property
    def judged(self) -> Tensor:
        """The judge's features of the true held-out images."""
        return self.judge(self.sets.held_out.pixels[looking.CLIP_SIDE])

    @cached_property
    def trained(self) -> Tensor:
        """The judge's embeddings of all training images."""
        return looking.embedded(self.eyes.judge, self.sets.everything[looking.CLIP_SIDE])

    def copies(self, pixels: Tensor) -> dict[str, Any]:
        """How near drawn images are to training images."""
        size, sets = pixels.shape[-1], self.sets
        return looking.copies(self.eyes, pixels, sets.held_out.pixels[size], sets.everything[size], self.trained)

    def judge(self, pixels: Tensor) -> Tensor:
        """The judge's features, for a Frechet distance."""
        return looking.as_features(looking.embedded(self.eyes.judge, pixels))


@dataclass
class Work:
    """One system on the bench.

    Args:
        bench: the shared part.
        subject: the system.
        found: what the result file holds of it by now.
        checkpoints: interim systems, oldest first.
    """

    bench: Bench
    subject: Subject
    found: dict[str, Any]
    checkpoints: Sequence[Subject] = ()
    seen: dict[tuple[str, float, int], Tensor] = field(default_factory=dict)

    @cached_property
    def easel(self) -> Easel:
        """Draws its images."""
        return Easel(self.subject, self.bench.settings["seed"])

    @property
    def guidance(self) -> float:
        """What the part `choose` has chosen."""
        return self.found["choose"]["guidance"]

    def features(self, prompts: Prompts, n: int, guidance: float, steps: int) -> Tensor:
        """EfficientNet's features of drawn images, computed once."""
        key = prompts.name, guidance, steps
        if key not in self.seen or len(self.seen[key]) < n:
            self.seen[key] = self.bench.eyes.efficientnet(self.easel.draw(prompts, n, guidance, steps).pixels)
        return self.seen[key][:n]

    def point(self, prompts: Prompts, n: int, guidance: float, steps: int, efficientnet: bool = True) -> dict[str, Any]:
        """One setting, looked at."""
        bench, size = self.bench, self.subject.size
        drawn = self.easel.draw(prompts, n, guidance, steps)
        held_out = prompts.name == "held_out"
        opinion = looking.fidelity(bench.eyes, drawn.pixels, prompts.texts)
        if efficientnet and held_out:
            true = bench.efficientnet("held_out", size)
            opinion["efficientnet"] = looking.own_nearest(self.features(prompts, n, guidance, steps), true)
        judged = bench.judged if held_out else bench.judge(prompts.pixels[looking.CLIP_SIDE])
        return {
            "guidance": guidance,
            "steps": steps,
            "n": n,
            **opinion,
            "frechet_judge": looking.distance(bench.judge(drawn.pixels), judged),
            "seconds": drawn.seconds,
            "core_seconds": drawn.core_seconds,
            "flops": drawn.flops,
        }


def real(bench: Bench) -> dict[str, Any]:
    """True images in place of drawn ones."""
    sets, eyes, side = bench.sets, bench.eyes, looking.CLIP_SIDE
    found: dict[str, Any] = {}
    for prompts, n in ((sets.held_out, bench.settings["n"]), (sets.training, bench.settings["choose_n"])):
        found[prompts.name] = looking.fidelity(eyes, prompts.pixels[side][:n], prompts.texts)
    for size, pixels in sets.other_style.items():
        features, judged = bench.efficientnet("other_style", size), bench.judge(pixels)
        true, few = bench.efficientnet("held_out", size), bench.settings["sweep_n"]
        found[str(size)] = {
            "other_style": {
                "judge": looking.fidelity(eyes, pixels, sets.held_out.texts)["judge"],
                "efficientnet": looking.own_nearest(features, true),
            },
            "floor": {
                "judge": looking.distance(judged, bench.judged),
                "efficientnet": looking.distance(features, true),
            },
            "floor_of_sweeps": {"judge": looking.distance(judged[:few], bench.judged)},
        }
    return found


def choose(work: Work) -> dict[str, Any]:
    """The guidance, on prompts of the training split; and how near to their training images these drawings are."""
    bench, prompts, n = work.bench, work.bench.sets.training, work.bench.settings["choose_n"]
    points = [work.point(prompts, n, w, bench.settings["steps"]) for w in CANDIDATES]
    guidance = lowest_good(points)
    pixels = work.easel.draw(prompts, n, guidance, bench.settings["steps"]).pixels
    place = nearest(looking.embedded(bench.eyes.judge, pixels), bench.trained).place
    own = (place == prompts.place[:n]).double().mean().item()
    return {
        "points": points,
        "guidance": guidance,
        "rule": RULE,
        "n": n,
        "own": looking.share(own, n),
        "copies": bench.copies(pixels),
    }


def lowest_good(points: Sequence[dict[str, Any]]) -> float:
    """The lowest guidance whose judge's top-5 is within one standard error of the best."""
    top5 = [point["judge"]["top5"] for point in points]
    best = max(share["value"] for share in top5)
    error = (best * (1 - best) / top5[0]["n"]) ** 0.5
    return min(point["guidance"] for point, share in zip(points, top5) if share["value"] >= best - error)


def headline(work: Work) -> dict[str, Any]:
    """All held-out prompts, at the guidance that was chosen."""
    bench, sets, size, n = work.bench, work.bench.sets, work.subject.size, work.bench.settings["n"]
    point = work.point(sets.held_out, n, work.guidance, bench.settings["steps"])
    pixels = work.easel.draw(sets.held_out, n, work.guidance, bench.settings["steps"]).pixels
    features = work.features(sets.held_out, n, work.guidance, bench.settings["steps"])
    return {
        **point,
        "frechet_efficientnet": looking.distance(features, bench.efficientnet("held_out", size)),
        "copies": bench.copies(pixels),
        "cost": cost(work.subject, sets.held_out.texts, work.guidance, bench.settings["steps"]),
    }


def guidance(work: Work) -> dict[str, Any]:
    """A sweep of w on held-out prompts."""
    few, steps = work.bench.settings["sweep_n"], work.bench.settings["steps"]
    return {"points": [work.point(work.bench.sets.held_out, few, w, steps) for w in SCALES]}


def steps(work: Work) -> dict[str, Any]:
    """A sweep of the number of steps on held-out prompts."""
    few, held_out = work.bench.settings["sweep_n"], work.bench.sets.held_out
    return {"points": [work.point(held_out, few, work.guidance, count, efficientnet=False) for count in STEPS]}
