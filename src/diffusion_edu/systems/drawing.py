"""Drawing with any denoiser: batches, seeds and progress; and the part of it that one of several processes does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from .._arguments import checked, having, seed_or_seeds
from .._arguments.tensors import images
from .._errors import bad_value
from ..cond import Cond
from ..data.pixels import to_x0
from ..diffusion import DDIM, Denoiser, SampleStep, sample
from ..diffusion.samplers import Sampler
from ..processes import world


@checked(seed=seed_or_seeds, start=images)
def draw(
    denoiser: Denoiser,
    shape: tuple[int, ...],
    n: int,
    *,
    cond: Cond | None = None,
    seed: int | Sequence[int] = 0,
    sampler: Sampler = DDIM(),  # noqa: B008 - it is frozen
    steps: int | None = None,
    start: Tensor | None = None,
    start_t: int | None = None,
    batch_size: int = 64,
    progress: bool = False,
) -> Tensor:
    """Draw n samples. Sample i belongs to seed + i, whatever n and the batch size are.

    Args:
        denoiser: of the network.
        shape: (C, H, W) of a sample, or that of a latent or an embedding.
        n: how many.
        cond: what each of the n is conditioned on; None: nothing.
        seed: of the first; or n seeds, one for each.
        sampler, steps: as for :func:`diffusion_edu.sample`.
        start: what to begin from instead of noise, one for all or n, in [-1, 1] or uint8.
        start_t: the step that `start` is noised to, in 1..T; the higher, the less is left of it.
        batch_size: samples that are worked on at once; costs memory, changes nothing else.
        progress: show a progress bar.

    Returns:
        (n, *shape) float32 on the CPU.

    Raises:
        ValueError: an argument out of range, or a `start` or `cond` of another size.
    """
    if n < 1:
        raise bad_value("n", n, "at least 1")
    if batch_size < 1:
        raise bad_value("batch_size", batch_size, "at least 1")
    if cond is not None and cond.batch_size != n:
        raise bad_value("cond", f"one of batch size {cond.batch_size}", f"one entry for each of the {n} samples")
    seeds = range(seed, seed + n) if isinstance(seed, int) else seed
    if len(seeds) != n:
        raise bad_value("seed", f"{len(seeds)} seeds", f"one, or one for each of the {n} samples")
    begin = None if start is None else spread(start, n, tuple(shape))
    parameter = next(denoiser.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device

    def batch(first: int) -> Iterator[SampleStep]:
        last = min(first + batch_size, n)
        return sample(
            denoiser,
            (last - first, *shape),
            sampler,
            steps,
            seeds=seeds[first:last],
            start=None if begin is None else begin[first:last],
            start_t=start_t,
            cond=None if cond is None else cond[first:last].to(device),
        )

    drawn = []
    running = batch(0)  # before the bar: it checks the arguments
    with tqdm(total=n, unit="image", disable=not progress) as bar:
        for first in range(0, n, batch_size):
            for step in running if first == 0 else batch(first):
                bar.set_postfix(t=step.t)
            drawn.append(step.x_t.cpu())
            bar.update(len(step.x_t))
    return torch.cat(drawn)


def spread(start: Tensor, n: int, shape: tuple[int, ...]) -> Tensor:
    """What to begin from, one a sample, in [-1, 1]."""
    start = to_x0(start) if start.dtype == torch.uint8 else start
    if tuple(start.shape) == shape:
        start = start.unsqueeze(0)
    if tuple(start.shape) == (1, *shape):
        start = start.expand(n, *shape)
    if tuple(start.shape) != (n, *shape):
        raise bad_value("start", tuple(start.shape), f"of shape {shape} or {(n, *shape)}")
    return start


def spelled(prompt: str | Sequence[str] | int | None, n: int | None, reads: bool) -> tuple[list[str] | None, int]:
    """What `generate` was asked for: a text for each image, or None for a system without texts; and how many images.

    Args:
        prompt: a text, several, or None; without texts it may be the number of images.
        n: images of one text (default 16), or of each of several (1).
        reads: whether the system reads texts.

    Raises:
        ValueError: a text for a system that reads none, none for one that does, or n below 1.
        TypeError: prompt holds something else than texts.
    """
    if isinstance(prompt, int) and not isinstance(prompt, bool) and n is None:
        prompt, n = None, prompt
    if n is not None and n < 1:
        raise bad_value("n", n, "at least 1")
    if prompt is None:
        if reads:
            raise ValueError("prompt must be given: this system draws what a text says, got None")
        return None, 16 if n is None else n
    if not reads:
        raise bad_value("prompt", prompt, "left out for a system that reads no texts")
    if isinstance(prompt, str):
        count = 16 if n is None else n
        return [prompt] * count, count
    if not isinstance(prompt, Sequence) or not all(isinstance(text, str) for text in prompt):
        raise TypeError(f"prompt must be a text or a list of texts, got {prompt!r}")
    if not prompt:
        raise bad_value("prompt", list(prompt), "at least one text")
    texts = [text for text in prompt for _ in range(n or 1)]
    return texts, len(texts)


@checked(system=having("generate", "shape", what="a system, which has generate() and a shape"))
def generate_part(
    system: Any,
    prompt: str | Sequence[str] | int | None = None,
    n: int | None = None,
    *,
    seed: int = 0,
    start: Tensor | None = None,
    **options: Any,
) -> Tensor:
    """This process's part of what `system.generate` draws: several processes each draw theirs, together those of one.

    Args:
        system: a :class:`System`, which reads texts if `prompt` holds any.
        prompt, n, seed, start, options: as for its `generate`, the same in all processes.

    Returns:
        (m, C, H, W): the images of `world().part(count)`, in order; m may be 0.
    """
    texts, count = spelled(prompt, n, reads=not (prompt is None or isinstance(prompt, int)))
    own = world().part(count)
    if not own:
        return torch.empty(0, *system.shape)
    if start is not None and start.ndim == 4 and len(start) == count:
        start = start[own.start : own.stop]
    part = None if texts is None else texts[own.start : own.stop]
    return system.generate(part, None if part else len(own), seed=seed + own.start, start=start, **options)
