"""The part `cifar10`: three libraries train for the same minutes, and one judge measures what each of them draws.

What they train on, CIFAR-10 or not, stands in the results. The clock of a training starts anew in each call when its
first `log_every` steps are done: compiling is not counted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import peers
import torch
from torch import Tensor

import diffusion_edu as de
from diffusion_edu.metrics import FeatureNetwork, compare_features
from diffusion_edu.nn import new_unet
from diffusion_edu.pretrained import card_of
from diffusion_edu.runs import RUNS

from .pictures import pictures
from .results import Budget, Results

SAVE_EVERY = 20.0  # seconds
JUDGING = 0.3  # of the time of this part
Note = Callable[[float], None]  # told the seconds that a checkpoint stands for


def run(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """Each library for its share of the time, with what it takes to compile; then the judge."""
    part, budget = results.part("train"), Budget(seconds, 5.0)
    train, test, source = pictures(arguments.data, 40 if arguments.tiny else 50_000)
    part.update(data=source, pictures_of_data=len(train))
    if arguments.train_seconds:
        part["train_seconds"] = arguments.train_seconds
    part.setdefault("train_seconds", 0.75 * (1 - JUDGING) * budget.left() / len(arguments.of))  # the rest: to compile
    for index, name in enumerate(arguments.of):
        # None may take the time of those that come after it, nor that of the judge.
        end = Budget((budget.left() - JUDGING * seconds) / (len(arguments.of) - index))
        practise(arguments, results, name, train, end)
    left = judged(arguments, results, train, test, budget)
    part["done"] = not left
    if left:
        part["said"] = f"no time was left to judge {', '.join(left)}"


def practise(arguments: argparse.Namespace, results: Results, name: str, train: Tensor, end: Budget) -> None:
    """Train one library until it has had its seconds, or the time is over."""
    part = results.part("train")
    own = part.setdefault(name, {"seconds": 0.0})
    while own["seconds"] < part["train_seconds"] and "failed" not in own and end.left() > 1.0:
        clock, before = Clock(part["train_seconds"] - own["seconds"], end.left()), own["seconds"]

        def note(spent: float, before: float = before) -> None:
            own["seconds"] = before + spent  # beside each checkpoint: a kill takes away no more than it does
            results.save()

        try:
            if name == "ours":
                train_ours(arguments, train, arguments.work / name, clock, note)
            else:
                train_peer(arguments, name, train, arguments.work / name, clock, note)
        except (ImportError, torch.OutOfMemoryError) as error:
            own["failed"] = f"{type(error).__name__}: {error}"[:300]
            results.save()


def judged(arguments: argparse.Namespace, results: Results, train: Tensor, test: Tensor, budget: Budget) -> list[str]:
    """Measure what each of them draws; returns those that are left to do."""
    part = results.part("train")
    net = de.feature_network("efficientnet", device=arguments.device)
    real = net(train[: arguments.reference])
    for name in arguments.of:
        own = part[name]
        if "distance" not in own and "failed" not in own and budget.left() > 1.0:
            own.update(judge(arguments, name, arguments.work / name, net, real))
            results.save()
    if "floor_test_split" not in part:
        part["floor_test_split"] = real_floor(test[: arguments.pictures], net, real)
    return [name for name in arguments.of if "distance" not in part[name] and "failed" not in part[name]]


class Clock:
    """Seconds of training, from the first call of `tick` on.

    Args:
        seconds: how long to train.
        left: seconds until the call must end, compiling included.
    """

    def __init__(self, seconds: float, left: float) -> None:
        self.seconds, self.end = seconds, time.perf_counter() + left
        self.started: float | None = None
        self.spent = 0.0

    def tick(self) -> bool:
        """True when it is over."""
        now = time.perf_counter()
        self.started = now if self.started is None else self.started
        self.spent = now - self.started
        return self.spent >= self.seconds or now >= self.end


def train_ours(arguments: argparse.Namespace, pixels: Tensor, folder: Path, clock: Clock, note: Note) -> None:
    """`fit` by the recipe cifar10-fast until the clock stops it. Its checkpoint goes on by itself."""
    stage = RUNS["cifar10-fast"].stages[0]
    config = peers.our_config(arguments.size)
    recipe = replace(stage.recipe, compile=arguments.compiled, batch_size=arguments.batch, steps=10**8, cooldown=0)
    recipe = replace(recipe, precision="auto", log_every=arguments.log_every, checkpoint_every=arguments.log_every * 10)
    reports = de.fit(
        new_unet(config, recipe.seed), pixels, recipe, stage.objective({}), directory=folder, device=arguments.device
    )
    for report in reports:
        print(f"  step {report.step}: loss {report.loss:.4f}, {report.pictures_per_second:.0f} pictures/s", flush=True)
        over = clock.tick()
        if report.step % recipe.checkpoint_every == 0:
            note(clock.spent)
        if over:
            break
    reports.close()  # type: ignore[attr-defined]
    note(clock.spent)


def batches(pixels: Tensor, size: int, step: int) -> Tensor:
    """A batch for the others: drawn and mirrored anew for each step, from the step's number alone."""
    generator = torch.Generator(pixels.device).manual_seed(step)
    chosen = torch.randint(len(pixels), (size,), generator=generator, device=pixels.device)
    x0 = de.data.to_x0(pixels[chosen])
    mirrored = torch.rand(size, 1, 1, 1, generator=generator, device=pixels.device) < 0.5
    return torch.where(mirrored, x0.flip(-1), x0)


