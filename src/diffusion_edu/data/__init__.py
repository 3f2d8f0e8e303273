"""Data sets: images in, uint8 tensors out. Pixels become numbers in [-1, 1] here and nowhere else."""

from .captions import emoji_caption
from .cifar10 import cifar10
from .emoji import EmojiData, emoji
from .fashion_mnist import fashion_mnist
from .folder import ImageFolder
from .images import ImageData
from .photo import photo
from .pixels import grid, save_grid, to_image, to_pixels, to_x0
from .toys import TOYS, raster, toy

__all__ = [
    "TOYS",
    "EmojiData",
    "ImageData",
    "ImageFolder",
    "cifar10",
    "emoji",
    "emoji_caption",
    "fashion_mnist",
    "grid",
    "photo",
    "raster",
    "save_grid",
    "to_image",
    "to_pixels",
    "to_x0",
    "toy",
]
