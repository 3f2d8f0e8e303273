"""The networks that sets of images are compared by: those of the published measures, and the package's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ._arguments import checked
from ._errors import bad_value, unknown_name
from .metrics.features import FeatureNetwork, efficientnet_features, inception_features
from .pretrained import load_as
from .systems import CLIP, Classifier

FEATURE_NETWORKS = {
    "inception": "Inception-v3 of 2015: the network of the FID, images of any size; downloaded once, or by a path",
    "efficientnet": "EfficientNet-Lite0, trained on ImageNet, images of any size; needs the extra features",
    "fashion-classifier": "trained on Fashion-MNIST, gray images of 32 x 32; comes with the package",
    "emoji-clip": "the image encoder of emoji-clip, color images of 32 x 32; comes with the package",
}
_AS_THEY_ARE = "none: images of 32 x 32 as they are"


@checked
def feature_network(name: str, weights: str | Path | None = None, device: torch.device | str = "cpu") -> FeatureNetwork:
    """A network whose features sets of images are compared by.

    Args:
        name: "inception": the network of the FID, for images of any size; its weights are downloaded once, or given
            by `weights`. "efficientnet": EfficientNet-Lite0 from the extra `features`, for images of any size.
            "fashion-classifier", for gray images of 32 x 32, and "emoji-clip", for color images of 32 x 32,
            come with the package.
        weights: a file to take instead of what is downloaded or shipped; not for "efficientnet".
        device: where to put it.

    Raises:
        ValueError: unknown name.
        FileNotFoundError, DataError, CheckpointError: weights that are not there, or are not what they should be.
        ImportError: the extra is not installed.
    """
    if name == "inception":
        return inception_features(weights, device)
    if name == "efficientnet":
        if weights is not None:
            raise bad_value("weights", str(weights), "None for efficientnet, whose weights are in the extra")
        return efficientnet_features(device)
    source = name if weights is None else weights
    if name == "fashion-classifier":
        classifier = load_as(source, Classifier, device)
        width = classifier.config.channels[-1]
        return FeatureNetwork(name, name, _Features(classifier), width, 1, 32, _AS_THEY_ARE)
    if name == "emoji-clip":
        clip = load_as(source, CLIP, device)
        return FeatureNetwork(name, name, _ImageFeatures(clip), clip.config.embedding, 3, 32, _AS_THEY_ARE)
    raise unknown_name("name", name, FEATURE_NETWORKS)


class _Features(nn.Module):
    """A classifier without its answers."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, x0: Tensor) -> Tensor:
        return self.model.features(x0)


class _ImageFeatures(_Features):
    """A CLIP that only looks. Embeddings have length 1: a factor of sqrt(E) gives each feature a variance near 1."""

    def forward(self, x0: Tensor) -> Tensor:
        return self.model.encode_image(x0) * self.model.config.embedding**0.5
