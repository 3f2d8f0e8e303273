"""Nothing of the reader's images is lost or changed without a word: endings, links, locked folders, runs, deep files.

Each test stands for a public report of the opposite.
"""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, features

from diffusion_edu import files
from diffusion_edu._errors import DataError
from diffusion_edu.data import ImageFolder, found
from diffusion_edu.data.folder import read_picture
from diffusion_edu.train.checkpoint import CHECKPOINT


def save(path, level=100, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(path, **options)
    return path


def names(folder, **options):
    root = folder if isinstance(folder, Path) else Path(folder)
    return [file.relative_to(root).as_posix() for file in ImageFolder(folder, **options).files()]


# ---- which files -----------------------------------------------------------------------------------------


def test_every_ending_that_pillow_opens_is_an_image_and_the_rest_is_counted_aloud(tmp_path):
    kinds = {"jpg": "JPEG", "jfif": "JPEG", "jpe": "JPEG", "tga": "TGA", "apng": "PNG", "tif": "TIFF", "PNG": "PNG"}
    if features.check("jpg_2000"):
        kinds["jp2"] = "JPEG2000"
    if "avif" in features.modules and features.check("avif"):  # Pillow before 11.3 knows none
        kinds["avif"] = "AVIF"
    for ending, name in kinds.items():
        save(tmp_path / f"x.{ending}", format=name)
    for other in ("a.heic", "b.heic", "notes", "figure.eps"):
        (tmp_path / other).write_text("no image")
    (tmp_path / ".hidden.png").write_text("does not count")
    data = ImageFolder(tmp_path, size=8).load()
    count = len(kinds)
    assert len(data.pixels) == count
    assert str(data.reading) == (
        f"read {count} images of {count + 4} files; left out 4 (2 .heic, 1 .eps, 1 without an ending); 8 x 8 -> 8 x 8"
    )


def test_a_format_that_other_programs_would_open_is_not_opened_under_a_false_name(tmp_path):
    path = tmp_path / "x.png"
    Image.new("RGB", (8, 8)).save(path, format="EPS")
    with pytest.raises(DataError, match=r"x\.png: cannot identify image file"):
        read_picture(path, 8, 3)


def test_the_line_names_the_smallest_and_the_largest_size(tmp_path):
    for side in (40, 12, 90):
        Image.new("L", (side, side + 1)).save(tmp_path / f"{side}.png")
    reading = ImageFolder(tmp_path, size=16).load().reading
    assert reading.resize == "12 x 13 to 90 x 91 -> 16 x 16"


def test_a_line_stays_a_line_however_many_kinds_there_are(tmp_path):
    save(tmp_path / "x.png")
    for i in range(9):
        (tmp_path / f"x.kind{i}").write_text("")
    words = str(ImageFolder(tmp_path).load().reading)
    assert "left out 9 (1 .kind0" in words and ".kind4, and 4 more)" in words and "kind5" not in words


def test_links_to_folders_are_followed_and_no_folder_is_read_twice(tmp_path):
    for i in range(3):
        save(tmp_path / f"store/cats/{i}.png")
    root = tmp_path / "set"
    save(root / "one.png")
    (root / "cats").symlink_to(tmp_path / "store/cats", target_is_directory=True)
    (root / "again").symlink_to(root, target_is_directory=True)
    (root / "gone").symlink_to(tmp_path / "nothing")
    assert names(root) == ["cats/0.png", "cats/1.png", "cats/2.png", "one.png"]
    data = ImageFolder(root).load()
    assert data.classes == ("set", "cats")
    assert "not entered: again (a link to a folder that is read already)" in str(data.reading)
    assert "1 no file" in str(data.reading)
    (root / "one.png").unlink()
    assert len(ImageFolder(root).load().pixels) == 3, "nothing but links"


def test_a_real_folder_has_its_own_name_even_where_a_link_comes_first(tmp_path):
    save(tmp_path / "zoo/deep/0.png")
    (tmp_path / "a").symlink_to(tmp_path / "zoo/deep", target_is_directory=True)
    assert names(tmp_path) == ["zoo/deep/0.png"]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    """As for a user without the right to read it; root may read everything."""
    save(tmp_path / "a/0.png")
    save(tmp_path / "b/0.png")
    scandir = os.scandir

    def locked(path):
        if Path(path).name == "b":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    with pytest.raises(DataError, match=r"1 of 2 images and folders cannot be read:\n.*b \(Permission denied\)"):
        ImageFolder(tmp_path).load()
    data = ImageFolder(tmp_path, on_error="skip").load()
    assert data.classes == ("a",)
    assert "b (Permission denied): the folder cannot be read" in data.skipped[0]
    assert "not entered: b (Permission denied)" in str(data.reading)
    with pytest.raises(DataError, match="Permission denied"):
        ImageFolder(tmp_path / "b").load()


def test_an_image_that_may_not_be_read_is_not_called_damaged(tmp_path, monkeypatch):
    path = save(tmp_path / "x.png")

    def denied(*arguments, **options):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Image, "open", denied)
    with pytest.raises(DataError, match=r"x\.png: Permission denied$"):
        read_picture(path, 8, 3)


# ---- the folders of runs ---------------------------------------------------------------------------------


@pytest.fixture
def with_run(tmp_path):
    save(tmp_path / "0.png")
    save(tmp_path / "runs/folder/samples/0000001.png")
    files.write(tmp_path / "runs/folder" / CHECKPOINT, {"w": torch.zeros(1)}, {"step": 1})
    return tmp_path


def test_runs_below_the_folder_are_no_data(with_run):
    assert found.RUN == CHECKPOINT
    assert names(with_run) == ["0.png"]
    assert "not entered: runs/folder (a training run)" in str(ImageFolder(with_run).load().reading)


