"""The sampler with a kernel: the page asks Python for the noise, and draws what Python would draw."""

from __future__ import annotations

import importlib.util
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from playwright.sync_api import sync_playwright

import diffusion_edu as de
from diffusion_edu.widgets import LiveSampler
from diffusion_edu.widgets.payload import widget_noise

TOOLS = Path(__file__).resolve().parents[2] / "tools"

# A model as anywidget gives it to `render`, whose messages go to the Python object of this test.
MOUNT = """async ([source, values]) => {
  const listeners = {};
  const model = {
    get: (name) => values[name],
    set: (name, value) => (values[name] = value),
    save_changes() {},
    on: (event, f) => (listeners[event] ||= []).push(f),
    off: (event, f) => (listeners[event] = (listeners[event] || []).filter((g) => g !== f)),
    async send(content, _, buffers) {
      const [reply, numbers] = await askPython(content, Array.from(new Float32Array(buffers[0])));
      const bytes = numbers ? [new DataView(Float32Array.from(numbers).buffer)] : [];
      (listeners["msg:custom"] || []).forEach((f) => f(reply, bytes));
    },
  };
  const module = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  module.default.render({model, el: document.body.appendChild(document.createElement("div"))});
}"""
STATE = "document.querySelector('.de-widget').state"


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("find_browser", TOOLS / "find_browser.py")
    finder = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(finder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=finder.find(), args=["--no-sandbox", "--disable-gpu"])
        yield browser.new_page()
        browser.close()


def ask(widget, content, numbers):
    """What the widget sends back for a message from the page: (content, float32 numbers or None)."""
    sent = []
    widget.send = lambda reply, buffers=None: sent.append((reply, buffers))
    widget._answer(widget, content, [np.asarray(numbers, "<f4").tobytes()])
    ((reply, buffers),) = sent
    return reply, np.frombuffer(buffers[0], "<f4").tolist() if buffers else None


@pytest.mark.browser
def test_kernel_draws_what_python_draws(page):
    widget = LiveSampler(steps=4, seed=5)
    page.expose_function("askPython", lambda content, numbers: ask(widget, content, numbers))
    page.set_content("<!doctype html><html lang=en><body></body></html>")
    page.evaluate(MOUNT, [widget._esm, {name: getattr(widget, name) for name in ("payload", *widget._shared)}])
    page.locator("[data-role=samples]").select_option("1")
    page.locator("[data-role=run]").click()
    page.wait_for_function(f"['done', 'failed'].includes({STATE}.phase)", timeout=60_000)
    state = page.evaluate(STATE)
    assert (state["phase"], state["provider"], state["reason"]) == ("done", "python", "")
    fashion = de.load("fashion")
    x_t = widget_noise(fashion.shape, 5).float()
    with torch.no_grad():
        for t, s in itertools.pairwise(de.timesteps(1000, 4)):
            x_t = de.ddim_step(x_t, fashion.denoiser(x_t, t), t, s, fashion.schedule)
    found = torch.tensor(page.evaluate("Array.from(document.querySelector('.de-widget').result.xt)"))
    assert (found - x_t.flatten()).abs().max() < 1e-4

    def broken(*args):
        raise RuntimeError("out of memory")

    widget._system.model.forward = broken
    page.locator("[data-role=run]").click()
    page.wait_for_function(f"{STATE}.phase === 'failed'")
    assert "out of memory" in page.locator("[role=alert]").inner_text()


def test_payload_is_small_and_holds_what_a_page_needs():
    widget = LiveSampler()
    data = json.loads(widget.payload)
    assert data["model"] == "fashion"
    assert data["schedule"]["T"] == 1000
    assert len(data["labels"]) == 6
    assert len(widget.html()) < 60_000


def test_start_pictures_can_be_given():
    pictures = de.data.fashion_mnist("test").pixels[:3]
    assert json.loads(LiveSampler(images=pictures).payload)["labels"] == ["picture 1", "picture 2", "picture 3"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model": "fashon"}, "model must be one of fashion"),
        ({"method": "euler"}, "method must be one of ddpm"),
        ({"steps": 1}, r"steps must be an integer in 2\.\.1000, got 1"),
        ({"steps": 1001}, "steps must be"),
        ({"eta": 1.5}, "eta must be between 0 and 1, got 1.5"),
        ({"seed": -1}, "seed must be"),
        ({"images": torch.zeros(2, 3, 32, 32)}, r"images must have shape \(N, 1, 32, 32\), got \(2, 3, 32, 32\)"),
        ({"images": torch.zeros(2, 1, 32, 32), "labels": ["one"]}, "labels must hold one name a picture"),
    ],
)
def test_mistakes_are_told(change, told):
    with pytest.raises(ValueError, match=told):
        LiveSampler(**change)


def test_traits_are_checked_when_set():
    widget = LiveSampler()
    with pytest.raises(ValueError, match="steps must be"):
        widget.steps = 5000
    assert widget.steps == 50
