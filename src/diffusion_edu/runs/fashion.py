"""The runs `fashion`, whose model is the book's, and `fashion-tiny`, to see the loss fall."""

from __future__ import annotations

from torch import Tensor

from ..data import fashion_mnist
from ..nn import UNetConfig
from ..train import Recipe
from .images import image_run
from .run import Source

NOTES = {
    "training_data": "Fashion-MNIST, 60,000 training images (Xiao et al. 2017), padded to 32x32; MIT, Zalando SE",
    "licence": "MIT, as this package",
    "intended_use": "Teaching: to see, and to change, how a small diffusion model works",
    "limits": "Gray 32x32 images of ten classes of clothes, with the taste of one shop; it knows nothing else",
}


def _pixels(source: Source) -> Tensor:
    return fashion_mnist("train", root=source.folder).pixels


FASHION = image_run(
    name="fashion",
    about="Fashion-MNIST with the small U-Net: the model of the book, about an hour on two CPU cores",
    unet=UNetConfig.small(in_channels=1),
    recipe=Recipe(steps=4_000, batch_size=64, rate=1e-3, warmup=300, cooldown=1_500),
    pixels=_pixels,
    notes=NOTES,
    gpu={"batch_size": 512, "rate": 1.5e-3, "steps": 12_000, "cooldown": 6_000, "compile": True},
)
TINY = image_run(
    name="fashion-tiny",
    about="Fashion-MNIST with the tiny U-Net: a minute on a CPU, to see the loss fall",
    unet=UNetConfig.tiny(in_channels=1),
    recipe=Recipe(steps=600, batch_size=64, rate=2e-3, warmup=50, ema_decay=0.99, checkpoint_every=200),
    pixels=_pixels,
    notes=NOTES,
)
