"""Exact denoisers against each other and against brute force."""

import pytest
import torch

import diffusion_edu as de

SCHEDULE = de.NoiseSchedule.linear(1000)
STEPS = (1, 50, 400, 1000)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def covariance():
    root = randn(3, 3, seed=9) * 0.4
    return root @ root.T


@pytest.mark.parametrize("t", STEPS)
def test_mixture_is_the_posterior_mean_by_summation(t):
    """E[x_0 | x_t] by summing prior times likelihood over a fine grid of x_0."""
    means, std = torch.tensor([[-0.7], [0.2], [0.9]]).double(), torch.tensor([0.1, 0.3, 0.05]).double()
    weights = torch.tensor([1.0, 2.0, 5.0]).double()
    grid = torch.linspace(-3, 3, 60_001, dtype=torch.float64)
    prior = (weights[:, None] / std[:, None] * torch.exp(-((grid - means) ** 2) / (2 * std[:, None] ** 2))).sum(0)
    x_t = randn(6, 1, seed=1) * 1.5
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    posterior = (prior.log() - (x_t - a * grid) ** 2 / (2 * b**2)).softmax(1)
    wanted = (posterior * grid).sum(1, keepdim=True)
    estimate = de.MixtureOracle(means, std, SCHEDULE, weights)(x_t, t)
    assert torch.allclose(estimate.x0, wanted, atol=1e-6)


@pytest.mark.parametrize("t", STEPS)
def test_gaussian_is_regression_on_the_joint_covariance(t):
    """(x_0, x_t) is jointly Gaussian: E[x_0 | x_t] = m + Cov(x_0, x_t) Var(x_t)^-1 (x_t - E x_t)."""
    mean, c = randn(3, seed=2), covariance()
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    x_t = randn(5, 3, seed=3)
    gain = torch.linalg.solve(a**2 * c + b**2 * torch.eye(3).double(), a * c).T
    estimate = de.GaussianOracle(mean, c, SCHEDULE)(x_t, t)
    assert torch.allclose(estimate.x0, mean + (x_t - a * mean) @ gain.T, atol=1e-9)


def test_gaussian_is_what_least_squares_finds():
    """The best linear guess of x_0 from 200,000 pairs (x_0, x_t) is the oracle's, within the error of the fit."""
    mean, c, t = torch.tensor([0.3, -0.2, 0.5]).double(), covariance(), 300
    x0 = mean + randn(200_000, 3, seed=4) @ torch.linalg.cholesky(c).T
    x_t, _ = de.q_sample(x0, t, SCHEDULE, generator=torch.Generator().manual_seed(5))
    inputs = torch.cat([x_t, torch.ones(len(x_t), 1)], dim=1)
    fitted = inputs @ torch.linalg.lstsq(inputs, x0).solution
    exact = de.GaussianOracle(mean, c, SCHEDULE)(x_t, t).x0
    assert (fitted - exact).square().mean().sqrt() < 0.01 * (x0 - exact).square().mean().sqrt()


@pytest.mark.parametrize("t", STEPS)
def test_a_data_set_weighs_each_picture_by_its_likelihood(t):
    data, x_t = randn(7, 2, 3, 3, seed=6), randn(4, 2, 3, 3, seed=7)
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    distance = (x_t[:, None] - a * data[None]).flatten(2).square().sum(2)
    weight = (-distance / (2 * b**2)).softmax(1)
    wanted = torch.einsum("bn,nchw->bchw", weight, data)
    assert torch.allclose(de.DatasetOracle(data, SCHEDULE)(x_t, t).x0, wanted, atol=1e-9)


@pytest.mark.parametrize("t", STEPS)
def test_oracles_agree_where_they_describe_the_same_data(t):
    x_t, mean = randn(4, 3, seed=1), randn(3, seed=2)
    one = de.MixtureOracle(mean[None], 0.4, SCHEDULE)(x_t, t)
    gaussian = de.GaussianOracle(mean, 0.16 * torch.eye(3).double(), SCHEDULE)(x_t, t)
    assert torch.allclose(one.x0, gaussian.x0, atol=1e-10)
    assert torch.allclose(one.eps, gaussian.eps, atol=1e-8)
    # A component split in two, with unequal shares, is the same component.
    split = de.MixtureOracle(mean.expand(2, 3), 0.4, SCHEDULE, torch.tensor([1.0, 3.0]))(x_t, t)
    assert torch.allclose(split.x0, gaussian.x0, atol=1e-10)
    data = randn(5, 3, seed=3)
    points = de.MixtureOracle(data, 0.0, SCHEDULE)(x_t, t)
    assert torch.equal(points.x0, de.DatasetOracle(data, SCHEDULE)(x_t, t).x0)
    narrow = de.MixtureOracle(data, 1e-6, SCHEDULE)(x_t, t)
    assert torch.allclose(narrow.x0, points.x0, atol=1e-6)


