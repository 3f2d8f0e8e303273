"""Networks as ONNX files, for runtimes that know no PyTorch: a web page, a phone, another language.

The weights are stored in half precision and turned to float32 by the runtime when it loads the file: half the size,
the same speed, and the same arithmetic as PyTorch's with weights rounded to half precision.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from .._arguments import checked, count, module, tensors_by_name, text_or_texts
from .._errors import WrongType, bad_value
from ..disk import write_bytes
from ..files import tensor_places
from ..nn import UNet, by_name, example_inputs
from ..systems.system import graph_files
from ..train.ema import plain_state, unwrapped
from .compare import ExportError, difference
from .graph import Owner, bare_graph, convert_at_load, fill, point

MOST_SIDE = 4096  # of a default example


class Exported(NamedTuple):
    """What was written: the file, its size, and the largest difference to PyTorch as a share of the output's spread."""

    path: Path
    bytes: int
    difference: float


@checked(model=module, example=tensors_by_name, output=text_or_texts, size=count(1, MOST_SIDE))
def to_onnx(
    model: nn.Module,
    path: str | Path,
    *,
    example: Mapping[str, Tensor] | None = None,
    output: str | Sequence[str] = "prediction",
    half: bool = True,
    size: int = 32,
) -> Exported:
    """Write a network to one ONNX file, after the file's answers were compared with PyTorch's.

    Floating-point inputs and outputs are float32 whatever the weights are; the batch may have any size.

    Args:
        model: any module with tensors in and tensors out, or a :class:`Network`, whose condition is then given by the
            names of its fields (vec, tokens, mask, concat, level).
        path: the file; a file of that name is replaced when all is done.
        example: inputs by the names of the module's arguments, with a batch of 2 or more; default for a U-Net:
            :func:`example_inputs`.
        output: name of the output, or names of all outputs in order.
        half: store the weights in half precision.
        size: height and width of the default example.

    Returns:
        Exported(path, bytes, difference).

    Raises:
        ImportError: the extra `export` is not installed.
        TypeError, ValueError: no example for a module that is not a U-Net, one with a batch below 2, or with a name
            that the module does not take.
        ExportError: the file's answers differ from PyTorch's.
    """
    path, model = Path(path), unwrapped(model)
    plain, inputs, outputs = _plain_copy(model, half), _example(model, example, size), _names(output)
    _check_apart(inputs, outputs)
    proto, owners = bare_graph(plain, inputs, outputs)
    state = plain.state_dict()
    for initializer in proto.graph.initializer:
        if initializer.name in owners:
            name, turned, first = owners[initializer.name]
            value = state[name].T if turned else state[name].flatten()[:first]
            fill(initializer, value.contiguous().numpy().astype(np.float16 if half else np.float32))
    if half:
        convert_at_load(proto, set(owners), set())
    payload = proto.SerializeToString()
    worst = difference(payload, None, by_name(plain), inputs, outputs)
    write_bytes(path, payload)
    return Exported(path, len(payload), worst)


@checked(model=module, example=tensors_by_name, within=module, output=text_or_texts, size=count(1, MOST_SIDE))
def to_graph(
    model: nn.Module,
    path: str | Path,
    weights: str | Path,
    *,
    example: Mapping[str, Tensor] | None = None,
    prefix: str = "",
    within: nn.Module | None = None,
    output: str | Sequence[str] = "prediction",
    size: int = 32,
) -> Exported:
    """Write the graph of a network without its weights: it points to the tensors in a safetensors file beside it.

    A web page then loads the very file that PyTorch loads, and the weights exist once.

    Args:
        model: the network whose weights the file holds; example, output, size: as for :func:`to_onnx`.
        path: the ONNX file.
        weights: the safetensors file, in the same folder; float16 or float32 tensors.
        prefix: of the file's names for the network's tensors: "unet." for a part of a system.
        within: the system whose tensors the file holds, where `model` is a part of it, or is wrapped around a part.
            Names are then those of the same tensors in it, and need no prefix; a file of the part alone, as its
            training leaves it, will do too.

    Returns:
        Exported(path, bytes, difference), with the bytes of the graph alone.

    Raises:
        ImportError: the extra `export` is not installed.
        TypeError, ValueError: as for :func:`to_onnx`; the files lie in different folders, or the weights' file lacks
            a tensor or has another shape.
        ExportError: the file's answers differ from PyTorch's.
    """
    path, weights, model = Path(path), Path(weights), unwrapped(model)
    if path.parent.resolve() != weights.parent.resolve():
        raise bad_value("weights", str(weights), f"in the folder of the graph, {path.parent}")
    if within is not None and prefix:
        raise ValueError(f"prefix must be left out where within names the tensors, got {prefix!r}")
    places, in_file = tensor_places(weights), {name: prefix + name for name in model.state_dict()}
    if within is not None:
        of_system = _names_in(within, model)
        in_file = of_system if places.keys() & set(of_system.values()) else in_file
    plain, inputs, outputs = _plain_copy(model, half=False), _example(model, example, size), _names(output)
    _check_apart(inputs, outputs)
    proto, owners = bare_graph(plain, inputs, outputs)
    _point_all(proto, owners, plain.state_dict(), in_file, weights, places)
    payload = proto.SerializeToString()
    worst = difference(payload, weights, by_name(plain), inputs, outputs)
    write_bytes(path, payload)
    return Exported(path, len(payload), worst)


