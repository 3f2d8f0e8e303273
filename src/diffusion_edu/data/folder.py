"""A folder of images of the reader's own, as a data set."""

from __future__ import annotations

import errno
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from .._arguments import checked
from .._errors import DataError, bad_value, unknown_name
from ..disk import as_path
from .depth import eight_bits, is_deep, numbers_of, white_of
from .found import Found, find_images, formats
from .images import ImageData, Reading
from .limits import UNREADABLE, reason

# An image of more pixels than this is refused before it is unpacked: a small file can claim a huge size. A JPEG can be
# unpacked to a half, a quarter or an eighth of its sides, so it may be larger.
MAX_PIXELS, MAX_OF_JPEG = 40_000_000, 100_000_000
_ROWS = 256  # that are worked on at once
_SHOWN = 20


@checked
@dataclass(frozen=True)
class ImageFolder:
    """All images in a folder and the folders below it, cut to squares of one size.

    Each is turned as its EXIF orientation says, made opaque on white, made gray or RGB, resized with
    anti-aliasing so that its short side fits, and cropped to its center. Its label is the folder it lies in. A link to
    a folder is followed; the folders of training runs, and their grids, are not entered.

    Images of 16 or 32 bits are black at 0 and white at the largest integer of the file's type, or at 1 for floating
    point; what lies outside is clipped, and the result's `reading` says so.

    Args:
        path: the folder; "~" is your own.
        size: side of the squares, in pixels.
        channels: 1 (gray) or 3 (RGB).
        on_error: "raise" reports all unreadable files and folders in one error; "skip" leaves them out and lists them
            in the result's `skipped`.
        white: the number that is white in images of 16 or 32 bits; None: as the file's type says.
        leave_out: folders below it that are not entered.

    Raises:
        ValueError: a size, a number of channels, an `on_error` or a `white` that is not allowed.
    """

    path: str | Path
    size: int = 32
    channels: int = 3
    on_error: str = "raise"
    white: float | None = None
    leave_out: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise bad_value("size", self.size, "at least 1")
        if self.channels not in (1, 3):
            raise bad_value("channels", self.channels, "1 or 3")
        if self.on_error not in ("raise", "skip"):
            raise unknown_name("on_error", self.on_error, ("raise", "skip"))
        if self.white is not None and not 0 < self.white < float("inf"):
            raise bad_value("white", self.white, "a positive number, or None")

    @property
    def root(self) -> Path:
        """The folder, with "~" made a path."""
        return as_path("path", self.path).expanduser()

    def files(self) -> list[Path]:
        """The image files (by their endings: all that Pillow opens), sorted by path; hidden ones are left out.

        Raises:
            FileNotFoundError: no such folder.
            NotADirectoryError: the path is a file.
        """
        return list(self._found().images)

    def _found(self) -> Found:
        return find_images(self.root, self.leave_out)

    def load(self) -> ImageData:
        """Read all images.

        Returns:
            ImageData: pixels (N, channels, size, size) uint8; labels, classes: the folders, sorted; reading, whose
            words are one line for people.

        Raises:
            FileNotFoundError, NotADirectoryError: as :meth:`files`.
            DataError: no images, or unreadable ones (all are named, unless there are very many).
        """
        found = self._found()
        kept: list[tuple[_Read, Path]] = []
        bad = [f"{self.root / folder}: the folder cannot be read" for folder in found.closed]
        for file in found.images:
            try:
                kept.append((_read(file, self.size, self.channels, self.white), file.parent.relative_to(self.root)))
            except DataError as error:
                bad.append(str(error))
        self._check(found, bad, len(kept))
        owners = [owner.as_posix() for _, owner in kept]
        classes = sorted(set(owners))
        names = tuple(self.root.name if name == "." else name for name in classes)
        return ImageData(
            torch.stack([image.pixels for image, _ in kept]),
            torch.tensor([classes.index(owner) for owner in owners]),
            names,
            tuple(bad),
            self._reading(found, [image for image, _ in kept]),
        )

    def _check(self, found: Found, bad: list[str], read: int) -> None:
        """Raise unless there are images, and all could be read or may be skipped."""
        if not found.images and not bad:
            aside = _left_out(found, 0)
            others = f"; it holds {', '.join(f'{n:,} {what}' for what, n in aside.items())}" if aside else ""
            left = f"; not entered: {', '.join(found.left)}" if found.left else ""
            raise DataError(f"{self.root} holds no images that can be read by their endings{others}{left}")
        if bad and self.on_error == "raise":
            more = f"\n  and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
            reasons = "\n  ".join(bad[:_SHOWN])
            count = len(found.images) + len(found.closed)
            raise DataError(f"{len(bad)} of {count} images and folders cannot be read:\n  {reasons}{more}")
        if not read:
            raise DataError(f"{self.root} holds no readable images; the first problem: {bad[0]}")

    def _reading(self, found: Found, images: list[_Read]) -> Reading:
        sizes = sorted((image.size for image in images), key=lambda size: (size[0] * size[1], size))
        return Reading(
            images=len(images),
            files=len(found.images) + sum(found.others.values()),
            left_out=_left_out(found, len(found.images) - len(images)),
            folders=(*found.left, *found.closed),
            smallest=sizes[0],
            largest=sizes[-1],
            size=self.size,
            clipped=tuple(image.clipped for image in images if image.clipped),
        )


