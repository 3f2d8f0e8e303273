"""Time and accuracy of the Frechet distance, side by side with the routes that other libraries take.

    python benchmarks/frechet.py --out benchmarks/results/frechet.json

Each library starts from what it keeps itself: ours from `Statistics`, the others from a mean and a covariance, whose
making is not timed. The runs are interleaved, so that a change of the machine's speed meets all of them; the table
gives medians. The features of the second set are those of the first, pushed by a symmetric positive map: that is the
cheapest way between the two Gaussians, so the distance is the mean squared way of a row, known without any root.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import peers
import torch

import diffusion_edu as de

Array = np.ndarray
Moments = tuple[Array, Array, Array, Array]


def two_sets(count: int, width: int, seed: int) -> tuple[Array, Array, float]:
    """Two tables (count, width) of features, and their exact distance."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(width, width)) * (1 + np.arange(width)) ** -0.5 / width**0.5
    x = rng.normal(size=(count, width)) @ mixing + rng.normal(size=width)
    axes, _ = np.linalg.qr(rng.normal(size=(width, width)))
    push = (axes * rng.uniform(0.5, 1.5, width)) @ axes.T
    shift = 0.1 * rng.normal(size=width)
    centred = x - x.mean(0)
    moved = centred @ push
    exact = (shift**2).sum() + ((centred - moved) ** 2).sum() / (count - 1)
    return x, moved + x.mean(0) + shift, float(exact)


def rest(m: Moments) -> float:
    """All of the distance except the root."""
    apart = m[0] - m[2]
    return float(apart @ apart + np.trace(m[1]) + np.trace(m[3]))


def scipy_sqrtm(m: Moments) -> float:
    """As pytorch-fid and clean-fid: the root of the product, its real part."""
    from scipy.linalg import sqrtm

    root = sqrtm(m[1] @ m[3])
    if not np.isfinite(root).all():
        more = np.eye(len(m[1])) * 1e-6
        root = sqrtm((m[1] + more) @ (m[3] + more))
    return rest(m) - 2 * float(np.trace(root).real)


def torchmetrics_eigvals(m: Moments) -> float:
    """As torchmetrics: the roots of the product's eigenvalues, by PyTorch."""
    a, b = torch.from_numpy(m[1]), torch.from_numpy(m[3])
    return rest(m) - 2 * float(torch.linalg.eigvals(a @ b).sqrt().real.sum())


def torch_fidelity_eigvals(m: Moments) -> float:
    """As torch-fidelity: the same, by NumPy."""
    roots = np.sqrt(np.linalg.eigvals(m[1] @ m[3]).astype(complex))
    return rest(m) - 2 * float(roots.real.sum())


OTHERS: dict[str, Callable[[Moments], float]] = {
    "scipy sqrtm": scipy_sqrtm,
    "torchmetrics": torchmetrics_eigvals,
    "torch-fidelity": torch_fidelity_eigvals,
}


def compare(count: int, width: int, repeats: int, seed: int, with_scipy: bool = True) -> dict[str, object]:
    """Median seconds of every route, how many times ours is faster, and the error of each against the exact value."""
    x, y, exact = two_sets(count, width, seed)
    ours = tuple(de.Statistics(width).update(rows) for rows in (x, y))
    moments = (x.mean(0), np.cov(x, rowvar=False), y.mean(0), np.cov(y, rowvar=False))
    del x, y
    routes: dict[str, Callable[[], float]] = {"diffusion_edu": lambda: de.frechet_distance(*ours)}
    others = OTHERS if with_scipy else {name: route for name, route in OTHERS.items() if name != "scipy sqrtm"}
    routes |= {name: (lambda route=route: route(moments)) for name, route in others.items()}
    seconds: dict[str, list[float]] = {name: [] for name in routes}
    values = {}
    for repeat in range(repeats + 1):
        for name, route in routes.items():
            start = time.perf_counter()
            values[name] = route()
            if repeat or repeats == 0:  # the first round only wakes the libraries up
                seconds[name].append(time.perf_counter() - start)
        print(f"N = {count:,}: round {repeat} of {repeats}", flush=True)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    return {
        "count": count,
        "exact": exact,
        "rows": {
            name: {
                "seconds": round(medians[name], 5),
                "times_ours": round(medians[name] / medians["diffusion_edu"], 2),
                "relative_error": float(f"{abs(values[name] / exact - 1):.2e}"),
            }
            for name in routes
        },
    }


def main() -> None:
    """Compare at each number of rows; print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=2048, help="number of features")
    parser.add_argument("--counts", type=int, nargs="+", default=[10_000, 1_000], help="rows in each set")
    parser.add_argument("--repeats", type=int, default=5, help="timed rounds; 0: one round, nothing thrown away")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=None, help="file for the result; default: only printed")
    args = parser.parse_args()

    scipy = bool(peers.present(["scipy"]))
    report = {
        "width": args.width,
        "repeats": args.repeats,
        "sets": [compare(count, args.width, args.repeats, args.seed, scipy) for count in args.counts],
        "machine": {
            "processor": platform.machine(),
            "threads": os.environ.get("OMP_NUM_THREADS", "all"),
            "cpus": os.cpu_count(),
            "numpy": np.__version__,
            "scipy": version("scipy") if scipy else None,
            "torch": torch.__version__,
        },
    }
    if args.out is not None:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(json.dumps(report, indent=1) + "\n")
    for result in report["sets"]:
        print(f"D = {args.width}, N = {result['count']:,}")
        for name, row in result["rows"].items():
            print(f"  {name:15} {row['seconds']:9.4f} s  {row['times_ours']:8.2f}x  error {row['relative_error']:.1e}")


if __name__ == "__main__":
    main()
