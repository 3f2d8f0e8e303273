"""The search for copies tells a copy from an image that is none."""

import torch
from loading import load_file

import diffusion_edu as de


def test_a_copy_lies_at_distance_zero_and_a_fresh_image_does_not():
    copies = load_file("benchmarks/copies.py")
    net = de.feature_network("fashion-classifier")
    pixels = de.data.fashion_mnist("test").pixels[:60]
    training = net(pixels[:40])
    known, fresh = copies.row(pixels[:20], training, net), copies.row(pixels[40:], training, net)
    assert known["images"] == 20 and known["median"] < 1e-5
    assert fresh["least"] > 1000 * (known["least"] + 1e-6) and fresh["median"] >= fresh["least"]
    assert torch.isfinite(torch.tensor([fresh["median"]]))
