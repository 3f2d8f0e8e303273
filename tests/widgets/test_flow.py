"""<flow-explorer>: the page's oracle, steps and random numbers are the package's, and its samples are the data's."""

from __future__ import annotations

import io
import json
import re
from base64 import b64decode

import numpy as np
import pytest
import torch
import traitlets
from PIL import Image

import diffusion_edu as de
from diffusion_edu.widgets import FlowExplorer

SCHEDULE = de.NoiseSchedule.linear(1000)
FLOW = "const flow = await load('maths/oracle', 'maths/noise', 'flow/runs', 'flow/shapes');"
# What the page does with a payload: the same calls as in flow/facts.mjs.
WORLD = (
    FLOW
    + """
const p = JSON.parse(data.payload);
const schedule = maths.makeSchedule(p.schedule, p.T);
const oracle = flow.makeOracle(kit.floatsFromBase64(p.shapes[data.shape].points), p.std, schedule);
const x0 = flow.draw(oracle, p.n, data.seed);
const normal = (stream) => maths.gaussian(flow.streamSeed(data.seed, stream), 2 * p.n);
const eps = normal(flow.STREAMS.eps);
const begin = data.start === "data" ? maths.qSample(x0, eps, data.start_t, schedule) : normal(flow.STREAMS.start);
const startT = data.start === "data" ? data.start_t : p.T;
const run = data.direction === "back" ? flow.samplingRun(oracle, begin, startT, data.steps, data.eta, data.seed)
  : data.forward === "walk" ? flow.noisingRun(x0, data.steps, schedule, data.seed) : null;
run?.advance();
"""
)


def plane(values: list[str]) -> torch.Tensor:
    """A flat list of numbers as JavaScript prints them as (n, 2) float64."""
    return torch.tensor([float(v) for v in values], dtype=torch.float64).reshape(-1, 2)


def shared(widget: FlowExplorer) -> dict:
    return {"payload": widget.payload} | {name: getattr(widget, name) for name in FlowExplorer._shared}


@pytest.mark.parametrize("t", [1, 10, 100, 400, 1000])
def test_the_pages_oracle_is_mixture_oracle(js, t):
    g = torch.Generator().manual_seed(t)
    means = torch.randn(200, 2, generator=g, dtype=torch.float64)
    # at home, between the centres, and far outside
    x = torch.cat([torch.randn(300, 2, generator=g, dtype=torch.float64), means[:20], 30 * means[:20]])
    code = (
        "const o = flow.makeOracle(Float64Array.from(data.means), 0.07, maths.makeSchedule('linear', 1000));"
        "result = flow.estimate(o, Float64Array.from(data.x), data.t, new Float64Array(data.x.length))"
    )
    answer = plane(js(FLOW + code, {"means": means.flatten().tolist(), "x": x.flatten().tolist(), "t": t}))
    expected = de.MixtureOracle(means, 0.07, schedule=SCHEDULE)(x, t).x0
    assert (answer - expected).abs().max() < 1e-9


def test_at_step_zero_the_oracle_leaves_the_points_alone(js):
    code = (
        "const o = flow.makeOracle(Float64Array.of(0, 0, 1, 1), 0.05, maths.makeSchedule('linear', 1000));"
        "result = flow.estimate(o, Float64Array.of(0.4, 0.1), 0, new Float64Array(2))"
    )
    assert [float(v) for v in js(FLOW + code)] == pytest.approx([0.4, 0.1], abs=1e-15)


RUNS = [
    {"direction": "back", "steps": 10, "eta": 0.0},
    {"direction": "back", "steps": 25, "eta": 1.0, "seed": 9},
    {"direction": "back", "steps": 1, "eta": 1.0},
    {"direction": "back", "steps": 30, "eta": 0.4, "start": "data", "start_t": 333, "shape": "rings"},
    {"direction": "noise", "forward": "walk", "steps": 20, "seed": 4},
    {"direction": "noise", "forward": "walk", "steps": 1, "shape": "letters"},
]


