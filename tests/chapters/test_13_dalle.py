"""Chapter 13: its claims hold for other networks and inputs, and its judge tells the right from the wrong."""

import math

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu.randomness import derive_seed, seeded
from diffusion_edu.systems import CodePrior, DiffusionPrior

from .cells import run_cells

CHAPTER = "13_dalle"


@pytest.fixture(scope="module")
def names():
    """What the first cells of the chapter define, with fewer images."""
    system, held_out = de.load("emoji-dalle"), de.data.emoji("test", size=64)
    held_out = held_out._replace(pixels=held_out.pixels[:24], captions=held_out.captions[:24])
    true, captions = system.seen(held_out.pixels), list(held_out.captions)
    text = system.embed(captions, prior="none")
    apart = F.normalize(true.mean(0) - text.mean(0), dim=0)
    return {
        "torch": torch,
        "math": math,
        "F": F,
        "de": de,
        "derive_seed": derive_seed,
        "system": system,
        "held_out": held_out,
        "captions": captions,
        "E": system.config.prior.embedding,
        "true": true,
        "text": text,
        "apart": apart,
        "middle": ((true.mean(0) + text.mean(0)) / 2) @ apart,
    }


@pytest.fixture(scope="module")
def judge(names):
    return run_cells(CHAPTER, "judge-prior", "buggy-prior", "sol-bug-code", **names)


def test_the_mistakes_are_rejected_together_and_one_by_one(judge):
    parts = ("data", "denoiser", "unsaid", "given")
    faults, right = judge["faults"], [judge[f"fixed_{name}"] for name in parts]
    wrong = [judge[f"buggy_{name}"] for name in parts]
    assert faults(*right) == []
    assert len(faults(*wrong)) == 4
    words = ["mean square is not 1", "is clipped", "is lost as well", "was not trained on"]
    for k, said in enumerate(words):
        (fault,) = faults(*(w if i == k else r for i, (w, r) in enumerate(zip(wrong, right))))
        assert said in fault


def test_other_ways_to_be_wrong_are_rejected(judge):
    faults, system = judge["faults"], judge["system"]
    data, denoiser, unsaid, given = (judge[f"fixed_{name}"] for name in ("data", "denoiser", "unsaid", "given"))

    def soft(network):
        return de.Denoiser(network, system.schedule, "x0", clip="dynamic").eval()

    assert faults(data, soft, unsaid, given) == ["the embedding is clipped"]
    assert faults(lambda images: 2 * data(images), denoiser, unsaid, given), "too long is wrong, too"
    assert not faults(data, denoiser, unsaid, lambda texts: system.embed(texts, prior="codes"))


def test_the_prior_by_hand_is_the_package_for_any_network(names):
    by_hand = run_cells(CHAPTER, "prior-listing", **names)["prior_by_hand"]
    net = seeded(lambda: DiffusionPrior(names["system"].config.prior), 3).eval()
    for t, prompt in ((1, "a cat"), (900, "a woman mountain biking, twemoji style")):
        cond, e_t = names["system"].text([prompt]), torch.randn(1, names["E"])
        with torch.no_grad():
            wanted = net(e_t, torch.tensor([t]), cond)[0]
        assert torch.allclose(by_hand(net, e_t[0], t, cond), wanted, atol=1e-4)


def test_codes_by_hand_are_the_packages_for_any_network(names):
    draw_codes = run_cells(CHAPTER, "codes-listing", **names)["draw_codes"]
    config = names["system"].config.code_prior
    net = seeded(lambda: CodePrior(config), 4).eval()
    cond = names["system"].text(["a cat"])
    u = torch.special.ndtr(de.randomness.SeededNoise([7], (config.codes,), "cpu", torch.float64).draw())[0]
    for w, tau in ((1.0, 1.0), (3.0, 0.5)):
        theirs = net.draw(cond, [7], guidance=w, temperature=tau)[0]
        assert torch.equal(draw_codes(net, cond, u, w, tau), theirs)


def test_a_query_before_the_noised_embedding_is_blind(names):
    sampled = {"prompt": "a cat", "e_t": torch.randn(1, names["E"])}
    sees = run_cells(CHAPTER, "sol-order-code", **names, **sampled)["sees"]
    net = names["system"].prior
    assert all(sees(("t", "e_t", "query"), net).values())
    assert not sees(("query", "t", "e_t"), net)["e_t"] and sees(("query", "t", "e_t"), net)["text"]


def test_the_decoders_training_reads_no_caption(names):
    from diffusion_edu.pretrained import card_of

    stages = run_cells(CHAPTER, "stages", card_of=card_of)["stages"]
    assert "tokens" in stages["prior"]["data"]


def test_my_drawing_is_an_image():
    image = run_cells(CHAPTER, "my-drawing", torch=torch)["my_drawing"](32)
    assert image.shape == (3, 32, 32) and image.min() >= -1 and image.max() <= 1
    assert (image == 1).float().mean() > 0.3, "on white"
