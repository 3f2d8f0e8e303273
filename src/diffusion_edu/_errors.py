"""Errors and their wording: each names the argument, the value, and what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

_SHOWN = 120  # letters of a value in a message


class DataError(RuntimeError):
    """A data file is missing, damaged, of another kind than expected, or could not be downloaded."""


class WrongType(TypeError):
    """An argument is of another type than any that is allowed; other TypeErrors are faults of a program."""


def shown(value: object) -> str:
    """A value as a message shows it: tensors by type and shape, and nothing by more than a line."""
    if isinstance(value, Tensor | np.ndarray):
        kind = "array" if isinstance(value, np.ndarray) else "tensor"
        return f"a {str(value.dtype).removeprefix('torch.')} {kind} of shape {tuple(value.shape)}"
    text = f"a {type(value).__name__}" if isinstance(value, torch.nn.Module) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def unknown_name(argument: str, value: object, allowed: Iterable[str], also: str = "") -> ValueError:
    """The error for a name that is none of `allowed`; its message holds the nearest one.

    Args:
        argument: what the name was given for.
        value: the name.
        allowed: the names that would have been right.
        also: another thing that would have been right, in words ("a file of weights").

    Returns:
        The ValueError, to be raised by the caller.
    """
    names = [str(name) for name in allowed]
    near = difflib.get_close_matches(str(value), names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    known = [f"one of {', '.join(names)}"] if names else []
    return ValueError(f"{argument} must be {', or '.join([*known, *filter(None, [also])])}, got {shown(value)}{hint}")


def bad_value(argument: str, value: object, allowed: str) -> ValueError:
    """The error for an argument that is out of range: names the argument, what is allowed, and the value."""
    return ValueError(f"{argument} must be {allowed}, got {shown(value)}")


def bad_type(argument: str, value: object, allowed: str) -> WrongType:
    """As :func:`bad_value`, for an argument of another type than any that is allowed."""
    return WrongType(f"{argument} must be {allowed}, got {shown(value)}")


def check_choice(argument: str, value: object, allowed: Iterable[object]) -> None:
    """Raise :func:`unknown_name`'s error unless `value` is one of `allowed`, and of its type: 1 is not True."""
    if not any(type(value) is type(one) and value == one for one in allowed):
        raise unknown_name(argument, value, map(str, allowed))
