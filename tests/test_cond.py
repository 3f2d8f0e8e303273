import pytest
import torch

from diffusion_edu import Cond

FULL = {
    "vec": torch.arange(6.0).reshape(2, 3),
    "tokens": torch.ones(2, 4, 5),
    "mask": torch.tensor([[True, True, False, False], [True, False, False, False]]),
    "concat": torch.full((2, 1, 3, 3), 7.0),
    "level": torch.tensor([300, 0]),
}


def test_an_empty_condition_says_nothing():
    assert Cond().batch_size is None
    assert Cond().to("meta") == Cond()


def test_the_batch_size_is_that_of_any_field():
    for name in ("vec", "tokens", "concat", "level"):
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
    assert torch.equal(mixed.level, FULL["level"]), "the level belongs to concat's images, and is never dropped"
    for name, value in FULL.items():
        if name == "level":
            continue
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


def test_drops_are_independent_by_sample():
    """Trap 7: a batch is not dropped or kept as a whole."""
    cond = Cond(**FULL)
    for keep in ([True, False], [False, True]):
        mixed = cond.where(torch.tensor(keep), cond.nothing())
        assert mixed.mask.any(1).tolist() == keep
        assert mixed.vec.any(1).tolist() == keep


def test_nothing_needs_no_parameters_and_keeps_what_the_network_works_on():
    cond = Cond(**FULL)
    nothing = cond.nothing()
    assert not nothing.vec.any()
    assert not nothing.mask.any()
    assert nothing.tokens is cond.tokens, "unseen, so they may stay"
    assert nothing.concat is cond.concat
    assert nothing.level is cond.level
    assert not Cond(tokens=FULL["tokens"]).nothing().mask.any(), "tokens without a mask can be silenced too"
    assert Cond().nothing() == Cond()
    assert Cond(concat=FULL["concat"]).nothing().mask is None


def test_rows_of_a_condition_are_a_condition():
    cond = Cond(**FULL)
    assert cond[1:].batch_size == 1
    twice = cond[torch.tensor([1, 1, 0])]
    for name, value in FULL.items():
        assert torch.equal(getattr(cond[1:], name), value[1:]), name
        assert torch.equal(getattr(twice, name), value[[1, 1, 0]]), name
    assert Cond()[:1] == Cond()
    with pytest.raises(TypeError, match=r"slice or a tensor of shape \(N,\), got 0"):
        cond[0]


def test_conditions_are_joined_and_padding_is_not_seen():
    """Trap 13: the shorter text is padded with tokens that do not count."""
    cond = Cond(**FULL)
    both = cond.joined(cond.nothing())
    for name, value in FULL.items():
        assert torch.equal(getattr(both, name)[:2], value), name
    assert not both.mask[2:].any()
    short = Cond(tokens=torch.ones(1, 2, 5))
    for left, right, seen in ((short, cond, [2, 2, 1]), (cond, short, [2, 1, 2])):
        joined = Cond(tokens=left.tokens, mask=left.mask).joined(Cond(tokens=right.tokens, mask=right.mask))
        assert joined.tokens.shape == (3, 4, 5)
        assert joined.mask.sum(1).tolist() == seen
    assert short.joined(short).mask is None, "nothing to hide"
    with pytest.raises(ValueError, match=r"other must have the fields \['tokens'\], got \['vec'\]"):
        short.joined(Cond(vec=torch.ones(1, 3)))


def test_a_missing_mask_means_that_all_tokens_count():
    cond = Cond(tokens=FULL["tokens"])
    mixed = cond.where(torch.tensor([True, False]), cond.nothing())
    assert mixed.mask.tolist() == [[True] * 4, [False] * 4]


def test_a_condition_moves_as_a_whole():
    moved = Cond(**FULL).to("meta")
    assert all(getattr(moved, name).device.type == "meta" for name in FULL)
    assert Cond(vec=FULL["vec"]).to("meta").tokens is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"vec": torch.zeros(2)}, ["vec", "(B, D)", "(2,)"]),
        ({"tokens": torch.zeros(2, 3)}, ["tokens", "(B, L, D)", "(2, 3)"]),
        ({"level": torch.zeros(2, 1).long()}, ["level", "(B,)", "(2, 1)"]),
        ({"level": torch.zeros(2)}, ["level", "integer", "float32"]),
        ({"level": torch.ones(3).long(), "vec": torch.zeros(2, 3)}, ["batch size", "'vec': 2", "'level': 3"]),
        ({"concat": torch.zeros(2, 3, 3)}, ["concat", "(B, C, H, W)"]),
        ({"vec": torch.zeros(2, 3), "concat": torch.zeros(3, 1, 2, 2)}, ["batch size", "2", "3"]),
        ({"mask": torch.ones(2, 4, dtype=torch.bool)}, ["mask", "tokens"]),
        ({"tokens": torch.zeros(2, 4, 5), "mask": torch.ones(2, 4)}, ["mask", "bool", "float32"]),
        ({"tokens": torch.zeros(2, 4, 5), "mask": torch.ones(2, 3, dtype=torch.bool)}, ["mask", "(2, 4)", "(2, 3)"]),
    ],
)
def test_mistakes_are_named(fields, words):
    with pytest.raises((TypeError, ValueError)) as caught:
        Cond(**fields)
    for word in words:
        assert word in str(caught.value)


def test_a_null_of_another_kind_is_named():
    mine, keep = Cond(vec=torch.zeros(2, 3)), torch.tensor([True, False])
    with pytest.raises(ValueError, match=r"fields \['vec'\], got \['concat'\]"):
        mine.where(keep, Cond(concat=torch.zeros(1, 1, 2, 2)))
    for wrong in (torch.tensor([1, 0]), torch.tensor([True]), torch.tensor([[True], [False]])):
        with pytest.raises((TypeError, ValueError), match=r"keep must (be|have)"):
            mine.where(wrong, mine)
