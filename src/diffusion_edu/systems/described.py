"""What the configurations of all systems that draw have in common."""

from __future__ import annotations

from typing import Any

from .._errors import check_choice
from ..diffusion.denoiser import CLIPS
from ..diffusion.process import TARGETS
from ..diffusion.schedules import check_description


def check_drawing(config: Any) -> None:
    """Raise unless the fields that say how a system draws are good: text, target, schedule, and clip if there is one.

    Args:
        config: of the system, a :class:`Config`.

    Raises:
        ValueError: one of them is not; its message has the name of the class and of the field.
    """
    clip = getattr(config, "clip", False)
    config.require("clip", isinstance(clip, str | bool) and clip in CLIPS, f"one of {', '.join(map(str, CLIPS))}")
    config.require("text", config.text != "", "the name of an encoder, not empty")
    check_choice(f"{type(config).__name__}.target", config.target, TARGETS)
    check_description(f"{type(config).__name__}.schedule", config.schedule)
