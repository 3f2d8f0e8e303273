"""The sampler with a kernel: the page asks Python for the noise, and draws what Python would draw."""

from __future__ import annotations

import base64
import io
import itertools
import json

import numpy as np
import pytest
import torch
from chromium import PATIENCE, wait_until
from kernel import mount
from PIL import Image
from torch import nn

import diffusion_edu as de
from diffusion_edu.pretrained import WEIGHTS
from diffusion_edu.widgets import LiveSampler
from diffusion_edu.widgets.kit import bundle
from diffusion_edu.widgets.maths.noise import widget_noise
from diffusion_edu.widgets.model.kernel import answer

STATE = "document.querySelector('.de-widget').state"


@pytest.fixture
def page(chromium):
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.mark.browser
def test_kernel_draws_what_python_draws(page):
    widget = LiveSampler(steps=4, seed=5)
    mount(page, widget)
    page.locator("[data-role=samples]").select_option("1")
    page.locator("[data-role=run]").click()
    wait_until(page, f"['done', 'failed'].includes({STATE}.phase)")
    state = page.evaluate(STATE)
    assert (state["phase"], state["provider"], state["reason"]) == ("done", "python", "")
    fashion = de.load("fashion")
    x_t = widget_noise(fashion.shape, 5).float()
    with torch.no_grad():
        for t, s in itertools.pairwise(de.timesteps(1000, 4)):
            x_t = de.ddim_step(x_t, fashion.denoiser(x_t, t), t, s, fashion.schedule)
    found = torch.tensor(page.evaluate("Array.from(document.querySelector('.de-widget').result.xt)"))
    assert (found - x_t.flatten()).abs().max() < 1e-4
    page.evaluate("model.push('seed', 6)")
    wait_until(page, f"{STATE}.phase === 'ready' && {STATE}.seed === 6")

    def broken(**feeds):
        raise RuntimeError("out of memory")

    widget._system.unet.forward = broken
    page.locator("[data-role=run]").click()
    wait_until(page, f"{STATE}.phase === 'failed'")
    assert "out of memory" in page.locator("[role=alert]").inner_text()


def test_what_the_network_predicts_and_how_it_is_clipped_travel_with_it(monkeypatch):
    fashion = type(de.load("fashion"))
    other = property(lambda self: de.Denoiser(self.unet, self.schedule, "v", "dynamic"))
    monkeypatch.setattr(fashion, "denoiser", other)
    network = json.loads(LiveSampler().payload)["network"]
    assert (network["target"], network["clip"]) == ("v", "dynamic")


def test_a_page_of_version_0_1_names_its_model_alone(js):
    code = "const f = await load('live/facts'); result = [f.networkOf({ model: 'fashion' }), f.networkOf(data)]"
    old, new = js(code, json.loads(LiveSampler().payload))
    assert int(new.pop("bytes")) > 0, "what an old page does not tell"
    assert old == new


FEEDS = [{"name": "x_t", "type": "float32", "dims": [2, 3]}, {"name": "mask", "type": "bool", "dims": [2]}]


def test_the_kernel_runs_the_graph_that_is_asked_for_on_inputs_by_name():
    class Masked(nn.Linear):
        def forward(self, mask, x_t):
            return super().forward(x_t) * mask[:, None]

    graphs = {"first": Masked(3, 4).half(), "second": Masked(3, 2)}
    x_t, mask = torch.randn(2, 3), torch.tensor([True, False])
    question = {"id": 7, "graph": "second", "feeds": FEEDS}
    reply, (content,) = answer(graphs, question, [x_t.numpy().tobytes(), mask.numpy().tobytes()])
    assert reply["id"] == 7 and reply["ms"] > 0
    assert reply["outputs"] == [{"name": "prediction", "type": "float32", "dims": [2, 2]}]
    expected = graphs["second"](mask, x_t)
    torch.testing.assert_close(torch.frombuffer(bytearray(content), dtype=torch.float32).reshape(2, 2), expected)
    half, _ = answer(graphs, question | {"graph": "first"}, [x_t.numpy().tobytes(), mask.numpy().tobytes()])
    assert half["outputs"][0] == {"name": "prediction", "type": "float32", "dims": [2, 4]}
    reply, nothing = answer(graphs, question | {"graph": "third"}, [b"", b""])
    assert nothing == [] and "graph must be one of first, second, got 'third'" in reply["failed"]


def test_the_kernel_gives_a_network_its_condition_by_name():
    class Told(nn.Linear):
        def forward(self, x_t, t, cond=None):
            return super().forward(x_t) + t[:, None] + (cond.tokens.sum(2) * cond.mask).sum(1, keepdim=True)

    network, x_t, tokens = Told(3, 4), torch.randn(2, 3), torch.randn(2, 5, 6)
    t, mask = torch.tensor([3, 700]), torch.tensor([[True, True, False, False, True]] * 2)
    fed = {"x_t": x_t, "t": t, "tokens": tokens, "mask": mask}
    types = {torch.float32: "float32", torch.int64: "int64", torch.bool: "bool"}
    feeds = [{"name": name, "type": types[x.dtype], "dims": list(x.shape)} for name, x in fed.items()]
    question = {"id": 1, "graph": "unet", "feeds": feeds}
    _, (content,) = answer({"unet": network}, question, [x.numpy().tobytes() for x in fed.values()])
    expected = network(x_t, t, de.Cond(tokens=tokens, mask=mask))
    torch.testing.assert_close(torch.frombuffer(bytearray(content), dtype=torch.float32).reshape(2, 4), expected)


