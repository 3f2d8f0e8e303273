"""The distance against closed forms, its own symmetries, and what few rows do to it."""

import numpy as np
import pytest
import torch

import diffusion_edu as de
from diffusion_edu.metrics import Statistics, frechet_distance, frechet_interval, frechet_limit, frechet_terms

WIDTH = 16


def stats(features):
    return Statistics(features.shape[1]).update(features)


def moments(mean, covariance, count=1000):
    return Statistics.from_moments(np.asarray(mean, dtype=float), np.asarray(covariance, dtype=float), count)


def rotation(rng, width=WIDTH):
    return np.linalg.qr(rng.normal(size=(width, width)))[0]


def spd(rng, width=WIDTH, spread=2.0):
    """A random covariance whose eigenvalues span `spread` powers of ten, both ways."""
    q = rotation(rng, width)
    return (q * 10 ** rng.uniform(-spread, spread, width)) @ q.T


def mapped(rng, count, width):
    """Rows, the same rows pushed by a symmetric positive map T, and their distance, which is then known exactly.

    T is the cheapest way from one Gaussian to the other, so the distance is the mean squared way of a row, however
    many rows there are and whatever their covariance is.
    """
    x = rng.normal(size=(count, width)) @ rng.normal(size=(width, width)) + rng.normal(size=width)
    q = rotation(rng, width)
    push = (q * rng.uniform(0.3, 2.0, width)) @ q.T
    centred = x - x.mean(0)
    y = centred @ push + x.mean(0) + rng.normal(size=width)
    way = centred - centred @ push
    mean = ((x.mean(0) - y.mean(0)) ** 2).sum()
    return x, y, mean, (way**2).sum() / (count - 1)


def test_one_feature_is_the_textbook_formula():
    """(mu_a - mu_b)^2 + (sigma_a - sigma_b)^2."""
    terms = frechet_terms(moments([1.0], [[4.0]]), moments([3.0], [[0.25]]))
    assert terms.mean == pytest.approx(4.0)
    assert terms.covariance == pytest.approx((2 - 0.5) ** 2)
    assert terms.distance == pytest.approx(6.25)


@pytest.mark.parametrize("seed", range(3))
def test_commuting_covariances(seed):
    """With the same axes: the sum over the axes of (sigma_a - sigma_b)^2."""
    rng = np.random.default_rng(seed)
    q, a, b = rotation(rng), rng.uniform(0.1, 5, WIDTH), rng.uniform(0.1, 5, WIDTH)
    mean = rng.normal(size=WIDTH)
    terms = frechet_terms(moments(np.zeros(WIDTH), (q * a**2) @ q.T), moments(mean, (q * b**2) @ q.T))
    assert terms.covariance == pytest.approx(((a - b) ** 2).sum(), rel=1e-10)
    assert terms.mean == pytest.approx((mean**2).sum())


def test_equal_covariances_leave_the_means():
    rng = np.random.default_rng(0)
    covariance, mean = spd(rng), rng.normal(size=WIDTH)
    terms = frechet_terms(moments(np.zeros(WIDTH), covariance), moments(mean, covariance))
    assert terms.distance == pytest.approx((mean**2).sum(), rel=1e-9)


@pytest.mark.parametrize(
    ("count", "width"), [*((count, WIDTH) for count in (2, 5, WIDTH, WIDTH + 1, 40, 400)), (700, 600)]
)
def test_exact_for_a_known_transport(count, width):
    """Covariances that do not commute, singular ones (count <= width) and full ones alike, wider than a block too."""
    x, y, mean, covariance = mapped(np.random.default_rng(count), count, width)
    terms = frechet_terms(stats(x), stats(y))
    assert terms.mean == pytest.approx(mean, rel=1e-10)
    assert terms.covariance == pytest.approx(covariance, rel=1e-9)


