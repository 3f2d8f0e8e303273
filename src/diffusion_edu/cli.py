"""The command line: diffusion-edu train | sample | list | info."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
import tyro
from tqdm import tqdm

from . import __version__
from ._errors import DataError
from .data import ImageData, ImageFolder, fashion_mnist, save_grid, to_x0
from .data.folder import read_picture
from .pretrained import RUN_WEIGHTS, Pretrained, available, export_weights, load
from .train import PLANS, CheckpointError, Plan, Recipe, TrainingDiverged, TrainStep, fit, new_unet, plan
from .train.checkpoint import read
from .train.loop import CHECKPOINT, METRICS
from .train.machine import tune_malloc

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def _option(metavar: str | None = None, **kwargs: Any) -> Any:
    """An option whose default is told in its help text."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="", **kwargs)


Folder = Annotated[Path | None, _option("FOLDER")]
Count = Annotated[int | None, _option("N")]
Number = Annotated[float | None, _option("X")]
Device = Annotated[str | None, _option("NAME")]


@dataclass(frozen=True)
class Train:
    """Train a network by a recipe; a run that was stopped goes on where it was."""

    recipe: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="RECIPE")]
    """What to train; `diffusion-edu list` shows the recipes."""
    out: Folder = None
    """Folder of the run: checkpoint, metrics and, at the end, the weights. Default: runs/RECIPE."""
    data: Folder = None
    """Folder with your pictures (recipe "folder") or with the original files of the data set."""
    steps: Count = None
    """Training steps. Default: the recipe's, as for the next four."""
    batch_size: Count = None
    """Pictures a step."""
    rate: Number = None
    """Learning rate."""
    seed: Count = None
    """Seed of everything random."""
    precision: Annotated[Literal["auto", "fp32", "bf16"] | None, _option("auto|fp32|bf16")] = None
    """Arithmetic of the network."""
    compile: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Run the network through torch.compile, whatever the recipe says."""
    minutes: Number = None
    """Stop after this time; the same command goes on later. Default: no limit."""
    skip_bad: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option()] = False
    """Leave out pictures that cannot be read. Default: stop and name them."""
    device: Device = None
    """Such as cpu or cuda. Default: a GPU when there is one."""
    resume: bool = True
    """Go on from the checkpoint in the folder; with --no-resume, a folder that holds one is refused."""


@dataclass(frozen=True)
class Sample:
    """Draw pictures with trained weights and save them as one picture."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Weights of the package (`diffusion-edu list`), or a file of weights, or the folder of a run."""
    out: Annotated[Path, tyro.conf.arg(metavar="FILE")] = Path("samples.png")
    """The picture to write."""
    n: Annotated[int, tyro.conf.arg(metavar="N")] = 64
    """How many pictures."""
    method: Literal["ddpm", "ddim", "dpm-solver"] = "ddim"
    """The sampler."""
    steps: Count = None
    """Sampling steps. Default: 50 for ddim, 20 for dpm-solver, all for ddpm."""
    eta: Annotated[float, tyro.conf.arg(metavar="X")] = 0.0
    """Fresh noise of ddim, from 0 (none) to 1 (as much as ddpm)."""
    seed: Annotated[int, tyro.conf.arg(metavar="N")] = 0
    """Seed of the first picture; the next one has seed + 1, and so on."""
    start: Annotated[Path | None, _option("FILE", name="from")] = None
    """Begin from this picture. Default: from noise."""
    start_t: Annotated[int | None, _option("T", name="from-t")] = None
    """The step that the picture is noised to: the higher, the less is left of it. Default: 0.4 T."""
    columns: Count = None
    """Pictures a row. Default: as square as it gets."""
    scale: Annotated[int, tyro.conf.arg(metavar="N")] = 2
    """Enlarge each pixel to a square of this side."""
    batch_size: Annotated[int, tyro.conf.arg(metavar="N")] = 64
    """Pictures worked on at once; changes memory and speed only."""
    device: Device = None
    """Such as cpu or cuda. Default: a GPU when there is one."""


@dataclass(frozen=True)
class List:
    """Show the recipes that can be trained and the weights that come with the package."""


@dataclass(frozen=True)
class Info:
    """Show the model card of trained weights, or the numbers of a recipe."""

    name: Annotated[tyro.conf.Positional[str], tyro.conf.arg(metavar="NAME")]
    """Weights, a file of weights, the folder of a run, or a recipe."""
    as_json: Annotated[tyro.conf.FlagCreatePairsOff[bool], _option(name="json")] = False
    """Print JSON instead of lines."""


