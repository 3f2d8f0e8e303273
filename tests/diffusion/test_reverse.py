"""The true reverse step: its two moments against a grid that never sees x_0, and their ends."""

import itertools
import math

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.diffusion.reverse import reverse_moments, stride, x0_variance

SCHEDULE = de.NoiseSchedule.linear(1000)
CENTERS = torch.tensor([-1.2, 0.3, 1.5], dtype=torch.float64)[:, None]
WIDTHS = torch.tensor([0.1, 0.3, 0.05], dtype=torch.float64)
SHARES = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
X_T = torch.tensor([-2.0, -0.6, 0.0, 0.4, 1.1, 2.5], dtype=torch.float64)[:, None]
PAIRS = [(2, 1), (100, 99), (500, 499), (1000, 999), (400, 200), (1000, 500)]


def density(x, t):
    """The mixture's density at step t, written out: (N, 1) -> (N,)."""
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    variance = a**2 * WIDTHS**2 + b**2
    each = torch.exp(-((x - a * CENTERS.T) ** 2) / (2 * variance)) / (2 * math.pi * variance).sqrt()
    return (SHARES * each).sum(1)


@pytest.fixture
def oracle():
    return de.MixtureOracle(CENTERS, WIDTHS, SCHEDULE, SHARES)


@pytest.mark.parametrize(("t", "s"), PAIRS)
def test_moments_are_those_of_bayes_rule_on_a_grid(oracle, t, s):
    """p(x_s | x_t) is proportional to p(x_s) q(x_t | x_s): no x_0, no posterior, no denoiser."""
    grid = torch.linspace(-8, 8, 80_001, dtype=torch.float64)[:, None]
    ratio = SCHEDULE.signal(t) / SCHEDULE.signal(s)
    got = reverse_moments(X_T, oracle(X_T, t).x0, x0_variance(oracle, X_T, t), t, SCHEDULE, s)
    for i, x_t in enumerate(X_T):
        weight = density(grid, s) * torch.exp(-((x_t - ratio * grid[:, 0]) ** 2) / (2 * (1 - ratio**2)))
        weight = weight / weight.sum()
        mean = (weight * grid[:, 0]).sum()
        variance = (weight * (grid[:, 0] - mean) ** 2).sum()
        assert got.mean[i].item() == pytest.approx(mean.item(), abs=1e-7)
        assert got.variance[i].item() == pytest.approx(variance.item(), rel=1e-5)


@pytest.mark.parametrize("t", [1, 50, 500, 1000])
def test_the_slope_of_the_denoiser_is_the_variance(oracle, t):
    """Against the mixture's own second moment."""
    a, b2 = SCHEDULE.signal(t), SCHEDULE.noise(t) ** 2
    total = a**2 * WIDTHS**2 + b2
    weight = SHARES * torch.exp(-((X_T - a * CENTERS.T) ** 2) / (2 * total)) / total.sqrt()
    weight = weight / weight.sum(1, keepdim=True)
    mean = CENTERS.T + a * WIDTHS**2 / total * (X_T - a * CENTERS.T)
    whole = (weight * mean).sum(1)
    variance = (weight * (WIDTHS**2 * b2 / total + mean**2)).sum(1) - whole**2
    assert torch.allclose(x0_variance(oracle, X_T, t)[:, 0], variance, rtol=1e-6, atol=1e-10)


def test_in_the_plane_each_coordinate_has_its_own_variance():
    covariance = torch.tensor([[0.5, 0.2], [0.2, 0.3]], dtype=torch.float64)
    oracle = de.GaussianOracle(torch.zeros(2, dtype=torch.float64), covariance, SCHEDULE)
    a, b = SCHEDULE.signal(300), SCHEDULE.noise(300)
    left = covariance - a**2 * covariance @ torch.linalg.inv(a**2 * covariance + b**2 * torch.eye(2)) @ covariance
    got = x0_variance(oracle, torch.randn(4, 2, dtype=torch.float64), 300)
    assert torch.allclose(got, left.diagonal().expand(4, 2), atol=1e-12)


@pytest.mark.parametrize("t", [1, 2, 300, 1000])
def test_the_two_variances_of_ho_are_the_ends(t):
    """One point leaves the posterior's variance; standard normal data give beta."""
    posterior = de.posterior(X_T, X_T, t, SCHEDULE).variance.item()
    point = de.DatasetOracle(torch.zeros(1, 1, dtype=torch.float64), SCHEDULE)
    least = reverse_moments(X_T, point(X_T, t).x0, x0_variance(point, X_T, t), t, SCHEDULE).variance
    assert torch.allclose(least, torch.tensor(posterior, dtype=torch.float64), rtol=1e-9, atol=1e-15)
    normal = de.GaussianOracle(torch.zeros(1).double(), torch.eye(1).double(), SCHEDULE)
    most = reverse_moments(X_T, normal(X_T, t).x0, x0_variance(normal, X_T, t), t, SCHEDULE)
    assert torch.allclose(most.variance, SCHEDULE.beta[t], rtol=1e-8)
    # The data stay standard normal at every step, so going back is going forth.
    assert torch.allclose(most.mean, SCHEDULE.alpha[t].sqrt() * X_T, rtol=1e-8)


@pytest.mark.parametrize("t", [2, 20, 100, 400, 900])
def test_between_them_lie_data_of_unit_variance_on_average(t):
    data = de.data.toy("moons", 500).double()
    data = (data - data.mean(0)) / data.std(0, correction=0)
    oracle = de.DatasetOracle(data, SCHEDULE)
    x_t, _ = de.q_sample(data, t, SCHEDULE, generator=torch.Generator().manual_seed(0))
    variance = reverse_moments(x_t, oracle(x_t, t).x0, x0_variance(oracle, x_t, t), t, SCHEDULE).variance.mean()
    assert stride(t, t - 1, SCHEDULE)[2] < variance < SCHEDULE.beta[t]


def test_what_the_data_add_falls_with_the_square_of_the_step():
    """Half the stride halves what A^2 Var adds to tilde-beta, relative to it: small steps are nearly the posterior."""
    added = []
    for s in (380, 390, 395):
        of_x0, _, known = stride(400, s, SCHEDULE)
        added.append(of_x0**2 / known)
    for whole, half in itertools.pairwise(added):
        assert 1.8 < whole / half < 2.2


def test_the_state_keeps_its_shape_and_a_number_serves_all():
    x_t = torch.randn(2, 3, 4, 4)
    got = reverse_moments(x_t, torch.zeros_like(x_t), 0.25, 10, SCHEDULE)
    assert got.mean.shape == got.variance.shape == x_t.shape
    assert got.mean.dtype == torch.float32


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: reverse_moments(x, x[:1], 0.0, 5, SCHEDULE), ["x0_mean", "(6, 1)"]),
        (lambda x: reverse_moments(x, x, -1.0, 5, SCHEDULE), ["x0_variance", "-1"]),
        (lambda x: reverse_moments(x, x, 0.0, 5, SCHEDULE, 5), ["s=5", "t=5"]),
        (lambda x: reverse_moments(x, x, 0.0, 0, SCHEDULE), ["t=0"]),
        (lambda x: x0_variance(de.DatasetOracle(x, SCHEDULE), x, 1001), ["t=1001"]),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(ValueError) as caught:
        call(X_T)
    for word in words:
        assert word in str(caught.value)
