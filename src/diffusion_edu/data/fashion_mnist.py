"""Fashion-MNIST: 70,000 gray images of clothes, read from the publisher's own files.

Source: Xiao, Rasul, Vollgraf 2017, "Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning
Algorithms", https://github.com/zalandoresearch/fashion-mnist (MIT license).
"""

from __future__ import annotations

import hashlib
import os
from importlib.resources import as_file, files
from pathlib import Path

import torch
from torch.nn import functional as F

from .._arguments import checked
from .._errors import DataError, bad_value, unknown_name
from ..disk import as_path
from .download import fetch
from .idx import gunzip, parse_idx
from .images import ImageData

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
FOLDER_VARIABLE = "DIFFUSION_EDU_DATA"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
ADDRESSES = (
    "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
)
# Of the publisher's packed files (their MD5 is stated at the address above): a download is checked against it
# before it is kept.
PACKED_SHA256 = {
    "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
}
# Of the unpacked content: the same whoever packed the file. It also tells this data set from its twins: MNIST
# itself has files of the same names, shapes and lengths.
SHA256 = {
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
MOST = 60_000 * 28 * 28  # bytes in the largest of them
_PREFIX = {"train": "train", "test": "t10k"}


@checked
def fashion_mnist(split: str = "test", root: str | Path | None = None, size: int = 32) -> ImageData:
    """The images of one split, padded with black from 28x28 to 32x32, a size that halves well.

    The test split is part of this package. The training split is looked for in `root`, in the folder named by
    the environment variable DIFFUSION_EDU_DATA, in /usr/share/datasets/fashion-mnist (Debian's package
    dataset-fashion-mnist) and in the cache; if it is nowhere, it is downloaded (26 MB) into the cache.

    Args:
        split: "train" (60,000 images) or "test" (10,000).
        root: the folder with the four original `.gz` files; then nothing else is looked at.
        size: side of the padded image, even and at least 28.

    Returns:
        ImageData: pixels (N, 1, size, size) uint8, labels (N,), the ten class names.

    Raises:
        ValueError: unknown split, bad size.
        FileNotFoundError: `root` or DIFFUSION_EDU_DATA lacks a file.
        DataError: a file is damaged or is another one, or the download failed.
    """
    if split not in _PREFIX:
        raise unknown_name("split", split, _PREFIX)
    if size < 28 or size % 2:
        raise bad_value("size", size, "an even number of at least 28")
    images, labels = f"{_PREFIX[split]}-images-idx3-ubyte.gz", f"{_PREFIX[split]}-labels-idx1-ubyte.gz"
    pixels, classes = _read(images, 3, root), _read(labels, 1, root)
    edge = (size - 28) // 2
    return ImageData(F.pad(pixels.unsqueeze(1), (edge, edge, edge, edge)), classes.long(), CLASSES)


def _read(name: str, dimensions: int, root: str | Path | None) -> torch.Tensor:
    """One file as a tensor, wherever it is found, once its content is known to be the right one."""
    if root is None and name.startswith("t10k"):
        with as_file(files("diffusion_edu.data") / "files" / name) as path:
            return _checked(path, name, dimensions)
    return _checked(locate(name, root), name, dimensions)


def _checked(path: Path, name: str, dimensions: int) -> torch.Tensor:
    content = gunzip(path, dimensions, MOST)
    tensor = parse_idx(content, dimensions, path)  # first: its messages say more than a checksum can
    digest = hashlib.sha256(content).hexdigest()
    if digest != SHA256[name]:
        raise DataError(
            f"{path} is not Fashion-MNIST's {name}: the SHA-256 of its content is {digest}, not {SHA256[name]}"
        )
    return tensor


def locate(name: str, root: str | Path | None = None) -> Path:
    """Where one of the four files is on this machine, downloading it if it is nowhere.

    Raises:
        FileNotFoundError: a folder was named and lacks the file.
        DataError: the download failed.
    """
    named = [(str(as_path("root", root)), "root")] if root is not None else []
    if root is None and os.environ.get(FOLDER_VARIABLE):
        named = [(os.environ[FOLDER_VARIABLE], FOLDER_VARIABLE)]
    for folder, source in named:
        for place in (Path(folder), Path(folder) / "fashion-mnist"):
            if (place / name).is_file():
                return place / name
        raise FileNotFoundError(f"{source} names the folder {folder}, which holds no {name}")
    if (DEBIAN / name).is_file():
        return DEBIAN / name
    advice = (
        f"Put the publisher's file {name} (https://github.com/zalandoresearch/fashion-mnist) in a folder, "
        f"and name that folder by the argument root=..., the option --data, or the environment variable "
        f"{FOLDER_VARIABLE}"
    )
    return fetch(name, f"sha256:{PACKED_SHA256[name]}", ADDRESSES, advice)
