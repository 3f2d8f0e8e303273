"""CLIP: its loss against the formula, its temperature, and that it learns to match by the package's own loop."""

import math
from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.data.augment import shifted
from diffusion_edu.nn import TextEncoderConfig
from diffusion_edu.randomness import Draw
from diffusion_edu.systems import CLIP, CLIPConfig, Contrast, clip_loss, emoji_tokenizer, retrieval
from diffusion_edu.systems.clip import FIRST_LOG_SCALE, MOST_LOG_SCALE
from diffusion_edu.train.checkpoint import CHECKPOINT

CONFIG = CLIPConfig.tiny()
RECIPE = de.Recipe(steps=6, batch_size=8, rate=3e-3, warmup=2, precision="fp32", log_every=1, checkpoint_every=3)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def draw(count, seed=0):
    return Draw(generator(seed), count)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


def clip(seed=0, **changes):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return CLIP(replace(CONFIG, **changes))


def things(count=12, phrasings=2):
    """Pictures of one colour each, and "words" that number the colour; the second phrasing has other filler."""
    colour = torch.randint(0, 256, (count, 3, 1, 1), dtype=torch.uint8, generator=generator(1))
    number = torch.arange(4, 4 + count)
    start, end, pad = torch.full((count,), 2), torch.full((count,), 3), torch.zeros(count, dtype=torch.long)
    forms = [torch.stack([start, number, end, pad], 1), torch.stack([start, number + 20, number, end], 1)]
    return {
        "pixels": colour.expand(-1, -1, 8, 8).contiguous(),
        "ids": torch.stack(forms[:phrasings], 1),
        "group": torch.arange(count),
    }


def fit(model, objective=None, recipe=RECIPE, **options):
    return de.fit(model, things(), recipe, objective or Contrast(), device="cpu", **options)


# ---- the loss --------------------------------------------------------------------------------------------


def test_the_loss_is_the_formula():
    """Written out pair by pair, in double precision; the length of the embeddings does not count."""
    image, text, scale = randn(5, 7, seed=1), randn(5, 7, seed=2), 3.0
    s = [[scale * torch.cosine_similarity(i.double(), t.double(), dim=0).item() for t in text] for i in image]
    rows = sum(math.log(sum(math.exp(s[i][j]) for j in range(5))) - s[i][i] for i in range(5)) / 5
    columns = sum(math.log(sum(math.exp(s[i][j]) for i in range(5))) - s[j][j] for j in range(5)) / 5
    for length in (1.0, 9.0):
        loss = clip_loss(length * image, text, math.log(scale))
        assert loss.item() == pytest.approx((rows + columns) / 2, rel=1e-5)


@pytest.mark.parametrize("batch", [1, 8, 64])
def test_the_loss_starts_near_the_logarithm_of_the_batch(batch):
    """Trap 28: a network that was never trained guesses among B; its cosines hardly differ."""
    data = de.data.emoji("test")
    ids, mask = emoji_tokenizer().encode(data.captions[:batch])
    torch.manual_seed(0)
    with torch.no_grad():
        loss = clip_loss(*CLIP(CLIPConfig.small())(de.data.to_x0(data.pixels[:batch]), ids, mask))
    assert loss.item() == pytest.approx(math.log(batch), abs=0.35)


def test_embeddings_that_say_nothing_cost_exactly_the_logarithm():
    assert clip_loss(torch.ones(16, 4), torch.ones(16, 4), 2.0).item() == pytest.approx(math.log(16), rel=1e-6)


def test_the_loss_treats_pictures_and_texts_alike():
    image, text = randn(6, 4, seed=1), randn(6, 4, seed=2)
    assert clip_loss(image, text, 1.0).item() == pytest.approx(clip_loss(text, image, 1.0).item(), rel=1e-6)
    perfect = clip_loss(torch.eye(6), torch.eye(6), MOST_LOG_SCALE).item()
    assert perfect < 1e-6 < clip_loss(image, text, 1.0).item()


