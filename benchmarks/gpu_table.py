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
    if peak:
        lines.append(f"  {'copy':30s} {peak['copy_bytes'] / 1e9:10.1f} GB/s")
    throughput, worth = parts.get("throughput", {}), parts.get("worth", {})
    lines += [_speed(name, row) for name, row in throughput.get("rows", {}).items()]
    lines += [f"  {name:42s} {reason}" for name, reason in throughput.get("failed", {}).items()]
    lines += [_speed(name, row) for name, row in worth.get("rows", {}).items()]
    lines += [_speed(f"batch {name}", row) for name, row in worth.get("batches", {}).items()]
    for name, own in parts.get("train", {}).items():
        if isinstance(own, dict):
            lines.append(_trained(name, own))
    for name in ("models", "notebooks"):
        for key, value in parts.get(name, {}).items():
            if key not in ("command", "seconds_spent", "done"):
                lines.append(f"  {name} {key}: {value}")
    return "\n".join(lines)


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
