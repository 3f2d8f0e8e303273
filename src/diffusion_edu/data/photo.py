"""One real photograph, for trying filters on: fur, sharp lines and smooth places.

"Chelsea the cat" by Stefan van der Walt (CC0), as it comes with scikit-image: the face, in gray. Source and license
stand in `files/README.md`.
"""

from __future__ import annotations

import io
from importlib.resources import files

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def photo() -> Tensor:
    """A photograph of a cat's face, in gray.

    Returns:
        (1, 1, 128, 128) uint8.
    """
    stored = (files("diffusion_edu.data") / "files" / "cat.png").read_bytes()
    with Image.open(io.BytesIO(stored)) as image:
        return torch.from_numpy(np.array(image))[None, None]  # (1, 1, H, W)
