"""The network of the FID: Inception-v3 as it was packed for TensorFlow on 2015-12-05, ported with its peculiarities.

It differs from the Inception-v3 of torchvision: 1008 answers, average pools that leave the padding out of the mean, and
a maximum where the paper has an average in the last block. All published FIDs were measured with these.

Source: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision"; the names of the layers are
those of torchvision's port, in which pytorch-fid's file of weights was written.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._errors import DataError
from ..data.download import fetch
from ..data.limits import UNREADABLE, reason
from ..disk import as_path

WEIGHTS = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
ADDRESS = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/"
SIDE = 299
Size = int | tuple[int, int]


class BasicConv2d(nn.Module):
    """Convolution without bias, batch normalization, ReLU."""

    def __init__(self, before: int, after: int, kernel: Size, stride: int = 1, padding: Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, after, H', W')."""
        return F.relu(self.bn(self.conv(x)))


def average3(x: Tensor) -> Tensor:
    """The mean over 3x3 positions; at an edge over those that exist, as TensorFlow does."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


class BlockA(nn.Module):
    """35x35: 1x1, 5x5, two 3x3, pool, side by side."""

    def __init__(self, before: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = BasicConv2d(before, 64, 1)
        self.branch5x5_1 = BasicConv2d(before, 48, 1)
        self.branch5x5_2 = BasicConv2d(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = BasicConv2d(before, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, padding=1)
        self.branch_pool = BasicConv2d(before, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, 35, 35) -> (B, 224 + pooled, 35, 35)."""
        five = self.branch5x5_2(self.branch5x5_1(x))
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch1x1(x), five, three, self.branch_pool(average3(x))], 1)


class BlockB(nn.Module):
    """35x35 to 17x17."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.branch3x3 = BasicConv2d(before, 384, 3, stride=2)
        self.branch3x3dbl_1 = BasicConv2d(before, 64, 1)
        self.branch3x3dbl_2 = BasicConv2d(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = BasicConv2d(96, 96, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, 35, 35) -> (B, 480 + before, 17, 17)."""
        three = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), three, F.max_pool2d(x, 3, 2)], 1)


