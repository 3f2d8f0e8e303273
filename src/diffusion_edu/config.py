"""Configurations: frozen dataclasses that check themselves, and travel with the weights as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from types import UnionType
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from ._arguments import checked, rule_of
from ._errors import bad_value

Own = TypeVar("Own", bound="Config")


class Config:
    """The base of a frozen dataclass of plain values, tuples of them, and other configurations.

    Each field must be what its annotation says; a subclass says in :meth:`check` what it may be beyond that. JSON knows
    no tuples and no classes: both are made again along the annotations.

    Raises:
        TypeError: a field is no such thing; names class, field, what is allowed, and the value.
        ValueError: a field is out of its range.
    """

    def __post_init__(self) -> None:
        for name, wanted in _annotations(type(self)).items():
            value = getattr(self, name)
            made = tuple(value) if _is_tuple(wanted) and isinstance(value, list) else value
            made = rule_of(wanted)(f"{type(self).__name__}.{name}", made)
            if made is not value:
                object.__setattr__(self, name, made)  # the one way to set a field of a frozen dataclass
        self.check()

    def check(self) -> None:
        """Raise unless the fields are good; :meth:`require` has the words."""

    def require(self, name: str, good: bool, allowed: str) -> None:
        """Raise unless a field is good.

        Args:
            name: of the field.
            good: whether its value may stay.
            allowed: what would have been right, in words ("at least 1").

        Raises:
            ValueError: it is not; names class, field, what is allowed, and the value.
        """
        if not good:
            raise bad_value(f"{type(self).__name__}.{name}", getattr(self, name), allowed)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields, those of a configuration inside as a dictionary."""
        return asdict(self)  # type: ignore[call-overload]  # only dataclasses inherit this

    @classmethod
    @checked
    def from_dict(cls: type[Own], data: Mapping[str, Any]) -> Own:
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: a field is not known, or a value is of another type.
        """
        if not isinstance(data, Mapping):
            raise bad_value(cls.__name__, data, "an object with its fields")
        wanted = _annotations(cls)
        unknown = set(data) - set(wanted)
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {', '.join(sorted(map(str, unknown)))}")
        for name, value in data.items():
            if not _is_a(value, wanted[name]):
                words = getattr(wanted[name], "__name__", None) if not get_args(wanted[name]) else None
                raise bad_value(f"{cls.__name__}.{name}", value, f"of the type {words or wanted[name]}")
        return cls(**{name: _made(value, wanted[name]) for name, value in data.items()})


def _annotations(cls: type[Config]) -> dict[str, Any]:
    """The types of a dataclass's fields, as types and not as the strings of the source."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in fields(cls)}  # type: ignore[arg-type]


def _is_tuple(wanted: Any) -> bool:
    """True for tuple[int, ...], and for tuple[int, ...] | None."""
    return any(get_origin(option) is tuple for option in (wanted, *getattr(wanted, "__args__", ())))


def _made(value: Any, wanted: Any) -> Any:
    """A field's value as it was before JSON; `wanted` may be a configuration, that or None, or a tuple of them."""
    options = [option for option in (wanted, *get_args(wanted)) if isinstance(option, type)]
    inner = next((option for option in options if issubclass(option, Config)), None)
    if inner is not None and isinstance(value, (list, tuple)):
        return tuple(_made(entry, inner) for entry in value)
    return inner.from_dict(value) if inner is not None and isinstance(value, Mapping) else value


def _is_a(value: Any, wanted: Any) -> bool:
    """Whether a value from JSON is of a field's type."""
    if get_origin(wanted) in (Union, UnionType):
        return any(_is_a(value, option) for option in get_args(wanted))
    if _is_tuple(wanted):
        return isinstance(value, (list, tuple)) and all(_is_a(entry, get_args(wanted)[0]) for entry in value)
    kind = get_origin(wanted) or wanted
    if not isinstance(kind, type):  # Any, and what else says nothing
        return True
    if issubclass(kind, (Config, Mapping)):
        return isinstance(value, (kind, Mapping))
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, (int, float) if kind is float else kind)
