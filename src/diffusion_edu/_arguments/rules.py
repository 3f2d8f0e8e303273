"""What an argument may be asked to be: a rule takes (name, value) and returns the value, or raises an error."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from .._errors import WrongType, bad_type, bad_value, check_choice, shown
from . import tensors, values

Rule = Callable[[str, Any], Any]


def count(low: int = 1, high: int = values.MOST_COUNT) -> Rule:
    """An integer of at least `low`."""
    return lambda name, value: values.integer(name, value, low, high)


def between(low: float, high: float, above: bool = False) -> Rule:
    """A number in [low, high], or in (low, high]."""
    return lambda name, value: values.number(name, value, low, high, above)


def at_least(low: float) -> Rule:
    """A finite number of at least `low`."""
    return lambda name, value: values.number(name, value, low)


def above(low: float) -> Rule:
    """A finite number above `low`."""
    return lambda name, value: values.number(name, value, low, above=True)


def tensor(shape: str = "(B, ...)", finite: bool = True, some: bool = False) -> Rule:
    """A floating-point tensor.

    Args:
        shape: its dimensions in words; their number counts.
        finite: whether NaN and infinity are looked for; not in the parts of a network, which run too often.
        some: whether there must be anything in it.
    """

    def rule(name: str, value: Any) -> Tensor:
        value = tensors.floats(name, value, finite, shape)
        if some and not value.numel():
            raise bad_value(name, value, f"of shape {shape} with B >= 1")
        return value

    return rule


def whole(low: int | None = None, high: int | None = None, shape: str = "(B,)") -> Rule:
    """A tensor of integers."""
    return lambda name, value: tensors.whole(name, value, low, high, shape)


def among(*names: str) -> Rule:
    """One of some names."""

    def rule(name: str, value: Any) -> Any:
        check_choice(name, value, names)
        return value

    return rule


def share(name: str, value: Any) -> float:
    """A share that may not be all: in [0, 1)."""
    amount: Any = value
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise bad_type(name, value, "in [0, 1)")
    if not 0 <= amount < 1:
        raise bad_value(name, value, "in [0, 1)")
    return amount  # an integer stays one


def module(name: str, value: Any) -> torch.nn.Module:
    """A module of torch."""
    return values.instance(name, value, (torch.nn.Module,))  # type: ignore[no-any-return]


def seed_or_seeds(name: str, value: Any) -> Any:
    """A seed, or a list of them."""
    single = isinstance(value, numbers.Number | str | bytes | set) or value is None
    return values.seed(name, value) if single else values.seeds(name, value)


def optional(rule: Rule) -> Rule:
    """None, or what the rule allows."""
    return lambda name, value: value if value is None else rule(name, value)


def anything(name: str, value: Any) -> Any:
    """No rule: the function itself says what is allowed."""
    return value


def steps_of_batch(name: str, value: Any) -> int | Tensor:
    """A step t: an integer of at least 0, or a tensor of them; the function itself compares them with its T."""
    if isinstance(value, Tensor):
        return tensors.whole(name, value)
    if isinstance(value, float):
        raise bad_type(name, value, "an int or an integer tensor")
    try:
        return values.integer(name, value, None, values.MOST_STEP)
    except TypeError:
        raise bad_type(name, value, "an int or an integer tensor") from None


def network(name: str, value: Any) -> Any:
    """Something that can be called, but no class: that would make a network, and predict nothing."""
    if isinstance(value, type) or not callable(value):
        raise bad_type(name, value, "a network or a function, called as it says below its arguments")
    return value


def answering(name: str, value: Any) -> Callable[..., Tensor]:
    """A network whose answers are looked at: each must be a tensor of the shape of what the network was given."""
    call = network(name, value)

    def answer(x_t: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return predicted(name, call(x_t, *args, **kwargs), x_t)

    return answer


def predicted(name: str, answer: Any, x_t: Tensor) -> Tensor:
    """What a network answered.

    Raises:
        TypeError: no tensor, as the networks of other libraries may answer.
        ValueError: of another shape than x_t.
    """
    if not isinstance(answer, Tensor):
        field = next((key for key in ("sample", "prediction", "logits") if hasattr(answer, key)), None)
        advice = f"; wrap it in a function that returns its .{field}" if field else ""
        raise TypeError(f"{name} must return a tensor of x_t's shape, it returned {_of_class(answer)}{advice}")
    if answer.shape != x_t.shape:
        got = tuple(answer.shape)
        raise ValueError(
            f"{name} must return a tensor of x_t's shape, prediction must have the shape of x_t "
            f"{tuple(x_t.shape)}, got {got}"
        )
    return answer


def _of_class(value: object) -> str:
    return f"a {type(value).__name__}"


def number_or_tensor(name: str, value: Any) -> Any:
    """A finite number, or a tensor of them of any shape."""
    return tensors.floats(name, value, shape="any") if isinstance(value, Tensor) else values.number(name, value)


def steps(name: str, value: Any) -> Tensor:
    """A tensor of steps t."""
    return tensors.whole(name, value, 0)


def iterable(name: str, value: Any) -> Any:
    """Something to go through, and no text."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise bad_type(name, value, "an iterable")
    return value