def _left_out(found: Found, unreadable: int) -> dict[str, int]:
    """How many files were not read, by the reason."""
    reasons = Counter({ending or "without an ending": count for ending, count in found.others.items()})
    if unreadable:
        reasons["unreadable"] = unreadable
    return dict(reasons)


class _Read(NamedTuple):
    """One image: its pixels, (W, H) before, and what was clipped, in words."""

    pixels: Tensor
    size: tuple[int, int]
    clipped: str


def read_picture(path: str | Path, size: int, channels: int, white: float | None = None) -> Tensor:
    """One image file as (channels, size, size) uint8, cut as :class:`ImageFolder` says.

    Raises:
        FileNotFoundError: no such file.
        DataError: the file is no image, is damaged, holds what is no number, or claims more pixels than are safe to
            unpack.
    """
    return _read(as_path("path", path).expanduser(), size, channels, white).pixels


def _read(path: Path, size: int, channels: int, white: float | None) -> _Read:
    if not path.is_file():  # opening a pipe would wait for somebody to write
        what = "not an ordinary file" if path.exists() else "no such file"
        raise FileNotFoundError(errno.ENOENT, what, str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is ours
            with Image.open(path, formats=formats()) as image:
                width, height = image.size
                if image.format == "JPEG" and MAX_PIXELS < width * height <= MAX_OF_JPEG:
                    image.draft(None, (2 * size, 2 * size))
                if image.width * image.height > MAX_PIXELS:
                    raise DataError(f"{path}: {width} x {height} pixels are more than {MAX_PIXELS:,}")
                smaller = image.size != (width, height)
                shown, clipped = _eight_bits(image, white)
                ImageOps.exif_transpose(shown, in_place=True)
                before = (width, height) if smaller else shown.size
                square = ImageOps.fit(_opaque(shown), (size, size), Image.Resampling.LANCZOS)
                array = np.array(square.convert("L" if channels == 1 else "RGB"))
    except FileNotFoundError:
        raise
    except PermissionError as error:
        raise DataError(f"{path}: {error.strerror}") from error
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: {error}") from error
    except DataError as error:
        raise DataError(str(error) if str(path) in str(error) else f"{path}: {error}") from error
    except UNREADABLE as error:  # what Pillow's readers raise for damaged files
        raise DataError(f"{path}: the image is damaged ({reason(error)})") from error
    pixels = torch.from_numpy(array.reshape(size, size, channels)).permute(2, 0, 1).contiguous()
    return _Read(pixels, before, f"{path.name}: {clipped}" if clipped else "")


def _eight_bits(image: Image.Image, white: float | None) -> tuple[Image.Image, str]:
    """An image with 8 bits a value, and what that clipped; its orientation goes with it."""
    if not is_deep(image):
        return image, ""
    exif = image.getexif()
    shown, clipped = eight_bits(numbers_of(image), white_of(image) if white is None else white)
    shown.info["exif"] = exif.tobytes()
    return shown, clipped


def _opaque(image: Image.Image) -> Image.Image:
    """Gray or RGB, transparency laid on white."""
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        shown = Image.new("RGB", image.size)
        for top in range(0, image.height, _ROWS):
            rgba = image.crop((0, top, image.width, min(top + _ROWS, image.height))).convert("RGBA")
            white = Image.new("RGBA", rgba.size, "white")
            shown.paste(Image.alpha_composite(white, rgba).convert("RGB"), (0, top))
        return shown
    return image if image.mode in ("L", "RGB") else image.convert("RGB")
