import pytest
import torch

from diffusion_edu import Cond

FULL = {
    "vec": torch.arange(6.0).reshape(2, 3),
    "tokens": torch.ones(2, 4, 5),
    "mask": torch.tensor([[True, True, False, False], [True, False, False, False]]),
    "concat": torch.full((2, 1, 3, 3), 7.0),
}


def test_an_empty_condition_says_nothing():
    assert Cond().batch_size is None
    assert Cond().to("meta") == Cond()


def test_the_batch_size_is_that_of_any_field():
    for name in ("vec", "tokens", "concat"):
        assert Cond(**{name: FULL[name]}).batch_size == 2
    assert Cond(**FULL).batch_size == 2


def test_every_sample_keeps_its_own_or_takes_the_null():
    null = Cond(
        vec=torch.full((1, 3), -1.0),
        tokens=torch.zeros(1, 4, 5),
        mask=torch.zeros(1, 4, dtype=torch.bool),
        concat=torch.zeros(1, 1, 3, 3),
    )
    mixed = Cond(**FULL).where(torch.tensor([True, False]), null)
    for name, value in FULL.items():
        got = getattr(mixed, name)
        assert torch.equal(got[0], value[0]), name
        assert torch.equal(got[1], getattr(null, name)[0]), name
        assert got.dtype == value.dtype, name
    whole = Cond(**FULL)
    kept, dropped = (whole.where(torch.full((2,), keep), null) for keep in (True, False))
    assert torch.equal(kept.tokens, whole.tokens)
    assert torch.equal(dropped.tokens, null.tokens.expand(2, 4, 5))


def test_a_batch_of_one_is_no_special_case():
    one = Cond(vec=torch.ones(1, 3)).where(torch.tensor([False]), Cond(vec=torch.zeros(1, 3)))
    assert torch.equal(one.vec, torch.zeros(1, 3))


def test_a_learned_null_receives_gradients_only_from_dropped_samples():
    null = torch.nn.Parameter(torch.zeros(1, 3))
    mine = torch.ones(2, 3, requires_grad=True)
    Cond(vec=mine).where(torch.tensor([True, False]), Cond(vec=null)).vec.sum().backward()
    assert null.grad.tolist() == [[1, 1, 1]]
    assert mine.grad.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_a_condition_moves_as_a_whole():
    moved = Cond(**FULL).to("meta")
    assert all(getattr(moved, name).device.type == "meta" for name in FULL)
    assert Cond(vec=FULL["vec"]).to("meta").tokens is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"vec": torch.zeros(2)}, ["vec", "2 dimensions", "(2,)"]),
        ({"tokens": torch.zeros(2, 3)}, ["tokens", "3 dimensions", "(2, 3)"]),
        ({"concat": torch.zeros(2, 3, 3)}, ["concat", "4 dimensions"]),
        ({"vec": torch.zeros(2, 3), "concat": torch.zeros(3, 1, 2, 2)}, ["batch size", "2", "3"]),
        ({"mask": torch.ones(2, 4, dtype=torch.bool)}, ["mask", "tokens"]),
        ({"tokens": torch.zeros(2, 4, 5), "mask": torch.ones(2, 4)}, ["mask", "bool", "float32"]),
        ({"tokens": torch.zeros(2, 4, 5), "mask": torch.ones(2, 3, dtype=torch.bool)}, ["mask", "(2, 4)", "(2, 3)"]),
    ],
)
def test_mistakes_are_named(fields, words):
    with pytest.raises(ValueError) as caught:
        Cond(**fields)
    for word in words:
        assert word in str(caught.value)


def test_a_null_of_another_kind_is_named():
    mine, keep = Cond(vec=torch.zeros(2, 3)), torch.tensor([True, False])
    with pytest.raises(ValueError, match=r"fields \['vec'\], got \['concat'\]"):
        mine.where(keep, Cond(concat=torch.zeros(1, 1, 2, 2)))
    for wrong in (torch.tensor([1, 0]), torch.tensor([True]), torch.tensor([[True], [False]])):
        with pytest.raises(ValueError, match=r"keep must be bool of shape \(2,\)"):
            mine.where(wrong, mine)
