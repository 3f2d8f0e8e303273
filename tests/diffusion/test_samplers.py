"""Times, single steps, and the loop around them."""

import dataclasses
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import diffusion_edu as de
from diffusion_edu.cli import main
from diffusion_edu.diffusion import samplers

LINEAR = de.NoiseSchedule.linear(1000)
COSINE = de.NoiseSchedule.cosine(1000)
NAMES = ["ddpm", "ddim", "dpm-solver"]
SAMPLERS = [de.DDPM(), de.DDIM(), de.DPMSolver()]
PAIRS = [(1, 0), (2, 1), (20, 0), (1000, 999), (1000, 1), (600, 300), (1000, 0)]


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def made_by(x_t, x0, t, schedule):
    """The estimate whose picture is x0, with the noise that follows."""
    return de.to_x0_eps("x0", x0, x_t, t, schedule)


class Network(nn.Module):
    """A small network with a part that is never in training mode; it remembers how it was called."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.9))
        self.frozen = nn.Dropout(0.5).eval()
        self.calls = []
        self.fail_at = None

    def forward(self, x_t, t, cond=None):
        self.calls.append((t.tolist(), self.training, torch.is_grad_enabled()))
        if t[0] == self.fail_at:
            raise ArithmeticError("the network failed")
        return self.scale * torch.tanh(x_t)


@pytest.fixture
def denoiser():
    return de.Denoiser(Network(), de.NoiseSchedule.linear(100))


@pytest.fixture
def draws(monkeypatch):
    """Counts how often noise is drawn."""
    count = []
    draw = samplers.SeededNoise.draw
    monkeypatch.setattr(samplers.SeededNoise, "draw", lambda self: count.append(1) or draw(self))
    return count


# ---- times -----------------------------------------------------------------------------------------------


@given(T=st.integers(2, 1500), data=st.data())
@settings(max_examples=40)
def test_times_run_from_T_to_zero(T, data):
    """Trap 14: they start at T, end at 0 and not at 1, and are as even as integers can be."""
    steps = data.draw(st.integers(1, T))
    times = de.timesteps(T, steps)
    assert times[0] == T
    assert times[-1] == 0
    assert len(times) == steps + 1
    assert all(t > s for t, s in itertools.pairwise(times))
    for i, t in enumerate(times):
        assert abs(t - T * (1 - i / steps)) <= 0.5 + 1e-9


def test_times_of_the_usual_counts():
    assert de.timesteps(1000, 1000) == list(range(1000, -1, -1))
    assert de.timesteps(1000, 50) == list(range(1000, -1, -20))
    assert de.timesteps(1000, 1) == [1000, 0]


@pytest.mark.parametrize("steps", [0, -1, 1001, 2.0, True, None])
def test_a_wrong_number_of_steps_is_named(steps):
    with pytest.raises(ValueError, match=r"steps must be an integer in 1\.\.1000, got"):
        de.timesteps(1000, steps)


# ---- single steps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=lambda s: s.name)
@pytest.mark.parametrize("variance", ["posterior", "beta"])
def test_ddpm_step_is_line_four_of_algorithm_two(schedule, variance):
    """x_{t-1} = (x_t - beta_t / sqrt(1 - alpha_bar_t) eps) / sqrt(alpha_t) + sigma_t z, for both choices of sigma."""
    x_t, eps, z = randn(2, 3), randn(2, 3, seed=1), randn(2, 3, seed=2)
    for t in (1, 2, 500, 990):
        beta, bar = schedule.beta[t], schedule.alpha_bar[t]
        wanted = (x_t - beta / (1 - bar).sqrt() * eps) / (1 - beta).sqrt()
        if t > 1:
            sigma2 = beta if variance == "beta" else (1 - schedule.alpha_bar[t - 1]) / (1 - bar) * beta
            wanted = wanted + sigma2.sqrt() * z
        estimate = de.to_x0_eps("eps", eps, x_t, t, schedule)
        got = de.ddpm_step(x_t, estimate, t, t - 1, schedule, z, variance=variance)
        assert torch.allclose(got, wanted, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("t, s", [(1000, 980), (600, 300), (20, 1), (1000, 1)])
def test_a_longer_ddpm_step_is_a_step_of_the_thinned_schedule(t, s):
    """Trap 10: over a stride beta is 1 - alpha_bar_t / alpha_bar_s, not beta_t, in the mean and in both variances."""
    beta = [0, 1 - LINEAR.alpha_bar[s].item(), 1 - (LINEAR.alpha_bar[t] / LINEAR.alpha_bar[s]).item()]
    thin = de.NoiseSchedule(torch.tensor(beta, dtype=torch.float64))
    x_t, x0, z = randn(2, 3), randn(2, 3, seed=1), randn(2, 3, seed=2)
    q = de.posterior(x0, x_t, 2, thin)
    estimate = made_by(x_t, x0, t, LINEAR)
    small, large = (de.ddpm_step(x_t, estimate, t, s, LINEAR, z, variance=v) for v in ("posterior", "beta"))
    assert torch.allclose(small, q.mean + q.variance.sqrt() * z, rtol=1e-8)
    assert torch.allclose(large, q.mean + math.sqrt(beta[2]) * z, rtol=1e-8)


@pytest.mark.parametrize("schedule", [LINEAR, COSINE], ids=lambda s: s.name)
@pytest.mark.parametrize("t, s", PAIRS)
def test_ddim_with_eta_one_is_ancestral_sampling(schedule, t, s):
    """Trap 11: with the same noise, over any stride, and also after clipping, because eps is derived again."""
    network = Network().double()
    x_t, z = 2 * randn(3, 4), randn(3, 4, seed=2)
    for clip in (True, False):
        estimate = de.Denoiser(network, schedule, "x0", clip)(x_t, t)
        ddim = de.ddim_step(x_t, estimate, t, s, schedule, z, eta=1.0)
        assert torch.allclose(ddim, de.ddpm_step(x_t, estimate, t, s, schedule, z), rtol=1e-7, atol=1e-9)
    if s > 0:
        stride = 1 - schedule.alpha_bar[t] / schedule.alpha_bar[s]
        posterior = stride * (1 - schedule.alpha_bar[s]) / (1 - schedule.alpha_bar[t])
        assert de.ddim_sigma(t, s, schedule, 1.0) ** 2 == pytest.approx(posterior.item(), rel=1e-9)
    else:
        assert de.ddim_sigma(t, s, schedule, 1.0) == 0


def test_clipping_without_deriving_eps_again_would_not_be_ancestral():
    """Trap 11: the order inside the denoiser is what the identity rests on."""
    x_t, z = 2 * randn(3, 4), randn(3, 4, seed=2)
    raw = de.Denoiser(Network().double(), LINEAR, "eps", clip=False)(x_t, 600)
    wrong = de.Estimate(raw.x0.clamp(-1, 1), raw.eps)
    ddim = de.ddim_step(x_t, wrong, 600, 300, LINEAR, z, eta=1.0)
    assert not torch.allclose(ddim, de.ddpm_step(x_t, wrong, 600, 300, LINEAR, z), atol=1e-2)


@pytest.mark.parametrize("t, s", PAIRS)
@pytest.mark.parametrize("eta", [0.0, 0.3, 1.0])
def test_ddim_keeps_the_marginals_for_any_eta(t, s, eta):
    """Given x_0, the step carries q(x_t | x_0) to q(x_s | x_0): signal and total noise are those of s."""
    one, nothing = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)

    def step(x0, eps, z):
        x_t = LINEAR.signal(t) * x0 + LINEAR.noise(t) * eps
        return de.ddim_step(x_t, made_by(x_t, x0, t, LINEAR), t, s, LINEAR, z, eta=eta).item()

    assert step(one, nothing, nothing) == pytest.approx(LINEAR.signal(s), rel=1e-9)
    of_eps, of_z = step(nothing, one, nothing), step(nothing, nothing, one)
    assert of_eps**2 + of_z**2 == pytest.approx(LINEAR.noise(s) ** 2, abs=1e-12)
    assert of_z == pytest.approx(de.ddim_sigma(t, s, LINEAR, eta), abs=1e-12)


def test_eta_scales_the_standard_deviation():
    """Trap 15: at eta = 0.5 the variance is a quarter, not a half."""
    whole = de.ddim_sigma(600, 300, LINEAR, 1.0)
    assert de.ddim_sigma(600, 300, LINEAR, 0.5) == pytest.approx(whole / 2)
    assert de.ddim_sigma(600, 300, LINEAR, 0.0) == 0


@pytest.mark.parametrize("t", [1, 20, 1000])
def test_no_noise_on_the_last_step(t):
    """Trap 13: the step to 0 is the picture itself, whatever noise is offered, and needs none."""
    x_t, x0, z = randn(2, 3), randn(2, 3, seed=1), 100 * randn(2, 3, seed=2)
    estimate = made_by(x_t, x0, t, LINEAR)
    for noise in (None, z):
        for variance in ("posterior", "beta"):
            assert torch.allclose(de.ddpm_step(x_t, estimate, t, 0, LINEAR, noise, variance=variance), x0, atol=1e-9)
        for eta in (0.0, 0.5, 1.0):
            assert torch.allclose(de.ddim_step(x_t, estimate, t, 0, LINEAR, noise, eta=eta), x0, atol=1e-9)
    assert torch.equal(de.dpm_solver_step(x_t, estimate, t, 0, LINEAR, (t + 1, z) if t < 1000 else None), x0)


@pytest.mark.parametrize("t, s", [(1000, 980), (600, 300), (2, 1), (50, 0)])
def test_the_first_solver_step_is_ddim(t, s):
    x_t, x0 = randn(2, 3), randn(2, 3, seed=1)
    estimate = made_by(x_t, x0, t, LINEAR)
    solver, ddim = de.dpm_solver_step(x_t, estimate, t, s, LINEAR), de.ddim_step(x_t, estimate, t, s, LINEAR)
    assert torch.allclose(solver, ddim, rtol=1e-9, atol=1e-11)


def test_a_solver_step_is_exact_where_x0_is_linear_in_the_log_snr():
    """With x_0(l) = p + q l the exact solution of the equation is an integral in closed form.

    d(x / b) = e^l x_0(l) dl, so x_s = b_s (x_t / b_t + [e^l (p + q (l - 1))]). The 2M step takes the slope at the
    midpoint of the stride, an error of third order in h: it falls eightfold when h halves.
    """
    p, q = 0.3, 0.2

    def half_log_snr(t):
        return math.log(LINEAR.signal(t) / LINEAR.noise(t))

    errors = []
    for stride in (80, 40):
        u, t, s = 500 + 2 * stride, 500, 500 - stride  # uneven, so that r is not 1
        x_t = torch.tensor([[0.5]], dtype=torch.float64)
        level = [half_log_snr(i) for i in (u, t, s)]
        x0_u, x0_t = (torch.tensor([[p + q * at]], dtype=torch.float64) for at in level[:2])
        integral = [math.exp(at) * (p + q * (at - 1)) for at in level[1:]]
        exact = LINEAR.noise(s) * (x_t / LINEAR.noise(t) + integral[1] - integral[0])
        got = de.dpm_solver_step(x_t, made_by(x_t, x0_t, t, LINEAR), t, s, LINEAR, (u, x0_u))
        errors.append((got - exact).abs().item())
    assert 5 < errors[0] / errors[1] < 12


def flow(x, t, s, mean, variance, schedule):
    """The exact probability flow from t to s for data N(mean, diag(variance)): each axis is stretched by itself."""
    a_t, a_s, b_t, b_s = schedule.signal(t), schedule.signal(s), schedule.noise(t), schedule.noise(s)
    stretch = ((a_s**2 * variance + b_s**2) / (a_t**2 * variance + b_t**2)).sqrt()
    return a_s * mean + stretch * (x - a_t * mean)


def test_solver_converges_with_second_order():
    """Against the exact flow of a Gaussian: half the stride, a quarter of the error (half for DDIM)."""
    mean, variance = torch.tensor([0.5, -1.0]).double(), torch.tensor([0.25, 0.04]).double()
    oracle = de.GaussianOracle(mean, variance.diag(), LINEAR)
    start, begin, end = randn(8, 2), 1000, 200
    exact = flow(start, begin, end, mean, variance, LINEAR)
    errors = {"ddim": [], "solver": []}
    for stride in (40, 20, 10):
        x, y, previous = start, start, None
        for t, s in itertools.pairwise(range(begin, end - 1, -stride)):
            x = de.ddim_step(x, oracle(x, t), t, s, LINEAR)
            estimate = oracle(y, t)
            y, previous = de.dpm_solver_step(y, estimate, t, s, LINEAR, previous), (t, estimate.x0)
        errors["ddim"].append((x - exact).abs().max().item())
        errors["solver"].append((y - exact).abs().max().item())
    for finer, coarser in itertools.pairwise(reversed(errors["solver"])):
        assert 3.3 < coarser / finer < 5
    for finer, coarser in itertools.pairwise(reversed(errors["ddim"])):
        assert 1.7 < coarser / finer < 2.4
    assert errors["solver"][-1] < errors["ddim"][-1] / 5


X = torch.zeros(2, 3)
E = de.Estimate(X, X)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: de.ddpm_step(X, E, 5, 5, LINEAR, X), ["s=5", "t=5"]),
        (lambda: de.ddpm_step(X, E, 5, 6, LINEAR, X), ["s=6", "t=5"]),
        (lambda: de.ddpm_step(X, E, 1001, 5, LINEAR, X), ["t=1001", "1000"]),
        (lambda: de.ddpm_step(X, E, 5, -1, LINEAR, X), ["s=-1"]),
        (lambda: de.ddpm_step(X, E, 5, 3, LINEAR, X[:1]), ["noise", "(2, 3)", "(1, 3)"]),
        (lambda: de.ddpm_step(X, E, 5, 3, LINEAR, X, variance="betas"), ["variance", "'betas'", "did you mean 'beta'"]),
        (lambda: de.ddim_step(X, E, 5, 5, LINEAR), ["s=5", "t=5"]),
        (lambda: de.ddim_step(X, E, 5, 3, LINEAR, X[:1], eta=0.5), ["noise", "(2, 3)", "(1, 3)"]),
        (lambda: de.ddim_step(X, E, 5, 3, LINEAR, X, eta=1.5), ["eta", "1.5", "between 0 and 1"]),
        (lambda: de.ddim_sigma(5, 3, LINEAR, -0.1), ["eta", "-0.1"]),
        (lambda: de.dpm_solver_step(X, E, 3, 5, LINEAR), ["s=5", "t=3"]),
        (lambda: de.dpm_solver_step(X, E, 5, 3, LINEAR, (4, X)), ["s=5", "t=4"]),
    ],
)
def test_mistakes_in_a_step_are_named(call, words):
    with pytest.raises(ValueError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


# ---- the loop --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method, steps", [("ddpm", 100), ("ddim", 50), ("dpm-solver", 20)])
def test_every_state_is_shown_with_its_estimate(denoiser, method, steps):
    run = list(de.sample(denoiser, (2, 1, 4, 4), de.named_sampler(method)))
    times = de.timesteps(100, steps)
    assert [s.t for s in run] == times
    assert [s.s for s in run] == [*times[1:], 0]
    for step in run[:-1]:
        estimate = denoiser(step.x_t, step.t)
        assert torch.equal(step.x0, estimate.x0)
        assert torch.equal(step.eps, estimate.eps)
    assert run[-1].x_t.shape == (2, 1, 4, 4)
    assert run[-1].x0 is run[-1].x_t
    assert torch.allclose(run[-1].x_t, run[-2].x0, atol=1e-5), (
        "trap 13: the last step goes to the picture, without noise"
    )


def test_defaults_never_exceed_the_schedule():
    short = de.Denoiser(Network(), de.NoiseSchedule.linear(30))
    assert [len(list(de.sample(short, (1, 2), sampler))) - 1 for sampler in SAMPLERS] == [30, 30, 20]


@pytest.mark.parametrize("variance", ["posterior", "beta"])
@pytest.mark.parametrize("eta", [0.0, 0.7])
def test_the_loop_is_the_steps_one_after_another(denoiser, variance, eta):
    schedule, seeds, shape = denoiser.schedule, [3, 8], (1, 3, 3)
    methods = {"ddim": {"eta": eta}} if variance == "posterior" else {"dpm-solver": {}}
    for method, options in [*methods.items(), ("ddpm", {"variance": variance})]:
        run = list(de.sample(denoiser, (2, *shape), de.named_sampler(method, **options), 10, seeds=seeds))
        sources = [torch.Generator().manual_seed(seed) for seed in seeds]
        x, previous = torch.stack([torch.randn(shape, generator=g) for g in sources]), None
        for t, s in itertools.pairwise(de.timesteps(100, 10)):
            with torch.no_grad():
                estimate = denoiser(x, t)
            noisy = s > 0 and (method == "ddpm" or options.get("eta"))
            z = torch.stack([torch.randn(shape, generator=g) for g in sources]) if noisy else None
            if method == "ddpm":
                x = de.ddpm_step(x, estimate, t, s, schedule, z, variance=variance)
            elif method == "ddim":
                x = de.ddim_step(x, estimate, t, s, schedule, z, eta=eta)
            else:
                x, previous = de.dpm_solver_step(x, estimate, t, s, schedule, previous), (t, estimate.x0)
        assert torch.allclose(run[-1].x_t, x, atol=1e-6)


@pytest.mark.parametrize(
    "sampler, expected",
    [
        (de.DDIM(), 1),
        (de.DPMSolver(), 1),
        (de.DDIM(eta=0.5), 10),
        (de.DDPM(), 10),
    ],
)
def test_noise_is_drawn_only_where_it_is_used(denoiser, draws, sampler, expected):
    """Trap 13: once to begin with, then once a step but the last; never again where a method is deterministic."""
    de.last(de.sample(denoiser, (2, 3), sampler, 10))
    assert len(draws) == expected


def test_ddim_and_the_solver_are_deterministic_and_ancestral_sampling_is_not(denoiser):
    def end(sampler, seed):
        return de.last(de.sample(denoiser, (1, 3), sampler, 10, seeds=[seed])).x_t

    for sampler in SAMPLERS:
        assert torch.equal(end(sampler, 1), end(sampler, 1))
        assert not torch.equal(end(sampler, 1), end(sampler, 2))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=NAMES)
def test_a_sample_does_not_depend_on_its_batch(denoiser, sampler):
    """Trap 33: sample i has its own seed; the global generator is not touched."""
    before = torch.random.get_rng_state()
    together = list(de.sample(denoiser, (3, 1, 4, 4), sampler, 10, seeds=[5, 6, 7]))
    for place, seed in enumerate([5, 6, 7]):
        alone = list(de.sample(denoiser, (1, 1, 4, 4), sampler, 10, seeds=[seed]))
        assert torch.equal(alone[0].x_t[0], together[0].x_t[place])
        assert torch.allclose(alone[-1].x_t[0], together[-1].x_t[place], atol=1e-6)
    assert torch.equal(torch.random.get_rng_state(), before)
    first_two = de.last(de.sample(denoiser, (2, 1, 4, 4), sampler, 10))
    seeded = de.last(de.sample(denoiser, (2, 1, 4, 4), sampler, 10, seeds=[0, 1]))
    assert torch.equal(first_two.x_t, seeded.x_t), "the default seeds are 0..B-1"


def test_image_to_image_begins_with_the_noised_picture(denoiser):
    start, schedule = randn(2, 1, 3, 3, dtype=torch.float32).clamp(-1, 1), denoiser.schedule
    run = list(de.sample(denoiser, start=start, start_t=63, steps=10, seeds=[4, 5]))
    noise = torch.stack([torch.randn(1, 3, 3, generator=torch.Generator().manual_seed(i)) for i in (4, 5)])
    assert torch.allclose(run[0].x_t, schedule.signal(63) * start + schedule.noise(63) * noise, atol=1e-6)
    assert [s.t for s in run] == [63, 60, 50, 40, 30, 20, 10, 0]


def test_image_to_image_at_a_visited_step_and_at_the_ends(denoiser):
    start = torch.full((1, 4), 0.5)
    assert [s.t for s in de.sample(denoiser, start=start, start_t=60, steps=10)] == [60, 50, 40, 30, 20, 10, 0]
    assert [s.t for s in de.sample(denoiser, start=start, start_t=100, steps=2)] == [100, 50, 0]
    oracle = de.DatasetOracle(torch.tensor([[0.5] * 4, [-0.5] * 4]), denoiser.schedule)
    near = de.last(de.sample(oracle, start=start, start_t=1)).x_t
    assert torch.allclose(near, start, atol=1e-3), "a little noise is taken off again"


def test_gradients_stay_on_between_the_steps_and_off_inside(denoiser):
    for step in de.sample(denoiser, (1, 3), steps=5):
        assert torch.is_grad_enabled()
        assert not step.x_t.requires_grad
        assert not step.x0.requires_grad
    assert all(not grad for _, _, grad in denoiser.model.calls)


@pytest.mark.parametrize("ending", ["exhausted", "abandoned", "deleted", "failed"])
def test_the_mode_of_every_part_is_restored(denoiser, ending):
    """Trap 23: sampling is done in evaluation mode, and every part goes back to the mode that it had."""
    denoiser.train()
    denoiser.model.frozen.eval()
    if ending == "failed":
        denoiser.model.fail_at = 60
    run = de.sample(denoiser, (1, 3), steps=5)
    if ending == "exhausted":
        list(run)
    elif ending == "failed":
        with pytest.raises(ArithmeticError):
            list(run)
    else:
        next(run)
        assert not denoiser.model.training
        if ending == "abandoned":
            run.close()
        else:
            del run
    assert all(not training for _, training, _ in denoiser.model.calls)
    assert denoiser.training
    assert denoiser.model.training
    assert not denoiser.model.frozen.training


def test_a_network_in_evaluation_mode_stays_there(denoiser):
    denoiser.eval()
    list(de.sample(denoiser, (1, 3), steps=5))
    assert not any(module.training for module in denoiser.modules())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("sampler", SAMPLERS, ids=NAMES)
def test_the_state_keeps_the_type_that_was_asked_for(dtype, sampler):
    denoiser = de.Denoiser(Network().to(dtype), de.NoiseSchedule.linear(100))
    run = list(de.sample(denoiser, (1, 3), sampler, 5, dtype=dtype))
    assert {step.x_t.dtype for step in run} == {dtype}
    assert run[-1].x_t.isfinite().all()


def test_the_state_lives_where_the_parameters_live():
    with torch.device("meta"):
        unet = de.UNet(de.UNetConfig.tiny(in_channels=1))
    assert de.last(de.sample(de.Denoiser(unet, LINEAR), (2, 1, 8, 8), de.DDIM(eta=1.0), 2)).x_t.device.type == "meta"
    assert de.last(de.sample(de.Denoiser(Network(), LINEAR), (1, 3), steps=2)).x_t.device.type == "cpu"


def test_the_condition_is_passed_on():
    seen = []

    def network(x_t, t, cond=None):
        seen.append(cond)
        return x_t

    cond = de.Cond(vec=torch.ones(1, 2))
    de.last(de.sample(de.Denoiser(network, LINEAR), (1, 3), steps=3, cond=cond))
    assert len(seen) == 3
    assert all(c is cond for c in seen)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, ["steps", "0", "1..100"]),
        ({"steps": 101}, ["steps", "101", "1..100"]),
        ({"shape": None}, ["shape", "None"]),
        ({"shape": (2,)}, ["shape", "(2,)"]),
        ({"shape": (0, 3)}, ["shape", "(0, 3)"]),
        ({"seeds": [1]}, ["seeds", "2", "1"]),
        ({"start_t": 5}, ["start", "start_t"]),
        ({"start": torch.zeros(2, 3)}, ["start", "start_t"]),
        ({"start": torch.zeros(2, 3), "start_t": 0}, ["start_t", "0", "1..100"]),
        ({"start": torch.zeros(2, 3), "start_t": 101}, ["start_t", "101", "1..100"]),
        ({"start": torch.zeros(2, 4), "start_t": 5}, ["shape", "(2, 4)", "(2, 3)"]),
    ],
)
def test_mistakes_are_reported_at_the_call_and_not_at_the_first_step(denoiser, options, words):
    with pytest.raises(ValueError) as caught:
        de.sample(denoiser, **{"shape": (2, 3), **options})
    for word in words:
        assert word in str(caught.value)
    assert not denoiser.model.calls


def test_what_is_no_sampler_is_named(denoiser):
    for wrong in ("ddim", de.DDIM, None):
        with pytest.raises(TypeError, match=r"sampler must be a sampler, such as DDIM\(eta=0\.0\), got"):
            de.sample(denoiser, (2, 3), wrong)


# ---- samplers and their names ----------------------------------------------------------------------------


def test_the_table_holds_every_sampler_under_its_name():
    assert list(samplers.SAMPLERS) == NAMES
    assert [de.named_sampler(name) for name in NAMES] == SAMPLERS
    assert de.named_sampler("ddim", eta=0.5) == de.DDIM(0.5)
    assert de.named_sampler("ddpm", variance="beta") == de.DDPM("beta")
    assert [sampler.default_steps(1000) for sampler in SAMPLERS] == [1000, 50, 20]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=NAMES)
def test_a_sampler_is_a_value_and_keeps_nothing_of_a_run(denoiser, sampler):
    before = repr(sampler)
    one, other = (de.last(de.sample(denoiser, (1, 3), sampler, 5)).x_t for _ in range(2))
    assert torch.equal(one, other), "what a run remembers is its own"
    assert repr(sampler) == before
    assert hash(sampler) == hash(type(sampler)())
    with pytest.raises(AttributeError):
        sampler.eta = 0.5


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: de.DDPM(variance="learned"), ["variance", "'learned'", "posterior, beta"]),
        (lambda: de.DDIM(eta=1.5), ["eta", "1.5", "between 0 and 1"]),
        (lambda: de.DDIM(eta=-0.5), ["eta", "-0.5"]),
        (lambda: de.DDIM(eta=math.nan), ["eta", "nan"]),
        (lambda: de.named_sampler("ddin"), ["sampler", "'ddin'", "did you mean 'ddim'"]),
        (lambda: de.named_sampler("ddim", eat=0.5), ["option", "'ddim'", "'eat'", "did you mean 'eta'"]),
        (lambda: de.named_sampler("ddpm", eta=0.5), ["option", "'ddpm'", "'eta'", "variance"]),
        (lambda: de.named_sampler("dpm-solver", eta=0.5), ["option", "'dpm-solver'", "'eta'", "left out"]),
        (lambda: de.named_sampler("ddim", eta="much"), ["eta", "'much'", "between 0 and 1"]),
    ],
)
def test_a_mistake_in_a_sampler_is_reported_where_it_is_made(make, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    for word in words:
        assert word in str(caught.value)


def test_the_last_step_is_had_without_the_others():
    kept = []
    assert de.last(kept.append(i) or i for i in range(5)) == 4
    assert kept == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="steps must hold at least one step, got none"):
        de.last([])


@dataclasses.dataclass(frozen=True)
class Leap:
    """A toy of a sampler, as CONTRIBUTING asks for one: a class of its own, with an option and a memory."""

    share: float = 1.0
    stochastic = False

    def default_steps(self, T):
        return 4

    def step(self, x_t, estimate, t, s, schedule, noise, memory):
        memory["steps"] = memory.get("steps", 0) + 1
        assert noise is None
        return estimate.x0 * self.share + (1 - self.share) * x_t + 100 * (memory["steps"] == 4)


def test_a_sampler_of_ones_own_is_found_everywhere_by_one_row(denoiser, monkeypatch, capsys):
    """CONTRIBUTING, "A sampler": sampled, called by name, on the command line, with its options and default."""
    assert len(list(de.sample(denoiser, (1, 3), Leap()))) == 5
    assert de.last(de.sample(denoiser, (1, 3), Leap())).x_t.min() > 90, "the memory of a run reached its last step"
    monkeypatch.setitem(samplers.SAMPLERS, "leap", Leap)
    assert de.named_sampler("leap", share=0.5) == Leap(0.5)
    drawn = []
    monkeypatch.setattr("diffusion_edu.cli.sampling.save_grid", lambda out, images, *_, **__: drawn.append(images))
    for option in ("leap", "leap:share=0.5"):
        assert main(["sample", "fashion", "--n", "1", "--sampler", option]) == 0
    whole, half = drawn
    assert torch.equal(whole, de.load("fashion").generate(1, sampler=Leap()))
    assert torch.equal(half, de.load("fashion").generate(1, sampler=Leap(0.5)))
    assert not torch.equal(whole, half)
    capsys.readouterr()
    assert main(["sample", "fashion", "--sampler", "leep"]) == 2
    assert "did you mean 'leap'" in capsys.readouterr().err


# ---- the right distribution, with no training ------------------------------------------------------------


class Points:
    """An oracle of points (D,) seen as one of sets (M, D), so that one seed draws many points."""

    def __init__(self, oracle):
        self.oracle, self.schedule = oracle, oracle.schedule

    def __call__(self, x_t, t, cond=None):
        estimate = self.oracle(x_t.flatten(0, 1), t)
        return de.Estimate(*(part.reshape(x_t.shape) for part in estimate))


MEANS = torch.tensor([[-0.8, -0.4], [0.7, -0.5], [0.1, 0.8]])
STD = torch.tensor([0.05, 0.1, 0.15])
WEIGHTS = torch.tensor([0.2, 0.3, 0.5])


def mixture_of(sampler, steps, count=6000):
    oracle = Points(de.MixtureOracle(MEANS, STD, LINEAR, WEIGHTS))
    x = de.last(de.sample(oracle, (4, count // 4, 2), sampler, steps)).x_t.flatten(0, 1)
    nearest = torch.cdist(x, MEANS).argmin(1)
    return x, nearest


@pytest.mark.parametrize(
    "sampler, steps",
    [(de.DDPM(), None), (de.DDPM(variance="beta"), 500), (de.DDIM(), 250), (de.DPMSolver(), 250)],
)
def test_exact_denoisers_sample_the_mixture(sampler, steps):
    """Weights and centres within five standard errors, and spreads within a twentieth more (the steps are finite)."""
    x, nearest = mixture_of(sampler, steps)
    for k in range(3):
        mine, weight = x[nearest == k], WEIGHTS[k].item()
        assert abs(len(mine) / len(x) - weight) < 5 * math.sqrt(weight * (1 - weight) / len(x))
        assert ((mine.mean(0) - MEANS[k]).abs() < 5 * STD[k] / math.sqrt(len(mine)) + 0.002).all()
        tolerance = 5 / math.sqrt(2 * len(mine)) + 0.05
        assert ((mine.std(0) / STD[k] - 1).abs() < tolerance).all()
        correlation = torch.corrcoef(mine.T)[0, 1]
        assert abs(correlation) < 5 / math.sqrt(len(mine))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=NAMES)
def test_a_finite_data_set_is_sampled_back(sampler):
    """The exact denoiser of four points returns these points, about equally often."""
    data = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]) * 0.9
    oracle = Points(de.DatasetOracle(data, LINEAR))
    x = de.last(de.sample(oracle, (4, 250, 2), sampler, 100)).x_t.flatten(0, 1)
    distance, nearest = torch.cdist(x, data).min(1)
    assert distance.max() < 1e-2
    counts = torch.bincount(nearest, minlength=4)
    assert ((counts - 250).abs() < 5 * math.sqrt(1000 * 0.25 * 0.75)).all()
