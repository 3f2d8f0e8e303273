"""The auto-encoder of latent diffusion: an image in, a small Gaussian per position out, and back to an image."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from torch import Tensor, nn

from .._arguments import checked
from ..config import Config
from ._base import in_type_of, norm
from .blocks import Residual

MOST_LOG_VAR = 20.0


@dataclass(frozen=True)
class AutoEncoderConfig(Config):
    """Everything that fixes an auto-encoder's shape; it travels with the weights.

    Args:
        in_channels: channels of the image.
        channels: C of each level of the encoder; each level halves height and width.
        blocks: residual blocks a level.
        latent_channels: c, the channels of the latent.

    Raises:
        ValueError: a value is out of its range.
    """

    in_channels: int = 3
    channels: tuple[int, ...] = (48, 96)
    blocks: int = 1
    latent_channels: int = 4

    def check(self) -> None:
        """Raise unless the fields are good."""
        widths = bool(self.channels) and all(c >= 4 and c % 4 == 0 for c in self.channels)
        self.require("in_channels", self.in_channels >= 1, "at least 1")
        self.require("channels", widths, "multiples of 4, one a level")
        self.require("blocks", self.blocks >= 1, "at least 1")
        self.require("latent_channels", self.latent_channels >= 1, "at least 1")

    @property
    def factor(self) -> int:
        """How many pixels wide one position of the latent is."""
        return 2 ** len(self.channels)

    @classmethod
    def tiny(cls, **changes: Any) -> AutoEncoderConfig:
        """For tests: milliseconds a step."""
        return cls(**{"channels": (8, 12), "latent_channels": 3, **changes})


class Gaussian(NamedTuple):
    """What an encoder says of an image: mean and log-variance of each number of its latent, both (B, c, h, w)."""

    mean: Tensor
    log_var: Tensor

    @property
    def std(self) -> Tensor:
        """Standard deviation, (B, c, h, w)."""
        return (self.log_var / 2).exp()

    @checked(fits="noise")
    def sample(self, noise: Tensor) -> Tensor:
        """z = mean + std * noise, (B, c, h, w): drawn so that the gradient reaches mean and std.

        Equation: eq-latent-sample (Kingma and Welling 2014, section 2.4).
        Checked by: tests/nn/test_autoencoder.py::test_the_latent_is_drawn_as_mean_plus_std_times_noise.
        """
        return self.mean + self.std * noise.to(self.mean.device)


@checked
class AutoEncoder(nn.Module):
    r"""Encoder q(z | x) = N(mean, std^2) and decoder x_hat = D(z), each a small convolutional network.

    The first layer of the encoder and the last of the decoder change the size by a factor of 2 with an overlapping
    4x4 convolution, so that no block works at full size.

    Args:
        config: its shape.

    Raises:
        ValueError: in encode and decode, for a tensor of another shape.

    Source: Kingma and Welling 2014, section 2; Rombach et al. 2022, section 3.1.
    """

    def __init__(self, config: AutoEncoderConfig) -> None:
        super().__init__()
        self.config = config
        widths, c = config.channels, config.latent_channels
        encoder: list[nn.Module] = []
        for before, after in pairwise((config.in_channels, *widths)):
            encoder += [nn.Conv2d(before, after, 4, stride=2, padding=1)]
            encoder += [Residual(after) for _ in range(config.blocks)]
        encoder += [norm(widths[-1]), nn.SiLU(), nn.Conv2d(widths[-1], 2 * c, 3, padding=1)]
        self.encoder = nn.Sequential(*encoder)

        decoder: list[nn.Module] = [nn.Conv2d(c, widths[-1], 3, padding=1)]
        for level in reversed(range(len(widths))):
            decoder += [Residual(widths[level]) for _ in range(config.blocks)]
            if level == 0:
                decoder += [norm(widths[0]), nn.SiLU()]
            out = widths[level - 1] if level else config.in_channels
            decoder += [nn.ConvTranspose2d(widths[level], out, 4, stride=2, padding=1)]
        self.decoder = nn.Sequential(*decoder)

    @checked(fits="x0")
    def encode(self, x0: Tensor) -> Gaussian:
        """(B, C, H, W) images in [-1, 1] -> mean and log-variance, each (B, c, H / factor, W / factor)."""
        c, factor = self.config, self.config.factor
        if x0.ndim != 4 or x0.shape[1] != c.in_channels or x0.shape[2] % factor or x0.shape[3] % factor:
            shape = f"(B, {c.in_channels}, H, W) with H and W multiples of {factor}"
            raise ValueError(f"x0 must have shape {shape}, got {tuple(x0.shape)}")
        mean, log_var = self.encoder(in_type_of(self.encoder, x0)).chunk(2, dim=1)
        return Gaussian(mean, log_var.clamp(-30.0, MOST_LOG_VAR))

    @checked(fits="z")
    def decode(self, z: Tensor) -> Tensor:
        """(B, c, h, w) -> (B, C, factor * h, factor * w); not clipped."""
        if z.ndim != 4 or z.shape[1] != self.config.latent_channels:
            raise ValueError(f"z must have shape (B, {self.config.latent_channels}, h, w), got {tuple(z.shape)}")
        return self.decoder(in_type_of(self.decoder, z))

    @checked
    def forward(self, x0: Tensor, noise: Tensor) -> tuple[Tensor, Gaussian]:
        """Encode, draw z with the given noise, decode: (x_hat, q(z | x)). DistributedDataParallel calls this one."""
        latent = self.encode(x0)
        if noise.shape != latent.mean.shape:
            got = tuple(noise.shape)
            raise ValueError(f"noise must have the shape of the latent of x0 {tuple(latent.mean.shape)}, got {got}")
        return self.decode(latent.sample(noise)), latent


@checked
def kl_to_standard(latent: Gaussian) -> Tensor:
    r"""KL(N(mean, std^2) || N(0, 1)) of each number: (mean^2 + std^2 - 1 - log std^2) / 2, (B, c, h, w), in nats.

    Equation: eq-latent-kl (Kingma and Welling 2014, appendix B).
    Checked by: tests/nn/test_autoencoder.py::test_the_divergence_is_the_one_of_torch.
    """
    return (latent.mean.square() + latent.log_var.exp() - 1 - latent.log_var) / 2
