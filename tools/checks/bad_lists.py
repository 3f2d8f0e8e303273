"""Wrong lists and tables: label -> what makes the value, from random numbers and from the good one."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import torch
from torch import Tensor

Maker = Callable[[Random, Any], Any]
NOTHING: dict[str, Maker] = {"none": lambda r, g: None}


def with_one(good: Tensor, value: float) -> Tensor:
    """A copy of a tensor whose last entry is another."""
    changed = good.clone()
    changed.view(-1)[-1] = value
    return changed


LISTS: dict[str, dict[str, Maker]] = {
    "reals": {
        **NOTHING,
        "text": lambda r, g: r.choice(["7", "12"]),
        "set": lambda r, g: set(g),
        "empty": lambda r, g: [],
        "flags": lambda r, g: [True for _ in g],
        "letters": lambda r, g: [str(one) for one in g],
        "nans": lambda r, g: [*g[1:], float("nan")],
        "infs": lambda r, g: [*g[1:], r.choice([float("inf"), -float("inf")])],
        "number": lambda r, g: 1.5,
        "longer": lambda r, g: [*g, *g, g[0]],
        "complex": lambda r, g: [complex(one, 1) for one in g],
    },
    "truths": {
        "text": lambda r, g: "yes",
        "set": lambda r, g: {True, False},
        "empty": lambda r, g: [],
        "numbers": lambda r, g: [0 for _ in g],
        "letters": lambda r, g: ["no" for _ in g],
        "number": lambda r, g: 1,
    },
    "frames": {
        **NOTHING,
        "number": lambda r, g: r.choice([0, 1.5]),
        "text": lambda r, g: "x",
        "empty": lambda r, g: [],
        "letters": lambda r, g: ["x"],
        "numpy": lambda r, g: [one.numpy() for one in g],
        "int64": lambda r, g: [one.long() for one in g],
        "nan": lambda r, g: [*g[1:], with_one(g[0], float("nan"))],
        "scalar": lambda r, g: [torch.ones(())],
        "other shapes": lambda r, g: [*g, g[0][:, :, :1]],
    },
    "tables": {
        **NOTHING,
        "number": lambda r, g: 3,
        "text": lambda r, g: "x",
        "list": lambda r, g: [1],
        "empty": lambda r, g: {},
        "letters": lambda r, g: dict.fromkeys(g, "x"),
        "nan": lambda r, g: {name: with_one(torch.as_tensor(one), float("nan")) for name, one in g.items()},
        "inf": lambda r, g: {name: with_one(torch.as_tensor(one), float("inf")) for name, one in g.items()},
        "scalar": lambda r, g: dict.fromkeys(g, torch.ones(1, 1, 1, 1)),
        "empties": lambda r, g: {name: one[:0] for name, one in g.items()},
        "complex": lambda r, g: {name: torch.as_tensor(one).to(torch.complex64) for name, one in g.items()},
        "number names": lambda r, g: dict(enumerate(g.values())),
    },
    "rows": {
        **NOTHING,
        "number": lambda r, g: 3,
        "text": lambda r, g: "x",
        "list": lambda r, g: [1],
        "empty": lambda r, g: {},
        "letters": lambda r, g: dict.fromkeys(g, "x"),
        "longer": lambda r, g: {name: [*one, 1.0] for name, one in g.items()},
        "complex": lambda r, g: {name: [complex(0, 1) for _ in one] for name, one in g.items()},
        "number names": lambda r, g: dict(enumerate(g.values())),
    },
    "example": {
        **NOTHING,
        "number": lambda r, g: 3,
        "text": lambda r, g: "x",
        "list": lambda r, g: [1],
        "empty": lambda r, g: {},
        "letters": lambda r, g: dict.fromkeys(g, "x"),
        "arrays": lambda r, g: {name: one.numpy() for name, one in g.items()},
        "one": lambda r, g: {name: one[:1] for name, one in g.items()},
        "other names": lambda r, g: {f"{name}_": one for name, one in g.items()},
        "nan": lambda r, g: {name: with_one(one, float("nan")) for name, one in g.items()},
    },
}
