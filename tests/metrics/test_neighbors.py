"""Nearest neighbors among features."""

import pytest
import torch

from diffusion_edu.metrics.neighbors import distances, found_own, nearest


def random(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_distances_are_the_formula():
    a, b = random(3, 5), random(4, 5, seed=1)
    by_hand = torch.tensor([[((x - y).double() ** 2).sum().sqrt() for y in b] for x in a])
    assert torch.allclose(distances(a, b), by_hand)


def test_a_copy_has_distance_zero_even_far_from_the_origin():
    reference = random(50, 8) + 1e4
    found = nearest(reference[[7, 3]], reference)
    assert found.place.tolist() == [7, 3]
    assert found.distance.tolist() == [0.0, 0.0]


def test_the_nearest_does_not_depend_on_the_batch_size():
    a, b = random(11, 4), random(30, 4, seed=1)
    whole, parts = nearest(a, b), nearest(a, b, batch_size=3)
    assert torch.equal(whole.place, parts.place)
    assert torch.equal(whole.distance, parts.distance)
    assert torch.equal(whole.place, distances(a, b).argmin(1))


def test_the_own_reference_is_counted_among_the_k_nearest():
    reference = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    queries = torch.tensor([[0.9], [1.1], [9.0], [0.1]])  # nearest: 1, 1, 3, 0
    assert found_own(queries, reference, torch.tensor([1, 1, 3, 0]), k=1) == 1.0
    assert found_own(queries, reference, torch.tensor([0, 2, 2, 3]), k=1) == 0.0
    assert found_own(queries, reference, torch.tensor([0, 2, 2, 3]), k=2) == 0.75
    assert found_own(queries, reference, torch.tensor([0, 2, 2, 3]), k=4) == 1.0
    assert found_own(reference, reference, k=1) == 1.0


def test_features_that_know_nothing_find_nothing():
    same = torch.zeros(10, 3)
    assert found_own(same, same, k=5) == 0.0
    assert found_own(same, same, k=10) == 1.0
    guessed = sum(found_own(random(100, 3, seed=s), random(100, 3, seed=s + 50), k=5) for s in range(10)) / 10
    assert guessed == pytest.approx(0.05, abs=0.02)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: distances(random(3), random(3, 3)), r"must be \(N, D\) and \(M, D\), got \(3,\) and \(3, 3\)"),
        (lambda: distances(random(3, 2), random(3, 3)), r"got \(3, 2\) and \(3, 3\)"),
        (lambda: distances(random(0, 3), random(3, 3)), "must not be empty, got 0 and 3"),
        (lambda: nearest(random(2, 3), random(3, 3), batch_size=0), "batch_size must be at least 1, got 0"),
        (lambda: found_own(random(2, 3), random(3, 3)), "truth must be given where N and M differ, got 2 and 3"),
        (
            lambda: found_own(random(1, 3), random(3, 3), torch.tensor([3])),
            r"truth must be 1 indices in 0..2, got \[3\]",
        ),
        (lambda: found_own(random(3, 3), random(3, 3), k=4), r"k must be in 1..3, got 4"),
    ],
)
def test_nonsense_is_refused_by_name(call, message):
    with pytest.raises(ValueError, match=message):
        call()
