"""<frechet-explorer>: the page's distances, exact and from points, are the package's."""

from __future__ import annotations

import io
import itertools
import json
import re
from base64 import b64decode

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

from diffusion_edu.metrics import Statistics, frechet_terms
from diffusion_edu.widgets import FrechetExplorer
from diffusion_edu.widgets.frechet.widget import PRESETS

FRECHET = "const f = await load('maths/frechet');"
EXACT = FRECHET + (
    "result = data.map(([a, b]) => { const t = f.frechetTerms(f.shapeOf(a), f.shapeOf(b));"
    " return [t.mean, t.covariance, t.distance]; })"
)
DRAWS = FRECHET + (
    "const terms = f.makeDraws(data.seed, data.n);"
    "terms(data.generated, data.real, 1);"  # what is kept of the draws must not depend on the Gaussians
    "result = terms(data.real, data.generated, data.draws).map((t) => [t.mean, t.covariance, t.distance])"
)
# Round, long, thin, flat along either axis, and a mere point; in all directions; near and far.
SHAPES = [(1, 1), (1.3, 0.4), (0.2, 2.5), (2, 0.001), (1.5, 0), (0, 0.7), (0, 0), (0.01, 1)]
GAUSSIANS = [
    [x, y, along, across, turn]
    for (along, across), (x, y, turn) in itertools.product(SHAPES, [(0, 0, 0), (1, -2, 30), (-3.5, 3.5, -135)])
]


def numbers(answer) -> np.ndarray:
    return np.array([[float(v) for v in row] for row in answer])


def by_angles(a: list[float], b: list[float]) -> float:
    """The covariance term once more, by the angle between the axes: no matrix, no root of a matrix.

    In the plane tr (S_a S_b)^(1/2) = sqrt(tr S_a S_b + 2 sqrt(det S_a S_b)).
    """
    c, s = np.cos(np.radians(a[4] - b[4])) ** 2, np.sin(np.radians(a[4] - b[4])) ** 2
    product = c * (a[2] ** 2 * b[2] ** 2 + a[3] ** 2 * b[3] ** 2) + s * (a[2] ** 2 * b[3] ** 2 + a[3] ** 2 * b[2] ** 2)
    root = np.sqrt(product + 2 * a[2] * a[3] * b[2] * b[3])
    return float(np.square([a[2:4], b[2:4]]).sum() - 2 * root)


def test_the_pages_terms_are_frechet_terms(js):
    pairs = list(itertools.product(GAUSSIANS, GAUSSIANS))
    answer = numbers(js(EXACT, pairs))
    for (a, b), (mean, covariance, distance) in zip(pairs, answer):
        terms = FrechetExplorer(real=a, generated=b).terms
        assert mean == pytest.approx(terms.mean, rel=1e-9, abs=1e-9)
        assert covariance == pytest.approx(terms.covariance, rel=1e-9, abs=1e-9), (a, b)
        assert covariance == pytest.approx(by_angles(a, b), rel=1e-9, abs=1e-9)
        assert distance == mean + covariance


@pytest.mark.parametrize("n", [3, 10, 117, 2000])
def test_the_pages_draws_are_the_packages(js, n):
    explorer = FrechetExplorer("shifted", n=n, draws=4, seed=7)
    answer = numbers(js(DRAWS, {name: getattr(explorer, name) for name in explorer._shared}))
    expected = np.array([[*terms, terms.distance] for terms in explorer.estimates])
    np.testing.assert_allclose(answer, expected, rtol=1e-9, atol=1e-9)
    assert len({round(row[2], 6) for row in answer}) == 4, "every draw is another"


@pytest.mark.parametrize("preset", ["collapsed", "turned", "correlated", "same"])
def test_flat_and_turned_draws(js, preset):
    explorer = FrechetExplorer(preset, n=50, draws=3)
    answer = numbers(js(DRAWS, {name: getattr(explorer, name) for name in explorer._shared}))
    expected = np.array([[*terms, terms.distance] for terms in explorer.estimates])
    # numpy's table of a flat cloud has an eigenvalue of 1e-17 in place of 0, whose root it cannot tell from 3e-9
    np.testing.assert_allclose(answer, expected, rtol=0, atol=1e-9 if explorer.generated[3] else 3e-8)


