"""Rules for lists and tables of numbers, for names, and for functions that an object keeps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._errors import bad_type, bad_value
from . import values
from .rules import Rule

MOST_INCHES = 100  # of a part of a figure


def reals(name: str, value: Any) -> Sequence[float]:
    """Finite numbers in their order: a list, tuple or range, or a tensor or array of one dimension."""
    if isinstance(value, range):
        return value
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise bad_type(name, value, "a list of finite numbers")
    return [values.number(f"{name}[{i}]", one) for i, one in enumerate(value)]


def flags(name: str, value: Any) -> Sequence[bool]:
    """A list of True and False."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise bad_type(name, value, "a list of True and False")
    return [values.flag(f"{name}[{i}]", one) for i, one in enumerate(value)]


def sizes(name: str, value: Any) -> Sequence[float]:
    """(width, height) of a figure, in inches."""
    value = reals(name, value)
    if len(value) != 2 or not all(0 < one <= MOST_INCHES for one in value):
        raise bad_value(name, value, f"width and height in inches, above 0 and at most {MOST_INCHES}")
    return value


def inches(name: str, value: Any) -> float:
    """The width of a part of a figure."""
    return values.number(name, value, 0, MOST_INCHES, above=True)


def table(dimensions: int, finite: bool = True) -> Rule:
    """A table of real numbers with so many dimensions (a tensor, an array, or lists), and something in it.

    Args:
        dimensions: of the table; with one fewer it is a table of one row.
        finite: whether NaN and infinity are refused.
    """
    words = {1: "(N,)", 2: "(rows, columns)", 3: "(tables, rows, columns)"}[dimensions]

    def rule(name: str, value: Any) -> np.ndarray:
        given = value.detach().cpu().numpy() if isinstance(value, Tensor) else value
        try:
            made = np.asarray(given)
            if made.dtype == object and isinstance(given, Sequence):  # a list of tensors of one number each
                made = np.asarray([float(one) for one in given])
        except (TypeError, ValueError):
            raise bad_type(name, value, f"a table of numbers {words}") from None
        if made.dtype.kind not in "iuf":
            raise bad_type(name, value, f"a table of numbers {words}")
        made = made.astype(np.float64)
        if made.ndim == dimensions - 1 and made.ndim:
            made = made[None]
        if made.ndim != dimensions or made.size == 0:
            raise bad_value(name, made.shape, f"a table of numbers {words}, with at least one in it")
        if finite and not np.isfinite(made).all():
            raise bad_value(name, value, f"a table of finite numbers {words}")
        return made

    return rule


def function(name: str, value: Any) -> Any:
    """Something that can be called; a class too, which makes an object."""
    if not callable(value):
        raise bad_type(name, value, "a function, or a class")
    return value


def text_or_texts(name: str, value: Any) -> str | Sequence[str]:
    """A name, or a list of different ones; none of them empty."""
    given = [value] if isinstance(value, str) else values.texts(name, value)
    if not given or not all(given) or len(set(given)) < len(given):
        raise bad_value(name, value, "a name that is not empty, or a list of different ones")
    return value  # type: ignore[no-any-return]


def tensors_by_name(name: str, value: Any) -> Any:
    """Tensors by names, at least one, all of them finite."""
    if not isinstance(value, Mapping) or not value:
        raise bad_type(name, value, "tensors by name, at least one")
    for key, one in value.items():
        if not isinstance(one, Tensor):
            raise bad_type(f"{name}[{key!r}]", one, "a tensor")
        if one.is_floating_point() and not bool(torch.isfinite(one).all()):
            raise bad_value(f"{name}[{key!r}]", one, "finite")
    return value
