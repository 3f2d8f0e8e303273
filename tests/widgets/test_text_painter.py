"""The text painter in Python and in Node: what a text tells the network, what is drawn, and what travels."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
import torch
from chromium import PATIENCE, wait_until
from kernel import mount
from PIL import Image
from tiny_painters import tiny_latent, tiny_pixel

import diffusion_edu as de
from diffusion_edu.nn import WithWordMaps
from diffusion_edu.systems.text import ClipText, unknown_words
from diffusion_edu.systems.tokenizer import emoji_tokenizer
from diffusion_edu.widgets import TextPainter
from diffusion_edu.widgets.maths.noise import widget_noise
from diffusion_edu.widgets.model.clip_tower import tower_of
from diffusion_edu.widgets.model.kernel import answer
from diffusion_edu.widgets.model.tower import tower_of_file
from diffusion_edu.widgets.painter.runs import places
from diffusion_edu.widgets.search.widget import WEIGHTS, WORDS

TEXTS = (
    "a red apple, noto style",
    "",
    "  ",
    "Zwölf Xylophone & 3 blarghs; a snörk snörk",
    " ".join(["a very long prompt about a pineapple"] * 6),
)
MAKERS = {"latent": tiny_latent, "pixel": tiny_pixel}
OPTIONS = {"steps": 4, "prompts": ["a red apple, noto style", "bread"], "guidances": [1, 3]}


@pytest.fixture(scope="module", params=list(MAKERS))
def system(request):
    return MAKERS[request.param]()


@pytest.fixture(scope="module")
def latent():
    return tiny_latent()


@pytest.fixture(scope="module")
def clip():
    return de.load("emoji-clip")


READ = """
const { unpackTower } = await load('model/tower');
const { makeTextEncoder } = await load('maths/text_encoder');
const { makeTokenizer } = await load('maths/word_pieces');
const facts = await load('painter/facts');
const encoder = makeTextEncoder(await unpackTower(data.tower), data.tower.heads);
const tokenizer = makeTokenizer(data.tower.words, encoder.length);
const encode = (text) => { const tokens = tokenizer.encode(text); return { ...tokens, ...encoder.read(tokens.ids) }; };
"""


def test_a_text_tells_the_page_what_it_tells_python(js, clip):
    code = READ + "result = data.texts.map((text) => facts.conditionOf(text, encode(text), 32));"
    found = js(code, {"tower": tower_of(clip), "texts": TEXTS})
    for text, one in zip(TEXTS, found):
        cond = ClipText(clip)([text])
        mask = torch.tensor([int(bit) for bit in one["mask"]]).bool()
        tokens = torch.tensor([float(v) for v in one["tokens"]]).reshape(32, -1)
        length = cond.tokens.shape[1]
        assert mask.tolist() == [*cond.mask[0].tolist(), *[False] * (32 - length)]
        assert (tokens[:length] - cond.tokens[0]).abs().max() < 2e-5 and (tokens[length:] == 0).all()
        assert (torch.tensor([float(v) for v in one["vec"]]) - cond.vec[0]).abs().max() < 2e-5
    assert not mask.shape[0] - mask.sum(), "the long prompt fills the encoder"


def test_the_same_words_are_unknown_in_the_page(js, latent):
    texts = [*TEXTS, "café Café naïve", "x2 2x ... ½ ² a-b", "İstanbul ΣΑΣ 蘋果 red"]
    widget = TextPainter(latent, **OPTIONS)
    code = """const facts = await load('painter/facts'); const known = facts.unpacked(data.payload).known;
    result = data.texts.map((text) => facts.unknownWords([text], known));"""
    found = js(code, {"payload": json.loads(widget.payload), "texts": texts})
    assert found == [unknown_words([text]) for text in texts]
    assert found[3] == ["zwolf", "xylophone", "blarghs", "snork"] and found[0] == []


def test_words_have_the_places_of_their_pieces_in_the_maps(js, clip, latent):
    code = READ + "result = data.texts.map((text) => facts.placesOf(encode(text)));"
    found = js(code, {"tower": tower_of(clip), "texts": TEXTS})
    for text, one in zip(TEXTS, found):
        ours = [(word, str(first), str(last)) for word, first, last in places(latent, text)]
        assert [(p["word"], p["first"], p["last"]) for p in one["places"]] == ours
        pieces = ["nothing", *emoji_tokenizer().pieces(text)]
        for word, first, last in places(latent, text):
            spelled = "".join(piece.removeprefix("##") for piece in pieces[first:last])
            assert spelled in (word, "[UNK]")
        assert bool(one["cut"]) == (len(pieces) - 1 > 32)


def test_the_tower_of_a_clip_is_that_of_its_file(clip):
    assert tower_of(clip) == tower_of_file(WEIGHTS / "emoji-clip.safetensors", WORDS)


class PageNoise:
    """The page's noise in place of torch's."""

    def __init__(self, seeds, shape, device, dtype):
        self.dtype = dtype
        self.noise = torch.cat([widget_noise(shape, seed) for seed in seeds]).to(dtype)

    def draw(self):
        return self.noise


@pytest.mark.parametrize(
    ("guidance", "negative"), [(0.0, ""), (1.0, "bread"), (2.5, ""), (4.0, "a long negative prompt")]
)
def test_paint_is_generate_with_the_noise_of_the_page(system, monkeypatch, guidance, negative):
    widget = TextPainter(system, **OPTIONS, guidance=guidance, negative=negative, n=2, seed=7)
    monkeypatch.setattr("diffusion_edu.diffusion.samplers.SeededNoise", PageNoise)
    wanted = system.generate(widget.prompt, 2, guidance=guidance, negative=negative, seed=7, steps=4)
    torch.testing.assert_close(widget.paint().images, wanted, rtol=0, atol=5e-5)


def test_the_maps_are_a_mean_over_the_steps_of_what_the_text_was_read(system):
    one = TextPainter(system, **{**OPTIONS, "steps": 2}, guidance=2).paint().maps
    assert one.shape[0] == 1 and one.shape[1] == 1 + len(emoji_tokenizer().pieces(OPTIONS["prompts"][0]))
    torch.testing.assert_close(one.sum(1), torch.ones_like(one.sum(1)))
    calls = []
    watched = WithWordMaps(system.unet)
    x_t = widget_noise(system.drawn_shape, 0).float()
    cond = system.text([OPTIONS["prompts"][0]])
    denoiser = system.around(de.Guided(system.unet, 2.0))
    memory: dict = {}
    for t, s in ((1000, 500), (500, 0)):
        with torch.no_grad():
            fed = {"vec": cond.vec, "tokens": cond.tokens, "mask": cond.mask}
            calls.append(watched(x_t, torch.tensor([t]), **fed)[1])
            x_t = de.DPMSolver().step(x_t, denoiser(x_t, t, cond), t, s, system.schedule, None, memory)
    torch.testing.assert_close(one, torch.stack(calls).mean(0), rtol=0, atol=1e-5)


def sheet_of(stored, size):
    """(runs, 3, size, size) of the stored images."""
    image = Image.open(io.BytesIO(base64.b64decode(stored["sheet"].split(",")[1]))).convert("RGB")
    grid = np.asarray(image).reshape(image.height // size, size, stored["columns"], size, 3)
    return grid.transpose(0, 2, 4, 1, 3).reshape(-1, 3, size, size).astype(float)


def test_the_stored_runs_are_what_paint_draws(js, system):
    widget = TextPainter(system, **OPTIONS, seed=3)
    data = json.loads(widget.payload)
    code = """const facts = await load('painter/facts'); const d = facts.unpacked(data.payload);
    result = data.asked.map((now) => facts.storedRun({ ...d, ...now }, d));"""
    defaults = {"negative": "", "steps": 4, "seed": 3, "n": 1}
    asked = [{**defaults, "prompt": p, "guidance": g} for p in OPTIONS["prompts"] for g in OPTIONS["guidances"]]
    asked += [{**asked[2], "guidance": 1.9}, {**asked[2], "seed": 4}, {**asked[0], "prompt": "a bee"}]
    asked += [{**asked[0], "negative": "red"}]
    *found, near, other, unknown, led_away = js(code, {"payload": data, "asked": asked})
    images = sheet_of(data["stored"], system.shape[-1])
    for k, (now, run) in enumerate(zip(asked, found)):
        widget.prompt, widget.guidance = now["prompt"], now["guidance"]
        drawn = widget.paint()
        assert (run["run"], run["exact"]) == (str(k), True)
        level = (drawn.images[0].numpy() + 1) * 127.5
        assert np.abs(images[k] - level).max() <= 2.51, "the nearest of 64 levels"
        if data["network"]["latent"]:
            latents = torch.tensor([float(v) for v in run["drawn"]]).reshape(drawn.drawn[0].shape)
            assert (latents - drawn.drawn[0].clamp(-3, 3)).abs().max() < 3 / 127 + 1e-6
        for shown, (word, first, last) in zip(run["words"], places(system, now["prompt"]), strict=True):
            wanted = drawn.maps[0, first:last].sum(0).flatten()
            values = torch.tensor([float(v) for v in shown["values"]])
            assert shown["word"] == word
            assert (values - wanted).abs().max() < 0.5 / 255 * data["stored"]["most"] + 1e-5
    assert (near["guidance"], near["exact"], other["exact"]) == ("1", False, False)
    assert unknown is None and led_away is None


def test_the_page_is_small_and_the_same_each_time(latent):
    first, second = (TextPainter(latent, **OPTIONS).html() for _ in range(2))
    assert first == second
    assert len(first) < 250_000


def test_what_the_page_must_know_travels_with_it(latent):
    data = json.loads(TextPainter(latent, **OPTIONS).payload)
    network = data["network"]
    assert (network["target"], network["clip"], network["latent"]) == ("v", "none", True)
    assert network["inputs"] == ["x_t", "t", "vec", "tokens", "mask"] and network["length"] == 32
    assert network["graphs"] == {} and network["weights"] == [], "a system in memory has no files"
    pixel = json.loads(TextPainter(tiny_pixel(), **OPTIONS).payload)["network"]
    assert (pixel["clip"], pixel["latent"], pixel["shape"], pixel["image"]) == ("dynamic", False, [3, 8, 8], [3, 8, 8])
    assert data["traits"]["guidance"] == {"limits": [0.0, 8.0]} and data["traits"]["n"] == {"limits": [1, 4]}


def test_the_kernel_answers_with_all_outputs(latent):
    module, example = latent.graphs()["unet"]
    types = {torch.float32: "float32", torch.int64: "int64", torch.bool: "bool"}
    feeds = [{"name": name, "type": types[x.dtype], "dims": list(x.shape)} for name, x in example.items()]
    question = {"id": 1, "graph": "unet", "feeds": feeds}
    reply, contents = answer({"unet": module}, question, [x.numpy().tobytes() for x in example.values()])
    assert [one["name"] for one in reply["outputs"]] == ["prediction", "attention"]
    with torch.no_grad():
        wanted = module(**example)
    for one, content, tensor in zip(reply["outputs"], contents, wanted, strict=True):
        found = torch.frombuffer(bytearray(content), dtype=torch.float32).reshape(one["dims"])
        torch.testing.assert_close(found, tensor)


STATE = "document.querySelector('.de-widget').state"
RESULT = "(({ images, words }) => ({ images: [...images], words }))(document.querySelector('.de-widget').result)"


@pytest.mark.browser
def test_with_a_kernel_the_page_paints_what_python_paints(chromium, system):
    """Guidance, negative prompts, padding, sampler and maps in JavaScript; the networks are Python's own."""
    widget = TextPainter(system, **OPTIONS, seed=5)

    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    mount(page, widget)
    cases = [(2.5, "", 1), (1.0, "", 4), (0.0, "", 1), (3.0, "a long negative prompt about red bread and apples", 4)]
    for number, (guidance, negative, n) in enumerate(cases):
        for name, value in (("guidance", guidance), ("negative", negative), ("n", n)):
            setattr(widget, name, value)
            page.evaluate(f"model.push({json.dumps(name)}, {json.dumps(value)})")
        if number == 0:  # from then on a change paints by itself
            page.locator("[data-role=run]").click()
        wanted = json.dumps({"prompt": widget.prompt, "negative": negative, "guidance": guidance, "n": n})
        shown = f"Object.entries({wanted}).every(([name, value]) => s.shown?.[name] === value)"
        wait_until(page, f"((s) => s.phase === 'failed' || (s.phase === 'done' && {shown}))({STATE})")
        state = page.evaluate(STATE)
        assert (state["phase"], state["provider"]) == ("done", "python"), state["reason"]
        found, wanted = page.evaluate(RESULT), widget.paint()
        images = torch.tensor(found["images"]).reshape(wanted.images.shape)
        assert (images - wanted.images).abs().max() < 1e-4
        for (word, share), (ours, first, last) in zip(state["words"], places(system, widget.prompt), strict=True):
            assert word == ours
            assert share == pytest.approx(float(wanted.maps[:, first:last].sum(1).mean()), abs=1e-5)
    page.close()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "fashion"}, "model must be a system that draws what a text says"),
        ({"model": "emoji-clip"}, "model must be a system that draws what a text says"),
        ({"prompts": []}, "prompts must be at least one text"),
        ({"prompts": "bread"}, "prompts must be a list of strings"),
        ({"guidances": [1, 9]}, r"guidances must be one to five different scales in 0\.\.8"),
        ({"guidances": [2, 2.0]}, r"guidances must be one to five different scales in 0\.\.8"),
        ({"guidance": 8.5}, r"guidance must be in 0\.\.8, got 8\.5"),
        ({"steps": 1}, r"steps must be an integer in 2\.\.100, got 1"),
        ({"seed": -1}, "seed must be an integer"),
        ({"n": 5}, r"n must be an integer in 1\.\.4, got 5"),
    ],
)
def test_mistakes_are_told(latent, change, told):
    with pytest.raises((ValueError, TypeError), match=told):
        TextPainter(**{"model": latent, **OPTIONS, **change})
