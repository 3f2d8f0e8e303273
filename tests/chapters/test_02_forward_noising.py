import math

import pytest
import torch

import diffusion_edu as de

from .cells import run_cells


@pytest.fixture(scope="module")
def chapter():
    schedule = de.NoiseSchedule.linear(1000)
    ids = ("check-step", "buggy-step", "solution-bug-step")
    return run_cells("02_forward_noising", *ids, math=math, torch=torch, de=de, schedule=schedule)


def step_with(draw, strength, keep=lambda beta: math.sqrt(1 - beta)):
    def step(x_prev, t, schedule, generator=None):
        beta = schedule.beta[t].item()
        eps = draw(x_prev.shape, generator=generator, dtype=x_prev.dtype)
        return keep(beta) * x_prev + strength(beta) * eps

    return step


def test_the_chapters_check_accepts_the_package_and_the_mended_step(chapter):
    assert chapter["passes"](de.q_step)
    assert chapter["passes"](chapter["fixed_step"])
    assert chapter["passes"](step_with(torch.randn, math.sqrt))


def test_the_published_mistakes_are_rejected_together_and_one_by_one(chapter):
    assert not chapter["passes"](chapter["buggy_step"])
    assert not chapter["passes"](step_with(torch.rand, math.sqrt)), "uniform noise"
    assert not chapter["passes"](step_with(torch.randn, lambda beta: beta)), "beta in place of its root"


def test_other_ways_to_be_wrong_are_rejected(chapter):
    assert not chapter["passes"](step_with(torch.randn, math.sqrt, keep=lambda beta: 1.0)), "no shrinking"
    assert not chapter["passes"](step_with(torch.randn, math.sqrt, keep=lambda beta: 1 - beta)), "no root"

    def symmetric(shape, **options):  # mean and variance of a normal distribution, tails of a uniform one
        return (torch.rand(shape, **options) - 0.5) * math.sqrt(12)

    assert not chapter["passes"](step_with(symmetric, math.sqrt)), "uniform noise of the right variance"


def test_variance_is_predicted_without_drawing(chapter):
    schedule = chapter["schedule"]
    ways = {"shrink, then add √β ε": [1 + a * (0.44 - 1) for a in schedule.alpha_bar.tolist()]}
    found = run_cells("02_forward_noising", "solution-variance", schedule=schedule, ways=ways)
    assert found["variance_after"](1.0, 500) == 1.0
    assert found["variance_after"](0.0, 1) == pytest.approx(schedule.beta[1].item())


def test_the_gap_to_the_normal_curve_is_zero_for_quantiles_and_sees_a_shift(chapter):
    gap = run_cells("02_forward_noising", "gap", torch=torch)["gap_to_normal"]
    even = (torch.arange(1000, dtype=torch.float64) + 0.5) / 1000
    quantiles = torch.special.ndtri(even)
    assert gap(quantiles) < 0.001
    assert gap(quantiles + 1) == pytest.approx(2 * torch.special.ndtr(torch.tensor(0.5)).item() - 1, abs=0.002)
