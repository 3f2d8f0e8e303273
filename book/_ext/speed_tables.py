"""The tables of speed, cost and GPU days, which `benchmark_tables` puts on a page.

A unit stands once, in the head of its column; in the cells only where the rows of a column have different ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

SIZES = {
    "small": "small: 32, 64, 64 channels, one block, attention at 8 x 8",
    "wide": "wide: 64, 128, 256 channels, one block, attention at 8 x 8",
    "paper": "paper: the network of DDPM on CIFAR-10, dropout 0.1",
}


class Table(NamedTuple):
    """A caption, the head, and rows of text."""

    caption: str
    head: Sequence[str]
    rows: list[list[str]]


def _digits(value: float, unit: str = "") -> str:
    """Three significant digits, without an exponent."""
    if value == 0:
        return f"0{unit}"
    places = max(0, 2 - len(str(int(abs(value)))) + 1) if abs(value) >= 1 else 3
    return f"{value:,.{places}f}{unit}"


def _spread(middle: float, low: float, high: float) -> str:
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def machine_of(result: dict[str, Any]) -> str:
    """What a result was measured on, in words."""
    found = result.get("machine", {})
    name = found.get("device") or found.get("processor")
    threads = found.get("threads")
    more = [f"{threads} threads" if threads else "", f"PyTorch {found['torch']}" if "torch" in found else ""]
    return ", ".join(word for word in [name, *more] if word)


def training_step(result: dict[str, Any]) -> list[Table]:
    """One table for each size, batch and device."""
    tables = []
    for key in sorted(result, key=lambda k: list(SIZES).index(result[k]["size"])):
        one = result[key]
        rows = [
            [
                name,
                _digits(1000 * row["seconds"]),
                _digits(row["pictures_per_second"]),
                _spread(row["times_faster_than_base"], row["lowest"], row["highest"]),
                f"{row['peak_mib']:,.0f}",
                f"{row['parameters'] / 1e6:.1f}",
                _digits(row["flops_per_picture"] / 1e9),
            ]
            for name, row in one["rows"].items()
        ]
        sizes = ("peak memory, MiB", "parameters, millions", "GFLOPs per image")
        head = ("library", "a step, ms", "images/s", f"times {one['base']}", *sizes)
        caption = f"{SIZES[one['size']]}; batch {one['batch']}; {one['rounds']} rounds; {machine_of(one)}"
        tables.append(Table(caption, head, rows))
    return tables


def sampler_overhead(result: dict[str, Any]) -> list[Table]:
    """Microseconds a step, with the middle half of the runs."""
    rows = [
        [name, f"{row['microseconds']:.0f}", f"{row['low']:.0f} to {row['high']:.0f}"]
        for name, row in result["rows"].items()
    ]
    head = ("sampler", "a step, µs", "middle half of the runs, µs")
    return [Table(f"One image of 3 x 32 x 32; {machine_of(result)}", head, rows)]


def frechet(result: dict[str, Any]) -> list[Table]:
    """One table for each number of images."""
    tables = []
    for one in result["sets"]:
        rows = [
            [name, _digits(row["seconds"]), f"{row['times_ours']:.1f}", f"{row['relative_error']:.0e}"]
            for name, row in one["rows"].items()
        ]
        caption = f"{one['count']:,} images, {result['width']:,} features; {machine_of(result)}"
        tables.append(Table(caption, ("route", "time, s", "times ours", "relative error"), rows))
    return tables


def cost(result: dict[str, Any]) -> list[Table]:
    """Cost against side, batch, T, sampling steps, processes."""

    def per_picture(row: dict[str, Any]) -> str:
        return _digits(1000 / row["pictures_per_second"])

    named = f"{result['network']} network, {machine_of(result)}"
    side = [
        [f"{r['side']} x {r['side']}", f"{r['flops'] / 1e9:.2f}", per_picture(r), _digits(r["pictures_per_second"])]
        for r in result["side"]
    ]
    batch = [
        [str(r["batch"]), _digits(1000 * r["seconds"]), per_picture(r), _digits(r["pictures_per_second"])]
        for r in result["batch"]
    ]
    length = [[f"{r['T']:,}", per_picture(r), _digits(r["pictures_per_second"])] for r in result["T"]]
    steps = [
        [str(r["steps"]), _digits(r["seconds"]), _digits(1000 * r["seconds"] / r["steps"])] for r in result["steps"]
    ]
    processes = [
        [str(r["processes"]), str(r["threads"]), _digits(r["pictures_per_second"])] for r in result["processes"]
    ]
    speed = ("a training image, ms", "images/s")
    return [
        Table(f"Side of the image (batch 8); {named}", ("side", "GFLOPs forward", *speed), side),
        Table("Batch (32 x 32)", ("batch", "a step, ms", *speed), batch),
        Table("Length T of the chain, in training (batch 8)", ("T", *speed), length),
        Table("Steps of a sampler (8 images, DDIM)", ("steps", "8 images, s", "a step, ms"), steps),
        Table(
            f"Processes that share a batch of {result['global_batch']} and the cores of one machine",
            ("processes", "threads each", "images/s"),
            processes,
        ),
    ]


def profile(result: dict[str, Any]) -> list[Table]:
    """Share of each kind of arithmetic, for each precision."""
    kinds = [p for p in ("bf16", "fp32") if p in result]
    share = {p: {row["part"]: row["share"] for row in result[p]["rows"]} for p in kinds}
    rows = [
        [part, *[f"{100 * share[p].get(part, 0):.1f}%" for p in kinds]]
        for part in sorted(share[kinds[0]], key=lambda part: -share[kinds[0]][part])
    ]
    rows.append(["a step, without the profiler", *[_digits(result[p]["milliseconds"], " ms") for p in kinds]])
    caption = f"{result['network']} network, batch {result['batch']}; {machine_of(result)}"
    return [Table(caption, ("part of the step", *kinds), rows)]


LIBRARIES = {"ours": "diffusion_edu", "diffusers": "diffusers", "lucidrains": "denoising-diffusion-pytorch"}


def _worth(row: dict[str, Any]) -> list[str]:
    if "failed" in row:
        return [row["failed"], "", ""]
    return [
        _digits(1000 * row["seconds"]),
        _digits(row["pictures_per_second"]),
        f"{row['peak_mib']:,.0f}",
    ]


def _settings(parts: dict[str, Any], machine: str = "") -> Table:
    """What each setting is worth."""
    worth = parts.get("worth", {})
    rows = [[name, *_worth(row)] for name, row in worth.get("rows", {}).items()]
    rows += [[f"batch {name}", *_worth(row)] for name, row in worth.get("batches", {}).items()]
    head = ("setting", "a step, ms", "images/s", "peak memory, MiB")
    return Table(f"What each setting is worth{machine}", head, rows)


def cpu(result: dict[str, Any]) -> list[Table]:
    """The same script's table of settings, on a processor."""
    about = result.get("settings", {})
    machine = f"; {about['size']} network, batch {about['batch']}; {machine_of(result)}" if about else ""
    return [_settings(result.get("parts", {}), machine)]


