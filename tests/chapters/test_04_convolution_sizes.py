import itertools

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import nn

from .cells import printed, run_cells

NAME = "04_convolution_sizes"


def test_the_worked_examples_are_those_of_torch():
    """5x5, k=4, p=2 gives 6x6; 5 and 6 both become 3; the numbers of the page come from torch."""
    rows = [[int(n) for n in line.split()] for line in printed(NAME, "examples").splitlines()[1:]]
    assert [5, 4, 1, 2, 1, 6] in rows and [4, 3, 1, 0, 1, 2] in rows
    for i, k, s, p, d, o in rows:
        assert F.conv1d(torch.zeros(1, 1, i), torch.zeros(1, 1, k), None, s, p, d).shape[-1] == o


def test_the_filters_do_what_the_chapter_says():
    found = run_cells(NAME, "filters", torch=torch, de=de, nn=nn, viz=_NoFigures(), cat=de.data.to_x0(de.data.photo()))
    assert {name: round(k.sum().item(), 6) for name, k in found["kernels"].items()} == {
        "blur": 1,
        "edge": 0,
        "sharpen": 1,
    }
    even = torch.full((9, 9), 0.3)
    inside = {name: nn.convolve(even, k)[0, 0].item() for name, k in found["kernels"].items()}
    assert inside == pytest.approx({"blur": 0.3, "edge": 0, "sharpen": 0.3}, abs=1e-6)
    ramp = torch.arange(9.0).repeat(9, 1)  # brighter to the right
    edge = found["kernels"]["edge"]
    assert nn.convolve(ramp, edge)[0, 0] > 0
    assert nn.convolve(ramp, edge.T).abs().max() < 1e-6
    rough = {name: made.diff(dim=1)[8:-8, 8:-8].abs().mean() for name, made in found["made"].items()}
    assert rough["blur"] < found["cat"][0, 0].diff(dim=1).abs().mean() < rough["sharpen"]


def test_the_encoders_field_is_where_its_gradient_is():
    found = run_cells(
        NAME, "encoder-field", "check-field", torch=torch, de=de, fashion=de.load("fashion"), itertools=itertools
    )
    assert len(found["stack"]) == 9
    assert de.receptive_field(found["stack"]) == (37, 4, -18)
    assert ["37", "4", "-18"] in [line.split()[-3:] for line in printed(NAME, "encoder-field").splitlines()]
    assert len(found["touched"]) == 37


def test_overlaps_and_strengths_agree():
    """Four positions of a cell: strengths are the roots of the counts of the same settings."""
    found = run_cells(NAME, "strengths", "check-checkerboard", torch=torch)
    counts = nn.overlaps(12, 3, 2, 1, 1)[10:12, 10:12]
    assert found["strengths"](found["three"]) == [
        round(v, 1) for v in (counts / counts.min()).sqrt().flatten().tolist()
    ]
    assert set(found["strengths"](found["four"])) == {1.0}


def test_padding_that_keeps_the_size():
    same_padding = run_cells(NAME, "solution-same", de=de, itertools=itertools)["same_padding"]
    for k, d in itertools.product((1, 3, 5, 7, 9), (1, 2, 3)):
        x, w = torch.zeros(1, 1, 40), torch.zeros(1, 1, k)
        assert F.conv1d(x, w, padding=same_padding(k, d), dilation=d).shape == x.shape
    with pytest.raises(ValueError, match="no padding"):
        same_padding(4)


@pytest.mark.parametrize("size", [(31, 31), (32, 32), (31, 32), (7, 64)])
def test_the_mended_pair_returns_to_any_size_and_the_buggy_one_to_odd_ones(size):
    found = run_cells(NAME, "buggy-pair", "solution-bug", torch=torch)
    x, w = torch.zeros(1, 1, *size), torch.ones(1, 1, 3, 3)
    assert found["fixed_pair"](x, w).shape == x.shape
    odd = all(n % 2 for n in size)
    assert (found["buggy_pair"](x, w).shape == x.shape) == odd


def test_the_other_solutions_agree_with_torch():
    results = run_cells(NAME, "solution-by-hand", de=de)["results"]
    x = torch.zeros(1, 1, 28), torch.zeros(1, 1, 7), torch.zeros(1, 1, 10), torch.zeros(1, 1, 4)
    three = torch.zeros(1, 1, 3)
    assert results == [
        F.conv1d(x[0], torch.zeros(1, 1, 5)).shape[-1],
        F.conv1d(x[1], three, stride=2, padding=1).shape[-1],
        F.conv1d(x[2], three, dilation=3).shape[-1],
        F.conv_transpose1d(x[3], three, stride=2, padding=1).shape[-1],
        F.conv_transpose1d(x[3], three, stride=2, padding=1, output_padding=1).shape[-1],
    ]


class _NoFigures:
    """Stands in for the drawing: what is drawn is looked at elsewhere."""

    def show_grid(self, *args, **kwargs):
        return None
