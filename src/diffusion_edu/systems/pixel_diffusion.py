"""One U-Net that draws pixels: without texts, or with words that it reads by cross-attention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from .._arguments import batch_of, checked
from ..cond import Cond, Network
from ..config import Config
from ..diffusion import Denoiser, NoiseSchedule
from ..nn import UNet, UNetConfig, WithWordMaps, example_inputs
from ..randomness import Draw
from ..train import Denoising
from .clip import CLIP
from .described import check_drawing
from .system import Drawer
from .text import ClipText, TextReader, chosen_phrasing


@dataclass(frozen=True)
class PixelDiffusionConfig(Config):
    """Everything that fixes a system of one U-Net; it travels with the weights.

    Args:
        unet: shape of the network.
        size: height and width of an image.
        schedule: arguments of :meth:`NoiseSchedule.from_dict`.
        target: what the network predicts: "eps", "x0" or "v".
        clip: as for :class:`Denoiser`.
        text: name of the shipped CLIP with which it reads, or None.

    Raises:
        ValueError: a value is out of its range.
    """

    unet: UNetConfig = field(default_factory=UNetConfig)
    size: int = 32
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "linear", "T": 1000})
    target: str = "eps"
    clip: str | bool = "static"
    text: str | None = None

    def check(self) -> None:
        """Raise unless the fields are good."""
        factor = self.unet.factor
        self.require("size", self.size >= 1 and self.size % factor == 0, f"a positive multiple of {factor}")
        check_drawing(self)


@checked
class PixelDiffusion(Drawer):
    """A U-Net with its schedule, and the frozen encoder of the texts where it reads any.

    Args:
        config: its shape.
        used: the frozen networks that the configuration names, by name.
        text: the reader, instead of the CLIP that the configuration names.

    Raises:
        ValueError: the configuration names an encoder that is not in `used`.
    """

    def __init__(
        self,
        config: PixelDiffusionConfig,
        used: Mapping[str, nn.Module] | None = None,
        text: TextReader | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.unet = UNet(config.unet)
        self.schedule = NoiseSchedule.from_dict(config.schedule)
        # A frozen reader is no module of this one: its weights are its own.
        self.text = reader(config.text, used) if text is None else text

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.config.unet.in_channels, self.config.size, self.config.size

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of the shipped networks that are not part of this one's weights."""
        return () if self.config.text is None else (self.config.text,)

    @checked
    def around(self, network: Network) -> Denoiser:
        """The denoiser, with x_0 clipped as the configuration says."""
        return Denoiser(network, self.schedule, self.config.target, self.config.clip).eval()

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
        """The network, with an example of its inputs, for :func:`diffusion_edu.export.to_onnx`."""
        return {"unet": unet_graph(self.unet, self.config.unet, self.config.size, self.schedule.T, self.text)}


def unet_graph(
    unet: nn.Module, config: UNetConfig, size: int, T: int, text: TextReader | None
) -> tuple[nn.Module, dict[str, Tensor]]:
    """A U-Net as a page needs it, and an example of its inputs; one that reads says what it reads, too.

    A file of a graph has a fixed number of tokens: as many as the reader can read, of which the mask says which count.
    """
    example = example_inputs(config, size, length=getattr(text, "length", 8), T=T)
    return unet if config.token_dim is None else WithWordMaps(unet), example


def reader(name: str | None, used: Mapping[str, nn.Module] | None) -> TextReader | None:
    """The reader that a configuration names, made of the frozen networks that its file uses.

    Raises:
        ValueError: it names a CLIP that is not in `used`.
    """
    if name is None:
        return None
    clip = (used or {}).get(name)
    if not isinstance(clip, CLIP):
        raise ValueError(f"used must hold the CLIP {name!r}, got {type(clip).__name__}")
    return ClipText(clip)


@checked
@dataclass(frozen=True)
class WithText(Denoising):
    """Denoising of captioned images: each step draws one of the K phrasings of every image.

    The data hold `pixels` (N, C, H, W) and `tokens`, `mask` and `vec` as :func:`caption_table` makes them.

    Args:
        schedule, target, drop, weight: as for :class:`Denoising`; here a condition is dropped one time in ten.
    """

    target: str = "v"
    drop: float = 0.1

    @checked(batch=batch_of("tokens", "mask", "vec"))
    def read(self, batch: Any, draw: Draw) -> tuple[Tensor, Cond]:
        """The images, and the condition of one phrasing each."""
        return self.images(batch, draw), chosen_phrasing(batch, draw.integers(0, batch["mask"].shape[1]))

    @checked(batch=batch_of("pixels"))
    def images(self, batch: dict[str, Tensor], draw: Draw) -> Tensor:
        """x_0 of the batch."""
        return batch["pixels"]
