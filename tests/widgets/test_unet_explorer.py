"""The explorer of a U-Net: its rows are the trace's, its maps the network's, its words hold their numbers."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess

import numpy as np
import pytest
import torch
from chromium import wait_until
from PIL import Image

import diffusion_edu as de
from diffusion_edu.nn import UNet, UNetConfig, attention_maps, features
from diffusion_edu.widgets import UNetExplorer, record_features
from diffusion_edu.widgets.kit import bundle
from diffusion_edu.widgets.unet.fallback import places_of
from diffusion_edu.widgets.unet.widget import LEVELS, unpack_map

from .test_live import mount, page, state  # noqa: F401  (fixtures)

TINY = UNetConfig.tiny(in_channels=1, heads=2)
WITH_VEC = UNetConfig.tiny(vec_dim=5, attention_levels=(), up="nearest")
CONFIGS = {"tiny": TINY, "base": UNetConfig.base(), "paper": UNetConfig.paper(), "vec": WITH_VEC}
FOUR_TINY = dict.fromkeys(CONFIGS, TINY)
STEPS = (10, 400, 900)
SCHEDULE = de.NoiseSchedule.linear(1000)
X0 = torch.tanh(torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0)))


@pytest.fixture(scope="module")
def model():
    """A network whose zero layers were woken, as after some training."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        unet = UNet(TINY).eval()
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in unet.parameters():
            if not parameter.any():
                parameter.copy_(0.2 * torch.randn(parameter.shape, generator=g))
    return unet


@pytest.fixture(scope="module")
def traces():
    """The rows of each configuration, read off a run that computes."""
    return {label: UNet(config).trace(32) for label, config in CONFIGS.items()}


@pytest.fixture(scope="module")
def recording(model):
    return record_features(model, SCHEDULE, X0, ts=STEPS, channels=3, seed=7)


@pytest.fixture(scope="module")
def explorer(model, recording):
    return UNetExplorer({"tiny": model, **CONFIGS}, recording=recording)


def noised(t):
    """The picture that the recording saw at a step."""
    eps = torch.randn(X0.shape, generator=torch.Generator().manual_seed(7))
    return de.q_sample(X0, t, SCHEDULE, noise=eps)[0]


# ---- the Python side -------------------------------------------------------------------------------------


def test_the_rows_of_the_page_are_those_of_the_trace(traces):
    data = json.loads(UNetExplorer(CONFIGS).payload)
    assert [entry["label"] for entry in data["models"]] == list(CONFIGS)
    for entry, rows in zip(data["models"], traces.values()):
        assert [part["name"] for part in entry["parts"]] == [row.name for row in rows]
        for part, row in zip(entry["parts"], rows):
            assert (tuple(part["in"]), tuple(part["out"])) == (row.in_shape, row.out_shape)
            for name in ("kind", "parameters", "flops", "skip", "level", "residual", "heads"):
                assert part[name] == getattr(row, name)
            assert [layer[0] for layer in part["layers"]] == [layer.name for layer in row.parts]
            assert sum(layer[4] for layer in part["layers"]) == (row.parameters if row.parts else 0)


