"""Interactive explorers for notebooks and for the static book: the same ES modules serve both.

The widgets need anywidget (``pip install "diffusion-edu[notebooks]"``); they are imported when first asked for, so that
``import diffusion_edu`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .cascade.widget import CascadePlayer
    from .conv.widget import ConvExplorer
    from .cost.widget import CostExplorer
    from .flow.widget import FlowExplorer
    from .frechet.widget import FrechetExplorer
    from .live.widget import LiveSampler
    from .painter.widget import TextPainter
    from .prior.widget import PriorCloud
    from .reverse.widget import ReversePlayer, record
    from .schedule.widget import ScheduleExplorer
    from .search.widget import TextSearch
    from .unet.widget import UNetExplorer, record_features
    from .x_t.widget import XTExplorer

__all__ = [
    "CascadePlayer",
    "ConvExplorer",
    "CostExplorer",
    "FlowExplorer",
    "FrechetExplorer",
    "LiveSampler",
    "PriorCloud",
    "ReversePlayer",
    "ScheduleExplorer",
    "TextPainter",
    "TextSearch",
    "UNetExplorer",
    "XTExplorer",
    "record",
    "record_features",
]

_HOMES = {
    "CascadePlayer": "cascade.widget",
    "ConvExplorer": "conv.widget",
    "CostExplorer": "cost.widget",
    "FlowExplorer": "flow.widget",
    "FrechetExplorer": "frechet.widget",
    "XTExplorer": "x_t.widget",
    "ScheduleExplorer": "schedule.widget",
    "LiveSampler": "live.widget",
    "PriorCloud": "prior.widget",
    "ReversePlayer": "reverse.widget",
    "record": "reverse.widget",
    "TextPainter": "painter.widget",
    "TextSearch": "search.widget",
    "UNetExplorer": "unet.widget",
    "record_features": "unet.widget",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f".{_HOMES[name]}", __name__)
    except ModuleNotFoundError as error:
        if error.name in ("anywidget", "traitlets", "ipywidgets"):
            raise ModuleNotFoundError(
                f'{name} needs {error.name}: pip install "diffusion-edu[notebooks]"', name=error.name
            ) from error
        raise
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted(__all__)
