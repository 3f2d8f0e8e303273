"""The command line of benchmarks/text_to_image.py."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

import diffusion_edu as de
from diffusion_edu.data import save_grid
from diffusion_edu.data.emoji import STYLES

from . import latents, parts
from .drawing import BATCH, SAMPLER
from .parts import Bench, Work
from .record import check_counts, machine, settings_of
from .results import Results, chosen
from .sets import Sets
from .sources import Package, Subject, Trial

ROOT = Path(__file__).resolve().parents[2]
RESULT = "text_to_image.json"
STEPS = 15
PARTS: dict[str, Callable[[Work], dict[str, Any]]] = {
    "choose": parts.choose,
    "headline": parts.headline,
    "guidance": parts.guidance,
    "steps": parts.steps,
    "autoencoder": latents.autoencoder,
    "training": latents.training,
}
# For looking at: eight that training has seen, and eight held-out combinations.
SEEN = (
    *("a red apple, noto style", "a red apple, twemoji style", "a grinning face, noto style", "a cat face, noto style"),
    *("a pizza, noto style", "a green heart, fluent style", "a sunflower, noto style", "a rocket, noto style"),
)
UNSEEN = (
    *("a whale, noto style", "a tulip, fluent style", "a cactus, noto style", "a lion, twemoji style"),
    *("a croissant, twemoji style", "a frog, noto style", "a tomato, fluent style", "a doughnut, noto style"),
)


def parsed(about: str, words: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--system", nargs="+", default=None, metavar="NAME", help="default: all that read texts")
    parser.add_argument("--n", type=int, default=480, help="held-out prompts of the headline, at most 480")
    parser.add_argument("--sweep", type=int, default=96, help="held-out prompts of a point of a sweep")
    parser.add_argument("--choose", type=int, default=96, help="training prompts that choose the guidance")
    parser.add_argument("--steps", type=int, default=STEPS, help="of the sampler")
    parser.add_argument("--seed", type=int, default=0, help="of the first image of each set")
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=None, help="measure these, done or not")
    parser.add_argument("--checkpoint", nargs="+", type=Path, default=[], metavar="FILE", help="interim weights")
    parser.add_argument("--grid", type=Path, default=None, metavar="FOLDER", help="draw a grid a system, and no more")
    parser.add_argument("--guidance", type=float, default=None, help="of the grid; default: what was chosen, else 2")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", metavar="FOLDER")
    parser.add_argument("--tiny", action="store_true", help="a trial, with networks that drew lots")
    arguments = parser.parse_args(words)
    check_counts(parser, arguments, 1, "sweep", "choose")
    return arguments


@torch.no_grad()
def main(about: str, words: Sequence[str] | None = None) -> int:
    """Measure; the exit code is 1 where a system that was asked for is not there."""
    arguments = parsed(about, words)
    source = Trial() if arguments.tiny else Package()
    known = source.names()
    names = arguments.system or known
    if missing := [name for name in names if name not in known]:
        print(f"error: --system must be of {', '.join(known) or 'none'}, got {', '.join(missing)}")
        return 1
    if arguments.grid is not None:
        for name in names:
            drawn_grid(source.subject(name), arguments)
        return 0
    bench, results = begun(arguments, source)
    interim = [source.subject(path) for path in arguments.checkpoint]
    for name in names:
        subject = source.subject(name)
        found = results.of(subject.name, subject.about, subject.size)
        alike = [one for one in interim if type(one.system) is type(subject.system)]
        measure(Work(bench, subject, found, alike), results, arguments.only)
    return 0


def begun(arguments: argparse.Namespace, source: Package | Trial) -> tuple[Bench, Results]:
    """The bench, and the result file with what is measured of real images."""
    asked = {"n": "n", "sweep_n": "sweep", "choose_n": "choose", "steps": "steps", "seed": "seed"}
    settings, command = settings_of("text_to_image.py", asked, arguments, parsed("", []))
    settings |= {"sampler": SAMPLER, "batch": BATCH}
    looking = source.eyes()
    here = {
        "command": command,
        "machine": machine(),
        "settings": settings,
        **looking.about,
        "chance": {
            "top1": 1 / arguments.n,
            "top5": min(1.0, 5 / arguments.n),
            "style": 1 / len(STYLES),
            "among": arguments.n,
        },
    }
    results = Results(arguments.out / RESULT, here)
    bench = Bench(Sets(arguments.n), looking, settings)
    if "true" not in results.all:
        results.all["true"] = timed("real images", lambda: parts.real(bench))
        results.save()
    return bench, results


def measure(work: Work, results: Results, only: Sequence[str] | None) -> None:
    """The parts of one system that are asked for, or not done yet; the file is written after each."""
    for name, part in PARTS.items():
        wanted = name in only if only else name not in work.found
        if name == "choose" and "choose" not in work.found:
            wanted = True  # all others need its answer
        if not wanted or (name == "autoencoder" and not work.subject.is_latent):
            continue
        before = work.found.get(name, {})
        work.found[name] = timed(f"{work.subject.name}: {name}", lambda part=part: part(work))
        if before.get("guidance") != work.found[name].get("guidance") and name == "choose":
            for stale in set(PARTS) & set(work.found) - {"choose", "guidance", "autoencoder"}:
                del work.found[stale]
        results.save()


def timed(title: str, measured: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """A part with the seconds that it took, told on the way."""
    began = time.perf_counter()
    found = measured()
    found["wall_seconds"] = round(time.perf_counter() - began, 1)
    print(f"{title}: {found['wall_seconds']} s", flush=True)
    return found


def drawn_grid(subject: Subject, arguments: argparse.Namespace) -> None:
    """16 prompts x 4 seeds, two prompts a row."""
    guidance = arguments.guidance
    if guidance is None:
        guidance = chosen(arguments.out / RESULT, subject.name) or 2.0
    prompts = [*SEEN, *UNSEEN]
    x0 = subject.system.generate(
        prompts, n=4, guidance=guidance, seed=arguments.seed, sampler=de.DPMSolver(), steps=arguments.steps
    )
    file = save_grid(arguments.grid / f"{subject.name}.png", x0, columns=8, scale=128 // subject.size)
    print(f"{file}: guidance {guidance:g}, {arguments.steps} steps; from the left, two prompts a row:")
    for first in range(0, len(prompts), 2):
        print(f"  {prompts[first]} | {prompts[first + 1]}{'' if prompts[first] in SEEN else ' (held out)'}")
