import errno
import os

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from diffusion_edu.data import grid, save_grid, to_image, to_pixels, to_x0

ALL = torch.arange(256).to(torch.uint8)


def test_every_pixel_survives_the_way_to_x0_and_back():
    assert torch.equal(to_pixels(to_x0(ALL)), ALL)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_are_off_by_less_than_their_own_rounding(dtype):
    back = to_pixels(to_x0(ALL).to(dtype)).int()
    assert (back - ALL.int()).abs().max() <= (1 if dtype == torch.bfloat16 else 0)


def test_black_is_minus_one_and_white_is_one():
    assert to_x0(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]


@given(st.floats(-10, 10, width=32))
def test_pixels_are_the_nearest_ones_and_values_outside_are_clamped(value):
    pixel = to_pixels(torch.tensor([value])).item()
    exact = (min(max(value, -1), 1) + 1) / 2 * 255
    assert abs(pixel - exact) <= 0.5 + 1e-4


def test_the_range_is_not_stretched_to_one_picture():
    dim = torch.linspace(-0.9, -0.7, 64).reshape(1, 1, 8, 8)
    assert to_pixels(dim).max() < 40


def test_wrong_types_and_nan_are_refused():
    with pytest.raises(TypeError, match=r"uint8 of any shape, got a float32"):
        to_x0(torch.zeros(2))
    with pytest.raises(TypeError, match=r"floating point.*uint8"):
        to_pixels(ALL)
    with pytest.raises(ValueError, match="NaN"):
        to_pixels(torch.tensor([0.0, float("nan")]))


@pytest.mark.parametrize("columns", [1, 3, 4, 9])
def test_grid_puts_every_picture_in_its_place_and_nothing_else(columns):
    x = torch.randint(0, 255, (7, 3, 5, 4), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    sheet = grid(x, columns, padding=2)
    used = min(columns, 7)
    rows = -(-7 // used)
    assert sheet.shape == (3, rows * 7 - 2, used * 6 - 2)
    rest = torch.ones_like(sheet, dtype=torch.bool)
    for i in range(7):
        top, left = i // used * 7, i % used * 6
        assert torch.equal(sheet[:, top : top + 5, left : left + 4], x[i])
        rest[:, top : top + 5, left : left + 4] = False
    assert (sheet[rest] == 255).all()


def test_grid_takes_floats_and_is_about_square_by_itself():
    sheet = grid(torch.full((9, 1, 4, 4), -1.0), padding=0)
    assert sheet.shape == (1, 12, 12)
    assert (sheet == 0).all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((torch.zeros(1, 4, 4),), "x must be a batch"),
        ((torch.zeros(0, 1, 4, 4),), "x must be a batch"),
        ((torch.zeros(1, 1, 4, 4), 0), "columns must be at least 1, got 0"),
        ((torch.zeros(1, 1, 4, 4), 1, -1), "padding must be at least 0, got -1"),
    ],
)
def test_grid_names_what_is_wrong(arguments, told):
    with pytest.raises(ValueError, match=told):
        grid(*arguments)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_saved_grid_holds_the_grids_pixels(tmp_path, channels):
    x = torch.rand(5, channels, 6, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    path = save_grid(tmp_path / "new" / "grid.png", x, columns=3, scale=2)
    with Image.open(path) as image:
        assert image.mode == ("L" if channels == 1 else "RGB")
        found = torch.from_numpy(np.array(image)).reshape(*image.size[::-1], channels).permute(2, 0, 1)
    expected = grid(x, 3)
    assert torch.equal(found[:, ::2, ::2], expected)
    assert torch.equal(found[:, 1::2, 1::2], expected)


def test_save_grid_refuses_an_unknown_ending_and_scale(tmp_path):
    with pytest.raises(ValueError, match=r"ending of an image format.*samples\.xyz"):
        save_grid(tmp_path / "samples.xyz", torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="scale must be at least 1, got 0"):
        save_grid(tmp_path / "samples.png", torch.zeros(1, 1, 4, 4), scale=0)
    with pytest.raises(ValueError, match="1 or 3 channels"):
        to_image(torch.zeros(2, 4, 4))


def test_a_full_disk_leaves_no_half_picture(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "samples.png"
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"no space left to write .*samples\.png"):
        save_grid(path, torch.zeros(1, 1, 4, 4))
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    save_grid(path, torch.zeros(1, 1, 4, 4))
    before = path.read_bytes()
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"samples\.png"):
        save_grid(path, torch.ones(1, 1, 9, 9))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
