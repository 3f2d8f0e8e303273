"""The model in the page draws what the package draws, loads only when asked, and says why where it cannot run."""

from __future__ import annotations

import base64
import io
import json
import re

import browser as b
import numpy as np
import pytest
import torch
from chromium import wait_until
from PIL import Image
from playwright.sync_api import expect
from widgets import Widget, rounded

import diffusion_edu as de
from diffusion_edu.diffusion import samplers
from diffusion_edu.widgets.maths.noise import widget_noise

pytestmark = pytest.mark.browser
TAG = "live-sampler"
HOME = "notebooks/07_sampling"
RESULT = "(el) => ({ xt: [...el.result.xt], x0: [...el.result.x0], times: el.result.times })"
# The weights are the same numbers; what differs is the order of float32 sums, and a run adds that up.
CLOSE = 5e-4


@pytest.fixture(scope="module")
def fashion():
    return de.load("fashion")


@pytest.fixture(scope="module")
def stays_open(opened):
    """One page for what needs the network: its runtime takes longer to start than a few steps."""
    with opened(HOME) as (page, log):
        yield page, log


@pytest.fixture
def home(stays_open):
    """The widget on its page, as served; the page must have nothing to complain of."""
    page, log = stays_open
    widget = Widget(page, TAG)
    widget.role("start").select_option("noise")
    yield widget
    assert log.problems() == []


class PageNoise:
    """The page's noise in place of torch's: draw k is the k-th stretch of every seed's numbers."""

    def __init__(self, seeds, shape, device, dtype):
        self.dtype = dtype
        self.stretches = iter(torch.cat([widget_noise((12, *shape), seed) for seed in seeds]).transpose(0, 1))

    def draw(self):
        return next(self.stretches).to(self.dtype)


def wait_for(widget: Widget, *phases: str) -> dict:
    return widget.until(f"{json.dumps(phases)}.includes(s.phase)")


def choose(widget: Widget, method: str, steps: int, eta: float = 0.0, samples: int = 1, seed: int = 0) -> None:
    widget.role("method").select_option(method)
    widget.role("samples").select_option(str(samples))
    widget.type("steps", steps)
    widget.role("seed").fill(str(seed))
    widget.role("seed").blur()
    widget.until(f"s.method === '{method}' && s.steps === {steps} && s.samples === {samples} && s.seed === {seed}")
    if method == "ddim":
        widget.type("eta", eta)
        widget.until(f"s.eta === {eta}")


def drawn(widget: Widget) -> tuple[torch.Tensor, torch.Tensor, list[int]]:
    """Press the button, wait for the picture: x_t, the estimate, and the steps that were visited."""
    assert widget.state["phase"] not in ("loading", "running")
    widget.el.evaluate(
        "(el) => { el.state = { ...el.state, phase: 'asked' }; }"
    )  # the last run's end is not this one's
    widget.role("run").click()
    state = wait_for(widget, "done", "failed")
    assert state["phase"] == "done", state["reason"]
    found = widget.el.evaluate(RESULT)
    shape = (-1, 1, 32, 32)
    return torch.tensor(found["xt"]).reshape(shape), torch.tensor(found["x0"]).reshape(shape), found["times"]


def test_the_page_draws_what_python_draws(home, fashion, monkeypatch) -> None:
    monkeypatch.setattr(samplers, "SeededNoise", PageNoise)
    for method, eta, samples, seed in (
        ("ddim", 0.0, 4, 0),
        ("ddim", 0.5, 1, 11),
        ("ddim", 1.0, 1, 2**31 - 10),
        ("ddpm", 0.0, 1, 3),
        ("dpm-solver", 0.0, 1, 5),
    ):
        steps = 10 if method == "dpm-solver" else 5
        choose(home, method, steps, eta, samples, seed)
        x_t, x0, times = drawn(home)
        seeds = range(seed, seed + samples)
        sampler = de.named_sampler(method, **{"eta": eta} if method == "ddim" else {})
        last = de.last(de.sample(fashion.denoiser, (samples, 1, 32, 32), sampler, steps, seeds=seeds))
        assert times == de.timesteps(1000, steps)
        difference = (x_t - last.x_t).abs().max().item()
        print(f"{method}, eta = {eta}: largest difference {difference:.1e}")
        assert difference < CLOSE
        assert torch.equal(x0, x_t)
        shown = home.pixels(".de-ls-out canvas")[:32, :32, 0].astype(float)
        wanted = ((x_t[0, 0].clamp(-1, 1) + 1) * 127.5).numpy()
        assert np.abs(shown - wanted).max() <= 0.51
    state = home.state
    assert state["provider"] in ("wasm", "webgpu")
    assert f"{rounded(state['ms_step'])} ms a step" in home.role("status").inner_text()
    # What was drawn is clothing: dark around, bright within, and smooth beside noise.
    assert x_t[0, 0, :, :3].mean() < -0.9 < x_t[0, 0, 10:22, 10:22].mean()


