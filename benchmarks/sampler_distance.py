"""How far the pictures of `fashion` are from real ones, by sampler and number of steps.

    python benchmarks/sampler_pictures.py       # draws the pictures: hours on a CPU, minutes on a GPU
    python benchmarks/sampler_distance.py       # measures those that are there

Reference: Fashion-MNIST's 60,000 training pictures, padded to 32 x 32. Three floors: what real pictures get that the
model never saw (the test split against the training split, at each number of pictures in the table), and two parts of
the training split against each other. Results: benchmarks/results/sampler_distance.json.
"""

from __future__ import annotations

import argparse
import json
import platform
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sampler_pictures import FOLDER
from torch import Tensor

import diffusion_edu as de
from diffusion_edu.metrics import FeatureNetwork, compare_features

RESULT = Path("benchmarks/results/sampler_distance.json")
ORDER = ["ddim-10", "ddim-20", "ddim-50", "ddim-100", "dpm-solver-10", "dpm-solver-20", "ddpm-1000", "ddim-10-fp32"]


def drawn(name: str) -> Tensor:
    """The pictures of a sampler without holes: what follows a missing file is left out."""
    parts, first = [], 0
    while (file := FOLDER / name / f"{first:05}.npy").is_file():
        parts.append(torch.from_numpy(np.load(file)))
        first += len(parts[-1])
    return torch.cat(parts) if parts else torch.empty(0, 1, 32, 32, dtype=torch.uint8)


def row(pictures: Tensor, real: Tensor, net: FeatureNetwork) -> dict[str, Any]:
    """One comparison of features, as the table has it."""
    found = compare_features(pictures, real, net)
    return {
        "pictures": found.pictures,
        "distance": found.distance.value,
        "low": found.distance.low,
        "high": found.distance.high,
        "kid": found.kernel.value,
        "kid_std": found.kernel.error,
    }


def main() -> None:
    """Measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="fashion-classifier")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    net = de.feature_network(arguments.network)
    train, test = (net(de.data.fashion_mnist(split).pixels) for split in ("train", "test"))
    rows: list[dict[str, Any]] = []
    for name in ORDER:
        pictures = drawn(name)
        if len(pictures) < 1000:
            continue
        method, steps = name.removesuffix("-fp32").rsplit("-", 1)
        entry = {"sampler": method, "steps": int(steps), "precision": "fp32" if name.endswith("-fp32") else "bf16"}
        features = net(pictures)
        # DDPM has fewer pictures: the others are measured with so many too, for a fair comparison.
        counts = sorted({len(pictures), min(len(pictures), 2000)}, reverse=True)
        for count in counts:
            rows.append({**entry, **row(features[:count], train, net)})
            print(rows[-1], flush=True)
    shuffled = test[torch.randperm(len(test), generator=torch.Generator().manual_seed(0))]
    floors = [row(shuffled[:count], train, net) for count in sorted({r["pictures"] for r in rows}, reverse=True)]
    result = {
        "network": net.title,
        "measure": net.measure,
        "reference": "Fashion-MNIST, training split, 60,000 pictures",
        "floor": {"what": "test split against training split: real pictures that the model never saw", "rows": floors},
        "rows": rows,
        "weights": de.pretrained.card_of("fashion")["weights"]["sha256"],
        "machine": {"cpu": platform.machine(), "torch": torch.__version__, "python": platform.python_version()},
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(arguments.out)


if __name__ == "__main__":
    main()
