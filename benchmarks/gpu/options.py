"""What can be typed, and what a process of the command is told."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

LIBRARIES = ("ours", "diffusers", "lucidrains")


def parse(about: str, parts: Sequence[str], words: Sequence[str] | None = None) -> argparse.Namespace:
    """The options, with the numbers that belong to the device and the size."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("runs/gpu/results"), help="results: at most eight files")
    parser.add_argument("--minutes", type=float, default=11.0, help="of this call, all in all")
    parser.add_argument(
        "--unpack", type=Path, metavar="FOLDER", help="put the results of such a folder in their places"
    )
    parser.add_argument("--cifar10", action="store_true", help="the comparison on CIFAR-10, and nothing else")
    parser.add_argument("--only", nargs="+", choices=parts, help="some of the parts")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="small networks, few pictures: a trial of the script")
    parser.add_argument("--work", type=Path, default=Path("runs/gpu/work"), help="networks and checkpoints")
    parser.add_argument(
        "--data", type=Path, help="folder with the files of Fashion-MNIST or CIFAR-10; none: see --help"
    )
    parser.add_argument("--models", nargs="+", help="default: all that the package trains from data that are at hand")
    parser.add_argument("--chapters", nargs="+", help="default: all")
    parser.add_argument("--at-once", type=int, help="processes side by side; default: 4 on a GPU, else 1")
    parser.add_argument("--of", nargs="+", choices=LIBRARIES, default=list(LIBRARIES))
    parser.add_argument("--batch", type=int, help="of `throughput`, `worth` and CIFAR-10")
    parser.add_argument("--batches", type=int, nargs="*", help="further rows of `worth`")
    parser.add_argument("--eager", dest="compiled", action="store_false", help="without torch.compile")
    parser.add_argument("--pictures", type=int, help="drawn for the distance on CIFAR-10")
    parser.add_argument("--train-seconds", type=float, help="of each library on CIFAR-10; default: what fits")
    # How the command starts its own processes:
    parser.add_argument("--part", choices=parts, help=argparse.SUPPRESS)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--seconds", type=float, default=0.0, help=argparse.SUPPRESS)
    parser.add_argument("--since", type=float, help=argparse.SUPPRESS)
    found = parser.parse_args(words)
    if found.minutes <= 0:
        parser.error(f"--minutes must be positive, got {found.minutes}")
    large = found.device.startswith("cuda") and not found.tiny
    found.size = "tiny" if found.tiny else "paper"
    found.at_once = found.at_once or (4 if found.device.startswith("cuda") else 1)
    found.batch = found.batch or (512 if large and found.cifar10 else 128 if large else 4)
    found.batches = found.batches if found.batches is not None else [256, 512] if large else []
    found.pictures = found.pictures or (5_000 if large else 16)
    found.reference = 50_000 if large else 40
    found.draw_batch, found.log_every = (500, 50) if large else (8, 2)
    found.out, found.work = found.out.resolve(), found.work.resolve()
    return found


def words_of(arguments: argparse.Namespace) -> list[str]:
    """The command line that tells another process of the command the same."""
    told: list[Any] = ["--out", arguments.out, "--work", arguments.work, "--device", arguments.device]
    told += ["--batch", arguments.batch, "--pictures", arguments.pictures, "--at-once", arguments.at_once]
    told += ["--of", *arguments.of, "--batches", *arguments.batches]
    for name in ("cifar10", "tiny"):
        told += [f"--{name}"] if getattr(arguments, name) else []
    for name in ("models", "chapters"):
        told += [f"--{name}", *getattr(arguments, name)] if getattr(arguments, name) else []
    told += ["--data", arguments.data.resolve()] if arguments.data else []
    told += ["--train-seconds", arguments.train_seconds] if arguments.train_seconds else []
    told += [] if arguments.compiled else ["--eager"]
    return [str(word) for word in told]


def settings_of(arguments: argparse.Namespace) -> dict[str, Any]:
    """What a file of results belongs to, besides the machine."""
    return {"size": arguments.size, "batch": arguments.batch, "compiled": arguments.compiled}


def command_of(arguments: argparse.Namespace, part: str) -> str:
    """What is to be typed for a part alone; folders by their options' names."""
    told = [f"--device {arguments.device}", *(["--tiny"] if arguments.tiny else [])]
    told += ["--cifar10"] if arguments.cifar10 else [f"--only {part}"]
    told += [f"--minutes {arguments.minutes:g}", *(["--data FOLDER"] if arguments.data else [])]
    return f"python benchmarks/gpu.py {' '.join(told)}{'' if arguments.compiled else ' --eager'}"