Command = (
    Annotated[Train, tyro.conf.subcommand("train")]
    | Annotated[Sample, tyro.conf.subcommand("sample")]
    | Annotated[List, tyro.conf.subcommand("list")]
    | Annotated[Info, tyro.conf.subcommand("info")]
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if arguments == ["--version"]:
        print(f"diffusion-edu {__version__} (torch {torch.__version__})")
        return OK
    try:
        command = tyro.cli(
            Command,  # type: ignore[arg-type]
            prog="diffusion-edu",
            description="Train diffusion models, and draw pictures with them. `diffusion-edu --version` tells the version.",
            args=arguments or ["--help"],
            config=(tyro.conf.OmitArgPrefixes,),
        )
    except SystemExit as stop:  # tyro has said what was wrong, or printed the help
        return stop.code if isinstance(stop.code, int) else USAGE
    return _guarded(lambda: _run(command, arguments))


def _run(command: Train | Sample | List | Info, arguments: list[str]) -> int:
    if isinstance(command, Train):
        return train(command, arguments)
    if isinstance(command, Sample):
        return draw(command)
    return listing() if isinstance(command, List) else info(command)


def _guarded(action: Callable[[], int]) -> int:
    """Turn a user's mistake into one line and an exit code; a mistake of the program keeps its traceback."""
    try:
        return action()
    except KeyboardInterrupt:
        return _say("interrupted", INTERRUPTED)
    except (ValueError, TypeError) as error:  # arguments that the parser could not know to be wrong
        return _say(f"error: {error}", USAGE)
    except (DataError, CheckpointError, TrainingDiverged, torch.cuda.OutOfMemoryError) as error:
        return _say(f"error: {error}", FAILED)
    except BrokenPipeError:  # the reader of our output went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except OSError as error:
        reason = f"{error.strerror}: {error.filename}" if error.strerror and error.filename else error
        return _say(f"error: {reason}", FAILED)


def _say(message: str, code: int) -> int:
    print(f"diffusion-edu: {message}", file=sys.stderr)
    return code


# ---- train -----------------------------------------------------------------------------------------------


def train(options: Train, arguments: Sequence[str]) -> int:
    """Run a recipe, export the weights at the end, and say where they are."""
    chosen = plan(options.recipe)
    recipe = _recipe(chosen.recipe, options)
    if options.minutes is not None and options.minutes <= 0:
        raise ValueError(f"--minutes must be positive, got {options.minutes}")
    device = _device(options.device)
    tune_malloc()
    data = _pictures(chosen, options)
    directory = options.out if options.out is not None else Path("runs") / options.recipe
    model = new_unet(chosen.model, recipe.seed)
    schedule = _schedule(chosen)
    reports = fit(model, schedule, data.pixels, recipe, directory=directory, resume=options.resume, device=device)
    try:
        reached, signalled = _follow(reports, recipe, directory, options.minutes)
    except KeyboardInterrupt:
        return _say(f"interrupted; the same command goes on from the checkpoint in {directory}", INTERRUPTED)
    if reached < recipe.steps:
        told = f"stopped at step {reached} of {recipe.steps}; the same command goes on from there"
        return _say(told, 128 + signalled if signalled else OK)
    path = directory / RUN_WEIGHTS
    card = export_weights(directory, path, _card(chosen, options, arguments, directory, device))
    print(f"{path}: {card['parameters']:,} parameters, final loss {card['final_loss']:.4f}")
    print(f"draw with them: diffusion-edu sample {shlex.quote(str(directory))} --out samples.png")
    return OK


def _recipe(recipe: Recipe, options: Train) -> Recipe:
    """The plan's recipe with the options that were given."""
    given = {
        name: getattr(options, name)
        for name in ("steps", "batch_size", "rate", "seed", "precision")
        if getattr(options, name) is not None
    }
    steps = given.get("steps", recipe.steps)
    if 0 < steps < recipe.steps:  # a short run ends as the long one does, and can still be lengthened later
        given["cooldown"] = recipe.cooldown * steps // recipe.steps
    return replace(recipe, compile=options.compile or recipe.compile, **given)


def _pictures(chosen: Plan, options: Train) -> ImageData:
    """The data set of a plan."""
    if chosen.data == "fashion-mnist":
        return fashion_mnist("train", root=options.data)
    if options.data is None:
        raise ValueError(f"recipe {options.recipe!r} needs --data, a folder with your pictures")
    on_error = "skip" if options.skip_bad else "raise"
    data = ImageFolder(options.data, channels=chosen.model.in_channels, on_error=on_error).load()
    for line in data.skipped:
        print(f"left out: {line}", file=sys.stderr)
    return data


def _follow(reports: Iterator[TrainStep], recipe: Recipe, directory: Path, minutes: float | None) -> tuple[int, int]:
    """Iterate the training under a progress bar; returns the step reached, and the signal that stopped it or 0."""
    reached = _steps_done(directory)
    end = None if minutes is None else time.monotonic() + 60 * minutes
    with _interruptible() as asked, tqdm(total=recipe.steps, initial=reached, unit="step") as bar:
        for report in reports:
            bar.update(report.step - reached)
            bar.set_postfix(loss=f"{report.loss:.4f}", pictures_s=f"{report.pictures_per_second:.0f}")
            reached = report.step
            if asked or (end is not None and time.monotonic() > end):
                break
        reports.close()  # type: ignore[attr-defined]  # a generator: closing it saves what was done
    return reached, asked[0] if asked else 0


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


def _card(
    chosen: Plan, options: Train, arguments: Sequence[str], directory: Path, device: torch.device
) -> dict[str, Any]:
    """What the run can say of itself."""
    lines = [json.loads(line) for line in (directory / METRICS).read_text().splitlines()]
    # The time of each report, from its speed: a run that was stopped and resumed counts its work only.
    batch = (_recipe(chosen.recipe, options)).batch_size
    counts = [b["step"] - a["step"] for a, b in zip([{"step": 0}, *lines], lines)]
    seconds = sum(n * batch / line["pictures_per_second"] for n, line in zip(counts, lines))
    tail = lines[-max(1, len(lines) // 20) :]
    return {
        "title": options.recipe,
        "about": chosen.about,
        "command": shlex.join(["diffusion-edu", *arguments]),
        "training_data": chosen.data,
        "device": _device_name(device),
        "wall_time_s": round(seconds, 1),
        "final_loss": sum(line["loss"] for line in tail) / len(tail),
        "torch": torch.__version__,
        "diffusion_edu": __version__,
    }


def _schedule(chosen: Plan) -> Any:
    from .diffusion.schedules import NoiseSchedule

    return NoiseSchedule.from_dict(chosen.schedule)


def _device(name: str | None) -> torch.device:
    """The device that was asked for, or the best one there is.

    Raises:
        ValueError: no such device here.
    """
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device must be a device of this machine, got {name!r} ({reason})") from error
    return device


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, {torch.get_num_threads()} threads"


# ---- sample ----------------------------------------------------------------------------------------------


def draw(options: Sample) -> int:
    """Draw pictures and save them."""
    device = _device(options.device)
    tune_malloc()
    system = load(options.name, device)
    if options.start is None and options.start_t is not None:
        raise ValueError("--from-t belongs to --from: the step that a picture is noised to")
    begin, start_t = _start(options, system)
    pictures = system.generate(
        options.n,
        seed=options.seed,
        method=options.method,
        steps=options.steps,
        eta=options.eta,
        start=begin,
        start_t=start_t,
        batch_size=options.batch_size,
        progress=True,
    )
    print(save_grid(options.out, pictures, options.columns, scale=options.scale))
    return OK


def _start(options: Sample, system: Pretrained) -> tuple[torch.Tensor | None, int | None]:
    """The picture to begin from, cut to the size of the network, and its step."""
    if options.start is None:
        return None, None
    channels, height, width = system.shape
    if height != width:
        raise ValueError(f"--from needs a network of square pictures, {options.name} makes {height} x {width}")
    picture = to_x0(read_picture(options.start, height, channels))
    start_t = options.start_t if options.start_t is not None else max(1, 2 * system.schedule.T // 5)
    return picture, start_t


# ---- list, info ------------------------------------------------------------------------------------------


def listing() -> int:
    """Print the recipes and the weights."""
    from .pretrained import WEIGHTS, read_card

    width = max(map(len, (*PLANS, *available())))
    print("recipes (diffusion-edu train RECIPE)")
    for name, entry in PLANS.items():
        print(f"  {name:<{width}}  {entry.about}")
    print("weights (diffusion-edu sample NAME)")
    for name in available():
        print(f"  {name:<{width}}  {read_card(WEIGHTS / name).get('about', '')}")
    return OK


def info(options: Info) -> int:
    """Print a model card, or the numbers of a recipe."""
    if options.name in PLANS and options.name not in available():
        entry = PLANS[options.name]
        card: dict[str, Any] = {
            "about": entry.about,
            "data": entry.data,
            "model": entry.model.to_dict(),
            "schedule": entry.schedule,
            "recipe": entry.recipe.to_dict(),
        }
    else:
        card = load(options.name).card
    if options.as_json:
        print(json.dumps(card, indent=2, ensure_ascii=False))
    else:
        _print_lines(card)
    return OK


def _print_lines(card: dict[str, Any], indent: int = 0) -> None:
    """A card as lines, the parts of a part below it."""
    width = max((len(key) for key, value in card.items() if not isinstance(value, dict)), default=0)
    for key, value in card.items():
        if isinstance(value, dict):
            print(f"{' ' * indent}{key}")
            _print_lines(value, indent + 2)
        else:
            print(f"{' ' * indent}{key:<{width}}  {value}")


if __name__ == "__main__":
    sys.exit(main())
