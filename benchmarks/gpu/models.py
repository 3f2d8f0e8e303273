"""The part `models`: the book's models, trained anew side by side, each for its share of the time.

Each is trained by the command line, `diffusion-edu train NAME --gpu --minutes M`; batch and rate for a GPU are its own
table's business, and so is the cooldown inside the minutes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from diffusion_edu.pretrained import RUN_WEIGHTS
from diffusion_edu.runs import RUNS, Run
from diffusion_edu.train.checkpoint import METRICS

from . import pack
from .options import words_of
from .processes import Child
from .results import Budget, Results

# Not among these: what needs data or an encoder from outside, and what is trained to be watched.
OTHERS = ("cifar10", "cifar10-fast", "folder", "fashion-tiny", "emoji-imagen")
WEIGHTS = "src/diffusion_edu/weights"
LANES = 2


def names() -> list[str]:
    """Every training of the package that makes a model of the book."""
    return [name for name in RUNS if name not in OTHERS]


def weight(name: str) -> int:
    """Its share of the time: a model of several networks trains them one after the other."""
    return len(RUNS[name].stages)


def lanes(wanted: Sequence[str], count: int) -> list[list[str]]:
    """Who is trained beside whom, and who after whom: rows of about the same weight.

    While one compiles, which needs the CPU for a minute or two, the other one has the GPU. More at once gain nothing:
    they take turns (on an H100 seven had about a seventh each), and are all the longer in compiling.
    """
    count = max(1, min(count, len(wanted)))
    rows: list[list[str]] = [[] for _ in range(count)]
    load = [0.0] * count
    for name in sorted(wanted, key=lambda name: -weight(name)):
        lane = load.index(min(load))
        rows[lane].append(name)
        load[lane] += weight(name)
    return rows


def run(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """All lanes at once; after each model that is done its weights are packed."""
    part = results.part("models")
    rows = part.setdefault("rows", {})
    wanted = [name for name in arguments.models or names() if not rows.get(name, {}).get("finished")]
    budget = Budget(seconds, 5.0)
    queue = lanes(wanted, min(arguments.at_once, LANES))
    running: list[tuple[str, Child] | None] = [None] * len(queue)
    arguments.work.mkdir(parents=True, exist_ok=True)
    with open(arguments.work / "models.log", "ab") as log:
        while any(queue) or any(running):
            for lane, names_of_lane in enumerate(queue):
                now = running[lane]
                if now is not None and not now[1].running:
                    running[lane] = None
                    finish(arguments, part, now[0], now[1].process.returncode)
                    results.save()
                if running[lane] is None and names_of_lane:
                    name = names_of_lane.pop(0)
                    # Of what is left: the time of one that failed at once goes to those after it.
                    own = budget.share(weight(name), map(weight, names_of_lane))
                    words = [*words_of(arguments), "--job", "model", name]
                    running[lane] = (name, Child(words, own, log, threads=1))
            if budget.left() <= 0.0:
                break
            time.sleep(0.2)
    lost = [now for now in running if now is not None]
    for name, _ in lost:
        finish(arguments, part, name, None)
    part["done"] = all(rows.get(name, {}).get("finished") for name in arguments.models or names())
    results.save()  # before the rest is stopped, which may take longer than this process has
    for _, child in lost:
        child.stop()


def finish(arguments: argparse.Namespace, part: dict[str, Any], name: str, code: int | None) -> None:
    """File what came of a model, and pack what there is so far."""
    told = arguments.work / f"{name}.json"
    row = json.loads(told.read_text()) if told.is_file() else {}
    finished = (arguments.work / name / RUN_WEIGHTS).is_file()
    part["rows"][name] = {**row, "exit_code": code, "finished": finished}
    if not finished and "said" not in row:
        why = "its time was over" if code is None else f"it ended with code {code}: see log.txt"
        part["rows"][name]["said"] = why
    part["left_out"] = pack.pack(arguments.out, "models", weights(arguments.work, part["rows"]))


def weights(work: Path, rows: Mapping[str, Any]) -> dict[str, Path]:
    """{place in the tree: file} of the weights and cards of all models that are finished."""
    found = {}
    for name, row in rows.items():
        if row["finished"]:
            file = work / name / RUN_WEIGHTS
            found |= {f"{WEIGHTS}/{name}{one.suffix}": one for one in (file, file.with_suffix(".json"))}
    return found


def job(arguments: argparse.Namespace, name: str) -> int:
    """One model, in a process of its own: its stages one after the other, each for its share of the time."""
    from diffusion_edu import cli  # the other parts do without what it needs

    started, run, folder = time.monotonic(), RUNS[name], arguments.work / name
    words = ["train", name, "--out", str(folder), "--device", arguments.device, "--samples-every", "0"]
    words += ["--gpu"] if arguments.device.startswith("cuda") else []
    words += ["--data", str(arguments.data)] if arguments.data and name.startswith(("fashion", "folder")) else []
    words += ["--batch-size", "8"] if arguments.tiny else []
    # What is left goes to the data, the weights and the measuring.
    budget, code = Budget(max(0.6 * arguments.seconds, arguments.seconds - 20.0)), 0
    for index, stage in enumerate(run.stages):
        own = [*words, "--stage", stage.name]
        seconds = budget.share(1, [1] * (len(run.stages) - index - 1))
        length = ["--steps", "2"] if arguments.tiny else ["--minutes", f"{max(seconds, 1.0) / 60:.3f}"]
        code = cli.main([*own, *length])
        if code:
            break
    row: dict[str, Any] = {"command": f"diffusion-edu train {name}", "seconds": round(time.monotonic() - started, 1)}
    card = folder / RUN_WEIGHTS.replace(".safetensors", ".json")
    if card.is_file():
        row |= summary(json.loads(card.read_text()), run, folder)
    (arguments.work / f"{name}.json").write_text(json.dumps(row))
    return code


def summary(card: Mapping[str, Any], run: Run, folder: Path) -> dict[str, Any]:
    """What the table says of a model: its card's figures, and the steps of each stage."""
    row = {key: card[key] for key in ("final_loss", "parameters", "measured", "device") if key in card}
    return {**row, "steps": {stage.name: steps_done(run.folder(folder, stage)) for stage in run.stages}}


def steps_done(folder: Path) -> int:
    """From the last report; 0 where there is none."""
    file = folder / METRICS
    lines = file.read_text().splitlines() if file.is_file() else []
    return json.loads(lines[-1])["step"] if lines else 0
