"""What the three widgets share: two MIME types for one object, a stable repr, and errors that say what is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import anywidget
import traitlets

from .._errors import check_choice
from .payload import element_html


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


class BookWidget(anywidget.AnyWidget):
    """A widget that is live in a notebook with a kernel and a custom element on a page without one.

    A subclass sets `_tag`, `_heights` and `_shared` (the traits that the page and Python share), fills
    `payload` and says what the fallback picture shows.
    """

    payload = traitlets.Unicode("{}").tag(sync=True)
    _tag = ""
    _heights = (600, 800)
    _shared: tuple[str, ...] = ()

    def _picture(self) -> tuple[str, str]:
        """The picture for readers without scripts, as a data URL, and its description."""
        raise NotImplementedError

    def html(self) -> str:
        """The custom element in its present state, for any page that loads the widget's script."""
        data = json.loads(self.payload) | {name: getattr(self, name) for name in self._shared}
        return element_html(self._tag, data, *self._picture(), self._heights)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        return {**data, "text/html": self.html()}, metadata

    def __repr__(self) -> str:
        # anywidget's own repr holds a memory address, which would differ in every run of a notebook.
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._shared)
        return f"{type(self).__name__}({shown})"
