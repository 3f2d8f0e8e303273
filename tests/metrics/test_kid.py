"""The kernel distance: its definition written out, no bias at any size, an error bar that means something."""

import itertools

import numpy as np
import pytest
import torch

from diffusion_edu.metrics import kernel_distance, squared_mmd


def test_the_definition_pair_by_pair():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))

    def k(u, v):
        return (sum(p * q for p, q in zip(u, v)) / 3 + 1) ** 3

    within_x = np.mean([k(u, v) for u, v in itertools.permutations(x, 2)])
    within_y = np.mean([k(u, v) for u, v in itertools.permutations(y, 2)])
    between = np.mean([k(u, v) for u in x for v in y])
    assert squared_mmd(x, y) == pytest.approx(within_x + within_y - 2 * between, rel=1e-12)
    assert squared_mmd(torch.from_numpy(y), torch.from_numpy(x)) == pytest.approx(squared_mmd(x, y), rel=1e-12)


def test_degree_one_is_the_distance_of_the_means():
    """Without bias E[MMD^2] = |mu_x - mu_y|^2 / D; the plain distance of two sample means is larger."""
    rng = np.random.default_rng(1)
    values, plain = [], []
    for _ in range(2000):
        x, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 2)) + np.array([0.6, 0.0])
        values.append(squared_mmd(x, y, degree=1))
        plain.append(((x.mean(0) - y.mean(0)) ** 2).sum() / 2)
    error = np.std(values) / len(values) ** 0.5
    assert abs(np.mean(values) - 0.18) < 4 * error
    assert np.mean(plain) - 0.18 > 10 * error


@pytest.mark.parametrize("count", [4, 16])
def test_the_mean_is_zero_for_one_distribution(count):
    rng = np.random.default_rng(2)
    values = [squared_mmd(rng.normal(size=(count, 6)), rng.normal(size=(count, 6))) for _ in range(3000)]
    assert abs(np.mean(values)) < 4 * np.std(values) / len(values) ** 0.5
    assert 0.2 < np.mean(np.array(values) < 0) < 0.9


def test_blocks_are_honest_about_their_error():
    """For one distribution, about 95 per cent of the values are within two errors of 0."""
    rng = np.random.default_rng(3)
    close = 0
    for seed in range(100):
        result = kernel_distance(rng.normal(size=(400, 4)), rng.normal(size=(400, 4)), 20, seed)
        assert (result.blocks, result.block) == (20, 20)
        close += abs(result.value) < 2 * result.error
    assert 86 <= close <= 100


def test_a_shift_is_seen_and_the_size_of_the_sets_does_not_move_it():
    rng = np.random.default_rng(4)
    results = [kernel_distance(rng.normal(size=(n, 4)) + 0.5, rng.normal(size=(n, 4))) for n in (500, 4000)]
    few, many = results
    assert (few.block, many.block) == (50, 400)
    assert many.value > 10 * many.error
    assert many.error < few.error
    assert abs(few.value - many.value) < 4 * few.error


def test_the_seed_decides():
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(103, 4)), rng.normal(size=(90, 4))
    one = kernel_distance(x, y, 30)
    assert (one.blocks, one.block) == (3, 30)
    assert kernel_distance(x, y, 30) == one
    assert kernel_distance(x, y, 30, seed=1) != one


def test_blocks_share_no_row(monkeypatch):
    blocks = []
    monkeypatch.setattr(
        "diffusion_edu.metrics.kid.squared_mmd", lambda x, y, degree: blocks.append((x, y)) or len(blocks)
    )
    x, y = np.arange(103.0)[:, None], -np.arange(90.0)[:, None]
    result = kernel_distance(x, y, 30)
    for side, whole in ((0, x), (1, y)):
        rows = np.concatenate([block[side] for block in blocks])
        assert len(set(rows.ravel())) == 90
        assert set(rows.ravel()) <= set(whole.ravel())
        assert not np.array_equal(rows, np.sort(rows, 0)), "shuffled: neighbours in a set are often alike"
    # The values were 1, 2, 3.
    assert result.value == pytest.approx(2)
    assert result.error == pytest.approx(1 / 3**0.5)


def test_bad_arguments_are_named():
    x = np.random.default_rng(6).normal(size=(20, 4))
    with pytest.raises(ValueError, match=r"y must have shape \(N, D\) with D = 4"):
        squared_mmd(x, x[:, :3])
    with pytest.raises(ValueError, match="x must have at least 2 rows, got 1"):
        squared_mmd(x[:1], x)
    with pytest.raises(ValueError, match="y must be finite"):
        kernel_distance(x, x * np.inf)
    with pytest.raises(ValueError, match="degree must be at least 1"):
        squared_mmd(x, x, degree=0)
    for block in (1, 11):
        with pytest.raises(ValueError, match=r"block must be in 2\.\.10, so that the smaller set has two blocks"):
            kernel_distance(x, x, block)
    with pytest.raises(ValueError, match="x must have at least 4 rows, got 3"):
        kernel_distance(x[:3], x)
