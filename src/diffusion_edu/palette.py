"""The book's colors, once: for figures, for the images that stand in for widgets, for style sheets.

Blue is data, orange is noise, violet is the network, teal is what comes out; gray is what only helps to read.
"""

from __future__ import annotations

BLUE, ORANGE, VIOLET, TEAL, GREY = "#2563eb", "#c2570c", "#7c3aed", "#0f766e", "#64748b"
COLORS = (BLUE, ORANGE, VIOLET, TEAL, GREY)

PAPER, INK, MUTED = "#ffffff", "#1f2933", "#56616f"  # the ground, text, and text that matters less
LABEL, TITLE = "#334155", "#1e293b"  # of axes
EDGE, LINE = "#cbd5e1", "#e2e8f0"  # frames, and the lines of a grid


def rgb(color: str) -> tuple[int, int, int]:
    """ "#2563eb" as (37, 99, 235), for libraries that take numbers.

    Raises:
        ValueError: another form.
    """
    if len(color) != 7 or color[0] != "#":
        raise ValueError(f"color must be of the form '#rrggbb', got {color!r}")
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)
