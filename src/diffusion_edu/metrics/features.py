"""What a distance between sets of images compares: a network's features, under the network's honest name.

Only one network makes a Frechet distance an FID: the Inception-v3 of 2015, whose weights every published FID was
measured with. With any other network the number is as good a tool, and comparable with nothing but itself.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from .._arguments import anything, checked
from .._errors import bad_value, shown
from ..data.pixels import to_x0
from .statistics import Statistics


@checked
@dataclass(frozen=True)
class FeatureNetwork:
    """A network and what must be said beside a distance that was measured with it.

    Args:
        name: what it is asked for by.
        title: what it is called in print.
        model: (B, channels, H, W) in [-1, 1] -> (B, width).
        width: D, the number of features.
        channels: of the images that the model takes.
        side: height and width that images must have; None for a model that resizes them itself.
        resize: how images come to the model's size, in words.
    """

    name: str
    title: str
    model: Callable[[Tensor], Tensor]
    width: int
    channels: int
    side: int | None
    resize: str

    @property
    def measure(self) -> str:
        """What a Frechet distance between its features is called."""
        return "FID" if self.name == "inception" else f"FD ({self.title})"

    @property
    def kernel_measure(self) -> str:
        """What a kernel distance between its features is called."""
        return "KID" if self.name == "inception" else f"KD ({self.title})"

    @property
    def about(self) -> dict[str, Any]:
        """What must be the same for two statistics to be compared: JSON-ready."""
        return {"network": self.title, "width": self.width, "resize": self.resize}

    @checked(pixels=anything)
    @torch.no_grad()
    def __call__(self, pixels: Tensor, batch_size: int = 100) -> Tensor:
        """The features of images.

        Args:
            pixels: (N, C, H, W) uint8: images are compared as they would be stored, rounded to 8 bits. Gray ones are
                repeated for a network of color images.
            batch_size: images worked on at once; costs memory, changes nothing else.

        Returns:
            (N, width) float32, on the CPU.

        Raises:
            TypeError: pixels are not uint8.
            ValueError: another shape, no images, or a number of channels or a size that the network does not take.
        """
        self.check(pixels)
        if batch_size < 1:
            raise bad_value("batch_size", batch_size, "at least 1")
        device = torch.device("cpu")
        if isinstance(self.model, nn.Module):
            device = next((p.device for p in self.model.parameters()), device)
        parts = []
        for part in pixels.split(batch_size):
            x0 = to_x0(part.to(device))  # (B, C, H, W)
            if x0.shape[1] != self.channels:
                x0 = x0.expand(-1, self.channels, -1, -1)
            parts.append(self.model(x0).float().cpu())
        return torch.cat(parts)

    @checked(pixels=anything)
    def statistics(self, pixels: Tensor, batch_size: int = 100) -> Statistics:
        """Mean and covariance of the features of images, with the network's name and resize.

        Raises:
            TypeError, ValueError: as for a call.
        """
        self.check(pixels)
        stats = Statistics(self.width, self.about)
        for part in pixels.split(max(1, batch_size)):
            stats.update(self(part, batch_size))
        return stats

    @checked(pixels=anything)
    def check(self, pixels: Tensor, argument: str = "pixels") -> None:
        """Raise unless these are images that the network takes; `argument` is what the message calls them.

        Raises:
            TypeError, ValueError: as for a call.
        """
        if not isinstance(pixels, Tensor) or pixels.dtype != torch.uint8:
            raise TypeError(f"{argument} must be uint8 (N, C, H, W), got {shown(pixels)}; to_pixels() makes them")
        if pixels.ndim != 4 or len(pixels) == 0:
            raise ValueError(f"{argument} must have shape (N, C, H, W) with N >= 1, got {tuple(pixels.shape)}")
        if pixels.shape[1] != self.channels and (self.channels, pixels.shape[1]) != (3, 1):
            allowed = "1 or 3 channels" if self.channels == 3 else f"{self.channels} channel(s)"
            raise ValueError(f"{argument} must have {allowed} for {self.title}, got {pixels.shape[1]}")
        if self.side is not None and tuple(pixels.shape[2:]) != (self.side, self.side):
            wanted = f"{self.side} x {self.side} for {self.title}"
            raise ValueError(f"{argument} must be {wanted}, got {pixels.shape[2]} x {pixels.shape[3]}")


def inception_features(weights: str | Path | None = None, device: torch.device | str = "cpu") -> FeatureNetwork:
    """The network of the FID.

    Args:
        weights: the file `pt_inception-2015-12-05-6726825d.pth`; None takes it from the cache, or downloads it.
        device: where to put it.

    Raises:
        FileNotFoundError, DataError: no such file, another one, or the download failed.
    """
    from .inception import ResizedInception, load_inception

    model = ResizedInception(load_inception(weights)).to(device)
    return FeatureNetwork("inception", "Inception-v3 of 2015", model, 2048, 3, None, model.resize)


def efficientnet_features(device: torch.device | str = "cpu") -> FeatureNetwork:
    """EfficientNet-Lite0, trained on ImageNet: at hand where Inception is not.

    Raises:
        ImportError: the extra `features` is not installed.
    """
    from .efficientnet import load_efficientnet

    model = load_efficientnet().to(device)
    return FeatureNetwork("efficientnet", "EfficientNet-Lite0", model, 1280, 3, None, model.resize)