def test_entries_of_one_group_are_no_wrong_answers():
    """Trap 28: the same caption twice in a batch: its twin is left out of the sums, and of nothing else."""
    image, text = randn(4, 6, seed=1), randn(4, 6, seed=2)
    groups = torch.tensor([7, 3, 7, 5])
    s = 3.0 * F.normalize(image, dim=1) @ F.normalize(text, dim=1).T
    kept = [[0, 1, 3], [0, 1, 2, 3], [1, 2, 3], [0, 1, 2, 3]]
    rows = sum(s[i, kept[i]].logsumexp(0) - s[i, i] for i in range(4)) / 4
    columns = sum(s[kept[j], j].logsumexp(0) - s[j, j] for j in range(4)) / 4
    loss = clip_loss(image, text, math.log(3.0), groups)
    assert loss.item() == pytest.approx(((rows + columns) / 2).item(), rel=1e-5)
    assert clip_loss(image, text, 1.0, torch.zeros(4).long()).item() == 0, "one thing alone has no wrong answer"
    assert torch.equal(clip_loss(image, text, 1.0, torch.arange(4)), clip_loss(image, text, 1.0))


def test_masked_pairs_receive_no_gradient():
    image, text = randn(2, 6, seed=1).requires_grad_(), randn(2, 6, seed=2)
    clip_loss(image, text, 1.0, torch.tensor([1, 1])).backward()
    assert not image.grad.any()


@pytest.mark.parametrize(("given", "used"), [(-3.0, 0.0), (0.0, 0.0), (2.0, 2.0), (9.0, MOST_LOG_SCALE)])
def test_the_scale_is_clamped(given, used):
    """Trap 28: to 1..100."""
    image, text = randn(4, 6, seed=1), randn(4, 6, seed=2)
    assert clip_loss(image, text, given).item() == clip_loss(image, text, used).item()


def test_the_loss_is_single_precision_under_autocast():
    image, text = randn(32, 64, seed=1), randn(32, 64, seed=2)
    with torch.autocast("cpu", torch.bfloat16):
        loss = clip_loss(image, text, MOST_LOG_SCALE)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, clip_loss(image, text, MOST_LOG_SCALE))


@pytest.mark.parametrize(
    ("image", "text", "groups", "message"),
    [
        (randn(3, 4), randn(3, 5), None, r"\(B, E\), got \(3, 4\) and \(3, 5\)"),
        (randn(4), randn(4), None, r"got \(4,\)"),
        (randn(0, 4), randn(0, 4), None, r"got \(0, 4\)"),
        (randn(3, 4), randn(3, 4), torch.arange(2), r"groups must have shape \(3,\), got \(2,\)"),
    ],
)
def test_shapes_that_do_not_fit_are_named(image, text, groups, message):
    with pytest.raises(ValueError, match=message):
        clip_loss(image, text, 1.0, groups)


# ---- the network -----------------------------------------------------------------------------------------


def test_embeddings_have_length_one_and_the_temperature_starts_at_seven_hundredths():
    model = clip()
    ids = torch.tensor([[2, 9, 3], [2, 3, 0]])
    image, text, log_scale = model(randn(2, 3, 8, 8), ids, ids != 0)
    assert image.shape == text.shape == (2, 12)
    assert torch.allclose(image.norm(dim=1), torch.ones(2))
    assert torch.allclose(text.norm(dim=1), torch.ones(2))
    assert log_scale.exp().item() == pytest.approx(1 / 0.07)
    assert log_scale.item() == pytest.approx(FIRST_LOG_SCALE)


def test_every_parameter_receives_a_gradient():
    """After a few steps, for the layers that start at zero block those before them."""
    model = clip()
    list(fit(model))
    model.train()
    batch = things()
    ids = batch["ids"][:, 1]
    clip_loss(*model(de.data.to_x0(batch["pixels"]) + 0.3 * randn(12, 3, 8, 8), ids, ids != 0)).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert silent == []


@pytest.mark.parametrize(("start", "end"), [(7.0, MOST_LOG_SCALE), (-2.0, 0.0)])
def test_a_scale_out_of_range_comes_back_and_can_learn_again(start, end):
    """Trap 28: a clamp alone would leave it there for good, without a gradient."""
    model = clip().train()
    with torch.no_grad():
        model.log_scale.fill_(start)
    ids = torch.tensor([[2, 9, 3], [2, 8, 3]])
    clip_loss(*model(randn(2, 3, 8, 8), ids, ids != 0)).backward()
    assert model.log_scale.item() == pytest.approx(end)
    assert model.log_scale.grad != 0
    model.eval()
    with torch.no_grad():
        model.log_scale.fill_(start)
        model(randn(2, 3, 8, 8), ids, ids != 0)
    assert model.log_scale.item() == start, "looking changes nothing"


