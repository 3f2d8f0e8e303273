"""The forward process: one step, the jump from x_0, the posterior, and the three targets."""

import math

import pytest
import torch

import diffusion_edu as de

SCHEDULES = {
    "linear": de.NoiseSchedule.linear(200),
    "scaled_linear": de.NoiseSchedule.scaled_linear(100),
    "cosine": de.NoiseSchedule.cosine(50),
}


@pytest.fixture(params=SCHEDULES.values(), ids=SCHEDULES.keys())
def schedule(request):
    return request.param


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed), dtype=torch.float64)


def test_closed_form_equals_steps(schedule):
    """Trap of the notes: x_t is not x_0 plus noise; step by step and closed form agree exactly in mean and variance."""
    # q_step is affine in (x, noise): with the same noise at both points the difference is the coefficient of x, and
    # the rest is noise. Walking coefficient and variance through the steps gives the law of x_t exactly.
    coefficient, variance = 1.0, 0.0
    for t in range(1, schedule.T + 1):
        at_one = de.q_step(torch.ones(1, 1, dtype=torch.float64), t, schedule, generator=generator(t)).item()
        at_zero = de.q_step(torch.zeros(1, 1, dtype=torch.float64), t, schedule, generator=generator(t)).item()
        eps = randn(1, 1, seed=t).item()
        coefficient *= at_one - at_zero
        variance = (at_one - at_zero) ** 2 * variance + (at_zero / eps) ** 2
        x_t, _ = de.q_sample(torch.ones(1, 1).double(), t, schedule, noise=torch.zeros(1, 1).double())
        noise, _ = de.q_sample(torch.zeros(1, 1).double(), t, schedule, noise=torch.ones(1, 1).double())
        assert coefficient == pytest.approx(x_t.item(), rel=1e-9)
        assert variance == pytest.approx(noise.item() ** 2, rel=1e-9)
    assert coefficient**2 < 0.01  # little of the signal is left at T


def test_many_steps_have_the_sampled_moments_of_the_closed_form():
    """The same by drawing: mean and covariance of 20,000 walks within five standard errors."""
    schedule, t, n = de.NoiseSchedule.linear(30), 12, 20_000
    x0 = torch.tensor([1.0, -0.5], dtype=torch.float64).expand(n, 2)
    x, g = x0, generator(1)
    for step in range(1, t + 1):
        x = de.q_step(x, step, schedule, generator=g)
    mean, variance = schedule.signal(t) * x0[0], schedule.noise(t) ** 2
    assert torch.all((x.mean(0) - mean).abs() < 5 * math.sqrt(variance / n))
    covariance = x.T.cov()
    assert torch.all((covariance - variance * torch.eye(2)).abs() < 5 * variance * math.sqrt(2 / n))


def test_noise_is_gaussian_and_not_uniform():
    """A slip that was published: `rand` for `randn` has another kurtosis."""
    eps = de.q_sample(torch.zeros(1, 40_000), 5, SCHEDULES["linear"], generator=generator())[1]
    assert eps.mean().abs() < 0.03 and (eps.std() - 1).abs() < 0.02
    assert (eps**4).mean().item() == pytest.approx(3, abs=0.2)


def test_variance_is_preserved_while_plain_addition_grows():
    """Misconception: with x_t = x_{t-1} + eps the variance would be 1 + t; the shrinking signal keeps it at 1."""
    schedule, x, g = SCHEDULES["linear"], randn(5000, 1), generator(2)
    plain = x
    for t in range(1, schedule.T + 1):
        x, plain = de.q_step(x, t, schedule, generator=g), plain + randn(5000, 1, seed=t)
    assert x.var().item() == pytest.approx(1, abs=0.1)
    assert plain.var().item() == pytest.approx(1 + schedule.T, rel=0.1)


