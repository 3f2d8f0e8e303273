"""diffusion-edu train."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from .. import __version__
from .._errors import check_choice
from ..data import ImageData, ImageFolder, cifar10, fashion_mnist
from ..diffusion import NoiseSchedule
from ..pretrained import RUN_WEIGHTS, export_weights
from ..systems import RUNS
from ..train import EMA, PLANS, Plan, Recipe, TrainStep, WorkerLost, fit, new_unet, parallel, plan
from ..train.checkpoint import read
from ..train.loop import CHECKPOINT, METRICS
from ..train.losses import Objective
from ..train.machine import tune_malloc
from .common import FAILED, INTERRUPTED, OK, device_name, pick_device, say
from .grids import Grids
from .options import Train

CHANGES = ("steps", "batch_size", "rate", "seed", "precision")
DATA_NOTES: dict[str, dict[str, str]] = {
    "fashion-mnist": {
        "training_data": "Fashion-MNIST, 60,000 training pictures (Xiao et al. 2017), padded to 32x32; MIT, Zalando SE",
        "licence": "MIT, as this package",
        "intended_use": "Teaching: to see, and to change, how a small diffusion model works",
        "limits": "Grey 32x32 pictures of ten kinds of clothes, with the taste of one shop; it knows nothing else",
    },
    "cifar10": {
        "training_data": "CIFAR-10, 50,000 training pictures (Krizhevsky 2009); no licence stated, not shipped",
        "licence": "MIT, as this package; the pictures' is not stated",
        "intended_use": "To compare with the published numbers of DDPM",
        "limits": "32x32 pictures of ten kinds of things",
    },
    "folder": {
        "training_data": "a folder of pictures",
        "licence": "that of the pictures",
        "intended_use": "experiments",
        "limits": "it may repeat pictures that it was trained on, the more so the fewer they are",
    },
}


@dataclass(frozen=True)
class _Job:
    """What is trained: of the diffusion plans and of the other runs alike."""

    about: str
    notes: dict[str, str]
    recipe: Recipe
    model: nn.Module
    data: Tensor | dict[str, Tensor]
    schedule: NoiseSchedule | None = None
    objective: Objective | None = None
    measure: Callable[[Path], dict[str, Any]] | None = None


def train(options: Train) -> int:
    """Run a recipe, export the weights at the end, and say where they are."""
    check_choice("recipe", options.recipe, (*PLANS, *RUNS))
    if options.minutes is not None and options.minutes <= 0:
        raise ValueError(f"--minutes must be positive, got {options.minutes}")
    device = pick_device(options.device)
    tune_malloc()
    with parallel.joined(device) as here:
        with parallel.in_turn():
            job = _run(options) if options.recipe in RUNS else _diffusion(options)
        return _train(options, job, device, here)


def _train(options: Train, job: _Job, device: torch.device, here: parallel.World) -> int:
    """The training itself, in one process or as one of several."""
    directory = options.out if options.out is not None else Path("runs") / options.recipe
    ema = EMA(job.model, job.recipe.ema_decay)
    grids = _grids(options, job, ema, directory)
    reports = fit(
        job.model,
        job.schedule,
        job.data,
        job.recipe,
        objective=job.objective,
        directory=directory,
        resume=options.resume,
        ema=ema,
        device=device,
    )
    try:
        reached, signalled = _follow(reports, job.recipe, directory, options.minutes, device, grids)
    except KeyboardInterrupt:
        return say(f"interrupted; the same command goes on from the checkpoint in {directory}", INTERRUPTED)
    except WorkerLost:
        return FAILED  # it was said where it happened
    if not here.first:
        return 128 + signalled if signalled else OK
    if reached < job.recipe.steps:
        told = f"stopped at step {reached} of {job.recipe.steps}; the same command goes on from there"
        return say(told, 128 + signalled if signalled else OK)
    path = directory / RUN_WEIGHTS
    card = export_weights(directory, path, _card(job, options, directory, device))
    print(f"{path}: {card['parameters']:,} parameters, final loss {card['final_loss']:.4f}")
    if job.measure is None:
        print(f"draw with them: diffusion-edu sample {shlex.quote(str(directory))} --out samples.png")
    else:
        print(f"what it can do: diffusion-edu info {shlex.quote(str(directory))}")
    return OK


def _diffusion(options: Train) -> _Job:
    """A plan: a U-Net, its schedule, and pictures."""
    chosen = plan(options.recipe)
    recipe = _recipe(chosen.recipe, options)
    data = _pictures(chosen, options)
    model = new_unet(chosen.model, recipe.seed)
    schedule = NoiseSchedule.from_dict(chosen.schedule)
    return _Job(chosen.about, DATA_NOTES[chosen.data], recipe, model, data.pixels, schedule)


def _run(options: Train) -> _Job:
    """A run with an objective of its own."""
    run = RUNS[options.recipe]
    recipe = _recipe(run.recipe, options)
    model = run.new_model(recipe.seed)
    return _Job(
        run.about,
        run.notes,
        recipe,
        model,
        run.data(options.data),
        objective=run.objective,
        measure=run.measure,
    )


def _grids(options: Train, job: _Job, ema: EMA, directory: Path) -> Grids | None:
    """What draws on the way; None for a network that draws nothing."""
    if job.schedule is None or not isinstance(job.data, Tensor):
        return None
    every = job.recipe.checkpoint_every if options.samples_every is None else options.samples_every
    return Grids(ema.model, job.schedule, job.recipe.kind, job.data.shape[1:], directory / "samples", every)


def _recipe(recipe: Recipe, options: Train) -> Recipe:
    """The plan's recipe with the options that were given."""
    given = {name: getattr(options, name) for name in CHANGES if getattr(options, name) is not None}
    steps = given.get("steps", recipe.steps)
    if 0 < steps < recipe.steps:  # a short run ends as the long one does, and can still be lengthened later
        given["cooldown"] = recipe.cooldown * steps // recipe.steps
    return replace(recipe, compile=options.compile or recipe.compile, **given)


