"""Traits that follow the page: each checks itself, says what is allowed, and tells the page its limits or choices."""

from __future__ import annotations

import inspect
import math
import numbers
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import traitlets

from ..._arguments import Rule, values
from ..._arguments import checked as door
from ..._errors import bad_type, bad_value, check_choice
from .payload import check_int


class WidgetValueError(traitlets.TraitError, ValueError):
    """A value that a widget cannot take; the message names the argument, the value and what is allowed."""


def checked(check: Callable[[], Any]) -> Any:
    """Run a check that raises ValueError, and raise its message as a trait error, as traitlets expect."""
    try:
        return check()
    except ValueError as error:
        raise WidgetValueError(str(error)) from None


def choice(argument: str, value: str, allowed: Sequence[str]) -> str:
    """`value`, or a trait error that names what is allowed and the nearest match."""
    checked(lambda: check_choice(argument, value, allowed))
    return value


def as_traits(**rules: Rule) -> Callable[[type], type]:
    """The door of a widget: its arguments are checked as everywhere in the package, before anything is drawn or run.

    An argument that is a trait of the same type has the limits of the trait; a limit that depends on other arguments is
    looked at by the trait itself.

    Args:
        rules: of arguments by name, in place of those of traits and annotations.
    """

    def around(widget: type) -> type:
        known = inspect.signature(widget.__init__).parameters  # type: ignore[misc]
        own: dict[str, Any] = {
            name: trait.rule for name, trait in _traits_of(widget).items() if trait.fits(known.get(name))
        }
        return door(**{**own, **rules})(widget)

    return around


def _traits_of(widget: type) -> dict[str, Whole | Real]:
    owned = (vars(owner).items() for owner in reversed(widget.__mro__))
    return {name: value for pairs in owned for name, value in pairs if isinstance(value, Whole | Real)}


def integers_in(low: int, high: int) -> Rule:
    """A rule: an integer in low..high."""
    return lambda name, value: check_int(name, value, low, high)


def _of(limit: Any, widget: Any) -> Any:
    """A limit as it is, or as a function of the widget gives it."""
    return limit(widget) if callable(limit) else limit


class Checked(traitlets.TraitType):
    """Checks itself together with the other traits: where several are set at once, each sees the new values of all."""

    def check(self, widget: Any, value: Any) -> Any:
        """`value` as it is stored, or a ValueError that says what is allowed."""
        raise NotImplementedError

    def declared(self, widget: Any) -> dict[str, Any]:
        """What a page needs to know: its limits, or its choices with their labels."""
        raise NotImplementedError

    def error(self, obj: Any, value: Any, error: Any = None, info: Any = None) -> NoReturn:
        """Raise the error for a value of another type, in the words of the package."""
        raise WidgetValueError(str(bad_value(str(self.name), value, info or self.info())))

    def _cross_validate(self, obj: Any, value: Any) -> Any:
        return checked(lambda: self.check(obj, value))


class Choice(Checked, traitlets.Unicode):
    """One of some names.

    Args:
        default: the name at first.
        allowed: the names, or name -> label as a page shows it; or a function of the widget that gives either.
    """

    def __init__(self, default: str, allowed: Sequence[str] | Mapping[str, str] | Callable[[Any], Any]) -> None:
        super().__init__(default)
        self.allowed = allowed
        self.tag(sync=True)

    def check(self, widget: Any, value: Any) -> str:
        """The name, if it is one of those allowed."""
        check_choice(str(self.name), value, tuple(_of(self.allowed, widget)))
        return value

    def declared(self, widget: Any) -> dict[str, Any]:
        """{"choices": [[name, label], ...]}."""
        allowed = _of(self.allowed, widget)
        return {"choices": [[name, allowed[name] if isinstance(allowed, Mapping) else name] for name in allowed]}


class Text(Checked, traitlets.Unicode):
    """Any text."""

    def __init__(self, default: str) -> None:
        super().__init__(default)
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> str:
        """The text; bytes are none."""
        return value if isinstance(value, str) else self.error(obj, value, info="a text")

    def check(self, widget: Any, value: Any) -> str:
        """The text."""
        return str(value)

    def declared(self, widget: Any) -> dict[str, Any]:
        """Nothing: there is no limit."""
        return {}


class Flag(Checked, traitlets.Bool):
    """True or False."""

    def __init__(self, default: bool) -> None:
        super().__init__(default)
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> bool:
        """The flag; 0 and 1 are none."""
        return value if isinstance(value, bool) else self.error(obj, value, info="True or False")

    def check(self, widget: Any, value: Any) -> bool:
        """The flag."""
        return bool(value)

    def declared(self, widget: Any) -> dict[str, Any]:
        """Nothing: there is no limit."""
        return {}


class Whole(Checked, traitlets.Int):
    """An integer in low..high; either may be a function of the widget."""

    def __init__(self, default: int, low: int | Callable[[Any], int], high: int | Callable[[Any], int]) -> None:
        super().__init__(default)
        self.low, self.high = low, high
        self.tag(sync=True)

    def fits(self, parameter: inspect.Parameter | None) -> bool:
        """Whether an argument of the constructor is this trait."""
        return parameter is not None and str(parameter.annotation) in ("int", "int | None")

    def rule(self, name: str, value: Any) -> int:
        """Of an argument, as far as its limits are known before the widget is."""
        if callable(self.low) or callable(self.high):
            return values.integer(name, value)
        return check_int(name, value, self.low, self.high)

    def validate(self, obj: Any, value: Any) -> int:
        """The integer; 2.0 is none."""
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            self.error(obj, value, info="an integer")
        return operator.index(value)

    def check(self, widget: Any, value: Any) -> int:
        """The integer, if it lies within the limits."""
        return check_int(str(self.name), value, _of(self.low, widget), _of(self.high, widget))

    def declared(self, widget: Any) -> dict[str, Any]:
        """{"limits": [low, high]}."""
        return {"limits": [_of(self.low, widget), _of(self.high, widget)]}


class Real(Checked, traitlets.Float):
    """A number in low..high.

    Args:
        default: the number at first.
        low, high: the limits, which count as allowed.
        words: what is allowed, for the message.
        inside: whether the limits themselves are not allowed.
    """

    def __init__(
        self,
        default: float,
        low: float = 0,
        high: float = 1,
        words: str = "between 0 and 1",
        inside: bool = False,
    ) -> None:
        super().__init__(default)
        self.low, self.high, self.words, self.inside = low, high, words, inside
        self.tag(sync=True)

    def fits(self, parameter: inspect.Parameter | None) -> bool:
        """Whether an argument of the constructor is this trait."""
        return parameter is not None and str(parameter.annotation) in ("float", "float | None")

    def rule(self, name: str, value: Any) -> float:
        """Of an argument."""
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise bad_type(name, value, self.words)
        self.check_number(name, float(value))
        return float(value)

    def validate(self, obj: Any, value: Any) -> float:
        """The number; a flag is none."""
        return self.error(obj, value, info=self.words) if isinstance(value, bool) else super().validate(obj, value)

    def check(self, widget: Any, value: Any) -> float:
        """The number, if it lies within the limits."""
        self.check_number(str(self.name), value)
        return float(value)

    def check_number(self, name: str, value: float) -> None:
        """Raise ValueError where a number lies outside the limits."""
        fine = math.isfinite(value) and self.low <= value <= self.high
        if not fine or (self.inside and value in (self.low, self.high)):
            raise bad_value(name, value, self.words)

    def declared(self, widget: Any) -> dict[str, Any]:
        """{"limits": [low, high]}."""
        return {"limits": [self.low, self.high]}
