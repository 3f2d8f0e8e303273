"""Noise schedules: identities of the tables, precision, and what bad arguments do."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import diffusion_edu as de

MAKERS = [de.NoiseSchedule.linear, de.NoiseSchedule.scaled_linear, de.NoiseSchedule.cosine]


@pytest.fixture(params=MAKERS, ids=lambda make: make.__name__)
def make(request):
    return request.param


def test_alpha_bar_is_the_product_and_starts_at_one(make):
    """Traps 1 and 6: index 0 is the clean picture, and products are taken in float64."""
    schedule = make(1000)
    assert schedule.beta[0] == 0 and schedule.alpha_bar[0] == 1 and len(schedule.beta) == 1001
    kept = 1.0
    for t in range(1, 1001):
        kept *= 1 - schedule.beta[t].item()
        assert math.isclose(schedule.alpha_bar[t].item(), kept, rel_tol=1e-12)
    assert schedule.alpha_bar.dtype == torch.float64
    assert torch.equal(schedule.alpha, 1 - schedule.beta)


def test_linear_is_linear_in_beta():
    beta = de.NoiseSchedule.linear(1000).beta
    assert beta[1] == pytest.approx(1e-4) and beta[1000] == pytest.approx(0.02)
    assert torch.allclose(beta[1:].diff(), torch.full((999,), (0.02 - 1e-4) / 999, dtype=torch.float64))


def test_scaled_linear_is_linear_in_the_root():
    """Trap 2: latent diffusion's "linear" is linear in sqrt(beta), and has its own name here."""
    beta = de.NoiseSchedule.scaled_linear(1000).beta
    steps = beta[1:].sqrt().diff()
    assert torch.allclose(steps, steps[0].expand(999))
    assert beta[1] == pytest.approx(0.00085) and beta[1000] == pytest.approx(0.012)
    assert beta[1:].diff().std() > 1e-7  # so it is not linear in beta


def test_cosine_follows_the_cosine_and_is_consistent_where_clipped():
    """Trap 4: beta is clipped, and alpha_bar is the product of what was kept."""
    schedule, s = de.NoiseSchedule.cosine(1000), 0.008
    f = [math.cos(math.pi / 2 * (t / 1000 + s) / (1 + s)) ** 2 for t in range(1001)]
    assert torch.allclose(schedule.alpha_bar[:1000], torch.tensor(f[:1000], dtype=torch.float64) / f[0], rtol=1e-9)
    assert schedule.beta.max() == 0.999 and int((schedule.beta == 0.999).sum()) == 1
    assert schedule.alpha_bar[1000] == pytest.approx(schedule.alpha_bar[999].item() * 0.001)
    assert 0 < schedule.alpha_bar[1000] < 1e-8 and torch.isfinite(schedule.alpha_bar.log()).all()


def test_snr_is_the_ratio_of_variances_and_falls(make):
    schedule = make(1000)
    for t in (1, 10, 500, 1000):
        assert schedule.snr[t].item() == pytest.approx((schedule.signal(t) / schedule.noise(t)) ** 2, rel=1e-9)
    assert schedule.snr[0] == math.inf
    assert bool((schedule.snr.diff()[1:] < 0).all())


@settings(max_examples=25, deadline=None)
@given(T=st.integers(25, 1500), index=st.integers(0, 2))
def test_every_length_ends_in_noise(T, index):
    """Trap 3: with the published betas T = 50 would keep 60% of the signal's variance; scaling prevents that."""
    schedule = MAKERS[index](T)
    assert schedule.T == T
    assert schedule.alpha_bar[-1] < 0.01
    assert bool((schedule.alpha_bar.diff() < 0).all())
    for t in (0, 1, T // 2, T):
        assert schedule.signal(t) ** 2 + schedule.noise(t) ** 2 == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("T", [0, 1, -5, 10.0, True, "100"])
def test_bad_T_is_named(make, T):
    with pytest.raises((TypeError, ValueError), match=r"T must be an? ?integer|T must be in|T must be at least 2"):
        make(T)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: de.NoiseSchedule.linear(20), r"beta_end \* 1000 / T must stay below 1, got 1 for T=20"),
        (lambda: de.NoiseSchedule.linear(100, beta_start=0.0), "beta_start=0.0"),
        (lambda: de.NoiseSchedule.linear(100, beta_start=0.02, beta_end=0.01), "beta_start <= beta_end"),
        (lambda: de.NoiseSchedule.cosine(100, s=0.0), "s must be between 0 and 1, got 0.0"),
        (lambda: de.NoiseSchedule.from_name("cosin", 100), "did you mean 'cosine'"),
        (lambda: de.NoiseSchedule(torch.tensor([0.1, 0.2])), r"beta\[0\] must be 0"),
        (lambda: de.NoiseSchedule(torch.tensor([0.0, 1.2])), "strictly between 0 and 1"),
        (lambda: de.NoiseSchedule(torch.tensor([0.0, float("nan")])), "strictly between 0 and 1"),
        (lambda: de.NoiseSchedule(torch.zeros(2, 2)), r"shape \(T \+ 1,\)"),
        (lambda: de.NoiseSchedule.linear(100).signal(101), r"t must be in 0..100, got 101"),
        (lambda: de.NoiseSchedule.linear(100).noise(-1), r"t must be in 0..100, got -1"),
    ],
)
def test_bad_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_schedule_survives_its_description(make):
    for schedule in (make(123), de.NoiseSchedule(torch.tensor([0.0, 0.1, 0.5]))):
        again = de.NoiseSchedule.from_dict(schedule.to_dict())
        assert torch.equal(again.beta, schedule.beta) and again.name == schedule.name


