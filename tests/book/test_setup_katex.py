"""The book's formulas: what is kept together on a line."""

import sys
from pathlib import Path

import pytest
from docutils import nodes

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "book/_ext"))
import katex_strict


def kept(*parts):
    """The parts of a paragraph after `keep_together`, as text: what is kept together stands in braces."""
    document = nodes.document("", "")
    document += nodes.paragraph("", "", *parts)
    katex_strict.keep_together(None, document)
    shown = (f"{{{p.astext()}}}" if isinstance(p, nodes.inline) else p.astext() for p in document[0].children)
    return "|".join(part for part in shown if part)


def text(words):
    return nodes.Text(words)


def math(tex):
    return nodes.math(tex, tex)


def test_a_bracket_before_a_formula_and_a_comma_after_it_stay_with_it():
    assert kept(text("see ("), math("x_t"), text("), and")) == "see |{(x_t),}| and"
    assert kept(math("t"), text("-axis is")) == "{t-axis}| is"
    assert kept(text("of "), math("t"), text(" steps")) == "of |t| steps"
    long = "a" * 40
    assert kept(text("("), math(long), text(")")) == f"(|{long}|)", "a long one has to be free to break"


def test_equal_formulas_and_equal_words_are_told_apart_by_their_place():
    """Text nodes are equal when their words are: a replacement by value would change the first of them."""
    long = "a" * 40
    assert kept(math(long), text(", "), math("t"), text(", ")) == f"{long}|, |{{t,}}| "
    assert kept(text("f ("), math(long), text(" + f ("), math("t"), text("f (")) == f"f (|{long}| + f |{{(t}}|f ("
    assert kept(text("f ("), nodes.emphasis("", "", text("g")), text("f ("), math("t")) == "f (|g|f |{(t}"
    assert kept(math("a"), text(", "), math("b"), text(", "), math("c"), text(".")) == "{a,}| |{b,}| |{c.}"
    assert kept(text("("), math("t"), text(" or ("), math("t"), text(")")) == "{(t}| or |{(t)}"
    assert kept(text(" ("), math("s"), text(") "), text(" ("), math("s"), text(") ")) == " |{(s)}| | |{(s)}| "


@pytest.mark.parametrize("count", [1, 2, 5])
def test_no_word_is_lost_or_doubled(count):
    parts = [part for _ in range(count) for part in (text("("), math("x"), text("),"))]
    assert kept(*parts).replace("|", "").replace("{", "").replace("}", "") == "(x)," * count