def test_both_mime_types_and_a_stable_text(explorer):
    data, _ = explorer._repr_mimebundle_()
    assert {"text/html", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert data["text/html"].count("<unet-explorer>") == 1
    assert repr(explorer) == "UNetExplorer(model=0, part='x_t', t=400, query=0)"
    source, alt = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', data["text/html"]).groups()
    picture = Image.open(io.BytesIO(base64.b64decode(source)))
    assert picture.width > 500
    assert len(set(picture.convert("L").tobytes())) > 10
    assert "32×32×16 to 8×8×32" in alt and "6 skip connections" in alt


def test_the_page_of_the_book_stays_light():
    fashion = de.load("fashion")
    x0 = de.data.to_x0(de.data.fashion_mnist("test").pixels[:1])
    recording = record_features(fashion.unet, fashion.schedule, x0)
    widget = UNetExplorer({"a": fashion.unet, "b": UNetConfig.base(), "c": UNetConfig.paper()}, recording=recording)
    assert len(widget.payload) < 125_000


def test_stored_maps_are_the_networks(model, recording):
    """Every stored map, back in the network's units, within half a grey level; what lies beyond the scale is cut."""
    for step, t in enumerate(STEPS):
        outputs = {"x_t": noised(t)} | features(model, noised(t), torch.tensor([t]))
        for name, entry in recording["maps"].items():
            scale = entry["scale"][step]
            exact = outputs[name][0, entry["channels"]].clamp(-scale, scale)
            stored = unpack_map(recording, name, t) * scale
            assert (stored - exact).abs().max() <= scale * (1 / (LEVELS - 1) + 0.01), (name, t)
            assert (exact.abs() == scale).float().mean() < 0.02, "few values are cut"
    assert set(outputs) - set(recording["maps"]) == {"time", "norm_out"}


def test_the_liveliest_channels_are_kept(model, recording):
    outputs = [features(model, noised(t), torch.tensor([t]))["down.0"][0] for t in STEPS]
    spread = torch.stack([out.flatten(1).std(dim=1, correction=0) for out in outputs]).mean(0)
    assert recording["maps"]["down.0"]["channels"] == sorted(spread.argsort(descending=True)[:3].tolist())


def test_zero_is_a_level():
    assert LEVELS % 2 == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"models": {}}, "models must be at least one network or configuration"),
        ({"models": {"a": 3}}, r"models\['a'\] must be a UNet or a UNetConfig, got 3"),
        ({"size": 30}, "height and width must be multiples of 4"),
        ({"model": 4}, r"model must be an integer in 0\.\.3, got 4"),
        ({"part": "down.12"}, "part must be one of x_t, time, conv_in.*got 'down.12'"),
        ({"t": 5}, r"t must be one of \[0\], got 5"),
        ({"query": -1}, "query must be an integer in 0"),
    ],
)
def test_explorer_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        UNetExplorer(**({"models": FOUR_TINY} | change))


def test_a_recording_of_another_network_is_refused(recording):
    with pytest.raises(ValueError, match="recording must be of the first of the models"):
        UNetExplorer({"base": UNetConfig.base()}, recording=recording)
    with pytest.raises(ValueError, match=r"t must be one of \[10, 400, 900\], got 50"):
        UNetExplorer(TINY, recording=recording, t=50)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ts": ()}, "ts must be steps in rising order"),
        ({"ts": (5, 5)}, "ts must be steps in rising order"),
        ({"ts": (1001,)}, r"ts must be an integer in 0\.\.1000, got 1001"),
        ({"channels": 0}, "channels must be an integer in 1"),
        ({"x0": torch.zeros(2, 1, 32, 32)}, "x0 must be one square image"),
    ],
)
def test_record_features_refuses(model, change, words):
    with pytest.raises(ValueError, match=words):
        record_features(**({"model": model, "schedule": SCHEDULE, "x0": X0} | change))


def test_the_row_on_show_and_a_part_that_is_not_there():
    widget = UNetExplorer(CONFIGS, model=2, part="up.14")
    assert widget.row.skip == "conv_in"
    widget.part = "middle1"
    widget.model = 1
    assert widget.part == "middle1", "a part that both have stays"
    widget.model, widget.part = 2, "up.14"
    widget.model = 1
    assert (widget.part, widget.row) == ("x_t", None)