def lighthouse(result: dict[str, Any]) -> list[Table]:
    """What Lighthouse says of each page."""
    head = ("page", "performance", "first paint, s", "largest paint, s", "blocked, s", "kB", "elements")
    rows, others = [], ("accessibility", "best-practices", "seo")
    for name, page in result.get("pages", {}).items():
        times = (f"{page[key]:.1f}" for key in ("first_paint", "largest_paint", "blocked"))
        rows.append([name, str(page["performance"]), *times, f"{page['kilobytes']:,}", f"{page['elements']:,}"])
    least = min((page[key] for page in result.get("pages", {}).values() for key in others), default=0)
    caption = (
        f"Lighthouse {result.get('version')}, mobile; the least of the three other scores (accessibility, best "
        f"practices, search engines) of any page is {least}; {machine_of(result)}"
    )
    return [Table(caption, head, rows)]


def gpu(result: dict[str, Any]) -> list[Table]:
    """The parts of gpu.py that have run."""
    parts = result.get("parts", {})
    machine = machine_of(result)
    peak = parts.get("peak", {})
    kinds = {"bf16_flops": "bf16 product", "tf32_flops": "TF32 product", "fp32_flops": "fp32 product"}
    rows = [[name, f"{peak[key] / 1e12:,.1f} TFLOP/s"] for key, name in kinds.items() if key in peak]
    if "copy_bytes" in peak:
        rows.append(["copy", f"{peak['copy_bytes'] / 1e9:,.0f} GB/s"])
    made = [Table(f"What the machine does at most; {machine}", ("work", "measured"), rows)]

    found = parts.get("throughput", {}).get("rows", {})
    rows = [
        [
            name,
            _digits(row["pictures_per_second"]),
            f"{100 * row['share_of_bf16_peak']:.0f}%",
            f"{row['peak_mib']:,.0f}",
        ]
        for name, row in found.items()
    ]
    made.append(Table("A training step", ("library", "images/s", "of the bf16 peak", "peak memory, MiB"), rows))
    return [table for table in [*made, _settings(parts), _trained(parts)] if table.rows]


def _trained(parts: dict[str, Any]) -> Table:
    """The libraries that have trained for the same minutes."""
    rows = []
    for key, title in LIBRARIES.items():
        own = parts.get("train", {}).get(key, {})
        if "failed" in own:
            rows.append([title, own["failed"], "", "", ""])
        if "distance" not in own:
            continue
        low, high = own["interval_95"]
        distance = f"{own['distance']:.1f} ({low:.1f} to {high:.1f})"
        floor = f"{own['floor']['distance']:.1f}" if own.get("floor") else "–"
        minutes = f"{own['seconds'] / 60:.0f} min, {own['steps']:,} steps"
        rows.append([title, minutes, distance, f"{own['kernel']['value']:.4f}", floor])
    distances = ("Fréchet distance (EfficientNet-Lite0)", "kernel distance", "floor")
    head = ("CIFAR-10, the same minutes", "training", *distances)
    return Table("Trained for the same minutes", head, rows)
