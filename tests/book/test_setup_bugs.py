"""The page of the bugs: the real one is whole, and each kind of hole in a small one is found."""

import json

import pytest
from loading import load_file

bugs = load_file("tools/bugs.py")

DATA = """
- id: index
  part: "03"
  title: Shifted by one
  mistake: Entry 0 is not 1.
  right: Entry 0 is 1.
  exercises: [ex-bug-index]
  tests: [tests/test_a.py::test_first]
  found:
    - project: small
      at: ["https://github.com/owner/small/blob/00a3c8066d25a34d3d472ef6c87c7b6b238ea444/ddpm.py#L69-L73"]
      wrong: It is 0.9999.
      status: open
      read: code
- id: scale
  part: text-to-image
  title: The scale of others
  mistake: It is copied.
  right: It is measured.
  untested: our code for it is not written yet
  found:
    - {project: other, at: ["https://github.com/o/other/issues/7"], wrong: "Ten times off.", status: open, read: thread}
"""
CELLS = [
    "```{exercise} Spot the bug: index\n:label: ex-bug-index\n\nTwo mistakes from published code.\n```\n",
    "Here {ref}`a mistake was published <bug-index>`. A published FID is another thing.\n\nNext.",
]


@pytest.fixture
def tree(tmp_path):
    for folder in ("tests", "notebooks", "book"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book/bugs.yml").write_text(DATA)
    (tmp_path / "book/bugs.md").write_text("```{bugs} 03\n```\n\n```{bugs} text-to-image\n```\n")
    (tmp_path / "tests/test_a.py").write_text("def test_first():\n    assert True\n")
    cells = [{"cell_type": "markdown", "source": text.splitlines(keepends=True)} for text in CELLS]
    (tmp_path / "notebooks/03_a.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def test_a_whole_page_has_no_problem(tree):
    assert bugs.problems(tree) == []
    index, scale = bugs.load(tree)
    assert index.published and index.found[0].project == "small"
    assert scale.untested and not scale.tests


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("tests/test_a.py", "test_first", "test_second", "test that does not exist: tests/test_a.py::test_first"),
        ("book/bugs.yml", "ex-bug-index", "ex-bug-other", "exercise that does not exist: ex-bug-other"),
        ("book/bugs.yml", "#L69-L73", "#lines", "needs addresses"),
        ("book/bugs.yml", "  tests: [tests/test_a.py::test_first]\n", "", "tests or the reason"),
        ("book/bugs.yml", "  tests: [tests/test_a.py::test_first]", "  untested: too hard", "so it needs a test"),
        ("book/bugs.yml", "part: text-to-image", "part: '12'", "part must be"),
        ("book/bugs.yml", "read: thread", "read: hearsay", "read must be one of"),
        ("book/bugs.yml", "read: code", "read: code\n      kind: rumor", "kind must be one of"),
        ("book/bugs.yml", "id: scale", "id: index", "more than once"),
        ("book/bugs.md", "```{bugs} 03\n", "```{bugs} 04\n", "must show part 03 once, shows it 0 times"),
        ("notebooks/03_a.ipynb", "<bug-index>", "<bug-nowhere>", "bug-nowhere, which book/bugs.yml lacks"),
        ("notebooks/03_a.ipynb", "{ref}`a mistake was published <bug-index>`", "a mistake was published", "an address"),
    ],
)
def test_each_hole_is_found(tree, file, old, new, words):
    path = tree / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert any(words in problem for problem in bugs.problems(tree)), bugs.problems(tree)


def test_an_exercise_with_relatives_alone_is_not_called_published(tree):
    path = tree / "book/bugs.yml"
    path.write_text(path.read_text().replace("read: code", "read: code\n      kind: relative"))
    (problem,) = bugs.problems(tree)
    assert problem.startswith("03_a.ipynb[0] calls a mistake published without an address")


def test_a_bug_to_spot_needs_an_entry(tree):
    path = tree / "notebooks/03_a.ipynb"
    path.write_text(path.read_text().replace("ex-bug-index", "ex-bug-new").replace("published code", "our own"))
    assert any(p.startswith("ex-bug-new of 03_a (Spot the bug: index)") for p in bugs.problems(tree))


def test_a_field_that_is_unknown_or_missing_is_named(tree):
    path = tree / "book/bugs.yml"
    path.write_text(path.read_text().replace("right: Entry", "rigth: Entry"))
    with pytest.raises(ValueError, match=r"index: unknown \{'rigth'\}, missing \{'right'\}"):
        bugs.load(tree)


def test_the_books_page_is_whole():
    assert bugs.problems() == []
    places = [place for entry in bugs.load() for place in entry.found]
    assert len(places) > 150
    assert len(bugs.claims()) >= 5  # the notebooks do speak of published mistakes, so the check above read them
