"""Size arithmetic against torch: every combination of a wide grid, random ones, and what must be refused."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import diffusion_edu as de
from diffusion_edu.nn import Layer, check_groups, conv_settings, receptive_field

GRID = list(itertools.product(range(1, 13), range(1, 7), range(1, 5), range(5), range(1, 4)))  # i, k, s, p, d
EXTRA = range(4)


def torch_size(i, k, s, p, d, extra=None):
    """What torch makes of an input of i pixels; None when it refuses. (Without data it would not look at `extra`.)"""
    device = "meta" if extra is None else "cpu"
    x, w = (torch.zeros(1, 1, n, device=device) for n in (i, k))
    try:
        if extra is None:
            return nn.functional.conv1d(x, w, stride=s, padding=p, dilation=d).shape[-1]
        made = nn.functional.conv_transpose1d(x, w, stride=s, padding=p, output_padding=extra, dilation=d).shape[-1]
    except RuntimeError:
        return None
    return made if made >= 1 else None


def ours(function, *values):
    try:
        return function(*values)
    except ValueError:
        return None


def test_convolution_has_the_size_that_torch_makes():
    made = [(ours(de.conv_output_size, *c), torch_size(*c)) for c in GRID]
    assert [c for c, (a, b) in zip(GRID, made) if a != b] == []
    print(f"{len(GRID):,} convolutions compared with torch")
    assert len(GRID) == 4320
    assert sum(a is None for a, _ in made) > 200, "the grid holds settings that both refuse"


def test_transposed_convolution_has_the_size_that_torch_makes():
    cases = [(i, k, s, p, extra, d) for (i, k, s, p, d), extra in itertools.product(GRID, EXTRA)]
    wrong = [
        c
        for c in cases
        if ours(de.conv_transpose_output_size, *c) != torch_size(c[0], c[1], c[2], c[3], c[5], extra=c[4])
    ]
    assert wrong == []
    print(f"{len(cases):,} transposed convolutions compared with torch")
    assert len(cases) == 17280


def test_worked_examples():
    assert de.conv_output_size(4, kernel_size=3) == 2
    assert de.conv_output_size(5, kernel_size=4, stride=1, padding=2, dilation=1) == 6
    assert de.conv_output_size(5, kernel_size=3, stride=2, padding=1) == 3
    assert de.conv_output_size(6, kernel_size=3, stride=2, padding=1) == 3, "the floor: 5 and 6 both become 3"
    assert de.conv_transpose_output_size(4, kernel_size=4, stride=2, padding=1, output_padding=0, dilation=1) == 8
    assert de.conv_transpose_output_size(3, kernel_size=3, stride=2, padding=1) == 5
    assert de.conv_transpose_output_size(3, kernel_size=3, stride=2, padding=1, output_padding=1) == 6


axis = st.tuples(st.integers(1, 60), st.integers(1, 9), st.integers(1, 6), st.integers(0, 8), st.integers(1, 4))


@given(axis)
@settings(max_examples=300, deadline=None)
def test_transposed_convolution_goes_back_to_every_size_that_the_convolution_came_from(numbers):
    """Sizes that a convolution makes equal differ in output_padding, and in nothing else."""
    i, k, s, p, d = numbers
    o = ours(de.conv_output_size, i, k, s, p, d)
    if o is None:
        return
    extra = (i + 2 * p - d * (k - 1) - 1) % s
    assert de.conv_transpose_output_size(o, k, s, p, extra, d) == i


@given(axis, axis)
@settings(max_examples=100, deadline=None)
def test_axes_are_independent(first, second):
    want = (ours(de.conv_output_size, *first), ours(de.conv_output_size, *second))
    got = ours(de.conv_output_size, *zip(first, second))
    assert got == (None if None in want else want)


def test_one_int_serves_all_axes():
    assert de.conv_output_size((8, 6, 5), 3, (2, 1, 1), 1) == (4, 6, 5)
    assert de.conv_transpose_output_size((4, 3), 4, 2, 1) == (8, 6)


@pytest.mark.parametrize(
    ("call", "error", "told"),
    [
        (
            lambda: de.conv_output_size(3, 4),
            ValueError,
            r"kernel_size must be such that .* = 4 is at most .* = 3, got 4",
        ),
        (lambda: de.conv_output_size(5, 3, dilation=3), ValueError, "= 7 is at most"),
        (lambda: de.conv_output_size(5, 0), ValueError, "kernel_size must be at least 1, got 0"),
        (lambda: de.conv_output_size(5, 3, stride=0), ValueError, "stride must be at least 1"),
        (lambda: de.conv_output_size(5, 3, padding=-1), ValueError, "padding must be at least 0, got -1"),
        (lambda: de.conv_output_size(5, 3, dilation=0), ValueError, "dilation must be at least 1"),
        (lambda: de.conv_output_size(0, 3), ValueError, "size must be at least 1"),
        (lambda: de.conv_output_size(5.0, 3), TypeError, "size must be a whole number"),
        (lambda: de.conv_output_size(5, True), TypeError, "kernel_size must be a whole number"),
        (lambda: de.conv_output_size((5, 5), (3, 3, 3)), ValueError, "tuples of 2 and 3"),
        (lambda: de.conv_output_size((), 3), ValueError, "size must be a whole number, or one for each axis"),
        (
            lambda: de.conv_transpose_output_size(4, 3, 2, output_padding=2),
            ValueError,
            "output_padding must be below the larger of stride and dilation, 2, got 2",
        ),
        (lambda: de.conv_transpose_output_size(1, 3, padding=2), ValueError, r"padding must be .* below 3, got 2"),
        (
            lambda: de.conv_transpose_output_size(1, 3, output_padding=-1),
            ValueError,
            "output_padding must be at least 0",
        ),
        (lambda: check_groups(6, 8, 4), ValueError, "groups must be a divisor of in_channels=6, got 4"),
        (lambda: check_groups(8, 6, 4), ValueError, "groups must be a divisor of out_channels=6, got 4"),
        (lambda: check_groups(8, 8, 0), ValueError, "groups must be at least 1"),
        (lambda: de.conv_output_size(5, "3"), TypeError, "kernel_size must be a whole number"),
        (lambda: de.conv_output_size(5, np.array([3, 3])), TypeError, "kernel_size must be a whole number"),
        (lambda: de.conv_output_size(5, 3, padding="sane"), ValueError, "did you mean 'same'"),
        (lambda: de.conv_output_size(5, 3, 2, "same"), ValueError, "stride must be 1 where padding is 'same', got 2"),
        (lambda: de.conv_output_size(5, 3, [1, 2], "same"), ValueError, "stride must be 1 where padding is 'same'"),
        (lambda: de.conv_transpose_output_size(5, 3, padding="same"), TypeError, "padding must be a whole number"),
        (lambda: conv_settings(0, 3), ValueError, "size must be at least 1"),
        (lambda: conv_settings(3, 2.5), TypeError, "output_size must be an integer"),
        (lambda: receptive_field([(3, 0)]), ValueError, "stride must be at least 1"),
        (lambda: receptive_field([(3, 1, 0, 1, 1)]), ValueError, r"layers\[0\]"),
    ],
)
def test_mistakes_name_the_argument_and_the_rule(call, error, told):
    with pytest.raises(error, match=told):
        call()


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_paddings_by_name_are_those_of_torch(padding):
    for i, k, d in itertools.product(range(1, 13), range(1, 7), range(1, 4)):
        x = torch.empty(1, 1, i, i, device="meta")
        layer = nn.Conv2d(1, 1, [k, 1], padding=padding, dilation=d, device="meta")
        try:
            size = tuple(layer(x).shape[2:])
        except RuntimeError:
            size = None
        assert ours(de.conv_output_size, i, [k, 1], 1, padding, d) == size


def test_lists_and_integers_of_numpy_are_taken_as_torch_takes_them():
    assert de.conv_output_size([32, 30], [3, 5]) == de.conv_output_size((32, 30), (3, 5)) == (30, 26)
    found = de.conv_output_size(np.int64(32), 3, np.int32(2), np.uint8(1))
    assert found == 16 and type(found) is int, "no integer of eight bits, which would overflow"
    assert de.conv_transpose_output_size([4], np.int64(4), 2, torch.tensor(1)) == (8,)
    assert receptive_field([[np.int64(3), 2, 1], Layer(3, 2, np.int16(1))]) == (7, 4, -3)
    check_groups(np.int64(8), 8, np.int64(2))


@pytest.mark.parametrize("groups", range(1, 13))
def test_groups_follow_the_rule_of_torch(groups):
    for channels_in, channels_out in itertools.product(range(1, 13), repeat=2):
        try:
            nn.Conv2d(channels_in, channels_out, 1, groups=groups)
            fits = True
        except ValueError:
            fits = False
        try:
            check_groups(channels_in, channels_out, groups)
            assert fits
        except ValueError:
            assert not fits


@pytest.mark.parametrize("transpose", [False, True])
def test_settings_for_a_size_are_all_that_torch_agrees_with(transpose):
    """The answers are right, and a search by torch through the same settings finds no other."""
    layer = nn.ConvTranspose1d if transpose else nn.Conv1d
    for i, o in [(8, 4), (8, 8), (5, 6), (4, 8), (7, 15), (3, 1)]:
        found = conv_settings(i, o, transpose=transpose)
        for s in found:
            assert layer(1, 1, **s, device="meta")(torch.empty(1, 1, i, device="meta")).shape[-1] == o
        again = []
        for k, s, p, d in itertools.product(range(1, 8), range(1, 5), range(4), (1, 2)):
            if p > d * (k - 1) or (k == 1 and d > 1):
                continue
            for extra in range(max(s, d)) if transpose else [None]:
                if torch_size(i, k, s, p, d, extra) == o:
                    again.append((k, s, p, d, extra))
        assert [(*list(f.values())[:4], f.get("output_padding")) for f in found] == again


layers = st.lists(
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3)), min_size=1, max_size=4
)


@given(layers)
@settings(max_examples=150, deadline=None)
def test_receptive_field_is_where_the_gradient_is(stack):
    """Positive kernels: an output depends on an input exactly where its gradient is not zero."""
    field = receptive_field(stack)
    size = field.size + 4 * field.stride
    x = torch.ones(1, 1, size, dtype=torch.float64, requires_grad=True)
    y = x
    for k, s, p, d in stack:
        y = nn.functional.conv1d(y, torch.ones(1, 1, k, dtype=torch.float64), stride=s, padding=p, dilation=d)
    for place in {0, 1, y.shape[-1] // 2} & set(range(y.shape[-1])):
        (gradient,) = torch.autograd.grad(y[0, 0, place], x, retain_graph=True)
        seen = gradient[0, 0].nonzero().flatten()
        first = field.start + place * field.stride
        if any(d > k for k, _, _, d in stack) or any(s > k for k, s, _, _ in stack):
            # Holes: inputs between the kernel's elements are in the field and are not read.
            assert seen.numel() == 0 or (seen.min() >= first and seen.max() < first + field.size)
            continue
        lowest, highest = max(0, first), min(size, first + field.size) - 1
        assert not seen.numel() or (int(seen.min()) >= lowest and int(seen.max()) <= highest)
        if lowest == first and highest == first + field.size - 1:
            # Nothing of it lies in the padding: both ends are reached.
            assert (int(seen.min()), int(seen.max())) == (lowest, highest)


def test_receptive_field_of_known_stacks():
    assert receptive_field([Layer(3, 1, 1)] * 3) == (7, 1, -3)
    assert receptive_field([(3, 2, 1), (3, 2, 1)]) == (7, 4, -3)
    assert receptive_field([(3, 1, 1, 2)]) == (5, 1, -1)
    assert receptive_field([]) == (1, 1, 0)
