"""The command line of benchmarks/cascade.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from text_to_image.command import RESULT
from text_to_image.drawing import SAMPLER
from text_to_image.parts import Bench
from text_to_image.record import Record, check_counts, machine, settings_of
from text_to_image.results import chosen
from text_to_image.sets import Sets
from text_to_image.sources import Package, Trial

from . import augmentation, parts

ROOT = Path(__file__).resolve().parents[2]
SYSTEM = "emoji-imagen"
PARTS = ("levels", "draws", "thresholding", "trained", "augmentation")
FIXED = ("settings", "weights", "judge", "reader", "efficientnet")


def parsed(about: str, words: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=480, help="held-out captions of a set of images, at most 480")
    parser.add_argument("--few", type=int, default=96, help="true images of a PSNR")
    parser.add_argument("--sweep", type=int, default=192, help="captions of a point of the thresholding")
    parser.add_argument("--steps", type=int, default=15, help="of the sampler")
    parser.add_argument("--seed", type=int, default=0, help="of the first image")
    parser.add_argument("--guidance", type=float, default=None, help="default: what text_to_image.py chose, else 2")
    parser.add_argument("--train-steps", type=int, default=600, help="of each upscaler that is trained here")
    parser.add_argument("--batch-size", type=int, default=64, help="of these trainings")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of these trainings")
    parser.add_argument("--work", type=Path, default=Path("runs/cascade"), metavar="FOLDER", help="for them")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=None, help="measure these, done or not")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results", metavar="FOLDER")
    parser.add_argument("--tiny", action="store_true", help="a trial, with networks that drew lots")
    arguments = parser.parse_args(words)
    check_counts(parser, arguments, 5, "few", "sweep")
    return arguments


def main(about: str, words: Sequence[str] | None = None) -> int:
    """Measure; the exit code is 1 where the system is not there."""
    arguments = parsed(about, words)
    source = Trial() if arguments.tiny else Package()
    upscaler = augmentation.TINY if arguments.tiny else augmentation.UPSCALER
    recipe = augmentation.recipe(arguments.train_steps, arguments.batch_size)
    if arguments.only == ["trained"]:  # that needs no system yet
        augmentation.trained(upscaler, recipe, arguments.seeds, arguments.work)
        return 0
    if SYSTEM not in source.names():
        print(f"error: {SYSTEM} does not come with this version, or cannot read")
        return 1
    guidance = arguments.guidance
    if guidance is None:
        guidance = chosen(arguments.out / RESULT, SYSTEM) or 2.0
    subject, seeing = source.subject(SYSTEM), source.eyes()
    subject.system.text = subject.read  # the captions are read once for all levels
    asked = {"few": "few", "sweep_n": "sweep", "n": "n", "steps": "steps", "seed": "seed"}
    asked |= {"train_steps": "train_steps", "batch_size": "batch_size", "seeds": "seeds"}
    settings, command = settings_of("cascade.py", asked, arguments, parsed("", []))
    here = {
        "command": command,
        "machine": machine(),
        "settings": {**settings, "guidance": guidance, "sampler": SAMPLER},
        "weights": subject.about,
        "level": subject.system.config.level,
        **seeing.about,
    }
    record = Record(arguments.out / "cascade.json", here, FIXED)
    for name in arguments.only or ():
        record.all.pop(name, None)
    wanted = arguments.only or PARTS
    with torch.no_grad():
        study = parts.Study(subject.system, Bench(Sets(arguments.n), seeing, here["settings"]))
        record.part(["real"], lambda: parts.real(study))
        if "levels" in wanted:
            record.part(["levels"], lambda: parts.levels(study))
        if "draws" in wanted:
            record.part(["draws"], lambda: parts.draws(study))
        if "thresholding" in wanted:
            record.part(["thresholding"], lambda: parts.thresholding(study))
    if {"trained", "augmentation"} & set(wanted):
        record.part(["trained"], lambda: augmentation.trained(upscaler, recipe, arguments.seeds, arguments.work))
    if "augmentation" in wanted:
        found = record.all["trained"]["runs"]
        record.part(["augmentation"], lambda: augmentation.compared(study, upscaler, found, arguments.work))
    return 0
