"""A device that is not there: its tensors lie on the CPU, say that they do not, and refuse to meet those that do.

What a GPU refuses is refused here too, on any machine: two devices in one operation (a number without axes may be
anywhere), a generator of the CPU for noise drawn over there, and NumPy. The numbers are the CPU's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cache

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

NAME = "pretend"
COPIES = ("aten::_to_copy", "aten::copy_")
_present = False  # while `running`


@cache
def device() -> torch.device:
    """The device; PyTorch is told of it the first time."""
    from torch.utils import backend_registration  # not with this file: an older PyTorch has no such devices

    class Module(backend_registration._DummyBackendModule):
        """What `torch.cuda` is to a GPU."""

        def is_available(self) -> bool:
            return _present  # else DataParallel takes it in tests that do not know of it

        def get_amp_supported_dtype(self) -> list[torch.dtype]:
            return []

    class Hook(backend_registration._DummyPrivateUse1Hook):
        """What PyTorch itself asks."""

        def is_available(self) -> bool:
            return _present

    backend_registration._setup_privateuseone_for_python_backend(NAME, Module(), Hook())
    return torch.device(NAME, 0)


class Elsewhere(Tensor):
    """A tensor of that device, around the tensor of the CPU that has its numbers."""

    inner: Tensor

    @staticmethod
    def __new__(cls, inner: Tensor) -> Elsewhere:
        tensor = torch.Tensor._make_wrapper_subclass(
            cls,
            inner.shape,
            strides=inner.stride(),
            storage_offset=inner.storage_offset(),
            dtype=inner.dtype,
            device=device(),
        )
        tensor.inner = inner
        return tensor

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})

    def tolist(self):
        return self.inner.tolist()

    def __repr__(self) -> str:  # by the CPU's, since printing is many operations
        return f"{NAME}: {self.inner!r}"


class _Everywhere(TorchDispatchMode):
    """Also for operations that make a tensor from none, or move one from the CPU."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return _run(func, args, kwargs or {})


def _run(func, args, kwargs):
    leaves = tree_leaves((args, kwargs))
    ours = [leaf for leaf in leaves if isinstance(leaf, Elsewhere)]
    asked = kwargs.get("device")
    there = bool(ours) if asked is None else torch.device(asked).type == NAME
    if ours and func._schema.name not in COPIES:
        strange = [tuple(leaf.shape) for leaf in leaves if type(leaf) is not Elsewhere and _has_axes(leaf)]
        if strange:
            raise RuntimeError(f"{func}: a tensor of shape {strange[0]} is on the CPU, and another on {NAME}")
    if there and any(isinstance(leaf, torch.Generator) for leaf in leaves):
        raise RuntimeError(f"{func}: a generator of the CPU draws on {NAME}")
    if asked is not None:
        kwargs = {**kwargs, "device": torch.device("cpu")}
    kept = {id(tensor.inner): tensor for tensor in ours}
    out = func(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    return tree_map(lambda leaf: _outer(leaf, there, kept), out)


def _has_axes(leaf) -> bool:
    return isinstance(leaf, Tensor) and leaf.dim() > 0


def _inner(leaf):
    return leaf.inner if isinstance(leaf, Elsewhere) else leaf


def _outer(leaf, there: bool, kept: dict[int, Elsewhere]):
    """What an operation in place answers is the tensor it was given."""
    if not isinstance(leaf, Tensor):
        return leaf
    if id(leaf) in kept:
        return kept[id(leaf)]
    return Elsewhere(leaf) if there else leaf


@contextlib.contextmanager
def running() -> Iterator[torch.device]:
    """For what runs there."""
    global _present
    before = _present
    converted, lifted = torch.__future__.get_overwrite_module_params_on_conversion(), torch._C._only_lift_cpu_tensors()
    torch.__future__.set_overwrite_module_params_on_conversion(True)  # `to` makes new parameters, of the other class
    torch._C._set_only_lift_cpu_tensors(True)  # torch.tensor makes it on the CPU and moves it, where it can be seen
    _present = True
    try:
        with _Everywhere(), torch.autograd.set_multithreading_enabled(False):  # its threads know no such device
            yield device()
    finally:
        _present = before
        torch.__future__.set_overwrite_module_params_on_conversion(converted)
        torch._C._set_only_lift_cpu_tensors(lifted)
