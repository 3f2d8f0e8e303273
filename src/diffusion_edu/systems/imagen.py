"""A cascade over pixels: a small image from a text, and networks that enlarge it, each given its input's noise level.

Imagen in miniature (Saharia et al. 2022). Noise is added to the image, never to a latent; and in training to the small
image that an upscaler is given too, since in sampling that image comes from a network and has its errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._arguments import checked, seed_or_seeds, tensor
from .._errors import bad_value
from ..cond import Cond, Network
from ..data.pixels import to_x0
from ..diffusion import DDIM, Denoiser, DPMSolver, Guided, NoiseSchedule, sample
from ..diffusion.samplers import Sampler
from ..nn import UNet, example_inputs
from ..randomness import SeededNoise
from .cascading import CascadeStep, Sampling, counted, streams
from .drawing import spelled, spread
from .imagen_config import ImagenConfig
from .sentences import sentence_reader
from .system import Drawer
from .text import TextReader
from .upscaling import augmented


@checked
class Imagen(Drawer):
    r"""A base network and its upscalers: p(x | c) = p(z | c) p(x | z, c), and so on for each size.

    Args:
        config: its shape.
        used: unused; the sentence encoder is no network of this package.
        text: the reader, instead of the one that the configuration names.

    Source: Saharia et al. 2022, section 2; Ho et al. 2022 (Cascaded Diffusion Models), section 4.
    """

    knows_captions_only = False  # the sentence encoder has read other texts

    def __init__(
        self,
        config: ImagenConfig,
        used: Mapping[str, nn.Module] | None = None,
        text: TextReader | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.base = UNet(config.base)
        self.up = nn.ModuleList(UNet(part) for part in config.up)
        self.schedule = NoiseSchedule.from_dict(config.schedule)
        self.text = sentence_reader(config.text) if text is None and config.text is not None else text

    @property
    def unet(self) -> nn.Module:  # type: ignore[override]  # the base class has it as a plain attribute
        """The network that draws the small image."""
        return self.base

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image, the largest."""
        return self.config.base.in_channels, self.config.sizes[-1], self.config.sizes[-1]

    @property
    def drawn_shape(self) -> tuple[int, int, int]:
        """(C, h, w) of the small image."""
        return self.config.base.in_channels, self.config.size, self.config.size

    @property
    def uses(self) -> tuple[str, ...]:
        """None of the shipped networks."""
        return ()

    @checked
    def around(self, network: Network, clip: bool | str | None = None) -> Denoiser:
        """The denoiser of any of the networks; x_0 is clipped as the configuration says, or by `clip`."""
        return Denoiser(network, self.schedule, self.config.target, self.config.clip if clip is None else clip).eval()

    @checked(images=tensor("(B, C, H, W)"))
    def before(self, images: Tensor) -> Tensor:
        """(B, C, H, W) images -> (B, C, h, w): each pixel the mean of those in its place."""
        large, small = self.config.sizes[-1], self.config.size
        if tuple(images.shape[2:]) != (large, large):
            raise bad_value("images", tuple(images.shape), f"of shape (B, C, {large}, {large})")
        return F.avg_pool2d(images, large // small)

    @checked
    def generate(
        self,
        prompt: str | Sequence[str] | int | None = None,
        n: int | None = None,
        *,
        guidance: float | None = None,
        negative: str = "",
        seed: int = 0,
        sampler: Sampler | None = None,
        steps: int | None = None,
        start: Tensor | None = None,
        start_t: int | None = None,
        batch_size: int = 64,
        progress: bool = False,
        level: int | None = None,
        clip: bool | str | None = None,
        stages: bool = False,
    ) -> Any:
        """Draw images: small ones, then each network's larger ones. Image i belongs to seed + i.

        Args:
            prompt, n, guidance, negative, seed, sampler, steps, start, start_t, batch_size, progress: as for
                :meth:`Drawer.generate`. Sampler, steps and guidance are those of every network (the guidance, of those
                that read); `start` is made small, and begins the base.
            level: step to which the small images are noised; default: the configuration's.
            clip: as for :class:`Denoiser`, in place of the configuration's.
            stages: return the images of every size, from small to large.

        Returns:
            (N, C, H, W) float32 in [-1, 1], on the CPU; with `stages` a tuple of such tensors, one a size.

        Raises:
            ValueError: as there; or a level that training does not cover.

        Equation: eq-cascade (Ho et al. 2022, Cascaded Diffusion Models, section 2.3).
        Checked by: tests/systems/test_imagen.py::test_each_upscaler_is_given_the_image_that_the_one_before_drew,
            tests/systems/test_imagen.py::test_the_whole_is_its_parts_in_turn.
        """
        texts, count = spelled(prompt, n, reads=self.text is not None)
        cond, heard = self._heard(texts, guidance, negative)
        way = self._way(level, sampler, steps, batch_size, progress, clip)
        if start is not None:
            start = self._in_batches(self.before, spread(start, count, self.shape), batch_size)
        base = self.around(heard, way.clip)
        small = way.draw(base, self.drawn_shape, count, cond, seed=seed, start=start, start_t=start_t)
        drawn = (small, *self._larger(small, cond, heard, counted(seed, count), way))
        return drawn if stages else drawn[-1]

    @checked(seed=seed_or_seeds)
    def follow(
        self,
        prompt: str | Sequence[str] | int | None = None,
        n: int | None = None,
        *,
        guidance: float | None = None,
        negative: str = "",
        seed: int | Sequence[int] = 0,
        sampler: Sampler | None = None,
        steps: int | None = None,
        level: int | None = None,
        clip: bool | str | None = None,
    ) -> Iterator[CascadeStep]:
        """Draw images, one yield a step of each network in turn: the states that :meth:`generate` goes through.

        The last state of a network is its image; all images are worked on at once.

        Args:
            prompt, n, guidance, negative, sampler, steps, level, clip: as for :meth:`generate`.
            seed: of the first image; or one for each image.

        Yields:
            CascadeStep(network, given, step), from the base to the last upscaler, each from T to 0.

        Raises:
            ValueError: as :meth:`generate`; or seeds of another number.
        """
        texts, count = spelled(prompt, n, reads=self.text is not None)
        cond, heard = self._heard(texts, guidance, negative)
        seeds = counted(seed, count) if isinstance(seed, int) else list(seed)
        if len(seeds) != count:
            raise bad_value("seed", f"{len(seeds)} seeds", f"one, or one for each of the {count} images")
        return self._states(cond, heard, seeds, self._way(level, sampler, steps, count, False, clip))

    def _states(self, cond: Cond | None, heard: nn.Module, seeds: list[int], way: Sampling) -> Iterator[CascadeStep]:
        """The states of the base, then of each upscaler."""
        device, small = next(self.parameters()).device, None
        for place, size in enumerate(self.config.sizes):
            network, told, own = heard, cond, seeds
            if small is not None:
                network, told, own = self._asked(place - 1, small, cond, heard, seeds, way)
            told = None if told is None else told.to(device)
            shape = len(seeds), self.shape[0], size, size
            for step in sample(self.around(network, way.clip), shape, way.sampler, way.steps, seeds=own, cond=told):
                yield CascadeStep(place, told, step)
            small = step.x_t.cpu()

    @checked
    def upscale(
        self,
        images: Tensor,
        prompt: str | Sequence[str] | None = None,
        *,
        to: int | None = None,
        guidance: float | None = None,
        negative: str = "",
        seed: int = 0,
        sampler: Sampler | None = None,
        steps: int | None = None,
        batch_size: int = 64,
        progress: bool = False,
        level: int | None = None,
        clip: bool | str | None = None,
    ) -> Tensor:
        """Enlarge images by the upscalers alone: true ones, or those of another network.

        Args:
            images: (n, C, h, w) in [-1, 1] or uint8, of a size that an upscaler takes.
            prompt: what they show: a text for all, or one for each; default: nothing is said.
            to: size of the result; default: the largest.
            guidance, negative, seed, sampler, steps, batch_size, progress, level, clip: as for :meth:`generate`.

        Returns:
            (n, C, to, to) float32 in [-1, 1], on the CPU.

        Raises:
            ValueError: images of another shape, or an argument out of range.
        """
        sizes, channels = self.config.sizes, self.shape[0]
        if (
            images.ndim != 4
            or not len(images)
            or images.shape[1] != channels
            or tuple(images.shape[2:]) not in [(s, s) for s in sizes[:-1]]
        ):
            raise bad_value("images", tuple(images.shape), f"(n, {channels}, h, h) with h one of {sizes[:-1]}")
        images = (to_x0(images) if images.dtype == torch.uint8 else images).float().cpu()
        first = sizes.index(images.shape[-1])
        if to is not None and to not in sizes[first + 1 :]:
            raise bad_value("to", to, f"one of {sizes[first + 1 :]}")
        said = "" if prompt is None and self.text is not None else prompt
        each = None if said is not None and not isinstance(said, str) else len(images)
        texts, count = spelled(said, each, reads=self.text is not None)
        if count != len(images):
            raise bad_value("prompt", f"{count} texts", f"one, or one for each of the {len(images)} images")
        cond, heard = self._heard(texts, guidance, negative)
        way = self._way(level, sampler, steps, batch_size, progress, clip)
        last = len(sizes) - 1 if to is None else sizes.index(to)
        return [*self._larger(images, cond, heard, counted(seed, count), way, range(first, last))][-1]

    def _way(
        self,
        level: int | None,
        sampler: Sampler | None,
        steps: int | None,
        batch_size: int,
        progress: bool,
        clip: bool | str | None,
    ) -> Sampling:
        """The arguments of both methods, with their defaults."""
        level = self.config.level if level is None else level
        if isinstance(level, bool) or not 0 <= level <= self.config.most_level:
            raise bad_value("level", level, f"in 0..{self.config.most_level}, which training covers")
        if batch_size < 1:
            raise bad_value("batch_size", batch_size, "at least 1")
        sampler = sampler or (DDIM() if self.text is None else DPMSolver())
        return Sampling(level, sampler, steps, batch_size, progress, self.config.clip if clip is None else clip)

    def _larger(
        self,
        small: Tensor,
        cond: Cond | None,
        heard: nn.Module,
        seeds: list[int],
        way: Sampling,
        which: range | None = None,
    ) -> Iterator[Tensor]:
        """The images that the upscalers make of (n, C, h, h) small ones, one size after the other."""
        for index in range(len(self.up)) if which is None else which:
            network, told, own = self._asked(index, small, cond, heard, seeds, way)
            n, channels, side, _ = small.shape
            shape = channels, 2 * side, 2 * side
            small = way.draw(self.around(network, way.clip), shape, n, told, seed=own)
            yield small

    def _asked(
        self, index: int, small: Tensor, cond: Cond | None, heard: nn.Module, seeds: list[int], way: Sampling
    ) -> tuple[nn.Module, Cond, list[int]]:
        """An upscaler, guided where it reads; its condition for (n, C, h, h) small images; and its seeds."""
        network, (n, channels, side, _) = self.up[index], small.shape
        # Noise of its own for each size: with one seed that of all shapes would begin alike.
        noise = SeededNoise(streams(seeds, f"low {2 * side}"), (channels, side, side), "cpu", small.dtype).draw()
        told = augmented(small, torch.full((n,), way.level), noise, self.schedule, 2 * side)
        if cond is not None and self.config.up[index].token_dim is not None:
            assert isinstance(heard, Guided)
            told = replace(cond, concat=told.concat, level=told.level)
            network = Guided(network, heard.scale, heard.negative)
        return network, told, streams(seeds, f"up {2 * side}")

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
        """The networks by what they draw ("base", "up32", ...), each with an example of its inputs."""
        names = ["base", *(f"up{size}" for size in self.config.sizes[1:])]
        parts = zip(names, (self.base, *self.up), (self.config.base, *self.config.up), self.config.sizes)
        return {name: (net, example_inputs(shape, size, T=self.schedule.T)) for name, net, shape, size in parts}
