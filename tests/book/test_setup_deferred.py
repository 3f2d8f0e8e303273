"""tools/deferred.py and tools/faces.py: what a page does not need for its text lies beside it, and nothing is lost."""

from __future__ import annotations

import base64
import json
import re
import sys
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import deferred  # noqa: E402
import faces  # noqa: E402

RUN = json.dumps({"words": 'a "quoted" \\u003c', "values": list(range(50))})


def picture(size, noise=False):
    image = Image.effect_noise(size, 50) if noise else Image.new("L", size)
    content = BytesIO()
    image.save(content, "PNG")
    return content.getvalue()


def address(content):
    return "data:image/png;base64," + base64.b64encode(content).decode()


SMALL, LARGE = picture((7, 5)), picture((90, 60), noise=True)


def widget(tag, content=SMALL):
    return (
        f'<{tag}><script type="application/json">{RUN}</script><img src="{address(content)}" alt="what it shows" '
        f'style="width:100%"></{tag}>'
    )


@pytest.fixture
def site(tmp_path):
    """A page in a folder with three widgets, of which two are of one kind, and drawings; and a page without any."""
    heads = "".join(f'<script defer="defer" src="../_static/page/{n}.js?v=1"></script>\n' for n in ("x_t", "unet"))
    drawing = "".join(f'<image x="1" href="{address(content)}"/>' for content in (SMALL, LARGE, LARGE))
    plain = '<script defer="defer" src="_static/page/hero.js?v=1"></script><p>text</p>'
    body = widget("x-t-explorer") + widget("unet-explorer", LARGE) + widget("x-t-explorer")
    for name, text in {"notebooks/a.html": f"{heads}<p>text</p>{body}<svg>{drawing}</svg>", "b.html": plain}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    for folder in ("_static", "_images"):
        (tmp_path / folder).mkdir()
    deferred.defer(tmp_path)
    return tmp_path


def test_data_and_code_are_named_where_they_were(site):
    text = (site / "notebooks/a.html").read_text()
    assert "application/json" in text and "values" not in text
    codes = re.findall(r'<([a-z-]+)><script type="application/json" data-run="\.\./(.*?)" data-code="(.*?)">', text)
    assert [(tag, code) for tag, _, code in codes] == [
        ("x-t-explorer", "../_static/page/x_t.js?v=1"),
        ("unet-explorer", "../_static/page/unet.js?v=1"),
        ("x-t-explorer", "../_static/page/x_t.js?v=1"),
    ]
    assert "<script defer" not in text, "no script of a widget loads unasked"
    for _, run, _ in codes:
        script = (site / run).read_text()
        assert script.startswith("document.currentScript.run = ") and script.endswith(";\n")
        assert json.loads(script[29:-2]) == RUN, "the same text, also where it has quotes and escapes"


def test_pictures_keep_their_content_their_words_and_their_place(site):
    text = (site / "notebooks/a.html").read_text()
    size = r'width="(\d+)" height="(\d+)"'
    found = re.findall(rf'<img src="\.\./(_images/.*?)" {size}( loading="lazy")? alt="(.*?)"', text)
    assert [(w, h, bool(lazy), alt) for _, w, h, lazy, alt in found] == [
        ("7", "5", False, "what it shows"),
        ("90", "60", True, "what it shows"),
        ("7", "5", True, "what it shows"),
    ]
    assert [(site / name).read_bytes() for name, *_ in found] == [SMALL, LARGE, SMALL]


def test_large_pictures_in_drawings_are_one_file_and_small_ones_stay(site):
    text = (site / "notebooks/a.html").read_text()
    small, *large = re.findall(r'<image x="1" href="(.*?)"/>', text)
    assert small == address(SMALL) and len(set(large)) == 1
    assert (site / large[0].removeprefix("../")).read_bytes() == LARGE
    assert len(list((site / "_images").iterdir())) == 2


def test_a_page_without_widgets_stays_as_it_is(site):
    assert "page/hero.js?v=1" in (site / "b.html").read_text()


@pytest.fixture(scope="module")
def lettered(tmp_path_factory):
    """A site with the faces of the book and a page that has a few letters."""
    tmp_path = tmp_path_factory.mktemp("lettered")
    fonts = {
        "fonts/text.woff2": "@fontsource-variable/inter/files/inter-latin-wght-normal.woff2",
        "vendor/katex/fonts/KaTeX_AMS-Regular.woff2": "katex/dist/fonts/KaTeX_AMS-Regular.woff2",
        "vendor/katex/fonts/KaTeX_Main-Regular.woff2": "katex/dist/fonts/KaTeX_Main-Regular.woff2",
    }
    for name, source in fonts.items():
        path = tmp_path / "_static" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((ROOT / "node_modules" / source).read_bytes())
    formula = '<span class="mord mathbb">E</span><span class="mord mtight">&lt;∑</span>'
    (tmp_path / "page.html").write_text(f'<p>œuvre 12</p>{formula}<script>"\\u03a3"</script>')
    (tmp_path / "_static/page.js").write_text('"≤"')
    before = {name: TTFont(tmp_path / "_static" / name) for name in fonts}
    faces.cut_all(tmp_path)
    return {Path(name).stem: (before[name], TTFont(tmp_path / "_static" / name)) for name in fonts}


def letters(font):
    return {chr(code) for code in font.getBestCmap()}


def test_a_face_has_the_letters_of_pages_scripts_and_readers(lettered):
    _, text = lettered["text"]
    assert set("œuvre 12éßA~") <= letters(text)
    _, main = lettered["KaTeX_Main-Regular"]
    assert set("E<≤12Σ") <= letters(main) and not set("ABCXYZ∀") & letters(main)
    _, ams = lettered["KaTeX_AMS-Regular"]
    assert letters(ams) == {"E"}


def test_a_letter_stays_as_wide_as_it_was(lettered):
    for before, after in lettered.values():
        for code, name in after.getBestCmap().items():
            assert after["hmtx"][name][0] == before["hmtx"][before.getBestCmap()[code]][0], chr(code)


def test_a_face_with_many_weights_keeps_those_of_the_book(lettered):
    _, text = lettered["text"]
    (axis,) = text["fvar"].axes
    assert (axis.axisTag, axis.minValue, axis.maxValue) == ("wght", *faces.WEIGHTS)
    assert "tnum" in {record.FeatureTag for record in text["GSUB"].table.FeatureList.FeatureRecord}
