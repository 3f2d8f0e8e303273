"""Flow matching: the straight path, its exact velocity, its Euler steps, and what it shares with diffusion."""

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.diffusion.flow import (
    FlowDenoiser,
    StraightPath,
    flow_loss,
    flow_sample,
    flow_step,
    flow_velocity,
    from_velocity,
)

PATH = StraightPath(1000)
CENTERS = torch.tensor([[-1.0, 0.0], [1.0, 0.5], [0.2, -0.8]], dtype=torch.float64)


def randn(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def exact(x_t, t, cond=None, width=0.15):
    """E[eps - x_0 | x_t] for a mixture, by its posterior at each component: no schedule and no oracle."""
    tau = (t if isinstance(t, torch.Tensor) else torch.full((len(x_t),), t)).to(x_t)[:, None] / 1000
    variance = (1 - tau) ** 2 * width**2 + tau**2
    square = (x_t[:, None] - (1 - tau)[..., None] * CENTERS.to(x_t)).square().sum(2)
    weight = (-square / (2 * variance)).softmax(1)
    pull = (1 - tau) * width**2 / variance
    means = CENTERS.to(x_t) + pull[..., None] * (x_t[:, None] - (1 - tau)[..., None] * CENTERS.to(x_t))
    x0 = (weight[..., None] * means).sum(1)
    return (x_t - (1 - tau) * x0) / tau - x0


def test_the_path_is_a_straight_line_with_a_constant_velocity():
    x0, eps = randn(4, 3), randn(4, 3, seed=1)
    assert torch.equal(flow_sample(x0, 0, PATH, eps)[0], x0)
    assert torch.equal(flow_sample(x0, 1000, PATH, eps)[0], eps)
    for t, s in ((300, 301), (10, 900)):
        moved = flow_sample(x0, s, PATH, eps)[0] - flow_sample(x0, t, PATH, eps)[0]
        assert torch.allclose(moved, (s - t) / 1000 * flow_velocity(x0, eps))


def test_each_sample_may_have_its_own_step_and_noise_is_drawn_from_the_generator():
    x0, t = randn(3, 2, 4, 4), torch.tensor([1, 500, 1000])
    x_t, eps = flow_sample(x0, t, PATH, generator=torch.Generator().manual_seed(5))
    again, _ = flow_sample(x0, t, PATH, generator=torch.Generator().manual_seed(5))
    assert torch.equal(x_t, again)
    for i, step in enumerate(t.tolist()):
        assert torch.allclose(x_t[i : i + 1], flow_sample(x0[i : i + 1], step, PATH, eps[i : i + 1])[0])


def test_the_ends_come_back_from_the_velocity():
    x0, eps = randn(4, 3), randn(4, 3, seed=1)
    for t in (1, 400, 1000, torch.tensor([1, 10, 999, 1000])):
        x_t, _ = flow_sample(x0, t, PATH, eps)
        found = from_velocity(flow_velocity(x0, eps), x_t, t, PATH)
        assert torch.allclose(found.x0, x0) and torch.allclose(found.eps, eps)


def test_the_best_answer_is_the_mean_velocity_and_no_other_has_less_loss():
    """The exact velocity against itself with a small error: the loss tells them apart by the error's square."""
    which = torch.randint(0, 3, (200_000,), generator=torch.Generator().manual_seed(2))
    x0 = CENTERS[which] + 0.15 * randn(200_000, 2, seed=3)

    def loss(error):
        return flow_loss(lambda x, t, cond: exact(x, t) + error, x0, PATH, torch.Generator().manual_seed(4)).item()

    assert loss(0.2) - loss(0.0) == pytest.approx(0.04, abs=0.005)
    assert loss(-0.2) - loss(0.0) == pytest.approx(0.04, abs=0.005)


def test_the_loss_is_the_mean_square_of_the_velocity_error():
    x0, eps, t = randn(5, 2, dtype=torch.float32), randn(5, 2, seed=1, dtype=torch.float32), torch.arange(1, 6) * 200
    got = flow_loss(lambda x, t, cond: torch.zeros_like(x), x0, PATH, t=t, eps=eps)
    assert torch.allclose(got, (eps - x0).square().mean())
    assert got.dtype == torch.float32


def test_steps_are_uniform_from_one_to_T():
    seen = []

    def spy(x, t, cond):
        seen.append(t)
        return x

    flow_loss(spy, randn(20_000, 1), StraightPath(10), torch.Generator().manual_seed(0))
    counts = torch.bincount(seen[0], minlength=11)
    assert counts[0] == 0 and (counts[1:] - 2000).abs().max() < 4 * 43


@pytest.mark.parametrize(("t", "s"), [(1000, 900), (500, 499), (20, 0)])
def test_an_euler_step_is_the_ddim_step_of_these_coefficients(t, s):
    x_t, velocity = randn(3, 2), randn(3, 2, seed=1)
    x0, eps = from_velocity(velocity, x_t, t, PATH)
    wanted = PATH.signal(s) * x0 + PATH.noise(s) * eps
    assert torch.allclose(flow_step(x_t, velocity, t, s, PATH), wanted)


def test_the_schedule_of_the_path_has_its_ratio_of_signal_to_noise():
    schedule = PATH.as_schedule()
    for t in (1, 250, 500, 999):
        assert schedule.signal(t) / schedule.noise(t) == pytest.approx(PATH.signal(t) / PATH.noise(t), rel=1e-9)
    assert schedule.signal(1000) < 1e-4


@pytest.mark.parametrize("steps", [1, 5, 50])
def test_sampling_with_ddim_follows_the_line_by_euler_steps(steps):
    denoiser = FlowDenoiser(exact, PATH)
    run = list(de.sample(denoiser, (64, 2), steps=steps, dtype=torch.float64))
    x = run[0].x_t
    times = de.timesteps(1000, steps)
    for t, s, state in zip(times[:-1], times[1:], run[1:], strict=True):
        x = flow_step(x, exact(x, t), t, s, PATH)
        assert torch.allclose(x, PATH.length(s) * state.x_t, atol=1e-4)  # alpha_bar_T is 1e-9, not 0


def test_the_exact_velocity_samples_the_mixture_and_agrees_with_the_oracle():
    oracle = de.MixtureOracle(CENTERS, 0.15, PATH.as_schedule())
    denoiser = FlowDenoiser(exact, PATH)
    x_t = randn(50, 2)
    for t in (1, 300, 999):
        for ours, theirs in zip(denoiser(x_t, t), oracle(x_t, t), strict=True):
            assert torch.allclose(ours, theirs, atol=1e-6)
    *_, last = de.sample(denoiser, (3000, 2), steps=100, dtype=torch.float64)
    distance, nearest = torch.cdist(last.x_t, CENTERS).min(1)
    assert ((torch.bincount(nearest) / 3000 - 1 / 3).abs() < 0.04).all()
    assert (distance.square().mean() / 2).sqrt().item() == pytest.approx(0.15, rel=0.06)


def test_one_point_needs_one_step():
    """Where all lines end in one point they do not cross, and one Euler step is exact."""
    point = torch.tensor([[0.3, -0.7]], dtype=torch.float64)

    def velocity(x, t, cond=None):
        return (x - point) / (t[:, None] / 1000)

    *_, last = de.sample(FlowDenoiser(velocity, PATH), (8, 2), steps=1, dtype=torch.float64)
    assert torch.allclose(last.x_t, point.expand(8, 2), atol=1e-12)


def test_pixels_are_clipped_and_eps_follows():
    denoiser = FlowDenoiser(lambda x, t, cond: 5 * torch.ones_like(x), PATH, clip=True)
    x_t = randn(2, 1, 4, 4, dtype=torch.float32)
    estimate = denoiser(x_t, 400)
    assert estimate.x0.abs().max() <= 1
    whole = denoiser.schedule.signal(400) * estimate.x0 + denoiser.schedule.noise(400) * estimate.eps
    assert torch.allclose(whole, x_t, atol=1e-5)


def test_a_network_is_left_in_its_mode_and_is_given_whole_steps():
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(2, 2)
            self.seen = []

        def forward(self, x, t, cond=None):
            self.seen.append((t.tolist(), self.training, cond))
            return self.linear(x)

    network = Network()
    list(de.sample(FlowDenoiser(network, PATH), (2, 2), steps=2))
    assert network.seen == [([1000, 1000], False, None), ([500, 500], False, None)]
    assert network.training


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: StraightPath(1), ["T", "1"]),
        (lambda x: PATH.noise(1001), ["t", "1001"]),
        (lambda x: PATH.gather("beta", 5, x), ["table", "beta"]),
        (lambda x: flow_sample(x, 5, PATH, x[:1]), ["noise", "(1, 2)"]),
        (lambda x: flow_velocity(x, x[:1]), ["eps", "(1, 2)"]),
        (lambda x: from_velocity(x[:1], x, 5, PATH), ["velocity", "(1, 2)"]),
        (lambda x: flow_step(x, x, 5, 5, PATH), ["s=5", "t=5"]),
    ],
)
def test_mistakes_are_named(call, words):
    with pytest.raises(ValueError) as caught:
        call(randn(3, 2))
    for word in words:
        assert word in str(caught.value)
