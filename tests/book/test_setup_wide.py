"""What is wider than a phone: images have a box that moves, printed columns keep their lines, sentences are wrapped."""

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
