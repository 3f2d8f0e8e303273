"""<conv-explorer>: the page's sizes, sums and refusals are torch's, for all settings that it offers."""

from __future__ import annotations

import base64
import io
import itertools
import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import traitlets
from PIL import Image

from diffusion_edu.nn.sizes import conv_output_size, conv_transpose_output_size
from diffusion_edu.widgets import ConvExplorer
from diffusion_edu.widgets.conv.widget import INPUTS, KERNELS, LIMITS, MODES, MOST_CELLS

CONV = "const conv = await load('maths/sizes', 'maths/convolution');"
NAMES = ("i", "k", "s", "p", "d", "output_padding")


def settings(mode: str, **fewer: tuple[int, ...]) -> list[dict]:
    """All settings of a mode, or those with some values alone."""
    values = [fewer.get(name, tuple(range(low, high + 1))) for name, (low, high) in LIMITS.items()]
    if mode == "conv":
        values[-1] = (0,)
    return [{"mode": mode} | dict(zip(NAMES, combination)) for combination in itertools.product(*values)]


def torchs(setting: dict, x: torch.Tensor, w: torch.Tensor) -> torch.Tensor | None:
    """What torch itself makes of numbers, or None where it refuses or makes an empty output."""
    s, p, d, extra = (setting[name] for name in ("s", "p", "d", "output_padding"))
    try:
        if setting["mode"] == "conv":
            y = F.conv2d(x[None, None], w[None, None], None, s, p, d)[0, 0]
        else:
            y = F.conv_transpose2d(x[None, None], w[None, None], None, s, p, extra, 1, d)[0, 0]
    except RuntimeError:
        return None
    return y if len(y) else None


def matrix(rows: list[list[str]]) -> torch.Tensor:
    return torch.tensor([[float(v) for v in row] for row in rows], dtype=torch.float64)


def package_size(setting: dict) -> int:
    i, k, s, p, d, extra = (setting[name] for name in NAMES)
    if setting["mode"] == "conv":
        return conv_output_size(i, k, s, p, d)
    return conv_transpose_output_size(i, k, s, p, extra, d)


def numbers(js, i: int, k: int, input: str = "numbers", kernel: str = "numbered") -> tuple[torch.Tensor, torch.Tensor]:
    code = "result = [conv.inputNumbers(data.input, data.i), conv.kernelNumbers(data.kernel, data.k)]"
    x, w = js(CONV + code, {"i": i, "k": k, "input": input, "kernel": kernel})
    return matrix(x), matrix(w)


@pytest.mark.parametrize("mode", MODES)
def test_every_size_and_every_refusal_is_torchs(js, mode):
    every = settings(mode)
    answers = js(CONV + "result = data.map((s) => conv.outputSize(s))", every)
    refused = 0
    for setting, answer in zip(every, answers, strict=True):
        line = torch.zeros(setting["i"], setting["i"]), torch.zeros(setting["k"], setting["k"])
        expected = torchs(setting, *line)
        try:
            size = package_size(setting)
        except ValueError as error:
            size, words = None, str(error)
        assert (None if answer["o"] is None else int(answer["o"])) == size, setting
        assert size == (None if expected is None else len(expected)), setting
        if size is None:
            refused += 1
            # both blame the same argument
            assert answer["message"].split()[0] == words.split()[0], setting
        else:
            assert answer["message"] == ""
    assert 0 < refused < len(every)


@pytest.mark.parametrize("mode", MODES)
def test_every_value_is_torchs(js, mode):
    some = settings(mode, i=(1, 2, 5), p=(0, 1, 4), output_padding=(0, 2))
    code = """result = data.map((s) => {
        const [x, w] = [conv.inputNumbers("numbers", s.i), conv.kernelNumbers("numbered", s.k)];
        return [x, w, conv.convolve(s, x, w)];
    })"""
    compared = 0
    for setting, (x, w, y) in zip(some, js(CONV + code, some), strict=True):
        expected = torchs(setting, matrix(x), matrix(w))
        if expected is None:
            assert y == []
            continue
        assert torch.equal(matrix(y), expected), setting
        compared += 1
    assert compared > 200