@pytest.mark.parametrize("count_a, count_b", [(8, 8), (8, 200), (200, 8), (200, 200)])
def test_the_routes_agree(count_a, count_b):
    """Rows at hand or only their moments: few against few, few against many, many against many."""
    rng = np.random.default_rng(1)
    a, b = stats(rng.normal(size=(count_a, WIDTH))), stats(rng.normal(size=(count_b, WIDTH)) @ spd(rng, spread=0.5))
    plain_a, plain_b = (moments(s.mean, s.covariance, s.count) for s in (a, b))
    best = frechet_distance(a, b)
    for left, right in ((plain_a, plain_b), (a, plain_b), (plain_a, b)):
        assert frechet_distance(left, right) == pytest.approx(best, rel=1e-6)


def test_dead_features_are_no_trouble():
    """A feature that is always 0 makes the covariance singular: Cholesky refuses, the fallback answers."""
    rng = np.random.default_rng(2)
    x, y, mean, covariance = mapped(rng, 300, WIDTH)
    silent = np.zeros((300, 5))
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(stats(np.hstack([x, silent])).covariance)
    distance = frechet_distance(stats(np.hstack([x, silent])), stats(np.hstack([y, silent])))
    assert distance == pytest.approx(mean + covariance, rel=1e-7)
    flat = stats(np.ones((300, WIDTH)))
    assert frechet_distance(flat, flat) == 0
    assert frechet_distance(flat, stats(np.full((300, WIDTH), 2.0))) == pytest.approx(WIDTH, rel=1e-12)
    assert frechet_distance(flat, stats(x)) == pytest.approx(
        ((x.mean(0) - 1) ** 2).sum() + x.var(0, ddof=1).sum(), rel=1e-9
    )


@pytest.mark.parametrize("count", [10, 300])
def test_symmetries(count):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(count, WIDTH)) @ spd(rng, spread=0.5), rng.normal(size=(count, WIDTH)) + 0.3
    there = frechet_distance(stats(x), stats(y))
    assert frechet_distance(stats(y), stats(x)) == pytest.approx(there, rel=1e-9)
    q, shift = rotation(rng), 100 * rng.normal(size=WIDTH)
    assert frechet_distance(stats(x @ q + shift), stats(y @ q + shift)) == pytest.approx(there, rel=1e-9)
    assert frechet_distance(stats(3 * x), stats(3 * y)) == pytest.approx(9 * there, rel=1e-9)
    terms = frechet_terms(stats(x), stats(x + shift))
    assert terms.mean == pytest.approx((shift**2).sum(), rel=1e-9)
    assert terms.covariance < 1e-8 * np.trace(stats(x).covariance)


@pytest.mark.parametrize("count", [2, 10, 17, 300])
def test_a_set_is_at_no_distance_from_itself(count):
    x = np.random.default_rng(4).normal(size=(count, WIDTH))
    distance = frechet_distance(stats(x), stats(x))
    assert 0 <= distance < 1e-9


def test_few_rows_make_the_distance_too_large():
    """Row 31 of the traps: two sets of one distribution, and a number that falls like 1/N."""
    rng = np.random.default_rng(5)
    reference = moments(np.zeros(WIDTH), np.eye(WIDTH))
    means = []
    for count in (50, 200, 800):
        means.append(np.mean([frechet_distance(stats(rng.normal(size=(count, WIDTH))), reference) for _ in range(40)]))
    assert means[0] > means[1] > means[2] > 0
    assert means[0] / means[1] == pytest.approx(4, rel=0.2)
    assert means[1] / means[2] == pytest.approx(4, rel=0.2)


def test_the_limit_takes_the_bias_away():
    rng = np.random.default_rng(6)
    truth = 4.0 * WIDTH * 0.01
    reference = moments(np.full(WIDTH, 0.2), np.eye(WIDTH))
    errors, raw = [], []
    for seed in range(20):
        limit = frechet_limit(rng.normal(size=(800, WIDTH)), reference, seed=seed)
        errors.append(limit.value - truth)
        raw.append(limit.distances[-1] - truth)
        assert limit.counts[-1] == 800
        assert limit.slope > 0
    assert abs(np.mean(errors)) < 0.25 * np.mean(raw)
    again = frechet_limit(np.ones((30, 2)) * np.arange(30.0)[:, None], stats(rng.normal(size=(9, 2))), (10, 20, 30))
    assert again.counts == (10, 20, 30)


