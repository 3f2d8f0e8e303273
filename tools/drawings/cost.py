"""What a training costs: the roof, the memory, and several devices. All numbers come from the package's count."""

from __future__ import annotations

import math

import diffusion_edu as de
from diffusion_edu.nn.cost import network_cost, training_cost
from diffusion_edu.widgets.cost.widget import MACHINES

from .canvas import Drawing

PEAK, BANDWIDTH = MACHINES["h100"].half, MACHINES["h100"].bandwidth  # by its data sheet, 16 bits
CPU_PEAK, CPU_BANDWIDTH = MACHINES["cpu"].half, MACHINES["cpu"].bandwidth  # two cores


def roofline() -> Drawing:
    """The roof of two machines, and where three networks stand under it."""
    d = Drawing("roofline", 540, 438)
    left, bottom, wide, high = 86, 350, 430, 310
    low, top, first, last = 11.0, 15.3, 0.7, 3.0  # decades of the axes

    def at(intensity: float, flops: float) -> tuple[float, float]:
        x = (math.log10(intensity) - first) / (last - first)
        y = (math.log10(flops) - low) / (top - low)
        return left + wide * x, bottom - high * y

    d.line([(left, bottom - high), (left, bottom)], "border")
    d.line([(left, bottom), (left + wide, bottom)], "border")
    for power, label in ((11, "0.1"), (12, "1"), (13, "10"), (14, "100"), (15, "1000")):
        y = at(10, 10.0**power)[1]
        d.line([(left, y), (left + wide, y)], "border", 0.8)
        d.text(left - 8, y + 5, label, 15, "muted", "end")
    for value in (10, 100, 1000):
        d.text(min(at(value, 1e11)[0], 512), bottom + 22, f"{value}", 15, "muted", "end" if value == 1000 else "middle")
    d.text(left + wide / 2, bottom + 48, "intensity: FLOPs for each byte moved", 16, "muted")
    d.text(24, bottom - high / 2, "TFLOP/s at most", 16, "muted", turn=-90)
    for peak, bandwidth, color in ((PEAK, BANDWIDTH, "violet"), (CPU_PEAK, CPU_BANDWIDTH, "grey")):
        ridge = peak / bandwidth
        d.line([at(10**first, bandwidth * 10**first), at(ridge, peak), at(10**last, peak)], color, 3)
    d.text(left + 12, at(10, 5e14)[1], "one H100: memory limits", 16, "violet", "start")
    d.text(516, at(10, PEAK)[1] - 12, "arithmetic limits", 16, "violet", "end")
    d.text(left + 12, at(10, 1.2 * CPU_PEAK)[1], "two CPU cores", 16, "grey", "start")
    for name, config in (
        ("small", de.UNetConfig.small()),
        ("base", de.UNetConfig.base()),
        ("paper", de.UNetConfig.paper()),
    ):
        bill = training_cost(
            network_cost(config, 32), batch=128, pictures=1, peak=PEAK, bandwidth=BANDWIDTH, value_bytes=2
        )
        x, y = at(bill.intensity, bill.roof)
        d.line([(x, y), (x, bottom)], "blue", 1, dashed=True)
        d.dot(x, y, 6, "blue")
        d.text(x + 8, y + 24, name, 16, "blue", "start", halo=True)
    d.text(270, 426, "blue: three U-Nets of the book, batch 128", 16, "muted")
    return d


def training_memory() -> Drawing:
    """What training keeps, by part, at three batch sizes."""
    d = Drawing("training-memory", 540, 348)
    cost = network_cost(de.UNetConfig.paper(), 32)
    gib = 2**30
    weights = 4 * cost.parameters / gib
    parts = [
        ("weights", weights, "violet", 0.8),
        ("gradients", weights, "text", 0.6),
        ("Adam’s moments", 2 * weights, "grey", 0.7),
        ("average", weights, "teal", 0.7),
    ]
    batches = (8, 32, 128)
    scale = 380 / (5 * weights + batches[-1] * cost.activation_bytes / 2 / gib)
    for i, batch in enumerate(batches):
        y = 20 + 56 * i
        x = 104.0
        d.text(94, y + 26, f"batch {batch}", 16, "text", "end")
        kept = batch * cost.activation_bytes / 2 / gib
        for _, size, color, depth in [*parts, ("activations", kept, "blue", 0.6)]:
            wide = size * scale
            d.fill(x, y, wide - 1.5, 38, color, depth)
            x += wide
        total = 5 * weights + kept
        longest = batch == batches[-1]
        side = "end" if longest else "start"
        d.text(x - 8 if longest else x + 8, y + 26, f"{total:.1f} GiB", 16, "text", side, halo=longest)
    rows = [*parts, ("activations, bf16", 0.0, "blue", 0.6)]
    for i, (name, size, color, depth) in enumerate(rows):
        x, y = (24, 216 + 30 * i) if i < 3 else (284, 216 + 30 * (i - 3))
        d.fill(x, y, 18, 18, color, depth)
        d.text(x + 28, y + 15, f"{name}, {size:.2f} GiB" if size else name, 16, "text", "start")
    d.text(270, 334, "only the activations grow with the batch", 16, "muted")
    return d


def data_parallel() -> Drawing:
    """One step on two devices: the gradients travel while the backward pass is running."""
    d = Drawing("data-parallel", 540, 392)
    left = 24
    for i in range(2):
        y = 44 + 168 * i
        d.text(
            left, y - 12 if i == 0 else y + 66, f"device {i + 1}: its half of the batch", 16, "text", "start", bold=True
        )
        d.box(left, y, 110, 44, "forward", "network", 16)
        for k in range(4):
            d.box(left + 114 + 66 * k, y, 62, 44, f"$g_{4 - k}$", "network", 17)
        d.box(left + 428, y, 64, 44, "step", "score", 16)
    for k in range(4):
        x = left + 180 + 62 * k
        d.arrow([(left + 170 + 66 * k, 90), (x + 12, 134)], "blue", 1.4, head=7)
        d.arrow([(left + 170 + 66 * k, 210), (x + 12, 174)], "blue", 1.4, head=7)
        d.box(x, 136, 58, 36, f"$\\bar g_{4 - k}$", "data", 17)
    d.text(left, 150, "all-reduce:", 16, "blue", "start")
    d.text(left, 170, "the mean", 16, "blue", "start")
    d.text(516, 32, "backward, last layer first", 16, "muted", "end")
    d.arrow([(left, 306), (516, 306)])
    d.text(516, 328, "time", 16, "muted", "end")
    d.lines(260, 352, ["a gradient travels as soon as it is there,", "while the next one is computed"], 16)
    return d
