"""tools/check_words.py finds the words that the book does not use, in every type of file, and leaves others alone."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import check_words  # noqa: E402

# one example of every row, where the pattern alone would not show what it is meant for
EXAMPLES = [
    ("a noisy picture", "picture"),
    ("The arrows of the captions meet.", "arrows of the captions"),
    ("with a bend between them", "bend"),
    ("after a hundred looks", "hundred looks"),
    ("Every position looks at all others.", "looks at"),
    ("The heads look at it.", "heads look at"),
    ("the mean squared way", "squared way"),
    ("the score of a foreign caption", "foreign"),
    ("It mends images.", "mends"),
    ("one that was spoiled", "spoiled"),
    ("two kinds of prediction", "kinds of prediction"),
    ("a garment", "garment"),
    ("The network is told t.", "told"),
    ("one step back", "step back"),
    ("The kernel is turned round.", "turned round"),
    ("half drowned", "drowned"),
    ("It has to be small.", "has to be"),
    ("what is to be learned", "is to be"),
    ("what is so", "what is so"),
    ("Colours of neighbours", "Colours"),
    ("the centre", "centre"),
    ("gray and grey", "grey"),
    ("the MIT licence", "licence"),
    ("what is learnt", "learnt"),
    ("labelled images", "labelled"),
    ("the optimiser", "optimiser"),
    ("Normalisation comes first.", "Normalisation"),
    ("we analyse it", "analyse"),
]
NAMES = ["eps", "ddim", "DDim", "fid", "dpm-solver", "DPM-Solver", "dpm-solver++", "UNet", "unet", "Frechet"]
PLAIN = [
    "Only an image: draw a picture of it.",
    "can be told apart, and is hard to tell from noise; a rising, promising, precise exercise of noise otherwise",
    "Press the arrow keys. Let us look at it. The bending of a DPM-Solver++, a U-Net, DDIM, FID",
    "Code, `picture`, ``eps``, $\\text{picture}$, [a link](picture.md), https://a.org/picture, {ref}`api-nn-unet`",
    "{ref}`nn.unet <api-nn-unet>`, tests/book/test_a.py::test_a_picture",
]


def words(tmp_path, name, text):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return [(found.line, found.word) for found in check_words.findings(path)]


@pytest.mark.parametrize(("text", "word"), EXAMPLES, ids=lambda part: part[:20])
def test_each_word_is_found_where_it_stands(text, word, tmp_path):
    assert (3, word) in words(tmp_path, "page.md", f"# A page\n\n{text}\n")


def test_every_row_of_the_table_has_an_example():
    text = "\n".join(text for text, _ in EXAMPLES)
    assert [wrong for wrong in check_words.TABLE if not check_words.pattern(wrong).search(text)] == []
    assert [
        wrong for wrong in check_words.NAMES if not check_words.pattern(wrong, names=True).search(" ".join(NAMES))
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_names_have_one_spelling_in_prose_and_may_be_code_in_docstrings(name, tmp_path):
    assert words(tmp_path, "page.md", f"It is {name}.\n") == [(1, name)]
    assert words(tmp_path, "code.py", f'"""It is {name}."""\n') == []


@pytest.mark.parametrize("text", PLAIN, ids=range(len(PLAIN)))
def test_what_is_right_or_no_prose_is_left_alone(text, tmp_path):
    assert words(tmp_path, "page.md", f"{text}\n") == []


def test_of_a_page_prose_captions_and_notes_are_read_and_code_is_not(tmp_path):
    page = """---
myst:
  html_meta:
    description: "A picture."
---

(a-picture)=

```{figure} picture.svg
:name: fig-picture
:alt: A grey plate.

Its colours.
```

```python
picture = "picture"
```

````{admonition} A picture
```python
eps = 1
```
It is told.
````

$$
\\text{picture}
$$

<p class="picture">a picture</p>
"""
    found = [(4, "picture"), (11, "grey"), (13, "colours"), (20, "picture"), (24, "told"), (31, "picture")]
    assert words(tmp_path, "page.md", page) == found


def test_of_a_chapter_text_and_captions_are_read_with_the_lines_of_the_file(tmp_path):
    image = {"mystnb": {"image": {"alt": "a grey plate"}, "figure": {"caption": "its colours", "name": "fig-picture"}}}
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Title\n", "\n", "A “picture”.\n"]},
        {"cell_type": "code", "metadata": image, "outputs": [], "source": ["picture = 1"]},
    ]
    text = json.dumps({"cells": cells}, indent=1, ensure_ascii=False)
    found = words(tmp_path, "chapter.ipynb", text)
    assert sorted(word for _, word in found) == ["colours", "grey", "picture"]
    lines = text.splitlines()
    assert [word for line, word in found if word not in lines[line - 1]] == []


def test_of_python_docstrings_are_read_and_of_commands_every_sentence(tmp_path):
    code = '''"""A picture."""

class A:
    """A.

    Args:
        picture, pictures: what is told.
    """

    colour: int = 0
    """Its colour."""

    def f(self, picture):
        return f"no picture, {picture} given", "picture"
'''
    docstrings = [(1, "picture"), (7, "told"), (11, "colour")]
    assert words(tmp_path, "code.py", code) == docstrings
    assert words(tmp_path, "cli/code.py", code) == [*docstrings, (14, "picture")]


def test_of_javascript_sentences_and_labels_are_read_and_comments_are_not(tmp_path):
    code = """// a picture
/* a picture */ const picture = { role: "picture", label: "picture" };
const a = ["picture", "Pictures", "a picture"];
const b = `${a ? "no picture" : ""} of ${n} pictures`;
"""
    found = [(2, "picture"), (3, "Pictures"), (3, "picture"), (4, "picture"), (4, "pictures")]
    assert words(tmp_path, "words.mjs", code) == found


def test_of_the_list_of_bugs_what_the_page_says_is_read(tmp_path):
    text = '- id: picture\n  title: "A picture"\n  found:\n    - project: "picture"\n      wrong: "Told $t$."\n'
    assert words(tmp_path, "bugs.yml", text) == [(2, "picture"), (5, "Told")]


def test_the_program_says_file_line_word_and_what_is_better(tmp_path):
    (tmp_path / "page.md").write_text("A picture.\n", encoding="utf-8")
    run = [sys.executable, ROOT / "tools/check_words.py", tmp_path / "page.md"]
    done = subprocess.run(run, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, f"{tmp_path / 'page.md'}:1: picture -> image\n")


def test_all_that_a_reader_reads_is_looked_through_and_make_lint_does_it():
    found = {path.relative_to(ROOT).as_posix() for path in check_words.files(ROOT)}
    assert {"README.md", "book/glossary.md", "book/bugs.yml", "notebooks/01_noise_and_back.ipynb"} <= found
    assert {"src/diffusion_edu/cli/options.py", "src/diffusion_edu/widgets/unet/words.mjs"} <= found
    assert "\n\t@$(PY) tools/check_words.py\n" in (ROOT / "Makefile").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, ROOT / "tools/check_words.py"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
