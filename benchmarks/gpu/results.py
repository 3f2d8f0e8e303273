"""The JSON file of results, what may lie beside it, and the time that is left."""

from __future__ import annotations

import json
import platform
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from training_step import machine

from diffusion_edu.files import write_bytes


class Results:
    """One file, written whole after each part, and by the parts themselves on their way.

    Args:
        folder: where it lies.
        settings: what was asked for; a file of other settings, or of another machine, is refused.
        device: whose results they are.
    """

    def __init__(self, folder: Path, settings: dict[str, Any], device: str) -> None:
        self.path = folder / "gpu.json"
        here = {"settings": settings, "machine": describe(device)}
        self.all: dict[str, Any] = {**here, "parts": {}}
        if self.path.is_file():
            try:
                self.all = json.loads(self.path.read_text())
            except json.JSONDecodeError as error:
                raise SystemExit(f"error: --out {self.path} is damaged: {error}") from error
            if any(self.all[key] != value for key, value in here.items()):
                known = {key: self.all[key] for key in here}
                raise SystemExit(
                    f"error: --out {self.path} holds results of {known}, these are {here}; name another one"
                )
        self.parts: dict[str, Any] = self.all["parts"]

    def part(self, name: str) -> dict[str, Any]:
        """A part as far as it came; what is changed in it is kept by `save`."""
        return self.parts.setdefault(name, {"done": False})

    def done(self, name: str) -> bool:
        """Whether nothing of a part is left to do."""
        return bool(self.parts.get(name, {}).get("done"))

    def save(self) -> None:
        """Whole or not at all."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(self.path, (json.dumps(self.all, indent=2) + "\n").encode())


def describe(device: str) -> dict[str, Any]:
    """The machine, with the driver where there is one."""
    found = machine(torch.device(device))
    found.pop("threads")  # of this process: nothing that the results belong to
    if device.startswith("cuda"):
        asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        driver = subprocess.run(asked, capture_output=True, text=True)
        found |= {"cuda": torch.version.cuda, "driver": driver.stdout.strip().splitlines()[:1]}
    return {**found, "system": platform.system()}


class Budget:
    """The seconds of this call.

    Args:
        seconds: all of them.
        reserve: kept for what follows the last part.
    """

    def __init__(self, seconds: float, reserve: float = 0.0) -> None:
        self.end = time.monotonic() + seconds - reserve

    def left(self) -> float:
        """Seconds until the end; below 0 after it."""
        return self.end - time.monotonic()

    def share(self, weight: float, later: Iterable[float], most: float = float("inf")) -> float:
        """The seconds of a part: of what is left its share by weight among those still to come, at most `most`."""
        return max(0.0, min(most, self.left() * weight / (weight + sum(later))))