def test_a_result_goes_when_its_settings_change(home) -> None:
    choose(home, "ddim", 2)
    drawn(home)
    frames = home.el.locator(".de-ls-out figure")
    assert [frame.is_visible() for frame in frames.all()] == [False, True], "at t = 0 both are the same"
    assert "on your" in home.role("status").inner_text() and "Web" not in home.role("status").inner_text()
    home.role("new-seed").click()
    state = home.until("s.phase === 'ready'")
    assert (state["i"], state["of"], state["t"]) == (0, 0, 1000)
    assert not home.el.locator("progress").is_visible() and not frames.last.is_visible()
    expect(home.el.locator(".de-ls-stored img")).to_be_visible()


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
def test_the_text_below_stays_where_it_is(opened, size) -> None:
    with opened(HOME, size=size) as (page, log):
        widget = Widget(page, TAG)
        heights = [widget.el.bounding_box()["height"]]
        for start in ("picture", "drawing", "own", "noise"):
            widget.role("start").select_option(start)
            widget.until(f"s.start === '{start}'")
            heights.append(widget.el.bounding_box()["height"])
        choose(widget, "ddim", 2)
        drawn(widget)
        heights.append(widget.el.bounding_box()["height"])
        assert heights == pytest.approx([heights[0]] * len(heights), abs=3)
        assert log.problems() == []


def test_nothing_is_loaded_before_the_reader_asks(opened) -> None:
    """Until then it says how much that is, and shows the stored run with its steps over the columns."""
    with opened(HOME) as (page, log):
        home = Widget(page, TAG)
        assert not [url for url in log.asked if "/live/" in url]
        assert home.state["phase"] == "idle"
        expect(home.el.locator(".de-ls-stored img")).to_be_visible()
        source = json.loads(home.el.evaluate("(el) => el.source"))
        assert f"{source['network']['bytes'] / 1e6:.1f} MB" in home.role("run").inner_text()
        times = home.el.locator(".de-ls-times span").all_inner_texts()
        assert [int(t) for t in times] == source["still"]["times"]
        assert (times[0], times[-1]) == ("1000", "0")
        choose(home, "dpm-solver", 2)
        drawn(home)
        loaded = sorted(url.rsplit("/", 1)[1] for url in log.asked if "/live/" in url)
        assert {"worker.mjs", "runtime.json", "fashion.onnx", "fashion.safetensors"} <= set(loaded)
        assert len(loaded) == len(set(loaded)) == 6, "each file once, the runtime and its program among them"
        expect(home.el.locator(".de-ls-stored img")).to_be_hidden()
        drawn(home)
        assert len([url for url in log.asked if "/live/" in url]) == 6, "a second run loads nothing"
        assert log.problems() == []


def test_starts_from_a_picture_a_drawing_and_a_file(home, fashion, monkeypatch) -> None:
    monkeypatch.setattr(samplers, "SeededNoise", PageNoise)
    choose(home, "ddim", 4)
    payload = json.loads(home.el.evaluate("(el) => el.source"))
    pixels = np.frombuffer(base64.b64decode(payload["pixels"]), dtype=np.uint8).reshape(-1, 1, 32, 32).copy()

    def from_here(x0: torch.Tensor, t: int) -> float:
        home.type("start-t", t)
        home.until(f"s.start_t === {t}")
        x_t, _, times = drawn(home)
        assert times[0] == t
        last = de.last(de.sample(fashion.denoiser, start=x0, start_t=t, steps=4, seeds=[0]))
        return (x_t - last.x_t).abs().max().item()

    home.role("start").select_option("picture")
    home.role("picture", 2).check(force=True)
    assert from_here(de.data.to_x0(torch.from_numpy(pixels[2:3])), 450) < CLOSE

    home.role("start").select_option("own")
    home.role("run").click()
    expect(home.el.locator("[role=alert]")).to_contain_text("Choose your own image")
    mine = np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1))
    file = io.BytesIO()
    Image.fromarray(mine).save(file, "PNG")
    home.role("file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": file.getvalue()})
    home.el.get_by_text("mine.png").wait_for()
    assert np.abs(home.pixels("canvas[data-role=preview]")[..., 0].astype(int) - mine).max() <= 1
    assert "mine.png" in home.role("preview").get_attribute("aria-label")
    assert from_here(de.data.to_x0(torch.from_numpy(mine)[None, None]), 300) < CLOSE

    home.role("start").select_option("drawing")
    pad, hint = home.role("pad"), home.el.get_by_text("draw here")
    expect(hint).to_be_visible()
    home.drag(pad, (0.2, 0.5), (0.8, 0.5))
    ink = home.pixels("canvas[data-role=pad]")[..., 0]
    assert ink[16, 8:24].min() == 255
    assert ink[:10].max() == 0
    expect(hint).to_be_hidden()
    assert from_here(de.data.to_x0(torch.from_numpy(ink.copy())[None, None]), 400) < CLOSE
    home.role("clear").click()
    expect(hint).to_be_visible()
    assert home.pixels("canvas[data-role=pad]").max() == 0