@checked(system=module)
def to_graphs(
    system: nn.Module, path: str | Path, weights: str | Path | None = None, *, half: bool = True
) -> dict[str, Exported]:
    """Write every graph of a system: one to `path` itself, several to `NAME.GRAPH.onnx` each.

    Args:
        system: one with `graphs()`: name -> a module with tensors in and out, and an example of its inputs by name.
            A module with several outputs has their names as its `outputs`.
        path: the ONNX file, `NAME.onnx`.
        weights: the safetensors file beside it that holds the system's tensors, which the graphs then point to; None:
            each file holds its own weights.
        half: where a file holds its weights, in half precision.

    Returns:
        What was written, by the names of the graphs.

    Raises:
        TypeError: the system has no graphs.
        ImportError, ValueError, ExportError: as for :func:`to_onnx` and :func:`to_graph`.
    """
    system = unwrapped(system)
    method: Any = getattr(system, "graphs", None)
    if method is None:
        raise WrongType(f"system must have graphs(), got a {type(system).__name__}")
    graphs, path, done = method(), Path(path), {}
    names = graph_files(path.name, graphs)
    for name, (network, example) in graphs.items():
        file, output = path.with_name(names[name]), getattr(network, "outputs", "prediction")
        if weights is None:
            done[name] = to_onnx(network, file, example=example, output=output, half=half)
        else:
            done[name] = to_graph(network, file, weights, example=example, within=system, output=output)
    return done


def _point_all(
    proto: Any,
    owners: Mapping[str, Owner],
    state: Mapping[str, Tensor],
    in_file: Mapping[str, str],
    weights: Path,
    places: Mapping[str, tuple[str, tuple[int, ...], int, int]],
) -> None:
    """Make each constant of the graph a reference into the file of weights."""
    halves, turned = set(), set()
    for initializer in proto.graph.initializer:
        if initializer.name not in owners:
            continue
        name, is_turned, first = owners[initializer.name]
        kind, shape, offset, length = places.get(in_file[name], ("", (), 0, 0))
        if kind not in ("F16", "F32") or shape != tuple(state[name].shape):
            wanted = f"to hold {in_file[name]} as F16 or F32 {tuple(state[name].shape)}"
            raise bad_value("weights", str(weights), f"{wanted}, found {kind or 'nothing'} {shape}")
        used = length if first is None else first * length // state[name].numel()
        point(initializer, weights.name, offset, used, half=kind == "F16")
        if kind == "F16":
            halves.add(initializer.name)
        if is_turned:
            if len(initializer.dims) != 2:
                raise ExportError(f"the graph needs {name} transposed, and with {len(initializer.dims)} dimensions")
            turned.add(initializer.name)
    convert_at_load(proto, halves, turned)


def _names_in(system: nn.Module, model: nn.Module) -> dict[str, str]:
    """The names of a module's tensors in the state of the system that they belong to."""
    home = {value.data_ptr(): name for name, value in plain_state(system).items() if value.numel()}
    names = {}
    for name, value in model.state_dict().items():
        if value.data_ptr() not in home:
            raise ValueError(f"within must hold every tensor of the graph, it lacks {name}")
        names[name] = home[value.data_ptr()]
    return names


def _plain_copy(model: nn.Module, half: bool) -> nn.Module:
    """A copy on the CPU in float32 for evaluation, its weights rounded to half precision where they will be."""
    plain = copy.deepcopy(model).cpu().float().eval().requires_grad_(False)
    if half:
        with torch.no_grad():
            for tensor in plain.state_dict().values():
                if tensor.is_floating_point():
                    tensor.copy_(tensor.half())
    return plain


def _example(model: nn.Module, example: Mapping[str, Tensor] | None, size: int) -> dict[str, Tensor]:
    if example is None:
        if not isinstance(model, UNet):
            raise WrongType(f"example is needed for a {type(model).__name__}: tensors by the names of its arguments")
        return example_inputs(model.config, size)
    batches = {name: len(value) if value.ndim else 0 for name, value in example.items()}
    if len(set(batches.values())) != 1 or min(batches.values()) < 2:
        raise bad_value("example", batches, "tensors with one batch size of at least 2")  # 1 would be fixed in the file
    takes = list(inspect.signature(by_name(model).forward).parameters)
    unknown = [name for name in example if name not in takes]
    if unknown:
        raise bad_value("example", unknown[0], f"tensors by the names of the arguments {', '.join(takes)}")
    return dict(example)


def _check_apart(inputs: Mapping[str, Tensor], outputs: Sequence[str]) -> None:
    """Raise where an output has the name of an input: a graph has one name for each."""
    for name in outputs:
        if name in inputs:
            raise bad_value("output", name, f"another name than those of the inputs, {', '.join(inputs)}")


def _names(output: str | Sequence[str]) -> tuple[str, ...]:
    return (output,) if isinstance(output, str) else tuple(output)
