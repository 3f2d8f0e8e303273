"""The table that gpu.py prints at its end."""

from __future__ import annotations

from typing import Any


def table(result: dict[str, Any]) -> str:
    """Everything measured so far, a line each; `result` is what the JSON file holds."""
    parts = result["parts"]
    lines = [f"{result['machine']['device']}, torch {result['machine']['torch']}"]
    peak = parts.get("peak", {})
    for key, value in peak.items():
        if key.endswith("_flops"):
            lines.append(f"  {key.removesuffix('_flops'):30s} {value / 1e12:10.2f} TFLOP/s")
    if "copy_bytes" in peak:
        lines.append(f"  {'copy':30s} {peak['copy_bytes'] / 1e9:10.1f} GB/s")
    throughput, worth = parts.get("throughput", {}), parts.get("worth", {})
    lines += [_speed(name, row) for name, row in throughput.get("rows", {}).items()]
    lines += [f"  {name:42s} {reason}" for name, reason in throughput.get("failed", {}).items()]
    lines += [_speed(name, row) for name, row in worth.get("rows", {}).items()]
    lines += [_speed(f"batch {name}", row) for name, row in worth.get("batches", {}).items()]
    for name, own in parts.get("train", {}).items():
        if isinstance(own, dict):
            lines.append(_trained(name, own))
    tests = parts.get("tests", {})
    if "passed" in tests:
        lines.append(
            f"  tests: {tests['passed']} passed, {len(tests['failed'])} failed, {len(tests['skipped'])} skipped"
        )
        lines += [f"    {name}: {reason}" for name, reason in tests["failed"].items()]
    lines += [f"  model {name}: {_model(row)}" for name, row in parts.get("models", {}).get("rows", {}).items()]
    lines += [f"  chapter {name}: {_chapter(row)}" for name, row in parts.get("notebooks", {}).get("rows", {}).items()]
    lines += [f"  {name}: {part['said']}" for name, part in parts.items() if "said" in part]
    return "\n".join(lines)


def _model(row: dict[str, Any]) -> str:
    if not row.get("finished"):
        return f"not finished: {row.get('said', 'no reason was given')}"
    steps = ", ".join(f"{name} {count:,} steps" for name, count in row["steps"].items())
    return f"{steps}; loss {row['final_loss']:.4g}, {row['seconds']:.0f} s"


def _chapter(row: dict[str, Any]) -> str:
    if "failed" in row:
        return row["failed"]
    cells = ", ".join(map(str, row["changed_cells"])) or "none"
    return f"{row['seconds']:.0f} s, cells whose text changed: {cells}"


def _speed(name: str, row: dict[str, Any]) -> str:
    if "failed" in row:
        return f"  {name:42s} {row['failed']}"
    share = f"{100 * row['share_of_bf16_peak']:5.1f}% of the bf16 peak"
    return f"  {name:42s} {row['pictures_per_second']:9.1f} pictures/s {share} {row['peak_mib']:8.0f} MiB"


def _trained(name: str, own: dict[str, Any]) -> str:
    if "distance" not in own:
        so_far = f"{own['seconds']:.0f} s of training so far"
        return f"  {name}: {own.get('failed', so_far)}"
    told = f" after {own['seconds']:.0f} s, {own['steps']:,} steps" if "steps" in own else ""
    return f"  {name}{told}: distance {own['distance']:.4g}, kernel {own['kernel']['value']:.3g}"
