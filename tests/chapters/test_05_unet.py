import json
from itertools import pairwise

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import nn

from .cells import NOTEBOOKS, printed, run_cells

NAME = "05_unet"
ABLATIONS = NOTEBOOKS.parent / "benchmarks/results/ablations.json"


@pytest.fixture(scope="module")
def walk():
    return run_cells(NAME, "walk", "shapes", "costs", de=de, pairwise=pairwise)


def test_the_walk_is_that_of_the_network(walk):
    """32x32x3 -> 32x32x64 -> 16x16x64 -> 16x16x128 -> 8x8x128, and back."""
    unet = de.UNet(de.UNetConfig.base()).eval()
    seen = nn.features(unet, torch.zeros(1, 3, 32, 32), torch.tensor([1]))
    for row in walk["rows"]:
        assert tuple(seen[row.name].shape[1:]) == row.out_shape
        assert f"{row.name} " in printed(NAME, "walk") and f"{row.parameters:,}" in printed(NAME, "walk")
    down, up = printed(NAME, "shapes").splitlines()[:2]
    assert down == "down: 32x32x3 -> 32x32x64 -> 16x16x64 -> 16x16x128 -> 8x8x128"
    assert up == "up:   8x8x128 -> 16x16x128 -> 32x32x128 -> 32x32x64 -> 32x32x3"
    assert walk["parameters"] == sum(p.numel() for p in unet.parameters())


def test_the_paper_is_counted_from_the_network():
    assert run_cells(NAME, "paper", torch=torch, de=de)["count"] == 35_746_307
    assert "35,746,307" in printed(NAME, "paper")


def test_the_time_trap_is_as_large_as_the_chapter_says():
    """Trap 18: 0.02 between .50 and .51, 6.5 between 500 and 510."""
    distance = run_cells(NAME, "check-time", torch=torch, de=de, steps=torch.arange(0, 1001))["distance"]
    assert distance(500, 510) == pytest.approx(6.46, abs=0.01)
    assert distance(0.50, 0.51) == pytest.approx(0.0199, abs=1e-4)
    assert "6.5" in printed(NAME, "check-time") and "0.02" in printed(NAME, "check-time")


def test_shortcuts_keep_the_directions_of_gradients_and_initialization_keeps_their_length():
    names = {"torch": torch, "relu": F.relu, "group_norm": F.group_norm}
    found = run_cells(NAME, "check-depth", **names)
    gradients, stack = found["gradients"], found["stack"]
    x = torch.randn(1, 8, 8, 8, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    assert torch.equal(stack(x, 0), x) and torch.equal(stack(x, 5, gain=0.0, shortcut=True), x)
    assert gradients(0) == pytest.approx((1, 512))  # the identity: length 1, every direction
    assert gradients(5, gain=0.0, shortcut=True) == pytest.approx((1, 512))
    small, right, residual = (gradients(15, **found["variants"][name]) for name in ("small", "He", "shortcuts"))
    assert small[0] < 1e-6 < 0.01 < right[0] < 100
    assert residual[1] > 3 * right[1]


def test_the_plain_embedding_is_the_packages():
    plain = run_cells(NAME, "plain-embedding", torch=torch, de=de)["plain_embedding"]
    steps = torch.tensor([0, 1, 10, 500])
    assert torch.allclose(plain(steps, 32), de.sinusoidal_embedding(steps, 32), atol=1e-4)


def test_the_table_says_which_parts_attend(walk):
    for row in walk["rows"]:
        (line,) = [line for line in printed(NAME, "walk").splitlines() if line.startswith(f"{row.name} ")]
        told = line.split()
        assert told[5:] == [str(n) for n in (row.heads or None, row.skip) if n]


def test_the_solutions_by_hand_agree_with_the_trace(walk):
    found = run_cells(NAME, "solution-count", rows=walk["rows"])
    assert (found["weights"], found["work"]) == (263_040, 117_506_048)
    found = run_cells(NAME, "solution-add", nn=nn)
    assert found["sizes_now"] == next(r.parameters for r in walk["rows"] if r.name == "up.0") - 66_304
    own = run_cells(NAME, "solution-own", torch=torch, de=de)
    net = de.UNet(own["mine"])
    assert 5e6 < sum(p.numel() for p in net.parameters()) < 7e6
    assert net(torch.zeros(1, 3, 64, 64), torch.tensor([1])).shape == (1, 3, 64, 64)


def test_the_test_of_an_attention_finds_each_bug_by_itself():
    found = run_cells(NAME, "buggy-attention", "solution-bug", torch=torch)
    check = found["is_attention"]
    assert check(F.scaled_dot_product_attention) == (True, True)
    assert check(lambda q, k, v: (q @ k.T / q.shape[-1] ** 0.5).softmax(dim=0) @ v)[0] is False
    assert check(lambda q, k, v: (q @ k.T / q.shape[-1]).softmax(dim=-1) @ v) == (True, False)
    assert check(found["buggy_attention"]) == (False, False)


def test_the_table_of_what_each_part_is_worth_is_the_measured_one():
    report = json.loads(ABLATIONS.read_text())
    found = run_cells(NAME, "ablations", json=json, torch=torch, Path=lambda _: ABLATIONS)
    for variant, mean in found["mean"].items():
        runs = [row["loss"]["all"] for row in report["rows"] if row["variant"] == variant]
        assert mean[-1].item() == pytest.approx(sum(runs) / len(runs))
        (line,) = [line for line in printed(NAME, "ablations").splitlines() if line.startswith(variant)]
        assert f"  {sum(runs) / len(runs):.4f}" in line
    assert len({row["parameters"] for row in report["rows"]}) == 1, "all variants have the same parameters"
