"""Chapter 12: what its cells claim holds for other inputs, and its judge tells the right from the wrong."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import viz
from diffusion_edu.nn import AutoEncoder, AutoEncoderConfig
from diffusion_edu.pretrained import card_of
from diffusion_edu.randomness import Draw, seeded
from diffusion_edu.systems import Reconstruct

from .cells import run_cells

CHAPTER = "12_latent_diffusion"


@pytest.fixture(scope="module")
def names():
    """What the first cells of the chapter define, with fewer images."""
    system, seen = de.load("emoji-latent"), de.data.emoji("train", size=64)
    part = de.data.to_x0(seen.pixels[::120])
    with torch.no_grad():
        raw = system.autoencoder.encode(part).mean
    return {
        "torch": torch,
        "F": F,
        "de": de,
        "viz": viz,
        "system": system,
        "autoencoder": system.autoencoder,
        "seen": seen,
        "part": part,
        "raw": raw,
        "card_of": card_of,
    }


@pytest.fixture(scope="module")
def judge(names):
    return run_cells(CHAPTER, "judge-latent", "buggy-latent", "sol-bug-code", **names)


def test_the_mistakes_are_rejected_together_and_one_by_one(judge):
    faults, right = judge["faults"], [judge[f"fixed_{name}"] for name in ("encode", "decode", "denoiser")]
    wrong = [judge[f"buggy_{name}"] for name in ("encode", "decode", "denoiser")]
    assert faults(*right) == []
    assert len(faults(*wrong)) == 3
    words = ["without mean 0 and standard deviation 1", "does not undo the scale", "the latent is clipped"]
    for k, said in enumerate(words):
        one = [w if i == k else r for i, (w, r) in enumerate(zip(wrong, right))]
        found = faults(*one)
        assert any(said in fault for fault in found), said
        assert len(found) == (2 if k == 0 else 1), "another scale on one way only is not undone on the other"


def test_other_ways_to_be_wrong_are_rejected(judge):
    faults, system, auto = judge["faults"], judge["system"], judge["autoencoder"]
    encode, decode, denoiser = (judge[f"fixed_{name}"] for name in ("encode", "decode", "denoiser"))
    one = 1 / auto.encode(judge["part"]).mean.std()  # a single scale for all channels, no shift

    def plain_encode(images):
        return auto.encode(images).mean * one

    def plain_decode(z0):
        return auto.decode(z0 / one).clamp(-1, 1)

    assert faults(plain_encode, plain_decode, denoiser), "a mean is left in a channel"
    assert faults(encode, lambda z0: decode(z0 - system.shift), denoiser), "the shift is not undone"

    def soft(network):
        return de.Denoiser(network, system.schedule, "v", clip="dynamic").eval()

    assert faults(encode, decode, soft) == ["the latent is clipped"]


def test_the_chapters_three_terms_are_the_packages_for_any_auto_encoder(names):
    """An untrained one, and images of the training split."""
    auto = seeded(lambda: AutoEncoder(AutoEncoderConfig(channels=(8, 12))), 1).eval()
    few = SimpleNamespace(pixels=names["seen"].pixels[:12])
    terms = run_cells(CHAPTER, "by-hand", **{**names, "autoencoder": auto, "held_out": few})["terms"]
    draw = Draw(torch.Generator().manual_seed(0), 12)
    with torch.no_grad():
        theirs = Reconstruct().terms(auto, {"pixels": de.data.to_x0(few.pixels)}, draw)
    assert terms.keys() == theirs.keys()
    for name, value in theirs.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-4), name


def test_twenty_decibels_are_a_tenth_of_the_range(names):
    x = torch.zeros(2, 3, 4, 4)
    near = {"x": x, "x_hat": x + 0.0202, "latent": SimpleNamespace(mean=x)}
    auto = SimpleNamespace(decode=lambda mean: mean + 0.02)
    psnr = run_cells(CHAPTER, "psnr", **{**names, **near, "autoencoder": auto})["psnr"]
    assert torch.allclose(psnr(x + 0.2, x), torch.full((2,), 20.0), atol=1e-3)
    assert torch.allclose(psnr(x + 0.02, x), torch.full((2,), 40.0), atol=1e-3)


def test_noise_outweighs_a_wide_channel_later(names):
    half_way = run_cells(CHAPTER, "half-way", **names)["half_way"]
    schedule = names["system"].schedule
    for s in (0.3, 1.0, 4.0):
        t = half_way(s)
        assert schedule.signal(t) * s < schedule.noise(t)
        assert schedule.signal(t - 1) * s >= schedule.noise(t - 1)
    assert half_way(0.3) < half_way(1.0) < half_way(4.0)


def test_the_decoders_training_reads_no_caption(names):
    stages = run_cells(CHAPTER, "stages", **names)["stages"]
    assert "tokens" in stages["unet"]["data"]


def test_the_preview_is_of_its_own_image(names):
    """The same least squares with the colors of other images explains next to nothing."""
    with torch.no_grad():
        latent = names["autoencoder"].encode(names["part"])
    given = {**names, "x": names["part"], "latent": latent, "few": torch.arange(4)}
    given["shrink"] = lambda images: F.avg_pool2d(images, 4)
    run = run_cells(CHAPTER, "sol-preview-code", **given)
    assert run["explained"] > 0.7
    with pytest.raises(AssertionError):
        run_cells(CHAPTER, "sol-preview-code", **{**given, "part": names["part"].roll(7, 0)})


def test_the_solution_counts_as_the_package_does(names):
    count = run_cells(CHAPTER, "sol-count-code", **names)["count"]
    c, h, w = names["system"].drawn_shape
    assert count(64, names["autoencoder"].config.factor, c) == (c * h * w, (h * w) ** 2)