def test_the_points_that_are_seen_are_the_last_draws(js):
    explorer = FrechetExplorer("turned", n=20, draws=3, seed=5)
    code = FRECHET + (
        "result = ['real', 'generated'].map((name, which) =>"
        " f.placed(data[name], f.normalPoints(data.seed, data.draws - 1, which, data.n)))"
    )
    shown = numbers(js(code, {name: getattr(explorer, name) for name in explorer._shared}))
    for points, row in zip(explorer.points, shown):
        np.testing.assert_allclose(row.reshape(-1, 2), points, rtol=0, atol=1e-12)
    real, generated = (Statistics(2).update(points) for points in explorer.points)
    assert frechet_terms(real, generated) == explorer.estimates[-1]
    more = FrechetExplorer("turned", n=30, draws=3, seed=5)
    assert torch.equal(more.points[0][:20], explorer.points[0]), "more points begin with the same ones"


def test_draws_have_the_gaussians_mean_and_covariance():
    explorer = FrechetExplorer("shifted", n=2000, draws=40)
    points = torch.cat([explorer._draw(k)[0] for k in range(40)])
    turn = np.radians(30)
    r = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    np.testing.assert_allclose(points.mean(0), explorer.real[:2], atol=0.02)
    np.testing.assert_allclose(np.cov(points.T), r @ np.diag([1.2**2, 0.6**2]) @ r.T, atol=0.03)


def test_few_points_make_the_distance_too_large():
    """What the reader is to see: the mean over the draws lies above the exact distance, more so with fewer points."""
    means = {}
    for n in (5, 20, 80):
        explorer = FrechetExplorer("same", n=n, draws=100)
        assert explorer.terms.distance == pytest.approx(0, abs=1e-9)
        means[n] = np.mean([terms.distance for terms in explorer.estimates])
    assert means[5] > 3 * means[20] > 9 * means[80] > 0


def test_what_the_presets_promise():
    terms = {name: FrechetExplorer(name).terms for name in PRESETS}
    assert terms["same"].distance == pytest.approx(0, abs=1e-9)
    assert terms["shifted"].covariance == pytest.approx(0, abs=1e-9)
    for name in ("wider", "turned", "collapsed", "correlated"):
        assert terms[name].mean == 0 and terms[name].covariance > 0.3
    # each coordinate alone has the right variance
    _, _, generated = PRESETS["correlated"]
    turn = np.radians(generated[4])
    for c, s in ((np.cos(turn), np.sin(turn)), (np.sin(turn), np.cos(turn))):
        assert (generated[2] * c) ** 2 + (generated[3] * s) ** 2 == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"preset": "shift"}, "preset must be one of same, shifted, .*got 'shift'; did you mean 'shifted'"),
        ({"real": [0.0] * 4}, "real must hold 5 numbers, got 4"),
        ({"generated": [0, 0, -0.1, 1, 0]}, r"generated: the first spread must be in 0\.\.2\.5, got -0\.1"),
        ({"real": [0, float("nan"), 1, 1, 0]}, r"real\[1\] must be a finite number, got nan"),
        ({"real": [0, 0, 1, 1, 181]}, r"real: the turn must be in -180\.\.180, got 181"),
        ({"n": 2}, r"n must be an integer in 3\.\.2000, got 2"),
        ({"draws": 0}, r"draws must be an integer in 1\.\.100, got 0"),
        ({"seed": -1}, "seed must be an integer"),
    ],
)
def test_bad_arguments_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        FrechetExplorer(**change)


def test_traits_are_checked_when_set():
    explorer = FrechetExplorer()
    for name, bad in (("real", [9.0, 0, 1, 1, 0]), ("n", 1), ("draws", 101)):
        before = getattr(explorer, name)
        with pytest.raises(traitlets.TraitError, match=name):
            setattr(explorer, name, bad)
        assert getattr(explorer, name) == before


def test_html_holds_the_state_of_now_and_a_picture():
    explorer = FrechetExplorer("wider", n=40)
    explorer.real = [1.0, 0.5, 1.0, 0.0, 45.0]
    page = explorer.html()
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    assert data["real"] == [1.0, 0.5, 1.0, 0.0, 45.0] and data["n"] == 40
    assert set(data["presets"]) == set(PRESETS)
    alt = re.search(r'alt="([^"]+)"', page)[1]
    assert f"{explorer.terms.distance:.2f}" in alt and f"{explorer.terms.mean:.2f} from the means" in alt
    picture = Image.open(io.BytesIO(b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', page)[1])))
    assert picture.size == (672, 336) and len(page) < 30_000
    # two bars: their lengths are in the ratio of the two terms
    pixels = np.array(picture.convert("RGB"))
    lengths = [(pixels[y, 356:] != 255).any(axis=1).sum() - 1 for y in (138, 218)]
    assert lengths[0] / lengths[1] == pytest.approx(explorer.terms.mean / explorer.terms.covariance, rel=0.03)
    assert repr(explorer).startswith("FrechetExplorer(real=[1.0, 0.5, 1.0, 0.0, 45.0], generated=")
    assert explorer._repr_mimebundle_()[0]["text/html"] == page
