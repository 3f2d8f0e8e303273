"""What everything public says to a wrong argument: the table of `tools/checks/arguments.py`, with its goals."""

import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import torch

import diffusion_edu as de
from diffusion_edu._arguments import checked, inside, tensors, values

sys.path.insert(0, str(Path(__file__).parents[1] / "tools" / "checks"))

import arguments
import good_calls
from bad_values import bad_values, kind_of

SLOW = {"emoji", "fit"}  # their good calls are made by tests of their own


@cache
def answers(name):
    """What a call says to every wrong value of every argument."""
    return list(arguments.answers(name))


@pytest.mark.parametrize("name", good_calls.CALLS)
def test_no_wrong_argument_is_taken_and_none_fails_deep_inside(name):
    assert [answer for answer in answers(name) if answer.kind in ("obscure", "accepted")] == []


def test_of_the_refusals_nearly_all_name_the_argument_and_what_is_allowed():
    counts = Counter(answer.kind for name in good_calls.CALLS for answer in answers(name))
    assert counts["named"] >= 0.97 * (counts["named"] + counts["unnamed"] + counts["obscure"]), counts


def test_everything_public_has_a_good_call():
    assert set(good_calls.public()) == set(good_calls.CALLS)


@pytest.mark.parametrize("name", sorted(set(good_calls.CALLS) - good_calls.FAILS - SLOW))
def test_the_good_calls_are_good(name):
    call = good_calls.CALLS[name]
    arguments.run(call, *call.make())


# What comes after the good call does not fit these other shapes; that they are taken is what counts.
ELSEWHERE = {"MixtureOracle": {"means"}, "DatasetOracle": {"data"}, "variational_bound": {"x0"}}


@pytest.mark.parametrize("name", sorted(name for name, call in good_calls.CALLS.items() if call.fine))
def test_what_is_listed_as_fine_is_tried_and_taken(name):
    """So that no list hides a refusal, or a value that is not there any more."""
    call = good_calls.CALLS[name]
    function, given = call.make()
    for argument, labels in call.fine.items():
        kind = call.kinds.get(argument) or kind_of(arguments.hints_of(function).get(argument), given[argument])
        values = dict(bad_values(kind, given[argument], 0))
        assert labels <= values.keys(), argument
        for label in set() if argument in ELSEWHERE.get(name, ()) else labels:
            arguments.run(call, call.make()[0], {**call.make()[1], argument: values[label]})


# ---- the door itself ----------------------------------------------------------------------------------------------


def test_a_rule_may_change_the_value_and_both_ways_of_giving_it_are_checked():
    @checked
    def twice(n: int, *, word: str = "a") -> tuple[int, str]:
        return n, word

    import numpy as np

    assert twice(np.int64(3)) == (3, "a") and type(twice(n=np.int32(3))[0]) is int
    for wrong in ((lambda: twice(2.0)), (lambda: twice(n=True)), (lambda: twice(1, word=3))):
        with pytest.raises(TypeError, match=r"^(n|word) must be"):
            wrong()
    assert inside(twice)(2.0) == (2.0, "a")


def test_a_rule_for_an_argument_that_is_not_there_is_a_mistake():
    with pytest.raises(TypeError, match="has no argument m"):
        checked(m=values.text)(lambda n: n)


def test_tensors_of_two_types_are_refused_where_one_would_be_cut():
    """An image of integers and a kernel of fractions gave zeros: each sum was cut to an integer."""
    x, kernel = torch.ones(3, 3, dtype=torch.int64), torch.full((2, 2), 0.2)
    for name in ("convolve", "transposed_convolve"):
        with pytest.raises(TypeError, match="kernel must be of the type of x, int64, got a float32 tensor"):
            getattr(de.nn, name)(x, kernel)
        assert getattr(de.nn, name)(x.float(), kernel).sum() > 0


def test_an_embedding_of_steps_that_float32_cannot_tell_apart_is_refused():
    with pytest.raises(ValueError, match=r"t must be in -16777216\.\.16777216, got 10000000000000"):
        de.sinusoidal_embedding(torch.tensor([10**13]), 8)


def test_a_class_is_checked_when_it_is_made_and_stays_the_class():
    assert isinstance(de.DDIM(1), de.DDIM)
    assert de.DDIM.__init__.__wrapped__ is not None
    with pytest.raises(ValueError, match=r"eta must be between 0 and 1, got 2"):
        de.DDIM(eta=2)


def test_a_graph_is_made_without_looking_at_numbers():
    """torch.compile and torch.export follow a function through its door: what would read a tensor is left out there."""
    config = de.UNetConfig.tiny(in_channels=1, channels=(4, 4), attention_levels=())
    unet = de.nn.new_unet(config, 0).eval()
    x = torch.randn(2, 1, 8, 8)
    program = torch.export.export(unet, (x, torch.tensor([3, 4])))
    assert torch.allclose(program.module()(x, torch.tensor([3, 4])), unet(x, torch.tensor([3, 4])), atol=1e-5)


@pytest.mark.parametrize("value", [torch.tensor([1.0, torch.nan]), torch.tensor([torch.inf, -torch.inf])])
def test_numbers_that_are_not_finite_are_seen_and_large_ones_are_not_taken_for_them(value):
    assert not tensors.is_finite(value)
    assert tensors.is_finite(torch.full((4,), 3e38))  # their sum is infinite, and none of them
    assert tensors.is_finite(torch.full((4,), 6e4, dtype=torch.float16))
    assert tensors.is_finite(value.to("meta"))  # elsewhere nobody looks


def test_a_vmapped_function_is_followed_through_its_door():
    x = torch.randn(3, 2, 4)
    together = torch.vmap(lambda part: de.tweedie(part, part, 5, good_calls.S))(x)
    assert torch.allclose(together, de.tweedie(x, x, 5, good_calls.S))
