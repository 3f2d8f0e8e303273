"""Single values, checked: each check returns the value as the package goes on with it."""

from __future__ import annotations

import math
import numbers
import operator
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from .._errors import WrongType, bad_type, bad_value, shown

MOST_COUNT = 2**31 - 1  # of what is counted: samples, steps, channels
MOST_SEED = 2**64 - 1  # torch's generators take no larger one
MOST_T = 1_000_000  # steps of a schedule, whose tables are made whole
MOST_STEP = 2**24  # the integers that float32 tells apart, and with them embeddings of t
MOST_NUMBER = 1e18  # whose square float32 still holds


def integer(name: str, value: Any, low: int | None = None, high: int = MOST_COUNT) -> int:
    """A whole number in low..high; numpy's too, no bool, no 2.0.

    Raises:
        TypeError: no integer.
        ValueError: out of range.
    """
    if type(value) is not int:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            within = "" if low is None else f" of at least {low}" if high == MOST_COUNT else f" in {low}..{high}"
            raise bad_type(name, value, f"an integer{within}")
        value = operator.index(value)
    if low is not None and value < low:
        raise bad_value(name, value, f"at least {low}" if high == MOST_COUNT else f"in {low}..{high}")
    if value > high or value < -MOST_SEED:
        raise bad_value(name, value, f"at most {high}" if low is None else f"in {low}..{high}")
    return value


def number(name: str, value: Any, low: float = -MOST_NUMBER, high: float = MOST_NUMBER, above: bool = False) -> float:
    """A finite number in [low, high], or above low; an integer will do, a bool or a text will not.

    Raises:
        TypeError: no number.
        ValueError: NaN, infinite, or out of range.
    """
    allowed = "a finite number"
    if low > -MOST_NUMBER and high < MOST_NUMBER:
        allowed = f"in ({low:g}, {high:g}]" if above else f"between {low:g} and {high:g}"
    elif low > -MOST_NUMBER:
        allowed = f"a finite number {'above' if above else 'of at least'} {low:g}"
    good: Any = value  # for the type checker, to which a Real is no float
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise bad_type(name, value, allowed)
    if not low <= good <= high or (above and good == low):
        raise bad_value(
            name, value, f"{allowed}, at most {high:g}" if math.inf > good > high == MOST_NUMBER else allowed
        )
    return good  # an integer stays one


def flag(name: str, value: Any) -> bool:
    """True or False, and nothing that merely counts as one of them.

    Raises:
        TypeError: neither.
    """
    if value is not True and value is not False and not isinstance(value, np.bool_):
        raise bad_type(name, value, "True or False")
    return bool(value)


def text(name: str, value: Any) -> str:
    """A string.

    Raises:
        TypeError: no string.
    """
    if not isinstance(value, str):
        raise bad_type(name, value, "a text")
    return value


def texts(name: str, value: Any) -> Sequence[str]:
    """A list or tuple of strings, perhaps empty; one string would be a list of its letters.

    Raises:
        TypeError: one string, no sequence, or one that holds something else.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Sequence) or not all(isinstance(t, str) for t in value):
        raise bad_type(name, value, "a list of strings")
    return value


def integers(name: str, value: Any, low: int | None = None, high: int = MOST_COUNT) -> Sequence[int]:
    """Integers in their order: a list, tuple or range, or a tensor or array of one dimension; no set, no text.

    Raises:
        TypeError: something else, or one of its entries is no integer.
        ValueError: an entry is out of range.
    """
    if isinstance(value, range):
        return value
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, str | bytes | set | frozenset) or not isinstance(value, Sequence):
        raise bad_type(name, value, "a list of integers")
    made = [integer(f"{name}[{i}]", one, low, high) for i, one in enumerate(value)]
    return value if all(a is b for a, b in zip(made, value)) else type(value)(made)  # type: ignore[call-arg]


def seed(name: str, value: Any) -> int:
    """An integer in 0..2^64 - 1.

    Raises:
        TypeError, ValueError: something else.
    """
    if type(value) is not int or not 0 <= value <= MOST_SEED:
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise bad_type(name, value, "an integer in 0..2^64 - 1")
        value = operator.index(value)
        if not 0 <= value <= MOST_SEED:
            raise bad_value(name, value, "an integer in 0..2^64 - 1")
    return value


def seeds(name: str, value: Any) -> Sequence[int]:
    """Seeds in their order, one a sample: a list, tuple or range, or a tensor or array of one dimension.

    Raises:
        TypeError, ValueError: something else.
    """
    if isinstance(value, range) and (not value or (min(value) >= 0 and max(value) <= MOST_SEED)):
        return value
    if isinstance(value, Tensor | np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise bad_type(name, value, "a list of seeds, integers in 0..2^64 - 1")
    return [seed(f"{name}[{i}]", one) for i, one in enumerate(value)]


def path(name: str, value: Any) -> str | os.PathLike[str]:
    """The name of a file or a folder: not empty, which would be the present folder.

    Raises:
        TypeError: neither a string nor a path.
        ValueError: an empty one, or one with a zero byte.
    """
    if not isinstance(value, str | os.PathLike):
        raise bad_type(name, value, "a path")
    if value == "" or "\0" in os.fspath(value):
        raise bad_value(name, value, "the path of a file or folder, not empty")
    return value


def as_path(name: str, value: Any) -> Path:
    """As :func:`path`, for what goes on with a Path.

    Raises:
        TypeError, ValueError: as there.
    """
    return Path(os.path.expanduser(path(name, value)))


def device(name: str, value: Any) -> torch.device:
    """A device that holds numbers, and that this machine has.

    Raises:
        TypeError: neither a device nor the name of one.
        ValueError: no such device, or "meta", which holds shapes and no numbers.
    """
    found = any_device(name, value)
    if found.type == "meta":
        raise bad_value(name, str(value), "a device that holds numbers; meta holds shapes alone")
    return found


def any_device(name: str, value: Any) -> torch.device:
    """A device of this machine, or "meta".

    Raises:
        TypeError: neither a device nor the name of one.
        ValueError: no such device.
    """
    if not isinstance(value, str | torch.device):
        raise bad_type(name, value, "a device, such as 'cpu' or 'cuda'")
    try:
        found = torch.device(value)
    except RuntimeError:
        raise bad_value(name, value, "a device, such as 'cpu' or 'cuda'") from None
    if found.type == "cpu":
        return torch.device("cpu")  # there is one, whatever its number
    there = {"cuda": torch.cuda.device_count, "mps": torch.mps.device_count}
    if found.type in there and (found.index or 0) >= there[found.type]():
        raise bad_value(name, str(value), f"a device of this machine, which has {there[found.type]()} of that type")
    return found


def float_type(name: str, value: Any) -> torch.dtype:
    """A floating-point type of torch.

    Raises:
        TypeError: something else.
    """
    if not isinstance(value, torch.dtype) or not value.is_floating_point:
        raise bad_type(name, value, "a floating-point type of torch, such as torch.float32")
    return value


def instance(name: str, value: Any, kinds: tuple[type, ...]) -> Any:
    """An object of one of some classes.

    Raises:
        TypeError: something else; says which classes.
    """
    if not isinstance(value, kinds):
        names = " or ".join(f"{'an' if kind.__name__[0] in 'AEIO' else 'a'} {kind.__name__}" for kind in kinds)
        got = f"the class {value.__name__}" if isinstance(value, type) else shown(value)
        raise WrongType(f"{name} must be {names}, got {got}")
    return value
