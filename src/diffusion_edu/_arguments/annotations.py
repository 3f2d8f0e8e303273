"""The rule of an argument, from its annotation, or from its name where a name means one thing in the whole package."""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Union, get_args, get_origin

import torch
from torch import Tensor

from .._errors import bad_type
from . import tensors, values
from .listed import flags, reals
from .rules import Rule, anything, count, denoiser, iterable, network, optional, sampler, steps, steps_of_batch, whole

# One name, one meaning in the whole package. (A rule in a decorator comes before these.)
NAMES: dict[str, Rule] = {
    "T": count(1, values.MOST_T),
    "t": steps_of_batch,
    "level": steps_of_batch,
    "seed": values.seed,
    "seeds": values.seeds,
    "mask": lambda name, value: tensors.bools(name, value, "(B, L)"),
    "keep": tensors.bools,
    "model": network,
    "network": network,
    "denoiser": denoiser,
    "sampler": sampler,
    "batch_size": count(1),
    "pixels": tensors.pixels,
    "images": tensors.images_inside,
    "start": tensors.images_inside,
    "truth": whole(0),
    "lengths": whole(0, shape="(N,)"),
    "labels": whole(0),
    "groups": whole(),
    "ids": whole(0, shape="(B, L)"),
    "codes": whole(0, shape="(B, k)"),
}

_OF_TENSORS = frozenset(
    ["mask", "keep", "pixels", "images", "start", "truth", "lengths", "labels", "groups", "ids", "codes"]
)
_OF_NETWORKS = frozenset(("model", "network"))

# Integers that count something, by name: there is at least one of it.
_COUNTED = (
    "T batch channels classes columns dim dilation emb_channels groups heads in_channels kernel_size length n "
    "out_channels scale side size skip_channels steps stride token_dim width"
)
COUNTED = frozenset(_COUNTED.split())

_PLAIN: dict[Any, Rule] = {
    int: values.integer,
    float: values.number,
    bool: values.flag,
    str: values.text,
    Tensor: tensors.floats,
    torch.dtype: values.float_type,
}


def rule_of(hint: Any) -> Rule:
    """The rule that an annotation stands for; :func:`anything` where it says too little, or too much for one rule."""
    options = list(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else [hint]
    kinds = [option for option in options if option is not type(None)]
    rule = _rule_of_kinds(kinds)
    return optional(rule) if len(kinds) < len(options) and rule is not anything else rule


def _rule_of_kinds(kinds: list[Any]) -> Rule:
    names = {kind for kind in kinds if isinstance(kind, type)}
    if len(kinds) == 1:
        return _rule_of_one(kinds[0])
    if torch.device in names:
        return values.device
    if any(issubclass(kind, os.PathLike) for kind in names):
        return values.path
    if names == {float, Tensor}:
        return lambda name, value: (
            tensors.floats(name, value, shape="of any shape")
            if isinstance(value, Tensor)
            else values.number(name, value)
        )
    return anything


def _rule_of_one(kind: Any) -> Rule:
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return anything
    if kind in _PLAIN:
        return _PLAIN[kind]
    if origin is tuple:
        return _rule_of_tuple(inner)
    if origin in (Sequence, Iterable, list):
        of: dict[Any, Rule] = {str: values.texts, int: values.integers, float: reals, bool: flags}
        return of.get(inner[0], iterable if origin is Iterable else anything)
    if origin in (Mapping, dict):
        return lambda name, value: values.instance(name, value, (Mapping,))
    if origin is Callable:
        return network
    if isinstance(kind, type) and issubclass(kind, os.PathLike):
        return values.as_path
    if isinstance(kind, type) and not getattr(kind, "_is_protocol", False):
        return lambda name, value: values.instance(name, value, (kind,))
    if isinstance(origin, type) and origin.__module__.startswith("diffusion_edu"):
        return lambda name, value: values.instance(name, value, (origin,))
    return anything


def _rule_of_tuple(inner: tuple[Any, ...]) -> Rule:
    """Integers, or objects of one class; other tuples are looked at where they are used."""
    if all(one in (int, Ellipsis) for one in inner):
        return values.integers
    one = inner[0]
    if inner[1:] != (Ellipsis,) or not isinstance(one, type):
        return anything

    def rule(name: str, value: Any) -> Any:
        if not isinstance(value, tuple):
            raise bad_type(name, value, f"a tuple, each of it a {one.__name__}")
        for i, entry in enumerate(value):
            values.instance(f"{name}[{i}]", entry, (one,))
        return value

    return rule


def rule_by_name(name: str, hint: Any) -> Rule:
    """By the name where it has one meaning; whether a step is an integer or a tensor, its annotation says.

    Where a name of tensors is annotated as texts, or that of a network as the name of one, the annotation counts.
    """
    known, options = NAMES.get(name), (hint, *get_args(hint))
    if (name in _OF_TENSORS and not {Any, Tensor} & {*options}) or (name in _OF_NETWORKS and str in options):
        return rule_of(hint)
    if known is steps_of_batch:
        known = None if Tensor not in options else known if int in options else steps
    if known is not None:
        return known
    return count() if name in COUNTED and hint in (int, int | None) else rule_of(hint)
