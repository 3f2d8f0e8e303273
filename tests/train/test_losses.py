from types import SimpleNamespace

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.train.losses import loss_weight

SCHEDULE = de.NoiseSchedule.linear(100)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


class Recorder(nn.Module):
    """A network that answers half of its input, and remembers what it saw."""

    def forward(self, x_t, t, cond=None):
        self.x_t, self.t, self.cond = x_t, t, cond
        return x_t / 2


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
def test_loss_is_the_mean_square_of_the_noise_error(kind):
    """Eq. 14, recomputed from the same random numbers: t first, then eps; a mean over pixels and batch."""
    x0, model = randn(5, 1, 4, 4, seed=1), Recorder()
    loss = de.diffusion_loss(model, x0, SCHEDULE, kind, generator(7))
    g = generator(7)
    t = torch.randint(1, 101, (5,), generator=g)
    eps = torch.randn(x0.shape, generator=g)
    signal = torch.tensor([SCHEDULE.signal(int(i)) for i in t]).reshape(5, 1, 1, 1)
    noise = torch.tensor([SCHEDULE.noise(int(i)) for i in t]).reshape(5, 1, 1, 1)
    x_t = signal * x0 + noise * eps
    wanted = {"eps": eps, "x0": x0, "v": signal * eps - noise * x0}[kind]
    assert torch.equal(model.t, t)
    assert torch.allclose(model.x_t, x_t, atol=1e-6)
    assert loss.item() == pytest.approx((wanted - x_t / 2).square().mean().item(), rel=1e-5)


def test_one_loss_a_sample():
    """Misconception: the loss is a squared norm and no difference; its mean is the scalar."""
    x0 = randn(5, 1, 4, 4, seed=1)
    each = de.diffusion_loss(Recorder(), x0, SCHEDULE, generator=generator(7), reduce=False)
    whole = de.diffusion_loss(Recorder(), x0, SCHEDULE, generator=generator(7))
    assert each.shape == (5,)
    assert (each > 0).all()
    assert each.mean().item() == pytest.approx(whole.item(), rel=1e-6)
    alone = de.diffusion_loss(Recorder(), x0[:1], SCHEDULE, generator=generator(7), reduce=False)
    assert alone.shape == (1,)


def test_steps_are_uniform_from_one_to_T():
    """Never 0 (nothing to predict), and T as often as the rest."""
    short, model = de.NoiseSchedule.cosine(4), Recorder()
    de.diffusion_loss(model, torch.zeros(40_000, 1), short, generator=generator())
    counts = torch.bincount(model.t, minlength=5)
    assert counts[0] == 0
    assert len(counts) == 5
    assert ((counts[1:] - 10_000).abs() < 5 * (40_000 * 0.25 * 0.75) ** 0.5).all()


def test_given_steps_are_used():
    model, t = Recorder(), torch.tensor([3, 100])
    de.diffusion_loss(model, randn(2, 3), SCHEDULE, generator=generator(), t=t)
    assert torch.equal(model.t, t)


def test_a_perfect_network_has_no_loss():
    x0 = randn(1, 4, seed=2).expand(8, 4)
    oracle = de.DatasetOracle(x0[:1], SCHEDULE)
    for kind in ("eps", "x0", "v"):

        def network(x_t, t, cond, kind=kind):
            estimate = oracle(x_t, t)
            return de.target(kind, estimate.x0, estimate.eps, t, SCHEDULE)

        assert de.diffusion_loss(network, x0, SCHEDULE, kind, generator()).item() < 1e-6


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_the_loss_is_single_precision_whatever_the_network(dtype):
    """Trap 7: only the network's own rounding may show."""
    x0 = randn(4, 64, seed=3)

    def network(x_t, t, cond):
        assert x_t.dtype == torch.float32
        return (x_t / 2).to(dtype)

    loss = de.diffusion_loss(network, x0, SCHEDULE, generator=generator())
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(
        de.diffusion_loss(Recorder(), x0, SCHEDULE, generator=generator()).item(), rel=0.01
    )


def test_conditions_are_dropped_by_sample_and_only_when_asked():
    """Trap 26: a share of the samples sees the null, the others their own; never as a side effect of a mode."""
    model, count = Recorder().train(), 4000
    x0, own = torch.zeros(count, 1), de.Cond(vec=torch.arange(1.0, count + 1)[:, None])
    null = de.Cond(vec=torch.zeros(1, 1))
    de.diffusion_loss(model, x0, SCHEDULE, generator=generator(), cond=own)
    assert model.cond is own
    de.diffusion_loss(model, x0, SCHEDULE, generator=generator(), cond=own, drop=0.25, null=null)
    dropped = model.cond.vec[:, 0] == 0
    assert torch.equal(model.cond.vec[~dropped], own.vec[~dropped])
    assert abs(dropped.float().mean() - 0.25) < 5 * (0.25 * 0.75 / count) ** 0.5
    de.diffusion_loss(model, x0, SCHEDULE, generator=generator(), cond=own, drop=1.0, null=null)
    assert not model.cond.vec.any()


