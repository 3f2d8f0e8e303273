"""Chapter 11: its listings, its exercises' checks and solutions, with the cells of the notebook itself."""

import math
from itertools import pairwise

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.nn import CrossAttention

from .cells import run_cells

CHAPTER = "11_text_to_image"
NAMES = {"de": de, "math": math, "nn": nn, "pairwise": pairwise, "torch": torch}


def cells(*ids, **names):
    return run_cells(CHAPTER, *ids, **{**NAMES, **names})


def said(lengths, width=6):
    g = torch.Generator().manual_seed(0)
    most = max(lengths)
    mask = torch.arange(most) < torch.tensor(lengths)[:, None]
    return de.Cond(
        vec=torch.randn(len(lengths), 4, generator=g),
        tokens=torch.randn(len(lengths), most, width, generator=g),
        mask=mask,
    )


def test_the_listing_of_cross_attention_is_the_package():
    """A cell compares them; here with other sizes, with an empty text, and with a mask that it must not ignore."""
    read_words = cells("listing-cross")["read_words"]
    torch.manual_seed(3)
    layer, x, cond = CrossAttention(12, 6), torch.randn(3, 12, 3, 5), said([4, 1, 0])
    nn.init.normal_(layer.out.weight)
    with torch.no_grad():
        whole = layer(x, cond.tokens, cond.mask)
        for i in range(3):
            assert torch.allclose(read_words(layer, x[i], cond.tokens[i], cond.mask[i]), whole[i], atol=1e-5)
        everything = torch.ones_like(cond.mask[2])
        assert not torch.allclose(read_words(layer, x[2], cond.tokens[2], everything), whole[2], atol=1e-3)


@pytest.fixture(scope="module")
def dropping():
    return cells("listing-drop", "buggy-told", "check-told", "solution-bug-told")


def test_the_published_mistakes_of_condition_dropout_are_rejected_together_and_one_by_one(dropping):
    faults = dropping["told_faults"]
    assert faults(dropping["told"]) == faults(dropping["fixed_told"]) == []
    assert len(faults(dropping["buggy_told"])) == 3

    def swapped(cond, p, uniform):
        return cond.where(uniform < p, cond.nothing())

    def unused(cond, p, uniform):
        kept = dropping["told"](cond, p, uniform)
        return de.Cond(vec=kept.vec, tokens=cond.tokens, mask=cond.mask)

    def two_draws(cond, p, uniform):
        words, vector = (dropping["told"](cond, p, u) for u in (uniform, uniform.flip(0)))
        return de.Cond(vec=vector.vec, tokens=words.tokens, mask=words.mask)

    def whole_batch(cond, p, uniform):
        return dropping["told"](cond, p, uniform[:1].expand(len(uniform)))

    probability = ["the vector is dropped with another probability", "the words are dropped with another probability"]
    assert faults(swapped) == faults(whole_batch) == probability
    assert faults(unused) == [probability[1], "a sample keeps one of the two"]
    assert faults(two_draws) == ["a sample keeps one of the two"]


@pytest.fixture(scope="module")
def guiding():
    return cells("listing-guided", "buggy-guided", "check-guided", "solution-bug-guided")


def test_the_published_mistakes_of_guidance_are_rejected_together_and_one_by_one(guiding):
    faults = guiding["guided_faults"]
    assert faults(guiding["guided"]) == faults(guiding["fixed_guided"]) == []
    assert (
        faults(lambda network, x_t, t, cond, w: de.Guided(Batched(network), w)(x_t, torch.ones(2).long(), cond)) == []
    )
    assert len(faults(guiding["buggy_guided"])) == 3

    def off_below_one(network, x_t, t, cond, w):
        return guiding["guided"](network, x_t, t, cond, max(w, 1))

    def papers_scale(network, x_t, t, cond, w):
        return guiding["guided"](network, x_t, t, cond, 1 + w)

    def padded(network, x_t, t, cond, w):
        return guiding["guided"](network, x_t, t, de.Cond(vec=cond.vec, tokens=cond.tokens), w)

    zero, equation = "0 is not the prediction without the text", "it is not the equation at every scale"
    assert faults(off_below_one) == [zero, equation]
    assert faults(papers_scale) == [zero, "1 is not the prediction with the text", equation]
    assert faults(padded) == ["more padding changes the answer"]


class Batched(nn.Module):
    def __init__(self, network):
        super().__init__()
        self.ask = network

    def forward(self, x_t, t, cond=None):
        return self.ask(x_t, t, cond)


@pytest.fixture(scope="module")
def plane():
    return cells("toy")


def test_the_exact_network_knows_its_classes(plane):
    """Told a class it is that class's oracle, told nothing the whole mixture's; and guided it is the formula."""
    network, x = plane["Exact"](), torch.randn(5, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    t = torch.full((5,), 300)
    for k, oracle in enumerate(plane["classes"]):
        told = de.Cond(vec=torch.eye(3, dtype=torch.float64)[[k]].expand(5, 3))
        assert torch.allclose(network(x, t, told), oracle(x, 300).eps)
        assert torch.allclose(network(x, t, told.nothing()), plane["everything"](x, 300).eps)


def test_negative_classes_of_equal_spread_move_by_the_formula(plane):
    """For other scales and classes than the chapter prints; the spread stays."""
    names = cells("toy", "trade-table")
    for w, k in ((3, 1), (1.5, 2)):
        cloud, centers = names["sample_class"](w, negative=k, n=500), names["centers"]
        wanted = centers[0] + (w - 1) * (centers[0] - centers[k])
        assert (cloud.mean(0) - wanted).abs().max() < 0.05
        plain = names["sample_class"](1, n=500)
        assert cloud.var(0).mean().item() == pytest.approx(plain.var(0).mean().item(), rel=1e-3)


def test_the_solutions_formula_of_two_gaussians_holds_elsewhere():
    formula = cells("solution-two")["guided_gaussian"]
    x = torch.linspace(-12, 12, 50_001, dtype=torch.float64)
    for w, m, s2, S2 in ((2, 0.5, 0.3, 1.5), (0.5, -1.0, 0.5, 2.0)):
        density = (-(1 - w) * x**2 / (2 * S2) - w * (x - m) ** 2 / (2 * s2)).softmax(0)
        mean = (density * x).sum()
        variance = (density * (x - mean) ** 2).sum()
        assert formula(w, m, s2, S2) == pytest.approx((variance.item(), mean.item()), abs=1e-4)
    assert formula(1e6)[1] == pytest.approx(2, abs=1e-4)
