"""The result file: written whole after each part, and begun anew where it would mix what does not belong together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .record import measured_alike, read, write


class Results:
    """text_to_image.json.

    Args:
        path: the file.
        here: command, machine, settings and networks of this call; other settings or networks drop what was there.
    """

    def __init__(self, path: Path, here: dict[str, Any]) -> None:
        self.path = path
        found = measured_alike(path, here, ("settings", "judge", "reader", "efficientnet"))
        self.all: dict[str, Any] = here | {"systems": found.get("systems", {})}
        if "true" in found:
            self.all["true"] = found["true"]

    def of(self, name: str, weights: dict[str, Any], size: int) -> dict[str, Any]:
        """What is there of a system with these weights."""
        systems = self.all["systems"]
        if name in systems and systems[name]["weights"]["sha256"] != weights["sha256"]:
            print(f"{name} has other weights than in {self.path}: measured anew", flush=True)
            del systems[name]
        return systems.setdefault(name, {"weights": weights, "size": size})

    def save(self) -> None:
        """Whole or not at all."""
        write(self.path, self.all)


def chosen(path: Path, name: str) -> float | None:
    """The guidance that a result file holds for a system."""
    return read(path).get("systems", {}).get(name, {}).get("choose", {}).get("guidance")
