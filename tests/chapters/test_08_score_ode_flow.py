"""Chapter 8: what its cells claim holds for other inputs, and its judge tells the right from the wrong."""

import math
from itertools import pairwise

import nbformat
import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.randomness import global_seed

from .cells import NOTEBOOKS, run_cells

CHAPTER = "08_score_ode_flow"
SCHEDULE = de.NoiseSchedule.linear(1000)


def cells(*ids, **names):
    given = {"math": math, "torch": torch, "nn": nn, "de": de, "pairwise": pairwise, "schedule": SCHEDULE}
    return run_cells(CHAPTER, *ids, **given, **names)


def test_the_losses_of_the_chapter_are_those_of_the_package():
    chapter = cells("network")
    model = chapter["Small"]().eval()
    x0, eps = torch.randn(9, 2), torch.randn(9, 2)
    t = torch.randint(1, 1001, (9,))
    with torch.no_grad():
        ours = chapter["flow_matching"](model, x0, t, eps), chapter["diffusion"](model, x0, t, eps)
        flow = de.flow_loss(model, x0, de.StraightPath(1000), t=t, eps=eps)
        noise = de.diffusion_loss(model, x0, SCHEDULE, t=t, eps=eps)
    assert torch.allclose(ours[0], flow, rtol=1e-5)
    assert torch.allclose(ours[1], noise, rtol=1e-5)


def test_the_chapters_loop_learns():
    """Sixty steps of it: the answer 0 has the loss E |eps - x_0|^2 = 2."""
    chapter = cells("network")
    source = next(
        c.source for c in nbformat.read(NOTEBOOKS / f"{CHAPTER}.ipynb", as_version=4).cells if c.id == "train"
    )
    exec(source[: source.index("by_flow")], chapter)  # the function without the two runs
    with global_seed(0):
        model = chapter["train"](chapter["flow_matching"], steps=60)
        x0, t = de.data.toy("moons", 2000, seed=4), torch.randint(1, 1001, (2000,))
        with torch.no_grad():
            assert chapter["flow_matching"](model, x0, t, torch.randn_like(x0)) < 1.8


def test_the_chapters_density_has_the_oracles_score_everywhere():
    chapter = cells("by-hand")
    x = 2 * torch.randn(20, 2, dtype=torch.float64)
    for t in (10, 400, 1000):
        at = x.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(chapter["log_density"](at, t).sum(), at)
        score = de.score_from_eps(chapter["oracle"](x, t).eps, t, SCHEDULE)
        assert torch.allclose(gradient, score, rtol=1e-6, atol=1e-8)


def test_ddpm_moves_twice_as_far_along_the_score_in_the_limit_of_small_steps():
    along = cells("check-twice")["along_score"]
    ddpm, flow = along(500, 499)
    assert ddpm / flow == pytest.approx(2, abs=0.02)
    fine = de.NoiseSchedule.linear(10_000)
    ratio = fine.signal(5000) / fine.signal(4999)
    one = torch.ones(1, 1, dtype=torch.float64)
    flow = de.ode_step(0 * one, -fine.noise(5000) * one, 5000, 4999, fine).item()
    assert (1 - ratio**2) / ratio / flow == pytest.approx(2, abs=0.003)


def test_langevins_walk_needs_noise_to_cross():
    shares = cells("langevin")["shares"]
    assert shares[20] == 0
    assert 0.4 < shares[300] < 0.6


def test_the_judge_of_times_tells_the_bug_from_the_fix():
    chapter = cells("buggy-time", "told-apart", "sol-bug-code")
    told_apart = chapter["told_apart"]
    assert told_apart(chapter["buggy_time"]) < 0.1
    assert told_apart(chapter["fixed_time"]) > 1
    assert told_apart(lambda tau: de.sinusoidal_embedding(10 * tau, 64)) < 1, "ten is not enough"


def test_the_solution_of_one_gaussian_is_the_rank_kept():
    chapter = cells("sol-gauss-code")
    assert torch.allclose(chapter["x"], chapter["wanted"], atol=0.01)
    assert chapter["start"].shape == (3, 1)
