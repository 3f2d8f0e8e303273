"""The page What we use: its code runs from top to bottom and prints what the page says."""

import contextlib
import io
import re
from pathlib import Path

import torch

PAGE = Path(__file__).resolve().parents[2] / "book/what-we-use.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```$", re.M | re.S)


def blocks():
    return BLOCK.findall(PAGE.read_text(encoding="utf-8"))


def test_every_piece_of_code_is_followed_by_what_it_prints():
    kinds = [kind for kind, _ in blocks()]
    assert len(kinds) >= 14
    assert kinds == ["python", "text"] * (len(kinds) // 2)


def test_the_code_prints_what_the_page_says():
    shared = {}
    with torch.random.fork_rng():
        for (_, code), (_, wanted) in zip(blocks()[::2], blocks()[1::2], strict=True):
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed):
                exec(compile(code, PAGE.name, "exec"), shared)
            assert printed.getvalue() == wanted


def test_the_numbers_by_hand_are_right():
    """Each number of an example that stands in the text and in no output."""
    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    e = torch.tensor([2.0, 1.0, 0.0]).exp()
    for number, words in [
        (0.8 * (20 + 23 / 4), "= {:.1f}$. The better thermometer"),
        (torch.tensor(-(1.5**2) / 2).exp().item(), "$e^{{-1.5^2/2}} = {:.3f}$"),
        (torch.tensor(-(0.5**2) / 2).exp().item(), "$e^{{-0.5^2/2}} = {:.3f}$"),
        (e.sum().item(), "Divided by their sum {:.2f} they"),
        (torch.tensor(3.0).log().item(), r"$\ln 3 = {:.2f}$"),
        (torch.tensor(2.0).log().item(), r"$\ln 2 = {:.3f}$"),
        (-(e[0] / e.sum()).log().item(), r"$-\ln 0.665 = {:.2f}$"),
    ]:
        assert words.format(number) in text, words.format(number)