SAMPLES = [
    {"mode": "conv", "i": 6, "k": 3, "s": 2, "p": 1, "d": 1, "output_padding": 0},
    {"mode": "conv", "i": 7, "k": 3, "s": 1, "p": 2, "d": 2, "output_padding": 0},
    {"mode": "conv", "i": 3, "k": 4, "s": 3, "p": 4, "d": 1, "output_padding": 0},
    {"mode": "transpose", "i": 3, "k": 3, "s": 2, "p": 1, "d": 1, "output_padding": 1},
    {"mode": "transpose", "i": 3, "k": 2, "s": 3, "p": 2, "d": 1, "output_padding": 2},
    {"mode": "transpose", "i": 3, "k": 3, "s": 2, "p": 0, "d": 3, "output_padding": 2},
]


def jacobian(setting: dict, w: torch.Tensor) -> torch.Tensor:
    """(o, o, i, i): how each output depends on each input, by torch's gradients."""
    x = torch.zeros(setting["i"], setting["i"], dtype=torch.float64)
    return torch.autograd.functional.jacobian(lambda x: torchs(setting, x, w), x)


@pytest.mark.parametrize("setting", SAMPLES, ids=lambda s: "-".join(map(str, s.values())))
def test_reads_writes_and_overlap_are_the_gradients(js, setting):
    code = """
    const {s} = data; const {o} = conv.outputSize(s); const axis = [...Array(o).keys()];
    const [x, w] = [conv.inputNumbers("ones", s.i), conv.kernelNumbers("numbered", s.k)];
    result = {
        terms: axis.map((y) => axis.map((c) => conv.termsOf(s, x, w, y, c))),
        writes: [...Array(s.i).keys()].map((r) => conv.writesOf(s, o, r)),
        overlap: conv.overlapOf(s), places: conv.placesOf(s, o), taps: axis.map((y) => conv.tapsOf(s, y)),
    }"""
    answer = js(CONV + code, {"s": setting})
    _, w = numbers(js, 1, setting["k"])
    expected = jacobian(setting, w)
    o, i = len(expected), setting["i"]
    found = torch.zeros_like(expected)
    for y, x in itertools.product(range(o), repeat=2):
        for term in answer["terms"][y][x]:
            found[y, x, int(term["row"]), int(term["column"])] += float(term["weight"])
    assert torch.equal(found, expected)
    counts = torch.tensor([float(n) for n in answer["overlap"]], dtype=torch.float64)
    assert torch.equal(counts[:, None] * counts, (expected != 0).sum((2, 3)).double())
    for r, c in itertools.product(range(i), repeat=2):
        goes = torch.zeros(o, o, dtype=torch.float64)
        for a, b in itertools.product(answer["writes"][r], answer["writes"][c]):
            goes[int(a["y"]), int(b["y"])] = w[int(a["weight"]), int(b["weight"])]
        assert torch.equal(goes, expected[:, :, r, c])
    # nothing is read that is not drawn, and what is drawn as unread is read by none
    read = {tap["place"] for taps in answer["taps"] for tap in taps}
    drawn = {place["place"]: place["used"] for place in answer["places"]}
    assert read == {place for place, used in drawn.items() if used}


def test_zeros_are_drawn_where_they_stand(js):
    code = "result = data.map((s) => conv.placesOf(s, conv.outputSize(s).o).map((p) => p.kind[0]).join(''))"
    assert js(CONV + code, SAMPLES) == [
        "piiiiiip",
        "ppiiiiiiipp",
        "ppppiiipppp",
        "pigigipe",
        "iggiggie",  # padding - 1: the first place is cut off, and one of the two extra places is no longer needed
        "ppppppigigippppppee",
    ]


