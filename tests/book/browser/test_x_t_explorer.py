"""The explorer of x_t shows what the package computes, for every schedule, picture, noise and file."""

from __future__ import annotations

import base64
import io
import math

import numpy as np
import pytest
import torch
from PIL import Image
from widgets import Widget, clock_of, payload

import diffusion_edu as de
from diffusion_edu.widgets.maths.noise import widget_noise

pytestmark = pytest.mark.browser
TAG = "x-t-explorer"
TIGHT = 1e-10


@pytest.fixture
def widget(on) -> Widget:
    return Widget(on(TAG), TAG)


@pytest.fixture(scope="module")
def data(site) -> dict:
    found = payload(site.folder, TAG)
    shape = (-1, found["channels"], found["size"], found["size"])
    pixels = np.frombuffer(base64.b64decode(found["pixels"]), dtype=np.uint8).reshape(shape)
    eps = np.frombuffer(base64.b64decode(found["eps"]), dtype="<f4").reshape(1, *shape[1:])
    found["x0"] = torch.from_numpy(pixels.astype(np.float64)) / 127.5 - 1
    found["noise"] = torch.from_numpy(eps.astype(np.float64))
    return found


def expected(x0: torch.Tensor, eps: torch.Tensor, t: int, schedule: de.NoiseSchedule) -> tuple[dict, np.ndarray]:
    """The numbers and the picture (height, width, channels) that the package gives."""
    x_t = de.q_sample(x0, t, schedule, noise=eps)[0]
    snr = schedule.snr[t].item()
    numbers = {
        "alpha_bar": schedule.alpha_bar[t].item(),
        "signal": schedule.signal(t),
        "noise": schedule.noise(t),
        "snr": snr,
        "snr_db": math.inf if snr == math.inf else 10 * math.log10(snr),
        "mean": x_t.mean().item(),
        "std": x_t.std(correction=0).item(),
    }
    return numbers, ((x_t[0].clamp(-1, 1) + 1) * 127.5).permute(1, 2, 0).numpy()


def agree(widget: Widget, x0: torch.Tensor, eps: torch.Tensor, schedule: de.NoiseSchedule) -> None:
    """The widget's numbers and pixels are the package's."""
    state = widget.state
    numbers, picture = expected(x0, eps, state["t"], schedule)
    assert {name: state[name] for name in numbers} == pytest.approx(numbers, rel=TIGHT, abs=1e-12)
    shown = widget.pixels(".de-violet canvas").astype(float)
    assert np.abs(shown - picture).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("name", ["linear", "scaled_linear", "cosine"])
