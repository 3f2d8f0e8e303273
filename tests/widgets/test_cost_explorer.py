"""<cost-explorer>: the page's arithmetic is the package's, in numbers and in words."""

from __future__ import annotations

import io
import itertools
import json
import re
from base64 import b64decode
from pathlib import Path

import numpy as np
import pytest
import traitlets
from PIL import Image

from diffusion_edu.nn.cost import TrainingCost, network_cost
from diffusion_edu.widgets import CostExplorer
from diffusion_edu.widgets.cost.widget import MACHINES, NETWORKS, PRECISIONS, SIDES
from diffusion_edu.widgets.kit import bundle

ROOT = Path(__file__).resolve().parents[2]

COST = "const c = await load('maths/cost', 'kit/numbers');"
ALL = COST + (
    "result = data.runs.map((run) => { const p = data.payload;"
    " return c.trainingCost(p.networks[run.network].sides[run.side], p.machines[run.machine], p.model,"
    " {...run, share: run.share / 100}); })"
)


@pytest.fixture(scope="module")
def explorer() -> CostExplorer:
    return CostExplorer()


def test_the_pages_numbers_are_training_cost(js, explorer):
    sizes = [(1, 1e4, 1, 1), (128, 102_400_000, 25, 1), (4096, 1e10, 100, 64), (37, 123_456_789, 61, 3)]
    runs = [
        dict(zip(CostExplorer._shared, (network, side, batch, pictures, machine, precision, share, devices)))
        for network, side, machine, precision, (batch, pictures, share, devices) in itertools.product(
            NETWORKS, SIDES, MACHINES, PRECISIONS, sizes
        )
    ]
    answer = js(ALL, {"payload": json.loads(explorer.payload), "runs": runs})
    here = CostExplorer()
    for run, shown in zip(runs, answer):
        for name, value in run.items():
            setattr(here, name, value)
        expected = here.cost._asdict()
        assert set(shown) == set(expected)
        assert {k: float(v) for k, v in shown.items()} == pytest.approx(expected, rel=1e-9), run


def test_the_payload_is_counted_not_written(explorer):
    data = json.loads(explorer.payload)
    for name, side in itertools.product(NETWORKS, SIDES):
        cost = network_cost(NETWORKS[name][1], side)
        there = data["networks"][name]["sides"][str(side)]
        assert there == {**cost._asdict(), "parts": [part._asdict() for part in cost.parts]}
        assert sum(part["flops"] for part in there["parts"]) == cost.flops
    for name, machine in MACHINES.items():
        assert data["machines"][name]["peak"] == {"fp32": machine.fp32, "half": machine.half}
        assert machine.source.startswith("measured" if name == "cpu" else "data sheet")


def test_no_machine_is_counted_with_a_one():
    words = {name: [machine.counted(n) for n in (1, 8)] for name, machine in MACHINES.items()}
    assert words["cpu"] == ["two CPU cores", "8 × two CPU cores"]
    assert words["t4"] == ["one T4", "8 × T4"]
    for name in MACHINES:
        page = CostExplorer(machine=name).html()
        assert "1 ×" not in page and f"on {words[name][0]}, " in page
    assert "of unknown" in CostExplorer(machine="cpu").html()


def test_the_peak_of_two_cores_is_the_measured_one():
    peak = json.loads((ROOT / "benchmarks/results/cpu.json").read_text())["parts"]["peak"]
    assert MACHINES["cpu"].half == pytest.approx(peak["bf16_flops"], rel=0.01)
    assert MACHINES["cpu"].fp32 == pytest.approx(peak["fp32_flops"], rel=0.01)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("withUnit(37331140608, 'FLOP')", "37.3 GFLOP"),
        ("withUnit(989e12, 'FLOP/s')", "989 TFLOP/s"),
        ("withUnit(3.35e12, 'B/s')", "3.35 TB/s"),
        ("withUnit(999.7e6, 'B')", "1 GB"),
        ("withUnit(999.4e6, 'B')", "999 MB"),
        ("withUnit(0, 'B')", "0 B"),
        ("withUnit(2.5e25, 'FLOP')", "25 YFLOP"),
        ("duration(0.0123)", "0.0123 s"),
        ("duration(59)", "59 s"),
        ("duration(90)", "1.5 min"),
        ("duration(3865.2)", "1.07 h"),
        ("duration(86400 * 2.718)", "2.72 days"),
        ("duration(365.25 * 86400 * 12345)", "12,345 years"),
        ("thousands(102400000)", "102,400,000"),
        ("thousands(6623.16)", "6,623"),
        ("thousands(999)", "999"),
    ],
)
def test_numbers_in_words(js, call, words):
    assert js(f"{COST}result = c.{call}") == words


