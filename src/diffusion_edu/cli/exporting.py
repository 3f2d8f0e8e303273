"""diffusion-edu export."""

from __future__ import annotations

from pathlib import Path

from ..pretrained import find_weights, load
from .common import FAILED, OK, say
from .options import Export


def export(options: Export) -> int:
    """Write the ONNX file and say how well it agrees with PyTorch."""
    from ..export import ExportError, to_graph, to_onnx  # not above: the extra may be missing, and it is slow to load

    system = load(options.name)
    size = system.shape[1]
    try:
        if options.graph:
            if options.full:
                raise ValueError("--full belongs to a file with weights: with --graph they stay as they are stored")
            weights = find_weights(options.name)
            done = to_graph(system.model, options.out or weights.with_suffix(".onnx"), weights, size=size)
        else:
            out = options.out or Path(f"{Path(options.name).stem}.onnx")
            done = to_onnx(system.model, out, half=not options.full, size=size)
    except (ImportError, ExportError) as error:
        return say(f"error: {error}", FAILED)
    print(
        f"{done.path}: {done.bytes:,} bytes; largest difference to PyTorch {done.difference:.1g} of the output's spread"
    )
    return OK
