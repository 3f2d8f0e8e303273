"""The runs `cifar10`, as DDPM was trained, and `cifar10-fast`, as one would train it today."""

from __future__ import annotations

from torch import Tensor

from ..data import cifar10
from ..nn import UNetConfig
from ..train import Recipe
from .images import image_run
from .run import Source

NOTES = {
    "training_data": "CIFAR-10, 50,000 training images (Krizhevsky 2009); no license stated, not shipped",
    "licence": "MIT, as this package; that of the images is not stated",
    "intended_use": "To compare with the published numbers of DDPM",
    "limits": "32x32 images of ten classes",
}


def _pixels(source: Source) -> Tensor:
    return cifar10("train", root=source.folder).pixels


CIFAR10 = image_run(
    name="cifar10",
    about="CIFAR-10 as Ho et al. 2020 trained it: 35.7 M parameters, 800,000 steps of 128 images",
    unet=UNetConfig.paper(),
    recipe=Recipe(
        steps=800_000,
        rate=2e-4,
        warmup=5_000,
        ema_decay=0.9999,
        flip=True,
        precision="fp32",
        checkpoint_every=5_000,
    ),
    pixels=_pixels,
    notes=NOTES,
)
FAST = image_run(
    name="cifar10-fast",
    about="CIFAR-10 with the same network in bf16, compiled, 25,000 steps of 512 images",
    unet=UNetConfig.paper(),
    recipe=Recipe(
        steps=25_000,
        batch_size=512,
        rate=4e-4,
        warmup=1_000,
        cooldown=5_000,
        ema_decay=0.9995,
        flip=True,
        precision="bf16",
        compile=True,
    ),
    pixels=_pixels,
    notes=NOTES,
)
