"""Traits that check themselves, say what is allowed, and travel with their limits and choices."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import traitlets

from diffusion_edu.widgets.kit.base import BookWidget, Choice, Flag, Real, Text, Whole, as_traits, integers_in

PIXELS = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)


class Toy(BookWidget):
    """A widget of all sorts of traits."""

    name = Choice("one", {"one": "the first", "two": "the second"})
    size = Whole(3, 1, 5)
    step = Whole(0, 0, lambda self: self.size)
    part = Choice("a", lambda self: "abcde"[: self.size])
    share = Real(0.5)
    rate = Real(0.5, 0, 1, "a number between 0 and 1", inside=True)
    on = Flag(False)
    words = Text("")
    hidden = traitlets.Int(1)
    _esm = "export default {}"
    _tag = "toy-widget"

    def _picture(self):
        return "data:,", "nothing"


def test_what_is_shared_is_what_is_declared_in_its_order():
    assert Toy._shared == ("name", "size", "step", "part", "share", "rate", "on", "words")
    assert repr(Toy(size=4)) == "Toy(name='one', size=4, step=0, part='a', share=0.5, rate=0.5, on=False, words='')"


@pytest.mark.parametrize(
    ("trait", "value", "told"),
    [
        ("name", "too", "name must be one of one, two, got 'too'; did you mean 'two'"),
        ("size", 6, r"size must be an integer in 1\.\.5, got 6"),
        ("size", True, "size must be an integer"),
        ("step", 4, r"step must be an integer in 0\.\.3, got 4"),
        ("part", "d", "part must be one of a, b, c, got 'd'"),
        ("share", 1.5, "share must be between 0 and 1, got 1.5"),
        ("share", float("nan"), "share must be between 0 and 1, got nan"),
        ("rate", 1.0, "rate must be a number between 0 and 1, got 1.0"),
        ("share", True, "share must be between 0 and 1, got True"),
        ("share", "0.5", "share must be .*got '0.5'"),
        ("size", 2.0, "size must be an integer, got 2.0"),
        ("name", 3, "name must be .*got 3"),
        ("on", 1, "on must be True or False, got 1"),
        ("words", b"x", "words must be a text, got b'x'"),
    ],
)
def test_a_trait_names_argument_value_and_what_is_allowed(trait, value, told):
    widget = Toy()
    with pytest.raises(ValueError, match=told) as raised:
        setattr(widget, trait, value)
    assert isinstance(raised.value, traitlets.TraitError)
    assert getattr(widget, trait) == getattr(Toy(), trait), "the value before stays"
    with pytest.raises(ValueError, match=told):
        Toy(**{trait: value})


def test_traits_that_are_set_together_see_each_other():
    widget = Toy(step=5, part="e", size=5)
    assert (widget.step, widget.part) == (5, "e")
    with pytest.raises(ValueError, match="step must be"):
        Toy(step=5)


def test_limits_choices_and_labels_travel():
    assert json.loads(Toy(payload='{"data": 7}', size=4).payload) == {
        "data": 7,
        "traits": {
            "name": {"choices": [["one", "the first"], ["two", "the second"]]},
            "size": {"limits": [1, 5]},
            "step": {"limits": [0, 4]},
            "part": {"choices": [[c, c] for c in "abcd"]},
            "share": {"limits": [0, 1]},
            "rate": {"limits": [0, 1]},
        },
    }


def test_a_sampler_that_the_page_has_not_is_refused(js):
    code = """
    const { reverse } = await load("maths/samplers");
    const run = reverse({ schedule: maths.makeSchedule("cosine", 9), method: "heun", times: [9, 0],
      xt: [0.5], predict: async () => [0.1] });
    await run.next();
    try { await run.next(); } catch (error) { result = error.message; }"""
    assert js(code) == "this page has no sampler heun"


@as_traits(other=integers_in(3, 4))
class Door(BookWidget):
    """A widget whose constructor has a door."""

    size = Whole(3, 1, 5)
    step = Whole(0, 0, lambda self: self.size)
    share = Real(0.5)
    made: list[str] = []  # noqa: RUF012 - what the constructor saw
    _esm = "export default {}"
    _tag = "door-widget"

    def __init__(self, size: int = 3, step: int | None = None, share: float = 0.5, other: int = 3) -> None:
        self.made.append(repr((size, step, share, other)))
        super().__init__(size=size, step=step or 0, share=share)

    def _picture(self):
        return "data:,", "nothing"


@pytest.mark.parametrize(
    ("argument", "value", "told"),
    [
        ("size", 6, r"size must be an integer in 1\.\.5, got 6"),
        ("step", 1.5, "step must be an integer, got 1.5"),
        ("share", True, "share must be between 0 and 1, got True"),
        ("other", 5, r"other must be an integer in 3\.\.4, got 5"),
    ],
)
def test_a_door_looks_before_the_constructor_does_anything(argument, value, told):
    Door.made.clear()
    with pytest.raises((ValueError, TypeError), match=told):
        Door(**{argument: value})
    assert Door.made == []
    assert Door(size=np.int64(4), step=np.int32(2)).size == 4 and Door.made == ["(4, 2, 0.5, 3)"]
    with pytest.raises(ValueError, match=r"step must be an integer in 0\.\.4, got 5"):
        Door(size=4, step=5)  # the limit of one trait is the value of another: the trait itself looks
