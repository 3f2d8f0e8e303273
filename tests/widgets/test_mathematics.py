"""The page computes what the package computes, in double precision."""

from __future__ import annotations

import math

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.widgets import ReversePlayer, ScheduleExplorer, XTExplorer, record
from diffusion_edu.widgets.kit.payload import b64
from diffusion_edu.widgets.maths.noise import widget_noise
from diffusion_edu.widgets.reverse.widget import unpack

SCHEDULES = [
    (kind, T, options)
    for T in (21, 50, 100, 250, 1000, 4000)
    for kind, options in (("linear", {}), ("scaled_linear", {}), ("cosine", {}), ("cosine", {"s": 0.05}))
] + [
    ("linear", 10, {"beta_start": 2e-4, "beta_end": 0.009}),
    ("scaled_linear", 333, {"beta_start": 1e-3, "beta_end": 0.03}),
]


def numbers(values: list[str]) -> torch.Tensor:
    """A list of numbers as JavaScript prints them ("Infinity" included) as float64."""
    return torch.tensor([float(v) for v in values], dtype=torch.float64)


def same(actual: torch.Tensor, expected: torch.Tensor, rtol: float = 1e-10) -> None:
    torch.testing.assert_close(actual, expected.double(), rtol=rtol, atol=1e-15)


@pytest.fixture(scope="module")
def tables(js):
    """The page's tables for SCHEDULES, made by one run of Node."""
    return js("result = data.map((d) => maths.makeSchedule(...d))", SCHEDULES)


@pytest.mark.parametrize("index", range(len(SCHEDULES)), ids=lambda i: "-".join(map(str, SCHEDULES[i])))
def test_tables_equal_the_package(tables, index):
    (kind, T, options), table = SCHEDULES[index], tables[index]
    schedule = de.NoiseSchedule.from_name(kind, T, **options)
    same(numbers(table["beta"]), schedule.beta)
    same(numbers(table["alpha"]), schedule.alpha)
    same(numbers(table["alphaBar"]), schedule.alpha_bar)
    # Near t = 0 the ratio divides by 1 - alpha_bar, which loses digits in both languages.
    same(numbers(table["snr"]), schedule.snr, rtol=1e-9)
    assert float(table["alphaBar"][0]) == 1
    assert table["snr"][0] == "Infinity"


def test_signal_and_noise_equal_the_package(js):
    code = (
        "const s = maths.makeSchedule('cosine', 200);result = data.map((t) => [maths.signal(s, t), maths.noise(s, t)])"
    )
    times = [0, 1, 2, 100, 199, 200]
    schedule = de.NoiseSchedule.cosine(200)
    for t, (signal, noise) in zip(times, js(code, times)):
        assert float(signal) == pytest.approx(schedule.signal(t), rel=1e-10)
        assert float(noise) == pytest.approx(schedule.noise(t), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["linear", 20], "take T > 20 or a smaller β_T"),
        (["linear", 1], "T must be an integer of at least 2"),
        (["lineer", 100], "schedule must be one of linear"),
        (["cosine", 100, {"s": 0}], "s must be between 0 and 1, got 0"),
        (["linear", 100, {"beta_start": 0.5, "beta_end": 0.1}], "need 0 < β_1 ≤ β_T"),
        (["custom", 100, {"points": [0.1, -1]}], "points must be"),
        (["custom", 100, {"points": [0.01, 0.0]}], "points must be"),
    ],
)
def test_impossible_schedules_are_refused_in_words(js, arguments, words):
    message = js("try { maths.makeSchedule(...data) } catch (error) { result = error.message }", arguments)
    assert words in message


@pytest.mark.parametrize("settings", [{}, {"scale": False}, {"kind": "linear", "scale": False, "T": 100}])
def test_drawn_and_unscaled_schedules_equal_python(js, settings):
    settings = {"kind": "custom", "T": 250, "points": [0.001, 0.0005, 0.3, 0.02, 0.04]} | settings
    explorer = ScheduleExplorer(torch.zeros(1, 8, 8), **settings)
    shared = {name: getattr(explorer, name) for name in ScheduleExplorer._shared}
    table = js("result = maths.makeSchedule(data.kind, data.T, data)", shared)
    same(numbers(table["beta"]), explorer.noise_schedule.beta)
    same(numbers(table["alphaBar"]), explorer.noise_schedule.alpha_bar)


