"""The plain notebooks: the chapter's code and outputs, in words that need no MyST, and they run."""

import base64
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from loading import load_file

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = sorted((ROOT / "notebooks").glob("*.ipynb"))
# A role, a directive, an option of one, a label of an equation, a target: what plain Markdown would show as it stands.
RAW = re.compile(r"\{[a-z][a-z:-]*\}`|^[ >]*[`:]{3,}\{|^[ >]*:[\w-]+: |\$\$ *\([\w-]+\)|^\([\w-]+\)=$", re.M)
plain = load_file("tools/plain_notebook.py")
BOOK = plain.Book(
    {"02_noise": "2 · Noise", "equations": "All equations"},
    {"eq-a": "2.1", "ex-b": "2.3", "fig-c": "2.2"},
    {"ho2020": ("Ho et al.", "2020", "https://arxiv.org/abs/2006.11239"), "old": ("Gauss", "1809", "")},
)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of the plain notebooks, beside a link to the stored measurements, as the chapters have it."""
    home = tmp_path_factory.mktemp("book")
    (home / "benchmarks").symlink_to(ROOT / "benchmarks")
    plain.write(home / "plain")
    return home / "plain"


@pytest.fixture(params=CHAPTERS, ids=lambda path: path.stem)
def pair(request, written):
    """A chapter and its plain copy."""
    return tuple(nbformat.read(path, as_version=4) for path in (request.param, written / request.param.name))


def words(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def test_code_and_outputs_are_those_of_the_chapter(pair):
    chapter, copy = ([c for c in notebook.cells if c.cell_type == "code"] for notebook in pair)
    assert copy[0].id == "install" and copy[0].outputs == []
    assert copy[1:] == chapter


def test_no_markup_is_left_that_plain_markdown_does_not_know(pair):
    chapter, copy = map(words, pair)
    assert any(RAW.search(text) for text in chapter), "the chapter has no markup to take out"
    assert [found[0] for text in copy for found in RAW.finditer(text)] == []


def test_nothing_that_the_chapter_says_is_lost(pair):
    """Every word of the chapter that is no markup stands in the copy, in the same order."""
    chapter, copy = ("\n\n".join(words(notebook)) for notebook in pair)
    said = plain.ROLE.sub(" ", chapter)
    said = re.sub(r"^[`:]{3,}.*$|^:[\w-]+:.*$|\$\$[ \t]*\([\w-]+\)", " ", said, flags=re.M)
    rest = iter(re.findall(r"[A-Za-z]{3,}", copy))
    lost = [word for word in re.findall(r"[A-Za-z]{3,}", said) if word not in rest]
    assert lost == []


def test_each_figure_has_its_number_and_caption(pair):
    chapter, copy = pair
    captions = [c.metadata["mystnb"]["figure"] for c in chapter.cells if "figure" in c.metadata.get("mystnb", {})]
    shown = [text for text in words(copy) if text.startswith("**Fig. ")]
    assert len(shown) == len([figure for figure in captions if "caption" in figure])


@pytest.mark.parametrize(
    ("markup", "said"),
    [
        ("see {eq}`eq-a`", "see (2.1)"),
        ("{cite:t}`ho2020` says", "[Ho et al. (2020)](https://arxiv.org/abs/2006.11239) says"),
        ("known {cite:p}`old,ho2020`", "known (Gauss, 1809; [Ho et al., 2020](https://arxiv.org/abs/2006.11239))"),
        ("{ref}`ex-b`, {numref}`fig-c`", "exercise 2.3, Fig. 2.2"),
        ("{ref}`the sampler <api-samplers>`", "`the sampler`"),
        ("{doc}`02_noise`", "[2 · Noise](02_noise.ipynb)"),
        ("{doc}`the table </book/equations>`", "*the table*"),
        ("$$\nx\n$$ (eq-a)", "$$\nx \\tag{2.1}\n$$"),
        ("$$a$$ and\n\n$$\nx\n$$ (eq-a)", "$$a$$ and\n\n$$\nx \\tag{2.1}\n$$"),
        ("```{math}\n:label: eq-a\nx\n```", "$$\nx\n\\tag{2.1}$$"),
        ("```{admonition} Mind {eq}`eq-a`\n:class: tip\nA\n\nB\n```", "> **Mind (2.1)**\n>\n> A\n>\n> B"),
        (":::{note}\nA\n:::", "> **Note**\n>\n> A"),
        ("```{exercise} Half\n:label: ex-b\n\nDo {eq}`eq-a`.\n```", "### Exercise 2.3 (Half)\n\nDo (2.1)."),
        ("````{solution-start} ex-b\n:class: dropdown\n````", "#### Solution"),
        ("````{solution-end}\n````", ""),
        ("```python\nx = '{eq}`eq-a`'\n```", "```python\nx = '{eq}`eq-a`'\n```"),
        ("(here)=\n## Title", "## Title"),
    ],
)
def test_markup_in_words(markup, said):
    assert plain.markdown(BOOK, markup) == said


@pytest.mark.parametrize("markup", ["{abbr}`a`", "```{card} a\nb\n```"])
def test_markup_that_is_not_known_is_an_error(markup):
    with pytest.raises(ValueError, match="must be one that plain notebooks can tell"):
        plain.markdown(BOOK, markup)


def test_a_drawing_goes_with_the_cell():
    text = "```{figure} ../book/_static/logo.svg\n:alt: The mark.\n:name: fig-c\n\nSee {eq}`eq-a`.\n```"
    cell = nbformat.v4.new_markdown_cell(f"# A\n\n{text}")
    made = plain.convert(BOOK, nbformat.v4.new_notebook(cells=[cell]), 2).cells[1]
    assert made.source == "# 2 · A\n\n![The mark.](attachment:logo.svg)\n\n**Fig. 2.2** See (2.1)."
    (data,) = made.attachments["logo.svg"].values()
    assert base64.b64decode(data) == (ROOT / "book/_static/logo.svg").read_bytes()
    assert list(plain.labels(nbformat.v4.new_notebook(cells=[cell]))) == [("figure", "fig-c")]


def test_the_first_cell_names_the_files_that_a_chapter_reads(written):
    first = {path.stem: nbformat.read(path, as_version=4).cells[0].source for path in sorted(written.glob("*.ipynb"))}
    reads = {name for name, text in first.items() if "../benchmarks/results" in text}
    assert reads == {path.stem for path in CHAPTERS if "../benchmarks/results" in path.read_text(encoding="utf-8")}
    assert reads, "no chapter reads a stored measurement"


def test_a_plain_notebook_runs_and_prints_what_is_stored(written):
    """One of them; the others have the same code and outputs as chapters that `make notebooks` runs."""
    shutil.copy(ROOT / "conftest.py", written)  # what is not compared, such as the HTML of widgets
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-c", str(ROOT / "pyproject.toml")]
    command += ["--rootdir", str(ROOT), str(written / CHAPTERS[1].name)]
    path = os.pathsep.join(filter(None, [str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, timeout=600
    )
    cells = sum(c.cell_type == "code" for c in nbformat.read(written / CHAPTERS[1].name, as_version=4).cells)
    assert done.returncode == 0, done.stdout
    assert f"{cells} passed" in done.stdout