def test_even_cover_is_what_the_middle_of_a_large_output_shows(js):
    every = [{"k": k, "s": s, "d": d} for k in range(1, 6) for s in range(1, 5) for d in range(1, 4)]
    answers = js(CONV + "result = data.map((s) => Number(conv.coversEvenly(s)))", every)
    for setting, answer in zip(every, answers, strict=True):
        k, s, d = setting.values()
        y = F.conv_transpose1d(torch.ones(1, 1, 40), torch.ones(1, 1, k), stride=s, dilation=d)[0, 0]
        middle = y[len(y) // 2 - 2 * s : len(y) // 2 + 2 * s]
        assert (answer == "1") == bool((middle == middle[0]).all()), setting
    assert {"0", "1"} == set(answers)


@pytest.mark.parametrize("setting", SAMPLES, ids=lambda s: "-".join(map(str, s.values())))
def test_formula_holds_its_numbers(js, setting):
    rule, filled = js(CONV + "result = conv.formulaOf(data)", setting)
    assert filled.endswith(f"= {ConvExplorer(**setting).size}")
    assert ("⌊" in rule) == (setting["mode"] == "conv")
    # the first expression, computed
    first = (
        filled.split("=")[1].strip().replace("·", "*").replace("−", "-").replace("⌊", "math.floor(").replace("⌋", ")")
    )
    assert eval(first, {"math": __import__("math")}) == ConvExplorer(**setting).size


@pytest.mark.parametrize("mode", MODES)
def test_python_shows_what_the_page_shows(js, mode):
    every = [
        {"mode": mode, "i": i, "k": k, "s": 1, "p": 2 if mode == "conv" else 0, "input": input, "kernel": kernel}
        for input, kernel in itertools.product(INPUTS, KERNELS)
        for i, k in ((1, 1), (4, 2), (8, 5))
    ]
    code = "result = data.map((s) => [conv.inputNumbers(s.input, s.i), conv.kernelNumbers(s.kernel, s.k)])"
    for setting, (x, w) in zip(every, js(CONV + code, every), strict=True):
        explorer = ConvExplorer(**setting)
        assert torch.equal(matrix(x), explorer.numbers[0]) and torch.equal(matrix(w), explorer.numbers[1])
        expected = torchs({"output_padding": 0, "d": 1, **setting}, *explorer.numbers)
        assert torch.equal(explorer.output, expected)
        assert explorer.output.abs().max() < 1000, "more than three digits do not fit a cell"


def test_limits_and_choices_travel_to_the_page():
    traits = json.loads(ConvExplorer().payload)["traits"]
    assert {name: tuple(traits[name]["limits"]) for name in LIMITS} == LIMITS
    for name, choices in (("mode", MODES), ("input", INPUTS)):
        assert traits[name]["choices"] == [list(pair) for pair in choices.items()]
    assert traits["kernel"]["choices"] == [[name, name] for name in KERNELS]
    largest = ConvExplorer("transpose", i=8, k=5, s=4, p=0, d=3, output_padding=3)
    assert largest.size**2 == MOST_CELLS


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": "convolution"}, "mode must be one of conv, transpose, got 'convolution'"),
        ({"i": 9}, r"i must be an integer in 1\.\.8, got 9"),
        ({"k": 0}, r"k must be an integer in 1\.\.5, got 0"),
        ({"input": "one"}, "input must be one of numbers, ones, half, got 'one'; did you mean 'ones'"),
        ({"kernel": "sharp"}, "kernel must be one of numbered, ones, edge, blur"),
        ({"cell": 25}, r"cell must be an integer in 0\.\.24, got 25"),
        ({"i": 2, "k": 5}, "kernel_size must be such that .* got 5"),
        ({"mode": "transpose", "output_padding": 1}, "output_padding must be below .* got 1"),
        ({"mode": "transpose", "i": 1, "p": 2}, "padding must be such that something is left"),
    ],
)
def test_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        ConvExplorer(**change)


def test_traits_are_checked_when_set_and_impossible_settings_wait():
    explorer = ConvExplorer()
    assert explorer.cell == 12  # the middle
    with pytest.raises(traitlets.TraitError, match="s must be"):
        explorer.s = 5
    assert explorer.s == 1
    explorer.k, explorer.p, explorer.i = 5, 0, 3  # as the page may send them, where they are explained
    with pytest.raises(ValueError, match="kernel_size"):
        _ = explorer.size
    explorer.i = 6
    assert explorer.size == 2


@pytest.mark.parametrize("setting", SAMPLES, ids=lambda s: "-".join(map(str, s.values())))
def test_html_holds_element_json_and_picture(setting):
    explorer = ConvExplorer(**setting)
    page = explorer.html()
    data = json.loads(page.split('<script type="application/json">')[1].split("</script>")[0])
    assert data.pop("traits") == json.loads(explorer.payload)["traits"]
    assert data == {name: getattr(explorer, name) for name in ConvExplorer._shared}
    assert "<conv-explorer>" in page and f"the output is {explorer.size} by {explorer.size}" in page
    picture = Image.open(io.BytesIO(base64.b64decode(page.split("base64,")[1].split('"')[0])))
    assert picture.width == 672
    grey = np.asarray(picture.convert("L"))
    assert len(np.unique(grey)) > 10
    # nothing is cut off: white all around
    assert (grey[:, [0, -1]] == 255).all() and (grey[[0, -1]] == 255).all()
    assert repr(explorer).startswith(f"ConvExplorer(mode='{setting['mode']}', i={setting['i']}")
