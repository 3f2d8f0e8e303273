"""What the widgets share: two MIME types for one object, a stable repr, and the traits that the page follows."""

from __future__ import annotations

import json
from typing import Any

import anywidget
import traitlets

from .payload import element_html
from .traits import Checked, Choice, Flag, Real, Text, Whole, WidgetValueError, as_traits, checked, choice, integers_in

__all__ = [
    "BookWidget",
    "Choice",
    "Flag",
    "Real",
    "Text",
    "Whole",
    "WidgetValueError",
    "as_traits",
    "checked",
    "choice",
    "integers_in",
]


class BookWidget(anywidget.AnyWidget):
    """A widget that is live in a notebook with a kernel and a custom element on a page without one.

    A subclass sets `_tag` and `_heights`, declares the traits that the page and Python share, fills `payload` and says
    what the fallback image shows.
    """

    payload = traitlets.Unicode("{}").tag(sync=True)
    _tag = ""
    _heights = (600, 800)
    _shared: tuple[str, ...] = ()  # names of the traits that a subclass declares for the page, in their order

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # anywidget makes a class of each object's own, with its hidden traits: that has what its parent declares.
        traits = {name: value for name, value in vars(cls).items() if isinstance(value, traitlets.TraitType)}
        declared = (name for name, trait in traits.items() if trait.metadata.get("sync") and not name.startswith("_"))
        cls._shared = tuple(declared) or cls._shared

    def __init__(self, payload: str = "{}", **traits: Any) -> None:
        super().__init__(payload=payload, **traits)
        whole = json.loads(payload) | {"traits": self._declared()}
        self.payload = json.dumps(whole, separators=(",", ":"))

    def _declared(self) -> dict[str, Any]:
        """Of each trait its limits or its choices, as they are now: the page has no list of its own."""
        traits = {name: self.traits()[name] for name in self._shared}
        declared = {name: trait.declared(self) for name, trait in traits.items() if isinstance(trait, Checked)}
        return {name: what for name, what in declared.items() if what}

    def _picture(self) -> tuple[str, str]:
        """The image for readers without scripts, as a data URL, and its description."""
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
