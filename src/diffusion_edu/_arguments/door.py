"""`@checked`: the check of the arguments of a function, a method or a constructor, before it runs."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar, get_args, overload

import torch
from torch import Tensor, nn

from .._errors import bad_type
from .annotations import rule_by_name
from .rules import Rule, anything, optional

Target = TypeVar("Target", bound=Callable[..., Any])


def inside(function: Target) -> Target:
    """The function without its door: for a loop of the package that has looked at the arguments itself."""
    return getattr(function, "__wrapped__", function)


@overload
def checked(target: Target, /) -> Target: ...
@overload
def checked(
    *, same: str = "", per_sample: str = "", types: str = "", fits: str = "", **rules: Rule
) -> Callable[[Target], Target]: ...


def checked(
    target: Any = None, /, *, same: str = "", per_sample: str = "", types: str = "", fits: str = "", **rules: Rule
) -> Any:
    """Check the arguments of a function, of a method, or of the constructor of a class, before it runs.

    Args:
        target: the function or class; a class's own constructor is checked, and no other of its methods.
        same: names of arguments that must have the shape of the first of them; of an :class:`Estimate` both tensors.
        per_sample: names of arguments with one entry for each sample of the first of them, such as steps (B,);
            integers pass.
        types: names of tensors that must have the type of the first of them: integers beside fractions would be cut.
        fits: names of tensors whose sizes must fit the layer and each other, and that must be where it is. Nothing is
            looked at before the function runs; where it fails, the error says what it was given.
        rules: of arguments by name, in place of those of annotations and `NAMES`.

    Returns:
        The function with the check before it, or the class itself.
    """
    if target is None:
        relations = Relations(same.split(), per_sample.split(), types.split(), fits.split())
        return lambda function: _with_door(function, relations, rules)
    return _with_door(target, Relations([], [], [], []), {})


class Relations(NamedTuple):
    """What arguments must be to each other: of one shape, of one number of entries, of one type, of sizes that fit."""

    same: list[str]
    per_sample: list[str]
    types: list[str]
    fits: list[str]


def _with_door(target: Any, relations: Relations, rules: Mapping[str, Rule]) -> Any:
    if isinstance(target, type):
        # The fields of a dataclass may be inherited from another file, whose names its own annotations do not know.
        hints = (lambda: typing.get_type_hints(target)) if dataclasses.is_dataclass(target) else None
        target.__init__ = _door(target.__init__, relations, rules, hints)  # type: ignore[misc]
        return target
    if isinstance(target, classmethod | staticmethod):
        return type(target)(_door(target.__func__, relations, rules))
    return _door(target, relations, rules)


def _door(
    function: Callable[..., Any],
    relations: Relations,
    rules: Mapping[str, Rule],
    hints: Callable[[], dict[str, Any]] | None = None,
) -> Callable[..., Any]:
    plan: list[tuple[int, str, Rule]] = []
    same, per_sample, types, fits = relations

    @functools.wraps(function)
    def door(*args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling():  # a graph is being made: its arguments are checked where it is called
            return function(*args, **kwargs)
        if not plan:  # not at import: annotations may name what is not there yet
            plan.extend(_plan(function, rules, hints() if hints is not None else typing.get_type_hints(function)))
        for place, name, rule in plan:
            if place < len(args):
                value = rule(name, args[place])
                if value is not args[place]:
                    args = (*args[:place], value, *args[place + 1 :])
            elif name in kwargs:
                kwargs[name] = rule(name, kwargs[name])
        if same:
            _check_same(_given(same, positions, args, kwargs))
        if per_sample:
            _check_per_sample(_given(per_sample, positions, args, kwargs))
        if types:
            _check_types(_given(types, positions, args, kwargs))
        if not fits:
            return function(*args, **kwargs)
        try:
            return function(*args, **kwargs)
        except (RuntimeError, IndexError) as error:
            raise _misfit(function, error, _given(fits, positions, args, kwargs), args) from error

    positions = {name: i for i, name in enumerate(inspect.signature(function).parameters)}
    unknown = {*rules, *same, *per_sample, *types, *fits} - set(positions)
    if unknown:
        raise TypeError(f"{function.__qualname__} has no argument {', '.join(sorted(unknown))}")
    return door


def _plan(
    function: Callable[..., Any], rules: Mapping[str, Rule], hints: Mapping[str, Any]
) -> list[tuple[int, str, Rule]]:
    """Place, name and rule of each argument that has one."""
    plan = []
    for place, (name, parameter) in enumerate(inspect.signature(function).parameters.items()):
        if name not in hints or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        # A keyword-only argument has no place among the positional ones.
        at = place if parameter.kind is not parameter.KEYWORD_ONLY else 1_000_000
        rule = rules.get(name) or rule_by_name(name, hints[name])
        if rule is not anything:
            plan.append((at, name, optional(rule) if type(None) in get_args(hints[name]) else rule))
    return plan or [(1_000_000, "", anything)]


def _given(
    names: list[str], positions: Mapping[str, int], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> list[tuple[str, Any]]:
    """Some arguments of a call; None for one that was left out."""
    return [(name, args[positions[name]] if positions[name] < len(args) else kwargs.get(name)) for name in names]


def _check_same(given: list[tuple[str, Any]]) -> None:
    """Raise unless the tensors have one shape."""
    first, shape = given[0][0], given[0][1].shape
    for name, value in given[1:]:
        for part in (value,) if value is None or isinstance(value, Tensor) else (value.x0, value.eps):
            if part is not None and part.shape != shape:
                raise ValueError(f"{name} must have the shape of {first} {tuple(shape)}, got {tuple(part.shape)}")


def _check_per_sample(given: list[tuple[str, Any]]) -> None:
    """Raise unless each has one entry for each sample of the first."""
    first, like = given[0]
    for name, value in given[1:]:
        if isinstance(value, Tensor) and value.shape != like.shape[:1]:
            raise ValueError(
                f"{name} must have shape ({len(like)},), one entry for each sample of {first}, got {tuple(value.shape)}"
            )


def _check_types(given: list[tuple[str, Any]]) -> None:
    """Raise unless the tensors have one type."""
    first, like = given[0]
    for name, value in given[1:]:
        if value.dtype != like.dtype:
            raise bad_type(name, value, f"of the type of {first}, {str(like.dtype).removeprefix('torch.')}")


def _misfit(
    function: Callable[..., Any], error: Exception, given: list[tuple[str, Any]], args: tuple[Any, ...]
) -> Exception:
    """The error for tensors whose sizes or devices do not fit; any other error, such as one of a GPU, as it is."""
    if type(error) not in (RuntimeError, IndexError) or "CUDA" in str(error):
        return error
    tensors = [(name, value) for name, value in given if isinstance(value, Tensor)]
    network = args[0].state_dict() if args and isinstance(args[0], nn.Module) else {}
    home = next((weights.device for weights in network.values()), None)
    for name, value in tensors:
        if home is not None and value.device != home:
            return ValueError(f"{name} must be on {home}, where the network is, got {value.device}")
    names, sizes = zip(*[(name, tuple(value.shape)) for name, value in tensors])
    layer = function.__qualname__.removesuffix(".forward")
    return ValueError(f"{' and '.join(names)} must fit {layer}, got {' and '.join(map(str, sizes))}: {error}")