WORKER = """
const asked = [];
globalThis.onmessage = null;
globalThis.postMessage = (message) => asked.push(message);
globalThis.fetch = async (url) => {
  const name = url.split("/").pop();
  const content = { "runtime.json": JSON.stringify(data.runtime), "r.mjs": "" }[name] ?? name.repeat(10);
  const bytes = new TextEncoder().encode(content);
  return { ok: true, json: async () => JSON.parse(content), body: new Blob([bytes]).stream() };
};
class Tensor {
  constructor(type, values, dims) { Object.assign(this, { type, values, dims }); }
  getData() { return Promise.resolve(this.values); }
}
const sessions = [];
globalThis.fakeRuntime = { Tensor, env: { wasm: {} }, InferenceSession: { async create(graph, options) {
  const name = new TextDecoder().decode(graph).slice(0, 6);
  sessions.push([name, options.externalData.map(({ path, data }) => [path, data.length])]);
  return { run: async (feeds) => ({ [name]: new Tensor("float32", feeds.z.values.map((v) => 2 * v), feeds.z.dims) }) };
} } };
await import(data.worker);
await onmessage({ data: { load: { runtime: data.base + "runtime.json",
  graphs: { unet: data.base + "a.onnx", decoder: data.base + "b.onnx" }, weights: [data.base + "w.safetensors"] } } });
const feeds = { z: { type: "float32", data: Float32Array.of(1, 2), dims: [1, 2] } };
await onmessage({ data: { id: 3, graph: "decoder", feeds } });
await onmessage({ data: { id: 4, graph: "nothing", feeds } });
const ends = asked.filter((m) => m.progress === undefined);
result = { sessions, ready: ends[0], share: asked.filter((m) => m.progress).at(-1), answer: ends[1], failed: ends[2] };
"""


def test_the_worker_holds_several_graphs_that_share_their_weights(js, tmp_path):
    runtime = tmp_path / "r.mjs"
    runtime.write_text("export const { Tensor, env, InferenceSession } = globalThis.fakeRuntime;", encoding="utf-8")
    models = {"a.onnx": 60, "b.onnx": 60, "w.safetensors": 130}
    listed = {"wasm": {"module": "r.mjs", "binary": "r.wasm", "bytes": 60}, "models": models}
    worker = (bundle.WIDGETS / "model/worker.mjs").as_uri()
    found = js(WORKER, {"base": tmp_path.as_uri() + "/", "runtime": listed, "worker": worker})
    weights = [["w.safetensors", "130"]]
    assert found["sessions"] == [["a.onnx", weights], ["b.onnx", weights]]
    assert found["ready"] == {"ready": "wasm", "bytes": "310"}
    assert found["share"] == {"progress": "1"}
    assert found["answer"]["id"] == "3"
    assert found["answer"]["outputs"] == {"b.onnx": {"type": "float32", "data": ["2", "4"], "dims": ["1", "2"]}}
    assert found["failed"] == {"failed": "graph must be one of unet, decoder, got nothing"}


def test_payload_is_small_and_holds_what_a_page_needs():
    widget = LiveSampler()
    data = json.loads(widget.payload)
    assert data["network"] == {
        "graphs": {"unet": "fashion.onnx"},
        "weights": ["fashion.safetensors"],
        "target": "eps",
        "clip": "static",
        "bytes": sum((WEIGHTS / f"fashion.{end}").stat().st_size for end in ("onnx", "safetensors")),
    }
    assert data["still"] == {"steps": 20, "times": [1000, 850, 700, 550, 450, 300, 150, 0]}
    assert data["schedule"]["T"] == 1000
    assert len(data["labels"]) == 6
    assert len(widget.html()) < 60_000


def test_the_stored_run_has_a_gray_line_between_its_images():
    widget = LiveSampler(seed=45)
    url, alt = widget._picture()
    sheet = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))))
    assert sheet.shape == (2 * 32 + 1, 8 * 32 + 7)
    assert (sheet[32] == 128).all() and (sheet[:, 32::33] == 128).all()
    last = de.last(de.sample(de.load("fashion").denoiser, (1, 1, 32, 32), de.DDIM(), 20, seeds=[45]))
    assert np.array_equal(sheet[:32, -32:], de.data.to_pixels(last.x_t.clamp(-1, 1))[0, 0].numpy())
    assert alt.endswith("at t = 1000, 850, 700, 550, 450, 300, 150, 0")


def test_start_pictures_can_be_given():
    pictures = de.data.fashion_mnist("test").pixels[:3]
    assert json.loads(LiveSampler(images=pictures).payload)["labels"] == ["image 1", "image 2", "image 3"]


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
        ({"images": torch.zeros(2, 1, 32, 32), "labels": ["one"]}, "labels must hold one name per image"),
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