def test_a_schedule_is_no_part_of_the_weights_and_never_rounded():
    """Traps 7 and 8: no table in the state_dict, and .half() of the network leaves the schedule exact."""
    schedule = de.NoiseSchedule.linear(1000)
    denoiser = de.Denoiser(torch.nn.Conv2d(1, 1, 1), schedule)
    assert all(name.startswith("model.") for name in denoiser.state_dict())
    before = schedule.alpha_bar.clone()
    denoiser.half()
    assert schedule.alpha_bar.dtype == torch.float64 and torch.equal(schedule.alpha_bar, before)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_small_noise_survives_half_precision(dtype):
    """Trap 7: a table in half precision rounds 1 - alpha_bar_1 to zero; ours is gathered in float32."""
    schedule = de.NoiseSchedule.linear(1000)
    x0 = torch.zeros(4, 1, 2, 2, dtype=dtype)
    t = torch.tensor([1, 2, 5, 10])
    level = schedule.gather("noise", t, x0)
    assert level.dtype == torch.float32 and bool((level > 0).all())
    x_t, eps = de.q_sample(x0, t, schedule, generator=torch.Generator().manual_seed(0))
    assert bool((x_t[eps != 0] != 0).all())


def test_gather_matches_the_floats_and_broadcasts():
    schedule = de.NoiseSchedule.cosine(100)
    like = torch.zeros(3, 2, 4, 4, dtype=torch.float64)
    values = schedule.gather("signal", torch.tensor([0, 50, 100]), like)
    assert values.shape == (3, 1, 1, 1)
    assert [v.item() for v in values.flatten()] == pytest.approx([schedule.signal(t) for t in (0, 50, 100)], abs=1e-15)
    assert schedule.gather("signal", 50, like).shape == ()


def test_tables_are_rounded_once():
    """Trap 6: 1 - alpha_bar taken in float32 is off by up to 2e-4; ours is taken in float64, then rounded."""
    schedule, every = de.NoiseSchedule.linear(1000), torch.arange(1, 1001)
    single, noise = (schedule.gather(table, every, torch.zeros(1000)) for table in ("alpha_bar", "noise"))
    exact = 1 - schedule.alpha_bar[1:]
    assert torch.equal(single, schedule.alpha_bar[1:].float())
    assert torch.equal(noise, exact.sqrt().float())
    assert (noise.double() ** 2 / exact - 1).abs().max() < 2e-7
    assert ((1 - single).double() / exact - 1).abs().max() > 1e-4


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int32])
def test_steps_may_have_any_integer_type(dtype):
    """A uint8 index would be read as a mask."""
    schedule, steps = de.NoiseSchedule.linear(100), torch.tensor([1, 50], dtype=dtype)
    entries = schedule.gather("beta", steps, torch.zeros(2))
    assert entries.tolist() == pytest.approx(schedule.beta[[1, 50]].tolist())


@pytest.mark.parametrize("device", ["meta", *(["cuda"] if torch.cuda.is_available() else [])])
def test_entries_live_where_the_data_live_and_the_tables_stay(device):
    schedule = de.NoiseSchedule.linear(100)
    entry = schedule.gather("beta", torch.tensor([1, 50, 100], device=device), torch.zeros(3, 1, 4, 4, device=device))
    assert entry.device.type == device
    assert entry.shape == (3, 1, 1, 1)
    assert schedule.beta.device.type == "cpu"
    assert schedule.gather("beta", 50, torch.zeros(1)).item() == pytest.approx(schedule.beta[50].item())


def test_the_table_is_the_schedules_own():
    beta = torch.tensor([0.0, 0.1, 0.2])
    schedule = de.NoiseSchedule(beta)
    beta[1] = 0.9
    assert schedule.beta[1].item() == pytest.approx(0.1)
    with pytest.raises(AttributeError):
        schedule.beta = beta
