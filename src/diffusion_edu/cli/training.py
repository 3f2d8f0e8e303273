"""diffusion-edu train: the table of runs, read by a terminal."""

from __future__ import annotations

import math
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from .. import __version__, files, processes
from .._errors import check_choice, unknown_name
from ..pretrained import RUN_WEIGHTS, draws, export_system, export_weights, find_weights, load
from ..processes import WorkerLost
from ..runs import RUNS, Run, Source, Stage
from ..runs.run import checksum
from ..train import EMA, CheckpointError, Denoising, Recipe, fit
from ..train.checkpoint import CHECKPOINT, METRICS, OtherRecipe, reports
from ..train.machine import device_name, tune_malloc
from ..train.objective import translated
from .common import FAILED, INTERRUPTED, OK, check_seed, pick_device, say
from .following import Progress, Stop, follow, steps_done
from .grids import Grids
from .options import Train

SHAPE = ("size", "channels", "model")
CHANGES = ("steps", "batch_size", "rate", "minutes", "seed", "precision")
OF_ONE_STAGE = ("start", *CHANGES[:4])


def train(options: Train) -> int:
    """Train the stages of a run, export the weights at the end, and say where they are."""
    check_choice("recipe", options.recipe, RUNS)
    run = _shaped(RUNS[options.recipe], options)
    stages = _stages(run, options)
    device = pick_device(options.device)
    tune_malloc()
    directory = options.out if options.out is not None else Path("runs") / run.name
    with processes.joined(device) as process:
        for stage in stages:
            try:
                progress = _train(run, stage, options, directory, device)
            except KeyboardInterrupt:
                kept = (run.folder(directory, stage) / CHECKPOINT).is_file()
                more = f"; the same command goes on from the checkpoint in {directory}" if kept else ""
                return say(f"interrupted{more}", INTERRUPTED)
            except WorkerLost:
                return FAILED  # it was said where it happened
            code = 128 + progress.signal if progress.signal else OK
            if not progress.done:
                message = f"stopped at step {progress.step} of {_recipe(stage, options).steps}"
                return say(f"{message}; the same command goes on from there", code) if process.first else code
        if not process.first:
            return OK
        left = [stage.name for stage in run.stages if not (run.folder(directory, stage) / CHECKPOINT).is_file()]
        if left or stages[-1] is not run.stages[-1]:
            more = f"; still to train: {', '.join(left)}" if left else ""
            print(f"{run.folder(directory, stages[-1])}: the stage {stages[-1].name} is done{more}")
            return OK
        return _finish(run, options, directory, device)


def _shaped(run: Run, options: Train) -> Run:
    """The run, for images of the size and by the network that were asked for."""
    given = {name: getattr(options, name) for name in SHAPE if getattr(options, name) is not None}
    if given and run.shaped is None:
        names = ", ".join(name for name, other in RUNS.items() if other.shaped is not None)
        raise ValueError(f"--{next(iter(given))} belongs to the recipe {names}: {run.name} has its own")
    return run.shaped(**given) if given and run.shaped is not None else run


def _stages(run: Run, options: Train) -> tuple[Stage, ...]:
    """What to train: all stages, or the one that was asked for."""
    if options.minutes is not None and not 0 < options.minutes < math.inf:
        raise ValueError(f"--minutes must be positive, got {options.minutes}")
    check_seed(options.seed)
    names = [stage.name for stage in run.stages]
    if options.stage is not None:
        if options.stage not in names:
            raise unknown_name("--stage", options.stage, names)
        return (run.stages[names.index(options.stage)],)
    given = [name for name in OF_ONE_STAGE if getattr(options, name) is not None]
    if given and len(names) > 1:
        option = "--from" if given[0] == "start" else f"--{given[0].replace('_', '-')}"
        raise ValueError(f"{option} needs --stage, one of {', '.join(names)}: the stages of {run.name} have their own")
    return run.stages


def _train(run: Run, stage: Stage, options: Train, directory: Path, device: torch.device) -> Progress:
    """One stage, in one process or as one of several."""
    recipe, folder = _recipe(stage, options), run.folder(directory, stage)
    with processes.in_turn():
        made = run.before(directory, stage)
        data = stage.data(Source(options.data, options.skip_bad, directory, options.white), made)
    model, objective = stage.new(recipe.seed), stage.objective(made)
    inputs = {name: checksum(network) for name, network in made.items()}
    if options.start is not None:
        _begin_from(model, options.start)
        inputs["from"] = checksum(model)
    ema = EMA(model, recipe.ema_decay)
    grids = None
    if isinstance(objective, Denoising) and isinstance(data, torch.Tensor):
        every = recipe.checkpoint_every if options.samples_every is None else options.samples_every
        grids = Grids(ema.model, objective.schedule, objective.target, data.shape[1:], folder / "samples", every)
    stop = Stop()
    try:
        reports = fit(
            model,
            data,
            recipe,
            objective,
            directory=folder,
            resume=options.resume,
            ema=ema,
            device=device,
            inputs=inputs,
            stop=stop,
        )
    except OtherRecipe as error:
        way = f"A new run can begin with these weights: --from {shlex.quote(str(folder))} --out ANOTHER-FOLDER"
        raise CheckpointError(f"{error}. {way}") from error
    done = steps_done(folder)
    if done > recipe.steps:
        list(reports)  # there are none: this lets go of the folder
        allowed = f"at least {done}, as {folder} has done so many already"
        raise ValueError(f"--steps must be {allowed}, got {recipe.steps}")
    return follow(reports, recipe, folder, device, grids, stop)