@pytest.mark.parametrize("options", RUNS, ids=lambda o: "-".join(map(str, o.values())))
def test_whole_runs_equal_the_package(js, options):
    widget = FlowExplorer(n=150, **options)
    code = (
        "result = {times: run.times, states: run.states,"
        "between: run.at((run.times[0] * 2 + run.times[1]) / 3),"
        "beyond: run.at(run.times.at(-1)), estimates: run.estimates.length}"
    )
    answer = js(WORLD + code, shared(widget))
    times = [int(t) for t in answer["times"]]
    states = [plane(state) for state in answer["states"]]
    assert sorted(times) == times if options["direction"] == "noise" else sorted(times, reverse=True) == times
    assert len(states) == len(times) and 0 in times
    worst = 0.0
    for t, state in zip(times, states):
        widget.t = t
        worst = max(worst, (state - widget.x_t).abs().max().item())
    assert worst < 1e-8
    # two thirds of the way stay: a straight line between two visited steps
    torch.testing.assert_close(plane(answer["between"]), states[0] + (states[1] - states[0]) / 3, rtol=0, atol=1e-12)
    assert torch.equal(plane(answer["beyond"]), states[-1])
    assert int(answer["estimates"]) == (len(times) - 1 if options["direction"] == "back" else 0)


@pytest.mark.parametrize("t", [0, 1, 500, 1000])
def test_the_jump_is_q_sample(js, t):
    widget = FlowExplorer(n=100, t=t, seed=3)
    shown = plane(js(WORLD + "result = maths.qSample(x0, eps, data.t, schedule)", shared(widget)))
    torch.testing.assert_close(shown, widget.x_t, rtol=0, atol=1e-9)


def test_slices_make_the_run_that_one_go_makes(js):
    widget = FlowExplorer(n=350, direction="back", steps=4, eta=1.0)
    code = (
        "const sliced = flow.samplingRun(oracle, begin, startT, data.steps, data.eta, data.seed);"
        "let slices = 0, seen = []; while (!sliced.advance(() => true)) { slices++; seen.push(sliced.has(500)); }"
        "result = {slices, seen: seen.map(Number), same: run.states.every((s, i) => s.every((v, j) =>"
        " v === sliced.states[i][j])) ? 1 : 0, stays: sliced.at(0)}"
    )
    answer = js(WORLD + code, shared(widget))
    # 4 steps of 350 points, a hundred at a time: four slices each, the last of them ends the run
    assert int(answer["slices"]) == 15
    assert answer["same"] == "1"
    assert answer["seen"] == sorted(answer["seen"]) and answer["seen"].count("1") == 8


def test_a_run_shows_the_last_state_that_it_has(js):
    widget = FlowExplorer(n=250, direction="back", steps=4)
    code = (
        "const young = flow.samplingRun(oracle, begin, startT, 4, 0, 0);young.advance(() => young.states.length === 2);"
        "result = {at: young.at(0), second: young.states[1], has: [750, 749, 0].map((t) => Number(young.has(t)))}"
    )
    answer = js(WORLD + code, shared(widget))
    assert answer["at"] == answer["second"]
    assert answer["has"] == ["1", "0", "0"]


@pytest.mark.parametrize(("steps", "eta"), [(100, 0.0), (100, 1.0)])
def test_samples_have_the_moments_and_the_shape_of_the_data(js, steps, eta):
    n = 4000
    widget = FlowExplorer(n=n, direction="back", steps=steps, eta=eta)
    code = "result = {x: run.states.at(-1), d: flow.distanceToShape(run.states.at(-1), oracle.centres)}"
    answer = js(WORLD + code, shared(widget))
    samples, centres = plane(answer["x"]), widget.oracle.means
    mean, cov = centres.mean(0), torch.cov(centres.T, correction=0) + 0.05**2 * torch.eye(2)
    # five standard errors of a mean, and as much again of the covariance for the bias of finitely many steps
    assert (samples.mean(0) - mean).abs().max() < 5 / n**0.5
    assert (torch.cov(samples.T) - cov).abs().max() < 0.08
    fresh = centres[torch.arange(n) % len(centres)] + 0.05 * torch.randn(
        n, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64
    )
    near = torch.cdist(fresh, centres).min(dim=1).values.mean().item()
    assert float(answer["d"]) == pytest.approx(near, rel=0.3)
    # new points: none of them is one of the data points
    assert torch.cdist(samples, centres).min() > 1e-6


def test_one_step_from_noise_lands_in_the_middle(js):
    """The question at the head of chapter 1: from pure noise the best single guess is the mean of all data."""
    widget = FlowExplorer(n=500, direction="back", steps=1)
    samples = plane(js(WORLD + "result = run.states.at(-1)", shared(widget)))
    assert (samples - widget.oracle.means.mean(0)).norm(dim=1).max() < 0.1


