import base64
import io
import math
import re
from itertools import pairwise

import nbformat
import numpy as np
import pytest
import torch
from PIL import Image

import diffusion_edu as de

from .cells import NOTEBOOKS, run_cells

NAME = "01_noise_and_back"


@pytest.fixture(scope="module")
def chapter():
    ids = ("training-pairs", "energy-distance", "buggy-pairs", "check-pairs", "solution-bug-pairs")
    moons, g = de.data.toy("moons", 2000, seed=1), torch.Generator().manual_seed(0)
    return run_cells(NAME, *ids, torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000), moons=moons, g=g)


def pairs_with(steps=(1, 1001), draw=torch.randn, scale=1.0):
    """Training pairs put together from parts, right by default."""

    def pairs(x0, schedule, generator):
        t = torch.randint(*steps, (len(x0),), generator=generator)
        eps = draw(x0.shape, generator=generator)
        return de.q_sample(x0, t, schedule, noise=eps)[0], t, scale * eps

    return pairs


def test_the_chapters_check_tells_right_pairs_from_wrong_ones(chapter):
    fits = chapter["fits"]
    assert fits(pairs_with()) and fits(chapter["training_pairs"]) and fits(chapter["fixed_pairs"])
    assert not fits(chapter["buggy_pairs"]), "the answer belongs to another question"
    assert not fits(pairs_with(scale=-1.0)), "the wrong sign"
    assert not fits(pairs_with(draw=torch.rand)), "uniform noise"
    assert not fits(pairs_with(steps=(1, 101))), "early steps only"


def test_energy_distance_is_zero_for_equals_and_sees_what_moments_do_not(chapter):
    energy_distance = chapter["energy_distance"]
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(2, 1500, 2, generator=g, dtype=torch.float64)
    assert energy_distance(x, x) == pytest.approx(0, abs=1e-12)
    assert 0 < energy_distance(x, y) < 0.008
    # in one dimension, apart by d: 2 d minus nothing
    point = torch.zeros(10, 1)
    assert energy_distance(point, point + 3) == pytest.approx(6)
    ring = x / x.norm(dim=1, keepdim=True) * 2**0.5  # mean 0 and covariance I, like x
    assert energy_distance(x, ring) > 0.02


def test_an_energy_distance_with_a_sign_wrong_is_noticed(chapter):
    """The chapter's own threshold separates samples from noise only with all three terms."""
    x = de.data.toy("moons", 1000, seed=2)
    y, noise = chapter["moons"], torch.randn(1000, 2, generator=torch.Generator().manual_seed(3))
    distance = chapter["energy_distance"]
    assert distance(x, y) < 0.006 < 0.012 < distance(noise, y)


def test_the_chapters_weights_are_the_oracles():
    data = de.data.toy("moons", 256, spread=0.0)
    schedule = de.NoiseSchedule.linear(1000)
    oracle = de.MixtureOracle(data, 0.05, schedule=schedule)
    back = {t: torch.randn(3, 2, generator=torch.Generator().manual_seed(t)) for t in (1000, 600, 400, 300, 200, 100)}
    back[40] = data[:3] * schedule.signal(40)
    names = {"torch": torch, "data": data, "schedule": schedule, "oracle": oracle, "back": back}
    estimate = run_cells(NAME, "estimate", "weights", **names)["estimate"]  # the cells compare with the oracle
    x0, weights = estimate(back[400], 400)
    assert torch.allclose(x0, oracle(back[400], 400).x0, atol=1e-5)
    assert torch.allclose(weights.sum(1), torch.ones(3))
    assert (estimate(back[40], 40)[1].argmax(1) == torch.arange(3)).all()


def test_the_chapters_reverse_step_is_ddims():
    schedule = de.NoiseSchedule.linear(1000)
    back = run_cells(NAME, "reverse-step", torch=torch, de=de, schedule=schedule, pairwise=pairwise)
    x_t, oracle = back["back"][600], back["oracle"]
    expected = de.ddim_step(x_t, oracle(x_t, 600), 600, 580, schedule)
    assert torch.allclose(back["reverse_step"](x_t, 600, 580), expected, atol=1e-5)
    assert back["back"][0].isfinite().all() and sorted(back["back"]) == list(range(0, 1001, 20))


