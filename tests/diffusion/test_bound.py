"""The variational bound in bits, against the exact likelihood of a Gaussian."""

import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

import diffusion_edu as de
from diffusion_edu.diffusion.bound import bound_term, gaussian_kl, reverse_variances, variational_bound
from diffusion_edu.diffusion.reverse import reverse_moments, stride

SCHEDULE = de.NoiseSchedule.linear(200)
MEAN, STD = 0.4, 0.5
BITS = 1 / math.log(2)


def data(n, seed=0):
    return MEAN + STD * torch.randn(n, 1, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture
def oracle():
    return de.GaussianOracle(torch.tensor([MEAN]).double(), torch.tensor([[STD**2]]).double(), SCHEDULE)


def left(t):
    """Var[x_0 | x_t] of the Gaussian: the same for every x_t."""
    a, b = SCHEDULE.signal(t), SCHEDULE.noise(t)
    return STD**2 * b**2 / (a**2 * STD**2 + b**2)


def exact_variances():
    """The true reverse variances: then the model's chain is the forward process seen from behind."""
    zero = torch.zeros(1, 1).double()
    found = [reverse_moments(zero, zero, left(t), t, SCHEDULE).variance.item() for t in range(1, SCHEDULE.T + 1)]
    return torch.tensor([0.0, *found], dtype=torch.float64)


def expected(table):
    """The bound in bits without sampling: E (x_0 - x0_hat)^2 is the variance that is left."""
    total = 0.5 * (STD**2 + MEAN**2) * SCHEDULE.signal(SCHEDULE.T) ** 2
    noise = SCHEDULE.noise(SCHEDULE.T) ** 2
    total += 0.5 * (noise - 1 - math.log(noise))
    for t in range(1, SCHEDULE.T + 1):
        of_x0, _, known = stride(t, t - 1, SCHEDULE)
        sigma2 = table[t].item()
        if t == 1:
            total += left(1) / (2 * sigma2) + 0.5 * math.log(2 * math.pi * sigma2)
        else:
            total += (of_x0**2 * left(t) + known) / (2 * sigma2) - 0.5 - 0.5 * math.log(known / sigma2)
    return BITS * total


ENTROPY = BITS * 0.5 * math.log(2 * math.pi * math.e * STD**2)  # the mean of -log2 p(x_0), exactly
# What is left of the data at step T: the one thing that an exact model cannot know.
PRIOR = 0.5 * (
    SCHEDULE.signal(200) ** 2 * (STD**2 + MEAN**2 - 1) - math.log(1 + SCHEDULE.signal(200) ** 2 * (STD**2 - 1))
)


def test_with_the_true_variance_the_bound_is_the_exact_likelihood():
    """In closed form: all the steps together lose nothing, but for the trace of the data that is left at T."""
    assert expected(exact_variances()) == pytest.approx(ENTROPY + BITS * PRIOR, abs=1e-9)


def test_the_bound_by_sampling_is_the_bound_in_closed_form(oracle):
    x0 = data(5000)
    exact = -Normal(MEAN, STD).log_prob(x0).mean().item() * BITS
    for variance in ("posterior", "beta", exact_variances()):
        table = reverse_variances(SCHEDULE, variance) if isinstance(variance, str) else variance
        got = variational_bound(oracle, x0, SCHEDULE, variance, torch.Generator().manual_seed(1))
        # The draws of x_0 are the same on both sides; what is left is the noise of 200 independent terms.
        assert got.total - exact == pytest.approx(expected(table) - ENTROPY, abs=0.03)
        assert got.steps[0] == 0 and got.prior > 0


def test_both_variances_of_ho_cost_bits_and_the_true_one_none():
    posterior, beta = (expected(reverse_variances(SCHEDULE, v)) - ENTROPY for v in ("posterior", "beta"))
    assert posterior > 0.5 and beta > 0.002
    assert abs(expected(exact_variances()) - ENTROPY) < 1e-5
    assert (reverse_variances(SCHEDULE)[2:] < exact_variances()[2:]).all()
    assert (exact_variances()[2:] < reverse_variances(SCHEDULE, "beta")[2:]).all()


def test_the_variances_are_those_of_the_posterior_and_of_beta():
    x = torch.zeros(1, 1).double()
    wanted = [de.posterior(x, x, t, SCHEDULE).variance.item() for t in range(2, 201)]
    table = reverse_variances(SCHEDULE)
    assert table[2:].tolist() == pytest.approx(wanted)
    assert table[1] == table[2]  # the posterior's is 0 there
    assert torch.equal(reverse_variances(SCHEDULE, "beta"), SCHEDULE.beta)


def test_what_is_left_of_the_data_at_T_is_paid_for():
    """A schedule that stops half way: the prior's term is the divergence of q(x_T | x_0) and pure noise."""
    short = de.NoiseSchedule(torch.tensor([0.0, 0.3, 0.4]))
    x0 = data(7)
    got = variational_bound(de.DatasetOracle(x0, short), x0, short, "beta", torch.Generator().manual_seed(0))
    q = Normal(short.signal(2) * x0, short.noise(2))
    assert got.prior == pytest.approx(BITS * kl_divergence(q, Normal(0.0, 1.0)).mean().item())
    assert got.prior > 0.05


def test_a_worse_denoiser_has_a_larger_bound(oracle):
    def off(x_t, t):
        return de.to_x0_eps("x0", oracle(x_t, t).x0 + 0.02, x_t, t, SCHEDULE)

    off.schedule = SCHEDULE
    x0 = data(2000)
    right, wrong = (variational_bound(d, x0, SCHEDULE, "beta", torch.Generator().manual_seed(2)) for d in (oracle, off))
    assert wrong.total > right.total + 0.1
    assert wrong.prior == right.prior


def test_a_term_is_the_divergence_of_two_normal_distributions():
    x0, x_t, guess = (torch.randn(5, 2, 3, dtype=torch.float64) for _ in range(3))
    for t in (2, 50, 200):
        q, p = de.posterior(x0, x_t, t, SCHEDULE), de.posterior(guess, x_t, t, SCHEDULE)
        sigma2 = 0.7 * SCHEDULE.beta[t].item()
        wanted = kl_divergence(Normal(q.mean, q.variance.sqrt()), Normal(p.mean, math.sqrt(sigma2))).flatten(1).sum(1)
        assert torch.allclose(bound_term(x0, x_t, guess, t, SCHEDULE, sigma2), wanted, rtol=1e-8)
    last = -Normal(guess, math.sqrt(0.3)).log_prob(x0).flatten(1).sum(1)
    assert torch.allclose(bound_term(x0, x_t, guess, 1, SCHEDULE, 0.3), last)


def test_the_divergence_is_that_of_the_library_and_zero_for_equals():
    mean = torch.tensor([0.0, 1.0, -2.0], dtype=torch.float64)
    wanted = kl_divergence(Normal(mean, 0.5), Normal(torch.ones(3).double(), 2.0))
    assert torch.allclose(gaussian_kl(mean, 0.25, 1.0, 4.0), wanted)
    assert gaussian_kl(mean, 0.3, mean, 0.3).abs().max() == 0


def test_bits_are_counted_per_dimension():
    """Two equal coordinates have the bits of one."""
    wide = de.GaussianOracle(torch.full((2,), MEAN).double(), STD**2 * torch.eye(2).double(), SCHEDULE)
    got = variational_bound(wide, data(10_000).reshape(-1, 2), SCHEDULE, "beta", torch.Generator().manual_seed(1))
    assert got.total == pytest.approx(expected(reverse_variances(SCHEDULE, "beta")), abs=0.03)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda o: variational_bound(o, data(2), SCHEDULE, "betas"), ["variance", "posterior", "betas"]),
        (lambda o: variational_bound(o, data(2), SCHEDULE, torch.ones(5)), ["variance", "(201,)", "(5,)"]),
        (lambda o: variational_bound(o, data(2), SCHEDULE, torch.zeros(201)), ["variance", "positive"]),
        (lambda o: gaussian_kl(data(2), 0.0, data(2), 1.0), ["positive", "0.0"]),
        (lambda o: bound_term(data(2), data(2), data(2), 1, SCHEDULE, 0.0), ["variance", "0.0"]),
        (lambda o: bound_term(data(2), data(2), data(2), 201, SCHEDULE, 1.0), ["t=201"]),
    ],
)
def test_mistakes_are_named(oracle, call, words):
    with pytest.raises(ValueError) as caught:
        call(oracle)
    for word in words:
        assert word in str(caught.value)