def every_oracle():
    return {
        "gaussian": de.GaussianOracle(randn(3), covariance(), SCHEDULE),
        "mixture": de.MixtureOracle(randn(4, 3), 0.2, SCHEDULE, torch.tensor([1.0, 2, 3, 4])),
        "data set": de.DatasetOracle(randn(6, 3), SCHEDULE),
    }


@pytest.mark.parametrize("name", ["gaussian", "mixture", "data set"])
@pytest.mark.parametrize("batch", [1, 4])
def test_an_oracle_answers_like_a_denoiser(name, batch):
    """Picture and noise make x_t; an int and a tensor of steps agree; each sample has its own step."""
    oracle, x_t = every_oracle()[name], randn(batch, 3, seed=8)
    for t in STEPS:
        estimate = oracle(x_t, t)
        assert estimate.x0.shape == estimate.eps.shape == x_t.shape
        whole = SCHEDULE.signal(t) * estimate.x0 + SCHEDULE.noise(t) * estimate.eps
        assert torch.allclose(whole, x_t, atol=1e-9)
        each = oracle(x_t, torch.full((batch,), t))
        assert torch.allclose(each.x0, estimate.x0)
        assert torch.allclose(each.eps, estimate.eps)
    mixed = torch.tensor(STEPS[:batch])
    alone = torch.cat([oracle(x_t[i : i + 1], int(t)).x0 for i, t in enumerate(mixed)])
    assert torch.allclose(oracle(x_t, mixed).x0, alone)


def test_far_away_everything_is_the_mean_and_near_by_the_nearest_point():
    data = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.5, 0.9]]).double()
    oracle = de.DatasetOracle(data, SCHEDULE)
    assert torch.allclose(oracle(torch.zeros(1, 2).double(), 1000).x0, data.mean(0, keepdim=True), atol=1e-2)
    assert torch.allclose(oracle(data + 0.01, 1).x0, data, atol=1e-6)


def test_single_precision_data_of_many_pixels_stay_finite():
    data = torch.rand(32, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    oracle = de.DatasetOracle(data, SCHEDULE)
    for t in STEPS:
        x_t, _ = de.q_sample(data[:4], t, SCHEDULE, generator=torch.Generator().manual_seed(1))
        estimate = oracle(x_t, t)
        assert estimate.x0.isfinite().all()
        if t < 500:
            assert torch.allclose(estimate.x0, data[:4], atol=1e-3)


def test_a_degenerate_gaussian_keeps_to_its_line():
    direction = torch.tensor([[1.0, 2.0]]).double()
    oracle = de.GaussianOracle(torch.zeros(2).double(), direction.T @ direction, SCHEDULE)
    x0 = oracle(randn(5, 2), 400).x0
    assert torch.allclose(x0[:, 1], 2 * x0[:, 0], atol=1e-9)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: de.MixtureOracle(torch.zeros(3), 0.1, SCHEDULE), ["means", "(3,)"]),
        (lambda: de.MixtureOracle(torch.zeros(2, 3, dtype=torch.long), 0.1, SCHEDULE), ["means", "int64"]),
        (lambda: de.MixtureOracle(torch.zeros(2, 3), -0.1, SCHEDULE), ["std", "negative"]),
        (lambda: de.MixtureOracle(torch.zeros(2, 3), 0.1, SCHEDULE, torch.ones(3)), ["weights", "(3,)"]),
        (lambda: de.MixtureOracle(torch.zeros(2, 3), 0.1, SCHEDULE, torch.tensor([1.0, 0.0])), ["weights", "positive"]),
        (lambda: de.DatasetOracle(torch.zeros(2, 3), SCHEDULE)(torch.zeros(1, 4), 5), ["x_t", "(1, 4)"]),
        (lambda: de.GaussianOracle(torch.zeros(3), torch.eye(2), SCHEDULE), ["(3,)", "(2, 2)"]),
        (lambda: de.GaussianOracle(torch.zeros(2), torch.tensor([[1.0, 1], [0, 1]]), SCHEDULE), ["symmetric"]),
        (lambda: de.GaussianOracle(torch.zeros(2), -torch.eye(2), SCHEDULE), ["semi-definite", "-1"]),
        (lambda: de.GaussianOracle(torch.zeros(2), torch.eye(2), SCHEDULE)(torch.zeros(1, 3), 5), ["x_t", "(1, 3)"]),
        (lambda: de.GaussianOracle(torch.zeros(2), torch.eye(2), SCHEDULE)(torch.zeros(1, 2), 0), ["t ", "0"]),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