def test_what_the_chapter_says_of_it():
    """The paper's run: 800,000 steps of 128 pictures; 3 x 12.4 GFLOP each."""
    cost = CostExplorer().cost
    assert cost.picture_flops == pytest.approx(37.3e9, rel=2e-3)
    assert cost.floor_seconds == pytest.approx(37.3e9 * 800_000 * 128 / 989e12, rel=2e-3)
    assert cost.memory_bytes < MACHINES["h100"].memory
    assert CostExplorer(machine="t4", batch=1024).cost.memory_bytes > MACHINES["t4"].memory
    slow, fast = (CostExplorer(machine="t4", precision=p, batch=32).cost for p in ("fp32", "half"))
    assert slow.seconds / fast.seconds == pytest.approx(65 / 8.1)
    assert slow.activation_bytes == 2 * fast.activation_bytes and slow.state_bytes == fast.state_bytes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"network": "papr"}, "network must be one of small, base, wide, paper, got 'papr'; did you mean 'paper'"),
        ({"machine": "v100"}, "machine must be one of cpu, t4, a100, h100, got 'v100'"),
        ({"precision": "bf16"}, "precision must be one of fp32, half, got 'bf16'"),
        ({"side": 28}, "side must be one of 16, 32, 64, got 28"),
        ({"batch": 0}, r"batch must be an integer in 1\.\.4096, got 0"),
        ({"pictures": 9999}, r"pictures must be in 1e4\.\.1e10, got 9999"),
        ({"pictures": float("nan")}, "pictures must be in"),
        ({"share": 101}, r"share must be an integer in 1\.\.100, got 101"),
        ({"devices": 65}, r"devices must be an integer in 1\.\.64, got 65"),
    ],
)
def test_bad_arguments_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        CostExplorer(**change)


def test_traits_are_checked_when_set(explorer):
    for name, bad in (("network", "big"), ("side", 33), ("share", 0), ("pictures", 1e11)):
        before = getattr(explorer, name)
        with pytest.raises(traitlets.TraitError, match=name):
            setattr(explorer, name, bad)
        assert getattr(explorer, name) == before


def test_html_holds_the_state_of_now_and_a_picture():
    explorer = CostExplorer("base", side=64, machine="a100")
    explorer.batch = 64
    page = explorer.html()
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    assert (data["network"], data["side"], data["batch"], data["machine"]) == ("base", 64, 64, "a100")
    alt = re.search(r'alt="([^"]+)"', page)[1]
    cost: TrainingCost = explorer.cost
    assert f"{cost.picture_flops / 1e9:.3g} GFLOP a training image" in alt
    assert f"memory {cost.memory_bytes / 1e9:.3g} GB with a batch of 64, of 40 GB" in alt
    picture = Image.open(io.BytesIO(b64decode(re.search(r'src="data:image/png;base64,([^"]+)"', page)[1])))
    assert picture.width == 672 and len(page) < 30_000
    # the last bar is cut where the weights and moments end
    row = np.array(picture.convert("RGB"))[-78 + 33, 16:656].astype(int)
    cut = int(np.argmax(np.abs(row - row[0]).sum(axis=1) > 0))
    assert cut == pytest.approx(640 * cost.state_bytes / cost.memory_bytes, abs=2)
    assert repr(explorer).startswith("CostExplorer(network='base', side=64, batch=64, pictures=102400000.0, ")
    assert explorer._repr_mimebundle_()[0]["text/html"] == page


def test_the_script_is_small():
    """What this widget adds to what all share, in bytes as they lie in the file."""
    names = ("maths/cost", "cost/facts", "cost/words", "cost/view", "cost/element")
    assert sum((bundle.WIDGETS / f"{name}.mjs").stat().st_size for name in names) < 24_000
