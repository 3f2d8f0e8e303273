"""The small classifier: what it computes, that it learns, what its objective and report say, its way to a file."""

from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.pretrained import load_as
from diffusion_edu.randomness import Draw
from diffusion_edu.runs import fashion_classifier as classifier
from diffusion_edu.systems import CLIP, Classifier, ClassifierConfig, Classify
from diffusion_edu.train.checkpoint import CHECKPOINT

TINY = ClassifierConfig(channels=(4, 8), classes=3)


def toy(n=60):
    """Pictures whose class is told by where they are bright."""
    label = torch.arange(n) % 3
    pixels = torch.zeros(n, 1, 16, 16, dtype=torch.uint8)
    for i, k in enumerate(label.tolist()):
        pixels[i, 0, 5 * k : 5 * k + 5] = 255
    return {"pixels": pixels, "label": label}


def test_answers_are_a_linear_map_of_the_features():
    model = classifier.new_classifier(0, TINY).eval()
    x0 = torch.randn(5, 1, 16, 16)
    assert model.features(x0).shape == (5, 8)
    assert torch.allclose(model(x0), model.features(x0) @ model.out.weight.T + model.out.bias, atol=1e-6)


def test_the_objective_is_the_cross_entropy():
    model = classifier.new_classifier(0, TINY)
    batch = {"pixels": torch.randn(6, 1, 16, 16), "label": torch.tensor([0, 1, 2, 0, 1, 2])}
    logits = model(batch["pixels"])
    expected = -(logits.softmax(1)[torch.arange(6), batch["label"]]).log().mean()
    assert torch.allclose(Classify()(model, batch, Draw(torch.Generator(), 6)), expected, atol=1e-6)


def test_shifts_bring_black_in():
    seen = []

    def model(x0):
        seen.append(x0)
        return torch.zeros(len(x0), 3)

    batch = {"pixels": torch.ones(50, 1, 8, 8), "label": torch.zeros(50, dtype=torch.long)}
    Classify(shift=2)(model, batch, Draw(torch.Generator().manual_seed(0), 50))
    assert set(seen[0].unique().tolist()) == {-1.0, 1.0}
    assert seen[0][:, :, 2:-2, 2:-2].eq(1).all()


def test_it_learns_and_comes_back_from_its_files(tmp_path):
    model = classifier.new_classifier(0, TINY)
    recipe = de.Recipe(steps=60, batch_size=30, rate=1e-2, warmup=0, ema_decay=0.5, precision="fp32", log_every=20)
    options = {"directory": tmp_path, "device": "cpu"}
    losses = [step.loss for step in de.fit(model, toy(), recipe, Classify(), **options)]
    assert losses[-1] < 0.3 * losses[0]
    again = de.load(tmp_path / CHECKPOINT)
    assert isinstance(again, Classifier) and not again.training
    data = toy()
    assert (again(de.data.to_x0(data["pixels"])).argmax(1) == data["label"]).float().mean() > 0.9
    with pytest.raises(ValueError, match="name must be that of a CLIP, and it is a Classifier"):
        load_as(tmp_path / CHECKPOINT, CLIP)


def test_the_report_counts_what_is_right(monkeypatch):
    data = de.data.fashion_mnist("test")
    few = data._replace(pixels=data.pixels[:1000], labels=data.labels[:1000])
    monkeypatch.setattr(classifier, "fashion_mnist", lambda split: few)

    class Knows(torch.nn.Module):
        """Right about everything but the bags."""

        def __init__(self):
            super().__init__()
            self.one = torch.nn.Parameter(torch.zeros(1))
            self.at = 0

        def forward(self, x0):
            truth = few.labels[self.at : self.at + len(x0)].clone()
            self.at += len(x0)
            truth[truth == 8] = 0
            return torch.nn.functional.one_hot(truth, 10).float()

    found = classifier.report(Knows())
    share = (few.labels != 8).float().mean().item()
    assert found["accuracy"] == pytest.approx(share)
    assert found["worst_class"] == {"name": "Bag", "accuracy": 0.0}


@pytest.mark.parametrize(
    ("field", "value"), [("in_channels", 0), ("channels", ()), ("channels", (4, 0)), ("blocks", 0), ("classes", 1)]
)
def test_bad_shapes_are_named(field, value):
    with pytest.raises(ValueError, match=f"ClassifierConfig.{field} must be"):
        replace(TINY, **{field: value})


def test_a_negative_shift_is_refused():
    with pytest.raises(ValueError, match=r"Classify\.shift must be at least 0, got -1"):
        Classify(shift=-1)


def test_the_shipped_one_does_what_its_card_says():
    card = de.pretrained.card_of("fashion-classifier")
    assert card["measured"]["accuracy"] > 0.9
    found = classifier.report(de.load("fashion-classifier"))
    assert found["accuracy"] == pytest.approx(card["measured"]["accuracy"], abs=1e-3)
