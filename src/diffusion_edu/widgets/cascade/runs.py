"""The stored runs of a cascade: some estimates of each of its networks, and what each upscaler was given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..._errors import bad_value
from ...data import to_pixels
from ...systems import Imagen
from ..kit.payload import check_int
from ..kit.stored import leveled, stored_sheet


class Stage(NamedTuple):
    """What is kept of one network: P * R prompts and seeds, at L levels (1 for the base), in F states.

    `estimates` (P * R, L, F, 3, S, S) are those of x_0, `told` (P * R, L, 3, S, S) the noised and enlarged images that
    an upscaler was given, `t` the steps of the F states, the last of which is 0.
    """

    estimates: Tensor
    told: Tensor | None
    t: list[int]
    reads: bool


def stages_of(
    system: Imagen,
    prompts: Sequence[str],
    seeds: Sequence[int],
    levels: Sequence[int],
    frames: int,
    **options: Any,
) -> list[Stage]:
    """Run the cascade for each prompt and seed at each level of noise; options as for :meth:`Imagen.follow`."""
    texts = [prompt for prompt in prompts for _ in seeds]
    own = [seed for _ in prompts for seed in seeds]
    runs = [_one(system, texts, own, level, frames, options) for level in levels]
    base, *larger = zip(*runs)
    read = [system.config.base, *system.config.up]
    told = [None, *(torch.stack([run[1] for run in network], 1) for network in larger)]
    # The base is told no level: its runs are the same for all.
    estimates = [base[0][0][:, None], *(torch.stack([run[0] for run in network], 1) for network in larger)]
    return [Stage(x, seen, base[0][2], net.token_dim is not None) for x, seen, net in zip(estimates, told, read)]


def _one(
    system: Imagen, texts: list[str], seeds: list[int], level: int, frames: int, options: dict[str, Any]
) -> list[tuple[Tensor, Tensor | None, list[int]]]:
    """Of each network the kept estimates (P * R, F, 3, S, S), what it was given, and the steps."""
    states: list[list[Any]] = [[] for _ in system.config.sizes]
    for state in system.follow(texts, seed=seeds, level=level, **options):
        states[state.network].append(state)
    kept = []
    for own in states:
        picked = [own[i] for i in sorted({round(i) for i in np.linspace(0, len(own) - 1, min(frames, len(own)))})]
        estimates = torch.stack([state.step.x0.cpu() for state in picked], 1)
        told = own[0].told.concat.cpu() if own[0].told is not None and own[0].told.concat is not None else None
        kept.append((estimates, told, [state.step.t for state in picked]))
    return kept


def packed(stage: Stage, step: int | None = None, quality: int | None = None) -> dict[str, Any]:
    """What a page is given of a network. Tiles of one run: what it was given, if anything, then its states.

    Stored without loss, in multiples of `step` of 0..255, or with a loss, at a WebP quality. The second is smaller, but
    halves the resolution of colors, which shows where a pixel is drawn large.
    """
    images = stage.estimates.flatten(0, 1)  # (P * R * L, F, 3, S, S)
    if stage.told is not None:
        images = torch.cat([stage.told.flatten(0, 1)[:, None], images], 1)
    tiles = images.flatten(0, 1)
    pixels = to_pixels(tiles) if step is None else leveled(tiles, step)
    return {**stored_sheet(pixels, quality), "t": stage.t, "told": stage.told is not None, "reads": stage.reads}


def checked_levels(levels: Sequence[int] | None, system: Imagen) -> list[int]:
    """One to four levels, in ascending order; by default the clean image and the configuration's."""
    chosen = sorted({0, system.config.level}) if levels is None else list(levels)
    most = system.config.most_level
    if not 1 <= len(chosen) <= 4 or chosen != sorted(set(chosen)) or not all(0 <= s <= most for s in chosen):
        raise bad_value("levels", levels, f"one to four different steps in 0..{most}, in ascending order")
    return chosen


def checked_seeds(seeds: Sequence[int]) -> list[int]:
    """One to four seeds, each once."""
    chosen = [check_int("seeds", seed, 0, 2**31 - 1) for seed in seeds]
    if not 1 <= len(chosen) <= 4 or len(set(chosen)) < len(chosen):
        raise bad_value("seeds", list(seeds), "one to four different ones")
    return chosen