def test_posterior_is_bayes_rule(schedule):
    """The posterior's precision-weighted form, computed here from the two Gaussians q(x_t|x_{t-1}), q(x_{t-1}|x_0)."""
    x0, x_t = randn(4, 3, seed=1), randn(4, 3, seed=2)
    for t in (2, 3, schedule.T // 2, schedule.T):
        beta, before = schedule.beta[t].item(), schedule.alpha_bar[t - 1].item()
        precision = (1 - beta) / beta + 1 / (1 - before)
        mean = (math.sqrt(1 - beta) / beta * x_t + math.sqrt(before) / (1 - before) * x0) / precision
        got = de.posterior(x0, x_t, t, schedule)
        assert torch.allclose(got.mean, mean, rtol=1e-8, atol=1e-10)
        assert got.variance.item() == pytest.approx(1 / precision, rel=1e-8)


def test_both_forms_of_the_posterior_mean_agree(schedule):
    """Trap of the notes: the noise is scaled by beta / sqrt(1 - alpha_bar), not simply subtracted."""
    x0, eps = randn(4, 3, seed=1), randn(4, 3, seed=2)
    for t in (1, 2, schedule.T):
        x_t, _ = de.q_sample(x0, t, schedule, noise=eps)
        beta = schedule.beta[t].item()
        by_eps = (x_t - beta / schedule.noise(t) * eps) / math.sqrt(1 - beta)
        assert torch.allclose(de.posterior(x0, x_t, t, schedule).mean, by_eps, rtol=1e-6, atol=1e-8)


def test_posterior_is_certain_at_the_first_step(schedule):
    """Trap 9: the variance at t = 1 is exactly zero and the mean is x_0."""
    x0 = randn(3, 2)
    got = de.posterior(x0, randn(3, 2, seed=5), 1, schedule)
    assert got.variance.item() == 0
    assert torch.allclose(got.mean, x0, atol=1e-10)


def test_targets_convert_in_a_cycle(schedule):
    """Trap 17: eps -> x0 -> v -> eps, and v's sign and scale."""
    x0, eps = randn(6, 2, 3, 3, seed=1), randn(6, 2, 3, 3, seed=2)
    t = torch.tensor([1, 2, 3, schedule.T // 2, schedule.T - 1, schedule.T])
    x_t, _ = de.q_sample(x0, t, schedule, noise=eps)
    for kind in ("eps", "x0", "v"):
        estimate = de.to_x0_eps(kind, de.target(kind, x0, eps, t, schedule), x_t, t, schedule)
        # dividing by sqrt(alpha_bar_T) magnifies rounding: 1e4 at the cosine's end
        assert torch.allclose(estimate.x0, x0, atol=1e-9) and torch.allclose(estimate.eps, eps, atol=1e-9)
    a, s = schedule.signal(schedule.T // 2), schedule.noise(schedule.T // 2)
    assert torch.allclose(de.target("v", x0, eps, t, schedule)[3], a * eps[3] - s * x0[3])


def test_v_is_the_velocity_along_the_circle():
    """With x = cos(p) x0 + sin(p) eps, v = dx/dp: compared with a difference quotient."""
    x0, eps, schedule = randn(1, 5, seed=1), randn(1, 5, seed=2), SCHEDULES["linear"]
    t = 60
    p, h = math.atan2(schedule.noise(t), schedule.signal(t)), 1e-6
    around = [math.cos(q) * x0 + math.sin(q) * eps for q in (p - h, p + h)]
    assert torch.allclose(de.target("v", x0, eps, t, schedule), (around[1] - around[0]) / (2 * h), atol=1e-6)


def test_jump_has_the_marginals_of_t(schedule):
    """Trap 16: re-noising from s to t has variance noise_t^2 - (signal_t / signal_s)^2 noise_s^2."""
    zero, one = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    for s, t in [(0, 1), (0, schedule.T), (10, 20), (schedule.T - 1, schedule.T)]:
        eps = randn(1, 1, seed=7).item()
        pure = de.jump(zero, s, t, schedule, generator=generator(7)).item()
        kept = de.jump(one, s, t, schedule, generator=generator(7)).item() - pure
        assert kept * schedule.signal(s) == pytest.approx(schedule.signal(t), rel=1e-9)
        left = kept**2 * schedule.noise(s) ** 2 + (pure / eps) ** 2
        assert left == pytest.approx(schedule.noise(t) ** 2, rel=1e-9)


@pytest.mark.parametrize("batch", [1, 4])
def test_one_t_for_all_equals_a_t_each(batch, schedule):
    """Trap 33: a batch of one keeps its axes."""
    x, eps = randn(batch, 1, 2, 2), randn(batch, 1, 2, 2, seed=3)
    each = torch.full((batch,), 7)
    assert torch.allclose(de.q_sample(x, 7, schedule, noise=eps)[0], de.q_sample(x, each, schedule, noise=eps)[0])
    assert torch.equal(de.q_step(x, 7, schedule, noise=eps), de.q_step(x, each, schedule, noise=eps))
    for kind in ("eps", "x0", "v"):
        one, many = (de.to_x0_eps(kind, eps, x, t, schedule) for t in (7, each))
        assert torch.allclose(one.x0, many.x0) and torch.allclose(one.eps, many.eps)
        assert one.x0.shape == many.x0.shape == x.shape
    assert torch.allclose(de.posterior(x, eps, 7, schedule).mean, de.posterior(x, eps, each, schedule).mean)


def test_steps_differ_within_a_batch(schedule):
    x = torch.ones(2, 1, 1, 1, dtype=torch.float64)
    x_t, _ = de.q_sample(x, torch.tensor([1, schedule.T]), schedule, noise=torch.zeros_like(x))
    assert x_t.flatten().tolist() == pytest.approx([schedule.signal(1), schedule.signal(schedule.T)])


X = torch.zeros(2, 1, 2, 2)
S = SCHEDULES["linear"]


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: de.q_step(X, 0, S), ValueError, r"t must be in 1..200, got 0"),
        (lambda: de.q_step(X, 201, S), ValueError, r"t must be in 1..200, got 201"),
        (lambda: de.q_sample(X, torch.tensor([0, 201]), S), ValueError, r"t must be in 0..200, got 201"),
        (lambda: de.q_sample(X, torch.tensor([-1, 3]), S), ValueError, r"got -1"),
        (lambda: de.q_sample(X, torch.tensor([1, 2, 3]), S), ValueError, r"shape \(2,\), got \(3,\)"),
        (lambda: de.q_sample(X, torch.tensor([0.5, 0.7]), S), TypeError, "integer tensor"),
        (lambda: de.q_sample(X, 0.5, S), TypeError, "int or an integer tensor, got 0.5"),
        (lambda: de.q_sample(X, True, S), TypeError, "got True"),
        (lambda: de.q_sample(X.to(torch.uint8), 3, S), TypeError, "floating point"),
        (lambda: de.q_sample(X, 3, S, noise=X[:1]), ValueError, "noise must have the shape of x0"),
        (lambda: de.posterior(X[:1], X, 3, S), ValueError, "x0 must have the shape of x_t"),
        (lambda: de.posterior(X, X, 0, S), ValueError, r"1..200, got 0"),
        (lambda: de.jump(X, 5, 5, S), ValueError, "s=5, t=5"),
        (lambda: de.jump(X, 6, 5, S), ValueError, "s < t"),
        (lambda: de.target("noise", X, X, 3, S), ValueError, "target must be one of eps, x0, v, got 'noise'"),
        (lambda: de.target("v", X, X[:1], 3, S), ValueError, "eps must have the shape"),
        (lambda: de.to_x0_eps("eps", X[:1], X, 3, S), ValueError, "prediction must have the shape"),
        (lambda: de.to_x0_eps("eps", X, X, 0, S), ValueError, r"1..200, got 0"),
    ],
)
def test_bad_arguments_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("t", [1, 2, 10, 200])
def test_half_precision_data_are_noised_in_single_precision(dtype, t):
    """Trap 7: for an int t as for a tensor; in bf16 the noise of the first steps is lost next to a signal near 1."""
    x0, eps = randn(2, 64, seed=1).clamp(-1, 1).to(dtype), randn(2, 64, seed=2).to(dtype)
    x0_exact, eps_exact = x0.double(), eps.double()
    exact, _ = de.q_sample(x0_exact, t, S, noise=eps_exact)
    for steps in (t, torch.tensor([t, t])):
        x_t, _ = de.q_sample(x0, steps, S, noise=eps)
        assert x_t.dtype == de.q_step(x0, steps, S, generator=generator()).dtype == torch.float32
        assert torch.allclose(x_t.double(), exact, atol=1e-6)
        mean = de.posterior(x0, eps, steps, S).mean
        assert mean.dtype == torch.float32
        assert torch.allclose(mean.double(), de.posterior(x0_exact, eps_exact, t, S).mean, atol=1e-5)
        v = de.target("v", x0, eps, steps, S)
        assert torch.allclose(v.double(), de.target("v", x0_exact, eps_exact, t, S), atol=1e-6)
    assert de.jump(x0, 0, t, S, generator=generator()).dtype == torch.float32


@pytest.mark.parametrize("schedule", SCHEDULES.values(), ids=SCHEDULES.keys())
def test_posterior_is_prior_times_likelihood_on_a_grid(schedule):
    """Bayes' rule by summation, with no formula for the result."""
    x0, x_t = 0.7, -0.4
    grid = torch.linspace(-12, 12, 400_001, dtype=torch.float64)
    for t in (3, schedule.T // 2, schedule.T):
        log_prior = -((grid - schedule.signal(t - 1) * x0) ** 2) / (2 * schedule.noise(t - 1) ** 2)
        log_likelihood = -((x_t - math.sqrt(1 - schedule.beta[t]) * grid) ** 2) / (2 * schedule.beta[t])
        weight = (log_prior + log_likelihood).softmax(0)
        mean = (weight * grid).sum()
        q = de.posterior(torch.tensor([[x0]]).double(), torch.tensor([[x_t]]).double(), t, schedule)
        assert q.mean.item() == pytest.approx(mean.item(), abs=1e-6)
        assert q.variance.item() == pytest.approx((weight * (grid - mean) ** 2).sum().item(), rel=1e-5)


def test_single_precision_is_exact_to_its_own_rounding():
    """Trap 6: the two forms of the posterior mean agree to float32 at all 1,000 steps."""
    schedule, t = de.NoiseSchedule.linear(1000), torch.arange(1, 1001)
    x0, eps = randn(1000, 4, seed=1).float(), randn(1000, 4, seed=2).float()
    x_t, _ = de.q_sample(x0, t, schedule, noise=eps)
    beta, bar = schedule.beta[1:, None], schedule.alpha_bar[1:, None]
    by_eps = (x_t.double() - beta / (1 - bar).sqrt() * eps.double()) / (1 - beta).sqrt()
    assert torch.allclose(de.posterior(x0, x_t, t, schedule).mean.double(), by_eps, atol=2e-6, rtol=2e-6)


def test_noise_comes_from_the_given_generator_alone():
    """Trap 33: the global generator is not touched. Whatever draws takes the noise itself as well."""
    x, estimate = randn(2, 3), de.Estimate(randn(2, 3, seed=1), randn(2, 3, seed=2))
    before = torch.random.get_rng_state()
    for draw in (
        lambda **source: de.q_sample(x, 9, S, **source)[0],
        lambda **source: de.jump(x, 2, 9, S, **source),
        lambda **source: de.q_step(x, 9, S, **source),
        lambda **source: de.ddpm_step(x, estimate, 9, 2, S, **source),
        lambda **source: de.ddim_step(x, estimate, 9, 2, S, **source, eta=0.5),
    ):
        drawn = draw(generator=generator(5))
        assert torch.equal(drawn, draw(generator=generator(5)))
        assert not torch.equal(drawn, draw(generator=generator(6)))
        noise = torch.randn(x.shape, generator=generator(5), dtype=x.dtype)
        assert torch.equal(drawn, draw(noise=noise))
        assert torch.equal(drawn, draw(noise=noise, generator=generator(6))), "noise that is given goes first"
        with pytest.raises(ValueError, match=r"noise must have the shape of x(0|_prev|_s|_t) \(2, 3\), got \(1, 3\)"):
            draw(noise=noise[:1])
    assert torch.equal(torch.random.get_rng_state(), before)


def test_nothing_is_added_at_step_zero_and_an_empty_batch_stays_empty():
    x0 = randn(2, 3)
    assert torch.equal(de.q_sample(x0, 0, S)[0], x0)
    assert torch.equal(de.q_sample(x0, torch.tensor([0, 0]), S)[0], x0)
    assert de.q_sample(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), S)[0].shape == (0, 3)
    with pytest.raises(TypeError, match="floating point"):
        de.jump(X.to(torch.uint8), 0, 5, S)
