"""Traits that check themselves, say what is allowed, and travel with their limits and choices."""

from __future__ import annotations

import json

import pytest
import torch
import traitlets

from diffusion_edu.widgets.kit.base import BookWidget, Choice, Real, Whole

PIXELS = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)


class Toy(BookWidget):
    """A widget of all sorts of traits."""

    name = Choice("one", {"one": "the first", "two": "the second"})
    size = Whole(3, 1, 5)
    step = Whole(0, 0, lambda self: self.size)
    part = Choice("a", lambda self: "abcde"[: self.size])
    share = Real(0.5)
    rate = Real(0.5, 0, 1, "a number between 0 and 1", inside=True)
    on = traitlets.Bool(False).tag(sync=True)
    hidden = traitlets.Int(1)
    _esm = "export default {}"
    _tag = "toy-widget"

    def _picture(self):
        return "data:,", "nothing"


def test_what_is_shared_is_what_is_declared_in_its_order():
    assert Toy._shared == ("name", "size", "step", "part", "share", "rate", "on")
    assert repr(Toy(size=4)) == "Toy(name='one', size=4, step=0, part='a', share=0.5, rate=0.5, on=False)"


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
