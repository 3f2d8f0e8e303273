"""The CLIP score: how well images fit their texts, in the eyes of one CLIP."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from .._arguments import checked, tensor
from ._rows import check_rows


@checked(image=tensor("(N, E)"), text=tensor("(N, E)"))
def clip_score(image: Tensor, text: Tensor) -> float:
    r"""100 times the mean cosine between images and their texts, and 0 where that is negative.

    score = max(100 mean_i cos(image_i, text_i), 0), the number that torchmetrics reports: the maximum is taken of the
    mean, so that a pair which does not fit counts against one which does.

    Numbers of different encoders cannot be compared.

    Equation: eq-clip-score (Hessel et al. 2021, section 3, have the factor 2.5, and the maximum in each pair).
    Checked by: tests/metrics/test_clip_score.py::test_the_number_of_torchmetrics.

    Args:
        image: (N, E) embeddings of images, of any length but 0.
        text: (N, E) embeddings; row i belongs to image i.

    Returns:
        A number in 0..100.

    Raises:
        TypeError: not floating point.
        ValueError: other shapes, no row, NaN or infinite values, an embedding of zeros.
    """
    for name, rows in (("image", image), ("text", text)):
        check_rows(name, rows, least=1)
        silent = (rows == 0).all(1).nonzero().flatten().tolist()
        if silent:
            raise ValueError(f"{name} must have a direction, got zeros in row {silent[0]}")
    if image.shape != text.shape:
        raise ValueError(f"image and text must have one shape, got {tuple(image.shape)} and {tuple(text.shape)}")
    cosine = (F.normalize(image.double(), dim=1) * F.normalize(text.double(), dim=1)).sum(1)
    return max(100 * cosine.mean().item(), 0.0)
