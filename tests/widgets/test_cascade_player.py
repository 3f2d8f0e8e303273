"""The player of a cascade in Python and in Node: the stored runs are the library's, in their places on one axis."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from PIL import Image
from tiny_cascade import CONFIG, LEVEL, T, cascade

import diffusion_edu as de
from diffusion_edu.systems import Imagen, ImagenConfig
from diffusion_edu.widgets import CascadePlayer

PROMPTS = ["cat", "a red apple, noto style"]
SEEDS, LEVELS, FRAMES = (3, 8), (0, LEVEL, 20), 4
FAST = {"steps": 6, "seeds": SEEDS, "levels": LEVELS, "frames": FRAMES}
KEPT = [0, 2, 4, 6]  # of the 7 states of 6 steps


@pytest.fixture(scope="module")
def system():
    return cascade()


@pytest.fixture(scope="module")
def player(system):
    return CascadePlayer(system, PROMPTS, **FAST)


@pytest.fixture(scope="module")
def data(player):
    return json.loads(player.payload)


LUMA = torch.tensor([0.299, 0.587, 0.114], dtype=torch.float64)[:, None, None]


def loss(shown, images):
    """Root mean square difference of brightness (0..255) of what is stored and images; color is lost more."""
    wanted = (images.double().clamp(-1, 1) + 1) * 127.5
    return ((LUMA * (shown - wanted)).sum(-3) ** 2).mean((-1, -2)).sqrt()


def facts(js, data, *asked):
    """What the page makes of its data for each state."""
    code = """const { factsOf, unpacked } = await load('cascade/facts'); const d = unpacked(data.data);
    result = data.asked.map((now) => factsOf(now, d));"""
    keys = ("prompt", "seed", "level", "frame")
    return js(code, {"data": data, "asked": [dict(zip(keys, now)) for now in asked]})


def tiles_of(network):
    """(tiles, 3, side, side) of the stored images of a network."""
    image = Image.open(io.BytesIO(base64.b64decode(network["sheet"].split(",")[1]))).convert("RGB")
    side = network["side"]
    grid = np.asarray(image).reshape(image.height // side, side, network["columns"], side, 3)
    return torch.from_numpy(grid.transpose(0, 2, 4, 1, 3).reshape(-1, 3, side, side).astype(float))


def test_the_runs_are_those_of_the_system(system, player):
    for p, prompt in enumerate(PROMPTS):
        for k, seed in enumerate(SEEDS):
            for n, level in enumerate(LEVELS):
                states = list(system.follow(prompt, 1, seed=seed, steps=6, level=level))
                for place, stage in enumerate(player.stages):
                    own = [state for state in states if state.network == place]
                    assert stage.t == [own[i].step.t for i in KEPT]
                    wanted = torch.cat([own[i].step.x0 for i in KEPT])
                    at = n if place else 0  # the base is the same for all levels
                    torch.testing.assert_close(stage.estimates[2 * p + k, at], wanted, rtol=0, atol=1e-3)
                    if place:
                        told = own[0].told.concat[0]
                        torch.testing.assert_close(stage.told[2 * p + k, n], told, rtol=0, atol=1e-3)
                    else:
                        assert stage.told is None


def test_the_end_is_what_generate_draws(system, player):
    for n, level in enumerate(LEVELS):
        drawn = system.generate(PROMPTS[1], 1, seed=8, steps=6, level=level, stages=True)
        for place, images in enumerate(drawn):
            last = player.stages[place].estimates[3, n if place else 0, -1]
            torch.testing.assert_close(last, images[0], rtol=0, atol=1e-3)


def test_options_reach_the_networks(system):
    options = {"guidance": 4.0, "sampler": de.DDIM(), "clip": "static"}
    own = CascadePlayer(system, ["cat"], steps=3, levels=(9,), **options)
    drawn = system.generate("cat", 1, steps=3, level=9, stages=True, **options)
    for stage, images in zip(own.stages, drawn, strict=True):
        torch.testing.assert_close(stage.estimates[0, 0, -1], images[0], rtol=0, atol=1e-4)
    assert json.loads(own.payload)["guidance"] == 4.0
    short = CascadePlayer(system, ["cat"], steps=2)
    assert [stage.t for stage in short.stages] == 3 * [[T, T // 2, 0]], "no more states than there are"
    assert json.loads(short.payload)["traits"]["level"] == {"choices": [["0", "0"], ["6", "6"]]}


def test_one_axis_runs_through_all_networks(js, data):
    states = [(1, "8", "20", frame) for frame in range(12)]
    t = data["networks"][0]["t"]
    assert t[0] == T and t[-1] == 0
    for frame, found in enumerate(facts(js, data, *states)):
        network, state = divmod(frame, 4)
        assert (int(found["network"]), int(found["state"]), int(found["t"])) == (network, state, t[state])
        phases = [one["phase"] for one in found["networks"]]
        assert phases == ["done"] * network + ["runs"] + ["waits"] * (2 - network)
        for k, one in enumerate(found["networks"]):
            if k > network:
                assert (one["t"], one["tile"], one["told_tile"]) == (None, "-1", "-1")
            else:
                assert int(one["t"]) == (t[state] if k == network else 0)


def test_the_page_shows_the_images_of_python(js, player, data):
    states = [(p, seed, str(s), f) for p in (0, 1) for seed in ("3", "8") for s in LEVELS for f in (0, 5, 9, 11)]
    tiles = [tiles_of(network) for network in data["networks"]]
    for (p, seed, s, frame), found in zip(states, facts(js, data, *states), strict=True):
        run, n = 2 * p + (seed == "8"), LEVELS.index(int(s))
        for place, one in enumerate(found["networks"]):
            if one["phase"] == "waits":
                continue
            stage, at, state = player.stages[place], n if place else 0, min(3, frame - 4 * place)
            wanted, shown = stage.estimates[run, at, state], tiles[place][int(one["tile"])]
            if place < 2:
                levels = (wanted.clamp(-1, 1).double() + 1) * 127.5
                assert (shown - levels).abs().max() <= data["step"] / 2 + 0.51, "without loss"
            assert loss(shown, wanted) < 5
            if place:
                assert loss(tiles[place][int(one["told_tile"])], stage.told[run, at]) < 5
    other = loss(tiles[2][int(one["tile"])], player.stages[2].estimates.flatten(0, 2))
    assert (other > 10).double().mean() > 0.7, "most others differ by far more"


def test_the_levels_have_the_numbers_of_the_schedule(js, system, data):
    for s, found in zip(LEVELS, facts(js, data, *[(0, "3", str(s), 4) for s in LEVELS])):
        noise = {name: float(value) for name, value in found["noise"].items()}
        assert noise["s"] == s
        assert noise["signal"] == pytest.approx(system.schedule.signal(s))
        assert noise["noise"] == pytest.approx(system.schedule.noise(s))
        assert noise["share"] == pytest.approx(1 - system.schedule.alpha_bar[s].item())


def test_the_words_say_what_each_network_is_given(js, data):
    code = """const { factsOf, unpacked } = await load('cascade/facts'); const words = await load('cascade/words');
    const d = unpacked(data);
    const at = (level, frame) => words.wordsOf(d, factsOf({ prompt: 1, seed: '3', level, frame }, d));
    result = [at('6', 1), at('6', 6), at('0', 6), at('20', 11), words.noteOf(d)];"""
    base, up, clean, last, note = js(code, data)
    t = data["networks"][0]["t"]
    assert base["place"] == f"base, 4×4: state 2 of 4, t = {t[1]}" and base["given"] == ". It is given the text."
    assert base["drawn"] == [f"4×4: t = {t[1]}", "8×8: not begun", "16×16: not begun"]
    assert up["place"] == f"upscaler, 8×8: state 3 of 4, t = {t[2]}"
    share = 100 * data["levels"][1][2] ** 2
    said = f"{share:.{1 if share < 10 else 0}f} %"
    assert "the 4×4 image with the noise of step s = 6 and the text" in up["given"] and f"= {said}" in up["given"]
    assert clean["given"] == ". It is given the 4×4 image without noise and the text."
    assert "the 8×8 image with the noise of step s = 20 and no text" in last["given"]
    assert last["drawn"] == ["4×4: done", "8×8: done", "16×16: t = 0, done"]
    assert "The guidance is 2." in note and "4×4 and 8×8 in steps of 4 of 255" in note


def test_images_lose_no_more_than_the_limit_asks_for(system, player, data):
    size = len(player.html())
    assert data["step"] == 4 and size < 300_000
    smaller = CascadePlayer(system, PROMPTS, **FAST, limit=size - 1)
    assert len(smaller.html()) < size and smaller.payload != player.payload
    with pytest.raises(ValueError, match=r"limit must be at least \d+ bytes; or take fewer prompts.*got 7000"):
        CascadePlayer(system, PROMPTS, **FAST, limit=7_000)


def test_the_page_is_the_same_each_time(system, player):
    again = CascadePlayer(system, PROMPTS, **FAST)
    assert again.html() == player.html()
    assert repr(player) == "CascadePlayer(prompt=0, seed='3', level='6', frame=11)", "it begins at the end"


def test_a_picture_without_scripts_has_a_row_for_each_prompt(system, player):
    url, words = player._picture()
    assert Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).width == 672
    assert all(prompt in words for prompt in PROMPTS) and "4×4, 8×8, 16×16" in words and "step 6" in words
    other = CascadePlayer(system, PROMPTS, **FAST, level=20)
    assert other._picture()[0] != url


def test_a_cascade_without_texts_or_colors_is_refused():
    unet = de.UNetConfig(1, (8,), 1, attention_levels=())
    gray = Imagen(ImagenConfig(unet, (), 4, CONFIG.schedule, most_level=20, level=LEVEL))
    with pytest.raises(ValueError, match="system must be a cascade over color images that reads texts"):
        CascadePlayer(gray, PROMPTS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"prompts": []}, "prompts must be at least one text"),
        ({"prompts": "cat"}, "prompts must be a list of strings"),
        ({"prompts": ["cat", " "]}, "prompts must be at least one text"),
        ({"seeds": ()}, "seeds must be one to four different ones"),
        ({"seeds": (1, 1)}, "seeds must be one to four different ones"),
        ({"seeds": (-1,)}, r"seeds\[0\] must be an integer in"),
        ({"levels": (0, 21)}, r"levels must be one to four different steps in 0\.\.20, in ascending order"),
        ({"levels": (6, 0)}, "levels must be one to four different steps"),
        ({"frames": 1}, r"frames must be an integer in 2\.\.12, got 1"),
        ({"prompt": 2}, r"prompt must be an integer in 0\.\.1, got 2"),
        ({"seed": 4}, "seed must be one of 3, 8, got '4'"),
        ({"level": 5}, "level must be one of 0, 6, 20, got '5'"),
        ({"frame": 12}, r"frame must be an integer in 0\.\.11, got 12"),
    ],
)
def test_mistakes_are_told(system, change, told):
    with pytest.raises((ValueError, TypeError), match=told):
        CascadePlayer(system, **{"prompts": PROMPTS, **FAST, **change})
