"""Interactive explorers for notebooks and for the static book: the same ES modules serve both.

The widgets need anywidget (``pip install "diffusion-edu[notebooks]"``); they are imported when first asked for, so that
``import diffusion_edu`` stays light.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conv_explorer import ConvExplorer
    from .cost_explorer import CostExplorer
    from .flow_explorer import FlowExplorer
    from .frechet_explorer import FrechetExplorer
    from .live_sampler import LiveSampler
    from .reverse_player import ReversePlayer, record
    from .schedule_explorer import ScheduleExplorer
    from .text_search import TextSearch
    from .unet_explorer import UNetExplorer, record_features
    from .x_t_explorer import XTExplorer

__all__ = [
    "ConvExplorer",
    "CostExplorer",
    "FlowExplorer",
    "FrechetExplorer",
    "LiveSampler",
    "ReversePlayer",
    "ScheduleExplorer",
    "TextSearch",
    "UNetExplorer",
    "XTExplorer",
    "record",
    "record_features",
]

_HOMES = {
    "ConvExplorer": "conv_explorer",
    "CostExplorer": "cost_explorer",
    "FlowExplorer": "flow_explorer",
    "FrechetExplorer": "frechet_explorer",
    "XTExplorer": "x_t_explorer",
    "ScheduleExplorer": "schedule_explorer",
    "LiveSampler": "live_sampler",
    "ReversePlayer": "reverse_player",
    "record": "reverse_player",
    "TextSearch": "text_search",
    "UNetExplorer": "unet_explorer",
    "record_features": "unet_explorer",
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