def test_walking_and_jumping_have_the_same_moments():
    n = 20_000
    walk, jump = (FlowExplorer(n=n, forward=way, t=300, steps=100, seed=5).x_t for way in ("walk", "jump"))
    assert (walk.mean(0) - jump.mean(0)).abs().max() < 6 / n**0.5
    assert (torch.cov(walk.T) - torch.cov(jump.T)).abs().max() < 0.05
    assert (walk - jump).norm(dim=1).mean() > 0.5, "the same noise in both ways"


def test_distance_is_that_to_the_nearest(js):
    widget = FlowExplorer(n=300, t=700)
    code = "const x = maths.qSample(x0, eps, data.t, schedule);"
    code += "result = [flow.distanceToShape(x, oracle.centres), flow.distanceToShape(x, oracle.centres, 50)]"
    every, some = (float(v) for v in js(WORLD + code, shared(widget)))
    expected = torch.cdist(widget.x_t, widget.oracle.means).min(dim=1).values
    assert every == pytest.approx(expected.mean().item(), rel=1e-9)
    assert some == pytest.approx(expected[:50].mean().item(), rel=1e-9)


def test_streams_of_random_numbers_are_strangers(js):
    code = "const s = Object.values(flow.STREAMS).flatMap((v) => [v, v + 199]);"
    code += "result = data.flatMap((seed) => s.map((v) => flow.streamSeed(seed, v)))"
    used = [int(v) for v in js(FLOW + code, [0, 1, 2, 999_999])]
    assert len(set(used)) == len(used) and max(used) < 2**31 and min(used) >= 0


def test_strokes_are_covered_evenly(js):
    code = "result = flow.alongStrokes(data, 40)"
    points = plane(js(FLOW + code, [[0, 0, 3, 0], [0, 1, 0, 2]]))
    first, second = points[points[:, 1] == 0], points[points[:, 1] > 0]
    assert (len(first), len(second)) == (30, 10)
    assert (first[1:, 0] - first[:-1, 0] - 0.1).abs().max() < 1e-12
    assert (second[:, 0] == 0).all() and second[:, 1].min() == pytest.approx(1.05)
    dot = plane(js(FLOW + code, [[1.5, -1]]))
    assert torch.equal(dot, torch.tensor([[1.5, -1.0]], dtype=torch.float64).expand(40, 2))


def test_ink_becomes_points_of_one_size(js):
    # an L, 4 pixels thick: y points downwards in pictures, upwards in the plane
    ink = [(x, y) for y in range(60) for x in range(40) if x < 4 or y >= 56]
    flat = [v for pixel in ink for v in pixel]
    points = plane(js(FLOW + "result = flow.fromInk(data, 100)", flat))
    assert points.mean(0).abs().max() < 1e-9
    assert points.var(0, correction=0).mean().item() == pytest.approx(1)
    assert points[:, 1].median() < 0.2 * points[:, 1].max()
    gaps = torch.cdist(points, points).fill_diagonal_(9).min(dim=1).values
    assert gaps.min() > 0.02, "two points on one pixel"


# ---- the Python side --------------------------------------------------------------------------------------


def test_html_is_small_and_holds_all_that_the_page_needs():
    widget = FlowExplorer(arrows=True)
    html = widget.html()
    assert html == FlowExplorer(arrows=True).html()
    assert len(html) < 40_000
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', html)[1])
    assert set(FlowExplorer._shared) | {"n", "std", "schedule", "T", "centres", "shapes", "traits"} == set(data)
    assert data["arrows"] is True
    points = np.frombuffer(b64decode(data["shapes"]["spiral"]["points"]), dtype="<f4").reshape(-1, 2)
    assert points.tobytes() == de.data.toy("spiral", 256, spread=0.0).numpy().tobytes()
    image = re.search(r'<img src="data:image/png;base64,([^"]+)" alt="([^"]+)"', html)
    assert len(image[2]) > 60
    picture = np.asarray(Image.open(io.BytesIO(b64decode(image[1]))).convert("L"), dtype=float)
    assert picture.shape == (144, 432)
    sheets = picture.reshape(2, 72, 6, 72).transpose(0, 2, 1, 3)
    lit = (sheets > 0).mean((2, 3))
    assert (lit[:, 0] < 0.7 * lit[:, -1]).all(), "a shape covers less of the plane than noise, above and below"


