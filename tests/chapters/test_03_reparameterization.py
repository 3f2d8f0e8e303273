import math

import pytest
import torch

import diffusion_edu as de

from .cells import run_cells

NAME = "03_reparameterization"


@pytest.fixture(scope="module")
def chapter():
    ids = ("buggy-table", "is-sound", "solution-bug-index", "buggy-cosine", "solution-bug-clip")
    return run_cells(NAME, *ids, math=math, torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000))


@pytest.mark.parametrize("name", ["linear", "scaled_linear", "cosine"])
@pytest.mark.parametrize("steps", [50, 1000])
def test_the_chapters_check_accepts_every_table_of_the_package(chapter, name, steps):
    schedule = de.NoiseSchedule.from_name(name, steps)
    assert chapter["is_sound"](schedule.beta, schedule.alpha_bar)


@pytest.mark.parametrize("steps", [50, 1000])
def test_the_published_tables_are_rejected_and_the_mended_ones_accepted(chapter, steps):
    assert not chapter["is_sound"](*chapter["buggy_table"](steps)), "beta at index 0 is in the product"
    assert not chapter["is_sound"](*chapter["buggy_cosine"](steps)), "clipped betas beside the raw product"
    assert chapter["is_sound"](*chapter["fixed_table"](steps))
    assert chapter["is_sound"](*chapter["fixed_cosine"](steps))


def test_the_mended_tables_are_the_packages(chapter):
    beta, alpha_bar = chapter["fixed_table"](1000)
    linear, cosine = de.NoiseSchedule.linear(1000), de.NoiseSchedule.cosine(1000)
    assert torch.allclose(beta, linear.beta, rtol=1e-12)
    assert torch.allclose(alpha_bar, linear.alpha_bar, rtol=1e-9)
    assert torch.allclose(chapter["fixed_cosine"](1000)[1], cosine.alpha_bar, rtol=1e-9, atol=0)


def test_a_table_shifted_by_one_is_rejected(chapter):
    schedule = de.NoiseSchedule.linear(1000)
    shifted = torch.cat([schedule.alpha_bar[:1], schedule.alpha_bar[:-1]])
    assert not chapter["is_sound"](schedule.beta, shifted)


def test_the_schedule_of_ones_own_is_the_line_asked_for():
    found = run_cells(NAME, "solution-own-schedule", torch=torch, de=de)
    assert found["straight"].T == 100
    assert found["straight"].signal(50) == pytest.approx(0.505)


def test_a_path_is_told_from_two_strangers():
    found = run_cells(NAME, "solution-pairs", torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000))
    assert found["path"] == pytest.approx(found["expected"], abs=0.01)
    assert found["expected"] > 0.9 > 0.1 > abs(found["separate"])
