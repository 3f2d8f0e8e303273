"""Where the good calls are kept, and how one is added."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

Good = tuple[Callable[..., Any], dict[str, Any]]


class Call(NamedTuple):
    """A good call: what makes it anew, which odd values are right in it, and what is done with its result."""

    make: Callable[[], Good]
    fine: dict[str, set[str]]
    then: Callable[[Any], Any] | None
    kinds: dict[str, str]


CALLS: dict[str, Call] = {}


def good(
    name: str,
    function: Callable[..., Any] | None,
    arguments: Callable[[], dict[str, Any]],
    /,
    fine: str = "",
    then: Callable[[Any], Any] | None = None,
    owner: Callable[[], Any] | None = None,
    **kinds: str,
) -> None:
    """Add a call. For a method `owner` makes the object, and the name's last part is the method."""
    allowed: dict[str, set[str]] = {}
    for entry in fine.split():
        argument, values = entry.split(":")
        allowed.setdefault(argument, set()).update(values.replace("_", " ").split(","))

    def make() -> Good:
        called = function if owner is None else getattr(owner(), name.rpartition(".")[2])
        assert called is not None
        return called, arguments()

    CALLS[name] = Call(make, allowed, then, kinds)
