"""The explorer of convolutions and transposed convolutions on a grid."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ...nn.sizes import conv_output_size, conv_transpose_output_size
from ..kit.base import BookWidget, Choice, Whole, as_traits, checked
from ..kit.bundle import esm
from ..kit.payload import check_int
from .fallback import conv_png

MODES = {"conv": "convolution", "transpose": "transposed convolution"}
INPUTS = {"numbers": "numbers", "ones": "all ones", "half": "an edge"}
KERNELS = ("numbered", "ones", "edge", "blur")
# What stays legible on a telephone.
LIMITS = {"i": (1, 8), "k": (1, 5), "s": (1, 4), "p": (0, 4), "d": (1, 3), "output_padding": (0, 3)}
MOST_CELLS = 44**2  # of the largest transposed convolution within the limits


@as_traits()
class ConvExplorer(BookWidget):
    """Move a kernel over a grid and see which inputs each output reads, with the size formula filled in.

    All arguments are traits that follow the page and move it; ``size`` and ``output`` are what is now shown.

    Args:
        mode: "conv" or "transpose".
        i, k, s, p, d: input size 1..8, kernel size 1..5, stride 1..4, padding 0..4, dilation 1..3, for both axes.
        output_padding: 0..3; the transposed convolution alone uses it.
        cell: the output marked first, counted row by row from 0; the middle one when not given.
        input: the numbers of the input: "numbers" (0 to 4), "ones" or "half" (1 on the left, 3 on the right).
        kernel: "numbered" (1 to k²), "ones", "edge" (right minus left) or "blur" (binomial numbers).

    Raises:
        ValueError: an argument outside what is said above, or settings that no output has.
    """

    mode = Choice("conv", MODES)
    i = Whole(5, *LIMITS["i"])
    k = Whole(3, *LIMITS["k"])
    s = Whole(1, *LIMITS["s"])
    p = Whole(1, *LIMITS["p"])
    d = Whole(1, *LIMITS["d"])
    output_padding = Whole(0, *LIMITS["output_padding"])
    cell = Whole(0, 0, MOST_CELLS - 1)
    input = Choice("numbers", INPUTS)
    kernel = Choice("numbered", KERNELS)
    _esm = esm("conv")
    _tag = "conv-explorer"
    _heights = (789, 1228)

    def __init__(
        self,
        mode: str = "conv",
        i: int = 5,
        k: int = 3,
        s: int = 1,
        p: int = 1,
        d: int = 1,
        output_padding: int = 0,
        cell: int | None = None,
        input: str = "numbers",
        kernel: str = "numbered",
    ) -> None:
        super().__init__(mode=mode, i=i, k=k, s=s, p=p, d=d, output_padding=output_padding, input=input, kernel=kernel)
        # Impossible settings are the caller's mistake; in the page they are explained instead.
        o = checked(lambda: self.size)
        self.cell = (o // 2) * o + o // 2 if cell is None else checked(lambda: check_int("cell", cell, 0, o * o - 1))

    @property
    def size(self) -> int:
        """Outputs along an axis.

        Raises:
            ValueError: the settings have no output (the page then says why).
        """
        if self.mode == "conv":
            return conv_output_size(self.i, self.k, self.s, self.p, self.d)
        return conv_transpose_output_size(self.i, self.k, self.s, self.p, self.output_padding, self.d)

    @property
    def numbers(self) -> tuple[Tensor, Tensor]:
        """(i, i) input and (k, k) kernel, float64 with whole numbers."""
        r, c = torch.meshgrid(torch.arange(self.i), torch.arange(self.i), indexing="ij")
        inputs = {"numbers": (2 * r + 3 * c + r * c) % 5, "ones": torch.ones_like(r), "half": 1 + 2 * (2 * c >= self.i)}
        u, v = torch.meshgrid(torch.arange(self.k), torch.arange(self.k), indexing="ij")
        row = torch.tensor([math.comb(self.k - 1, n) for n in range(self.k)])
        kernels = {
            "numbered": self.k * u + v + 1,
            "ones": torch.ones_like(u),
            "edge": torch.sign(2 * v - self.k + 1) if self.k > 1 else torch.ones_like(u),
            "blur": row[:, None] * row,
        }
        return inputs[self.input].double(), kernels[self.kernel].double()

    @property
    def output(self) -> Tensor:
        """(o, o) what torch makes of the numbers.

        Raises:
            ValueError: the settings have no output.
        """
        checked(lambda: self.size)
        x, w = (numbers[None, None] for numbers in self.numbers)
        if self.mode == "conv":
            return F.conv2d(x, w, None, self.s, self.p, self.d)[0, 0]
        return F.conv_transpose2d(x, w, None, self.s, self.p, self.output_padding, 1, self.d)[0, 0]

    def _picture(self) -> tuple[str, str]:
        (x, w), y = self.numbers, self.output
        dashed = self.p if self.mode == "conv" else 0
        name = "Convolution" if self.mode == "conv" else "Transposed convolution"
        words = (
            f"{name} of a {self.i} by {self.i} input with a {self.k} by {self.k} kernel, stride {self.s}, padding "
            f"{self.p}, dilation {self.d}"
        )
        if self.mode == "transpose":
            words += f", output padding {self.output_padding}"
        return conv_png(x, w, y, dashed), f"{words}: the output is {len(y)} by {len(y)}"