def _pictures(chosen: Plan, options: Train) -> ImageData:
    """The data set of a plan."""
    if chosen.data == "fashion-mnist":
        return fashion_mnist("train", root=options.data)
    if chosen.data == "cifar10":
        return cifar10("train", root=options.data)
    if options.data is None:
        raise ValueError(f"recipe {options.recipe!r} needs --data, a folder with your pictures")
    on_error = "skip" if options.skip_bad else "raise"
    data = ImageFolder(options.data, channels=chosen.model.in_channels, on_error=on_error).load()
    for line in data.skipped:
        print(f"left out: {line}", file=sys.stderr)
    return data


def _follow(
    reports: Iterator[TrainStep],
    recipe: Recipe,
    directory: Path,
    minutes: float | None,
    device: torch.device,
    grids: Grids | None,
) -> tuple[int, int]:
    """Iterate the training under a progress bar; returns the step reached, and the signal that stopped it or 0."""
    first = parallel.world().first
    reached = _steps_done(directory)
    end = None if minutes is None else time.monotonic() + 60 * minutes
    with _interruptible() as asked, _bar(recipe.steps, reached, first) as bar:
        try:
            for report in reports:
                bar.update(report.step - reached)
                bar.set_postfix(loss=f"{report.loss:.4f}", pictures_s=f"{report.pictures_per_second:.0f}")
                if grids is not None and first:
                    grids.between(reached, report.step)
                reached = report.step
                # All processes stop at the same step, whichever of them was asked.
                if parallel.agree(bool(asked) or (end is not None and time.monotonic() > end), device):
                    break
            reports.close()  # type: ignore[attr-defined]  # a generator: closing it saves what was done
        except RuntimeError as error:
            if parallel.world().size == 1 or not (isinstance(error, WorkerLost) or parallel.is_of_peers(error)):
                raise
            reports.close()  # type: ignore[attr-defined]
            # At once: torchrun is about to end this process too.
            kept = f"the last checkpoint is step {_steps_done(directory)}, and the same command goes on from there"
            say(f"error: another process of this training is gone; {kept}", FAILED)
            raise WorkerLost(str(error)) from error
    return reached, asked[0] if asked else 0


def _bar(steps: int, reached: int, shown: bool) -> tqdm:
    return tqdm(total=steps, initial=reached, unit="step", disable=not shown)


@contextlib.contextmanager
def _interruptible() -> Iterator[list[int]]:
    """Ctrl-C asks for a stop at the next report, so that no step is lost; a second Ctrl-C stops at once."""
    asked: list[int] = []

    def handle(number: int, frame: Any) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        print("\nstopping at the next report (Ctrl-C again: at once)", file=sys.stderr)

    kinds = (signal.SIGINT, signal.SIGTERM)
    try:
        before = [signal.signal(kind, handle) for kind in kinds]
    except ValueError:  # not in the main thread: there a signal cannot be caught
        yield asked
        return
    try:
        yield asked
    finally:
        for kind, old in zip(kinds, before):
            signal.signal(kind, old)


def _steps_done(directory: Path) -> int:
    path = directory / CHECKPOINT
    return int(read(path)[1].get("step", 0)) if path.is_file() else 0


def _card(job: _Job, options: Train, directory: Path, device: torch.device) -> dict[str, Any]:
    """What the run can say of itself."""
    lines = [json.loads(line) for line in (directory / METRICS).read_text().splitlines()]
    # The time of each report, from its speed: a run that was stopped and resumed counts its work only.
    counts = [b["step"] - a["step"] for a, b in zip([{"step": 0}, *lines], lines)]
    seconds = sum(n * job.recipe.batch_size / line["pictures_per_second"] for n, line in zip(counts, lines))
    tail = lines[-max(1, len(lines) // 20) :]
    return {
        "title": options.recipe,
        "about": job.about,
        "command": _command(options),
        **job.notes,
        "device": device_name(device),
        "wall_time_s": round(seconds, 1),
        "final_loss": sum(line["loss"] for line in tail) / len(tail),
        **({} if job.measure is None else {"measured": job.measure(directory / CHECKPOINT)}),
        "torch": torch.__version__,
        "diffusion_edu": __version__,
    }


def _command(options: Train) -> str:
    """The command that makes such weights again: what changes them, not where things lie on this machine."""
    words = ["diffusion-edu", "train", options.recipe]
    for name in (*CHANGES, "compile"):
        value = getattr(options, name)
        if value not in (None, False):
            words += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    return shlex.join(words)
