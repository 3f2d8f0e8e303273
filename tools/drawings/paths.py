"""Drawings whose lines are computed: what the exact denoiser of a mixture does, with the package's own steps."""

from __future__ import annotations

import itertools
import math
from functools import cache

import torch
from torch import Tensor

import diffusion_edu as de
from diffusion_edu.diffusion.oracle import MixtureOracle
from diffusion_edu.diffusion.steps import ddim_step, ddpm_step, dpm_solver_step

from .canvas import Drawing, n
from .pixels import T, png, schedule

PATHS, EVERY = 10, 20  # paths of the one-dimensional drawing; one point in so many steps


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@cache
def _two() -> MixtureOracle:
    """Two peaks in one dimension, at -1 and 1."""
    means = torch.tensor([[-1.0], [1.0]], dtype=torch.float64)
    return MixtureOracle(means, 0.18, schedule=schedule(), weights=torch.tensor([0.4, 0.6], dtype=torch.float64))


def _forward() -> Tensor:
    """(T + 1, PATHS): data, noised step by step."""
    g = _generator(2)
    x = torch.tensor([-1.0] * 4 + [1.0] * 6, dtype=torch.float64)
    x = x + 0.18 * torch.randn(PATHS, generator=g, dtype=torch.float64)
    states = [x]
    for t in range(1, T + 1):
        beta = float(schedule().beta[t])
        x = math.sqrt(1 - beta) * x + math.sqrt(beta) * torch.randn(PATHS, generator=g, dtype=torch.float64)
        states.append(x)
    return torch.stack(states)


def _back(name: str) -> Tensor:
    """(T + 1, PATHS): from the same ten places at T, by "ddpm" or "ddim" in all T steps; row t is x_t."""
    g = _generator(5)
    x = torch.linspace(-1.75, 1.75, PATHS, dtype=torch.float64)[:, None]
    states = [x]
    for t in range(T, 0, -1):
        estimate = _two()(x, t)
        if name == "ddim":
            x = ddim_step(x, estimate, t, t - 1, schedule())
        else:
            z = torch.randn(PATHS, 1, generator=g, dtype=torch.float64)
            x = ddpm_step(x, estimate, t, t - 1, schedule(), z)
        states.append(x)
    return torch.stack(states[::-1])[:, :, 0]


def _density(rows: int = 48, columns: int = 100, half: float = 3.0) -> str:
    """The density of x_t as an image: t to the right, x upwards."""
    x = (torch.arange(rows, dtype=torch.float64) + 0.5) / rows * -2 * half + half
    out = torch.zeros(rows, columns, dtype=torch.float64)
    for column in range(columns):
        t = round((column + 0.5) / columns * T)
        a, b = schedule().signal(t), schedule().noise(t)
        var = a**2 * 0.18**2 + b**2
        for mean, weight in ((-1, 0.4), (1, 0.6)):
            out[:, column] += weight * torch.exp(-((x - a * mean) ** 2) / (2 * var)) / math.sqrt(2 * math.pi * var)
    shade = (out / 1.4).clamp(0, 1) ** 0.7
    alpha = torch.tensor([[0x25, 0x63, 0xEB, round(0.62 * i)] for i in range(256)], dtype=torch.uint8)
    return png((shade * 255).round().to(torch.uint8), alpha)


def density_paths() -> Drawing:
    """Ten paths over the density of x_t: forward, DDPM back, DDIM back."""
    d = Drawing("density-paths", 540, 622)
    left, wide, high, half = 50, 470, 150, 3.0
    shape = f'width="{wide}" height="{high}" preserveAspectRatio="none" class="smooth"'
    d.add(f'<defs><image id="dw-density-paths-image" {shape} href="{_density()}"/></defs>')
    panels = [
        ("forward: each step adds noise", "orange", _forward(), "→"),
        ("DDPM back: noise in every step", "violet", _back("ddpm"), "←"),
        ("DDIM back: no noise, paths do not cross", "violet", _back("ddim"), "←"),
    ]
    for i, (title, color, states, arrow) in enumerate(panels):
        top = 34 + 190 * i
        d.text(left, top - 10, f"{arrow} {title}", 16, color, "start", bold=True)
        d.add(f'<use href="#dw-density-paths-image" x="{left}" y="{top}"/>')
        d.rect(left, top, wide, high, "border", 3, fill=False, stroke=1.2)
        for path in states.T:
            points = [
                (left + wide * t / T, top + high * (half - float(path[t])) / (2 * half)) for t in range(0, T + 1, EVERY)
            ]
            d.curve(points, color, 1.3)
            d.dot(*points[0], 3, "blue")
        for value in (1, -1):
            y = top + high * (half - value) / (2 * half)
            d.text(left - 10, y + 5, f"{value}".replace("-", "−"), 15, "muted", "end")
    foot = 34 + 380 + high
    for t, anchor in ((0, "start"), (500, "middle"), (1000, "end")):
        d.text(left + wide * t / T, foot + 20, f"{t}", 15, "muted", anchor)
    d.text(left + wide / 2, foot + 44, "$x_t$ over the step $t$: data left, noise right", 16, "muted")
    return d