@torch.no_grad()
def _begin_from(model: nn.Module, name: str) -> None:
    """Give a network the weights of a trained one of the same class and shape: a stage, or a part of a system."""
    config = getattr(model, "config", None)
    path = find_weights(name)
    if path.name == CHECKPOINT:  # of a stage, which need not be something that `load` can make
        tensors, meta = files.read(path)
        with files.making_sense(path):
            described, averaged = translated(meta).get("model") or {}, files.under_prefix("ema", tensors)
            same = described.get("class") == type(model).__name__ and averaged.keys() == model.state_dict().keys()
            if same and config is not None and type(config).from_dict(described["config"]) == config:
                files.check_fit(averaged, model.state_dict())
                model.load_state_dict(averaged)
                return
    else:
        for part in load(name).modules():
            if type(part) is type(model) and getattr(part, "config", None) == config:
                model.load_state_dict(part.state_dict())
                return
    raise ValueError(f"--from must hold a {type(model).__name__} of the same shape to begin with, got {name!r}")


def _finish(run: Run, options: Train, directory: Path, device: torch.device) -> int:
    """Write the weights and the card of what was trained, and say where they are."""
    path = directory / RUN_WEIGHTS
    folders = {stage.name: run.folder(directory, stage) for stage in run.stages}
    card = _card(run, options, folders, device)
    system = run.assembled(directory)
    if run.measure is not None:
        card["measured"] = run.measure(system)
    if run.assemble is None:
        full = export_weights(directory, path, card)
    else:
        full = export_system(system, path, folders, card)
    loss = "unknown: its reports are lost" if full["final_loss"] is None else f"{full['final_loss']:.4f}"
    print(f"{path}: {full['parameters']:,} parameters, final loss {loss}")
    if draws(full):
        print(f"draw with them: diffusion-edu sample {shlex.quote(str(directory))} --out samples.png")
    else:
        print(f"what it can do: diffusion-edu info {shlex.quote(str(directory))}")
    return OK


def _recipe(stage: Stage, options: Train) -> Recipe:
    """The stage's recipe with the options that were given."""
    recipe = replace(stage.recipe, **stage.gpu) if options.gpu else stage.recipe
    given: dict[str, Any] = {name: getattr(options, name) for name in CHANGES if getattr(options, name) is not None}
    steps = given.get("steps", recipe.steps)
    if 0 < steps < recipe.steps:  # a short run ends as the long one does, and can still be lengthened later
        given["cooldown"] = recipe.cooldown * steps // recipe.steps
    if options.compile and options.no_compile:
        raise ValueError("--compile and --no-compile exclude each other")
    return replace(recipe, compile=(options.compile or recipe.compile) and not options.no_compile, **given)


def _card(run: Run, options: Train, folders: dict[str, Path], device: torch.device) -> dict[str, Any]:
    """What the run can say of itself; its loss is that of the last stage."""
    seconds = 0.0
    for stage in run.stages:
        lines = reports(folders[stage.name] / METRICS)
        # The time of each report, from its speed: a run that was stopped and resumed counts its work only.
        counts = [max(0, b["step"] - a["step"]) for a, b in zip([{"step": 0}, *lines], lines)]
        size = _recipe(stage, options).batch_size
        seconds += sum(n * size / line["pictures_per_second"] for n, line in zip(counts, lines))
    tail = lines[-max(1, len(lines) // 20) :]
    return {
        "title": run.name,
        "about": run.about,
        "command": _command(options),
        **run.notes,
        "device": device_name(device),
        "wall_time_s": round(seconds, 1),
        # A finished run whose reports are lost is finished all the same.
        "final_loss": sum(line["loss"] for line in tail) / len(tail) if tail else None,
        "torch": torch.__version__,
        "diffusion_edu": __version__,
    }


def _command(options: Train) -> str:
    """The command that makes such weights again: what changes them, not where things lie on this machine."""
    words = ["diffusion-edu", "train", options.recipe]
    for name in (*SHAPE, "white", "stage", "start", *CHANGES, "gpu", "compile", "no_compile"):
        value = getattr(options, name)
        if value not in (None, False):
            option = "from" if name == "start" else name.replace("_", "-")
            words += [f"--{option}", *([] if value is True else [str(value)])]
    return shlex.join(words)
