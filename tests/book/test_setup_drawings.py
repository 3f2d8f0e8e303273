"""The schematic drawings: made by scripts, readable on a phone, in the book's colors, and in the page itself."""

import io
import re
import sys
import xml.etree.ElementTree as ET

import pytest
from loading import ROOT, load_file

sys.path.insert(0, str(ROOT))
from tools.drawings.canvas import LEAST, LEAST_SUB, LIGHT, PHONE, Drawing
from tools.drawings.catalog import DRAWINGS, table
from tools.drawings.metrics import math_runs
from tools.drawings.words import WORDS

FOLDER = ROOT / "book/_static/drawings"
NAMES = sorted(WORDS)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def made():
    """Each drawing as its script makes it now."""
    return {drawing.name: drawing for drawing in (draw() for draw in DRAWINGS)}


def committed(name):
    return (FOLDER / f"{name}.svg").read_text(encoding="utf-8")


def test_every_drawing_has_words_a_script_and_a_file(made):
    assert sorted(made) == NAMES
    assert sorted(path.stem for path in FOLDER.iterdir()) == NAMES
    assert {path.suffix for path in FOLDER.iterdir()} == {".svg"}
    assert (ROOT / "tools/drawings/README.md").read_text(encoding="utf-8") == table()


@pytest.mark.parametrize("name", NAMES)
def test_the_file_is_what_the_script_makes(made, name):
    # not with ==: pytest would take minutes to show the difference of two long lines
    same = committed(name).encode() == made[name].svg().encode()
    assert same, f"{name}.svg is not what its script makes: run `python -m tools.drawings`"


@pytest.mark.parametrize("name", NAMES)
def test_words_for_eyes_and_ears(name):
    words = WORDS[name]
    assert 2 <= len(re.findall(r"[.!?](?:\s|$)", words.caption)) <= 4
    assert 40 < len(words.alt) < 400 and words.alt.endswith(".")
    root = ET.fromstring(committed(name))
    assert root.find(f"{SVG}title").text == words.title
    assert root.find(f"{SVG}desc").text == words.alt
    assert root.get("role") == "img"
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert root.get("aria-labelledby").split() == ids[:2]
    assert all(one.startswith(f"dw-{name}-") for one in ids) and len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", NAMES)
def test_text_is_text_and_large_enough_on_a_phone(made, name):
    root = ET.fromstring(committed(name))
    scale = PHONE / float(root.get("width"))
    texts = list(root.iter(f"{SVG}text"))
    assert texts
    for text in texts:
        assert "".join(text.itertext()).strip()
        assert float(text.get("font-size")) * scale >= made[name].least >= LEAST
        for span in text.iter(f"{SVG}tspan"):
            assert float(span.get("font-size", text.get("font-size"))) * scale >= LEAST_SUB


@pytest.mark.parametrize("name", NAMES)
def test_no_words_lie_over_each_other(made, name):
    assert made[name].overlaps() == []


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_fetched_and_colors_are_the_books(name):
    svg = committed(name)
    root = ET.fromstring(svg)
    for element in root.iter():
        for key, value in element.attrib.items():
            if key.split("}")[-1] in ("href", "src"):
                assert value.startswith(("data:image/png;base64,", "#"))
    assert "url(" not in svg and "@import" not in svg and "<script" not in svg
    assert svg.count("http") == svg.count('xmlns="http://www.w3.org/2000/svg"') == 1
    assert set(re.findall(r"#[0-9a-fA-F]{3,8}\b", re.sub(r'href="[^"]*"', "", svg))) <= set(LIGHT.values())
    named = {
        word for classes in re.findall(r'class="([^"]*)"', svg) for word in classes.split() if word[:2] in ("f-", "s-")
    }
    assert named <= {f"{kind}-{color}" for kind in "fs" for color in LIGHT}


def test_the_colors_are_those_of_the_style_sheet():
    css = (ROOT / "book/_static/book.css").read_text(encoding="utf-8")
    light = dict(re.findall(r"--de-(\w+): (#\w+);", css[: css.index('html[data-theme="dark"]')]))
    assert {name: value for name, value in LIGHT.items() if name != "paper"}.items() <= light.items()


