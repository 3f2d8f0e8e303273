import pytest
import torch
from torch import nn

import diffusion_edu as de

SCHEDULE = de.NoiseSchedule.linear(1000)


class Fixed(nn.Module):
    """A network that answers with what it was given, and remembers what it was asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer = answer
        self.weight = nn.Parameter(torch.zeros(3))

    def forward(self, x_t, t, cond=None):
        self.asked = (x_t, t, cond)
        return self.answer.expand_as(x_t) if self.answer.numel() == 1 else self.answer


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
@pytest.mark.parametrize("t", [1, 500, 1000])
def test_x0_is_clipped_first_and_eps_follows_it(kind, t):
    """Trap 11: the clipped x_0 and the noise still make x_t, so a step is the posterior of the clipped picture."""
    x_t, answer = 2 * randn(4, 1, 3, 3), 3 * randn(4, 1, 3, 3, seed=1)
    estimate = de.Denoiser(Fixed(answer), SCHEDULE, kind)(x_t, t)
    raw = de.to_x0_eps(kind, answer, x_t, t, SCHEDULE)
    assert raw.x0.abs().max() > 1, "the test needs something to clip"
    assert torch.equal(estimate.x0, raw.x0.clamp(-1, 1))
    assert torch.allclose(SCHEDULE.signal(t) * estimate.x0 + SCHEDULE.noise(t) * estimate.eps, x_t, atol=1e-5)
    assert not torch.allclose(estimate.eps, raw.eps)
    if t > 1:
        step = de.ddpm_step(x_t, estimate, t, t - 1, SCHEDULE, torch.zeros_like(x_t))
        assert torch.allclose(step, de.posterior(raw.x0.clamp(-1, 1), x_t, t, SCHEDULE).mean, atol=1e-5)


def test_what_lies_inside_is_not_changed():
    x0, eps = randn(2, 5).clamp(-0.9, 0.9), randn(2, 5, seed=1)
    x_t, _ = de.q_sample(x0, 300, SCHEDULE, eps)
    for kind in ("eps", "x0", "v"):
        network = Fixed(de.target(kind, x0, eps, 300, SCHEDULE))
        estimate = de.Denoiser(network, SCHEDULE, kind)(x_t, 300)
        assert torch.allclose(estimate.x0, x0, atol=1e-5)
        assert torch.allclose(estimate.eps, eps, atol=1e-5)


def test_latents_are_not_clipped():
    """Trap 12: [-1, 1] is the range of pixels, not of latents."""
    x_t = 5 * randn(2, 4)
    estimate = de.Denoiser(Fixed(x_t), SCHEDULE, "x0", clip=False)(x_t, 400)
    assert torch.equal(estimate.x0, x_t)


def test_sampled_latents_leave_the_range_of_pixels():
    """Trap 12, and 18 of text to image: a sampler that clips by default makes grey of latents."""
    oracle = de.MixtureOracle(torch.full((1, 1, 2, 2), 4.0), 0.1, schedule=SCHEDULE)

    def network(x_t, t, cond=None):
        return oracle(x_t, t).x0

    for clip, wanted in ((False, 4.0), (True, 1.0)):
        last = de.last(de.sample(de.Denoiser(network, SCHEDULE, "x0", clip), (2, 1, 2, 2), steps=10))
        assert torch.allclose(last.x_t, torch.full((2, 1, 2, 2), wanted), atol=0.5), clip


@pytest.mark.parametrize("shape", [(3, 1000), (3, 1, 20, 50)])
def test_the_dynamic_threshold_is_a_quantile_of_each_sample(shape):
    x0 = randn(*shape) * torch.tensor([0.2, 1.0, 5.0]).reshape(-1, *[1] * (len(shape) - 1))
    s = x0.flatten(1).abs().quantile(0.995, dim=1).clamp(min=1).reshape(-1, *[1] * (len(shape) - 1))
    assert s.flatten()[0] == 1
    assert s.flatten()[2] > 10
    got = de.dynamic_threshold(x0)
    assert torch.allclose(got, x0.clamp(-s, s) / s, atol=1e-6)
    assert torch.equal(got[2:], de.dynamic_threshold(x0[2:])), "a sample does not depend on the batch around it"
    clipped = (got.abs() == 1).flatten(1).float().mean(1)
    assert torch.allclose(clipped[1:], torch.tensor(0.005), atol=0.0011)


def test_the_dynamic_threshold_leaves_what_lies_inside_as_it_is():
    """Trap 19: the floor of s is 1; without it, or with a ceiling there, dark images would be stretched."""
    x0 = 0.9 * torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(de.dynamic_threshold(x0), x0)
    loud = torch.cat([x0, 10 * x0])
    assert torch.equal(de.dynamic_threshold(loud)[:2], x0)
    assert de.dynamic_threshold(loud)[2:].abs().max() == 1
    assert de.dynamic_threshold(loud)[2:].std() > 0.2, "scaled, not saturated"


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_eps_follows_the_dynamic_threshold_too(kind):
    x_t, answer = 2 * randn(4, 1, 3, 3), 3 * randn(4, 1, 3, 3, seed=1)
    estimate = de.Denoiser(Fixed(answer), SCHEDULE, kind, clip="dynamic")(x_t, 500)
    raw = de.to_x0_eps(kind, answer, x_t, 500, SCHEDULE)
    assert torch.equal(estimate.x0, de.dynamic_threshold(raw.x0))
    assert torch.allclose(SCHEDULE.signal(500) * estimate.x0 + SCHEDULE.noise(500) * estimate.eps, x_t, atol=1e-5)
    static = de.Denoiser(Fixed(answer), SCHEDULE, kind, clip="static")(x_t, 500)
    assert torch.equal(static.x0, raw.x0.clamp(-1, 1))
    assert not torch.allclose(static.x0, estimate.x0, atol=1e-2)


def test_clipping_tames_the_end_of_the_cosine_schedule():
    """Trap 5: there x_0 = (x_t - s eps) / a magnifies an error of eps 20,000 times, and one of v not at all."""
    cosine, error = de.NoiseSchedule.cosine(1000), 1e-3
    x0, eps = torch.zeros(1, 4), randn(1, 4)
    x_t, _ = de.q_sample(x0, 1000, cosine, eps)
    off = {kind: Fixed(de.target(kind, x0, eps, 1000, cosine) + error) for kind in ("eps", "v")}
    wild = de.Denoiser(off["eps"], cosine, "eps", clip=False)(x_t, 1000).x0
    assert wild.abs().min() > 10
    assert de.Denoiser(off["eps"], cosine, "eps")(x_t, 1000).x0.abs().max() <= 1
    assert de.Denoiser(off["v"], cosine, "v", clip=False)(x_t, 1000).x0.abs().max() < 2 * error


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_an_int_and_a_tensor_of_steps_agree(kind, clip):
    for batch in (1, 3):
        x_t = randn(batch, 1, 2, 2)
        denoiser = de.Denoiser(Fixed(randn(batch, 1, 2, 2, seed=1)), SCHEDULE, kind, clip)
        whole = denoiser(x_t, 700)
        _, steps, _ = denoiser.model.asked
        assert steps.shape == (batch,)
        assert not steps.is_floating_point()
        assert steps.tolist() == [700] * batch
        each = denoiser(x_t, torch.full((batch,), 700))
        assert torch.allclose(whole.x0, each.x0, rtol=1e-5, atol=1e-6)
        assert torch.allclose(whole.eps, each.eps, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("steps", [999, torch.tensor([999, 999])])
def test_a_half_precision_answer_is_used_in_single_precision(dtype, steps):
    """Trap 7: autocast returns bf16; dividing by a = 0.006 in bf16 would lose the picture."""
    x_t = randn(2, 8)
    answer = randn(2, 8, seed=1).to(dtype)
    low = de.Denoiser(Fixed(answer), SCHEDULE, "eps", clip=False)(x_t, steps)
    full = de.Denoiser(Fixed(answer.float()), SCHEDULE, "eps", clip=False)(x_t, steps)
    assert low.x0.dtype == low.eps.dtype == torch.float32
    assert torch.equal(low.x0, full.x0)
    assert torch.equal(low.eps, full.eps)


@pytest.mark.parametrize("steps", [999, torch.tensor([999, 999])])
def test_half_precision_data_are_handled_in_single_precision(steps):
    """Trap 7: for an int t as for a tensor."""
    x_t, answer = randn(2, 8).half(), randn(2, 8, seed=1).half()
    low = de.Denoiser(Fixed(answer), SCHEDULE, clip=False)(x_t, steps)
    full = de.Denoiser(Fixed(answer.float()), SCHEDULE, clip=False)(x_t.float(), steps)
    assert torch.equal(low.x0, full.x0)


def test_the_schedule_is_no_part_of_the_weights():
    """Trap 8: it is not saved with them, and halving or doubling them leaves it as it is."""
    denoiser = de.Denoiser(Fixed(torch.zeros(1)), de.NoiseSchedule.linear(100))
    assert list(denoiser.state_dict()) == ["model.weight"]
    before = denoiser.schedule.alpha_bar.clone()
    for change in (denoiser.half, denoiser.bfloat16, denoiser.float):
        change()
        assert denoiser.schedule.alpha_bar.dtype == torch.float64
        assert torch.equal(denoiser.schedule.alpha_bar, before)


def test_the_condition_reaches_the_network():
    cond = de.Cond(vec=torch.ones(2, 3))
    denoiser = de.Denoiser(Fixed(torch.zeros(1)), SCHEDULE)
    denoiser(torch.zeros(2, 4), 5, cond)
    assert denoiser.model.asked[2] is cond


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="target must be one of eps, x0, v, got 'epsilon'; did you mean 'eps'"):
        de.Denoiser(Fixed(torch.zeros(1)), SCHEDULE, "epsilon")
    with pytest.raises(ValueError, match="clip must be one of False, True, static, dynamic, got 'dynamc'; did you"):
        de.Denoiser(Fixed(torch.zeros(1)), SCHEDULE, clip="dynamc")
    with pytest.raises(ValueError, match=r"share must be between 0 and 1, got 99\.5"):
        de.dynamic_threshold(torch.zeros(1, 4), 99.5)
    with pytest.raises(ValueError, match=r"prediction must have the shape of x_t \(2, 4\), got \(2, 3\)"):
        de.Denoiser(Fixed(torch.zeros(2, 3)), SCHEDULE)(torch.zeros(2, 4), 5)
    with pytest.raises(ValueError, match=r"t must be in 1\.\.1000, got 1001"):
        de.Denoiser(Fixed(torch.zeros(1)), SCHEDULE)(torch.zeros(2, 4), 1001)
    with pytest.raises(ValueError, match=r"t must be in 1\.\.1000, got 0"):
        de.Denoiser(Fixed(torch.zeros(1)), SCHEDULE)(torch.zeros(2, 4), 0)