def sequences(name: str, value: Any) -> Any:
    """A list of tuples or lists."""
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise bad_type(name, value, "a list of tuples")
    for i, entry in enumerate(value):
        if isinstance(entry, str | bytes) or not isinstance(entry, Sequence):
            raise bad_type(f"{name}[{i}]", entry, "a tuple")
    return value


def said(name: str, value: Any) -> str:
    """A text that says something."""
    if not values.text(name, value).strip():
        raise bad_value(name, value, "a text that is not empty")
    return value  # type: ignore[no-any-return]


def having(*methods: str, what: str) -> Rule:
    """An object, no class, that has some methods or attributes."""

    def rule(name: str, value: Any) -> Any:
        if isinstance(value, type) or not all(hasattr(value, method) for method in methods):
            raise bad_type(name, value, what)
        return value

    return rule


def two_tensors(name: str, value: Any) -> Any:
    """What a denoiser answers, (x0, eps); for the steps of a loop, which do not look for NaN."""
    if not (isinstance(getattr(value, "x0", None), Tensor) and isinstance(getattr(value, "eps", None), Tensor)):
        raise bad_type(name, value, "an Estimate(x0, eps)")
    return value


def estimate(name: str, value: Any) -> Any:
    """What a denoiser answers: (x0, eps), both floating point and finite."""
    two_tensors(name, value)
    for part in ("x0", "eps"):
        tensors.floats(f"{name}.{part}", getattr(value, part))
    return value


def name_or_table(name: str, value: Any) -> Any:
    """A name, or a table of one's own."""
    return value if isinstance(value, str) else tensors.floats(name, value, shape="(T + 1,)")


def of_any_shape(name: str, value: Any) -> Tensor:
    """Pixels, uint8, of any shape."""
    return tensors.pixels(name, value, "of any shape")


def number_tensor(name: str, value: Any) -> Tensor:
    """A floating-point tensor of any shape, which may hold anything: the function itself says what to do with NaN."""
    return tensors.floats(name, value, False, "in [-1, 1]")


def iterable_of_texts(name: str, value: Any) -> list[str]:
    """Texts to go through, in a list; one text would be its letters."""
    if isinstance(value, set | frozenset):
        value = sorted(map(str, value))
    return list(values.texts(name, list(iterable(name, value))))


def real_tensor(name: str, value: Any) -> Tensor:
    """Steps (B,), whole or not, as far as float32 tells them apart."""
    if isinstance(value, Tensor) and value.is_floating_point():
        return tensors.floats(name, value, shape="(B,)")
    return tensors.whole(name, value, -values.MOST_STEP, values.MOST_STEP, shape="(B,)")


def matrix(name: str, value: Any) -> Tensor:
    """Real numbers (H, W), whole or not."""
    if isinstance(value, Tensor) and not value.is_complex() and value.dtype != torch.bool:
        return value if not value.is_floating_point() else tensors.floats(name, value, shape="(H, W)")
    raise bad_type(name, value, "a tensor of numbers (H, W)")


def each(low: int) -> Rule:
    """Integers of at least `low`, to go through."""
    return lambda name, value: values.integers(name, value, low)


def pair(name: str, value: Any) -> Any:
    """(height, width), each at least 1."""
    value = values.integers(name, value, 1)
    if len(value) != 2:
        raise bad_value(name, value, "two integers, height and width")
    return value


def numbers_of(name: str, value: Any) -> Any:
    """A table of numbers: a tensor, an array, or a list."""
    try:
        given = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        raise bad_type(name, value, "a table of numbers (T + 1,)") from None
    if given.is_complex() or given.dtype == torch.bool:
        raise bad_type(name, value, "a table of numbers (T + 1,)")
    return value


def step_and_estimate(name: str, value: Any) -> tuple[int, Tensor]:
    """What a sampler remembers: the step u before, and the x_0 that was estimated there."""
    if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Tensor)):
        raise bad_type(name, value, "(u, x0 estimated at u)")
    return values.integer(f"{name}[0]", value[0]), tensors.floats(f"{name}[1]", value[1])


def batch_of(*names: str) -> Rule:
    """A batch of a training: tensors by name, these among them."""

    def rule(name: str, value: Any) -> Any:
        good = isinstance(value, Mapping) and all(isinstance(value.get(key), Tensor) for key in names)
        if not good:
            got = f"one with {', '.join(map(repr, value))}" if isinstance(value, Mapping) else shown(value)
            raise WrongType(f"{name} must be tensors by name, with {', '.join(names)}, got {got}")
        return value

    return rule


denoiser = having("schedule", "__call__", what="a denoiser: callable with (x_t, t, cond), and with a schedule")
widths = each(1)
sampler = having("step", "default_steps", what="a sampler, such as DDIM(eta=0.0)")
