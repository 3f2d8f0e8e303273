"""Configurations to JSON and back: they travel with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, TypeVar

Config = TypeVar("Config", bound="JsonFields")


class JsonFields:
    """For a dataclass of plain values. Tuples come back as lists: a class that minds takes them as either."""

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready fields."""
        return asdict(self)  # type: ignore[call-overload]  # only dataclasses inherit this

    @classmethod
    def from_dict(cls: type[Config], data: Mapping[str, Any]) -> Config:
        """The inverse of :meth:`to_dict`.

        Raises:
            ValueError: a field is not known.
        """
        unknown = set(data) - {f.name for f in fields(cls)}  # type: ignore[arg-type]
        if unknown:
            raise ValueError(f"{cls.__name__} has no field {', '.join(sorted(unknown))}")
        return cls(**data)