def test_numbers_and_pixels_are_the_packages(widget, data, name) -> None:
    schedule = de.NoiseSchedule.from_name(name, data["T"])
    widget.role("schedule").select_option(name)
    x0 = data["x0"][widget.state["picture"]][None]
    for t in (0, 1, data["T"] // 3, data["T"] - 1, data["T"]):
        widget.type("t", t)
        state = widget.until(f"s.t === {t} && s.schedule === '{name}'")
        assert (state["T"], state["noise_source"], state["seed"]) == (data["T"], "package", data["eps_seed"])
        agree(widget, x0, data["noise"], schedule)


def test_begins_where_the_chapter_left_it(widget, data) -> None:
    state = widget.state
    assert {name: state[name] for name in ("t", "schedule", "seed", "picture")} == {
        name: data[name] for name in ("t", "schedule", "seed", "picture")
    }


def test_other_pictures(widget, data) -> None:
    assert len(data["labels"]) >= 3, "the chapter promises several pictures"
    schedule = de.NoiseSchedule.from_name(widget.state["schedule"], data["T"])
    for i, label in enumerate(data["labels"]):
        radio = widget.role("picture", i)
        assert radio.get_attribute("aria-label") == label
        radio.check(force=True)  # the radio button lies, unseen, over its thumbnail
        widget.until(f"s.picture === {i}")
        agree(widget, data["x0"][i][None], data["noise"], schedule)
        assert (
            np.abs(widget.pixels(".de-blue canvas") - (data["x0"][i] + 1).permute(1, 2, 0).numpy() * 127.5).max() <= 0.5
        )
    widget.page.keyboard.press("ArrowLeft")
    widget.until(f"s.picture === {len(data['labels']) - 2}")


def test_new_noise_is_drawn_as_the_package_draws_it(widget, data) -> None:
    before = widget.state
    schedule = de.NoiseSchedule.from_name(before["schedule"], data["T"])
    x0 = data["x0"][before["picture"]][None]
    for seed in (before["seed"] + 1, before["seed"] + 2):
        widget.role("new-noise").click()
        state = widget.until(f"s.seed === {seed}")
        assert state["noise_source"] == "widget"
        agree(widget, x0, widget_noise(data["x0"].shape[1:], seed), schedule)


def test_text_and_charts_follow(widget, data) -> None:
    widget.role("schedule").select_option("linear")
    widget.type("t", data["T"] // 2)
    state = widget.until(f"s.t === {data['T'] // 2} && s.schedule === 'linear'")
    words = widget.el.locator(".de-status").inner_text()
    for value in (
        f"{state['alpha_bar']:.3f}",
        f"{state['signal']:.3f}",
        f"{state['noise']:.3f}",
        f"{state['snr_db']:.1f}".replace("-", "−"),
    ):
        assert value in words
    assert f"{state['signal']:.3f}" in widget.el.locator(".de-blue figcaption").inner_text()
    curve = widget.el.locator(".de-chart.de-x svg").first
    before = widget.picture()
    widget.page.mouse.click(*widget.spot(curve, 0.8))
    widget.until(f"Math.abs(s.t / {data['T']} - 0.8) < 0.1")
    assert widget.picture() != before
    assert widget.drag(curve, (0.8, 0.5), (0.3, 0.5)) >= 3
    assert abs(widget.state["t"] / data["T"] - 0.25) < 0.1
    # the histogram comes near the normal curve at the end, and is far from it at the start
    assert widget.el.locator("text:text-is('0 dB: equal variance')").is_visible()
    bars = widget.el.locator(".de-chart svg").nth(2)
    at_end = bars.get_attribute("aria-label")
    widget.type("t", 0)
    widget.until("s.t === 0")
    assert bars.get_attribute("aria-label") != at_end


def test_what_is_typed_stays_in_bounds(widget, data) -> None:
    for typed, t in ((data["T"] + 500, data["T"]), (-5, 0), ("", 0)):
        widget.type("t", typed)
        assert widget.until(f"s.t === {t}")["t"] == t
        assert widget.role("t-number").input_value() == str(t)


def test_a_number_beyond_the_limits_is_brought_back_and_says_so(on, data) -> None:
    widget = Widget(on(TAG, clock=True), TAG)
    tip = widget.el.locator(".de-limits")
    widget.type("t", data["T"] // 2)
    assert tip.count() == 0
    with clock_of(widget.page) as let_pass:
        widget.type("t", data["T"] + 500)
        assert tip.inner_text() == f"0 to {data['T']:,}" and tip.get_attribute("role") == "alert"
        box, number = tip.bounding_box(), widget.role("t-number").bounding_box()
        assert 0 <= box["y"] - number["y"] - number["height"] < 6, "it stands below its box"
        assert box["x"] + box["width"] == pytest.approx(number["x"] + number["width"], abs=2)
        let_pass(5000)
        assert tip.count() == 0


def test_the_three_images_stand_on_one_line(widget) -> None:
    captions = [figure.bounding_box() for figure in widget.el.locator(".de-xt-sum figcaption").all()]
    assert len(captions) == 3
    assert captions[0]["y"] == pytest.approx(captions[1]["y"], abs=1.5) == captions[2]["y"]


def png(width: int = 60, height: int = 40) -> bytes:
    """A picture of the reader's own: a colour gradient, wider than high."""
    y, x = np.mgrid[0:height, 0:width]
    red, green, blue = 255 * x / (width - 1), 255 * y / (height - 1), np.full_like(x, 60.0)
    buffer = io.BytesIO()
    Image.fromarray(np.stack([red, green, blue], axis=-1).astype(np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def read_as_the_page_does(size: int) -> np.ndarray:
    """(size, size, 3): the centred square of that picture, scaled."""
    image = Image.open(io.BytesIO(png())).crop((10, 0, 50, 40)).resize((size, size), Image.Resampling.BILINEAR)
    return np.asarray(image).astype(float)


def test_readers_own_picture(widget, data) -> None:
    asked = []
    widget.page.on("request", lambda request: asked.append(request.url))
    schedule = de.NoiseSchedule.from_name(widget.state["schedule"], data["T"])
    widget.role("file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": png()})
    widget.until("s.picture === -1")
    wanted = read_as_the_page_does(data["size"]) @ np.array([0.299, 0.587, 0.114])
    grey = widget.pixels(".de-blue canvas").astype(float)
    assert (grey == grey[..., :1]).all()
    assert np.abs(grey[..., 0] - wanted).max() < 6
    agree(widget, torch.from_numpy(grey[..., 0])[None, None] / 127.5 - 1, data["noise"], schedule)
    assert asked == [], "the file was sent somewhere"

    widget.role("colour").check()
    widget.until("s.noise_source === 'widget'")
    colour = widget.pixels(".de-blue canvas").astype(float)
    assert np.abs(colour - read_as_the_page_does(data["size"])).max() < 6
    x0 = torch.from_numpy(colour).permute(2, 0, 1)[None] / 127.5 - 1
    agree(widget, x0, widget_noise(x0.shape[1:], widget.state["seed"]), schedule)

    widget.role("picture", 0).check(force=True)
    widget.until("s.picture === 0")
    assert not widget.role("colour").is_visible()
    agree(widget, data["x0"][:1], data["noise"], schedule)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.png", png()[:40]),
        ("notes.txt", b"no picture at all"),
        ("empty.png", b""),
        ("huge.png", png() + bytes(31_000_000)),
    ],
    ids=["cut short", "text", "empty", "too large"],
)
def test_a_bad_file_is_named_and_forgotten(widget, tmp_path, name, content) -> None:
    before, picture = widget.state, widget.picture()
    alert = widget.el.locator("[role=alert]")
    assert not alert.is_visible()
    (tmp_path / name).write_bytes(content)
    widget.role("file").set_input_files(tmp_path / name)
    alert.wait_for(state="visible")
    assert name in alert.inner_text()
    assert widget.state == before
    assert widget.picture() == picture
    # a good file after it is taken, and the message goes
    widget.role("file").set_input_files({"name": "mine.png", "mimeType": "image/png", "buffer": png()})
    widget.until("s.picture === -1")
    assert not alert.is_visible()


def test_a_file_can_be_dropped(widget) -> None:
    widget.el.evaluate(
        """(el, code) => {
        const bytes = Uint8Array.from(atob(code), (c) => c.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], "mine.png", { type: "image/png" }));
        const drop = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer });
        el.querySelector(".de-panel").dispatchEvent(drop);
    }""",
        base64.b64encode(png()).decode(),
    )
    widget.until("s.picture === -1")
