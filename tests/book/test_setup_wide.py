"""What is wider than a phone: images have a box that moves, printed columns keep their lines, sentences are wrapped."""

import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from docutils import nodes
from docutils.utils import new_document
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))
import plots_in_page  # noqa: E402
import printed_columns  # noqa: E402


@pytest.mark.parametrize("width", [400, plots_in_page.WIDE_IMAGE, plots_in_page.WIDE_IMAGE + 1, 1272])
def test_a_wide_image_has_a_box_that_knows_its_width(tmp_path, width):
    Image.new("L", (width, 20)).save(tmp_path / "strip.png")
    figure = nodes.figure("", nodes.image(uri="strip.png", alt="words"), nodes.caption("", "said"))
    document = new_document("page")
    document += figure
    env = SimpleNamespace(srcdir=tmp_path, docname="page", doc2path=lambda name: tmp_path / f"{name}.md")
    plots_in_page.put_in(SimpleNamespace(builder=SimpleNamespace(format="html"), env=env), document)
    kinds = [type(part) for part in figure.children]
    if width <= plots_in_page.WIDE_IMAGE:
        assert kinds == [nodes.image, nodes.caption]
        return
    assert kinds == [nodes.raw, nodes.image, nodes.raw, nodes.caption]
    start, _, end, _ = [part.astext() for part in figure.children]
    assert 'class="de-wide-plot" tabindex="0"' in start and f"--de-width: {width}" in start and end == "</div>"


@pytest.mark.parametrize("width", [400, plots_in_page.WIDE + 1])
def test_a_plot_with_large_images_is_a_file_for_each_theme(tmp_path, width):
    """With the colors of the style sheet, on the ground of the page; so it is loaded when it comes near."""
    here = tmp_path / "here"
    here.mkdir()
    size = f'viewBox="0 0 9 9" width="{width}" height="20"'
    words = '<text style="fill: var(--de-text, #1e293b); font-family: var(--de-font, serif)">t</text>'
    ground = '<path style="fill: var(--de-figure-ground, #ffffff)"/>'
    for name, count in (("small", plots_in_page.LARGE), ("large", plots_in_page.LARGE + 1)):
        image = f'<image href="data:image/png;base64,{"A" * count}"/>'
        (here / f"{name}.svg").write_text(f"{plots_in_page.HEAD} {size}>{words}{ground}{image}</svg>")
    document = new_document("page")
    document += [nodes.figure("", nodes.image(uri=f"here/{name}.svg", alt="words")) for name in ("small", "large")]
    env = SimpleNamespace(srcdir=tmp_path, docname="page", doc2path=lambda name: tmp_path / f"{name}.md")
    plots_in_page.put_in(SimpleNamespace(builder=SimpleNamespace(format="html"), env=env), document)
    small, large = document.children
    assert [type(part) for part in small.children] == [nodes.raw]
    images = list(large.findall(nodes.image))
    assert [(one["uri"], one["classes"]) for one in images] == [
        ("here/large-light.svg", ["only-light"]),
        ("here/large-dark.svg", ["only-dark"]),
    ]
    assert [one["alt"] for one in images] == ["words", "words"]
    boxes = [part.astext() for part in large.children if isinstance(part, nodes.raw)]
    assert len(boxes) == (2 if width > plots_in_page.WIDE else 0)
    texts = {theme: (here / f"large-{theme}.svg").read_text() for theme in plots_in_page.THEMES}
    sheet = (ROOT / "book/_static/book.css").read_text(encoding="utf-8")
    for theme, text in texts.items():
        assert "var(" not in text and 'fill: none"' in text
        assert re.search(r'<text style="fill: (#\w{6})', text)[1] in re.findall(r"--de-text: (#\w{6});", sheet), theme
    assert texts["light"] != texts["dark"]


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("side  ms\n  16   1.2\n  32   3.4\n", True),
        ("a sentence that is longer than a phone is wide\n", False),
        ("t  mean\nand a sentence\n", False),
        ("    indented\n        more\n", False),
    ],
)
def test_only_what_is_printed_in_columns_is_marked(text, columns):
    document = new_document("page")
    document += [nodes.literal_block("", text, classes=["output", "stream"]), nodes.literal_block("", text)]
    printed_columns.mark(None, document)
    assert [("de-columns" in block["classes"]) for block in document.findall(nodes.literal_block)] == [columns, False]