def test_without_t_the_steps_that_fit_are_weighted_by_bayes_rule():
    """One center and no spread: x_t is normal with a variance that t fixes."""
    g, schedule = torch.Generator().manual_seed(0), de.NoiseSchedule.linear(1000)
    data = torch.zeros(1, 2)
    names = {"moons": data, "noise": data, "energy_distance": lambda x, y: 0.0, "viz": _NoFigures()}
    names |= {"oracle": de.MixtureOracle(data, 0.05, schedule=schedule), "data": data, "g": g}
    found = run_cells(NAME, "without-t", torch=torch, de=de, math=math, schedule=schedule, **names)
    x = torch.tensor([[0.3, -0.4]])
    deviations = torch.tensor([schedule.noise(t) for t in found["levels"]])
    likely = torch.exp(-0.25 / (2 * deviations**2)) / deviations**2  # (2 pi)^-1 cancels
    assert torch.allclose(found["which_t"](x, data, 0.0)[0], likely / likely.sum(), atol=1e-5)


def test_the_model_on_one_page_computes_what_the_package_does(monkeypatch):
    code = next(
        cell.source
        for cell in nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", as_version=4).cells
        if cell.id == "whole-model"
    )
    names = {"torch": torch, "nn": torch.nn, "de": de, "pairwise": pairwise}
    exec(compile(code.replace("steps = Network(), 8000", "steps = Network(), 2"), "whole-model", "exec"), names)
    schedule = de.NoiseSchedule.linear(1000)
    assert torch.allclose(names["alpha_bar"].double(), schedule.alpha_bar, rtol=1e-4)
    x_t = torch.randn(64, 2, generator=torch.Generator().manual_seed(1))
    x = x_t
    for t, s in pairwise(de.timesteps(1000, 100)):
        with torch.no_grad():
            eps = names["model"](x, torch.full((64,), t))
        x = de.ddim_step(x, de.to_x0_eps("eps", eps, x, t, schedule), t, s, schedule)
    monkeypatch.setattr(torch, "randn", lambda *shape: x_t)
    drawn = names["sample"](names["model"], 64)
    assert torch.allclose(drawn, x, rtol=1e-3, atol=1e-3)


def test_one_point_gives_the_spread_that_is_predicted():
    found = run_cells(NAME, "solution-one-point", torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000))
    assert found["predicted"] == pytest.approx(0.00635 * 0.04, rel=0.01)
    assert found["spreads"][10] < found["spreads"][100]


def test_with_eta_zero_the_side_is_decided_at_the_start():
    found = run_cells(NAME, "solution-decided", torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000))
    assert min(found["share"][0.0].values()) > 0.99
    assert found["share"][1.0][200] > 0.85


def test_the_stored_run_of_the_model_ends_in_a_clear_clothing_item():
    """Its last estimate lies nearer to a picture of the data set than nine in ten of these to each other."""
    cells = nbformat.read(NOTEBOOKS / f"{NAME}.ipynb", as_version=4).cells
    (output,) = next(cell.outputs for cell in cells if cell.id == "play-pictures")
    code = re.search(r'<img[^>]*src="data:image/png;base64,([^"]+)"', output.data["text/html"])[1]
    strip = torch.from_numpy(np.array(Image.open(io.BytesIO(base64.b64decode(code))).convert("L")))
    shown = strip[-32:, -32:].flatten().float()
    data = de.data.fashion_mnist("test").pixels.flatten(1).float()
    assert data.shape == (10_000, 1024)
    found, others = data[:500], data[500:]
    usual = torch.cdist(found, others).min(1).values
    assert torch.cdist(shown[None], others).min() < usual.quantile(0.9)


class _NoFigures:
    """Stands in for the drawing."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None
