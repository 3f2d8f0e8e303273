import os

import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu._errors import DataError
from diffusion_edu.data import ImageFolder, depth
from diffusion_edu.data import folder as module
from diffusion_edu.data.folder import read_picture


def save(path, array, mode=None, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(array)
    (image if mode is None else image.convert(mode)).save(path, **options)
    return path


def ramp(height, width):
    """Dark at the left, bright at the right, red rising downwards."""
    across = np.linspace(0, 255, width)[None, :].repeat(height, 0)
    down = np.linspace(0, 255, height)[:, None].repeat(width, 1)
    return np.stack([down, across, across], -1).round().astype(np.uint8)


def test_any_size_becomes_a_centred_square(tmp_path):
    wide = np.zeros((40, 100, 3), np.uint8)
    wide[:, 30:70] = 200  # exactly the central square
    save(tmp_path / "wide.png", wide)
    save(tmp_path / "tall.png", wide.transpose(1, 0, 2))
    save(tmp_path / "small.png", np.full((3, 5, 3), 200, np.uint8))
    pixels = ImageFolder(tmp_path, size=8).load().pixels
    assert pixels.shape == (3, 3, 8, 8)
    assert pixels.dtype == torch.uint8
    # The filter may look a little over the edge; a crop elsewhere would show whole black columns.
    assert (pixels.int() - 200).abs().max() < 20


def test_shrinking_averages_instead_of_picking_pixels(tmp_path):
    checks = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    picture = read_picture(save(tmp_path / "checks.png", checks), 8, 1)
    assert (picture.int() - 127).abs().max() < 10


def test_orientation_of_a_camera_is_obeyed(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to view"
    plain = read_picture(save(tmp_path / "plain.png", ramp(32, 32)), 32, 3)
    turned = read_picture(save(tmp_path / "turned.png", ramp(32, 32), exif=exif), 32, 3)
    assert torch.equal(turned, torch.rot90(plain, -1, (1, 2)))


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "CMYK", "1", "LA", "RGBA", "YCbCr", "I;16", "I", "F"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_mode_shows_the_same_grey(tmp_path, mode, channels):
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        white = {"I;16": 2**16 - 1, "I": 2**31 - 1, "F": 1}[mode]
        values = np.full((9, 9), white * 0.6).astype(kind)
        path = save(tmp_path / "x.tiff", values)
    else:
        level = 255 if mode == "1" else 153
        ending = "tiff" if mode in ("CMYK", "YCbCr") else "png"
        path = save(tmp_path / f"x.{ending}", np.full((9, 9, 3), level, np.uint8), mode)
    with Image.open(path) as image:
        if image.mode == "RGB" and mode == "YCbCr":  # Pillow 10 takes the one for the other, unless it is packed
            path = save(path, np.full((9, 9, 3), level, np.uint8), mode, compression="packbits")
        else:
            assert image.mode == mode
    picture = read_picture(path, 8, channels)
    assert picture.shape == (channels, 8, 8)
    assert (picture.int() - (255 if mode == "1" else 153)).abs().max() <= 1


def test_transparent_parts_become_white(tmp_path):
    rgba = np.zeros((8, 8, 4), np.uint8)
    rgba[:4, :, 3] = 255  # the upper half is opaque black, the lower half see-through black
    for name, mode in (("a.png", None), ("b.png", "LA")):
        picture = read_picture(save(tmp_path / name, rgba, mode), 8, 3)
        assert (picture[:, :4] == 0).all()
        assert (picture[:, 4:] == 255).all()
    palette = Image.fromarray((rgba[..., 3] == 255).astype(np.uint8), "P")
    palette.putpalette([10, 20, 30, 0, 0, 0])
    palette.save(tmp_path / "c.png", transparency=0)
    picture = read_picture(tmp_path / "c.png", 8, 3)
    assert (picture[:, :4] == 0).all()
    assert (picture[:, 4:] == 255).all()


def test_pictures_are_sorted_and_labelled_by_their_folder(tmp_path):
    for name, level in (("b/2.png", 20), ("a/1.png", 10), ("b/1.jpg", 30), ("top.png", 40), (".hidden/x.png", 50)):
        save(tmp_path / name, np.full((8, 8), level, np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    data = ImageFolder(tmp_path, size=8, channels=1).load()
    assert data.pixels[:, 0, 0, 0].tolist() == [10, 30, 20, 40]
    assert [data.classes[i] for i in data.labels] == ["a", "b", "b", tmp_path.name]


@pytest.fixture
def damaged(tmp_path):
    save(tmp_path / "good.png", ramp(8, 8))
    (tmp_path / "text.png").write_text("not a picture")
    content = save(tmp_path / "cut.png", np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.jpg").write_bytes(b"")
    return tmp_path


def test_unreadable_files_are_all_named(damaged):
    with pytest.raises(DataError, match="3 of 4 images and folders cannot be read") as caught:
        ImageFolder(damaged).load()
    for name in ("text.png", "cut.png", "empty.jpg"):
        assert name in str(caught.value)
    assert "good.png" not in str(caught.value)


def test_unreadable_files_can_be_left_out(damaged):
    data = ImageFolder(damaged, on_error="skip").load()
    assert len(data.pixels) == len(data.labels) == 1
    assert len(data.skipped) == 3
    assert any("cut.png" in line for line in data.skipped)
    (damaged / "good.png").unlink()
    with pytest.raises(DataError, match="no readable images"):
        ImageFolder(damaged, on_error="skip").load()


def test_a_picture_that_claims_to_be_huge_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_PIXELS", 63)
    path = save(tmp_path / "big.png", ramp(8, 8))
    with pytest.raises(DataError, match=r"big\.png: 8 x 8 pixels are more than 63"):
        read_picture(path, 8, 3)


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(DataError, match="holds no images"):
        ImageFolder(tmp_path).load()
    with pytest.raises(FileNotFoundError, match="none"):
        ImageFolder(tmp_path / "none").load()
    with pytest.raises(NotADirectoryError, match=r"x\.png is a file"):
        ImageFolder(save(tmp_path / "x.png", ramp(4, 4))).load()
    with pytest.raises(FileNotFoundError):
        read_picture(tmp_path / "missing.png", 8, 3)


def test_wrong_arguments_are_named(tmp_path):
    with pytest.raises(ValueError, match="size must be at least 1, got 0"):
        ImageFolder(tmp_path, size=0)
    with pytest.raises(ValueError, match="channels must be 1 or 3, got 4"):
        ImageFolder(tmp_path, channels=4)
    with pytest.raises(ValueError, match="did you mean 'skip'"):
        ImageFolder(tmp_path, on_error="skp")


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "I;16", "F"])
def test_a_large_image_is_worked_on_in_strips_and_comes_out_the_same(tmp_path, monkeypatch, mode):
    values = np.random.default_rng(0).integers(0, 256, (50, 40, 4), np.uint8)
    if mode == "I;16":
        path = save(tmp_path / "x.png", values[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        path = save(tmp_path / "x.tiff", values[..., 0].astype(np.float32) / 255)
    elif mode == "P":
        image = Image.fromarray(values[..., :3]).convert("P")
        image.save(tmp_path / "x.png", transparency=3)
        path = tmp_path / "x.png"
    else:
        path = save(tmp_path / "x.png", values, None if mode == "RGBA" else mode)
    whole = read_picture(path, 16, 3)
    for part in (module, depth):
        monkeypatch.setattr(part, "_ROWS", 7)
    assert torch.equal(read_picture(path, 16, 3), whole)


def test_a_jpeg_beyond_the_limit_is_unpacked_smaller(tmp_path, monkeypatch):
    path = save(tmp_path / "x.jpg", ramp(64, 64), quality=95)
    whole = read_picture(path, 4, 3)
    monkeypatch.setattr(module, "MAX_PIXELS", 1000)
    near = read_picture(path, 4, 3)
    assert (near.int() - whole.int()).abs().max() <= 6
    with pytest.raises(DataError, match="64 x 64 pixels are more than 1,000"):
        read_picture(path, 32, 3)  # an image of 64 x 64 is needed for that
    monkeypatch.setattr(module, "MAX_OF_JPEG", 4000)
    with pytest.raises(DataError, match="64 x 64 pixels are more than 1,000"):
        read_picture(path, 4, 3)


def test_what_is_no_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")  # opening it would wait for ever
    with pytest.raises(FileNotFoundError, match=r"not an ordinary file.*pipe\.png"):
        read_picture(tmp_path / "pipe.png", 8, 3)


@pytest.mark.parametrize("error", [MemoryError, OverflowError, KeyError, RecursionError, TypeError, ZeroDivisionError])
def test_whatever_a_reader_raises_is_named(tmp_path, monkeypatch, error):
    def fail(*args, **options):
        raise error

    path = save(tmp_path / "x.png", ramp(8, 8))
    monkeypatch.setattr(Image.Image, "convert", fail)
    with pytest.raises(DataError, match=r"x\.png: the image is damaged \(.+\)"):
        read_picture(path, 8, 1)
