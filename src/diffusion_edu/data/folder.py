"""A folder of pictures of the reader's own, as a data set."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from .._errors import DataError, bad_value, unknown_name
from .images import ImageData

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".ppm", ".pgm", ".tif", ".tiff", ".webp")
# A picture of more pixels than this is refused before it is unpacked: a small file can claim a huge size.
MAX_PIXELS = 100_000_000
_SHOWN = 20


@dataclass(frozen=True)
class ImageFolder:
    """All pictures in a folder and the folders below it, cut to squares of one size.

    Each is turned as its EXIF orientation says, made opaque on white, made grey or RGB, resized with
    anti-aliasing so that its short side fits, and cropped to its centre. Its label is the folder it lies in.

    Args:
        path: the folder.
        size: side of the squares, in pixels.
        channels: 1 (grey) or 3 (RGB).
        on_error: "raise" reports all unreadable files in one error; "skip" leaves them out and lists them in
            the result's `skipped`.

    Raises:
        ValueError: a size, a number of channels, or an `on_error` that is not allowed.
    """

    path: str | Path
    size: int = 32
    channels: int = 3
    on_error: str = "raise"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise bad_value("size", self.size, "at least 1")
        if self.channels not in (1, 3):
            raise bad_value("channels", self.channels, "1 or 3")
        if self.on_error not in ("raise", "skip"):
            raise unknown_name("on_error", self.on_error, ("raise", "skip"))

    def files(self) -> list[Path]:
        """The picture files (by their endings), sorted by path; hidden ones are left out.

        Raises:
            FileNotFoundError: no such folder.
            NotADirectoryError: the path is a file.
        """
        root = Path(self.path)
        if not root.exists():
            raise FileNotFoundError(f"no folder {root}")
        if not root.is_dir():
            raise NotADirectoryError(f"{root} is a file; a folder of pictures is needed")
        found = []
        for file in root.rglob("*"):
            parts = file.relative_to(root).parts
            if file.suffix.lower() in SUFFIXES and file.is_file() and not any(p.startswith(".") for p in parts):
                found.append(file)
        return sorted(found, key=lambda file: file.relative_to(root).as_posix())

    def load(self) -> ImageData:
        """Read all pictures.

        Returns:
            ImageData: pixels (N, channels, size, size) uint8; labels, classes: the folders, sorted.

        Raises:
            FileNotFoundError, NotADirectoryError: as :meth:`files`.
            DataError: no pictures, or unreadable ones (all are named, unless there are very many).
        """
        root, files = Path(self.path), self.files()
        if not files:
            raise DataError(f"{root} holds no pictures (files that end in {', '.join(SUFFIXES)})")
        pixels, owners, bad = [], [], []
        for file in files:
            try:
                pixels.append(read_picture(file, self.size, self.channels))
                owners.append(file.parent.relative_to(root).as_posix())
            except DataError as error:
                bad.append(str(error))
        if bad and self.on_error == "raise":
            more = f"\n  and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
            told = "\n  ".join(bad[:_SHOWN])
            raise DataError(f"{len(bad)} of {len(files)} pictures cannot be read:\n  {told}{more}")
        if not pixels:
            raise DataError(f"{root} holds no readable pictures; the first problem: {bad[0]}")
        classes = sorted(set(owners))
        labels = torch.tensor([classes.index(owner) for owner in owners])
        names = tuple(root.name if name == "." else name for name in classes)
        return ImageData(torch.stack(pixels), labels, names, tuple(bad))


def read_picture(path: str | Path, size: int, channels: int) -> Tensor:
    """One picture file as (channels, size, size) uint8, cut as :class:`ImageFolder` says.

    Raises:
        FileNotFoundError: no such file.
        DataError: the file is no picture, is damaged, or claims more pixels than are safe to unpack.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is ours
            with Image.open(path) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise DataError(f"{path}: {width} x {height} pixels are more than {MAX_PIXELS:,}")
                square = ImageOps.fit(_opaque(ImageOps.exif_transpose(image)), (size, size), Image.Resampling.LANCZOS)
                array = np.array(square.convert("L" if channels == 1 else "RGB"))
    except FileNotFoundError:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: {error}") from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
    ) as error:  # what Pillow's readers raise for damaged files
        raise DataError(f"{path}: the picture is damaged ({error})") from error
    return torch.from_numpy(array.reshape(size, size, channels)).permute(2, 0, 1).contiguous()


def _opaque(image: Image.Image) -> Image.Image:
    """Grey or RGB with 8 bits a channel, transparency laid on white."""
    if image.mode.startswith("I") or image.mode == "F":
        return _eight_bits(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    """A picture of 16 or 32 bits a pixel, scaled by its type's range (Pillow's own conversion would clip)."""
    values = np.asarray(image).astype(np.float64)
    if image.mode == "F":
        top = 1.0 if values.max(initial=0) <= 1 else 255.0
    else:
        top = 255.0 if values.max(initial=0) <= 255 and image.mode == "I" else 65535.0
    return Image.fromarray((values / top * 255).round().clip(0, 255).astype(np.uint8))
