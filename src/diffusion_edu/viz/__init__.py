"""Figures, all in one quiet style. The only package that imports matplotlib: `pip install 'diffusion-edu[notebooks]'`.

Every function returns the Figure, drawn with a face color of its own, so that it can be read on a page of any
color.
"""

from ..palette import BLUE, COLORS, EDGE, GREY, LABEL, LINE, ORANGE, PAPER, TEAL, TITLE, VIOLET
from .drawing import LINES, STYLE, Drawing
from .images import film_strip, heat_map, match_table, show_grid
from .plots import hist_against_normal, plot_lines, plot_loss, plot_schedule

__all__ = [
    "BLUE",
    "COLORS",
    "EDGE",
    "GREY",
    "LABEL",
    "LINE",
    "LINES",
    "ORANGE",
    "PAPER",
    "STYLE",
    "TEAL",
    "TITLE",
    "VIOLET",
    "Drawing",
    "film_strip",
    "heat_map",
    "hist_against_normal",
    "match_table",
    "plot_lines",
    "plot_loss",
    "plot_schedule",
    "show_grid",
]