def test_the_grids_of_a_run_whose_folder_is_the_images_own_are_no_data(with_run):
    (with_run / CHECKPOINT).write_bytes((with_run / "runs/folder" / CHECKPOINT).read_bytes())
    save(with_run / "samples/0000500.png")
    save(with_run / "deep/samples/0.png")
    assert names(with_run) == ["0.png", "deep/samples/0.png"], "a folder of one's own may be called samples"


def test_the_run_that_reads_leaves_its_own_folder_out_before_it_has_a_checkpoint(tmp_path):
    save(tmp_path / "0.png")
    save(tmp_path / "mine/samples/1.png")
    assert names(tmp_path) == ["0.png", "mine/samples/1.png"]
    assert names(tmp_path, leave_out=(tmp_path / "mine",)) == ["0.png"]
    save(tmp_path / "samples/1.png")
    assert names(tmp_path, leave_out=(tmp_path,)) == ["0.png", "mine/samples/1.png"]
    assert names(tmp_path / "mine", leave_out=(tmp_path,)) == ["samples/1.png"], "a run around the data hides nothing"


def test_images_in_the_folder_that_was_named_are_read_whatever_lies_above(with_run):
    assert names(with_run / "runs/folder/samples") == ["0000001.png"]


# ---- 16 and 32 bits --------------------------------------------------------------------------------------

RAMP = np.tile(np.linspace(0, 1, 32), (32, 1))


def deep(folder, white=None, **arrays):
    folder.mkdir(exist_ok=True)
    for name, array in arrays.items():
        Image.fromarray(array).save(folder / f"{name}.tif")
    data = ImageFolder(folder, channels=1, white=white).load()
    return [p[0, 16, ::10].tolist() for p in data.pixels], data.reading


def test_white_is_the_largest_number_of_the_type(tmp_path):
    rows, reading = deep(
        tmp_path,
        a=(RAMP * (2**16 - 1)).astype(np.uint16),
        b=(RAMP * (2**31 - 1)).astype(np.int32),
        c=RAMP.astype(np.float32),
    )
    assert rows == [[0, 82, 165, 247]] * 3
    assert reading.clipped == ()


def test_one_pixel_changes_no_other(tmp_path):
    low = (RAMP * 200).astype(np.int32)
    high = low.copy()
    high[0, 0] = 300
    rows, reading = deep(tmp_path, low=low, high=high)
    assert rows[0] == rows[1]
    assert len(reading.clipped) == 2 and "all black, as white is 2147483647" in str(reading)
    rows, reading = deep(tmp_path, 255, low=low, high=high)
    assert rows[0] == rows[1] == [0, 64, 129, 193]
    assert str(reading).count("1 of 1,024 values outside 0..255 clipped") == 1


def test_what_is_clipped_is_said(tmp_path):
    rows, reading = deep(tmp_path, signed=(2 * RAMP - 1).astype(np.float32), large=(RAMP * 65535).astype(np.float32))
    assert rows == [[0, 255, 255, 255], [0, 0, 74, 239]]
    assert "2 beyond black or white: large.tif: 992 of 1,024 values outside 0..1 clipped, signed.tif: 512 of" in str(
        reading
    )
    assert deep(tmp_path / "wide", 65535, large=(RAMP * 65535).astype(np.float32))[0] == [[0, 82, 165, 247]]


def test_unsigned_integers_of_32_bits_and_signed_ones_of_16_have_their_own_white(tmp_path):
    """Pillow hands both out as signed integers of 32 bits; the TIFF's tags say what they are."""
    for name, kind, bits, sample in (("u32", "<u4", 32, 1), ("s16", "<i2", 16, 2)):
        top = np.iinfo(kind).max
        tiff(tmp_path / f"{name}.tif", (RAMP * top).astype(kind), bits, sample)
    pixels = ImageFolder(tmp_path, channels=1).load().pixels
    assert [p[0, 16, ::10].tolist() for p in pixels] == [[0, 82, 165, 247]] * 2


def tiff(path, array, bits, sample):
    """The least TIFF: one strip, little-endian."""
    import struct

    body = array.tobytes()
    height, width = array.shape
    tags = [(256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 3, height), (279, 4, len(body)), (339, 3, sample)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    path.write_bytes(
        b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(tags)) + entries + bytes(4)
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_image(tmp_path, value):
    array = RAMP.astype(np.float32)
    array[3, :2] = value
    Image.fromarray(array).save(tmp_path / "x.tif")
    with pytest.raises(DataError, match=r"x\.tif: 2 of 1,024 values are infinite or not a number"):
        read_picture(tmp_path / "x.tif", 8, 1)


def test_a_deep_image_is_turned_as_its_camera_says(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray((RAMP * 65535).astype(np.uint16))
    image.save(tmp_path / "a.png")
    image.save(tmp_path / "b.png", exif=exif)
    plain, turned = (read_picture(tmp_path / name, 32, 1) for name in ("a.png", "b.png"))
    assert torch.equal(turned, torch.rot90(plain, -1, (1, 2)))


def test_white_must_be_a_number_above_black(tmp_path):
    for wrong in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=r"white must be a (positive|finite) number"):
            ImageFolder(tmp_path, white=wrong)


# ---- paths -----------------------------------------------------------------------------------------------


def test_a_tilde_is_the_readers_own_folder(tmp_path, monkeypatch):
    save(tmp_path / "store/0.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert len(ImageFolder("~/store").load().pixels) == 1
    assert read_picture("~/store/0.png", 8, 3).shape == (3, 8, 8)
