import torch

import diffusion_edu as de


def test_the_photograph_is_grey_and_uses_most_of_the_scale():
    picture = de.data.photo()
    assert picture.shape == (1, 1, 128, 128)
    assert picture.dtype == torch.uint8
    assert picture.min() < 20 < 160 < picture.max()
    assert len(picture.unique()) > 100


def test_each_call_gives_a_picture_of_its_own():
    de.data.photo().zero_()
    assert de.data.photo().any()
