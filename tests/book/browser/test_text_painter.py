"""The text painter in a page: small systems with random weights, exported and served as the book does it."""

from __future__ import annotations

import base64
import io
import json
import re
import shutil
import threading
from contextlib import contextmanager

import browser as b
import numpy as np
import pytest
import torch
from chromium import PATIENCE
from loading import load_file
from PIL import Image
from playwright.sync_api import expect
from tiny_painters import tiny_latent, tiny_pixel
from widgets import Widget

from diffusion_edu import pretrained
from diffusion_edu.export import to_graphs
from diffusion_edu.widgets import TextPainter
from diffusion_edu.widgets.kit import bundle
from diffusion_edu.widgets.painter import widget as module

pytestmark = pytest.mark.browser
TAG = "text-painter"
MODELS = {"tiny-latent": tiny_latent, "tiny-pixel": tiny_pixel}
OPTIONS = {"steps": 6, "prompts": ["a red apple, noto style", "bread"], "guidances": [1, 3]}
# The weights are the same numbers; what differs is the order of float32 sums, and a run adds that up.
CLOSE = 5e-4
PAGE = """<!doctype html><html lang=en data-theme=light><head><meta charset=utf-8><title>painter</title>
<meta name=viewport content="width=device-width,initial-scale=1"></head>
<body><main><h1>Painter</h1><article>{}</article>
</main><script defer src=page/painter.js></script></body></html>"""


@pytest.fixture(scope="module")
def painters(tmp_path_factory):
    """A folder with a page for each system, and the widgets themselves."""
    home, weights = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("weights")
    for file in pretrained.WEIGHTS.glob("emoji-clip.*"):
        shutil.copy(file, weights)
    assets = load_file("book/_ext/book_assets.py")
    with pytest.MonkeyPatch.context() as patch:
        for place in (pretrained, module, assets):
            patch.setattr(place, "WEIGHTS", weights)
        made = {}
        for name, make in MODELS.items():
            system = make()
            pretrained.export_system(system, weights / f"{name}.safetensors", {}, {})
            to_graphs(system, weights / f"{name}.onnx", weights / f"{name}.safetensors")
        sizes = [(weights / f"{name}.safetensors").stat().st_size for name in MODELS]
        assert sizes[0] > sizes[1]
        (home / "page").mkdir()
        assets.write_models(home / "page/live", pack_from=sizes[0])  # the first is packed, the second is not
        assets.write_text_tower(home / "page/live")
        (home / "page/painter.js").write_text(bundle.classic_script("painter"), encoding="utf-8")
        for name in MODELS:
            made[name] = TextPainter(name, **OPTIONS)
            (home / f"{name}.html").write_text(PAGE.format(made[name].html()), encoding="utf-8")
    return home, made


