"""The colours are written once, and every place that needs them takes them from there."""

import re
from pathlib import Path

import pytest

from diffusion_edu import palette, viz


def test_colors_as_numbers():
    assert palette.rgb(palette.BLUE) == (37, 99, 235)
    assert palette.rgb(palette.ORANGE) == (194, 87, 12)
    with pytest.raises(ValueError, match="color must be of the form '#rrggbb', got 'blue'"):
        palette.rgb("blue")


def test_figures_hold_no_color_of_their_own():
    assert viz.COLORS is palette.COLORS
    assert re.findall(r"#[0-9a-f]{6}", Path(viz.__file__).read_text(encoding="utf-8")) == []
