"""Latent diffusion: an auto-encoder compresses the image, a U-Net with words denoises what is left of it.

Stable Diffusion in miniature (Rombach et al. 2022). Noise is added to the latent and never to the image. The decoder
runs once, at the end; it was trained without any caption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .._arguments import batch_of, checked, tensor
from ..cond import Network
from ..config import Config
from ..diffusion import Denoiser, NoiseSchedule
from ..nn import AutoEncoder, AutoEncoderConfig, Gaussian, UNet, UNetConfig, kl_to_standard
from ..randomness import Draw
from .described import check_drawing
from .pixel_diffusion import WithText, reader, unet_graph
from .system import Drawer
from .text import TextReader


@dataclass(frozen=True)
class LatentDiffusionConfig(Config):
    """Everything that fixes a latent diffusion system; it travels with the weights.

    Args:
        autoencoder: images to latents and back.
        unet: the network that denoises latents.
        size: height and width of the images.
        schedule: arguments of :meth:`NoiseSchedule.from_dict`.
        target: what the network predicts: "eps", "x0" or "v".
        text: name of the shipped CLIP with which it reads, or None.

    Raises:
        ValueError: a value is out of its range, or the parts do not fit each other.
    """

    autoencoder: AutoEncoderConfig = field(default_factory=AutoEncoderConfig)
    unet: UNetConfig = field(default_factory=lambda: UNetConfig(in_channels=4))
    size: int = 64
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "cosine", "T": 1000})
    target: str = "v"
    text: str | None = None

    def check(self) -> None:
        """Raise unless the fields are good."""
        factor = self.autoencoder.factor * self.unet.factor
        self.require("size", self.size >= 1 and self.size % factor == 0, f"a positive multiple of {factor}")
        fits = self.unet.in_channels == self.autoencoder.latent_channels
        self.require("unet", fits, f"one of {self.autoencoder.latent_channels} channels, as the latent has")
        check_drawing(self)


@checked
class LatentDiffusion(Drawer):
    r"""Auto-encoder and U-Net, with the shift and the scale that bring each channel of the latent to mean 0 and std 1.

    z = (mean(x) - shift) * scale is what is noised and denoised; D(z / scale + shift) is the image. Without them one
    schedule would be too weak for a channel of large variance, and would never reach N(0, 1) in one of another mean.

    Args:
        config: its shape.
        used: the frozen networks that the configuration names, by name.
        text: the reader, instead of the CLIP that the configuration names.

    Source: Rombach et al. 2022, section 3 and appendix G, with a shift too, and one of each for every channel.
    """

    def __init__(
        self,
        config: LatentDiffusionConfig,
        used: Mapping[str, nn.Module] | None = None,
        text: TextReader | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = AutoEncoder(config.autoencoder)
        self.unet = UNet(config.unet)
        channels = config.autoencoder.latent_channels
        self.shift: Tensor
        self.scale: Tensor
        self.register_buffer("shift", torch.zeros(channels, 1, 1))
        self.register_buffer("scale", torch.ones(channels, 1, 1))
        self.schedule = NoiseSchedule.from_dict(config.schedule)
        self.text = reader(config.text, used) if text is None else text

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.config.autoencoder.in_channels, self.config.size, self.config.size

    @property
    def drawn_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of a latent."""
        side = self.config.size // self.config.autoencoder.factor
        return self.config.autoencoder.latent_channels, side, side

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of the shipped networks that are not part of this one's weights."""
        return () if self.config.text is None else (self.config.text,)

    @checked
    def around(self, network: Network) -> Denoiser:
        """The denoiser of latents, which are never clipped: they have no bounds."""
        return Denoiser(network, self.schedule, self.config.target, clip=False).eval()

    @checked(images=tensor("(B, C, H, W)"))
    def before(self, images: Tensor) -> Tensor:
        """(B, C, H, W) images -> (B, c, h, w) latents: the mean, shifted and scaled.

        Equation: eq-latent-scale (Rombach et al. 2022, appendix G; with a shift, and for each channel).
        Checked by: tests/systems/test_drawing.py::test_shift_and_scale_are_applied_once_each_way.
        """
        return (self.autoencoder.encode(images).mean - self.shift) * self.scale

    @checked(fits="drawn", drawn=tensor("(B, c, h, w)"))
    def after(self, drawn: Tensor) -> Tensor:
        """(B, c, h, w) latents -> (B, C, H, W) images in [-1, 1]."""
        return self.autoencoder.decode(drawn / self.scale + self.shift).clamp(-1, 1)

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
        """The U-Net and the decoder, for the page; the decoder takes the latent as the U-Net leaves it."""
        unet, example = unet_graph(self.unet, self.config.unet, self.drawn_shape[1], self.schedule.T, self.text)
        return {"unet": (unet, example), "decoder": (Decoder(self), {"z": example["x_t"]})}


