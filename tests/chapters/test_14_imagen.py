"""Chapter 14: its claims hold for other networks and inputs, and its judge tells the right from the wrong."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu.data import to_x0
from diffusion_edu.data.emoji import halved
from diffusion_edu.randomness import SeededNoise, derive_seed
from diffusion_edu.systems.upscaling import augmented

from .cells import run_cells

CHAPTER = "14_imagen"


@pytest.fixture(scope="module")
def names():
    """What the first cells of the chapter define."""
    system, held_out = de.load("emoji-imagen"), de.data.emoji("test", size=64)
    held_out = held_out._replace(pixels=held_out.pixels[:16], captions=held_out.captions[:16])
    return {
        "torch": torch,
        "F": F,
        "de": de,
        "replace": replace,
        "derive_seed": derive_seed,
        "SeededNoise": SeededNoise,
        "to_x0": to_x0,
        "halved": halved,
        "system": system,
        "schedule": system.schedule,
        "sizes": system.config.sizes,
        "held_out": held_out,
    }


@pytest.fixture(scope="module")
def judge(names):
    return run_cells(CHAPTER, "judge-cascade", "buggy-cascade", "sol-bug-code", **names)


def test_the_mistakes_are_rejected_together_and_one_by_one(judge):
    parts = ("example", "given", "threshold")
    faults, right = judge["faults"], [judge[f"fixed_{name}"] for name in parts]
    wrong = [judge[f"buggy_{name}"] for name in parts]
    assert faults(*right) == []
    assert len(faults(*wrong)) == 4
    words = [["not the share", "not given the level"], ["another range"], ["the threshold changes"]]
    for k, said in enumerate(words):
        found = faults(*(w if i == k else r for i, (w, r) in enumerate(zip(wrong, right))))
        assert len(found) == len(said) and all(word in fault for word, fault in zip(said, found))


def test_other_ways_to_be_wrong_are_rejected(judge):
    faults, example, given, threshold = (
        judge[name] for name in ("faults", "fixed_example", "fixed_given", "fixed_threshold")
    )
    schedule = judge["schedule"]

    def swapped(pixels, s, eps):
        alpha_bar = schedule.alpha_bar[s].reshape(-1, 1, 1, 1)
        noised = (1 - alpha_bar).sqrt() * to_x0(pixels) + alpha_bar.sqrt() * eps
        return F.interpolate(noised, size=(64, 64), mode="bilinear"), s

    def off_by_one(pixels, s, eps):
        return example(pixels, s, eps)[0], s + 1

    def large(pixels, s, eps):
        """Noise at the large size: a neighborhood averages it away."""
        alpha_bar = schedule.alpha_bar[s].reshape(-1, 1, 1, 1)
        up = F.interpolate(to_x0(pixels), size=(64, 64), mode="bilinear")
        noise = eps.repeat_interleave(2, 2).repeat_interleave(2, 3)
        return alpha_bar.sqrt() * up + (1 - alpha_bar).sqrt() * noise, s

    for wrong in (swapped, large):
        assert any("not the share" in fault for fault in faults(wrong, given, threshold))
    assert faults(off_by_one, given, threshold) == ["the network is not given the level of the noise"]
    assert faults(example, given, lambda x0: x0.clamp(-3, 3)), "a threshold that leaves values outside"
    assert not faults(example, given, lambda x0: x0.clamp(-1, 1)), "the static clip is one, too"
    package = de.NoiseSchedule.from_dict(judge["system"].config.schedule)

    def by_package(pixels, s, eps):
        told = augmented(to_x0(pixels), s, eps, package, 64)
        return told.concat, told.level

    assert not faults(by_package, given, de.dynamic_threshold)


@pytest.mark.parametrize("size", [4, 32])
def test_the_noised_image_by_hand_is_the_package_for_any_level(names, size):
    by_hand = run_cells(CHAPTER, "by-hand", **names)["told_by_hand"]
    g = torch.Generator().manual_seed(size)
    z, eps = torch.randn(3, 3, size, size, generator=g), torch.randn(3, 3, size, size, generator=g)
    for s in (0, 1, 299):
        image, level = by_hand(z, s, eps, 2 * size)
        wanted = augmented(z, torch.full((3,), s), eps, names["schedule"], 2 * size)
        assert torch.allclose(image, wanted.concat, atol=1e-5) and torch.equal(level, wanted.level)


def test_the_cascade_by_hand_is_the_package_for_another_prompt(names):
    by_hand = run_cells(CHAPTER, "by-hand", "cascade-by-hand", **names)
    wanted = names["system"].generate("a red apple, noto style", 1, guidance=2.0, level=50, steps=20, seed=0)
    assert torch.allclose(by_hand["image"], wanted, atol=1e-3)


def test_no_caption_holds_the_four_words():
    captions = " ".join(de.data.emoji("train").captions + de.data.emoji("test").captions)
    assert not any(word in captions for word in ("kitten", "puppy", "spacecraft", "cottage"))


def test_the_psnr_is_that_of_a_known_error():
    psnr = run_cells(CHAPTER, "sol-psnr", torch=torch)["psnr"]
    truth = torch.zeros(2, 3, 4, 4)
    assert psnr(truth + 0.2, truth) == pytest.approx(20.0, abs=1e-4)
    assert psnr(truth + 0.02, truth) == pytest.approx(40.0, abs=1e-3)
