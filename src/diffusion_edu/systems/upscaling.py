"""What an upscaler of a cascade is given of the small image, and its training, with noise of a level that it knows.

In sampling the small image comes from a network and has its errors. An upscaler that has seen clean ones alone takes
such errors for detail; one that has seen all levels of noise, and was given which, corrects them (Ho et al. 2022).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor
from torch.nn import functional as F

from .._arguments import batch_of, checked
from .._errors import bad_value
from ..cond import Cond
from ..diffusion import NoiseSchedule, q_sample
from ..randomness import Draw
from ..train import Denoising
from .text import chosen_phrasing

MOST_LEVEL = 300


def augmented(small: Tensor, level: Tensor, noise: Tensor, schedule: NoiseSchedule, size: int) -> Cond:
    r"""What an upscaler is given of a small image z: z noised to step s of the schedule, enlarged, and s itself.

    z_s = sqrt(alpha_bar_s) z + sqrt(1 - alpha_bar_s) eps at the small size; then bilinear to size x size. s = 0 is z,
    exactly, since alpha_bar_0 = 1. In training and in sampling it is this function that is called.

    Args:
        small: (B, C, h, w) in [-1, 1].
        level: (B,) integers s in 0..T.
        noise: (B, C, h, w) standard normal, of its own.
        schedule: the noise schedule.
        size: height and width of what the network draws.

    Returns:
        Cond with concat (B, C, size, size) and level (B,).

    Raises:
        ValueError, TypeError: as :func:`diffusion_edu.q_sample`.

    Source: Ho et al. 2022 (Cascaded Diffusion Models), section 4.2; Saharia et al. 2022, section 2.4 and appendix B.
    Equation: eq-augmentation (Ho et al. 2022, section 4.2).
    Checked by: tests/systems/test_imagen.py::test_level_0_is_the_clean_image_enlarged,
        tests/systems/test_imagen.py::test_a_level_is_a_step_of_the_schedule.
    """
    noised, _ = q_sample(small, level, schedule, noise=noise)
    concat = F.interpolate(noised, size=(size, size), mode="bilinear", align_corners=False)
    return Cond(concat=concat, level=level)


@checked
@dataclass(frozen=True)
class Upscaling(Denoising):
    """Denoising of large images beside their small ones, which are noised to a level drawn for each sample.

    The data hold `pixels` (N, C, H, W) and `small` (N, C, h, w), the same images at the size before; and, for a network
    that reads, captions as :class:`WithText` has them. The text is dropped as there, image and level never.

    Args:
        schedule, target, drop, weight: as for :class:`Denoising`; here a text is dropped one time in ten.
        most_level: s is uniform in 0..most_level.

    Raises:
        ValueError: most_level is not a step of the schedule.

    Source: Ho et al. 2022 (Cascaded Diffusion Models), section 4.2; Saharia et al. 2022, section 2.4.
    Equation: eq-upscaling (Saharia et al. 2022, section 2.4; here with v as the target).
    Checked by: tests/systems/test_imagen.py::test_the_loss_is_the_square_of_the_velocity_minus_an_answer_to_all_inputs,
        tests/systems/test_imagen.py::test_every_level_is_drawn_alone_and_told.
    """

    target: str = "v"
    drop: float = 0.1
    most_level: int = MOST_LEVEL

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.most_level <= self.schedule.T:
            raise bad_value("most_level", self.most_level, f"in 0..{self.schedule.T}")

    @checked(batch=batch_of("pixels", "small"))
    def read(self, batch: Any, draw: Draw) -> tuple[Tensor, Cond]:
        """The large images, and their small ones with the texts where there are any."""
        pixels, small = batch["pixels"], batch["small"]
        level, noise = draw.integers(0, self.most_level + 1), draw.normal(*small.shape[1:])
        seen = augmented(small, level, noise, self.schedule, pixels.shape[-1])
        if "tokens" not in batch:
            return pixels, seen
        said = chosen_phrasing(batch, draw.integers(0, batch["mask"].shape[1]))
        return pixels, replace(said, concat=seen.concat, level=seen.level)