def test_the_limit_of_a_straight_line_is_read_exactly(monkeypatch):
    line = iter([5 + 3 / n for n in (10, 20, 40)])
    monkeypatch.setattr("diffusion_edu.metrics.resampling.frechet_distance", lambda a, b: next(line))
    limit = frechet_limit(np.random.default_rng(0).normal(size=(40, 3)), np.eye(3), counts=(10, 20, 40))
    assert limit.value == pytest.approx(5)
    assert limit.slope == pytest.approx(3)


def test_the_interval_holds_what_other_draws_give():
    """Of intervals for 90 per cent, about that share holds the mean of the distance over all draws.

    The rows are so few that drawing them again doubles the bias: plain quantiles would lie above that mean.
    """
    rng, count, width = np.random.default_rng(7), 80, 8
    reference = moments(np.full(width, 0.2), np.diag(np.linspace(0.5, 2, width)))
    centre = np.mean([frechet_distance(stats(rng.normal(size=(count, width))), reference) for _ in range(400)])
    held = 0
    for seed in range(60):
        value, low, high = frechet_interval(rng.normal(size=(count, width)), reference, 0.9, 60, seed)
        assert low < value < high
        held += low <= centre <= high
    assert 46 <= held <= 60


def test_both_sets_drawn_again_widen_the_interval():
    rng = np.random.default_rng(8)
    x, y = rng.normal(size=(200, 4)) + 0.5, rng.normal(size=(200, 4))
    one, two = frechet_interval(x, stats(y)), frechet_interval(torch.from_numpy(x), torch.from_numpy(y))
    assert one.value == pytest.approx(two.value)
    assert two.high - two.low > 1.1 * (one.high - one.low)
    assert frechet_interval(x, stats(y)) == one
    assert frechet_interval(x, stats(y), seed=1) != one


def test_bad_statistics_are_named():
    good, other = stats(np.eye(4)), Statistics(5).update(np.eye(5))
    with pytest.raises(ValueError, match="b must have the width of a, 4, got 5"):
        frechet_distance(good, other)
    with pytest.raises(ValueError, match="a must hold at least 2 rows, got 1"):
        frechet_distance(Statistics(4).update(np.ones((1, 4))), good)
    with pytest.raises(ValueError, match="b must hold at least 2 rows, got 0"):
        frechet_distance(good, Statistics(4))
    with pytest.raises(TypeError, match="b must be Statistics, got ndarray"):
        frechet_distance(good, np.eye(4))
    with np.errstate(over="ignore", invalid="ignore"):
        huge = Statistics(2).update(np.array([[1e200, 0], [-1e200, 1], [0.0, 2]]))
        with pytest.raises(ValueError, match="a must have a finite covariance"):
            frechet_distance(huge, stats(np.eye(2)))


@pytest.mark.parametrize(
    "options, words",
    [({"level": 1.0}, "level must be between 0 and 1"), ({"resamples": 5}, "resamples must be at least 20")],
)
def test_bad_options_of_the_interval(options, words):
    with pytest.raises(ValueError, match=words):
        frechet_interval(np.eye(4), stats(np.eye(4)), **options)


def test_bad_sets_are_named():
    x = np.random.default_rng(9).normal(size=(20, 4))
    for function in (frechet_interval, frechet_limit):
        with pytest.raises(ValueError, match="reference must have the width of features, 4, got 5"):
            function(x, stats(np.eye(5)))
        with pytest.raises(ValueError, match=r"reference must have shape \(N, D\) with D = 4"):
            function(x, np.eye(5))
        with pytest.raises(ValueError, match="features must have at least 2 rows, got 1"):
            function(x[:1], x)
    for counts in ((5,), (5, 5), (1, 5), (5, 21)):
        with pytest.raises(ValueError, match=r"counts must be at least two different numbers in 2\.\.20"):
            frechet_limit(x, x, counts)


def test_the_front_of_the_package_offers_it():
    assert de.frechet_distance is frechet_distance
    assert de.Statistics is Statistics
