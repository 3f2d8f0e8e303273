"""The CLIP score against torchmetrics, fed with the same embeddings."""

import pytest
import torch
from torchmetrics.multimodal.clip_score import CLIPScore

from diffusion_edu.metrics.clip_score import clip_score


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


class Ready(torch.nn.Module):
    """A CLIP whose embeddings are given: pictures and texts are row numbers into them."""

    config = None

    def __init__(self, image, text):
        super().__init__()
        self.image, self.text = image, text

    def get_image_features(self, pixel_values):
        return self.image[pixel_values.long()]

    def get_text_features(self, input_ids, attention_mask):
        return self.text[input_ids.long()]


def rows(text=None, images=None, **options):
    """A processor for it."""
    if images is not None:
        return {"pixel_values": torch.tensor([int(i[0, 0, 0]) for i in images])}
    ids = torch.tensor([int(t) for t in text])
    return {"input_ids": ids, "attention_mask": torch.ones(len(ids), 1)}


def torchmetrics(image, text, parts):
    """Its class, in batches."""
    metric = CLIPScore(lambda: (Ready(image, text), rows))
    for part in parts:
        metric.update([torch.full((3, 1, 1), float(i)) for i in part], [str(i) for i in part])
    return metric.compute()


@pytest.mark.parametrize(("fit", "lowest"), [(1.0, 20.0), (0.1, 0.1), (-0.5, 0.0)])
def test_the_number_of_torchmetrics(fit, lowest):
    """Texts that fit, that hardly do, and that say the contrary (where both say 0)."""
    image = randn(50, 16)
    text = fit * image + randn(50, 16, seed=1)
    theirs = torchmetrics(image, text, [range(20), range(20, 50)]).item()
    assert clip_score(image, text) == pytest.approx(theirs, rel=1e-5, abs=1e-6)
    assert clip_score(image, text) >= lowest
    assert (clip_score(image, text) == 0) == (fit < 0)


def test_the_ends_of_the_scale():
    image = randn(5, 4)
    assert clip_score(image, 7 * image) == pytest.approx(100)
    assert clip_score(image, -image) == 0


def test_the_maximum_is_taken_of_the_mean():
    """One pair that fits and one that says the contrary cancel; a maximum of each pair would give 50."""
    image = torch.eye(2)
    assert clip_score(image, torch.stack([image[0], -image[1]])) == 0
    assert clip_score(image, torch.stack([image[0], -0.0 * image[1] + image[0]])) == pytest.approx(50)


@pytest.mark.parametrize(
    ("image", "text", "error", "words"),
    [
        (randn(3, 4), randn(2, 4), ValueError, ["one shape", "(3, 4)", "(2, 4)"]),
        (randn(0, 4), randn(0, 4), ValueError, ["image", "at least 1 row"]),
        (torch.zeros(2, 4), randn(2, 4), ValueError, ["image", "direction", "row 0"]),
        (randn(2, 4), torch.full((2, 4), torch.nan), ValueError, ["text", "finite"]),
        (torch.ones(2, 4).long(), randn(2, 4), TypeError, ["image", "int64"]),
    ],
)
def test_mistakes_are_named(image, text, error, words):
    with pytest.raises(error) as caught:
        clip_score(image, text)
    for word in words:
        assert word in str(caught.value)
