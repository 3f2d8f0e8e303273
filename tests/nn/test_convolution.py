"""Convolutions by hand against torch's."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from diffusion_edu.nn import convolution_matrix, convolve, overlaps, transposed_convolve, zero_insert

SETTINGS = list(itertools.product((1, 2, 3), (1, 2, 3), (0, 1, 2), (1, 2)))  # k, s, p, d


def numbers(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(("k", "s", "p", "d"), SETTINGS)
def test_convolution_by_hand_is_that_of_torch(k, s, p, d):
    x, w = numbers(7, 6), numbers(k, min(k + 1, 3))
    wanted = F.conv2d(x[None, None], w[None, None], stride=s, padding=p, dilation=d)[0, 0]
    assert torch.allclose(convolve(x, w, s, p, d), wanted, atol=1e-12)


@pytest.mark.parametrize(("k", "s", "p", "d"), SETTINGS)
def test_transposed_convolution_by_hand_is_that_of_torch(k, s, p, d):
    x, w = numbers(6, 5), numbers(k, k)
    for extra in range(max(s, d)):
        wanted = F.conv_transpose2d(
            x[None, None], w[None, None], stride=s, padding=p, output_padding=extra, dilation=d
        )[0, 0]
        assert torch.allclose(transposed_convolve(x, w, s, p, extra, d), wanted, atol=1e-12)


@pytest.mark.parametrize(("k", "s", "p", "d"), SETTINGS)
def test_transposed_convolution_is_the_transpose_of_the_matrix(k, s, p, d):
    if (7 + 2 * p - d * (k - 1) - 1) % s:
        extra = (7 + 2 * p - d * (k - 1) - 1) % s
    else:
        extra = 0
    w = numbers(k, k)
    matrix = convolution_matrix((7, 7), w, s, p, d)
    x = numbers(7, 7)
    y = convolve(x, w, s, p, d)
    assert torch.allclose(matrix @ x.flatten(), y.flatten(), atol=1e-12)
    back = transposed_convolve(y, w, s, p, extra, d)
    assert back.shape == x.shape, "the shape comes back"
    assert torch.allclose(matrix.T @ y.flatten(), back.flatten(), atol=1e-12)
    if k > 1:
        assert not torch.allclose(back, x), "the values do not"


def test_zeros_go_between_the_inputs():
    assert zero_insert(torch.tensor([[1, 2], [3, 4]]), 2).tolist() == [[1, 0, 2], [0, 0, 0], [3, 0, 4]]
    x = numbers(3, 4)
    assert torch.equal(zero_insert(x, 1), x)


def test_overlaps_count_who_writes():
    """Even where the stride divides the kernel, uneven elsewhere; the counts add up to all that is written."""
    even = overlaps(6, 4, 2, 1)
    assert set(even[2:-2, 2:-2].flatten().tolist()) == {4}
    uneven = overlaps(6, 3, 2, 1, 1)
    assert set(uneven[2:-2, 2:-2].flatten().tolist()) == {1, 2, 4}
    assert overlaps(5, 3, 2).sum() == 5 * 5 * 3 * 3


@pytest.mark.parametrize("call", [convolve, transposed_convolve])
def test_mistakes_are_told(call):
    with pytest.raises(ValueError, match=r"x must have shape \(H, W\), got \(1, 3, 3\)"):
        call(torch.zeros(1, 3, 3), torch.zeros(2, 2))
    with pytest.raises(ValueError, match=r"kernel must have shape \(H, W\)"):
        call(torch.zeros(3, 3), torch.zeros(2))
    with pytest.raises(ValueError, match="stride must be at least 1"):
        call(torch.zeros(3, 3), torch.zeros(2, 2), stride=0)