def test_formulas():
    runs = [(r.text, r.look, r.rise) for r in math_runs("noise $\\hat ε_{t-1}^2$.")]
    assert runs == [
        ("noise ", "", 0.0), ("ε", "m", 0.0), ("ˆ", "r", 0.0), ("t", "m", -0.2), ("−1", "r", -0.2), ("2", "r", 0.38),
        (".", "", 0.0),
    ]  # fmt: skip
    forward = [r.back for r in math_runs("$\\hat x_0$")]
    assert forward[1] < 0 < forward[2] + 0.05 and len(forward) == 3


def test_a_drawing_refuses_what_cannot_be_read():
    drawing = Drawing("chain", 540, 100)
    with pytest.raises(ValueError, match=r"'small' has 6\.5 px on a phone"):
        drawing.text(100, 50, "small", 10)
    with pytest.raises(ValueError, match="'out' leaves the drawing"):
        drawing.text(2, 50, "out", 16)
    with pytest.raises(ValueError, match="'much too long' needs"):
        drawing.box(10, 10, 50, 40, "much too long")
    drawing.text(100, 50, "one", 16)
    drawing.text(104, 54, "two", 16)
    assert drawing.overlaps() == [("one", "two")]


@pytest.fixture
def page(tmp_path):
    """A small book with a page of figures: page(text) builds it and returns the HTML, the search index and warnings."""
    from sphinx.application import Sphinx

    drawings = tmp_path / "_static/drawings"
    drawings.mkdir(parents=True)
    for name in ("chain", "density-paths"):
        (drawings / f"{name}.svg").write_text(committed(name), encoding="utf-8")
    extensions = ["myst_parser", "drawings"]
    (tmp_path / "conf.py").write_text(f"extensions = {extensions!r}\nhtml_theme = 'basic'\n", encoding="utf-8")

    def build(text):
        (tmp_path / "index.md").write_text("# Title\n\n" + text, encoding="utf-8")
        warnings = io.StringIO()
        out = tmp_path / "out"
        app = Sphinx(tmp_path, tmp_path, out, tmp_path / "doctrees", "html", status=None, warning=warnings)
        app.build()
        html = (out / "index.html").read_text(encoding="utf-8")
        assert not (out / "_images").exists()
        # a second Sphinx in one process says that its nodes are known already
        said = [line for line in warnings.getvalue().splitlines() if "while setting up extension" not in line]
        return html, (out / "searchindex.js").read_text(encoding="utf-8"), said

    sys.path.insert(0, str(ROOT / "book/_ext"))
    yield build
    sys.path.remove(str(ROOT / "book/_ext"))


def figure(name, alt):
    return f"```{{figure}} _static/drawings/{name}.svg\n:name: fig-{name}\n:alt: {alt}\n\nA caption.\n```\n\n"


def test_figures_become_part_of_the_page(page):
    alt = WORDS["density-paths"].alt
    twice = figure("density-paths", alt) + f"![{alt}](_static/drawings/density-paths.svg)\n\n"
    html, index, warnings = page(figure("chain", WORDS["chain"].alt) + twice)
    assert warnings == []
    assert html.count("<svg") == 3 and ".svg" not in html
    assert html.count(".dw .tint") == 1  # one style for the page
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert len(set(ids)) == len(ids)
    for target in re.findall(r'<use href="#([^"]+)"', html) + re.findall(r'aria-describedby="([^"]+)"', html):
        assert target in ids
    assert f'aria-label="{WORDS["chain"].title}"' in html and "<title id" not in html
    assert re.search(r'<figure[^>]*id="fig-chain"', html) and "A caption." in html
    assert "forward" in index  # words of a drawing are found


def test_another_alternative_text_is_a_warning(page):
    _, _, warnings = page(figure("chain", "Something else."))
    assert len(warnings) == 1
    assert "the alternative text of chain.svg is not that of words.py" in warnings[0]


def test_other_images_are_left_alone():
    assert load_file("book/_ext/drawings.py").PLACE.search("_static/banner.svg") is None
