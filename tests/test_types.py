"""What PyTorch's state may be: the type of the weights, the default type; compiled, wrapped and foreign networks."""

import contextlib
import functools
import json
from typing import NamedTuple

import pytest
import torch
from tiny_painters import tiny_latent, tiny_pixel
from torch import nn

import diffusion_edu as de
from diffusion_edu import files, systems
from diffusion_edu.nn import new_unet
from diffusion_edu.train.checkpoint import CHECKPOINT
from diffusion_edu.train.ema import unwrapped

TYPES = (torch.float16, torch.bfloat16, torch.float64)
SCHEDULE = de.NoiseSchedule.linear(100)
SHAPE = (2, 1, 8, 8)
PIXELS = torch.randint(0, 256, (6, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def unet(seed=0):
    network = new_unet(de.UNetConfig.tiny(in_channels=1, channels=(8, 8), attention_levels=(1,)), seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1)))
    return network.eval()


@contextlib.contextmanager
def default(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


# ---- the type of the weights ---------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
def test_a_network_of_any_type_is_sampled_in_its_own(dtype):
    wanted = de.last(de.sample(de.Denoiser(unet(), SCHEDULE), SHAPE, steps=4)).x_t
    network = unet().to(dtype)
    seen = []
    network.conv_in.register_forward_pre_hook(lambda module, args: seen.append(args[0].dtype))
    drawn = de.last(de.sample(de.Denoiser(network, SCHEDULE), SHAPE, steps=4)).x_t
    assert set(seen) == {dtype} and drawn.dtype == torch.float32
    # The schedule's arithmetic stays float32: what is left is the rounding of weights and features.
    assert (drawn - wanted).abs().max() < {torch.float16: 0.02, torch.bfloat16: 0.2, torch.float64: 1e-5}[dtype]


DRAWING = {"steps": 2, "seed": 3, "guidance": 1.5, "negative": "a cat"}


@functools.cache
def drawn_in_float32(make):
    return make().generate("a red apple", 1, **DRAWING)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("make", [tiny_pixel, tiny_latent])
def test_a_system_of_any_type_draws_what_it_draws_in_float32(make, dtype):
    wanted, system = drawn_in_float32(make), make().to(dtype)
    drawn = system.generate("a red apple", 1, **DRAWING)
    assert drawn.dtype == torch.float32 and drawn.isfinite().all()
    assert (drawn - wanted).abs().mean() < {torch.float16: 0.02, torch.bfloat16: 0.1, torch.float64: 1e-4}[dtype]
    begun = system.generate("a red apple", 1, start=wanted[0], start_t=200, steps=2)
    assert begun.shape == wanted.shape and begun.isfinite().all()


@pytest.mark.parametrize("dtype", TYPES)
def test_the_other_networks_take_images_of_another_type_than_their_weights(dtype):
    shape = systems.ClassifierConfig(1, (4, 4), 1, 3)
    classifier = de.randomness.seeded(lambda: systems.Classifier(shape), 0).eval()
    x0 = torch.zeros(2, 1, 8, 8)
    assert torch.allclose(classifier.to(dtype)(x0).float(), classifier.float()(x0), atol=0.05)


# ---- the default type ----------------------------------------------------------------------------


def test_a_default_of_float64_changes_no_weights_that_are_loaded_and_no_image():
    wanted = de.load("fashion").generate(1, steps=2, seed=1)
    with default(torch.float64):
        system = de.load("fashion")
        assert {p.dtype for p in system.parameters()} == {torch.float32}
        assert torch.equal(system.generate(1, steps=2, seed=1), wanted)


def test_a_default_of_float64_changes_no_new_network_and_no_training():
    def losses():
        network = new_unet(de.UNetConfig.tiny(in_channels=1, channels=(4, 4), attention_levels=(1,)), 0)
        recipe = de.Recipe(steps=3, batch_size=2, warmup=0, log_every=1, precision="fp32", flip=True)
        return [step.loss for step in de.fit(network, PIXELS, recipe, de.Denoising(SCHEDULE), device="cpu")]

    wanted = losses()
    with default(torch.float64):
        assert losses() == wanted


def test_a_network_made_in_float64_is_trained_in_float64():
    with default(torch.float64):
        network = de.UNet(de.UNetConfig.tiny(in_channels=1, channels=(4, 4), attention_levels=(1,)))
        recipe = de.Recipe(steps=2, batch_size=2, log_every=1, precision="fp32")
        assert len(list(de.fit(network, PIXELS, recipe, de.Denoising(SCHEDULE), device="cpu"))) == 2
    assert {p.dtype for p in network.parameters()} == {torch.float64}


# ---- steps ---------------------------------------------------------------------------------------


def test_a_step_may_be_one_integer_for_all_samples():
    network, x_t = unet(), torch.randn(SHAPE)
    assert torch.equal(network(x_t, 50), network(x_t, torch.tensor([50, 50])))
    prior = systems.DiffusionPrior(systems.PriorConfig.tiny(embedding=4, token_dim=4)).eval()
    cond, x = de.Cond(vec=torch.randn(2, 4), tokens=torch.randn(2, 3, 4)), torch.randn(2, 4)
    assert torch.equal(prior(x, 50, cond), prior(x, torch.tensor([50, 50]), cond))


@pytest.mark.parametrize(
    ("t", "error"),
    [
        (0, ValueError),
        (2.5, TypeError),
        (True, TypeError),
        (2**40, ValueError),
        (torch.tensor([2.5, 3.0]), TypeError),
        (torch.tensor([True, False]), TypeError),
        (torch.tensor([0, 3]), ValueError),
        (torch.tensor([3, 10**9]), ValueError),
        (torch.tensor([3]), ValueError),
    ],
)
def test_no_other_step_is_taken_by_a_network(t, error):
    with pytest.raises(error, match=r"\bt must"):
        unet()(torch.zeros(SHAPE), t)


# ---- wrapped networks ----------------------------------------------------------------------------


class Parallel(nn.parallel.DistributedDataParallel):
    """A wrapper as DistributedDataParallel's, without processes."""

    def __init__(self, module):
        nn.Module.__init__(self)
        self.module = module

    def forward(self, *args, **kwargs):
        return self.module(*args, **kwargs)


WRAPPERS = {"compiled": lambda network: torch.compile(network, backend="eager"), "parallel": Parallel}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapped_network_is_sampled_as_the_one_inside(wrap):
    wanted = de.last(de.sample(de.Denoiser(unet(), SCHEDULE), SHAPE, steps=3)).x_t
    drawn = de.last(de.sample(de.Denoiser(wrap(unet()), SCHEDULE), SHAPE, steps=3)).x_t
    assert torch.allclose(drawn, wanted, atol=1e-5)


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_a_wrapped_network_is_trained_and_saved_as_the_one_inside(wrap, tmp_path):
    recipe = de.Recipe(steps=2, batch_size=2, warmup=0, log_every=1, precision="fp32")

    def run(network, place):
        steps = list(de.fit(network, PIXELS, recipe, de.Denoising(SCHEDULE), directory=place, device="cpu"))
        return steps, *files.read(place / CHECKPOINT)

    (steps, tensors, meta), network = run(unet(), tmp_path / "plain"), unet()
    theirs, saved, described = run(wrap(network), tmp_path / "wrapped")
    assert [step.loss for step in theirs] == pytest.approx([step.loss for step in steps], rel=1e-4)
    assert saved.keys() == tensors.keys() and described["model"] == meta["model"]
    assert all(torch.allclose(saved[name], value, atol=1e-4) for name, value in tensors.items())
    assert all(torch.equal(saved[f"model.{name}"], value) for name, value in network.state_dict().items())
    # A run that began so goes on without the wrapper, and the other way round.
    longer = de.Recipe(**{**recipe.to_dict(), "steps": 3})
    assert len(list(de.fit(unet(), PIXELS, longer, de.Denoising(SCHEDULE), directory=tmp_path / "wrapped"))) == 1
    assert json.dumps(described["model"]["class"]) == '"UNet"'


def test_what_is_inside_is_found_through_several_wrappers():
    network = unet()
    assert unwrapped(WRAPPERS["compiled"](Parallel(network))) is network
    assert unwrapped(network) is network
    assert type(de.EMA(WRAPPERS["compiled"](network)).model) is de.UNet


# ---- foreign networks ----------------------------------------------------------------------------


class Answer(NamedTuple):
    """What networks of other libraries answer with."""

    sample: torch.Tensor


class Foreign(nn.Module):
    """One of them."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 1)

    def forward(self, x_t, t, cond=None):
        return Answer(self.conv(x_t))


@pytest.mark.parametrize(
    "use",
    [
        lambda model: de.Denoiser(model, SCHEDULE)(torch.zeros(SHAPE), 5),
        lambda model: de.last(de.sample(de.Denoiser(model, SCHEDULE), SHAPE, steps=2)),
        lambda model: de.diffusion_loss(model, torch.zeros(SHAPE), SCHEDULE),
        lambda model: de.flow_loss(model, torch.zeros(SHAPE), de.StraightPath(100)),
        lambda model: de.FlowDenoiser(model, de.StraightPath(100))(torch.zeros(SHAPE), 5),
        lambda model: list(
            de.fit(model, PIXELS, de.Recipe(steps=1, batch_size=2), de.Denoising(SCHEDULE), device="cpu")
        ),
    ],
)
def test_an_answer_that_is_no_tensor_is_told_with_what_to_do(use):
    with pytest.raises(TypeError, match=r"model must return a tensor of x_t's shape, it returned a Answer; .*\.sample"):
        use(Foreign())


def test_an_objective_that_returns_no_scalar_is_told():
    recipe = de.Recipe(steps=1, batch_size=2)
    with pytest.raises(TypeError, match=r"objective must be a function .* that returns a scalar tensor"):
        list(de.fit(Foreign(), PIXELS, recipe, lambda model, batch, draw: 3.0, device="cpu"))


def test_a_device_without_numbers_is_refused():
    with pytest.raises(ValueError, match="device must be a device that holds numbers; meta holds shapes alone"):
        de.load("fashion", device="meta")


# ---- images to begin from ------------------------------------------------------------------------


def test_images_to_begin_from_are_converted_or_refused_and_never_taken_for_others():
    denoiser, x0 = de.Denoiser(unet(), SCHEDULE), de.data.to_x0(PIXELS[:2])

    def sampled(start):
        return de.last(de.sample(denoiser, start=start, start_t=30, steps=3)).x_t

    def drawn(start):
        return systems.draw(denoiser, (1, 8, 8), 2, start=start, start_t=30, steps=3)

    assert torch.equal(drawn(PIXELS[:2]), sampled(x0))
    shape = systems.PixelDiffusionConfig(unet().config, 8, {"name": "linear", "T": 100})
    system = systems.PixelDiffusion(shape)
    for start, words in (
        (PIXELS[:2].long(), "start must be"),
        (PIXELS[:2].float(), r"start must be uint8 or floats in \[-1, 1\], got values up to"),
        (torch.full(SHAPE, torch.nan), "start must be finite"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            system.generate(2, start=start, start_t=30, steps=3)
    for start in (PIXELS[:2], PIXELS[:2].long(), torch.full(SHAPE, torch.nan)):
        with pytest.raises((TypeError, ValueError), match="start must be"):
            sampled(start)