@pytest.mark.parametrize(
    ("kind", "t"), [("linear", 0), ("linear", 300), ("scaled_linear", 1), ("cosine", 999), ("cosine", 1000)]
)
def test_what_the_page_shows_is_q_sample(js, kind, t):
    images = torch.randint(0, 256, (2, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    widget = XTExplorer(images, schedule=kind, t=t, seed=4, picture=1)
    code = (
        "const payload = JSON.parse(data.payload);"
        "const x0 = kit.toX0(kit.bytesFromBase64(payload.pixels).subarray(192, 384));"
        "const eps = kit.floatsFromBase64(payload.eps);"
        "result = maths.qSample(x0, eps, data.t, maths.makeSchedule(data.schedule, payload.T))"
    )
    shown = numbers(js(code, {"payload": widget.payload, "schedule": kind, "t": t})).reshape(1, 3, 8, 8)
    noise = torch.Generator().manual_seed(4)
    x_t, _ = de.q_sample(de.data.to_x0(images[1:]), t, de.NoiseSchedule.from_name(kind, 1000), generator=noise)
    torch.testing.assert_close(shown, x_t.double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(widget.x_t, x_t)


@pytest.mark.parametrize(("T", "steps"), [(1000, 1000), (1000, 50), (1000, 15), (100, 7), (21, 21), (10, 1)])
def test_times_equal_the_package(js, T, steps):
    assert [int(t) for t in js("result = maths.timesteps(...data)", [T, steps])] == de.timesteps(T, steps)


@pytest.mark.parametrize("seed", [0, 1, 7, 2**31 - 1])
def test_the_page_draws_the_noise_that_python_draws(js, seed):
    # An odd number of values: the last pair is half used.
    same(numbers(js("result = maths.gaussian(data, 1001)", seed)), widget_noise((1001,), seed).flatten(), rtol=1e-9)


def test_the_noise_is_standard_normal_and_seeds_are_independent():
    n = 200_000
    first, second = widget_noise((n,), 0).flatten(), widget_noise((n,), 1).flatten()
    ordered = first.sort().values
    expected = 0.5 * (1 + torch.erf(ordered / math.sqrt(2)))
    steps = torch.arange(1, n + 1, dtype=torch.float64) / n
    # Kolmogorov's bound at one in a million: 2.7 / sqrt(n).
    assert (steps - expected).abs().max().item() < 2.7 / math.sqrt(n)
    # A correlation of independent values has standard deviation 1 / sqrt(n); five of those, for each lag.
    for a, b in ((first, second), (first[:-1], first[1:]), (first[0::2], first[1::2])):
        assert abs(torch.corrcoef(torch.stack([a, b]))[0, 1].item()) < 5 / math.sqrt(len(a))


def test_numbers_of_the_picture(js):
    x = torch.randn(500, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    code = "const f = await load('x_t/facts'); result = [f.moments(data), f.density(data, -4, 4, 16), f.normal(0.5)]"
    moments, density, normal = js(code, x.tolist())
    assert float(moments["mean"]) == pytest.approx(x.mean().item(), rel=1e-9)
    assert float(moments["std"]) == pytest.approx(x.std(correction=0).item(), rel=1e-9)
    expected = torch.histc(x, 16, -4, 4) / 500 / 0.5
    same(numbers(density), expected)
    assert float(normal) == pytest.approx(math.exp(-0.125) / math.sqrt(2 * math.pi))


@pytest.mark.parametrize(
    ("kind", "T"),
    [("linear", 1000), ("cosine", 1000), ("cosine", 10), ("scaled_linear", 100)],
)
def test_crossing_is_the_first_step_with_more_noise_than_signal(js, kind, T):
    t = int(js("result = maths.crossing(maths.makeSchedule(...data))", [kind, T]))
    snr = de.NoiseSchedule.from_name(kind, T).snr
    assert snr[t] < 1 <= snr[t - 1]


def test_recorded_pictures_survive_the_way_into_the_page(js, oracle):
    trajectories = record(
        oracle, runs=[{"label": "DDIM", "method": "ddim", "steps": 5}], shape=(1, 8, 8), seeds=(3, 4), frames=6
    )
    player = ReversePlayer(trajectories)
    code = (
        "const p = JSON.parse(data);"
        "const [t, z] = await Promise.all([p.data_t, p.data_0].map((d) => kit.inflate(kit.bytesFromBase64(d))));"
        "const plane = (bytes, levels, k) =>"
        " Array.from(bytes.subarray(64 * k, 64 * k + 64), (q) => 2 * q / (levels - 1) - 1);"
        "result = p.runs[0].x_t[1].map((k, f) => [k < 0 ? plane(z, p.levels_0, -1 - k) : plane(t, p.levels_t, k),"
        " plane(z, p.levels_0, p.runs[0].x0[1][f])])"
    )
    frames = js(code, player.payload)
    noised, estimates = unpack(trajectories, 0, 1)
    assert len(frames) == len(noised) == 6
    for (x_t, x0), x_t_there, x0_there in zip(frames, noised, estimates):
        torch.testing.assert_close(numbers(x_t), x_t_there.double().flatten(), rtol=0, atol=1e-6)
        torch.testing.assert_close(numbers(x0), x0_there.double().flatten(), rtol=0, atol=1e-6)


def test_float32_noise_survives_base64(js):
    values = torch.randn(33, generator=torch.Generator().manual_seed(9))
    read = numbers(js("result = kit.floatsFromBase64(data)", b64(values.numpy())))
    assert torch.equal(read, values.double())


@pytest.mark.parametrize(
    ("value", "words"),
    [(0.394, "0.394"), (4.03e-5, "4.0×10⁻⁵"), (0, "0.000"), (-0.5, "−0.500"), (123456, "1.2×10⁵")],
)
def test_numbers_are_written_for_readers(js, value, words):
    assert js("result = kit.number(data)", value) == words


def test_infinity_is_written_as_such(js):
    assert js("result = kit.number(Infinity)") == "∞"
