"""Score, differential equation and Langevin's walk, against densities that are written out."""

import itertools
import math

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.diffusion.score import classifier_score, langevin_step, ode_step, score_from_eps, tweedie

SCHEDULE = de.NoiseSchedule.linear(1000)
CENTERS = torch.tensor([-1.0, 0.5], dtype=torch.float64)[:, None]
WIDTHS = torch.tensor([0.2, 0.4], dtype=torch.float64)
SHARES = torch.tensor([0.7, 0.3], dtype=torch.float64)
X_T = torch.linspace(-2.5, 2.5, 11, dtype=torch.float64)[:, None]


def normal(x):
    return torch.distributions.Normal(torch.zeros((), dtype=torch.float64), 1.0).cdf(x)


def log_density(x, t):
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    each = torch.distributions.Normal(a * CENTERS.T, (a**2 * WIDTHS**2 + b**2).sqrt()).log_prob(x)
    return (SHARES.log() + each).logsumexp(1)


def rank(x, t):
    """The share of the density at step t that lies to the left of x: (N, 1) -> (N,)."""
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    return (SHARES * normal((x - a * CENTERS.T) / (a**2 * WIDTHS**2 + b**2).sqrt())).sum(1)


@pytest.fixture
def oracle():
    return de.MixtureOracle(CENTERS, WIDTHS, SCHEDULE, SHARES)


def bring_back(oracle, steps, x):
    times = de.timesteps(1000, steps)
    for t, s in itertools.pairwise(times):
        x = ode_step(x, oracle(x, t).eps, t, s, SCHEDULE)
    return x


@pytest.mark.parametrize("t", [1, 100, 500, 1000])
def test_the_score_is_the_gradient_of_the_log_density(oracle, t):
    x = X_T.clone().requires_grad_()
    wanted = torch.autograd.grad(log_density(x, t).sum(), x)[0]
    assert torch.allclose(score_from_eps(oracle(X_T, t).eps, t, SCHEDULE), wanted, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("t", [1, 100, 500, 1000])
def test_tweedie_gives_the_denoisers_mean_back(oracle, t):
    """From the gradient of the density alone, without the oracle."""
    x = X_T.clone().requires_grad_()
    score = torch.autograd.grad(log_density(x, t).sum(), x)[0]
    assert torch.allclose(tweedie(X_T, score, t, SCHEDULE), oracle(X_T, t).x0, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("t", [1, 100, 500, 1000])
def test_two_noise_predictions_make_a_classifier(oracle, t):
    """Their difference is the gradient of ln q_t(c | x_t), which Bayes' rule gives without any denoiser."""
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    for k in range(2):
        one = de.MixtureOracle(CENTERS[k : k + 1], WIDTHS[k : k + 1], SCHEDULE)
        x = X_T.clone().requires_grad_()
        each = torch.distributions.Normal(a * CENTERS.T, (a**2 * WIDTHS**2 + b**2).sqrt()).log_prob(x)
        likely = (SHARES.log() + each).log_softmax(1)[:, k]  # ln q_t(c = k | x_t)
        wanted = torch.autograd.grad(likely.sum(), x)[0]
        got = classifier_score(one(X_T, t).eps, oracle(X_T, t).eps, t, SCHEDULE)
        assert torch.allclose(got, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("w", [0.0, 1.0, 4.0])
def test_guidance_adds_the_classifier_to_the_score(oracle, w):
    """w = 0 adds nothing, w = 1 gives the score of the class, and what `Guided` mixes is the same thing."""
    t, one = 300, de.MixtureOracle(CENTERS[:1], WIDTHS[:1], SCHEDULE)
    c, u = one(X_T, t).eps, oracle(X_T, t).eps

    class Both(torch.nn.Module):
        def forward(self, x_t, steps, cond=None):
            return torch.where(cond.vec != 0, one(x_t, t).eps, oracle(x_t, t).eps)

    told = de.Cond(vec=torch.ones(len(X_T), 1))
    guided = de.Guided(Both(), w)(X_T, torch.full((len(X_T),), t), told)
    wanted = score_from_eps(u, t, SCHEDULE) + w * classifier_score(c, u, t, SCHEDULE)
    assert torch.allclose(score_from_eps(guided, t, SCHEDULE), wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("t", "s"), [(1000, 980), (600, 300), (20, 0), (1, 0)])
def test_ddim_is_its_euler_step(t, s):
    x_t, eps = (torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(i)).double() for i in (0, 1))
    wanted = de.ddim_step(x_t, de.to_x0_eps("eps", eps, x_t, t, SCHEDULE), t, s, SCHEDULE)
    assert torch.allclose(ode_step(x_t, eps, t, s, SCHEDULE), wanted, rtol=1e-9, atol=1e-12)


def test_the_equation_keeps_each_point_at_its_rank(oracle):
    """On a line paths cannot cross, so the share of the density to the left of a point never changes."""
    start = X_T[2:-2]
    end = bring_back(oracle, 1000, start)
    assert (rank(start, 1000) - rank(end, 0)).abs().max() < 3e-3
    assert (rank(start, 1000) - rank(bring_back(oracle, 10, start), 0)).abs().max() > 1e-2


def test_the_error_of_euler_halves_with_the_step(oracle):
    start = X_T[2:-2]
    errors = [(rank(start, 1000) - rank(bring_back(oracle, n, start), 0)).abs().mean() for n in (50, 100, 200)]
    for twice, once in itertools.pairwise(errors):
        assert 1.6 < twice / once < 2.6


def test_there_and_back_again(oracle):
    """The same equation runs from data to noise."""
    x = X_T[3:-3]
    for t in range(1, 1000):
        x = ode_step(x, oracle(x, t).eps, t, t + 1, SCHEDULE)
    for t in range(1000, 1, -1):
        x = ode_step(x, oracle(x, t).eps, t, t - 1, SCHEDULE)
    assert (x - X_T[3:-3]).abs().max() < 0.02


def test_langevins_walk_forgets_its_start_and_finds_the_density(oracle):
    t, g = 300, torch.Generator().manual_seed(0)
    x = torch.full((4000, 1), 3.0, dtype=torch.float64)
    for _ in range(800):
        z = torch.randn(x.shape, generator=g, dtype=torch.float64)
        x = langevin_step(x, score_from_eps(oracle(x, t).eps, t, SCHEDULE), 0.01, z)
    ranks = rank(x, t).sort().values
    gap = (ranks - torch.arange(1, 4001).double() / 4000).abs().max()
    assert gap < 1.63 / math.sqrt(4000) + 0.01  # Kolmogorov-Smirnov at 1%, and the error of a step that is not small


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: score_from_eps(x, 0, SCHEDULE), ["t=0"]),
        (lambda x: classifier_score(x, x, 0, SCHEDULE), ["t=0"]),
        (lambda x: classifier_score(x[:1], x, 5, SCHEDULE), ["conditional", "unconditional", "(1, 1)"]),
        (lambda x: tweedie(x, x[:1], 5, SCHEDULE), ["score", "(1, 1)"]),
        (lambda x: tweedie(x, x, 1001, SCHEDULE), ["t=1001"]),
        (lambda x: ode_step(x, x, 5, 5, SCHEDULE), ["s=5", "t=5"]),
        (lambda x: langevin_step(x, x, 0.0, x), ["size", "0.0"]),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(ValueError) as caught:
        call(X_T)
    for word in words:
        assert word in str(caught.value)