class Decoder(nn.Module):
    """The last part of a latent diffusion system alone: latents in, images out."""

    def __init__(self, system: LatentDiffusion) -> None:
        super().__init__()
        self.system = system

    def forward(self, z: Tensor) -> Tensor:
        """(B, c, h, w) -> (B, C, H, W) in [-1, 1]."""
        return self.system.after(z)


@torch.no_grad()
def latents_of(autoencoder: AutoEncoder, images: Tensor, batch_size: int = 128) -> tuple[Gaussian, Tensor, Tensor]:
    """Encode a data set once, and measure the shift and the scale of each channel.

    Args:
        autoencoder: trained, in evaluation mode.
        images: (N, C, H, W) in [-1, 1].
        batch_size: images encoded at once; costs memory, changes nothing else.

    Equation: eq-latent-scale (as :meth:`LatentDiffusion.before`; here both numbers are measured).
    Checked by: tests/systems/test_drawing.py::test_latents_have_mean_zero_and_variance_one_a_channel.

    Returns:
        The Gaussians of the shifted and scaled latents, (N, c, h, w); shift = mean and scale = 1 / std of each channel
        over images, positions and the encoder's own noise, (c, 1, 1).
    """
    parts = [autoencoder.encode(part) for part in images.split(batch_size)]
    mean, std = torch.cat([p.mean for p in parts]), torch.cat([p.std for p in parts])
    shift = mean.mean(dim=(0, 2, 3), keepdim=True)  # (1, c, 1, 1)
    variance = mean.var(dim=(0, 2, 3), keepdim=True) + std.square().mean(dim=(0, 2, 3), keepdim=True)
    scale = variance.rsqrt()
    whole = Gaussian((mean - shift) * scale, 2 * (std * scale).log())
    return whole, shift[0], scale[0]


@checked
@dataclass(frozen=True)
class LatentWithText(WithText):
    """Denoising of captioned latents: z = mean + std * noise is drawn anew in every step.

    The data hold `mean` and `std` (N, c, h, w) of the shifted and scaled latents, and captions as :class:`WithText`.
    """

    @checked(batch=batch_of("mean", "std"))
    def images(self, batch: dict[str, Tensor], draw: Draw) -> Tensor:
        """A draw of each latent."""
        mean = batch["mean"].float()
        return mean + batch["std"].float() * draw.normal(*mean.shape[1:])


@checked
@dataclass(frozen=True)
class Reconstruct:
    r"""The objective of an auto-encoder: absolute errors of pixels and of edges, and a little KL divergence.

    L = |x_hat - x| + edge * (|dx_hat - dx| along rows + the same along columns) + kl * KL / (C H W), where |.| is a
    mean over all values and d the difference of neighboring pixels.

    Equation: eq-autoencoder (Rombach et al. 2022, section 3.1, without its perceptual and adversarial terms).
    Checked by: tests/systems/test_drawing.py::test_the_loss_of_an_auto_encoder_is_its_three_terms.

    Args:
        kl: weight of the divergence.
        edge: weight of the edges.

    Raises:
        ValueError: a weight below 0.

    Source: edges: Mathieu et al. 2016, eq. 6.
    """

    kl: float = 0.01
    edge: float = 1.0

    def __post_init__(self) -> None:
        for name in ("kl", "edge"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"Reconstruct.{name} must be at least 0, got {getattr(self, name)!r}")

    @checked(batch=batch_of("pixels"))
    def __call__(self, model: Any, batch: dict[str, Tensor], draw: Draw) -> Tensor:
        """The loss of one batch of `pixels`."""
        return sum(self.terms(model, batch, draw).values())  # type: ignore[return-value]

    @checked(batch=batch_of("pixels"))
    def terms(self, model: Any, batch: dict[str, Tensor], draw: Draw) -> dict[str, Tensor]:
        """Its three terms, weighted, by name."""
        x = batch["pixels"]  # (B, C, H, W)
        config = getattr(model, "module", model).config  # of the network inside, where several processes wrap it
        side = [size // config.factor for size in x.shape[2:]]
        rebuilt, latent = model(x, draw.normal(config.latent_channels, *side))
        # Sums of many numbers: not in half precision.
        rebuilt, latent = rebuilt.float(), Gaussian(latent.mean.float(), latent.log_var.float())
        error = rebuilt - x
        edges = error.diff(dim=2).abs().mean() + error.diff(dim=3).abs().mean()
        divergence = kl_to_standard(latent).sum() / x.numel()
        return {"pixels": error.abs().mean(), "edges": self.edge * edges, "kl": self.kl * divergence}