def load_peer(arguments: argparse.Namespace, name: str, folder: Path) -> tuple[peers.Peer, int]:
    """A peer as it was left, and the steps it has done."""
    device = torch.device(arguments.device)
    peer = getattr(peers, name)(arguments.size, device, peers.best_precision(device), arguments.compiled)
    file = folder / "state.pt"
    if not file.is_file():
        return peer, 0
    state = torch.load(file, map_location=device, weights_only=False)
    for part, value in state["kept"].items():
        assert peer.kept is not None
        peer.kept[part].load_state_dict(value)
    return peer, state["step"]


def save_peer(peer: peers.Peer, step: int, folder: Path) -> None:
    """Whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "state.pt.part"
    assert peer.kept is not None
    torch.save({"kept": {part: own.state_dict() for part, own in peer.kept.items()}, "step": step}, partial)
    partial.replace(folder / "state.pt")


def train_peer(
    arguments: argparse.Namespace, name: str, pixels: Tensor, folder: Path, clock: Clock, note: Note
) -> None:
    """The same minutes of another library's step, in the same precision, batch and data."""
    peer, step = load_peer(arguments, name, folder)
    pixels = pixels.to(arguments.device)
    saved, over = 0.0, False
    while not over:
        for _ in range(arguments.log_every):
            peer.step(batches(pixels, arguments.batch, step))
            step += 1
        if pixels.is_cuda:
            torch.cuda.synchronize()  # the clock must not run ahead of the device
        over = clock.tick()
        if over or clock.spent - saved > SAVE_EVERY:
            save_peer(peer, step, folder)
            note(clock.spent)
            saved = clock.spent


def draw(arguments: argparse.Namespace, name: str, folder: Path, count: int) -> tuple[Tensor, int]:
    """(count, 3, 32, 32) pixels by DDIM in 50 steps with the averaged network, and the training steps behind them."""
    if name == "ours":
        system = de.load(folder, arguments.device)
        drawn = system.generate(count, steps=50, batch_size=arguments.draw_batch)
        return de.data.to_pixels(drawn), int(card_of(folder)["step"])
    peer, step = load_peer(arguments, name, folder)
    assert peer.draw is not None
    torch.manual_seed(0)
    sizes = [min(arguments.draw_batch, count - first) for first in range(0, count, arguments.draw_batch)]
    return de.data.to_pixels(torch.cat([peer.draw(size, 50) for size in sizes])), step


def judge(arguments: argparse.Namespace, name: str, folder: Path, net: FeatureNetwork, real: Tensor) -> dict[str, Any]:
    """Distance to the training pictures, with interval; and a sheet of the first draws beside the run."""
    started = time.perf_counter()
    drawn, steps = draw(arguments, name, folder, arguments.pictures)
    de.data.save_grid(arguments.work / f"{name}.png", drawn[:64], scale=2)
    found = compare_features(net(drawn), real, net)
    return {**found.to_dict(), "steps": steps, "seconds_of_judging": time.perf_counter() - started}


def real_floor(pixels: Tensor, net: FeatureNetwork, real: Tensor) -> dict[str, Any]:
    """The same measures of as many real pictures that no network was trained on: what a perfect one would get."""
    found = compare_features(net(pixels), real, net, resamples=0).to_dict()
    return {key: found[key] for key in ("distance", "kernel", "pictures")}