@cache
def _moons() -> MixtureOracle:
    """Two half circles in the plane, each of a dozen small Gaussians."""
    points = de.data.toy("moons", 24, seed=0, spread=0.0).double()
    return MixtureOracle(points, 0.12, schedule=schedule())


def vector_field() -> Drawing:
    """The direction of the reverse process at four t, from the exact denoiser."""
    d = Drawing("vector-field", 540, 600)
    side, half, cells = 246, 2.6, 11
    place = (torch.arange(cells, dtype=torch.float64) + 0.5) / cells * 2 * half - half
    grid = torch.stack(torch.meshgrid(place, place, indexing="xy"), dim=-1).reshape(-1, 2)
    for i, t in enumerate((600, 300, 150, 30)):
        left, top = 16 + 262 * (i % 2), 36 + 282 * (i // 2)
        d.text(left, top - 11, f"$t$ = {t}", 16, "violet", "start", bold=True)
        d.rect(left, top, side, side, "border", 4, fill=False, stroke=1.2)
        a = schedule().signal(t)
        scale = side / (2 * half)
        for x, y in (a * _moons().means).tolist():
            d.dot(left + (x + half) * scale, top + (half - y) * scale, 3.2, "blue")
        move = a * _moons()(grid, t).x0 - grid  # towards the estimate, as it lies at step t
        length = move.norm(dim=1, keepdim=True)
        move = move / length.clamp(min=1e-9) * (length * scale).clamp(max=17)
        path = ""
        for (x, y), (dx, dy) in zip(grid.tolist(), move.tolist()):
            path += _small_arrow(left + (x + half) * scale, top + (half - y) * scale, dx, -dy)
        d.add(f'<path d="{path}" class="line s-violet" stroke-width="1.3" stroke-linecap="round"/>')
    d.text(270, 588, "from much noise (top left) to little (bottom right)", 16, "muted")
    return d


def _small_arrow(x: float, y: float, dx: float, dy: float) -> str:
    """An arrow of thin strokes whose middle is at (x, y)."""
    x0, y0, x1, y1 = x - dx / 2, y - dy / 2, x + dx / 2, y + dy / 2
    path = f"M{n(x0)} {n(y0)}L{n(x1)} {n(y1)}"
    length = math.hypot(dx, dy)
    if length > 4:
        ux, uy, head = dx / length, dy / length, min(4.0, 0.4 * length)
        for sign in (-1, 1):
            path += f"M{n(x1)} {n(y1)}l{n(head * (-ux + sign * 0.6 * uy))} {n(head * (-uy - sign * 0.6 * ux))}"
    return path


def reverse_geometry() -> Drawing:
    """DDPM and DDIM in one step, in units in which both means lie on the line to the estimate."""
    d = Drawing("reverse-geometry", 520, 430)
    x0, unit = (70, 330), 400  # the estimate; the distance from x_t to it
    ratio = 0.6
    angle = math.radians(-22)
    along, across = (math.cos(angle), math.sin(angle)), (math.sin(angle), -math.cos(angle))

    def at(u: float, v: float = 0.0) -> tuple[float, float]:
        return x0[0] + unit * (u * along[0] + v * across[0]), x0[1] + unit * (u * along[1] + v * across[1])

    arc = [at(ratio * math.cos(a), ratio * math.sin(a)) for a in [math.radians(k) for k in range(-24, 75, 3)]]
    d.curve(arc, "muted", 1.3, ' stroke-dasharray="3 5"')
    d.line([at(1), at(0)], "muted", 1.2, dashed=True)
    mean, land = at(ratio**2), at(ratio**2, ratio * math.sqrt(1 - ratio**2))
    d.arrow([at(0.985), at(ratio + 0.02)], "violet", 3.2, head=12)
    lower = [(x + 12 * -across[0], y + 12 * -across[1]) for x, y in (at(0.985), at(ratio**2 + 0.005))]
    d.arrow(lower, "violet", 2, dashed=True)
    d.arrow([mean, (land[0] - 6 * across[0], land[1] - 6 * across[1])], "orange", 2.6, head=12)
    for point, color in ((at(1), "violet"), (at(0), "blue"), (mean, "violet"), (at(ratio), "violet"), (land, "violet")):
        d.dot(*point, 6, color)
    d.text(at(1)[0] - 4, at(1)[1] - 16, "$x_t$", 19, "violet")
    d.text(at(0)[0] - 22, at(0)[1] + 26, "$\\hat x_0$", 19, "blue")
    d.lines(at(ratio)[0] + 92, at(ratio)[1] + 66, ["DDIM lands", "on the line"], 16, color="violet")
    d.line([(at(ratio)[0] + 58, at(ratio)[1] + 44), (at(ratio)[0] + 7, at(ratio)[1] + 10)], "muted", 1.2)
    d.lines(land[0] + 8, land[1] - 30, ["DDPM lands", "on this circle"], 16, color="violet")
    d.lines(mean[0] + 40, mean[1] + 64, ["mean of DDPM"], 16, color="violet")
    d.line([(mean[0] + 30, mean[1] + 50), (mean[0] + 6, mean[1] + 12)], "muted", 1.2)
    d.text(mean[0] - 46, mean[1] - 66, "$σ_t z$", 18, "orange")
    d.text(260, 416, "one reverse step, drawn in units $x_t / √\\bar α_t$", 16, "muted")
    return d


def solver_paths() -> Drawing:
    """A step of first order leaves a curved path, one of second order follows it: computed."""
    d = Drawing("solver-paths", 520, 400)
    means = torch.tensor([[0.0, -1.5], [0.0, 1.5]], dtype=torch.float64)
    oracle = MixtureOracle(means, 0.3, schedule=schedule())
    start = torch.tensor([[-1.6, 0.25]], dtype=torch.float64)
    low, scale = (-1.75, 0.12), 285.0

    def at(x: Tensor) -> tuple[float, float]:
        return 40 + (float(x[0]) - low[0]) * scale, 380 - (float(x[1]) - low[1]) * scale

    exact = [at(x) for x in _walk(oracle, start, list(range(500, 19, -5)), "ddim")]
    d.curve(exact, "grey", 6, ' stroke-linecap="round" stroke-opacity=".45"')
    ends = {}
    for name, color in (("ddim", "violet"), ("dpm", "teal")):
        states = [at(x) for x in _walk(oracle, start, _even(500, 20, 6), name)]
        for a, b in itertools.pairwise(states):
            d.line([a, b], color, 2, dashed=name == "dpm")
            d.dot(*b, 4.5, color)
        ends[name] = states
    d.dot(*exact[0], 6.5, "violet")
    d.text(exact[0][0] - 6, exact[0][1] + 28, "start, $t$ = 500", 16, "text", "start")
    d.text(exact[-1][0] + 12, exact[-1][1] - 8, "exact", 16, "muted", "start")
    d.text(ends["ddim"][-1][0] + 12, ends["ddim"][-1][1] + 8, "DDIM", 16, "violet", "start", bold=True)
    d.text(ends["dpm"][-1][0] - 8, ends["dpm"][-1][1] - 14, "DPM-Solver++", 16, "teal", "end", bold=True)
    return d


def _even(first: int, last: int, steps: int) -> list[int]:
    """Steps from first to last at equal ratios of signal to noise."""

    def level(t: int) -> float:
        return math.log(schedule().signal(t) / schedule().noise(t))

    wanted = [level(first) + (level(last) - level(first)) * i / steps for i in range(steps + 1)]
    return [min(range(1, T + 1), key=lambda t: abs(level(t) - value)) for value in wanted]


def _walk(oracle: MixtureOracle, x: Tensor, times: list[int], name: str) -> Tensor:
    """All states from x at the first of the times to 0, without noise."""
    states, previous = [x], None
    for t, s in itertools.pairwise(times):
        estimate = oracle(x, t)
        if name == "ddim":
            x = ddim_step(x, estimate, t, s, schedule())
        else:
            x = dpm_solver_step(x, estimate, t, s, schedule(), previous)
            previous = (t, estimate.x0)
        states.append(x)
    return torch.cat(states)
