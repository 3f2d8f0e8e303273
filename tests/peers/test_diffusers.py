"""Against `diffusers`, offline: the same tables, and whole trajectories with the same noise and the same denoiser.

Their step t is ours minus one, their tables are float32 from the start, and ours are float64 rounded once; so tables
agree to a few units of float32, and trajectories to 1e-4 (DDPM, which sums a thousand steps, to 5e-4).
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

import pytest
import torch
from diffusers import (
    DDIMPipeline,
    DDIMScheduler,
    DDPMPipeline,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    ModelMixin,
)
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.unets.unet_2d import UNet2DOutput

import diffusion_edu as de

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:diffusers")

NAMES = {"linear": "linear", "scaled_linear": "scaled_linear", "cosine": "squaredcos_cap_v2"}
ENDS = {"linear": (1e-4, 0.02), "scaled_linear": (0.00085, 0.012), "cosine": (1e-4, 0.02)}
SHAPE, SEEDS = (2, 1, 4, 4), (11, 12)


def network(x, t):
    """A smooth guess of the noise that depends on the pixel and, a little, on the step (theirs, from 0)."""
    return 0.8 * torch.sin(1.3 * x) + 0.15 * x + 1e-4 * torch.as_tensor(t, dtype=x.dtype).reshape(-1, 1, 1, 1)


def ours(name, clip=True):
    return de.Denoiser(lambda x, t, cond: network(x, t - 1), de.NoiseSchedule.from_name(name, 1000), clip=clip)


def theirs(scheduler, name, **options):
    start, end = ENDS[name]
    return scheduler(beta_schedule=NAMES[name], beta_start=start, beta_end=end, timestep_spacing="trailing", **options)


def generators():
    return [torch.Generator().manual_seed(seed) for seed in SEEDS]


def first_noise(sources):
    return torch.cat([torch.randn((1, *SHAPE[1:]), generator=g) for g in sources])


def their_states(scheduler, steps, noise=True, **options):
    """The states of their loop, from noise to the sample."""
    sources = generators()
    scheduler.set_timesteps(steps)
    x = first_noise(sources)
    states = [x]
    if noise:
        options["generator"] = sources
    for t in scheduler.timesteps:
        x = scheduler.step(network(x, t), t, x, **options).prev_sample
        states.append(x)
    return states


def our_states(name, sampler, steps=None, clip=True):
    return [step.x_t for step in de.sample(ours(name, clip), SHAPE, sampler, steps, seeds=SEEDS)]


def assert_same_way(mine, other, tolerance):
    assert len(mine) == len(other)
    worst = max((a - b).abs().max().item() for a, b in zip(mine, other))
    assert worst < tolerance, f"furthest apart by {worst:.1e}"
    assert mine[-1].abs().max() > 0.05, "a trajectory worth comparing"


@pytest.mark.parametrize("name", NAMES)
def test_tables(name):
    """To float32: beta to 1e-6, alpha_bar, a float32 product of theirs, to 1e-4."""
    schedule, scheduler = de.NoiseSchedule.from_name(name, 1000), theirs(DDPMScheduler, name)
    assert torch.allclose(schedule.beta[1:].float(), scheduler.betas, rtol=1e-6, atol=0)
    assert torch.allclose(schedule.alpha_bar[1:].float(), scheduler.alphas_cumprod, rtol=1e-4, atol=0)


@pytest.mark.parametrize("steps", [1, 10, 50, 1000])
def test_times(steps):
    scheduler = theirs(DDIMScheduler, "linear")
    scheduler.set_timesteps(steps)
    assert [t - 1 for t in de.timesteps(1000, steps)[:-1]] == scheduler.timesteps.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_noising(name):
    scheduler, schedule = theirs(DDPMScheduler, name), de.NoiseSchedule.from_name(name, 1000)
    x0, eps = first_noise(generators()).clamp(-1, 1), first_noise([torch.Generator().manual_seed(s) for s in (1, 2)])
    for t in (1, 10, 500, 1000):
        mine, _ = de.q_sample(x0, torch.full((2,), t), schedule, eps)
        assert torch.allclose(mine, scheduler.add_noise(x0, eps, torch.full((2,), t - 1)), atol=1e-5)


@pytest.mark.parametrize("kind, their_kind", [("eps", "epsilon"), ("x0", "sample"), ("v", "v_prediction")])
def test_kinds_of_prediction(kind, their_kind):
    """Trap 17: the same x_0 from the same answer of the network, clipped as theirs."""
    scheduler = theirs(DDPMScheduler, "linear", prediction_type=their_kind)
    scheduler.set_timesteps(1000)
    x = first_noise(generators())
    for t in (1, 300, 1000):
        denoiser = de.Denoiser(lambda x, t, cond: network(x, t - 1), de.NoiseSchedule.linear(1000), kind)
        answer = scheduler.step(network(x, t - 1), t - 1, x)
        assert torch.allclose(denoiser(x, t).x0, answer.pred_original_sample, atol=1e-4)


@pytest.mark.parametrize(
    "name, variance, their_variance",
    [
        ("linear", "posterior", "fixed_small"),
        ("linear", "beta", "fixed_large"),
        ("scaled_linear", "posterior", "fixed_small"),
        ("cosine", "posterior", "fixed_small"),
    ],
)
def test_ddpm_trajectories(name, variance, their_variance):
    """All 1,000 steps, with both variances and clipping on."""
    scheduler = theirs(DDPMScheduler, name, variance_type=their_variance)
    assert_same_way(our_states(name, de.DDPM(variance)), their_states(scheduler, 1000), 5e-4)


def test_ddpm_trajectories_with_few_steps():
    """Trap 10: after skipping, both take beta = 1 - alpha_bar_t / alpha_bar_s."""
    mine = our_states("linear", de.DDPM(), 50)
    assert_same_way(mine, their_states(theirs(DDPMScheduler, "linear"), 50), 1e-4)


def test_ddpm_trajectories_with_few_steps_and_the_large_variance():
    """Trap 13: here they add noise on the last step, since its t is not their 0. Up to there the ways are one."""
    scheduler = theirs(DDPMScheduler, "linear", variance_type="fixed_large")
    mine, other = our_states("linear", de.DDPM("beta"), 50), their_states(scheduler, 50)
    assert_same_way(mine[:-1], other[:-1], 1e-4)
    beta = 1 - de.NoiseSchedule.linear(1000).alpha_bar[20].item()
    left_over = (other[-1] - mine[-1]).std().item()
    assert left_over == pytest.approx(beta**0.5, rel=0.5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_trajectories(name, eta):
    """Traps 11 and 15. Their pipeline must be asked to derive eps from the clipped x_0; ours always does."""
    scheduler = theirs(DDIMScheduler, name, clip_sample=True, set_alpha_to_one=True)
    other = their_states(scheduler, 50, eta=eta, use_clipped_model_output=True)
    assert_same_way(our_states(name, de.DDIM(eta), 50), other, 1e-4)


@pytest.mark.parametrize("name", ["linear", "scaled_linear"])
@pytest.mark.parametrize("steps", [10, 20, 50])
def test_solver_trajectories(name, steps):
    """DPM-Solver++(2M), midpoint form, first order at both ends, without clipping (their solver does not clip).

    The cosine schedule is left out: its alpha_bar_T is 2e-9, and their noise levels are float32 ratios of it.
    """
    scheduler = theirs(DPMSolverMultistepScheduler, name, solver_order=2, solver_type="midpoint")
    other = their_states(scheduler, steps, noise=False)
    assert_same_way(our_states(name, de.DPMSolver(), steps, clip=False), other, 2e-4)


class Stub(ModelMixin, ConfigMixin):
    """Our analytic network in the clothes of a diffusers U-Net."""

    @register_to_config
    def __init__(self, sample_size=4, in_channels=1):
        super().__init__()
        self.nothing = torch.nn.Parameter(torch.zeros(1))

    def forward(self, x, t):
        return UNet2DOutput(sample=network(x, t))


def as_pictures(x):
    return (x / 2 + 0.5).clamp(0, 1)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_a_ddim_pipeline(eta):
    pipeline = DDIMPipeline(Stub(), theirs(DDIMScheduler, "linear"))
    # The pipeline builds a scheduler of its own from the configuration: it keeps the spacing.
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(
        batch_size=2,
        generator=generators(),
        num_inference_steps=20,
        eta=eta,
        use_clipped_model_output=True,
        output_type="pt",
    ).images
    mine = our_states("linear", de.DDIM(eta), 20)[-1]
    assert torch.allclose(as_pictures(mine), images, atol=1e-4)


def test_a_ddpm_pipeline():
    pipeline = DDPMPipeline(Stub(), theirs(DDPMScheduler, "linear"))
    pipeline.set_progress_bar_config(disable=True)
    images = pipeline(batch_size=2, generator=generators(), num_inference_steps=100, output_type="pt").images
    mine = our_states("linear", de.DDPM(), 100)[-1]
    assert torch.allclose(as_pictures(mine), images, atol=1e-4)
