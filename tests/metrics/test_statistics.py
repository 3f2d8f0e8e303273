"""Statistics of features: one pass, many batches, several machines and a file all say the same."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from diffusion_edu import files
from diffusion_edu.files import CheckpointError
from diffusion_edu.metrics import Statistics, frechet_distance

WIDTH = 12


def rows(count, width=WIDTH, seed=0, offset=3.0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, width)) @ rng.normal(size=(width, width)) + offset


def assert_same(stats, features):
    assert stats.count == len(features)
    np.testing.assert_allclose(stats.mean, features.mean(0), rtol=1e-12)
    covariance = np.cov(features, rowvar=False)
    np.testing.assert_allclose(stats.covariance, covariance, rtol=1e-11, atol=1e-11 * np.abs(covariance).max())
    assert np.array_equal(stats.covariance, stats.covariance.T)


@given(st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(lambda sizes: sum(sizes) >= 2), st.integers(0, 99))
def test_batches_equal_one_pass(sizes, seed):
    features = rows(sum(sizes), seed=seed)
    stats = Statistics(WIDTH)
    for part in np.split(features, np.cumsum(sizes)[:-1]):
        stats.update(part)
    assert_same(stats, features)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 99))
def test_merging_equals_one_pass(first, second, seed):
    """Few rows with few, few with many, many with few, many with many, none with any."""
    features = rows(first + second + 2, seed=seed)
    a, b = Statistics(WIDTH).update(features[: first + 1]), Statistics(WIDTH).update(features[first + 1 :])
    total = a + b
    assert_same(total, features)
    assert (a.count, b.count) == (first + 1, second + 1)
    a.merge(b).merge(Statistics(WIDTH))
    assert_same(a, features)
    assert_same(Statistics(WIDTH) + total, features)


def test_chunks_of_one_large_batch(monkeypatch):
    monkeypatch.setattr("diffusion_edu.metrics.statistics._CHUNK", 7)
    features = rows(50)
    assert_same(Statistics(WIDTH).update(features), features)


def test_a_sum_of_statistics_shares_nothing_with_its_parts():
    a, b = Statistics(WIDTH).update(rows(20)), Statistics(WIDTH).update(rows(30, seed=1))
    before = a.covariance
    (a + b).update(rows(40, seed=2))
    (Statistics(WIDTH) + a).update(rows(40, seed=2))
    assert np.array_equal(a.covariance, before)
    features = rows(5)
    stats = Statistics(WIDTH).update(features)
    mean = stats.mean
    features += 1
    assert np.array_equal(stats.mean, mean)


def test_merging_with_itself_counts_every_row_twice():
    for count in (5, 10, 30):
        features = rows(count)
        stats = Statistics(WIDTH).update(features)
        assert_same(stats.merge(stats), np.concatenate([features, features]))


def test_rows_are_kept_up_to_the_width():
    stats = Statistics(WIDTH).update(rows(WIDTH))
    factor = stats.factor
    np.testing.assert_allclose(factor.T @ factor, np.cov(rows(WIDTH), rowvar=False), atol=1e-12)
    assert stats.update(rows(1)).factor is None


@pytest.mark.parametrize("offset", [1e4, 1e6])
def test_a_large_offset_costs_no_digits(offset):
    """The trap: in float32, or about 0, the squares of the offset drown the covariance."""
    features = rows(500, offset=0)
    shifted = torch.from_numpy(features + offset)
    covariance = np.cov(features, rowvar=False)
    ours = Statistics(WIDTH)
    for part in shifted.split(50):
        ours.update(part)
    scale = np.abs(covariance).max()
    assert np.abs(ours.covariance - covariance).max() < 1e-8 * scale
    single = shifted.float()
    naive = (single.T @ single - 500 * torch.outer(single.mean(0), single.mean(0))) / 499
    assert np.abs(naive.numpy() - covariance).max() > 0.01 * scale


def test_float32_and_bfloat16_features_are_taken_exactly():
    features = torch.from_numpy(rows(40)).float()
    for kind in (torch.float32, torch.bfloat16):
        cast = features.to(kind)
        assert_same(Statistics(WIDTH).update(cast), cast.double().numpy())


@pytest.mark.parametrize("count", [0, 1, 5, 12, 13, 60])
def test_a_file_keeps_every_bit(tmp_path, count):
    about = {"network": "test", "size": 32}
    stats = Statistics(WIDTH, about).update(rows(count))
    stats.save(tmp_path / "a" / "stats.safetensors")
    again = Statistics.load(tmp_path / "a" / "stats.safetensors")
    assert (again.count, again.width, again.about) == (count, WIDTH, about)
    if count >= 2:
        assert np.array_equal(again.mean, stats.mean)
        assert np.array_equal(again.covariance, stats.covariance)
        assert (again.factor is None) == (stats.factor is None)
    more = rows(30, seed=4)
    assert np.array_equal(again.update(more).covariance, stats.update(more).covariance)


def test_other_files_are_refused(tmp_path):
    files.write(tmp_path / "weights", {"w": torch.zeros(2)}, {"kind": "network"})
    with pytest.raises(CheckpointError, match="no feature statistics"):
        Statistics.load(tmp_path / "weights")
    with pytest.raises(FileNotFoundError):
        Statistics.load(tmp_path / "nothing")


def test_moments_of_somebody_else():
    features = rows(60)
    theirs = Statistics.from_moments(features.mean(0), np.cov(features, rowvar=False), 60)
    assert_same(theirs, features)
    assert frechet_distance(theirs, Statistics(WIDTH).update(features)) < 1e-10
    more = rows(25, seed=1)
    assert_same(theirs.update(more), np.concatenate([features, more]))


@pytest.mark.parametrize(
    "features, error, words",
    [
        (np.zeros((3, 5)), ValueError, r"features must have shape \(N, D\) with D = 12, got \(3, 5\)"),
        (np.zeros(12), ValueError, "features must have shape"),
        (np.zeros((3, 12), dtype=int), TypeError, "features must be floating point, got int64"),
        (torch.zeros(3, 12, dtype=torch.uint8), TypeError, "features must be floating point, got torch.uint8"),
        ([[0.0] * 12], TypeError, "features must be a tensor or an array"),
        (np.full((4, 12), np.nan), ValueError, r"NaN or infinity in 4 row\(s\), first in row 0"),
        (torch.eye(12).log()[3:], ValueError, r"features must be finite, got NaN or infinity in 9 row\(s\)"),
    ],
)
def test_bad_features_change_nothing(features, error, words):
    stats = Statistics(WIDTH).update(rows(30))
    before = stats.covariance
    with pytest.raises(error, match=words):
        stats.update(features)
    assert stats.count == 30
    assert np.array_equal(stats.covariance, before)


def test_other_bad_arguments():
    for width in (0, -1, 2.5, True):
        with pytest.raises(ValueError, match="width must be an integer"):
            Statistics(width)
    stats = Statistics(WIDTH)
    with pytest.raises(ValueError, match="a mean needs at least 1"):
        _ = stats.mean
    with pytest.raises(ValueError, match="a covariance needs at least 2"):
        _ = stats.update(rows(1)).covariance
    with pytest.raises(ValueError, match="other must have width 12, got 5"):
        stats.merge(Statistics(5))
    with pytest.raises(ValueError, match="other must be about the same features"):
        stats.merge(Statistics(WIDTH, {"network": "other"}))
    with pytest.raises(TypeError, match="other must be Statistics"):
        stats.merge(rows(3))
    with pytest.raises(TypeError, match="unsupported operand"):
        stats + 1
    mean, covariance = np.zeros(WIDTH), np.eye(WIDTH)
    with pytest.raises(ValueError, match="count must be at least 2"):
        Statistics.from_moments(mean, covariance, 1)
    with pytest.raises(ValueError, match="covariance must be a symmetric table"):
        Statistics.from_moments(mean, covariance + np.triu(np.ones((WIDTH, WIDTH)), 1), 9)
    with pytest.raises(ValueError, match="covariance must have shape"):
        Statistics.from_moments(mean, np.eye(5), 9)


def rewritten(path, **changes):
    """A file of statistics with other tensors or another description, and its checksum right."""
    tensors, meta = files.read(path)
    tensors = {name: changes.pop(name, value.clone()) for name, value in tensors.items()}
    files.write(path, {name: value for name, value in tensors.items() if value is not None}, {**meta, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"mean": torch.full((5,), float("nan"), dtype=torch.float64)},
        {"scatter": torch.full((5, 5), float("nan"), dtype=torch.float64)},
        {"scatter": -torch.eye(5, dtype=torch.float64)},
        {"scatter": torch.arange(25.0, dtype=torch.float64).reshape(5, 5)},
        {"scatter": torch.eye(4, dtype=torch.float64)},
        {"mean": None},
        {"width": 2**40},
        {"width": "5"},
        {"count": -1},
        {"count": "x"},
        {"about": 3},
    ],
)
def test_statistics_that_cannot_be_are_refused(tmp_path, changes):
    rows = torch.randn(12, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    path = tmp_path / "stats.safetensors"
    Statistics(5, {"network": "x"}).update(rows).save(path)
    rewritten(path, **changes)
    with pytest.raises(CheckpointError, match=r"stats\.safetensors"):
        Statistics.load(path)


def test_rows_that_cannot_be_are_refused(tmp_path):
    path = tmp_path / "stats.safetensors"
    rows = torch.ones(3, 5, dtype=torch.float64)
    for changes in ({"rows": rows * float("nan")}, {"rows": rows[:, :4].contiguous()}, {"count": 4}):
        Statistics(5).update(rows).save(path)
        rewritten(path, **changes)
        with pytest.raises(CheckpointError, match=r"stats\.safetensors"):
            Statistics.load(path)
