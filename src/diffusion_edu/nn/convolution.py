"""Convolution and transposed convolution by hand, for one channel, to be read; networks use PyTorch's fast ones."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .._arguments import checked, matrix, pair
from .._errors import bad_value
from .sizes import conv_output_size, conv_transpose_output_size


@checked(types="x kernel", x=matrix, kernel=matrix)
def convolve(x: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1) -> Tensor:
    r"""Slide a kernel over an image: each output is a weighted sum of inputs.

    y[m, n] = sum over u, v of w[u, v] x[s m + d u - p, s n + d v - p], with x = 0 outside of the image.

    Equation: eq-conv (Dumoulin and Visin 2016, chapter 1; the kernel is not flipped, as in all networks).
    Checked by: tests/nn/test_convolution.py::test_convolution_by_hand_is_that_of_torch.

    Args:
        x: (H, W).
        kernel: w, (k, k').
        stride, padding, dilation: s, p and d, the same for both axes.

    Returns:
        y, of the sizes of :func:`conv_output_size`.

    Raises:
        TypeError: a kernel of another type than x.
        ValueError: another shape, or settings that do not fit.
    """
    size, reach = _shape("x", x), _shape("kernel", kernel)
    out = _two(conv_output_size(size, reach, stride, padding, dilation))
    x = F.pad(x, (padding, padding, padding, padding))  # (H + 2p, W + 2p)
    y = x.new_zeros(out)
    for m in range(out[0]):
        for n in range(out[1]):
            under = x[stride * m :: dilation, stride * n :: dilation]
            under = under[: reach[0], : reach[1]]  # (k, k')
            y[m, n] = (kernel * under).sum()
    return y


@checked(x=matrix)
def zero_insert(x: Tensor, stride: int) -> Tensor:
    """Spread an image out: stride - 1 zeros between neighbors.

    Args:
        x: (H, W).
        stride: the distance that neighbors have afterwards.

    Returns:
        ((H - 1) stride + 1, (W - 1) stride + 1).
    """
    high, wide = _shape("x", x)
    if stride < 1:
        raise bad_value("stride", stride, "at least 1")
    spread = x.new_zeros((high - 1) * stride + 1, (wide - 1) * stride + 1)
    spread[::stride, ::stride] = x
    return spread


@checked(types="x kernel", x=matrix, kernel=matrix)
def transposed_convolve(
    x: Tensor, kernel: Tensor, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> Tensor:
    r"""The transpose of a convolution: spread out, pad, turn the kernel round, slide by 1.

    z[m, n] = sum over u, v of w[u, v] y[(m + p - d u) / s, (n + p - d v) / s], wherever both are positions of y.
    As a convolution: s - 1 zeros between neighbors and d (k - 1) - p around; a negative number cuts off.

    Equation: eq-conv-transpose (Dumoulin and Visin 2016, chapter 4).
    Checked by: tests/nn/test_convolution.py::test_transposed_convolution_by_hand_is_that_of_torch
        tests/nn/test_convolution.py::test_transposed_convolution_is_the_transpose_of_the_matrix.

    Args:
        x: y of the equation, (H, W).
        kernel: w, (k, k'), of the convolution that this is the transpose of.
        stride, padding, dilation: of that convolution.
        output_padding: outputs more at the end of each axis.

    Returns:
        z, of the sizes of :func:`conv_transpose_output_size`.

    Raises:
        ValueError: another shape, or settings that do not fit.
    """
    size, reach = _shape("x", x), _shape("kernel", kernel)
    # Refuses what does not fit.
    conv_transpose_output_size(size, reach, stride, padding, output_padding, dilation)
    top, left = (dilation * (k - 1) - padding for k in reach)
    bottom, right = top + output_padding, left + output_padding
    spread = F.pad(zero_insert(x, stride), (left, right, top, bottom))
    return convolve(spread, kernel.flip(0, 1), dilation=dilation)


@checked(size=pair, kernel=matrix)
def convolution_matrix(
    size: tuple[int, int], kernel: Tensor, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Tensor:
    """A convolution is linear: the matrix A for which A times the image, read row by row, is the output.

    Column j is what the convolution makes of the image that is 1 at position j and 0 elsewhere.

    Args:
        size: (H, W) of the image.
        kernel, stride, padding, dilation: of the convolution.

    Returns:
        (H' W', H W); its transpose is the matrix of :func:`transposed_convolve`.
    """
    units = torch.eye(size[0] * size[1], dtype=kernel.dtype, device=kernel.device).reshape(-1, *size)
    return torch.stack([convolve(unit, kernel, stride, padding, dilation).flatten() for unit in units], dim=1)


@checked
def overlaps(size: int, kernel_size: int, stride: int, padding: int = 0, output_padding: int = 0) -> Tensor:
    """How many inputs of a transposed convolution write to each of its outputs.

    The counts are equal inside where the stride divides the kernel; elsewhere they alternate: a checkerboard.

    Args:
        size: inputs along each of the two axes.
        kernel_size, stride, padding, output_padding: of the transposed convolution.

    Returns:
        A square of counts, as floats.
    """
    kernel = torch.ones(kernel_size, kernel_size)
    return transposed_convolve(torch.ones(size, size), kernel, stride, padding, output_padding)


def _shape(name: str, x: Tensor) -> tuple[int, int]:
    if x.ndim != 2 or not x.numel():
        raise ValueError(f"{name} must have shape (H, W), got {tuple(x.shape)}")
    return x.shape[0], x.shape[1]


def _two(sizes: int | tuple[int, ...]) -> tuple[int, int]:
    """What is known here of two axes, said to the type checker."""
    assert isinstance(sizes, tuple)
    return sizes[0], sizes[1]
