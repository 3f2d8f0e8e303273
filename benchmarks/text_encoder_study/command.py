"""The command line of benchmarks/text_encoder_study.py."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout
from text_to_image.drawing import SAMPLER
from text_to_image.record import machine, read, write
from torch import Tensor

import diffusion_edu as de
from diffusion_edu.nn import UNet
from diffusion_edu.randomness import seeded
from diffusion_edu.systems.text import caption_table
from diffusion_edu.train.machine import best_device, pick_precision

from . import cells
from .cells import CELLS, CORNERS, ENCODERS, SCALES, SIDE, Cell, Judging, Plan
from .readers import Real, Small

ROOT = Path(__file__).resolve().parents[2]
RESULT = "text_encoder_study.json"
FIXED = ("settings", "judge")
TINY = {"small": (8, 8), "medium": (8, 12), "large": (12, 12)}
TRIED = 6  # steps of an estimate, of which the first is not counted


def parsed(about: str, words: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = Plan()
    parser.add_argument("--images", type=int, default=usual.images, help="that each U-Net sees in training")
    parser.add_argument("--batch-size", type=int, default=usual.batch_size)
    parser.add_argument("--precision", default=usual.precision, help="of the training, as a recipe has it")
    parser.add_argument("--n", type=int, default=usual.n, help="held-out captions, at most 480")
    parser.add_argument("--steps", type=int, default=usual.steps, help="of the sampler")
    parser.add_argument("--cell", nargs="+", type=cell_of, default=None, metavar="ENCODER:SIZE:SEED")
    parser.add_argument("--corners", type=int, default=1, help="further seeds of the four corners: 0, 1 or 2")
    parser.add_argument("--estimate", action="store_true", help="tell what each cell will cost, and train nothing")
    parser.add_argument("--list", action="store_true", help="tell what is done and what remains")
    parser.add_argument("--work", type=Path, default=Path("runs/text_encoder_study"), metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", metavar="FOLDER")
    parser.add_argument("--tiny", action="store_true", help="a trial, with networks that drew lots")
    arguments = parser.parse_args(words)
    if not 5 <= arguments.n <= 480:
        parser.error(f"--n must be in 5..480, got {arguments.n}")
    if not 0 <= arguments.corners <= 2:
        parser.error(f"--corners must be 0, 1 or 2, got {arguments.corners}")
    return arguments


def cell_of(text: str) -> Cell:
    """ENCODER:SIZE:SEED as a cell."""
    parts = text.split(":")
    if len(parts) != 3 or parts[0] not in ENCODERS or parts[1] not in Plan().sizes or not parts[2].isdecimal():
        sizes = ", ".join(Plan().sizes)
        raise argparse.ArgumentTypeError(f"must be ENCODER:SIZE:SEED of {', '.join(ENCODERS)} and {sizes}, got {text}")
    return Cell(parts[0], parts[1], int(parts[2]))


class Study:
    """All cells of one call, and the file that several calls share.

    Args:
        arguments: what was asked for.
    """

    def __init__(self, arguments: argparse.Namespace) -> None:
        self.given: Real | Small = Small() if arguments.tiny else Real()
        own = {"images": arguments.images, "batch_size": arguments.batch_size, "precision": arguments.precision}
        self.plan = Plan(**own, n=arguments.n, steps=arguments.steps)
        if arguments.tiny:
            self.plan = self.plan._replace(sizes=TINY)
        corners = [one for one in CORNERS if one.seed <= arguments.corners]
        self.cells = [one for one in arguments.cell or [*CELLS, *corners] if self.given.present(one.encoder)]
        self.work, self.path = arguments.work, arguments.out / RESULT
        self.command = "python benchmarks/text_encoder_study.py" + " --tiny" * arguments.tiny
        self.data = lru_cache(maxsize=1)(self._data)  # of one encoder: about a gigabyte
        self.reader = lru_cache(maxsize=None)(self.given.reader)

    def here(self, about: dict[str, Any]) -> dict[str, Any]:
        """What this call says of itself."""
        plan = {name: getattr(self.plan, name) for name in ("images", "batch_size", "rate", "n", "steps", "seed")}
        precision = pick_precision(self.plan.precision, best_device())
        told = {"precision": precision, "guidance": list(SCALES), "side": SIDE, "sampler": SAMPLER}
        return {
            "command": self.command,
            "machine": machine(),
            "settings": {**plan, **told, "channels": {name: list(c) for name, c in self.plan.sizes.items()}},
            "judge": about,
        }

    def merged(self, here: dict[str, Any], cell: str | None = None, found: dict[str, Any] | None = None) -> dict:
        """The file with a cell added: what other processes have written meanwhile stays."""
        with FileLock(self._lock("result")):
            all_of_it = read(self.path)
            if changed := [key for key in FIXED if all_of_it and all_of_it.get(key) != here[key]]:
                print(f"{self.path} was made with other {', '.join(changed)}: begun anew", flush=True)
                all_of_it = {}
            all_of_it = {**all_of_it, **here}
            done = all_of_it.setdefault("cells", {})
            if cell is not None:
                done[cell] = found
                order = [one.name for one in (*CELLS, *CORNERS)]
                all_of_it["cells"] = {name: done[name] for name in sorted(done, key=lambda n: (*_at(order, n), n))}
                write(self.path, all_of_it)
        return all_of_it

    def _data(self, encoder: str) -> dict[str, Tensor]:
        with FileLock(self._lock(f"captions-{encoder}")):
            captions = cells.read_captions(encoder, self.reader(encoder), self.given.texts(), self.work)
        return {"pixels": self.given.images(), **captions}

    def _lock(self, name: str) -> Path:
        self.work.mkdir(parents=True, exist_ok=True)
        return self.work / f"{name}.lock"

    def run(self) -> None:
        """Train and judge the cells that no other process holds or has done."""
        eyes = self.given.source.eyes()
        judging, here = lru_cache(lambda: Judging(self.plan, eyes)), self.here(eyes.about["judge"])
        for cell in self.cells:
            try:
                with FileLock(self._lock(cell.folder), timeout=0):
                    known = self.merged(here)
                    if cell.name in known["cells"]:
                        continue
                    began = time.perf_counter()
                    here["true"] = known.get("true") or judging().true()
                    read_with = self.reader(cell.encoder)
                    found = cells.measured(cell, self.plan, read_with, self._of(cell), judging(), self.work)
                    self.merged(here, cell.name, found)
                    took, left = time.perf_counter() - began, self.remaining()
                    print(f"{cell.name}: {took:.0f} s; remaining: {', '.join(left) or 'none'}", flush=True)
            except Timeout:
                print(f"{cell.name}: another process is at it", flush=True)

    def _of(self, cell: Cell) -> Any:
        return lambda: self.data(cell.encoder)

    def remaining(self) -> list[str]:
        """Names of the cells that are not done."""
        done = read(self.path).get("cells", {})
        return [cell.name for cell in self.cells if cell.name not in done]

    def estimate(self) -> None:
        """Tell what each remaining cell costs here, by a few steps of each encoder and size."""
        whole, known = 0.0, {}
        for cell in self.cells:
            key = cell.encoder, cell.size
            if key not in known:
                known[key] = self._seconds(cell)
            training, judging, parameters = known[key]
            whole += training + judging
            print(
                f"{cell.name}: {parameters / 1e6:.2f} M parameters, training {training:,.0f} core seconds, "
                f"judging {judging:,.0f}",
                flush=True,
            )
        print(f"all: {whole:,.0f} core seconds ({whole / 3600:.1f} hours)", flush=True)

    def _seconds(self, cell: Cell) -> tuple[float, float, int]:
        plan, read_with = self.plan, self.reader(cell.encoder)
        config, data = cells.unet(plan.sizes[cell.size], read_with), self._sample(cell.encoder)
        model = seeded(lambda: UNet(config), 0)
        recipe = plan.recipe(0)
        few = de.Recipe.from_dict({**recipe.to_dict(), "steps": TRIED, "warmup": 1, "cooldown": 0, "log_every": 1})
        marks = [time.process_time() for _ in de.fit(model, data, few, cells.objective())]
        step = (marks[-1] - marks[0]) / (len(marks) - 1)
        system = cells.system(config, read_with).eval()
        began = time.process_time()
        with torch.no_grad():
            system.generate(["a red apple, noto style"] * 48, guidance=2.0, steps=2, batch_size=48)
        image = (time.process_time() - began) / 48 / 2 * plan.steps
        judging = plan.n * image * (len(SCALES) - 0.5)  # without guidance it costs half
        return step * recipe.steps, judging, sum(p.numel() for p in model.parameters())

    def _sample(self, encoder: str) -> dict[str, Tensor]:
        """Captions enough for a batch, as long as the longest is."""
        texts = [row[: 2 * self.plan.batch_size] for row in self.given.texts()]
        captions = caption_table(self.reader(encoder), texts)
        return {"pixels": self.given.images()[: len(texts[0])], **captions}


def _at(order: list[str], name: str) -> tuple[int]:
    return (order.index(name) if name in order else len(order),)


def main(about: str, words: Sequence[str] | None = None) -> int:
    """Measure, estimate or list."""
    arguments = parsed(about, words)
    study = Study(arguments)
    if arguments.list:
        left = study.remaining()
        print(f"done: {', '.join(cell.name for cell in study.cells if cell.name not in left) or 'none'}")
        print(f"remaining: {', '.join(left) or 'none'}")
    elif arguments.estimate:
        study.estimate()
    else:
        study.run()
    return 0
