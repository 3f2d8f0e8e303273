"""Configurations check themselves, and come back from JSON as they were."""

import json
from dataclasses import dataclass, field

import pytest

from diffusion_edu.config import Config


@dataclass(frozen=True)
class Inner(Config):
    size: int = 3

    def check(self):
        self.require("size", self.size >= 1, "at least 1")


@dataclass(frozen=True)
class Outer(Config):
    widths: tuple[int, ...] = (1, 2)
    inner: Inner = field(default_factory=Inner)
    spare: Inner | None = None
    options: dict[str, int] | None = None
    levels: tuple[int, ...] | None = None
    more: tuple[Inner, ...] = ()


@pytest.mark.parametrize(
    "config",
    [
        Outer(),
        Outer((4,), Inner(7)),
        Outer(spare=Inner(9)),
        Outer(options={"a": 1}),
        Outer(levels=(1,)),
        Outer(more=(Inner(4), Inner(5))),
        Inner(2),
    ],
    ids=repr,
)
def test_a_configuration_comes_back_from_json(config):
    again = type(config).from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert hash(again.inner if isinstance(again, Outer) else again)  # tuples and classes again, not lists


def test_a_list_becomes_the_tuple_that_was_asked_for():
    assert Outer([1, 5]) == Outer((1, 5)) and isinstance(Outer([1, 5]).widths, tuple)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Inner(0), "Inner.size must be at least 1, got 0"),
        (lambda: Outer.from_dict({"inner": {"size": -2}}), "Inner.size must be at least 1, got -2"),
        (lambda: Outer.from_dict({"inner": {"size": "x"}}), "Inner.size must be of the type int, got 'x'"),
        (lambda: Outer.from_dict({"inner": {"size": True}}), "Inner.size must be of the type int, got True"),
        (lambda: Outer.from_dict({"inner": 3}), "Outer.inner must be of the type Inner, got 3"),
        (lambda: Outer.from_dict({"widths": [1, "x"]}), "Outer.widths must be of the type tuple"),
        (lambda: Outer.from_dict([1]), "data must be a Mapping, got"),
        (lambda: Outer.from_dict({"wide": 1}), "Outer has no field wide"),
        (lambda: Outer.from_dict({"inner": {"wide": 1}}), "Inner has no field wide"),
        (lambda: Outer.from_dict({"spare": {"wide": 1}}), "Inner has no field wide"),
        (lambda: Outer.from_dict({"more": [{"size": 1}, {"size": 0}]}), "Inner.size must be at least 1, got 0"),
    ],
)
def test_what_is_wrong_is_named(make, words):
    with pytest.raises((TypeError, ValueError), match=words):
        make()
