import inspect
import math
import re

import nbformat
import pytest
import torch

import diffusion_edu as de
from diffusion_edu.diffusion import samplers

from .cells import NOTEBOOKS, run_cells


@pytest.fixture(scope="module")
def chapter():
    schedule = de.NoiseSchedule.linear(1000)
    ids = ("check-step-back", "buggy-step-back", "solution-bug-step-back")
    return run_cells("07_sampling", *ids, math=math, torch=torch, de=de, schedule=schedule)


def step_with(clip=False, sigma=math.sqrt, floor=0.0, scale=lambda beta, noise: beta / noise, keep=math.sqrt):
    """A reverse step put together from parts, right by default."""

    def step(x_t, est, t, s, schedule, z):
        alpha = schedule.alpha_bar[t].item() / schedule.alpha_bar[s].item()
        mean = (x_t - scale(1 - alpha, schedule.noise(t)) * est.eps) / keep(alpha)
        if clip:
            mean = mean.clamp(-1, 1)
        variance = (1 - alpha) * max(schedule.noise(s), floor) ** 2 / schedule.noise(t) ** 2
        return mean + sigma(variance) * z

    return step


def test_the_chapters_check_accepts_every_step_of_the_package(chapter):
    is_right = chapter["is_right"]
    assert is_right(chapter["fixed_step"])
    assert is_right(step_with())
    assert is_right(lambda x, est, t, s, schedule, z: de.ddpm_step(x, est, t, s, schedule, noise=z))
    assert is_right(lambda x, est, t, s, schedule, z: de.ddim_step(x, est, t, s, schedule, noise=z, eta=0.7))
    assert is_right(lambda x, est, t, s, schedule, z: de.dpm_solver_step(x, est, t, s, schedule))


def test_the_published_mistakes_are_rejected_together_and_one_by_one(chapter):
    is_right = chapter["is_right"]
    assert not is_right(chapter["buggy_step"])
    assert not is_right(step_with(clip=True)), "clipped after the mean"
    assert not is_right(step_with(sigma=lambda variance: variance)), "variance in place of its root"
    assert not is_right(step_with(floor=0.01)), "noise at the last step"


def test_other_ways_to_be_wrong_are_rejected(chapter):
    is_right = chapter["is_right"]
    assert not is_right(step_with(scale=lambda beta, noise: 1.0)), "input minus noise"
    assert not is_right(step_with(keep=lambda alpha: 1.0)), "the result is not scaled"
    assert not is_right(step_with(sigma=lambda variance: 0.0)), "no fresh noise"
    posterior_is_not_beta = lambda x, est, t, s, schedule, z: de.ddpm_step(  # noqa: E731
        x, est, t, s, schedule, noise=z, variance="beta"
    )
    assert not is_right(posterior_is_not_beta), "exact only for data of variance 1"


def test_the_code_beside_algorithm_2_is_that_of_the_package():
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOKS / "07_sampling.ipynb", as_version=4).cells}
    rows = [row.split(" | ") for row in cells["algorithm-2"].splitlines() if re.match(r"\| +\d? *\|", row)]
    quoted = [code for row in rows for code in re.findall(r"`([^`]+)`", row[2])]
    assert len(quoted) == 6
    for code in quoted:
        assert code in inspect.getsource(samplers), code
