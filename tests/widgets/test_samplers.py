"""The page's samplers against the package's: same noise, same denoiser, every state of the run."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.diffusion import process, samplers
from diffusion_edu.widgets.maths.noise import widget_noise

SHAPE = (1, 4, 6)
AREA = 24
SEEDS = (5, 2**31 - 6)
SCHEDULES = (("linear", 200), ("cosine", 50), ("scaled_linear", 1000))
RUNS = (
    {"method": "ddpm", "steps": 50},
    {"method": "ddpm", "steps": 7},
    {"method": "ddim", "steps": 10, "eta": 0.0},
    {"method": "ddim", "steps": 10, "eta": 0.5},
    {"method": "ddim", "steps": 10, "eta": 1.0},
    {"method": "ddim", "steps": 2, "eta": 0.5},
    {"method": "dpm-solver", "steps": 12},
    {"method": "dpm-solver", "steps": 2},
    {"method": "ddpm", "steps": 9, "start_t": 30},
    {"method": "ddim", "steps": 25, "eta": 0.5, "start_t": 1},
    {"method": "dpm-solver", "steps": 10, "start_t": 40},
)
# Networks of other targets, and other ways to clip.
OTHERS = (
    {"method": "ddim", "steps": 10, "target": "v", "clip": "static"},
    {"method": "ddpm", "steps": 8, "target": "x0", "clip": "dynamic"},
    {"method": "dpm-solver", "steps": 9, "target": "v", "clip": "dynamic"},
    {"method": "ddim", "steps": 10, "eta": 1.0, "target": "eps", "clip": "none"},
    {"method": "dpm-solver", "steps": 6, "target": "x0", "clip": "none"},
)
CASES = [(kind, T, run) for kind, T in SCHEDULES for run in RUNS] + [("linear", 200, run) for run in OTHERS]
START = torch.linspace(-1, 1, len(SEEDS) * AREA, dtype=torch.float64).reshape(-1, *SHAPE)

PAGE = """
const { reverse, runTimes } = await load("maths/samplers");
const { seeds, area, cases, start } = data;

function predictor(schedule, target) {
  return async (x, t) => {
    const [a, b] = [maths.signal(schedule, t), maths.noise(schedule, t)];
    return x.map((v) => {
      const x0 = 0.6 + ((a * 0.25) / (a * a * 0.25 + b * b)) * (v - a * 0.6);
      const eps = (v - a * x0) / b;
      return { eps, x0, v: a * eps - b * x0 }[target];
    });
  };
}

function source() {
  let call = -1;
  return () => {
    call += 1;
    return Float64Array.from(seeds.flatMap((seed) => [...maths.gaussian(seed, area, call * area)]));
  };
}

result = [];
for (const [kind, T, { method, steps, eta = 0, start_t, target = "eps", clip = "static" }] of cases) {
  const schedule = maths.makeSchedule(kind, T);
  const fresh = source();
  let xt = fresh();
  if (start_t) xt = xt.map((z, i) => maths.signal(schedule, start_t) * start[i] + maths.noise(schedule, start_t) * z);
  const states = [];
  const times = runTimes(T, steps, start_t ?? T);
  const network = { target, clip, area };
  const predict = predictor(schedule, target);
  for await (const step of reverse({ schedule, method, eta, times, xt, predict, network, fresh }))
    states.push({ at: [step.t, step.s, step.i, step.of], xt: step.xt, x0: step.x0 });
  result.push(states);
}
"""


class Gaussian(nn.Module):
    """Knows x_0 as if every pixel of a picture were N(0.6, 0.5^2): its estimates leave [-1, 1]."""

    def __init__(self, schedule: de.NoiseSchedule, target: str = "eps") -> None:
        super().__init__()
        self.schedule, self.target = schedule, target

    def forward(self, x_t, t, cond=None):
        a, b = self.schedule.signal(int(t[0])), self.schedule.noise(int(t[0]))
        x0 = 0.6 + a * 0.25 / (a * a * 0.25 + b * b) * (x_t - a * 0.6)
        return process.target(self.target, x0, (x_t - a * x0) / b, t, self.schedule)


class PageNoise:
    """The page's noise in place of torch's: draw k is the k-th stretch of every seed's numbers."""

    def __init__(self, seeds, shape, device, dtype):
        self.dtype = dtype
        self.stretches = iter(torch.cat([widget_noise((60, *shape), seed) for seed in seeds]).transpose(0, 1))

    def draw(self):
        return next(self.stretches)


def run_in_python(kind, T, options, clip=True):
    options = dict(options)
    name, steps = options.pop("method", "ddim"), options.pop("steps")
    sampler = de.named_sampler(name, **{"eta": options.pop("eta")} if "eta" in options else {})
    schedule = de.NoiseSchedule.from_name(kind, T)
    begin = {"start": START} if "start_t" in options else {"shape": START.shape}
    target, clip = options.pop("target", "eps"), {"none": False}.get(way := options.pop("clip", clip), way)
    denoiser = de.Denoiser(Gaussian(schedule, target), schedule, target, clip)
    return list(de.sample(denoiser, **begin, **options, sampler=sampler, steps=steps, seeds=SEEDS, dtype=torch.float64))


@pytest.fixture(scope="module")
def found(js):
    """The states of all runs, made by one run of Node."""
    return js(PAGE, {"seeds": SEEDS, "area": AREA, "cases": CASES, "start": START.flatten().tolist()})


@pytest.fixture(autouse=True)
def page_noise(monkeypatch):
    monkeypatch.setattr(samplers, "SeededNoise", PageNoise)


def floats(values: list[str]) -> torch.Tensor:
    return torch.tensor([float(v) for v in values], dtype=torch.float64)


@pytest.mark.parametrize("index", range(len(CASES)), ids=lambda i: "-".join(map(str, CASES[i][:2])) + f"-{i}")
def test_every_state_of_a_run_equals_the_package(found, index):
    wanted, states = run_in_python(*CASES[index]), found[index]
    of = len(wanted) - 1
    assert [[int(n) for n in state["at"]] for state in states] == [[w.t, w.s, i, of] for i, w in enumerate(wanted)]
    for state, w in zip(states, wanted):
        assert (floats(state["xt"]) - w.x_t.flatten()).abs().max() < 1e-6
        assert (floats(state["x0"]) - w.x0.flatten()).abs().max() < 1e-6


@pytest.mark.parametrize(("kind", "T"), SCHEDULES)
def test_the_runs_compared_are_runs_that_clip(kind, T):
    clipped, loose = (
        torch.stack([step.x0 for step in run_in_python(kind, T, RUNS[0], clip)]).abs().max() for clip in (True, False)
    )
    assert clipped == 1
    assert loose > 1.2


def test_a_seed_gives_noise_again_and_again(js):
    found = js("result = [0, 1, 2].map((k) => maths.gaussian(data, 24, 24 * k))", 7)
    torch.testing.assert_close(torch.stack([floats(z) for z in found]), widget_noise((3, 24), 7)[0], rtol=0, atol=1e-12)