def test_sizes_and_travel():
    config = CLIPConfig.small(channels=(8, 16), text=TextEncoderConfig.tiny(causal=True))
    assert CLIPConfig.from_dict(config.to_dict()) == config
    assert 2e6 < sum(p.numel() for p in CLIP(CLIPConfig.small()).parameters()) < 4e6
    assert clip().encode_image(randn(2, 3, 20, 12)).shape == (2, 12), "any size of picture"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": ()}, "channels"),
        ({"blocks": 0}, "blocks"),
        ({"embedding": 0}, "embedding"),
        ({"in_channels": 0}, "in"),
    ],
)
def test_bad_configurations_are_named(changes, words):
    with pytest.raises(ValueError, match=rf"CLIPConfig\.{words}"):
        replace(CONFIG, **changes)
    with pytest.raises(ValueError, match="no field colour"):
        CLIPConfig.from_dict({"colour": 1})


# ---- training --------------------------------------------------------------------------------------------


def test_it_learns_to_match():
    """Twelve colours and their names: after a minute's fraction each finds the other."""
    model = clip()
    recipe = replace(RECIPE, steps=150, batch_size=12, log_every=50, checkpoint_every=1000)
    losses = [step.loss for step in fit(model, recipe=recipe)]
    assert losses[-1] < losses[0] / 3
    batch = things()
    with torch.no_grad():
        image = model.encode_image(de.data.to_x0(batch["pixels"]))
        for form in range(2):
            ids = batch["ids"][:, form]
            found = retrieval(image, model.encode_text(ids, ids != 0))
            assert found.image_to_text[1] > 0.9 > 0.5 > found.image_to_text_chance[5]
            assert found.text_to_image[1] > 0.9


def test_a_resumed_run_is_the_same_run(tmp_path):
    """Trap 25: phrasings and shifts are drawn from the step's generator, and the scale is kept."""
    objective = Contrast(shift=1)
    list(fit(clip(), objective, directory=tmp_path / "whole"))
    for step in fit(clip(), objective, directory=tmp_path / "cut"):
        if step.step == 4:
            break
    list(fit(clip(3), objective, directory=tmp_path / "cut"))
    (a, meta), (b, other) = (files.read(tmp_path / name / CHECKPOINT) for name in ("whole", "cut"))
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
    assert meta == other
    assert meta["objective"] == {"class": "Contrast", "shift": 1}
    assert CLIPConfig.from_dict(meta["model"]["config"]) == CONFIG


def test_all_phrasings_are_used_and_shifts_move_the_pictures():
    seen = []

    class Watch(torch.nn.Module):
        def forward(self, x0, ids, mask):
            assert torch.equal(mask, ids != 0)
            seen.append((x0, ids))
            return randn(len(ids), 4), randn(len(ids), 4, seed=1), torch.tensor(1.0)

    batch = {**things(), "pixels": de.data.to_x0(things()["pixels"])}
    for seed in range(20):
        Contrast(shift=2)(Watch(), batch, draw(12, seed))
    ids = torch.cat([ids for _, ids in seen])
    assert abs((ids[:, 3] == 0).float().mean() - 0.5) < 5 * (0.25 / 240) ** 0.5
    assert any((x0 == 1).all(1).any() for x0, _ in seen)
    Contrast()(Watch(), {**batch, "ids": batch["ids"][:, 0]}, draw(12))
    assert torch.equal(seen[-1][0], batch["pixels"])
    assert torch.equal(seen[-1][1], batch["ids"][:, 0])


def test_shifted_pictures_are_the_padded_one_cut_elsewhere():
    x0 = randn(300, 2, 5, 4)
    moved = shifted(x0, 2, draw(300))
    padded, offsets = F.pad(x0, (2, 2, 2, 2), value=1.0), set()
    for before, after in zip(padded, moved):
        cuts = [(y, x) for y in range(5) for x in range(5) if torch.equal(before[:, y : y + 5, x : x + 4], after)]
        assert len(cuts) == 1
        offsets.add(cuts[0])
    assert len(offsets) == 25
    assert torch.equal(shifted(x0, 0, draw(300)), x0)
    with pytest.raises(ValueError, match=r"Contrast\.shift must be at least 0, got -1"):
        Contrast(shift=-1)