def test_the_same_generator_gives_the_same_loss():
    """Trap 33: and the global generator is not touched."""
    x0, before = randn(2, 3), torch.random.get_rng_state()
    losses = [de.diffusion_loss(Recorder(), x0, SCHEDULE, generator=generator(s)).item() for s in (1, 1, 2)]
    assert losses[0] == losses[1] != losses[2]
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "epsilon"}, ["target", "'epsilon'", "'eps'"]),
        ({"drop": 1.5}, ["drop", "1.5", "between 0 and 1"]),
        ({"drop": 0.5}, ["drop", "0.5", "cond is None"]),
        ({"weight": "snr"}, ["weight", "uniform, min-snr", "'snr'"]),
        ({"t": torch.tensor([1, 101])}, ["t ", "101"]),
        ({"t": torch.tensor([1])}, ["t ", "(2,)", "(1,)"]),
    ],
)
def test_mistakes_are_named(options, words):
    with pytest.raises(ValueError) as caught:
        de.diffusion_loss(Recorder(), torch.zeros(2, 3), SCHEDULE, **options)
    for word in words:
        assert word in str(caught.value)


def test_steps_and_noise_can_be_given():
    schedule, x0 = de.NoiseSchedule.linear(50), torch.randn(3, 1, 4, 4)
    t, eps = torch.tensor([1, 20, 50]), torch.randn(3, 1, 4, 4)
    seen = {}

    def model(x_t, steps, cond=None):
        seen.update(x_t=x_t, t=steps)
        return torch.zeros_like(x_t)

    loss = de.diffusion_loss(model, x0, schedule, t=t, eps=eps)
    assert torch.equal(seen["t"], t)
    assert torch.equal(seen["x_t"], de.q_sample(x0, t, schedule, noise=eps)[0])
    assert loss.item() == pytest.approx(eps.square().mean().item(), rel=1e-6)


@pytest.mark.parametrize("kind", ["eps", "x0", "v"])
@pytest.mark.parametrize("name", ["linear", "cosine"])
def test_min_snr_is_the_smaller_of_snr_and_five_in_terms_of_x0(kind, name):
    """Trap 20: whatever is predicted, the weight times its error is min(snr, 5) times the error of x_0."""
    schedule = de.NoiseSchedule.from_name(name, 1000)
    t = torch.tensor([1, 10, 200, 500, 900, 1000])
    x0, x_t, error = randn(6, 3, seed=1).double(), randn(6, 3, seed=2).double(), randn(6, 3, seed=3).double() / 100
    a = schedule.alpha_bar[t]
    snr = a / (1 - a)
    true, off = (de.to_x0_eps("x0", x, x_t, t, schedule) for x in (x0, x0 + error))
    own = [de.target(kind, estimate.x0, estimate.eps, t, schedule) for estimate in (true, off)]
    weighted = loss_weight("min-snr", kind, t, schedule) * (own[1] - own[0]).square().sum(1)
    assert torch.allclose(weighted, snr.clamp(max=5) * error.square().sum(1), rtol=1e-6)


def test_weights_at_the_ends_are_finite():
    """With no signal left at all, snr = 0 must not divide; and uniform is one."""
    alpha_bar = torch.tensor([1.0, 0.999, 0.5, 0.0], dtype=torch.float64)
    schedule, t = SimpleNamespace(alpha_bar=alpha_bar), torch.tensor([1, 2, 3])
    found = [loss_weight("min-snr", kind, t, schedule).tolist() for kind in ("eps", "x0", "v")]
    assert found[0] == pytest.approx([5 / 999, 1, 1])
    assert found[1] == pytest.approx([5, 1, 0])
    assert found[2] == pytest.approx([5 / 1000, 0.5, 0])
    assert loss_weight("uniform", "eps", t, schedule).tolist() == [1, 1, 1]


def test_the_weight_reaches_the_loss():
    x0, t = randn(2, 3), torch.tensor([1, 90])
    losses = [
        de.diffusion_loss(Recorder(), x0, SCHEDULE, generator=generator(), t=t, weight=weight, reduce=False)
        for weight in ("uniform", "min-snr")
    ]
    assert torch.allclose(losses[1], losses[0] * loss_weight("min-snr", "eps", t, SCHEDULE).float())
