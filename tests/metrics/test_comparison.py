"""Two sets of pictures compared: against the parts it is made of, with sets whose distance is known, and its limits."""

import json
import math

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.features import FEATURE_NETWORKS
from diffusion_edu.metrics import FeatureNetwork, Statistics, frechet_interval, kernel_distance


@pytest.fixture(scope="module")
def net():
    """Sixteen features: the means of 2x2 blocks."""
    return FeatureNetwork("test", "test", lambda x: torch.nn.functional.avg_pool2d(x, 2).flatten(1), 16, 1, 8, "none")


def noise(n, seed, low=0, high=256):
    return torch.randint(low, high, (n, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def test_it_is_made_of_the_parts(net):
    ours, real = noise(300, 0), noise(400, 1, 20)
    found = de.compare(ours, real, net, resamples=25, seed=3)
    a, b = net(ours), net(real)
    stats = Statistics(16).update(b)
    assert found.distance == frechet_interval(a, stats, resamples=25, seed=3)
    assert found.distance.value == pytest.approx(de.frechet_distance(Statistics(16).update(a), stats), rel=1e-9)
    assert found.terms.distance == pytest.approx(found.distance.value, rel=1e-9)
    assert found.kernel == kernel_distance(a, b, seed=3)
    assert (found.pictures, found.reference, found.width) == (300, 400, 16)


def test_other_pictures_are_beyond_the_floor_and_the_same_kind_is_not(net):
    real = noise(2000, 0)
    same = de.compare(noise(1000, 1), real, net, resamples=0)
    other = de.compare(noise(1000, 2, 0, 230), real, net, resamples=0)
    assert same.floor.pictures == other.floor.pictures == 1000
    assert same.distance.value < 1.5 * same.floor.distance
    assert abs(same.kernel.value) < 4 * same.kernel.error
    assert other.distance.value > 8 * other.floor.distance
    assert other.kernel.value > 10 * other.kernel.error


def test_the_floor_takes_parts_that_share_nothing_and_are_as_many(net):
    real = noise(50, 0)
    assert de.compare(noise(20, 1), real, net, resamples=0).floor.pictures == 20
    assert de.compare(noise(90, 1), real, net, resamples=0).floor.pictures == 25
    assert de.compare(noise(9, 1), real[:7], net, resamples=0).floor is None
    # Twice the same pictures: parts that shared a picture would meet it again.
    twice = torch.cat([real, real])
    apart = de.compare(real, twice, net, resamples=0).floor
    assert apart.pictures == 50 and apart.distance > 0


def test_without_resamples_there_is_no_interval(net):
    found = de.compare(noise(30, 0), noise(30, 1), net, resamples=0)
    assert math.isnan(found.distance.low)
    assert found.to_dict()["interval_95"] is None
    assert "interval" not in str(found)


def test_what_is_printed_holds_what_a_reader_must_know(net):
    found = de.compare(noise(30, 0), noise(40, 1), net, resamples=20)
    text = str(found)
    for words in ("FD (test)", "KD (test)", "95% interval", "30 against 40", "resize: none", "floor", "take care"):
        assert words in text, words
    assert "FID" not in text and "KID" not in text
    again = json.loads(json.dumps(found.to_dict()))
    assert again["pictures"] == 30 and again["floor"]["pictures"] == 20
    assert again["interval_95"][0] < again["distance"] < again["interval_95"][1]
    assert "take care" not in str(de.compare(noise(300, 0), noise(300, 1), net, resamples=0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pictures": noise(3, 0)}, "pictures must be at least 4, got 3"),
        ({"reference": noise(2, 0)}, "reference must be at least 4, got 2"),
        ({"resamples": 5}, "resamples must be 0, or at least 20, got 5"),
    ],
)
def test_bad_arguments_are_named(net, changes, message):
    arguments = {"pictures": noise(9, 0), "reference": noise(9, 1), **changes}
    with pytest.raises(ValueError, match=message):
        de.compare(**arguments, network=net)


@pytest.mark.parametrize("name", ["fashion-classifier", "emoji-clip"])
def test_shipped_networks_make_the_features_that_they_promise(name):
    net = de.feature_network(name)
    pixels = noise(5, 0).expand(-1, net.channels, -1, -1).repeat(1, 1, 4, 4)
    features = net(pixels)
    assert features.shape == (5, net.width)
    assert features.isfinite().all()
    assert net.measure == f"FD ({name})"
    if name == "emoji-clip":  # of length 1 before the factor
        assert torch.allclose(features.norm(dim=1), torch.full((5,), net.width**0.5), rtol=1e-5)
    else:
        classifier = de.load(name)
        assert torch.allclose(classifier.out(features), classifier(de.data.to_x0(pixels)), atol=1e-5)


def test_the_fashion_features_tell_real_from_spoilt():
    real = de.data.fashion_mnist("test").pixels
    net = de.feature_network("fashion-classifier")
    spoilt = (real[:500].float() + 40 * torch.randn(500, 1, 32, 32, generator=torch.Generator().manual_seed(0))).clamp(
        0, 255
    )
    reference = real[2000:4000]
    same = de.compare(real[:500], reference, net, resamples=0)
    other = de.compare(spoilt.to(torch.uint8), reference, net, resamples=0)
    assert other.distance.value > 5 * same.distance.value
    assert other.kernel.value > 5 * same.kernel.value


def test_unknown_networks_and_weights_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"name must be one of .*, got 'inceptoin'; did you mean 'inception'"):
        de.feature_network("inceptoin")
    with pytest.raises(ValueError, match="weights must be None for efficientnet"):
        de.feature_network("efficientnet", weights=tmp_path / "w")
    with pytest.raises((FileNotFoundError, ValueError), match="none"):
        de.feature_network("emoji-clip", weights=tmp_path / "none.safetensors")
    assert set(FEATURE_NETWORKS) == {"inception", "efficientnet", "fashion-classifier", "emoji-clip"}