def test_it_begins_with_the_shape():
    widget = FlowExplorer()
    assert (widget.t, widget.direction) == (0, "noise")


def test_what_it_says(js):
    code = (
        "const { wordsOf } = await load('flow/words');"
        "const all = {n: 9, shape: 'moons', noise_share: 0.25, eta: 0, start: 'noise', distance: 1, ready: true,"
        " distance_data: 1, distance_noise: 1, std: 1};"
        "result = data.map((f) => wordsOf({...all, ...f}, f.direction === 'back' ? 0 : 1000).now)"
    )
    back = {"direction": "back", "steps": 1, "t": 0}
    walk = {"direction": "noise", "forward": "walk", "steps": 5, "t": 10}
    done, working, there = js(code, [back, {**back, "ready": False}, walk])
    assert "1 step, η" in done and "Done" in done
    assert "Done" not in working and "still computing" in working
    assert "in 5 steps, new noise in each" in there


def test_repr_tells_the_state():
    assert repr(FlowExplorer(t=7)).startswith("FlowExplorer(shape='moons', text='hello', direction='noise',")


def test_a_shape_of_ones_own():
    mine = torch.tensor([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])
    widget = FlowExplorer({"triangle": mine}, n=9, std=0.01, t=0)
    assert widget.shape == "triangle"
    assert (widget.x_t - mine.repeat(3, 1)).abs().max() < 0.1
    assert "triangle" in widget.html()


@pytest.mark.parametrize("shape", ["typed", "drawn"])
def test_what_only_the_page_knows_has_no_points_here(shape):
    widget = FlowExplorer(shape=shape)
    with pytest.raises(ValueError, match=f"shape must be one of moons, spiral, rings, letters here, got '{shape}'"):
        _ = widget.x_t
    assert "two moons" in widget.html()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shapes": {}}, "shapes must hold at least one data set, got none"),
        ({"shapes": {"a": torch.zeros(4, 3)}}, r"shapes\['a'\] must be 2..1000 points \(K, 2\), floating point, got"),
        ({"shapes": {"a": torch.zeros(1, 2)}}, r"shapes\['a'\] must be 2..1000 points"),
        ({"shapes": {"a": torch.zeros(4, 2).long()}}, r"shapes\['a'\] must be 2..1000 points"),
        ({"shapes": {"a": 4 * torch.ones(4, 2)}}, r"shapes\['a'\] must lie within 3 of the origin, got 4"),
        (
            {"shapes": {"a": torch.full((4, 2), float("nan"))}},
            r"shapes\['a'\] must lie within 3 of the origin, got nan",
        ),
        ({"shapes": {"drawn": torch.zeros(4, 2)}}, "shapes must not be called typed or drawn, got 'drawn'"),
        ({"n": 0}, r"n must be an integer in 1\.\.20000, got 0"),
        ({"std": 0.0}, "std must be a number above 0, at most 1, got 0.0"),
        ({"schedule": "cosin"}, "schedule must be one of linear, scaled_linear, cosine, got 'cosin'"),
        ({"shape": "moon"}, "shape must be one of moons, .*, got 'moon'; did you mean 'moons'"),
        ({"t": 1001}, r"t must be an integer in 0\.\.1000, got 1001"),
        ({"steps": 0}, r"steps must be an integer in 1\.\.200, got 0"),
        ({"start_t": 0}, r"start_t must be an integer in 1\.\.1000, got 0"),
        ({"seed": -1}, "seed must be an integer"),
        ({"eta": 1.5}, "eta must be between 0 and 1, got 1.5"),
        ({"direction": "forth"}, "direction must be one of noise, back, got 'forth'"),
        ({"forward": "fly"}, "forward must be one of jump, walk, got 'fly'"),
        ({"start": "middle"}, "start must be one of noise, data, got 'middle'"),
    ],
)
def test_mistakes_are_named(change, words):
    with pytest.raises(ValueError, match=words):
        FlowExplorer(**change)


def test_an_argument_that_does_not_exist_is_named():
    with pytest.raises(TypeError, match="FlowExplorer has no argument 'speed'"):
        FlowExplorer(speed=3)


def test_traits_are_checked_when_set():
    widget = FlowExplorer()
    with pytest.raises(traitlets.TraitError, match=r"steps must be an integer in 1\.\.200, got 500"):
        widget.steps = 500
    assert widget.steps == 50
