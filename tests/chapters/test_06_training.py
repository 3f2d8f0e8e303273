import inspect
import math
import re

import nbformat
import pytest
import torch

import diffusion_edu as de
from diffusion_edu.train import loop, losses

from .cells import NOTEBOOKS, run_cells


@pytest.fixture(scope="module")
def chapter():
    schedule = de.NoiseSchedule.linear(1000)
    ids = ("buggy-loss", "check-loss", "solution-bug-loss")
    return run_cells("06_training", *ids, math=math, torch=torch, de=de, schedule=schedule)


def loss_with(scale=de.data.to_x0, draw=torch.randn, cost=torch.square, steps=(1, 1001), signs=(1, 1)):
    """A training loss put together from parts, right by default."""

    def loss(model, pixels, schedule, generator=None):
        x0 = scale(pixels)
        t = torch.randint(*steps, (len(x0),), generator=generator)
        eps = draw(x0.shape, generator=generator)
        signal, noise = schedule.gather("signal", t, x0), schedule.gather("noise", t, x0)
        x_t = signs[0] * signal * x0 + signs[1] * noise * eps
        return cost(eps - model(x_t, t)).mean()

    return loss


def test_the_chapters_check_accepts_the_package_and_the_fixed_loss(chapter):
    assert not chapter["faults"](chapter["package_loss"])
    assert not chapter["faults"](chapter["fixed_loss"])
    assert not chapter["faults"](loss_with())


def test_the_published_mistakes_are_rejected_together_and_one_by_one(chapter):
    assert len(chapter["faults"](chapter["buggy_loss"])) == 3
    assert chapter["faults"](loss_with(scale=lambda pixels: pixels.float() / 255)), "data in [0, 1]"
    assert chapter["faults"](loss_with(draw=torch.rand)), "uniform noise"
    assert chapter["faults"](loss_with(cost=lambda error: error)), "a difference, not a square"


def test_other_ways_to_be_wrong_are_rejected(chapter):
    assert chapter["faults"](loss_with(cost=torch.abs)), "absolute error"
    assert chapter["faults"](loss_with(steps=(0, 1000))), "steps counted from 0"
    assert chapter["faults"](loss_with(signs=(-1, 1))), "the picture upside down in brightness"

    def centred(shape, generator=None):  # the mean of normal noise, another variance
        return torch.rand(shape, generator=generator) - 0.5

    assert chapter["faults"](loss_with(draw=centred)), "uniform noise around 0"


def test_the_even_steps_of_the_solution_are_spread_and_fair():
    oracle = de.MixtureOracle(torch.zeros(1, 64, dtype=torch.float64), 0.5, schedule=de.NoiseSchedule.linear(1000))
    data = 0.5 * torch.randn(64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    names = {"torch": torch, "de": de, "schedule": oracle.schedule, "oracle": oracle, "data": data}
    even_steps = run_cells("06_training", "solution-even", **names)["even_steps"]
    g = torch.Generator().manual_seed(1)
    drawn = torch.stack([even_steps(10, g) for _ in range(4000)])
    assert drawn.min() == 1 and drawn.max() == 1000
    parts = (drawn - 1) // 100
    assert all(len(set(row)) >= 9 for row in parts[:100].tolist())  # at most one collision at the ends of parts
    share = torch.bincount(parts.flatten(), minlength=10) / drawn.numel()
    assert share == pytest.approx([0.1] * 10, abs=0.01)


def test_the_code_beside_algorithm_1_is_that_of_the_package():
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / "06_training.ipynb", as_version=4).cells}
    package = inspect.getsource(loop) + inspect.getsource(losses)
    rows = [row.split(" | ") for row in cells["algorithm-1-table"].splitlines() if re.match(r"\| +\d? *\|", row)]
    quoted = [code for row in rows for code in re.findall(r"`([^`]+)`", row[2])]
    assert len(quoted) == 8
    for code in quoted:
        assert code in package, code
