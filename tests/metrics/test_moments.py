"""Statistics that other packages made: a mean and a covariance in an .npz, as pytorch-fid and others store them."""

import numpy as np
import pytest

from diffusion_edu.files import CheckpointError
from diffusion_edu.metrics import Statistics, compare_features, frechet_distance, moments
from diffusion_edu.metrics.features import FeatureNetwork

WIDTH = 5


def rows(count=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, WIDTH)) @ rng.normal(size=(WIDTH, WIDTH)) + 1


@pytest.fixture
def npz(tmp_path):
    """As pytorch-fid writes it."""
    features = rows()
    np.savez_compressed(tmp_path / "s.npz", mu=features.mean(0), sigma=np.cov(features, rowvar=False))
    return tmp_path / "s.npz"


def test_a_distance_to_them_is_that_to_the_features(npz):
    ours, theirs = Statistics(WIDTH).update(rows(seed=1)), Statistics(WIDTH).update(rows())
    read = Statistics.load(npz)
    np.testing.assert_allclose(read.mean, theirs.mean)
    np.testing.assert_allclose(read.covariance, theirs.covariance)
    assert frechet_distance(ours, read) == pytest.approx(frechet_distance(ours, theirs), rel=1e-9)


def test_their_number_can_be_said_and_is_asked_for_where_it_matters(npz, tmp_path):
    unknown, known = Statistics.load(npz), Statistics.load(npz, count=40)
    assert "unknown" in repr(unknown) and known.count == 40
    for what in (
        lambda: unknown.update(rows()),
        lambda: unknown.merge(known),
        lambda: Statistics(WIDTH).merge(unknown),
        lambda: unknown.save(tmp_path / "x.safetensors"),
    ):
        with pytest.raises(ValueError, match=r"count must be known for statistics to .* load\(path, count=...\)"):
            what()
    both = rows(), rows(seed=1)
    known.update(both[1])
    np.testing.assert_allclose(known.covariance, np.cov(np.concatenate(both), rowvar=False))
    Statistics.load(npz, count=40).save(tmp_path / "own.safetensors")
    with pytest.raises(ValueError, match=r"count must be left out for .*own\.safetensors"):
        Statistics.load(tmp_path / "own.safetensors", count=40)
    assert Statistics.load(tmp_path / "own.safetensors").count == 40


def test_what_is_no_such_file_is_told(tmp_path, monkeypatch):
    good = {"mu": np.zeros(3), "sigma": np.eye(3)}
    cases = {
        "holds no mu and sigma, but arr_0": {"arr_0": np.zeros((2, 8, 8, 3))},
        "holds no mean and covariance": {**good, "sigma": np.eye(4)},
        "must be a symmetric table": {**good, "sigma": np.triu(np.ones((3, 3)))},
        "mean must be finite": {**good, "mu": np.full(3, np.nan)},
        "damaged or holds no numbers": {**good, "mu": np.array([{}, {}, {}], dtype=object)},  # a pickle: not opened
    }
    for words, arrays in cases.items():
        np.savez(tmp_path / "x.npz", **arrays)
        with pytest.raises(CheckpointError, match=rf"x\.npz.*{words}"):
            Statistics.load(tmp_path / "x.npz")
    (tmp_path / "x.npz").write_bytes(b"no archive")
    with pytest.raises(CheckpointError, match=r"x\.npz is damaged"):
        Statistics.load(tmp_path / "x.npz")
    np.savez(tmp_path / "x.npz", **good)
    content = bytearray((tmp_path / "x.npz").read_bytes())
    content[80] ^= 255
    (tmp_path / "y.npz").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"y\.npz"):
        Statistics.load(tmp_path / "y.npz")
    monkeypatch.setattr(moments, "MOST", 100)
    with pytest.raises(CheckpointError, match=r"x\.npz claims a table of more than 100 bytes"):
        Statistics.load(tmp_path / "x.npz")
    with pytest.raises(FileNotFoundError, match="no statistics at"):
        Statistics.load(tmp_path / "none.npz")


def test_a_comparison_with_statistics_has_a_distance_and_an_interval_and_says_what_it_lacks(npz):
    import torch

    network = FeatureNetwork("toy", "toy", lambda x: x, WIDTH, 1, None, "none")
    ours, theirs = torch.from_numpy(rows(seed=1)), torch.from_numpy(rows())
    full = compare_features(ours, theirs, network, resamples=20)
    found = compare_features(ours, Statistics.load(npz), network, resamples=20)
    assert found.distance == pytest.approx(full.distance, rel=1e-9) and found.terms == pytest.approx(full.terms)
    assert (found.kernel, found.floor, found.reference) == (None, None, None)
    assert "not measured, statistics hold no single images" in str(found)
    assert "40 against an unknown number" in str(found)
    assert found.to_dict()["kernel"] is None and found.to_dict()["reference_pictures"] is None
    other = Statistics(WIDTH, {"network": "another", "width": WIDTH}).update(rows())
    with pytest.raises(ValueError, match="real must be statistics with network 'toy', got 'another'"):
        compare_features(ours, other, network, resamples=0)