def test_stops_when_told_and_goes_on_afterwards(home) -> None:
    choose(home, "ddpm", 1000)
    home.el.evaluate("""(el) => el.addEventListener("de-change", ({ detail }) =>
        detail.phase === "running" && detail.steps === 1000 && detail.i >= 2
            && el.querySelector("[data-role=stop]").click())""")
    home.role("run").click()
    state = wait_for(home, "stopped", "done")
    assert state["phase"] == "stopped" and 2 <= state["i"] < 100
    assert f"Stopped at step {state['i']} of 1000, t = {state['t']}" in home.role("status").inner_text()
    home.page.wait_for_timeout(400)
    assert home.state == state
    choose(home, "ddim", 2)
    drawn(home)


def test_a_download_can_be_called_off_and_one_that_fails_is_told_and_both_tried_again(opened) -> None:
    with opened(HOME) as (page, log):
        page.route(re.compile(r".*\.wasm$"), lambda route: None)  # never answers
        widget = Widget(page, TAG)
        widget.role("run").click()
        wait_for(widget, "loading")
        expect(widget.el.locator("progress")).to_be_visible()
        widget.role("stop").click()
        wait_for(widget, "stopped")
        page.unroute_all(behavior="ignoreErrors")
        page.route("**/fashion.safetensors", lambda route: route.fulfill(status=503, body="busy"))
        widget.role("run").click()
        assert wait_for(widget, "failed", "done")["phase"] == "failed"
        words = widget.el.locator("[role=alert]").inner_text()
        assert "fashion.safetensors" in words
        assert "503" in words
        expect(widget.el.locator(".de-ls-stored img")).to_be_visible()
        page.unroute_all()
        choose(widget, "ddim", 2)
        drawn(widget)
        expect(widget.el.locator("[role=alert]")).to_be_hidden()
        assert log.errors == []


def test_from_the_disk_it_shows_the_stored_run_and_says_why(opened) -> None:
    with opened(HOME, scheme="file") as (page, log):
        widget = Widget(page, TAG)
        assert widget.state["phase"] == "failed"
        assert "make serve" in widget.el.locator("[role=alert]").inner_text()
        expect(widget.el.locator(".de-ls-stored img")).to_be_visible()
        widget.role("run").click()
        assert widget.state["phase"] == "failed"
        assert not [url for url in log.asked if "/live/" in url]
        assert log.problems() == []


def test_without_webassembly_it_says_so(opened) -> None:
    with opened(HOME) as (page, log):
        page.add_init_script("delete globalThis.WebAssembly")
        page.reload()
        b.settle(page)
        widget = Widget(page, TAG)
        assert "WebAssembly" in widget.el.locator("[role=alert]").inner_text()
        expect(widget.el.locator(".de-ls-stored img")).to_be_visible()
        assert log.errors == []


def test_without_scripts_there_is_a_picture(opened) -> None:
    with opened(HOME, java_script_enabled=False) as (page, log):
        picture = page.locator(f"{TAG} > img").first
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
        assert "DDIM" in picture.get_attribute("alt")
        assert log.problems() == []


def test_fingers_keys_and_speech(opened) -> None:
    with opened(HOME, size=b.NARROW, has_touch=True, is_mobile=True) as (page, log):
        widget = Widget(page, TAG)
        for start in ("picture", "drawing", "own"):
            widget.role("start").select_option(start)
            small = widget.el.evaluate("""(el) => [...el.querySelectorAll("button, select, input")]
                .filter((e) => e.checkVisibility())
                .map((e) => [e.dataset.role, e.getBoundingClientRect()])
                .filter(([, box]) => box.width < 24 || box.height < 24)
                .map(([role, box]) => `${role} ${box.width}x${box.height}`)""")
            assert small == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        widget.role("start").select_option("noise")
        choose(widget, "ddim", 4)
        widget.role("run").focus()
        page.keyboard.press("Enter")
        state = wait_for(widget, "done", "failed")
        live = widget.el.locator("[role=status]")
        wait_until(page, "/Done: 4 steps/.test(arg.textContent)", live.element_handle())
        assert live.get_attribute("aria-live") == "polite"
        # The same start again; the next seeds give others.
        first = widget.el.evaluate(RESULT)["xt"]
        page.keyboard.press("Enter")
        widget.until(f"s.phase === 'done' && s.seconds !== {state['seconds']}")
        assert widget.el.evaluate(RESULT)["xt"] == first
        widget.role("new-seed").click()
        widget.until("s.seed === 1")
        drawn(widget)
        assert widget.el.evaluate(RESULT)["xt"] != first
        assert log.problems() == []
