"""The player of a cascade: one time axis over all of its networks, each of which enlarges the image before."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache

import numpy as np

from ..._errors import bad_value
from ...diffusion.samplers import Sampler
from ...systems import Imagen
from ..kit.base import BookWidget, Choice, Whole, as_traits, checked
from ..kit.bundle import esm
from ..kit.payload import check_int
from .fallback import cascade_picture
from .runs import checked_levels, checked_seeds, packed, stages_of

LIMIT = 300_000  # bytes of the element in a page
# Of the stored images: the step between the values of the smaller ones, and the WebP quality of the largest; the first
# pair that fits under the limit.
KEPT = ((4, 90), (4, 80), (4, 70), (8, 80), (8, 70), (8, 60), (8, 50), (16, 50))
ROWS = 3  # prompts in the picture for readers without scripts


@as_traits()
class CascadePlayer(BookWidget):
    """Follow a cascade from the base to the last upscaler: the estimates of x_0 of each network, and what it was given.

    All networks have one time axis: `frames` states of the base, then as many of each upscaler. An upscaler begins
    from the image before, noised to a step s, its level; where several are stored, the page offers them. The runs are
    drawn here, at construction; ``stages`` holds them, and the page shows them with some loss.

    The traits ``prompt`` (an index), ``seed``, ``level`` (both by name) and ``frame`` follow the page and move it.

    Args:
        system: a cascade over color images that reads texts.
        prompts: texts, each drawn with each seed and at each level.
        steps: of each network's sampler; default: its own.
        seeds: one to four; with one seed all levels share the base's image.
        levels: steps to which the small images are noised; default: 0 and the configuration's.
        guidance, sampler, clip: as for :meth:`Imagen.generate`.
        frames: states kept of each network, 2..12, the first and the last included.
        prompt, seed, level, frame: what is shown first; default: the first prompt and seed, the configuration's level
            if it is stored (else the last one), and the end.
        limit: most bytes of the element in a page.

    Raises:
        ValueError: an argument outside what is said above, or too much for `limit`.

    Source: Saharia et al. 2022, section 2.4.
    """

    prompt = Whole(0, 0, lambda self: len(self._prompts) - 1)
    seed = Choice("0", lambda self: [str(seed) for seed in self._seeds])
    level = Choice("0", lambda self: [str(level) for level in self._levels])
    frame = Whole(0, 0, lambda self: sum(len(stage.t) for stage in self.stages) - 1)
    _esm = esm("cascade")
    _tag = "cascade-player"
    _heights = (730, 1095)

    def __init__(
        self,
        system: Imagen,
        prompts: Sequence[str],
        steps: int | None = None,
        seeds: Sequence[int] = (0,),
        levels: Sequence[int] | None = None,
        guidance: float | None = None,
        sampler: Sampler | None = None,
        clip: bool | str | None = None,
        frames: int = 7,
        prompt: int = 0,
        seed: int | None = None,
        level: int | None = None,
        frame: int | None = None,
        limit: int = LIMIT,
    ) -> None:
        self._prompts = checked(lambda: _texts(prompts, system))
        self._seeds = checked(lambda: checked_seeds(seeds))
        self._levels = checked(lambda: checked_levels(levels, system))
        checked(lambda: check_int("frames", frames, 2, 12))
        self.stages = stages_of(
            *(system, self._prompts, self._seeds, self._levels, frames),
            guidance=guidance,
            sampler=sampler,
            steps=steps,
            clip=clip,
        )
        own = system.config.level
        usual = own if own in self._levels else self._levels[-1]
        last = sum(len(stage.t) for stage in self.stages) - 1
        data = {
            "prompts": self._prompts,
            "guidance": 2.0 if guidance is None else guidance,
            # Of each level what it leaves: the coefficients of the image and of the noise.
            "levels": [[s, system.schedule.signal(s), system.schedule.noise(s)] for s in self._levels],
        }
        super().__init__(
            payload=json.dumps(data),
            prompt=prompt,
            seed=str(self._seeds[0] if seed is None else seed),
            level=str(usual if level is None else level),
            frame=last if frame is None else frame,
        )
        self.payload = checked(lambda: self._stored(limit))

    def _stored(self, limit: int) -> str:
        """The payload with the images, as good as fits."""
        without, (*smaller, largest) = len(self.html()), self.stages
        in_steps = cache(lambda step: [packed(stage, step=step) for stage in smaller])
        with_loss = cache(lambda quality: packed(largest, quality=quality))
        for step, quality in KEPT:
            added = {"networks": [*in_steps(step), with_loss(quality)], "step": step}
            size = without + len(json.dumps(added, separators=(",", ":")))
            if size <= limit:
                return json.dumps(json.loads(self.payload) | added, separators=(",", ":"))
        raise bad_value("limit", limit, f"at least {size} bytes; or take fewer prompts, seeds, levels or frames")

    def _picture(self) -> tuple[str, str]:
        chosen = [(self.prompt + i) % len(self._prompts) for i in range(min(ROWS, len(self._prompts)))]
        runs = np.array(chosen) * len(self._seeds) + self._seeds.index(int(self.seed))
        at = self._levels.index(int(self.level))
        images = [stage.estimates[runs, at if stage.told is not None else 0, -1] for stage in self.stages]
        sizes = ", ".join(f"{drawn.shape[-1]}×{drawn.shape[-1]}" for drawn in images)
        texts = [self._prompts[i] for i in chosen]
        return cascade_picture(texts, images), (
            f"Images of {'; '.join(texts)}: each at {sizes} pixels, drawn at one width, so that the larger ones are "
            f"sharper; the upscalers were given the image before with the noise of step {self.level}"
        )


def _texts(prompts: Sequence[str], system: Imagen) -> list[str]:
    """The prompts, if they are texts and the system draws color images of texts."""
    if system.text is None or system.shape[0] != 3:
        raise bad_value("system", type(system).__name__, "a cascade over color images that reads texts")
    if not prompts or not all(text.strip() for text in prompts):
        raise bad_value("prompts", prompts, "at least one text, none of them empty")
    return list(prompts)