# ---- the page, without a browser -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(node):
    """run(code, data): the value of `result` after `code`, which sees the three modules and `data`."""
    files = {"draw": "unet/layout", "words": "unet/words", "main": "unet/facts"}
    files |= {"kit": "kit/unpack", "n": "kit/numbers"}
    imports = "".join(
        f"import * as {name} from {json.dumps((bundle.WIDGETS / f'{file}.mjs').as_uri())};"
        for name, file in files.items()
    )

    def go(code, data):
        script = (
            f"{imports} import {{readFileSync}} from 'node:fs'; const data = JSON.parse(readFileSync(0, 'utf8'));"
            f"let result; {code}; console.log(JSON.stringify(result, (k, v) => ArrayBuffer.isView(v) ? [...v] : v));"
        )
        command = [node, "--input-type=module", "-e", script]
        done = subprocess.run(command, input=json.dumps(data), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return go


@pytest.fixture(scope="module")
def payload(explorer):
    return json.loads(explorer.payload)


def test_the_page_arranges_the_parts_as_the_picture_does(run, payload, traces):
    code = "result = data.models.map((m) => draw.arrange(m.parts).places)"
    for places, rows in zip(run(code, payload), traces.values()):
        found = {name: (place["side"], place["line"]) for name, place in places.items()}
        assert found.pop("x_t") == ("left", places["conv_in"]["line"] - 1)
        assert found == places_of(rows)
        assert set(found) == {row.name for row in rows}
        assert len(set(found.values())) == len(found), "no two parts in one place"
        for row in rows:
            if row.skip:
                assert found[row.skip] == ("left", found[row.name][1]), "skips lead straight across"
        down = [found[row.name][1] for row in rows if found[row.name][0] == "left" and row.level is not None]
        up = [found[row.name][1] for row in rows if found[row.name][0] == "right"]
        assert down == sorted(down)
        assert up == sorted(up, reverse=True)


def test_the_words_hold_the_numbers_of_every_part(run, payload, traces):
    code = """result = data.models.map(({parts}) => { const of = (n) => parts.find((p) => p.name === n);
      return parts.map((p) => [words.explain(p, of), words.joins(p, parts, of), words.residual(p, of),
        words.inOut(p, of)]); })"""
    for told, (label, trace) in zip(run(code, payload), traces.items()):
        rows = {row.name: row for row in trace}
        for row, (explain, joins, residual, way) in zip(rows.values(), told):
            assert not re.search("undefined|NaN|null", "".join((explain, joins, residual, way)))
            assert len(explain) > 30 and str(row.out_shape[0]) in explain + way
            if row.skip:
                a, b = row.in_shape[0], rows[row.skip].out_shape[0]
                assert f"{a} + {b} = {a + b}" in joins and f"{a + b} in, {row.out_shape[0]} out" in explain
                assert f"{a + b} → {row.out_shape[0]}" in residual
            takers = [other.name for other in rows.values() if other.skip == row.name]
            assert not takers or takers[0] in joins
            assert bool(residual) == bool(row.residual)
            assert ("1×1" in residual) == (row.residual == "1x1 convolution")
            assert ("positions attends to all" in explain) == bool(row.heads)
            if row.kind == "UpSample":
                assert ("transposed" in explain) == (CONFIGS[label].up == "transpose")


def test_numbers_are_written_for_readers(run):
    code = "result = [data.map(n.thousands), data.map(words.rough), words.share(1, 8), words.share(1, 1e5)]"
    grouped, rough, share, little = run(code, [0, 999, 1000, 35746307, 99960, 12443713536])
    assert grouped == ["0", "999", "1,000", "35,746,307", "99,960", "12,443,713,536"]
    assert rough == ["0", "999", "1.00 thousand", "35.7 million", "100 thousand", "12.4 billion"]
    assert (share, little) == ("12.5 %", "under 0.1 %")


def test_the_page_unpacks_what_python_packed(run, model, payload, recording):
    name = "middle_attention.self_attention"
    code = """const kept = {...data.recording};
      const maps = main.storedMaps(kept, await kit.inflate(kit.bytesFromBase64(data.pixels)));
      result = [maps.map("up.4", 1, 2), maps.map("x_t", 2, 0), maps.look("NAME", 1, 5)]""".replace("NAME", name)
    up, x_t, look = run(code, payload)
    # JSON of a typed array is a list; the levels are exact in both languages.
    assert np.allclose(up, unpack_map(recording, "up.4", 400)[2].flatten(), atol=1e-6)
    assert np.allclose(x_t, unpack_map(recording, "x_t", 900)[0].flatten(), atol=1e-6)
    exact = attention_maps(model, noised(400), torch.tensor([400]))[name][0].mean(0)[5]
    assert recording["attention"][name]["largest"][1][5] == round(1000 * exact.max().item())
    shown = (np.array(look) + 1) / 2  # white is the largest weight of the row
    assert np.abs(shown - (exact / exact.max()).numpy()).max() <= 0.5 / (LEVELS - 1) + 1e-4


# ---- live ------------------------------------------------------------------------------------------------


@pytest.mark.browser
def test_the_page_and_python_follow_each_other(mount, explorer):  # noqa: F811
    page = mount(explorer)  # noqa: F811
    assert state(page, "s.ready")["part"] == "x_t"
    page.locator("[data-role=part]").focus()
    page.keyboard.press("ArrowRight")
    wait_until(page, "model.saved.part === 'time'")
    page.evaluate("model.push('part', 'up.4')")
    assert state(page, "s.part === 'up.4'")["skip"] == "down.1"
    page.locator("[data-role=model]").select_option("2")
    wait_until(page, "model.saved.model === 2")
    assert state(page, "s.model === 2")["part"] == "up.4", "paper has such a part, too"
    page.evaluate("model.push('part', 'up.14')")
    state(page, "s.part === 'up.14'")
    page.locator("[data-role=model]").select_option("0")
    wait_until(page, "model.saved.model === 0 && model.saved.part === 'x_t'")
    page.evaluate("leave()")
    assert page.evaluate("Object.values(model.listeners).flat().length") == 0
    assert page.locator(".de-panel").count() == 0
