"""Errors and their wording, shared by the parts that read files and names that people type."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class DataError(RuntimeError):
    """A data file is missing, damaged, of another kind than expected, or could not be downloaded."""


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
    return ValueError(f"{argument} must be {', or '.join([*known, *filter(None, [also])])}, got {value!r}{hint}")


def bad_value(argument: str, value: object, allowed: str) -> ValueError:
    """The error for an argument that is out of range: names the argument, what is allowed, and the value."""
    return ValueError(f"{argument} must be {allowed}, got {value!r}")


def check_choice(argument: str, value: str, allowed: Iterable[str]) -> None:
    """Raise :func:`unknown_name`'s error unless `value` is one of `allowed`."""
    if value not in tuple(allowed):
        raise unknown_name(argument, value, allowed)