@pytest.fixture(scope="module")
def served(painters):
    import serve

    server = serve.start(painters[0], 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://{serve.HOST}:{server.server_address[1]}/"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def opened(painters, served, chromium):
    """A function that opens a painter's page: `with opened("tiny-latent") as (widget, log)`."""

    @contextmanager
    def open_page(name="tiny-latent", base=None, size=b.WIDE, before="", **options):
        base = base or served
        context = chromium.new_context(viewport=size, **options)
        b.guard(context, base)
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        if before:
            page.add_init_script(before)
        log = b.watch(page, base)
        try:
            page.goto(f"{base}{name}.html")
            b.settle(page)
            yield Widget(page, TAG), log
        finally:
            context.close()

    return open_page


def done(widget, **wanted):
    """The state once a run of what is wanted is done."""
    same = f"Object.entries({json.dumps(wanted)}).every(([name, v]) => s.shown?.[name] === v)"
    state = widget.until(f"s.phase === 'failed' || (s.phase === 'done' && s.source === 'model' && {same})")
    assert state["phase"] == "done", state["reason"]
    return state


def sheet_of(painter):
    """The stored images, side by side."""
    code = json.loads(painter.payload)["stored"]["sheet"].split(",")[1]
    return Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB")


def images(widget):
    return torch.tensor(widget.el.evaluate("(el) => [...el.result.images]"))


@pytest.mark.parametrize("name", list(MODELS))
def test_the_page_paints_what_python_paints(painters, opened, name):
    python = painters[1][name]
    with opened(name) as (widget, log):
        cases = (
            (2.0, "", 1, 0),
            (1.0, "bread", 4, 8),
            (0.0, "", 1, 2),
            (3.5, "a man with a long grey beard, red", 4, 1),
        )
        for guidance, negative, n, seed in cases:
            widget.role("negative").fill(negative)
            widget.role("n").select_option(str(n))
            widget.role("seed").fill(str(seed))
            widget.role("seed").blur()
            widget.type("guidance", guidance)
            widget.role("prompt").press("Enter")
            state = done(widget, guidance=guidance, negative=negative, n=n, seed=seed)
            for trait, value in (("guidance", guidance), ("negative", negative), ("n", n), ("seed", seed)):
                setattr(python, trait, value)
            wanted = python.paint()
            difference = (images(widget).reshape(wanted.images.shape) - wanted.images).abs().max().item()
            print(f"{name}, guidance {guidance}, {n} images: largest difference {difference:.1e}")
            assert difference < CLOSE
            assert wanted.images.std() > 0.02, "an image that is all one colour would prove nothing"
            for (_, share), at in zip(state["words"], range(5), strict=True):
                assert share == pytest.approx(float(wanted.maps[:, 2 + at + (at > 2)].mean()), abs=1e-4)
        assert state["provider"] in ("wasm", "webgpu")
        assert log.problems() == []


def test_nothing_is_loaded_before_the_reader_asks(opened):
    with opened() as (widget, log):
        state = widget.until("s.source === 'stored'")
        assert (state["phase"], state["shown"]["exact"]) == ("idle", False), (
            "guidance 2 lies between the stored 1 and 3"
        )
        assert "/live/" not in "".join(log.asked)
        widget.role("run").click()
        done(widget)
        loaded = sorted(url.rsplit("/", 1)[1] for url in log.asked if "/live/" in url)
        files = {"tiny-latent.unet.onnx", "tiny-latent.decoder.onnx", "tiny-latent.packed", "emoji-clip-text.js"}
        assert files | {"worker.mjs", "runtime.json"} < set(loaded)
        assert len(loaded) == len(set(loaded)) == 8, "each file once, the runtime and its program among them"
        widget.role("new-seed").click()
        done(widget, seed=1)
        assert len([url for url in log.asked if "/live/" in url]) == 8, "a second run loads nothing"


def test_the_guidance_paints_the_same_seed_again(opened):
    with opened() as (widget, log):
        widget.role("run").click()
        done(widget, guidance=2)
        first = images(widget)
        widget.role("guidance").focus()
        widget.page.keyboard.press("ArrowRight")
        state = done(widget, guidance=2.25)
        assert (state["shown"]["seed"], state["seed"]) == (0, 0)
        second = images(widget)
        assert 1e-4 < (first - second).abs().max() < 1.5
        widget.page.keyboard.press("ArrowLeft")
        done(widget, guidance=2)
        assert torch.equal(images(widget), first)
        widget.role("new-seed").click()
        done(widget, seed=1)
        assert (images(widget) - first).abs().max() > 0.05
        widget.role("example", 1).click()
        assert done(widget, prompt="bread")["words"][0][0] == "bread"
        assert log.problems() == []


def test_stops_when_told_and_goes_on_afterwards(opened):
    with opened() as (widget, log):
        widget.type("steps", 100)
        widget.role("n").select_option("4")
        widget.el.evaluate("""(el) => el.addEventListener("de-change", ({ detail }) =>
            detail.steps === 100 && detail.i >= 2 && el.querySelector("[data-role=stop]")?.click())""")
        widget.role("run").click()
        state = widget.until("['stopped', 'done'].includes(s.phase)")
        assert state["phase"] == "stopped" and 2 <= state["i"] < 100
        assert f"Stopped at step {state['i']} of 100" in widget.role("status").inner_text()
        widget.type("steps", 3)
        widget.role("run").click()
        assert done(widget, steps=3)["i"] == 3
        assert log.problems() == []


def test_words_are_offered_and_unknown_ones_are_named(opened):
    with opened() as (widget, log):
        prompt, notes = widget.role("prompt"), widget.role("notes")
        prompt.fill("a pineap")
        prompt.press("ArrowDown")
        prompt.press("Enter")
        assert "pineapple" in prompt.input_value()
        widget.until("s.unknown.length === 0")
        prompt.fill("a blarghy apple")
        widget.until("s.unknown[0] === 'blarghy'")
        expect(notes).to_contain_text("“blarghy” stands in no caption of the training")
        prompt.fill("a red apple and a green pear " * 8 + "xylophone")
        prompt.press("Enter")
        done(widget)
        expect(notes).to_contain_text("The text encoder reads 32 tokens")
        prompt.fill("")
        prompt.press("Enter")
        done(widget, prompt="")
        assert log.problems() == []


def test_a_word_is_chosen_and_its_map_lies_over_the_image(opened):
    with opened() as (widget, log):
        widget.until("s.source === 'stored'")
        image, lit = (lambda k: widget.pixels(f".de-tp-out figure:nth-child({k}) canvas").astype(int)), []
        for k in (0, 2):
            widget.role("word", k).click()
            widget.until(f"s.word === {k}")
            assert widget.role("word", k).get_attribute("aria-pressed") == "true"
            lit.append(image(3))
            assert (lit[-1] <= image(1) + 1).all(), "it is the image, darker where the word is not read"
        assert (lit[0] != lit[1]).any()
        expect(widget.el.locator("figcaption").nth(2)).to_contain_text("“apple”")
        assert log.problems() == []


def test_from_the_disk_it_shows_stored_runs_and_says_why(painters, opened):
    with opened(base=painters[0].as_uri() + "/") as (widget, log):
        state = widget.until("s.source === 'stored'")
        assert state["phase"] == "failed"
        expect(widget.el.locator("[role=alert]")).to_contain_text("make serve")
        sheet = np.asarray(sheet_of(painters[1]["tiny-latent"]))
        for run, guidance in enumerate((1, 3)):
            widget.type("guidance", guidance)
            state = widget.until(f"s.shown?.guidance === {guidance}")
            assert state["shown"]["exact"]
            assert (widget.pixels(".de-tp-out canvas") == sheet[:, 16 * run : 16 * (run + 1)]).all()
        expect(widget.role("status")).to_contain_text("A stored run of “a red apple, noto style”: guidance 3")
        widget.role("prompt").fill("a bee")
        widget.role("prompt").press("Escape")  # the list of completions makes room for the examples
        widget.until("s.source === ''")
        expect(widget.role("status")).to_contain_text("No stored run of this prompt")
        widget.role("example", 1).click()
        widget.until("s.shown?.prompt === 'bread'")
        widget.role("run").click()
        assert widget.state["phase"] == "failed"
        assert "/live/" not in "".join(log.asked)
        assert log.problems() == []


def test_without_webassembly_it_says_so(opened):
    with opened(before="delete globalThis.WebAssembly") as (widget, log):
        assert widget.until("s.source === 'stored'")["phase"] == "failed"
        expect(widget.el.locator("[role=alert]")).to_contain_text("WebAssembly")
        assert log.problems() == []


def test_without_scripts_there_is_a_picture(painters, served, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}tiny-latent.html")
    expect(page.get_by_role("img", name=re.compile("^Images of a red apple, noto style; bread"))).to_be_visible()
    context.close()


def test_a_failed_download_is_told_and_can_be_tried_again(opened):
    with opened() as (widget, log):
        widget.page.route("**/tiny-latent.packed", lambda route: route.fulfill(status=503, body="busy"))
        widget.role("run").click()
        assert widget.until("['failed', 'done'].includes(s.phase)")["phase"] == "failed"
        expect(widget.el.locator("[role=alert]")).to_contain_text("503")
        assert widget.state["source"] == "stored"
        widget.page.unroute_all()
        widget.role("run").click()
        done(widget)
        assert log.errors == []


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
def test_it_is_accessible_and_fits(opened, size):
    with opened(size=size) as (widget, log):
        page = widget.page
        widget.until("s.source === 'stored'")
        widget.role("prompt").fill("a blarghy app")
        widget.until("s.unknown[0] === 'blarghy'")
        widget.role("prompt").press("Escape")
        widget.role("example").click()
        page.add_script_tag(path=b.AXE)
        for theme in ("light", "dark"):
            page.evaluate(
                "(theme) => { document.documentElement.dataset.theme = theme;"
                " document.body.style.background = theme === 'dark' ? '#14181f' : '#fff';"
                " document.body.style.color = theme === 'dark' ? '#e6eaf0' : '#1f2933'; }",
                theme,
            )
            found = page.evaluate(
                "async () => (await axe.run(document)).violations.map((v) => [v.id, v.nodes[0].html])"
            )
            assert found == []
        assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert log.problems() == []
