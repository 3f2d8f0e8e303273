import math
import random
import re

import nbformat
import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu.metrics import clip_score
from diffusion_edu.systems import clip_loss, zero_shot
from diffusion_edu.systems.clip import MOST_LOG_SCALE
from diffusion_edu.systems.text import encode_texts

from .cells import NOTEBOOKS, run_cells


@pytest.fixture(scope="module")
def names():
    """What the first cells of the chapter define."""
    held_out, clip = de.data.emoji("test"), de.load("emoji-clip")
    return {
        "math": math,
        "random": random,
        "re": re,
        "torch": torch,
        "F": F,
        "de": de,
        "held_out": held_out,
        "clip": clip,
        "clip_loss": clip_loss,
        "zero_shot": zero_shot,
        "clip_score": clip_score,
        "encode_texts": encode_texts,
        "image": clip.encode_image(de.data.to_x0(held_out.pixels[:8])),
        "text": encode_texts(clip, held_out.captions[:8]),
    }


@pytest.fixture(scope="module")
def chapter(names):
    ids = ("by-hand", "buggy-contrastive", "check-contrastive", "solution-bug-contrastive")
    return run_cells("10_clip", *ids, **names)


def loss_with(normal=True, scale=math.exp, limit=MOST_LOG_SCALE, columns=True, mask="others"):
    """A contrastive loss put together from parts, right by default."""

    def loss(image, text, log_scale, groups):
        if normal:
            image, text = F.normalize(image, dim=1), F.normalize(text, dim=1)
        s = scale(min(max(log_scale, 0), limit)) * image @ text.T
        same = groups[:, None] == groups[None]
        if mask == "others":
            s = s.masked_fill(same & ~torch.eye(len(s), dtype=torch.bool), -torch.inf)
        elif mask == "zero":  # a rival with the cosine 0 is a rival still
            s = s.masked_fill(same & ~torch.eye(len(s), dtype=torch.bool), 0.0)
        right = torch.arange(len(s))
        rows = F.cross_entropy(s, right)
        return (rows + F.cross_entropy(s.T, right)) / 2 if columns else rows

    return loss


def test_the_chapters_check_accepts_the_package_and_the_fixed_loss(chapter):
    faults = chapter["faults"]
    assert faults(clip_loss) == []
    assert faults(chapter["fixed_loss"]) == []
    assert faults(loss_with()) == []


def test_the_published_mistakes_are_rejected_together_and_one_by_one(chapter):
    faults = chapter["faults"]
    assert len(faults(chapter["buggy_loss"])) == 5
    assert faults(loss_with(normal=False)) == ["longer embeddings change it"]
    assert "it is not the equation, with e to the log-scale" in faults(loss_with(scale=lambda x: x))
    assert faults(loss_with(limit=math.inf)) == ["the scale is not limited"]
    assert "images and texts are not treated alike" in faults(loss_with(columns=False))
    assert faults(loss_with(mask="none")) == ["duplicates are rivals"]


def test_other_ways_to_be_wrong_are_rejected(chapter):
    faults = chapter["faults"]
    assert faults(loss_with(mask="zero")) == ["duplicates are rivals"]
    assert faults(lambda *given: 2 * clip_loss(*given)), "the sum of both directions"
    assert faults(lambda a, b, s, groups: clip_loss(a, b, s + 0.1, groups)), "another scale"
    assert faults(lambda a, b, s, groups: clip_loss(a, b, -s, groups)), "the temperature, not its inverse"


def test_the_spoilt_captions_are_spoilt_in_the_way_that_they_say(names):
    spoil = run_cells("10_clip", "spoil", **names)
    original = "a blue book, noto style"
    for _ in range(30):
        assert re.fullmatch(r"a (?!blue)\w+ book, noto style", spoil["other_color"](original))
        assert spoil["other_style"](original) in ("a blue book, fluent style", "a blue book, twemoji style")
        assert sorted(spoil["shuffled"](original).split()) == sorted(original.split())
    assert spoil["true"] == list(names["held_out"].captions)


def test_the_solutions_formula_is_the_loss_of_arrows_with_such_cosines(names):
    """For more batches, scales and cosines than the solution prints."""
    needed = run_cells("10_clip", "solution-scale", **names)["scale_needed"]
    for B, g, loss in ((8, 0.5, 0.1), (64, 0.9, 1.0), (200, 0.7, 0.05)):
        eye, nothing = torch.eye(B), torch.zeros(B, B)
        a = torch.cat([eye, nothing], 1)
        b = torch.cat([g * eye, math.sqrt(1 - g * g) * eye], 1)
        assert clip_loss(a, b, math.log(needed(B, g, loss))).item() == pytest.approx(loss, rel=1e-3)


def test_the_colours_of_the_solution_are_not_found_in_other_pictures(names):
    """The same code, with the captions of other pictures, is near chance and says so."""
    spoil = run_cells("10_clip", "spoil", **names)
    arrows = names["clip"].encode_image(de.data.to_x0(names["held_out"].pixels))
    found = run_cells("10_clip", "solution-colour", **{**spoil, "new": (arrows, None)})
    assert found["right"] > len(found["colored"]) / 2
    with pytest.raises(AssertionError):
        run_cells("10_clip", "solution-colour", **{**spoil, "new": (arrows.roll(101, 0), None)})


def test_the_adapter_is_shown_as_it_is_called():
    """The cell is not run, for it would download: its names are those of the package."""
    from diffusion_edu.systems import openai_clip

    cells = nbformat.read(NOTEBOOKS / "10_clip.ipynb", as_version=4).cells
    shown = next(cell.source for cell in cells if "PretrainedCLIP.load(" in cell.source)
    assert f"from {openai_clip.__name__} import PretrainedCLIP" in shown
    for name in re.findall(r"large\.(\w+)\(", shown):
        assert callable(getattr(openai_clip.PretrainedCLIP, name))
