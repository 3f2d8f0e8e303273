"""Figures, all in one quiet style. The only package that imports matplotlib: `pip install 'diffusion-edu[notebooks]'`.

Every function returns the Figure. A plot is SVG: its words are text, its ground is white unless the page says
otherwise, and its colors follow the theme of a page that sets the variables `--de-*`. Images alone are PNG on white.
"""

from ..palette import BLUE, COLORS, EDGE, GREY, LABEL, LINE, ORANGE, PAPER, TEAL, TITLE, VIOLET
from .drawing import LINES, STYLE, Drawing, panels
from .images import film_strip, heat_map, match_table, show_grid
from .plots import hist_against_normal, plot_lines, plot_loss, plot_schedule, point_strip
from .tables import table

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
    "panels",
    "plot_lines",
    "plot_loss",
    "plot_schedule",
    "point_strip",
    "show_grid",
    "table",
]
