"""What test_gpu_script.py starts: benchmarks/gpu.py with forty random pictures for CIFAR-10, and two settings."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import gpu
import gpu_speed
import torch

import diffusion_edu as de


def pictures(split="train", root=None):
    """Forty."""
    pixels = torch.randint(0, 256, (40, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    return de.data.ImageData(pixels, torch.zeros(40, dtype=torch.long), ("noise",))


if __name__ == "__main__":
    de.data.cifar10 = pictures
    gpu_speed.WITHOUT = {name: gpu_speed.WITHOUT[name] for name in ("all of them", "without bf16")}
    sys.exit(gpu.main())
