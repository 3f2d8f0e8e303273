import pytest
import torch

import diffusion_edu as de

from .cells import run_cells

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
        return de.q_sample(x0, t, schedule, eps=eps)[0], t, scale * eps

    return pairs


def test_the_chapters_check_tells_right_pairs_from_wrong_ones(chapter):
    fits = chapter["fits"]
    assert fits(pairs_with()) and fits(chapter["training_pairs"]) and fits(chapter["mended_pairs"])
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
    weights = run_cells(NAME, "weights", **names)["weights"]  # the cell compares each estimate itself
    assert torch.allclose(weights(back[400], 400).sum(1), torch.ones(3))
    assert (weights(back[40], 40).argmax(1) == torch.arange(3)).all()


def test_one_point_gives_the_spread_that_is_predicted():
    found = run_cells(NAME, "solution-one-point", torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000))
    assert found["predicted"] == pytest.approx(0.00635 * 0.04, rel=0.01)
    assert found["spreads"][10] < found["spreads"][100]


def test_with_eta_zero_the_side_is_decided_at_the_start():
    found = run_cells(NAME, "solution-decided", torch=torch, de=de, schedule=de.NoiseSchedule.linear(1000))
    assert min(found["share"][0.0].values()) > 0.99
    assert found["share"][1.0][200] > 0.85
