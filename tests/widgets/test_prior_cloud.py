"""The cloud of a prior in Python and in Node: what is drawn is the library's, and the page shows what was drawn."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from dalle_parts import TEXTS, E, randn, system
from PIL import Image

from diffusion_edu.data import to_pixels, to_x0
from diffusion_edu.widgets import PriorCloud
from diffusion_edu.widgets.prior.cloud import plane_of

FAST = {"steps": 3, "prior_steps": 3, "guidances": (1, 3), "n": 2, "seed": 5}
PRIORS = ("diffusion", "codes")
ROWS = 2 + 2 * 2 * 2  # of a caption: the true image, the text, and two seeds of each prior at each guidance


@pytest.fixture(scope="module")
def dalle():
    return system()


@pytest.fixture(scope="module")
def images():
    return to_pixels(randn(3, 3, 16, 16, seed=7).clamp(-1, 1))


@pytest.fixture(scope="module")
def training():
    return randn(50, 3, 16, 16, seed=9).clamp(-1, 1)


@pytest.fixture(scope="module")
def cloud(dalle, images, training):
    return PriorCloud(dalle, TEXTS, images, training, **FAST)


@pytest.fixture(scope="module")
def data(cloud):
    return json.loads(cloud.payload)


def facts(js, data, *asked):
    """What the page makes of its data for each state."""
    code = """const { factsOf, unpacked } = await load('prior/facts'); const d = unpacked(data.data);
    result = data.asked.map((now) => factsOf(d, now));"""
    keys = ("caption", "guidance", "point")
    return js(code, {"data": data, "asked": [dict(zip(keys, now)) for now in asked]})


def tiles_of(data):
    """(tiles, 3, side, side) of the stored images."""
    image = Image.open(io.BytesIO(base64.b64decode(data["sheet"].split(",")[1]))).convert("RGB")
    side = data["side"]
    grid = np.asarray(image).reshape(image.height // side, side, data["columns"], side, 3)
    return torch.from_numpy(grid.transpose(0, 2, 4, 1, 3).reshape(-1, 3, side, side).astype(float))


def test_the_points_are_what_the_system_makes_of_a_caption(dalle, cloud, images):
    assert cloud.embeddings.shape == (3, ROWS, E)
    assert torch.equal(cloud.embeddings[:, 0], dalle.seen(images))
    for c, text in enumerate(TEXTS):
        assert torch.equal(cloud.embeddings[c, 1], dalle.embed(text, 1, prior="none")[0])
        for g, w in enumerate(FAST["guidances"]):
            for p, prior in enumerate(PRIORS):
                own = dalle.embed(text, 2, prior=prior, seed=5, prior_guidance=w, steps=3)
                point = 2 + 2 * p
                row = cloud.row(point, f"{w}")
                assert row == 2 + 4 * g + 2 * p
                torch.testing.assert_close(cloud.embeddings[c, row : row + 2], own, rtol=0, atol=1e-4)
    by_hand = torch.nn.functional.cosine_similarity(cloud.embeddings, dalle.seen(images)[:, None], dim=2)
    torch.testing.assert_close(cloud.cosines.float(), by_hand, rtol=0, atol=1e-5)


def test_every_point_is_decoded_from_the_same_noise(dalle, cloud, images):
    assert torch.equal(cloud.images[:, 0], to_x0(images)), "the true one first"
    for c, row in ((0, 0), (1, 1), (2, 5), (2, ROWS - 1)):
        drawn = dalle.decode(cloud.embeddings[c, row][None], seed=0, steps=3)
        torch.testing.assert_close(cloud.images[c, 1 + row], drawn[0], rtol=0, atol=1e-3)


def test_the_plane_is_that_of_the_two_largest_variances(dalle, cloud, training):
    known = dalle.seen(training).double()
    values, vectors = np.linalg.eigh(np.cov(known.numpy().T))
    assert cloud.plane.shares == pytest.approx([values[-1] / values.sum(), values[-2] / values.sum()], rel=1e-3)
    for axis, vector in zip(cloud.plane.axes.numpy(), (vectors[:, -1], vectors[:, -2])):
        assert abs(axis @ vector) == pytest.approx(1, abs=1e-4)
    torch.testing.assert_close(cloud.plane.mean.double(), known.mean(0), rtol=0, atol=1e-5)


def test_embeddings_of_the_training_can_be_given(dalle, cloud, images, training):
    other = PriorCloud(dalle, TEXTS, images, dalle.seen(training), **FAST)
    assert other.payload == cloud.payload and other.html() == cloud.html(), "the same each time, too"
    assert torch.equal(plane_of(dalle.seen(training)).axes, cloud.plane.axes)


def test_the_page_shows_the_numbers_of_python(js, cloud, data, dalle, training):
    states = [(c, w, p) for c in range(3) for w in ("1", "3") for p in (0, 1, 3, 5)]
    places = cloud.plane.place(cloud.embeddings)
    for (c, w, p), found in zip(states, facts(js, data, *states), strict=True):
        assert found["text"] == TEXTS[c]
        rows = [cloud.row(k, w) for k in range(6)]
        for k, (row, point) in enumerate(zip(rows, found["points"], strict=True)):
            assert float(point["cosine"]) == pytest.approx(cloud.cosines[c, row].item(), abs=6e-5)
            place = [float(point["x"]), float(point["y"])]
            assert place == pytest.approx(places[c, row].tolist(), abs=6e-4)
            assert int(point["tile"]) == c * (1 + ROWS) + 1 + row
            assert point["seed"] == (None if k < 2 else str(5 + k % 2))
        assert found["chosen"] == found["points"][p]
    code = "const { unpacked } = await load('prior/facts'); result = unpacked(data).ground;"
    ground = torch.tensor([float(v) for v in js(code, data)]).reshape(-1, 2)
    torch.testing.assert_close(ground, cloud.plane.place(dalle.seen(training)), rtol=0, atol=data["span"] / 32_000)
    assert ground.abs().max() < data["span"] and places.abs().max() < data["span"]


def test_mean_cosines_are_over_the_seeds_and_over_the_captions(js, cloud, data):
    for w, found in zip(("1", "3"), facts(js, data, (1, "1", 0), (1, "3", 0)), strict=True):
        first = cloud.row(2, w)
        for name, rows in (("mean", cloud.cosines[1:2]), ("mean_all", cloud.cosines)):
            assert float(found[name]["text"]) == pytest.approx(rows[:, 1].mean().item(), abs=1e-4)
            wanted = [rows[:, first : first + 2].mean().item(), rows[:, first + 2 : first + 4].mean().item()]
            assert [float(v) for v in found[name]["priors"]] == pytest.approx(wanted, abs=1e-4)


def test_the_sheet_holds_all_images_in_their_order(cloud, data):
    """By brightness: the format is one that loses color."""
    luma = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]
    images = (cloud.images.flatten(0, 1).double().clamp(-1, 1) + 1) * 127.5
    shown, wanted = ((luma * x).sum(1).flatten(1) for x in (tiles_of(data)[: len(images)], images))
    assert shown.shape == wanted.shape
    away = torch.cdist(shown, wanted) / shown.shape[1] ** 0.5  # root mean square of each tile with each image
    print(f"own: at most {away.diag().max():.1f} of 255; others: {away.median():.1f} at the middle")
    assert away.diag().max() < 5 < away.median() / 2


def test_a_tap_means_the_nearest_point_within_reach(js, data):
    code = """const { nearestPoint, ticksOf } = await load('prior/facts');
    const points = [{ x: 0, y: 0 }, { x: 1, y: 0 }, { x: 1, y: 0 }];
    result = [[0.4, 0, 1], [0.6, 0, 1], [0.4, 3, 1], [5, 0, 10]].map(([x, y, r]) => nearestPoint(points, [x, y], r));
    result.push([3.4, 14, 0.9].map(ticksOf));"""
    *nearest, ticks = js(code, data)
    assert nearest == ["0", "2", "-1", "2"], "of two in one place the one that is drawn above"
    for span, marks in zip((3.4, 14, 0.9), ticks):
        values = [float(v) for v in marks]
        assert values == sorted(values) and 0 in values and 5 <= len(values) <= 9
        assert max(values) <= span and values == [-v for v in reversed(values)]


def test_the_words_say_what_was_measured(js, cloud, data):
    code = """const { factsOf, unpacked } = await load('prior/facts'); const words = await load('prior/words');
    const d = unpacked(data); const at = (point) => words.wordsOf(d, factsOf(d, { caption: 2, guidance: '3', point }));
    result = [at(0), at(1), at(4), words.noteOf(d), words.axisWords(d)];"""
    true, text, code_prior, note, axes = js(code, data)
    cosine = cloud.cosines[2, cloud.row(4, "3")].item()
    said = f"{cosine:.2f}".replace("-", "−")
    assert code_prior["one"] == f"autoregressive prior, seed 5: cosine {said}"
    assert code_prior["drawn"] == f"decoded from the autoregressive prior’s embedding (seed 5), cosine {said}"
    assert true["drawn"] == "decoded from the true image’s own embedding" and "the text’s embedding" in text["drawn"]
    assert code_prior["means"].startswith("Mean cosine to the true embedding (guidance 3, 2 seeds of each prior): ")
    assert "Over all 3 captions: " in code_prior["others"]
    percents = [f"{100 * share:.{1 if share < 0.1 else 0}f} %" for share in cloud.plane.shares]
    assert all(part in note for part in percents) and "of 50 training images" in note
    words = [f"{name} principal component, {p} of the variance" for name, p in zip(("first", "second"), percents)]
    assert axes == words


def test_images_lose_no_more_than_the_limit_asks_for(dalle, images, training, cloud, data):
    size = len(cloud.html())
    assert data["quality"] == 90 and size < 250_000
    smaller = PriorCloud(dalle, TEXTS, images, training, **FAST, limit=size - 1)
    assert json.loads(smaller.payload)["quality"] == 80 and len(smaller.html()) < size
    with pytest.raises(ValueError, match=r"limit must be at least \d+ bytes; or take fewer captions.*got 9000"):
        PriorCloud(dalle, TEXTS, images, training, **FAST, limit=9_000)


def test_it_shows_what_it_is_told_and_a_picture_without_scripts(dalle, images, training, cloud):
    other = PriorCloud(dalle, TEXTS, images, training, **FAST, caption=1, guidance=3.0, point=1)
    assert repr(other) == "PriorCloud(caption=1, guidance='3', point=1)"
    assert repr(cloud) == "PriorCloud(caption=0, guidance='1', point=2)"
    url, words = other._picture()
    picture = Image.open(io.BytesIO(base64.b64decode(url.split(",")[1])))
    assert picture.width == 672 and "“cat”" in words
    first = cloud.row(2, "3")
    for row in (1, first, first + 2):
        assert f"{other.cosines[1, row]:.2f}" in words
    assert url != cloud._picture()[0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"captions": []}, "captions must be at least one text"),
        ({"captions": "cat"}, "captions must be a list of strings"),
        ({"captions": ["cat"]}, r"images must be 1 of shape \(3, 16, 16\), one for each caption, got \(3, 3, 16, 16\)"),
        ({"guidances": (1, 9)}, r"guidances must be one to five different scales in 0\.\.8"),
        ({"guidances": (1, 1)}, "guidances must be one to five different"),
        ({"n": 0}, r"n must be an integer in 1\.\.8, got 0"),
        ({"caption": 3}, r"caption must be an integer in 0\.\.2, got 3"),
        ({"guidance": 2.0}, "guidance must be one of 1, 3, got '2'"),
        ({"point": 6}, r"point must be an integer in 0\.\.5, got 6"),
    ],
)
def test_mistakes_are_told(dalle, images, training, change, told):
    options = {"captions": TEXTS, "images": images, "training": training, **FAST}
    with pytest.raises((ValueError, TypeError), match=told):
        PriorCloud(dalle, **{**options, **change})
