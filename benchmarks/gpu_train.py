"""The parts of gpu.py that train: CIFAR-10 by three libraries for the same minutes, and the book's own models.

The clock of a training starts anew in each call when its first `log_every` steps are done: compiling is not counted.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import peers
import torch
from torch import Tensor

import diffusion_edu as de
from diffusion_edu import cli
from diffusion_edu.evaluate import compare_features
from diffusion_edu.metrics import FeatureNetwork
from diffusion_edu.pretrained import find_weights
from diffusion_edu.train import PLANS, new_unet

SAVE_EVERY = 60.0  # seconds
ROOT = Path(__file__).resolve().parents[1]
Note = Callable[[float], None]  # told the seconds that a checkpoint stands for


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
    plan = PLANS["cifar10-fast"]
    config = peers.our_config(arguments.size)
    recipe = replace(plan.recipe, compile=arguments.compiled, batch_size=arguments.batch, steps=10**8, cooldown=0)
    recipe = replace(recipe, precision="auto", log_every=arguments.log_every, checkpoint_every=arguments.log_every * 10)
    schedule = de.NoiseSchedule.from_dict(plan.schedule)
    reports = de.fit(new_unet(config, recipe.seed), schedule, pixels, recipe, directory=folder, device=arguments.device)
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
        return de.data.to_pixels(drawn), int(system.card["step"])
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


def real_floor(arguments: argparse.Namespace, net: FeatureNetwork, real: Tensor) -> dict[str, Any]:
    """The same measures of as many real pictures that no network was trained on: what a perfect one would get."""
    pixels = de.data.cifar10("test", root=arguments.data).pixels[: arguments.pictures]
    found = compare_features(net(pixels), real, net, resamples=0).to_dict()
    return {key: found[key] for key in ("distance", "kernel", "pictures")}


def train_models(arguments: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """The book's own models by the command line, each for its share of the time; their weights are copied out."""
    result: dict[str, Any] = {}
    for name in arguments.models:
        folder = arguments.work / name
        words = ["train", name, "--out", str(folder), "--device", arguments.device]
        words += ["--minutes", str(seconds / 60 / len(arguments.models)), "--samples-every", "0"]
        if arguments.model_steps:
            words += ["--steps", str(arguments.model_steps)]
        code = cli.main(words)
        finished = (folder / "weights.safetensors").is_file()
        result[name] = {"command": "diffusion-edu " + " ".join(words), "exit_code": code, "finished": finished}
        if finished:
            arguments.weights.mkdir(parents=True, exist_ok=True)
            for file in (find_weights(folder), find_weights(folder).with_suffix(".json")):
                shutil.copy(file, arguments.weights / f"{name}{file.suffix}")
    return result


def run_notebooks(seconds: float) -> dict[str, Any]:
    """`pytest --nbval` on this machine: how many cells passed and failed."""
    if importlib.util.find_spec("nbval") is None:
        return {"failed": "not run: nbval is not installed"}
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-sanitize-with", "nbval_sanitize.cfg", "-q"]
    try:
        done = subprocess.run([*command, "notebooks"], capture_output=True, text=True, timeout=seconds, cwd=ROOT)
    except subprocess.TimeoutExpired:
        return {"failed": f"not finished in {seconds:.0f} s"}
    last = done.stdout.strip().splitlines()[-1] if done.stdout.strip() else done.stderr.strip()[-200:]
    return {"exit_code": done.returncode, "summary": last}
