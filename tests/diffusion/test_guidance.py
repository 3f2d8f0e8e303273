"""Classifier-free guidance: a network around a network. Trap numbers are those of the published mistakes."""

import pytest
import torch
from torch import nn

import diffusion_edu as de

SCHEDULE = de.NoiseSchedule.linear(1000)
STEPS = torch.tensor([3, 700])


class Linear(nn.Module):
    """A network of four channels whose answer is linear in its condition; counts its calls and their samples."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def forward(self, x_t, t, cond=None):
        self.calls.append(len(x_t))
        said = 0 if cond.tokens is None else (cond.tokens * cond.mask[..., None]).sum(1)
        said = said + (0 if cond.vec is None else cond.vec)
        return 0.5 * x_t + said[:, :, None, None] + (0 if cond.concat is None else cond.concat)


def randn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def text(batch=2, length=5, seed=3, **more):
    mask = torch.ones(batch, length, dtype=torch.bool)
    mask[:, 3:] = False
    tokens = {"tokens": randn(batch, length, 4, seed=seed), "mask": mask}
    return de.Cond(**{**tokens, "vec": randn(batch, 4, seed=seed + 1), **more})


def trained_like(**changes):
    """A conditional U-Net none of whose layers is at zero, as after training."""
    config = de.UNetConfig.tiny(
        in_channels=4, channels=(8, 16), attention_levels=(1,), vec_dim=4, token_dim=4, **changes
    )
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = de.UNet(config)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.fixture(scope="module")
def unet():
    return trained_like()


@torch.no_grad()
def test_scale_one_is_the_condition_alone_and_scale_zero_nothing_said_bit_for_bit(unet):
    """Trap 5: what 0 and 1 mean is different in different libraries."""
    x_t, cond = randn(2, 4, 8, 8), text()
    c, u = unet(x_t, STEPS, cond), unet(x_t, STEPS, cond.nothing())
    assert not torch.allclose(c, u, atol=1e-2), "the test needs a condition that matters"
    assert torch.equal(de.Guided(unet, 1)(x_t, STEPS, cond), c)
    assert torch.equal(de.Guided(unet, 0.0)(x_t, STEPS, cond), u)


@torch.no_grad()
@pytest.mark.parametrize("scale", [-1.0, 0.5, 3.0])
def test_guidance_is_the_formula_for_every_channel(unet, scale):
    """Trap 6: guidance of three of four latent channels. Trap 5 again: a scale below 1 is not ignored."""
    x_t, cond = randn(2, 4, 8, 8), text()
    c, u = unet(x_t, STEPS, cond), unet(x_t, STEPS, cond.nothing())
    guided = de.Guided(unet, scale)(x_t, STEPS, cond)
    assert torch.allclose(guided, u + scale * (c - u), atol=1e-4)
    changed = (guided - c).abs().amax((0, 2, 3))
    assert changed.shape == (4,)
    assert (changed > 1e-2).all()


def test_a_guided_step_is_one_call_of_twice_the_batch():
    for scale, calls in ((3.0, [4]), (1.0, [2]), (0.0, [2])):
        network = Linear()
        de.Guided(network, scale)(randn(2, 4, 3, 3), STEPS, text())
        assert network.calls == calls, scale


@torch.no_grad()
def test_what_is_dropped_cannot_be_seen(unet):
    """Trap 2: a mask that is made and never used. With everything dropped, texts give the same bits."""
    x_t = randn(2, 4, 8, 8)
    one, two = text(seed=3), text(seed=30)
    assert not torch.equal(unet(x_t, STEPS, one), unet(x_t, STEPS, two))
    assert torch.equal(unet(x_t, STEPS, one.nothing()), unet(x_t, STEPS, two.nothing()))
    dropped = one.where(torch.zeros(2, dtype=torch.bool), one.nothing())
    assert torch.equal(unet(x_t, STEPS, dropped), unet(x_t, STEPS, two.nothing()))


@torch.no_grad()
def test_a_prompt_without_a_word_is_finite_alone_and_beside_others(unet):
    """Trap 12: softmax over nothing."""
    x_t, cond = randn(2, 4, 8, 8), text()
    mask = cond.mask.clone()
    mask[1] = False
    mixed = unet(x_t, STEPS, de.Cond(vec=cond.vec, tokens=cond.tokens, mask=mask))
    assert mixed.isfinite().all()
    alone = unet(x_t[1:], STEPS[1:], de.Cond(vec=cond.vec[1:], tokens=cond.tokens[1:], mask=mask[1:]))
    assert torch.allclose(alone, mixed[1:], atol=1e-5)


@torch.no_grad()
def test_a_prompt_draws_the_same_alone_and_beside_a_longer_one(unet):
    """Trap 13: padding is attended to, and the image depends on the longest prompt of the batch."""
    short, long = text(1, length=3), text(1, length=9, seed=9)
    start = {"shape": (1, 4, 8, 8), "steps": 3, "seeds": [5]}
    denoiser = de.Denoiser(de.Guided(unet, 2.0), SCHEDULE, clip=False)
    alone = de.last(de.sample(denoiser, **start, cond=short))
    beside = de.last(de.sample(denoiser, **{**start, "shape": (2, 4, 8, 8), "seeds": [5, 6]}, cond=short.joined(long)))
    assert torch.allclose(alone.x_t[0], beside.x_t[0], rtol=1e-3, atol=1e-3)


def test_targets_agree_on_what_guidance_does():
    """eps, x0 and v are affine in each other at one x_t, so mixing any of them mixes the estimate of x_0."""
    x_t, t = randn(2, 4, 3, 3), 400
    c, u = (de.to_x0_eps("eps", randn(2, 4, 3, 3, seed=seed), x_t, t, SCHEDULE) for seed in (1, 2))

    class Answer(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.answers = [de.target(kind, *estimate, t, SCHEDULE) for estimate in (c, u)]

        def forward(self, x, steps, cond=None):
            return torch.cat(self.answers)

    x0 = [
        de.Denoiser(de.Guided(Answer(kind), 3.0), SCHEDULE, kind, clip=False)(x_t, t, text()).x0
        for kind in ("eps", "x0", "v")
    ]
    assert torch.allclose(x0[0], u.x0 + 3 * (c.x0 - u.x0), atol=1e-4)
    assert torch.allclose(x0[1], x0[0], atol=1e-4)
    assert torch.allclose(x0[2], x0[0], atol=1e-4)


def test_the_clip_sees_the_guided_estimate():
    """u + w (c - u) of two clipped estimates would be another image than the clipped u + w (c - u)."""
    network, x_t, cond = Linear(), 6 * randn(2, 4, 3, 3), text()
    estimate = de.Denoiser(de.Guided(network, 3.0), SCHEDULE, "x0")(x_t, 400, cond)
    c, u = network(x_t, STEPS, cond), network(x_t, STEPS, cond.nothing())
    mixture = (u + 3 * (c - u)).clamp(-1, 1)
    assert torch.allclose(estimate.x0, mixture, atol=1e-5)
    clipped = u.clamp(-1, 1) + 3 * (c.clamp(-1, 1) - u.clamp(-1, 1))
    assert not torch.allclose(clipped.clamp(-1, 1), mixture, atol=1e-2)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_negative_condition_takes_the_place_of_nothing(batch):
    network, x_t = Linear(), randn(2, 4, 3, 3)
    concat, level = randn(2, 4, 3, 3, seed=8), torch.tensor([5, 6])
    cond = text(concat=concat, level=level)
    negative = text(batch, length=2 + batch, seed=20)
    guided = de.Guided(network, 2.0, negative)(x_t, STEPS, cond)
    other = negative if batch == 2 else negative[torch.zeros(2, dtype=torch.long)]
    u = network(x_t, STEPS, de.Cond(vec=other.vec, tokens=other.tokens, mask=other.mask, concat=concat))
    assert torch.allclose(guided, u + 2 * (network(x_t, STEPS, cond) - u), atol=1e-5)
    assert torch.equal(de.Guided(network, 0.0, negative)(x_t, STEPS, cond), u)


def test_the_noise_level_of_the_small_image_is_told_to_both_halves():
    network = Linear()
    asked = []
    network.register_forward_pre_hook(lambda module, args: asked.append(args[2]))
    concat, level = randn(2, 4, 3, 3, seed=8), torch.tensor([5, 6])
    de.Guided(network, 2.0)(randn(2, 4, 3, 3), STEPS, text(concat=concat, level=level))
    assert asked[0].level.tolist() == [5, 6, 5, 6]
    assert torch.equal(asked[0].concat, torch.cat([concat, concat]))


def test_half_precision_predictions_are_mixed_in_single_precision():
    class Half(nn.Module):
        def forward(self, x_t, t, cond=None):
            return (1000 + cond.vec[:, :, None, None]).half()

    cond = de.Cond(vec=torch.full((1, 4), 0.5))
    guided = de.Guided(Half(), 7.77)(torch.zeros(1, 4, 1, 1), STEPS[:1], cond)
    assert guided.dtype == torch.float32
    assert torch.allclose(guided, torch.full((1, 4, 1, 1), 1003.885))


def test_guidance_travels_with_its_network(unet):
    """Parameters are found (for the device), modes are switched, and the weights keep a plain prefix."""
    guided = de.Guided(unet, 2.0)
    assert list(guided.state_dict()) == [f"network.{name}" for name in unet.state_dict()]


@pytest.mark.parametrize("scale", [float("nan"), float("inf")])
def test_a_scale_that_is_no_number_is_named(scale):
    with pytest.raises(ValueError, match="scale must be a finite number, got"):
        de.Guided(Linear(), scale)


def test_mistakes_at_a_call_are_named():
    x_t = randn(2, 4, 3, 3)
    for cond in (None, de.Cond(concat=x_t)):
        with pytest.raises(ValueError, match="cond must have vec or tokens for guidance with scale 2, got neither"):
            de.Guided(Linear(), 2)(x_t, STEPS, cond)
    with pytest.raises(ValueError, match="negative must have batch size 1 or 2, got 3"):
        de.Guided(Linear(), 2, text(3))(x_t, STEPS, text())
    with pytest.raises(ValueError, match=r"other must have the fields \['mask', 'tokens', 'vec'\], got \['vec'\]"):
        de.Guided(Linear(), 2, de.Cond(vec=torch.zeros(1, 4)))(x_t, STEPS, text())
