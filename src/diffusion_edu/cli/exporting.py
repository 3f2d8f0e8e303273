"""diffusion-edu export."""

from __future__ import annotations

from pathlib import Path

from ..pretrained import find_weights
from .common import FAILED, OK, load_drawing, say
from .options import Export


def export(options: Export) -> int:
    """Write an ONNX file for each graph of a system, and say how well it agrees with PyTorch."""
    from ..export import ExportError, to_graphs  # not above: the extra may be missing, and it is slow to load

    system = load_drawing(options.name)
    try:
        if options.graph:
            if options.full:
                raise ValueError("--full belongs to a file with weights: with --graph they stay as they are stored")
            weights = find_weights(options.name)
            made = to_graphs(system, options.out or weights.with_suffix(".onnx"), weights)
        else:
            made = to_graphs(system, options.out or Path(f"{Path(options.name).stem}.onnx"), half=not options.full)
    except (ImportError, ExportError) as error:
        return say(f"error: {error}", FAILED)
    for done in made.values():
        agrees = f"largest difference to PyTorch {done.difference:.1g} of the output's spread"
        print(f"{done.path}: {done.bytes:,} bytes; {agrees}")
    return OK
