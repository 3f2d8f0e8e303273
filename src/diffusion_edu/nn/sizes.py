"""Size arithmetic of convolutions: what comes out, what must go in, and how far an output looks.

Every argument is a whole number, or one for each axis, as PyTorch takes them: ints or numpy's integers, tuples or
lists. The result is then an int, or a tuple.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, SupportsIndex, overload

from .._arguments import checked, each, sequences
from .._errors import bad_value, check_choice

Size = SupportsIndex | Sequence[SupportsIndex]
Sizes = int | tuple[int, ...]


class Layer(NamedTuple):
    """One convolution of a stack, along one axis."""

    kernel_size: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1


class ReceptiveField(NamedTuple):
    """What one output of a stack sees along one axis, in inputs.

    `size` inputs; neighboring outputs look `stride` inputs further; output 0 begins at input `start`, which is
    negative where it begins in the padding.
    """

    size: int
    stride: int
    start: int


@overload
def conv_output_size(
    size: SupportsIndex,
    kernel_size: SupportsIndex,
    stride: SupportsIndex = 1,
    padding: SupportsIndex | str = 0,
    dilation: SupportsIndex = 1,
) -> int: ...
@overload
def conv_output_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1
) -> Sizes: ...


def conv_output_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1
) -> Sizes:
    r"""How many outputs a convolution makes along an axis.

    o = floor((i + 2p - d (k - 1) - 1) / s) + 1: the kernel reaches over d (k - 1) + 1 inputs, and o is the number of
    places where it fits, s apart. What is left over at the end is dropped: hence the floor.

    Equation: eq-conv-size (Dumoulin and Visin 2016, relationship 15, with dilation).
    Checked by: tests/nn/test_sizes.py::test_convolution_has_the_size_that_torch_makes.

    Args:
        size: i, the number of inputs.
        kernel_size: k.
        stride: s.
        padding: p, zeros put on each side; "valid" is 0. "same" puts d (k - 1) in all, so that o = i; only for a stride
            of 1.
        dilation: d, the distance of neighbouring kernel elements.

    Returns:
        o, an int, or a tuple when an argument was one, or a list.

    Raises:
        TypeError: an argument is not made of whole numbers.
        ValueError: an argument is out of its range, or the kernel does not fit: the message names it and the rule.
    """
    same = isinstance(padding, str) and padding == "same"
    if isinstance(padding, str):
        check_choice("padding", padding, ("same", "valid"))
        padding = 0
    size, kernel_size, stride, padding, dilation = _whole(
        size=size, kernel_size=kernel_size, stride=stride, padding=padding, dilation=dilation
    )
    if same:
        if any(s != 1 for s in _axes(stride)):
            raise bad_value("stride", stride, "1 where padding is 'same'")
        return _per_axis(lambda i, k, d: i, size, kernel_size, dilation)

    def one(i: int, k: int, s: int, p: int, d: int) -> int:
        reach, room = d * (k - 1) + 1, i + 2 * p
        if reach > room:
            rule = f"such that dilation * (kernel_size - 1) + 1 = {reach} is at most size + 2 * padding = {room}"
            raise bad_value("kernel_size", k, rule)
        return (room - reach) // s + 1

    return _per_axis(one, size, kernel_size, stride, padding, dilation)


@overload
def conv_transpose_output_size(
    size: SupportsIndex,
    kernel_size: SupportsIndex,
    stride: SupportsIndex = 1,
    padding: SupportsIndex = 0,
    output_padding: SupportsIndex = 0,
    dilation: SupportsIndex = 1,
) -> int: ...
@overload
def conv_transpose_output_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, dilation: Size = 1
) -> Sizes: ...


def conv_transpose_output_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size = 0, output_padding: Size = 0, dilation: Size = 1
) -> Sizes:
    r"""How many outputs a transposed convolution makes along an axis.

    o = (i - 1) s - 2p + d (k - 1) + output_padding + 1.

    It is the size that a convolution of the same k, s, p and d turns into i. Because of that convolution's floor, s
    different sizes qualify: output_padding says which one is meant.

    Equation: eq-conv-transpose-size (Dumoulin and Visin 2016, relationship 14, with dilation).
    Checked by: tests/nn/test_sizes.py::test_transposed_convolution_has_the_size_that_torch_makes
        tests/nn/test_sizes.py::test_transposed_convolution_goes_back_to_every_size_that_the_convolution_came_from.

    Args:
        size: i, the number of inputs.
        kernel_size, stride, padding, dilation: k, s, p and d of the convolution that it is the transpose of.
        output_padding: outputs added at the end, below the larger of stride and dilation.

    Returns:
        o, an int, or a tuple when an argument was one, or a list.

    Raises:
        TypeError: an argument is not made of whole numbers.
        ValueError: an argument is out of its range, or nothing is left: the message names it and the rule.
    """
    size, kernel_size, stride, padding, output_padding, dilation = _whole(
        size=size,
        kernel_size=kernel_size,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation,
    )

    def one(i: int, k: int, s: int, p: int, extra: int, d: int) -> int:
        if extra >= max(s, d):
            raise bad_value("output_padding", extra, f"below the larger of stride and dilation, {max(s, d)}")
        full = (i - 1) * s + d * (k - 1) + extra + 1
        if full - 2 * p < 1:
            raise bad_value("padding", p, f"such that something is left: 2 * padding must be below {full}")
        return full - 2 * p

    return _per_axis(one, size, kernel_size, stride, padding, output_padding, dilation)


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    """Each group of input channels makes its own outputs, so `groups` must divide both numbers of channels.

    Raises:
        TypeError: an argument is not an int.
        ValueError: an argument is below 1, or does not divide.
    """
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels), ("groups", groups)):
        _int(name, value, 1)
    for name, channels in (("in_channels", in_channels), ("out_channels", out_channels)):
        if channels % groups:
            raise bad_value("groups", groups, f"a divisor of {name}={channels}")


@checked(kernel_sizes=each(1), strides=each(1), paddings=each(0), dilations=each(1))
def conv_settings(
    size: int,
    output_size: int,
    *,
    transpose: bool = False,
    kernel_sizes: Iterable[int] = range(1, 8),
    strides: Iterable[int] = range(1, 5),
    paddings: Iterable[int] = range(4),
    dilations: Iterable[int] = (1, 2),
) -> list[dict[str, int]]:
    """The inverse question: which settings turn `size` into `output_size`?

    Args:
        size: i.
        output_size: o, what is wanted.
        transpose: ask for transposed convolutions; each answer then has its output_padding.
        kernel_sizes, strides, paddings, dilations: what is allowed. Paddings as wide as the kernel's reach are left
            out: the kernel would see nothing but zeros there.

    Returns:
        Keyword arguments of torch's layers, the smallest kernels first; empty when nothing fits.

    Raises:
        TypeError, ValueError: a size is not an int of at least 1.
    """
    size, output_size = _int("size", size, 1), _int("output_size", output_size, 1)
    matches = []
    for k, s, p, d in itertools.product(kernel_sizes, strides, paddings, dilations):
        if p >= d * (k - 1) + 1 or (k == 1 and d > 1):
            continue
        settings = {"kernel_size": k, "stride": s, "padding": p, "dilation": d}
        if transpose:
            extra = output_size - ((size - 1) * s - 2 * p + d * (k - 1) + 1)
            if 0 <= extra < max(s, d):
                matches.append({**settings, "output_padding": extra})
        elif d * (k - 1) + 1 <= size + 2 * p and conv_output_size(size, k, s, p, d) == output_size:
            matches.append(settings)
    return matches


@checked(layers=sequences)
def receptive_field(layers: Sequence[Layer | Sequence[int]]) -> ReceptiveField:
    r"""What one output of a stack of convolutions sees.

    Going forward, with r = 1 and j = 1 at the input: r <- r + d (k - 1) j, start <- start - p j, j <- j s.

    Equation: eq-receptive-field (Araujo et al. 2019, solved forward, with dilation).
    Checked by: tests/nn/test_sizes.py::test_receptive_field_is_where_the_gradient_is.

    Args:
        layers: (kernel_size, stride, padding, dilation) of each, the first one first; the last three may be left out.

    Returns:
        ReceptiveField(size, stride, start).

    Raises:
        TypeError, ValueError: a layer is not made of 1 to 4 ints in their ranges.
    """
    r, j, start = 1, 1, 0
    for index, entry in enumerate(layers):
        if not 1 <= len(entry) <= 4:
            raise bad_value(
                f"layers[{index}]", tuple(entry), "(kernel_size, stride, padding, dilation) or the first of these"
            )
        layer = Layer(*(_int(name, value, _LEAST[name]) for name, value in zip(Layer._fields, entry)))
        r += layer.dilation * (layer.kernel_size - 1) * j
        start -= layer.padding * j
        j *= layer.stride
    return ReceptiveField(r, j, start)


_LEAST = {"size": 1, "kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1, "output_padding": 0}


def _whole(**arguments: Any) -> tuple[Sizes, ...]:
    """The arguments as ints and tuples of ints, each of at least what it needs."""
    made: list[Sizes] = []
    for name, value in arguments.items():
        if isinstance(value, (tuple, list)):
            if not value:
                raise bad_value(name, value, "a whole number, or one for each axis")
            made.append(tuple(_int(name, part, _LEAST[name]) for part in value))
        else:
            made.append(_int(name, value, _LEAST[name]))
    return tuple(made)


def _int(name: str, value: Any, least: int) -> int:
    """A whole number as an int; True and an array of several are none."""
    try:
        if isinstance(value, bool) or getattr(value, "ndim", False):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        allowed = "a whole number, or a tuple or list of one for each axis"
        raise TypeError(f"{name} must be {allowed}, got {value!r}") from None
    if number < least:
        raise bad_value(name, value, f"at least {least}")
    return number


def _axes(value: Sizes) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def _per_axis(one, *arguments: Sizes) -> Sizes:  # type: ignore[no-untyped-def]
    """`one` for each axis; plain ints serve all axes."""
    axes = {len(value) for value in arguments if isinstance(value, tuple)}
    if not axes:
        return one(*arguments)
    if len(axes) > 1:
        raise ValueError(
            f"tuples must have one int for each axis, got tuples of {' and '.join(map(str, sorted(axes)))}"
        )
    (n,) = axes
    spread = [value if isinstance(value, tuple) else (value,) * n for value in arguments]
    return tuple(one(*values) for values in zip(*spread))
