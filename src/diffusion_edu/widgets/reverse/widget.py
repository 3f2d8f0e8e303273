"""The player of the reverse process, and the recorder that makes its runs."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import traitlets
from torch import Tensor

from ..._arguments import checked as as_checked
from ..._errors import bad_value
from ...diffusion import named_sampler, sample
from ...diffusion.samplers import DenoiserLike
from ..kit.base import BookWidget, Whole, WidgetValueError, as_traits, checked, integers_in
from ..kit.bundle import esm
from ..kit.payload import check_int, deflate, strip_png

LIMIT = 250_000  # bytes of JSON in the page
LEVELS_0 = 64  # grey levels of the estimates
LEVELS_T = (64, 32, 16)  # of x_t, which is mostly noise and hardly shrinks: the most that fit under the limit

RUNS: tuple[dict[str, Any], ...] = (
    {"label": "DDPM, 1000 steps", "method": "ddpm", "steps": 1000},
    {"label": "DDIM, 50 steps", "method": "ddim", "steps": 50},
    {"label": "DDIM, 20 steps", "method": "ddim", "steps": 20},
    {"label": "DDIM, 10 steps", "method": "ddim", "steps": 10},
    {"label": "DPM-Solver++, 15 steps", "method": "dpm-solver", "steps": 15},
)


class _Planes:
    """Images quantized to `levels` values on [-1, 1]; equal ones are kept once."""

    def __init__(self, levels: int) -> None:
        self.levels = levels
        self.planes: dict[bytes, int] = {}

    def quantise(self, x: Tensor) -> bytes:
        """The nearest of `levels` even values on [-1, 1] for each number; what lies beyond takes the end."""
        top = self.levels - 1
        return ((x.cpu().double().clamp(-1, 1) + 1) * (top / 2)).round().to(torch.uint8).numpy().tobytes()

    def add(self, x: Tensor) -> int:
        return self.planes.setdefault(self.quantise(x), len(self.planes))

    def packed(self) -> str:
        return deflate(b"".join(self.planes))


@as_checked(frames=integers_in(2, 1000))
def record(
    denoiser: DenoiserLike,
    runs: Iterable[Mapping[str, Any]] = RUNS,
    shape: Sequence[int] = (1, 32, 32),
    seeds: Sequence[int] = (0, 1, 2, 3),
    frames: int = 12,
    limit: int = LIMIT,
) -> dict[str, Any]:
    """Run samplers and keep some states of each run, small enough for a web page.

    Images are clipped to [-1, 1] and rounded to 64 gray levels (estimates of x_0) and to 64, 32 or 16 (x_t: the
    most that fit under `limit`). Means and standard deviations are taken before that, over all pixels.

    Args:
        denoiser: what :func:`diffusion_edu.sample` takes; its schedule must be one of the package's three families.
        runs: for each run `label`, `method` and `steps`, and the options of that sampler (eta, variance).
        shape: (C, size, size) of a sample.
        seeds: one sample each; equal seeds start from equal noise in every run.
        frames: how many states of a run are kept, the first and the last included, at least 2.
        limit: most bytes of the result as JSON.

    Returns:
        A JSON-ready dictionary for :class:`ReversePlayer`.

    Raises:
        ValueError: a bad argument, or too much for `limit` (take fewer runs, seeds or frames).
    """
    chosen = [_described(i, run) for i, run in enumerate(runs)]
    if len(shape) != 3 or shape[0] not in (1, 3) or shape[1] != shape[2]:
        raise bad_value("shape", tuple(shape), "(1 or 3, size, size)")
    if not chosen:
        raise bad_value("runs", "none", "at least one run")
    if not seeds:
        raise bad_value("seeds", "none", "at least one seed")
    description = denoiser.schedule.to_dict()
    if description["name"] == "custom":
        raise bad_value("denoiser.schedule", description["name"], "linear, scaled_linear or cosine")
    kept = [_run(denoiser, run, tuple(shape), list(seeds), frames) for run in chosen]
    for levels in LEVELS_T:
        result = _pack(kept, levels) | {
            "schedule": description,
            "size": int(shape[1]),
            "channels": int(shape[0]),
            "seeds": list(seeds),
        }
        size = len(json.dumps(result, separators=(",", ":")))
        if size <= limit:
            return result
    raise bad_value("limit", limit, f"at least {size} bytes; or take fewer runs, seeds or frames")


def _described(i: int, run: Any) -> dict[str, Any]:
    """The description of a run, whole."""
    if not isinstance(run, Mapping) or not {"label", "method", "steps"} <= set(run):
        raise bad_value(f"runs[{i}]", run, "a run by its label, method and steps, and options of the sampler")
    return dict(run)


def _run(
    denoiser: DenoiserLike, run: dict[str, Any], shape: tuple[int, ...], seeds: list[int], frames: int
) -> dict[str, Any]:
    options = {name: value for name, value in run.items() if name != "label"}
    steps = check_int("steps", run["steps"], 1, denoiser.schedule.T)
    sampler = named_sampler(run["method"], **{k: v for k, v in options.items() if k not in ("method", "steps")})
    keep = {round(i) for i in np.linspace(0, steps, min(frames, steps + 1))}
    states = []
    for i, state in enumerate(sample(denoiser, (len(seeds), *shape), sampler, steps, seeds=seeds)):
        if i in keep:
            states.append((i, state))
    return {**options, "label": str(run["label"]), "states": states}


def _pack(kept: list[dict[str, Any]], levels: int) -> dict[str, Any]:
    estimates, noised = _Planes(LEVELS_0), _Planes(levels)
    runs = []
    for run in kept:
        states = run["states"]
        n = len(states[0][1].x_t)
        pixels = [state.x_t.cpu().double().flatten(1) for _, state in states]
        runs.append(
            {name: value for name, value in run.items() if name != "states"}
            | {
                "step": [i for i, _ in states],
                "t": [state.t for _, state in states],
                "s": [state.s for _, state in states],
                # The last state is its own estimate: a negative number points at that plane.
                "x_t": [
                    [-1 - estimates.add(s.x0[k]) if s.t == 0 else noised.add(s.x_t[k]) for _, s in states]
                    for k in range(n)
                ],
                "x0": [[estimates.add(s.x0[k]) for _, s in states] for k in range(n)],
                "mean": [[round(x[k].mean().item(), 3) for x in pixels] for k in range(n)],
                "std": [[round(x[k].std(correction=0).item(), 3) for x in pixels] for k in range(n)],
            }
        )
    return {
        "runs": runs,
        "levels_0": LEVELS_0,
        "levels_t": levels,
        "data_0": estimates.packed(),
        "data_t": noised.packed(),
    }


@as_traits()
class ReversePlayer(BookWidget):
    """Step through stored runs of the reverse process: x_t beside the estimate of x_0, two samplers if wanted.

    The traits ``run``, ``run_b``, ``sample`` and ``frame`` follow the page and move it.

    Args:
        trajectories: what :func:`record` returned.
        run: index of the run shown first.
        sample: index of the seed shown first.
        frame: stored state shown first, 0 (noise) .. last (image); the middle one when not given.
        run_b: index of a second run to show beside it; -1 for none.

    Raises:
        ValueError: an index out of range, or trajectories of another form.
    """

    run = Whole(0, 0, lambda self: len(self._data["runs"]) - 1)
    run_b = Whole(-1, -1, lambda self: len(self._data["runs"]) - 1)
    sample = Whole(0, 0, lambda self: len(self._data["seeds"]) - 1)
    frame = Whole(0, 0, lambda self: len(self._data["runs"][self.run]["t"]) - 1)
    _esm = esm("reverse")
    _tag = "reverse-player"
    _heights = (663, 717)

    def __init__(
        self, trajectories: Mapping[str, Any], run: int = 0, sample: int = 0, frame: int | None = None, run_b: int = -1
    ) -> None:
        needed = {"runs", "seeds", "schedule", "size", "channels", "levels_0", "levels_t", "data_0", "data_t"}
        missing = needed - set(trajectories) if isinstance(trajectories, Mapping) else needed
        if missing:
            raise WidgetValueError(f"trajectories must come from record(), got something without {sorted(missing)}")
        self._data = dict(trajectories)
        checked(lambda: check_int("run", run, 0, len(self._data["runs"]) - 1))
        states = len(self._data["runs"][run]["t"])
        super().__init__(
            payload=json.dumps(self._data, separators=(",", ":")),
            run=run,
            run_b=run_b,
            sample=sample,
            frame=states // 2 if frame is None else frame,
        )

    @traitlets.observe("run")
    def _keep_frame_inside(self, change: Any) -> None:
        self.frame = min(self.frame, len(self._data["runs"][self.run]["t"]) - 1)

    def _picture(self) -> tuple[str, str]:
        run, k = self._data["runs"][self.run], self.sample
        n = len(run["t"])
        chosen = sorted({round(i) for i in np.linspace(0, n - 1, min(n, 8))})
        noised, estimates = unpack(self._data, self.run, k)
        times = ", ".join(str(run["t"][i]) for i in chosen)
        return (
            strip_png([noised[chosen], estimates[chosen]]),
            f"{run['label']}: x_t (above) and the estimate of x_0 (below) at t = {times}: an image comes out of noise",
        )


def unpack(trajectories: Mapping[str, Any], run: int, sample: int) -> tuple[Tensor, Tensor]:
    """The stored images of a run: x_t and the estimates, both (frames, C, size, size) in [-1, 1]."""
    shape = (-1, trajectories["channels"], trajectories["size"], trajectories["size"])
    noised = _unpack_planes(trajectories["data_t"], trajectories["levels_t"], shape)
    estimates = _unpack_planes(trajectories["data_0"], trajectories["levels_0"], shape)
    rows = trajectories["runs"][run]
    x_t = [estimates[-1 - k] if k < 0 else noised[k] for k in rows["x_t"][sample]]
    return torch.stack(x_t), estimates[rows["x0"][sample]]


def _unpack_planes(data: str, levels: int, shape: tuple[int, ...]) -> Tensor:
    flat = np.frombuffer(zlib.decompress(base64.b64decode(data)), dtype=np.uint8)
    return torch.from_numpy(flat.astype(np.float32)).reshape(shape) * (2 / (levels - 1)) - 1
