"""Latent diffusion: what is noised, guided and decoded is the latent. Trap numbers are those of published mistakes."""

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.nn import AutoEncoder, AutoEncoderConfig, Gaussian
from diffusion_edu.randomness import seeded
from diffusion_edu.systems import LatentDiffusion, LatentDiffusionConfig
from diffusion_edu.systems.latent_diffusion import latents_of

COSINE = {"name": "cosine", "T": 100}
WORDS = de.UNetConfig.tiny(in_channels=4, channels=(8, 16), attention_levels=(1,), heads=2, vec_dim=2)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def reader(texts):
    """Each text as its length and its first letter."""
    return de.Cond(vec=torch.tensor([[len(text) / 10, ord(f"{text} "[0]) / 100] for text in texts]))


@pytest.fixture(scope="module")
def system():
    """Four channels of very different means and spreads, as trained auto-encoders have them; no layer at zero."""
    config = LatentDiffusionConfig(AutoEncoderConfig.tiny(latent_channels=4), WORDS, 16, COSINE)
    made = seeded(lambda: LatentDiffusion(config, text=reader), 0)
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.add_(0.1 * torch.randn(parameter.shape, generator=g))
    made.shift.copy_(torch.tensor([0.5, -1.0, 2.0, 0.0]).reshape(4, 1, 1))
    made.scale.copy_(torch.tensor([2.0, 0.5, 1.0, 4.0]).reshape(4, 1, 1))
    return made.eval().requires_grad_(False)


class Seen(nn.Module):
    """A network that keeps what it was given, and predicts 0."""

    def __init__(self):
        super().__init__()
        self.inputs = []

    def forward(self, x_t, t, cond=None):
        self.inputs.append(x_t)
        return torch.zeros_like(x_t)


def test_every_channel_of_the_latent_is_guided(system):
    """Trap 6: guidance of the first three of four channels, copied from project to project."""
    latents = {}
    for w in (1.0, 4.0):
        denoiser = system.around(de.Guided(system.unet, w))
        latents[w] = denoiser(randn(2, 4, 4, 4), 50, reader(["apple", "tree"])).x0
    changed = (latents[4.0] - latents[1.0]).abs().amax(dim=(0, 2, 3))
    assert changed.shape == (4,)
    assert (changed > 1e-3).all()


def test_noise_is_added_to_the_latent_and_not_to_the_image(system):
    """Image to image: the network's first input is the schedule's mixture of the scaled latent and normal noise."""
    images, network, t = randn(3, 3, 16, 16).clamp(-1, 1), Seen(), 60
    z = system.before(images)
    de.last(de.sample(system.around(network), z.shape, de.DDIM(), 1, seeds=[4, 5, 6], start=z, start_t=t))
    given = network.inputs[0]
    assert given.shape == z.shape
    noise = (given - system.schedule.signal(t) * z) / system.schedule.noise(t)
    fresh = torch.cat([randn(1, 4, 4, 4, seed=seed) for seed in (4, 5, 6)])
    assert torch.allclose(noise, fresh, atol=1e-4)


def test_latents_beyond_one_reach_the_decoder(system):
    """Trap 18: a network that is sure of x_0 = 3 everywhere is decoded at 3, not at 1."""

    class Sure(nn.Module):
        def forward(self, x_t, t, cond=None):
            a, b = (f(int(t[0])) for f in (system.schedule.signal, system.schedule.noise))
            return (a * x_t - 3.0) / b  # v, so that a x_t - b v = 3

    drawn = de.last(de.sample(system.around(Sure()), (1, 4, 4, 4), de.DPMSolver(), 5, seeds=[0])).x_t
    assert torch.allclose(drawn, torch.full_like(drawn, 3.0), atol=1e-3)


def test_the_decoder_undoes_the_scale_and_does_not_repeat_it(system):
    """Trap 17: multiplied where it must be divided. The decoder is given numbers as the encoder put them out."""
    given = []
    handle = system.autoencoder.decoder.register_forward_pre_hook(lambda module, args: given.append(args[0]))
    images = randn(2, 3, 16, 16).clamp(-1, 1)
    try:
        system.after(system.before(images))
    finally:
        handle.remove()
    assert torch.allclose(given[0], system.autoencoder.encode(images).mean, atol=1e-5)


def test_the_scale_is_that_of_the_auto_encoder_at_hand():
    """Trap 17: 0.18215 copied. An encoder whose latents are three times as wide has a third of the scale."""
    network = seeded(lambda: AutoEncoder(AutoEncoderConfig.tiny()), 0).eval().requires_grad_(False)
    images, last = randn(64, 3, 8, 8).clamp(-1, 1), network.encoder[-1]
    last.bias[3:] = -20.0  # the encoder's own noise, whose variance counts too, is next to nothing
    before = latents_of(network, images)[2]
    last.weight[:3] *= 3
    assert torch.allclose(latents_of(network, images)[2], before / 3, rtol=1e-3)


def test_a_latent_is_its_mean_and_noise_added_never_multiplied():
    """Trap 24. With std 0 the draw is the mean whatever the noise; with mean 0 it is the noise, scaled."""
    noise = randn(2, 3, 2, 2)
    sure = Gaussian(randn(2, 3, 2, 2, seed=1), torch.full((2, 3, 2, 2), -60.0))
    assert torch.allclose(sure.sample(noise), sure.mean, atol=1e-6)
    wide = Gaussian(torch.zeros(2, 3, 2, 2), torch.full((2, 3, 2, 2), 2.0))
    assert torch.allclose(wide.sample(noise), torch.e * noise, rtol=1e-5)


def test_a_vanishing_variance_stays_a_number():
    """Row 27: an encoder that is sure of its latent must not divide by zero."""
    network = AutoEncoder(AutoEncoderConfig.tiny())
    with torch.no_grad():
        network.encoder[-1].bias.fill_(-1e6)
    latent = network.encode(randn(1, 3, 8, 8))
    assert latent.log_var.min() == -30.0
    assert (latent.std > 0).all()
