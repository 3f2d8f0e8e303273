"""What fixes an Imagen in miniature."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..config import Config
from ..diffusion import NoiseSchedule
from ..nn import UNetConfig
from .described import check_drawing
from .upscaling import MOST_LEVEL


@dataclass(frozen=True)
class ImagenConfig(Config):
    """Everything that fixes a cascade; it travels with the weights.

    Args:
        base: the network that draws the small image.
        up: the networks that enlarge it, each to twice the size, from small to large. One that reads texts has the
            sizes of `base` for them; one without `token_dim` reads none.
        size: height and width of the small image.
        schedule: arguments of :meth:`NoiseSchedule.from_dict`, of all networks and of the noise on small images.
        target: what the networks predict: "eps", "x0" or "v".
        clip: as for :class:`Denoiser`.
        most_level: the largest step to which a small image is noised in training.
        level: the one that it is noised to in sampling; 0: it is given as it is.
        text: name of the sentence encoder with which it reads, or None.

    Raises:
        ValueError: a value is out of its range, or the parts do not fit each other.
    """

    base: UNetConfig = field(default_factory=UNetConfig)
    up: tuple[UNetConfig, ...] = ()
    size: int = 16
    schedule: dict[str, Any] = field(default_factory=lambda: {"name": "cosine", "T": 1000})
    target: str = "v"
    clip: str | bool = "dynamic"
    most_level: int = MOST_LEVEL
    level: int = 50
    text: str | None = None

    def check(self) -> None:
        """Raise unless the fields are good."""
        colors, words = self.base.in_channels, (self.base.token_dim, self.base.vec_dim)
        fits = all(
            (up.in_channels, up.concat_channels, up.level) == (colors, colors, True)
            and (up.token_dim, up.vec_dim) in ((None, None), words)
            for up in self.up
        )
        sides = zip((self.base, *self.up), self.sizes)
        self.require(
            "size", self.size >= 1 and all(side % net.factor == 0 for net, side in sides), "one that all halve"
        )
        self.require("base", not self.base.concat_channels and not self.base.level, "one without concat and level")
        self.require("up", fits, f"networks of {colors} channels and as many of concat, with level, that read as base")
        check_drawing(self)
        steps = NoiseSchedule.from_dict(self.schedule).T
        self.require("most_level", 0 <= self.most_level <= steps, f"in 0..{steps}")
        self.require(
            "level", 0 <= self.level <= self.most_level, f"in 0..most_level, {self.most_level}, which training covers"
        )

    @property
    def sizes(self) -> tuple[int, ...]:
        """Height and width of each network's images."""
        return tuple(self.size * 2**i for i in range(1 + len(self.up)))