class BlockC(nn.Module):
    """17x17: 7x7 taken apart into 1x7 and 7x1, with `inner` channels."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        wide, tall = {"kernel": (1, 7), "padding": (0, 3)}, {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = BasicConv2d(768, 192, 1)
        self.branch7x7_1 = BasicConv2d(768, inner, 1)
        self.branch7x7_2 = BasicConv2d(inner, inner, **wide)  # type: ignore[arg-type]
        self.branch7x7_3 = BasicConv2d(inner, 192, **tall)  # type: ignore[arg-type]
        self.branch7x7dbl_1 = BasicConv2d(768, inner, 1)
        self.branch7x7dbl_2 = BasicConv2d(inner, inner, **tall)  # type: ignore[arg-type]
        self.branch7x7dbl_3 = BasicConv2d(inner, inner, **wide)  # type: ignore[arg-type]
        self.branch7x7dbl_4 = BasicConv2d(inner, inner, **tall)  # type: ignore[arg-type]
        self.branch7x7dbl_5 = BasicConv2d(inner, 192, **wide)  # type: ignore[arg-type]
        self.branch_pool = BasicConv2d(768, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 768, 17, 17) -> (B, 768, 17, 17)."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(average3(x))], 1)


class BlockD(nn.Module):
    """17x17 to 8x8."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3_1 = BasicConv2d(768, 192, 1)
        self.branch3x3_2 = BasicConv2d(192, 320, 3, stride=2)
        self.branch7x7x3_1 = BasicConv2d(768, 192, 1)
        self.branch7x7x3_2 = BasicConv2d(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = BasicConv2d(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = BasicConv2d(192, 192, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(B, 768, 17, 17) -> (B, 1280, 8, 8)."""
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, F.max_pool2d(x, 3, 2)], 1)


class BlockE(nn.Module):
    """8x8, with 1x3 and 3x1 side by side; `maximum`: the pool is a maximum, in the last block of this network only."""

    def __init__(self, before: int, maximum: bool) -> None:
        super().__init__()
        self.maximum = maximum
        self.branch1x1 = BasicConv2d(before, 320, 1)
        self.branch3x3_1 = BasicConv2d(before, 384, 1)
        self.branch3x3_2a = BasicConv2d(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3_2b = BasicConv2d(384, 384, (3, 1), padding=(1, 0))
        self.branch3x3dbl_1 = BasicConv2d(before, 448, 1)
        self.branch3x3dbl_2 = BasicConv2d(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = BasicConv2d(384, 384, (1, 3), padding=(0, 1))
        self.branch3x3dbl_3b = BasicConv2d(384, 384, (3, 1), padding=(1, 0))
        self.branch_pool = BasicConv2d(before, 192, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, 8, 8) -> (B, 2048, 8, 8)."""
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        pooled = F.max_pool2d(x, 3, stride=1, padding=1) if self.maximum else average3(x)
        parts = [self.branch1x1(x), self.branch3x3_2a(three), self.branch3x3_2b(three)]
        parts += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double), self.branch_pool(pooled)]
        return torch.cat(parts, 1)


class Inception(nn.Module):
    """Inception-v3 of 2015: images of 299x299 to the 2048 numbers that the FID is made of."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = BasicConv2d(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = BasicConv2d(32, 32, 3)
        self.Conv2d_2b_3x3 = BasicConv2d(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = BasicConv2d(64, 80, 1)
        self.Conv2d_4a_3x3 = BasicConv2d(80, 192, 3)
        self.Mixed_5b = BlockA(192, 32)
        self.Mixed_5c = BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b = BlockC(128)
        self.Mixed_6c = BlockC(160)
        self.Mixed_6d = BlockC(160)
        self.Mixed_6e = BlockC(192)
        self.Mixed_7a = BlockD()
        self.Mixed_7b = BlockE(1280, maximum=False)
        self.Mixed_7c = BlockE(2048, maximum=True)
        self.fc = nn.Linear(2048, 1008)  # its answers are not used; the file of weights has it

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, 299, 299) in [-1, 1] -> (B, 2048)."""
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))  # (B, 64, 147, 147)
        x = F.max_pool2d(x, 3, 2)  # (B, 64, 73, 73)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))  # (B, 192, 71, 71)
        x = F.max_pool2d(x, 3, 2)  # (B, 192, 35, 35)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))  # (B, 288, 35, 35)
        x = self.Mixed_6a(x)  # (B, 768, 17, 17)
        x = self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))
        x = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(x)))  # (B, 2048, 8, 8)
        return x.mean((2, 3))


class ResizedInception(nn.Module):
    """The network behind pytorch-fid's resize: bilinear to 299x299, without anti-aliasing, on half-pixel centers.

    The first FIDs used TensorFlow's old resize, which puts the centers elsewhere, and neither smooths large images
    before they shrink: distances of differently resized images do not compare (Parmar et al. 2022).
    """

    resize = "bilinear to 299 x 299, not anti-aliased (as pytorch-fid)"

    def __init__(self, network: Inception) -> None:
        super().__init__()
        self.network = network

    def forward(self, x0: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1], of any size -> (B, 2048)."""
        return self.network(F.interpolate(x0, size=(SIDE, SIDE), mode="bilinear", align_corners=False))


def load_inception(path: str | Path | None = None) -> Inception:
    """The network with its weights, in evaluation mode and without gradients.

    Args:
        path: the file `pt_inception-2015-12-05-6726825d.pth`; None: the cache, or a download of 96 MB into it.

    Raises:
        FileNotFoundError: no such file.
        DataError: the file is another one, or the download failed.
    """
    if path is None:
        advice = f"Fetch {WEIGHTS} (pytorch-fid's release fid_weights) by hand and give its path as weights"
        path = fetch(WEIGHTS, f"sha256:{SHA256}", (ADDRESS,), advice)
    else:
        path = as_path("weights", path)
        if not path.is_file():
            raise FileNotFoundError(f"no file {path}")
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest != SHA256:
            raise DataError(f"{path} is not {WEIGHTS}: its SHA-256 is {digest}, not {SHA256}")
    return read_inception(path)


def read_inception(path: str | Path) -> Inception:
    """The network from a file of any weights with its names and shapes.

    Raises:
        DataError: the file cannot be read, or lacks or adds a tensor, or has one of another shape.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, *UNREADABLE) as error:
        first = reason(error).splitlines()[0]
        raise DataError(f"{path} holds no weights that can be read: {first}") from error
    model = Inception()
    try:
        model.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise DataError(f"{path} does not hold the weights of this network: {error}") from error
    return model.eval().requires_grad_(False)
