"""What stands in for a widget where no script runs: sheets with bars and words, as data URLs."""

from __future__ import annotations

import base64
import io

from PIL import Image, ImageDraw, ImageFont

from ... import palette

Color = tuple[int, int, int]

BLUE, ORANGE, VIOLET, TEAL, GREY = COLORS = tuple(palette.rgb(color) for color in palette.COLORS)
PAPER, INK, MUTED = (palette.rgb(color) for color in (palette.PAPER, palette.INK, palette.MUTED))
WIDTH = 672


class Sheet:
    """A white sheet to draw on; `draw` does what bars and words do not."""

    def __init__(self, height: int) -> None:
        self.image = Image.new("RGB", (WIDTH, height), PAPER)
        self.draw = ImageDraw.Draw(self.image)

    def text(
        self, place: tuple[float, float], words: str, size: float = 12, color: Color = INK, anchor: str = "lm"
    ) -> float:
        """Words at a place; how wide they are."""
        font = ImageFont.load_default(size)
        self.draw.text(place, words, color, font, anchor=anchor)
        return self.draw.textlength(words, font)

    def bar(self, box: tuple[float, float, float, float], color: Color, edge: Color | None = None) -> None:
        """A rectangle."""
        self.draw.rectangle(box, color, edge)

    def url(self, colors: int = 0) -> str:
        """The sheet as a PNG, in so many colors; 0: in all that it has."""
        return png_url(self.image.quantize(colors) if colors else self.image)


def png_url(image: Image.Image) -> str:
    """An image as a data URL of a PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
