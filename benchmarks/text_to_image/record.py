"""A result file of parts that are measured once: written whole after each, begun anew where settings have changed."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from compute_card import cores, processor

from diffusion_edu.disk import write_bytes

CAPTIONS = 480  # held out


def machine() -> dict[str, Any]:
    """What it was measured on."""
    about = {"processor": processor(), "cores": cores(), "threads": torch.get_num_threads()}
    return {**about, "torch": torch.__version__, "load": round(os.getloadavg()[0], 1)}


def check_counts(parser: argparse.ArgumentParser, arguments: argparse.Namespace, least: int, *parts: str) -> None:
    """End with an error unless --n is in least..480 and these options, which take a part of the n, are in 2..n."""
    if not least <= arguments.n <= CAPTIONS:
        parser.error(f"--n must be in {least}..{CAPTIONS}, got {arguments.n}")
    for name in parts:
        if not 2 <= getattr(arguments, name) <= arguments.n:
            parser.error(f"--{name} must be in 2..{arguments.n}, got {getattr(arguments, name)}")


def settings_of(
    script: str, asked: Mapping[str, str], arguments: argparse.Namespace, usual: argparse.Namespace
) -> tuple[dict[str, Any], str]:
    """The settings of a call, and the command that repeats it.

    Args:
        script: its name.
        asked: the options that a result depends on, by what the result calls them.
        arguments, usual: of this call, and of one without options.
    """
    settings = {name: getattr(arguments, word) for name, word in asked.items()}
    words = ["--tiny"] * arguments.tiny
    for word in asked.values():
        value = getattr(arguments, word)
        if value != getattr(usual, word):
            values = value if isinstance(value, list) else [value]
            words += [f"--{word.replace('_', '-')}", *map(str, values)]
    return settings, " ".join([f"python benchmarks/{script}", *words])


def read(path: Path) -> dict[str, Any]:
    """What a result file holds; nothing where there is none."""
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise SystemExit(f"error: --out {path} is damaged: {error}") from error


def measured_alike(path: Path, here: Mapping[str, Any], fixed: Sequence[str]) -> dict[str, Any]:
    """What a result file holds; nothing, and a line that says so, where one of the fixed keys has another value now."""
    found = read(path)
    if changed := [key for key in fixed if found and found.get(key) != here[key]]:
        print(f"{path} was made with other {', '.join(changed)}: begun anew", flush=True)
        return {}
    return found


def write(path: Path, found: dict[str, Any]) -> None:
    """Whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, (json.dumps(found, indent=1) + "\n").encode())


class Record:
    """A result file.

    Args:
        path: the file.
        here: command, machine, settings and networks of this call.
        fixed: those of its keys of which another value drops what was there.
    """

    def __init__(self, path: Path, here: dict[str, Any], fixed: Sequence[str]) -> None:
        self.path = path
        found = measured_alike(path, here, fixed)
        self.all: dict[str, Any] = here | {key: value for key, value in found.items() if key not in here}

    def part(self, keys: Sequence[str], measured: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The part under these keys: what is there, or what is measured now, with the seconds that it took."""
        place = self.all
        for key in keys[:-1]:
            place = place.setdefault(key, {})
        if keys[-1] not in place:
            began = time.perf_counter()
            found = measured()
            found["wall_seconds"] = round(time.perf_counter() - began, 1)
            print(f"{': '.join(keys)}: {found['wall_seconds']} s", flush=True)
            place[keys[-1]] = found
            write(self.path, self.all)
        return place[keys[-1]]
