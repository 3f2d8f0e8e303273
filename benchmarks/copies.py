"""Does `fashion` copy its training images? The nearest of all 60,000 to each sample, and to images that are no copies.

    python benchmarks/copies.py       # fetches the training images, and draws 500 samples: minutes on a CPU

Distances are Euclidean, of the features of `fashion-classifier`. The scale is that of test images, which the model
never saw: a copy lies far nearer to its original than they lie to any training image. Result:
benchmarks/results/copies.json, which chapter 9 reads.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from torch import Tensor

import diffusion_edu as de
from diffusion_edu.metrics import FeatureNetwork
from diffusion_edu.metrics.neighbors import nearest

RESULT = Path("benchmarks/results/copies.json")


def row(pixels: Tensor, training: Tensor, net: FeatureNetwork) -> dict[str, Any]:
    """How far images are from the nearest of `training` (M, D), the features of the training images."""
    distance = nearest(net(pixels), training).distance
    return {"images": len(pixels), "median": distance.median().item(), "least": distance.min().item()}


def main() -> None:
    """Draw, search, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=500, help="samples, and test images beside them")
    parser.add_argument("--steps", type=int, default=20, help="of DPM-Solver++")
    parser.add_argument("--out", type=Path, default=RESULT)
    args = parser.parse_args()
    net = de.feature_network("fashion-classifier")
    training = net(de.data.fashion_mnist("train").pixels)
    samples = de.load("fashion").generate(args.n, seed=0, sampler=de.DPMSolver(), steps=args.steps)
    rows = {
        "samples": row(de.data.to_pixels(samples), training, net),
        "test images": row(de.data.fashion_mnist("test").pixels[: args.n], training, net),
    }
    args.out.write_text(json.dumps({"network": net.title, "steps": args.steps, "rows": rows}, indent=1) + "\n")
    for name, found in rows.items():
        print(f"{name:12s}", found)


if __name__ == "__main__":
    main()
