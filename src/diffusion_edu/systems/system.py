"""What a system is to whoever uses one, and the base of those of this package."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn

from .._arguments import checked, tensor
from .._errors import bad_value
from ..cond import Cond, Network
from ..diffusion import DDIM, Denoiser, DPMSolver, Guided, NoiseSchedule
from ..diffusion.samplers import Sampler
from .drawing import draw, spelled, spread
from .text import TextReader, unknown_words


class System(Protocol):
    """Networks together that draw images: what is asked of them, beside a `config` that travels with the weights.

    A frozen network that comes with the package, and that a system only reads with, is named in `uses` and is no part
    of its weights.
    """

    schedule: NoiseSchedule

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        ...

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of the shipped networks that it reads with."""
        ...

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
    ) -> Tensor:
        """(N, C, H, W) in [-1, 1]: n images of one text, or n (1) of each of several; without texts, n images."""
        ...

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
        """What a page needs, by name: a module with tensors in and out, and an example of its inputs.

        A module that puts out several tensors has their names as its `outputs`; else it puts out "prediction".
        """
        ...


def graph_files(file: str, graphs: Iterable[str]) -> dict[str, str]:
    """How the files of a system's graphs are called: NAME.onnx itself for one, NAME.GRAPH.onnx for several.

    Args:
        file: "NAME.onnx".
        graphs: their names.
    """
    names = list(graphs)
    return {name: file if len(names) == 1 else str(Path(file).with_suffix(f".{name}.onnx")) for name in names}


class Drawer(nn.Module):
    """The base of the systems: one :meth:`generate` for all of them.

    A subclass has the network `unet`, a `config`, a `schedule`, `text` where it reads, :attr:`shape` and
    :meth:`around`. Where it denoises something else than images it has :attr:`drawn_shape`, :meth:`before` and
    :meth:`after` too.
    """

    unet: nn.Module
    schedule: NoiseSchedule
    text: TextReader | None = None
    knows_captions_only = True  # whether its reader learned its words from the captions of the training

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        raise NotImplementedError(f"{type(self).__name__} must define shape")

    @property
    def drawn_shape(self) -> tuple[int, int, int]:
        """Shape of what is denoised: an image, or a latent."""
        return self.shape

    @property
    def uses(self) -> tuple[str, ...]:
        """The names of the shipped networks that it reads with."""
        return ()

    def graphs(self) -> dict[str, tuple[nn.Module, dict[str, Tensor]]]:
        """As :meth:`System.graphs`."""
        raise NotImplementedError(f"{type(self).__name__} must define graphs")

    @property
    def denoiser(self) -> Denoiser:
        """The network with its schedule, without guidance."""
        return self.around(self.unet)

    def around(self, network: Network) -> Denoiser:
        """The denoiser of this system around a network, such as a :class:`Guided` one."""
        raise NotImplementedError(f"{type(self).__name__} must define around")

    @checked(images=tensor("(B, C, H, W)"))
    def before(self, images: Tensor) -> Tensor:
        """(B, C, H, W) images in [-1, 1] -> (B, *drawn_shape): what image to image begins from."""
        return images

    @checked
    def after(self, drawn: Tensor) -> Tensor:
        """(B, *drawn_shape) -> (B, C, H, W) images in [-1, 1]."""
        return drawn

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
    ) -> Tensor:
        """Draw images. Image i belongs to seed + i, whatever n and the batch size are.

        Args:
            prompt: a text, or several, whose images come one text after the other; "" says nothing. Left out for a
                system that reads none: there the number of images may stand first, ``generate(16)``.
            n: images of one text (default 16), or of each of several (1).
            guidance: w of :class:`Guided`: 1 is what the network learned, more exaggerates what the text says; default
                2, and 1 where no text is read.
            negative: a text to lead away from, with a guidance other than 1.
            seed: of the first image.
            sampler: as for :func:`diffusion_edu.sample`; default :class:`DPMSolver` where a text is read, else
                :class:`DDIM`.
            steps: of the sampler; default: its own.
            start: images to begin from instead of noise, (C, H, W) for all or (n, C, H, W), in [-1, 1] or uint8.
            start_t: the step that `start` is noised to, in 1..T; the higher, the less is left of it.
            batch_size: images that are worked on at once; costs memory, changes nothing else.
            progress: show a progress bar.

        Returns:
            (N, C, H, W) float32 in [-1, 1], on the CPU.

        Raises:
            ValueError: an argument out of range, a `start` of another shape, texts or guidance for a system that reads
                none, or no text for one that does.

        Warns:
            UserWarning: a word that no caption of the training holds.
        """
        texts, count = spelled(prompt, n, reads=self.text is not None)
        cond, network = self._heard(texts, guidance, negative)
        return self._drawn(
            network,
            cond,
            count,
            seed=seed,
            sampler=sampler,
            steps=steps,
            start=start,
            start_t=start_t,
            batch_size=batch_size,
            progress=progress,
        )

    def _drawn(
        self,
        network: Network,
        cond: Cond | None,
        count: int,
        *,
        seed: int | Sequence[int] = 0,
        sampler: Sampler | None = None,
        steps: int | None = None,
        start: Tensor | None = None,
        start_t: int | None = None,
        batch_size: int = 64,
        progress: bool = False,
    ) -> Tensor:
        """The images that a network draws, each of its own condition."""
        if batch_size < 1:
            raise bad_value("batch_size", batch_size, "at least 1")
        if start is not None:
            start = self._in_batches(self.before, spread(start, count, self.shape), batch_size)
        drawn = draw(
            self.around(network),
            self.drawn_shape,
            count,
            cond=cond,
            seed=seed,
            sampler=sampler or (DDIM() if self.text is None else DPMSolver()),
            steps=steps,
            start=start,
            start_t=start_t,
            batch_size=batch_size,
            progress=progress,
        )
        return self._in_batches(self.after, drawn, batch_size)

    def _heard(self, texts: list[str] | None, guidance: float | None, negative: str) -> tuple[Cond | None, nn.Module]:
        """The condition of each image, and the network that is given it."""
        if texts is None or self.text is None:
            if guidance not in (None, 1) or negative != "":
                raise ValueError("guidance and negative must be left out for a system that reads no texts")
            return None, self.unet
        cond, against = self._read(texts, negative)
        return cond, Guided(self.unet, 2.0 if guidance is None else guidance, against)

    def _read(self, texts: list[str], negative: str) -> tuple[Cond, Cond | None]:
        """What each of the texts says, and what the negative one does: None where it says nothing."""
        assert self.text is not None
        if not isinstance(negative, str):
            raise bad_value("negative", negative, "a text")
        each = list(dict.fromkeys(texts))
        if self.knows_captions_only and (unknown := unknown_words(each)):
            words = ", ".join(repr(word) for word in unknown)
            warnings.warn(f"no caption of the training holds {words}: what it draws is chance", stacklevel=4)
        rows = torch.tensor([each.index(text) for text in texts])
        return self.text(each)[rows], self.text([negative]) if negative.strip() else None

    @torch.no_grad()
    def _in_batches(self, function: Callable[[Tensor], Tensor], values: Tensor, batch_size: int) -> Tensor:
        device = next(self.parameters()).device
        return torch.cat([function(part.to(device)).float().cpu() for part in values.split(batch_size)])
