"""The table of equations: the real one is whole, and each kind of hole in a small one is found."""

import json

import pytest
from loading import load_file

equations = load_file("tools/equations.py")

MODULE = '''
class Schedule:
    def ratio(self):
        """The ratio.

        Equation: eq-ratio (Author 2020, eq. 1): a / b.
        Checked by: tests/test_a.py::test_ratio.
        """


def double(x):
    """Twice x.

    Equation: eq-double (Author 2020, eq. 2).
    Checked by: tests/test_a.py::test_double, tests/test_a.py::TestMore::test_again.
    """
    return 2 * x
'''
TESTS = """
def test_ratio():
    assert True

def test_double():
    assert True

class TestMore:
    def test_again(self):
        assert True
"""
CHAPTER = "$$ r = a / b $$ (eq-ratio)\n\ntext\n\n$$\ny = 2 x\n$$ (eq-double)\n\n$$ 1 + 1 = 2 $$\n"


@pytest.fixture
def tree(tmp_path):
    for folder in ("src/package", "tests", "notebooks", "book"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "src/package/module.py").write_text(MODULE)
    (tmp_path / "tests/test_a.py").write_text(TESTS)
    cells = [{"cell_type": "markdown", "source": CHAPTER.splitlines(keepends=True)}]
    (tmp_path / "notebooks/02_a.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_whole_table_has_no_problem(tree):
    assert equations.problems(tree) == []
    ratio, double = equations.claims(tree)
    assert (ratio.label, ratio.source, ratio.function.name) == ("eq-ratio", "Author 2020, eq. 1", "Schedule.ratio")
    assert double.tests == ("tests/test_a.py::test_double", "tests/test_a.py::TestMore::test_again")
    line = MODULE.splitlines()[double.function.line - 1]
    assert line == "def double(x):"
    assert equations.labels(tree) == {"eq-ratio": ["notebooks/02_a.ipynb"], "eq-double": ["notebooks/02_a.ipynb"]}


def test_missing_label_is_found(tree):
    edit(tree / "notebooks/02_a.ipynb", "(eq-double)", "")
    (problem,) = equations.problems(tree)
    assert "double claims eq-double, which no page of the book labels" in problem


def test_missing_function_is_found(tree):
    edit(tree / "src/package/module.py", "Equation: eq-double", "See eq-double")
    (problem,) = equations.problems(tree)
    assert "eq-double, which no function under src/ claims to compute" in problem


def test_missing_test_is_found(tree):
    edit(tree / "tests/test_a.py", "def test_again", "def test_once")
    (problem,) = equations.problems(tree)
    assert problem.endswith("a test that does not exist: tests/test_a.py::TestMore::test_again")


def test_missing_test_file_is_found(tree):
    (tree / "tests/test_a.py").unlink()
    assert len(equations.problems(tree)) == 3


def test_claim_without_a_test_is_found(tree):
    edit(tree / "src/package/module.py", "        Checked by: tests/test_a.py::test_ratio.\n", "")
    (problem,) = equations.problems(tree)
    assert "names no test" in problem


def test_label_given_twice_is_found(tree):
    (tree / "book/extra.md").write_text("```{math}\n:label: eq-ratio\nr\n```\n")
    (problem,) = equations.problems(tree)
    assert problem == "eq-ratio is labelled more than once: book/extra.md, notebooks/02_a.ipynb"


def test_the_books_table_is_whole():
    assert equations.problems() == []
    assert len(equations.labels()) >= 20
