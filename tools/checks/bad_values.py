"""Wrong values for each kind of argument: label -> what makes the value, from random numbers and from the good one."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from bad_lists import LISTS, NOTHING, Maker, with_one
from torch import Tensor, nn

HUGE: dict[str, Maker] = {"huge": lambda r, g: 10 ** r.randint(30, 40)}
NO_NUMBER: dict[str, Maker] = {
    **NOTHING,
    "true": lambda r, g: r.random() < 0.5,
    "nan": lambda r, g: float("nan"),
    "inf": lambda r, g: r.choice([float("inf"), -float("inf")]),
    "text": lambda r, g: r.choice(["1", "x", "0.5"]),
    "list": lambda r, g: r.choice([[1], [2]]),
    "empty list": lambda r, g: [],
}
NO_OBJECT: dict[str, Maker] = {
    **NOTHING,
    "number": lambda r, g: r.choice([0, 3, 0.5]),
    "text": lambda r, g: "x",
    "object": lambda r, g: object(),
}


def _like(good: Any, **changes: Any) -> Tensor:
    shape = changes.pop("shape", tuple(good.shape))
    return torch.ones(shape, **changes)


NO_TENSOR: dict[str, Maker] = {
    **NOTHING,
    "number": lambda r, g: r.choice([0, 1.5, 3]),
    "text": lambda r, g: "x",
    "numpy": lambda r, g: g.numpy(),
    "list": lambda r, g: g.tolist(),
    "complex": lambda r, g: _like(g, dtype=torch.complex64),
}
SHAPES: dict[str, Maker] = {
    "scalar": lambda r, g: torch.ones((), dtype=g.dtype),
    "rank": lambda r, g: torch.ones((1, *g.shape), dtype=g.dtype),
    "wider": lambda r, g: torch.ones((*g.shape[:-1], g.shape[-1] + r.choice([1, 3])), dtype=g.dtype),
    "empty": lambda r, g: g[:0],
}

KINDS: dict[str, dict[str, Maker]] = {
    **LISTS,
    "int": {
        **NO_NUMBER,
        **HUGE,
        "fraction": lambda r, g: g + r.choice([0.0, 0.25, 0.5]),
        "negative": lambda r, g: -r.randint(1, 9),
        "zero": lambda r, g: 0,
    },
    "float": {
        **NO_NUMBER,
        **HUGE,
        "negative": lambda r, g: -r.random() - 0.01,
        "zero": lambda r, g: r.choice([0, 0.0]),
    },
    "flag": {
        **NOTHING,
        "text": lambda r, g: r.choice(["no", "yes", ""]),
        "number": lambda r, g: r.choice([0, 1, 0.5]),
        "nan": lambda r, g: float("nan"),
    },
    "text": {
        **NOTHING,
        "number": lambda r, g: 3,
        "bytes": lambda r, g: b"x",
        "list": lambda r, g: ["x"],
        "empty": lambda r, g: "",
    },
    "choice": {
        **NOTHING,
        "number": lambda r, g: r.choice([0, 1, 3]),
        "text": lambda r, g: r.choice(["no such", "x", f"{g}x"]),
        "empty": lambda r, g: "",
        "list": lambda r, g: [g],
    },
    "texts": {
        **NOTHING,
        "text": lambda r, g: r.choice(["a cat", "x"]),
        "empty": lambda r, g: [],
        "numbers": lambda r, g: [3, *g[1:]],
        "set": lambda r, g: set(g),
        "number": lambda r, g: 3,
    },
    "prompt": {
        "number": lambda r, g: r.choice([1.5, True, float("nan")]),
        "numbers": lambda r, g: [3],
        "list": lambda r, g: [],
        "set": lambda r, g: {"a cat"},
        "bytes": lambda r, g: b"x",
    },
    "ints": {
        **NOTHING,
        "text": lambda r, g: r.choice(["7", "12"]),
        "set": lambda r, g: set(g),
        "empty": lambda r, g: [],
        "fractions": lambda r, g: [one + 0.9 for one in g],
        "flags": lambda r, g: [True for _ in g],
        "letters": lambda r, g: [str(one) for one in g],
        "negatives": lambda r, g: [-r.randint(1, 9) for _ in g],
        "zeros": lambda r, g: [0 for _ in g],
        "huges": lambda r, g: [10**30 for _ in g],
        "number": lambda r, g: 1.5,
    },
    "items": {
        **NOTHING,
        "number": lambda r, g: 3,
        "empty": lambda r, g: [],
        "letters": lambda r, g: ["x"],
        "object": lambda r, g: object(),
    },
    "floats": {
        **NO_TENSOR,
        **SHAPES,
        "uint8": lambda r, g: _like(g, dtype=torch.uint8),
        "int64": lambda r, g: _like(g, dtype=torch.int64),
        "bool": lambda r, g: _like(g, dtype=torch.bool),
        "nan": lambda r, g: with_one(g, float("nan")),
        "inf": lambda r, g: with_one(g, r.choice([float("inf"), -float("inf")])),
    },
    "whole": {
        **NO_TENSOR,
        "number": lambda r, g: r.random() + 1,
        **SHAPES,
        "float": lambda r, g: g.float() + 0.5,
        "bool": lambda r, g: _like(g, dtype=torch.bool),
        "negative": lambda r, g: _like(g, dtype=torch.int64) * -r.randint(1, 9),
        "zero": lambda r, g: torch.zeros_like(g),
        "large": lambda r, g: _like(g, dtype=torch.int64) * 10 ** r.randint(9, 15),
    },
    "bools": {
        **NO_TENSOR,
        **SHAPES,
        "float": lambda r, g: g.float(),
        "int64": lambda r, g: g.long(),
    },
    "pixels": {
        **NO_TENSOR,
        **SHAPES,
        "float": lambda r, g: g.float() / 255,
        "int64": lambda r, g: g.long(),
        "bool": lambda r, g: g > 9,
    },
    "images": {
        **NO_TENSOR,
        **SHAPES,
        "int64": lambda r, g: _like(g, dtype=torch.int64),
        "bool": lambda r, g: _like(g, dtype=torch.bool),
        "nan": lambda r, g: with_one(g.float(), float("nan")),
        "inf": lambda r, g: with_one(g.float(), float("inf")),
        "beyond": lambda r, g: with_one(g.float(), 50.0),
    },
    "step": {
        **NO_NUMBER,
        **HUGE,
        "fraction": lambda r, g: g + r.choice([0.0, 0.9]),
        "negative": lambda r, g: -r.randint(1, 9),
        "zero": lambda r, g: 0,
        "beyond": lambda r, g: 101,
        "float tensor": lambda r, g: torch.tensor([2.5, 3.0]),
        "bool tensor": lambda r, g: torch.tensor([True, False]),
        "scalar tensor": lambda r, g: torch.tensor(3),
        "longer tensor": lambda r, g: torch.arange(1, 10),
        "tensor beyond": lambda r, g: torch.tensor([3, 101]),
        "negative tensor": lambda r, g: torch.tensor([3, -1]),
    },
    "path": {
        **NOTHING,
        "number": lambda r, g: 3,
        "empty": lambda r, g: "",
        "zero byte": lambda r, g: "a\0b",
        "list": lambda r, g: ["x"],
        "missing": lambda r, g: "/dev/null/nothing",
    },
    "device": {
        **NOTHING,
        "number": lambda r, g: 3,
        "text": lambda r, g: r.choice(["", "x", "gpu"]),
        "meta": lambda r, g: "meta",
        "absent": lambda r, g: "cuda:99",
    },
    "dtype": {**NOTHING, "text": lambda r, g: "float32", "int": lambda r, g: torch.int64, "number": lambda r, g: 3},
    "mapping": {
        **NOTHING,
        "number": lambda r, g: 3,
        "text": lambda r, g: "x",
        "list": lambda r, g: [1],
        "empty": lambda r, g: {},
    },
    "instance": {**NO_OBJECT, "class": lambda r, g: type(g)},
    "module": {**NO_OBJECT, "class": lambda r, g: nn.Identity},
    "callable": {**NO_OBJECT},
}


def kind_of(hint: Any, value: Any) -> str:
    """The kind of an argument, from its annotation and its good value."""
    if isinstance(value, Tensor):
        if value.dtype == torch.uint8:
            return "pixels"
        return "floats" if value.is_floating_point() else "bools" if value.dtype == torch.bool else "whole"
    for kind, name in (
        (bool, "flag"),
        (int, "int"),
        (float, "float"),
        (Path, "path"),
        (torch.dtype, "dtype"),
        (torch.device, "device"),
        (Mapping, "mapping"),
    ):
        if isinstance(value, kind):
            return name
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if isinstance(value, str):
        return "device" if torch.device in options else "path" if Path in options else "text"
    if (isinstance(value, Sequence) and not isinstance(value, tuple)) or type(value) is tuple:
        if all(isinstance(one, str) for one in value):
            return "texts"
        return "ints" if all(isinstance(one, int) for one in value) else "items"
    if inspect.isfunction(value):
        return "callable"
    return "instance"


def bad_values(kind: str, good: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """Label and value of all that is wrong for a kind; another seed chooses other values."""
    for label, make in KINDS[kind].items():
        random = Random(f"{seed} {kind} {label}")
        yield label, make(random, good)


def is_empty(value: Any) -> bool:
    """Whether a result holds nothing but empty tensors."""
    if isinstance(value, Tensor):
        return value.numel() == 0
    if isinstance(value, Mapping):
        return all(map(is_empty, value.values()))
    return isinstance(value, list | tuple) and all(map(is_empty, value))


def is_odd(value: Any) -> bool:
    """Whether a result holds NaN or infinity, wherever it may be in it."""
    if isinstance(value, Tensor):
        return value.device.type == "cpu" and value.is_floating_point() and not bool(value.isfinite().all())
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and not bool(np.isfinite(value).all())
    if isinstance(value, float):
        return value != value or value in (float("inf"), -float("inf"))
    if isinstance(value, Mapping):
        return any(map(is_odd, value.values()))
    return isinstance(value, list | tuple) and any(map(is_odd, value))
