"""Descriptions that are whole, with the right checksum, and say what cannot be."""

from __future__ import annotations

from typing import Any

MANY = [4] * 100_000


def each(place: str, *values: Any) -> list[tuple[str, Any]]:
    """One place with each of some values."""
    return [(place, value) for value in values]


# What is set, by its place in the description of a training of a U-Net: none of these can be built or gone on with.
OF_NETWORKS: list[tuple[str, Any]] = [
    *each("model.config.channels", MANY, [2**20, 2**20], "x", [], [8.0], [-8], [True], [None], None),
    *each("model.config.blocks", 10**7, 10**30, None, -1, 1.5, True, "1", [1]),
    *each("model.config.in_channels", 10**9, 2**70, 0, 2, -1),
    *each("model.config.heads", [1], 0, 10**12, None),
    *each("model.config.attention_levels", [5], MANY, "x", [[0]], None),
    *each("model.config.vec_dim", -1, 10**12, "x"),
    *each("model.config.token_dim", -1, "x", 4),
    *each("model.config.dropout", float("nan"), 2, "x"),
    *each("model.config.stride", 3, 0),
    ("model.config.zz", 1),
    *each("model.config", None, [], {}, "x", 3),
    *each("model.class", ["UNet"], 3, "Transformer", None, {}),
    *each("model", None, [], 3, "x"),
    *each("objective.schedule", None, [], "x", {}, {"name": "custom"}, {"name": "custom", "beta": 3}),
    ("objective.schedule", {"name": "custom", "beta": [0.0] * 2_000_000}),
    ("objective.schedule", {"name": "custom", "beta": [0.0, float("nan")]}),
    *each("objective.schedule.T", 5 * 10**7, 10**9, 10**30, -1, 0, 1.5, "x", None, True, [20]),
    *each("objective.schedule.name", "zz", 3, None, ["cosine"]),
    ("objective.schedule.zz", 1),
    *each("objective.target", "zz", ["eps"], 3, None),
    *each("data.shape", [24, 1, 2**20, 2**20], [24, 1, 2**40, 2**40], [4, 4, 4], [24, 3, 4, 4]),
    *each("data.shape", [24, 1, 0, 0], [24, 1, -8, -8], [24, 1, 8, 4], "x", [24, 1, "4", "4"], 3),
    *each("data", None, [], 3),
    *each("uses", {"zz": 1}, [1], "x", 3, {"emoji-clip": 3}, {"../fashion": "x"}),
]
OF_TRAININGS: list[tuple[str, Any]] = [
    *each("step", -1, "x", 10**30, None, True, 1.5, [1]),
    *each("ema_updates", -1, "x", None, 1.5),
    *each("recipe", None, [], {}, "x"),
    *each("recipe.rate", "x", None, [1]),
    *each("format", 1, 3, None, "2"),
    *each("model", None, [], {}),
    *each("objective", None, [], "x", 3),
    *each("data", None, [], {}, "x"),
    ("inputs", {"x": "y"}),
]


def told(meta: dict[str, Any], place: str, value: Any) -> dict[str, Any]:
    """The description with one value set."""
    inner = meta
    *parents, last = place.split(".")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    return meta
