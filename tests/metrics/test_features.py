"""Feature networks: the pictures that they take, the names that they may use, and the statistics that they make."""

import numpy as np
import pytest
import torch

import diffusion_edu as de
from diffusion_edu.features import FEATURE_NETWORKS
from diffusion_edu.metrics import FeatureNetwork


class Means(torch.nn.Module):
    """Three features: the mean of each channel. It keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x0):
        self.seen.append(x0)
        return x0.mean((2, 3))


@pytest.fixture
def pixels():
    return torch.randint(0, 256, (7, 3, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def network(name="test", side=8, channels=3, width=3):
    return FeatureNetwork(name, name, Means(), width, channels, side, "none")


def test_pictures_come_as_numbers_between_minus_one_and_one(pixels):
    net = network()
    pixels[0, :, 0, 0] = torch.tensor([0, 255, 51])
    net(pixels)
    assert torch.equal(net.model.seen[0][0, :, 0, 0], torch.tensor([-1.0, 1.0, -0.6]))


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
def test_the_batch_size_changes_nothing(pixels, batch_size):
    net = network()
    expected = (pixels.double() / 127.5 - 1).mean((2, 3))
    assert torch.allclose(net(pixels, batch_size).double(), expected, atol=1e-6)
    assert max(len(x) for x in net.model.seen) == min(batch_size, 7)


def test_grey_pictures_are_repeated_for_a_network_of_colour(pixels):
    grey = pixels[:, :1]
    assert torch.equal(network()(grey), network()(grey.expand(-1, 3, -1, -1)))


def test_statistics_are_those_of_the_features_and_say_of_which(pixels):
    net = network()
    stats = net.statistics(pixels, batch_size=2)
    features = net(pixels).double().numpy()
    assert np.allclose(stats.mean, features.mean(0))
    assert np.allclose(stats.covariance, np.cov(features.T))
    assert stats.about == {"network": "test", "width": 3, "resize": "none"}


def test_statistics_of_two_networks_have_no_distance(pixels):
    a, b = network("one").statistics(pixels), network("other").statistics(pixels)
    with pytest.raises(ValueError, match="b must have the network of a, 'one', got 'other'"):
        de.frechet_distance(a, b)


@pytest.mark.parametrize("name", FEATURE_NETWORKS)
def test_only_the_network_of_2015_measures_the_fid(name):
    net = FeatureNetwork(name, "Title", Means(), 3, 3, None, "none")
    own = name == "inception"
    assert (net.measure == "FID") == own
    assert (net.kernel_measure == "KID") == own
    if not own:
        assert "Title" in net.measure and "FID" not in net.measure and "KID" not in net.kernel_measure


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda p: p.float(), TypeError, r"pixels must be uint8 \(N, C, H, W\), got a float32 tensor"),
        (lambda p: p[0], ValueError, r"shape \(N, C, H, W\) with N >= 1, got \(3, 8, 8\)"),
        (lambda p: p[:0], ValueError, r"with N >= 1, got \(0, 3, 8, 8\)"),
        (lambda p: p[:, :2], ValueError, "1 or 3 channels for test, got 2"),
        (lambda p: p[:, :, :6], ValueError, "8 x 8 for test, got 6 x 8"),
    ],
)
def test_bad_pictures_are_refused_in_words(pixels, change, error, message):
    for call in (network(), network().statistics):
        with pytest.raises(error, match=message):
            call(change(pixels))
    with pytest.raises(ValueError, match=r"1 channel\(s\) for test, got 3"):
        network(channels=1)(pixels)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        network()(pixels, 0)
