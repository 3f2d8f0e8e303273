"""The auto-encoder: shapes, the Gaussian it speaks of, and each term of its loss."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from diffusion_edu.nn import AutoEncoder, AutoEncoderConfig, Gaussian, kl_to_standard


@pytest.fixture
def net():
    torch.manual_seed(0)
    return AutoEncoder(AutoEncoderConfig.tiny()).eval()


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_each_level_halves_the_size_and_the_decoder_takes_it_back(net):
    x0 = random(2, 3, 16, 24)
    latent = net.encode(x0)
    assert latent.mean.shape == latent.log_var.shape == latent.std.shape == (2, 3, 4, 6)
    assert net.decode(latent.mean).shape == x0.shape
    assert net.config.factor == 4


def test_one_level_and_many_blocks_work_too():
    net = AutoEncoder(AutoEncoderConfig(in_channels=1, channels=(8,), blocks=2, latent_channels=2))
    assert net.decode(net.encode(random(1, 1, 6, 6)).mean).shape == (1, 1, 6, 6)


def test_the_latent_is_drawn_as_mean_plus_std_times_noise():
    latent = Gaussian(torch.full((1, 1, 1, 1), 3.0), torch.full((1, 1, 1, 1), 2.0).log() * 2)  # std 2
    assert latent.sample(torch.full((1, 1, 1, 1), -1.5)).item() == pytest.approx(0.0, abs=1e-6)
    drawn = latent.sample(random(20_000, 1, 1, 1))
    assert drawn.mean().item() == pytest.approx(3.0, abs=0.05)
    assert drawn.std().item() == pytest.approx(2.0, abs=0.05)


def test_forward_decodes_what_it_drew(net):
    x0, noise = random(2, 3, 8, 8), random(2, 3, 2, 2, seed=1)
    rebuilt, latent = net(x0, noise)
    assert torch.equal(rebuilt, net.decode(latent.sample(noise)))
    assert not torch.equal(rebuilt, net(x0, -noise)[0])


def test_an_image_is_encoded_alike_alone_and_in_a_batch(net):
    x0 = random(5, 3, 8, 8)
    alone = torch.cat([net.encode(image[None]).mean for image in x0])
    assert torch.allclose(alone, net.encode(x0).mean, atol=1e-6)


def test_the_divergence_is_the_one_of_torch():
    latent = Gaussian(random(3, 4, 2, 2), random(3, 4, 2, 2, seed=1))
    exact = kl_divergence(Normal(latent.mean, latent.std), Normal(0.0, 1.0))
    assert torch.allclose(kl_to_standard(latent), exact, atol=1e-5)
    nothing = torch.zeros(1, 1, 1, 1)
    assert torch.equal(kl_to_standard(Gaussian(nothing, nothing)), nothing)


def test_a_wild_log_variance_stays_finite():
    net = AutoEncoder(AutoEncoderConfig.tiny())
    with torch.no_grad():
        net.encoder[-1].bias.fill_(1e6)
    latent = net.encode(random(1, 3, 8, 8))
    assert latent.log_var.max() == 20.0
    assert torch.isfinite(latent.std).all()


def test_every_parameter_receives_a_gradient(net):
    # The last convolution of a residual block starts at zero, so those before it learn one step later.
    for block in net.modules():
        if hasattr(block, "conv2"):
            torch.nn.init.normal_(block.conv2.weight)
    rebuilt, latent = net(random(2, 3, 8, 8), random(2, 3, 2, 2))
    (rebuilt.square().mean() + kl_to_standard(latent).mean()).backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"channels": ()}, "channels must be multiples of 4"),
        ({"channels": (8, 10)}, "channels must be multiples of 4"),
        ({"blocks": 0}, "blocks must be at least 1, got 0"),
        ({"latent_channels": 0}, "latent_channels must be at least 1, got 0"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        AutoEncoderConfig(**change)


def test_other_shapes_are_refused_by_name(net):
    with pytest.raises(ValueError, match=r"x0 must have shape \(B, 3, H, W\) .*multiples of 4, got \(1, 1, 8, 8\)"):
        net.encode(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ValueError, match=r"multiples of 4, got \(1, 3, 10, 8\)"):
        net.encode(torch.zeros(1, 3, 10, 8))
    with pytest.raises(ValueError, match=r"z must have shape \(B, 3, h, w\), got \(1, 4, 2, 2\)"):
        net.decode(torch.zeros(1, 4, 2, 2))


def test_the_configuration_travels():
    config = AutoEncoderConfig(channels=(8, 16, 24), blocks=2)
    assert AutoEncoderConfig.from_dict(config.to_dict()) == config
