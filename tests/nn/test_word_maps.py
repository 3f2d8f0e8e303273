"""The U-Net with two outputs: its prediction is the network's, its maps are the mean of the cross-attentions."""

import pytest
import torch
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu.nn import WithWordMaps, cross_attention_maps, example_inputs

CONFIG = de.UNetConfig.tiny(
    channels=(8, 16, 16), attention_levels=(2,), cross_levels=(1, 2), heads=2, vec_dim=3, token_dim=4
)


@pytest.fixture
def unet():
    unet = de.nn.new_unet(CONFIG, seed=0).eval()
    with torch.no_grad():
        for tensor in unet.parameters():
            tensor.add_(0.1 * torch.randn(tensor.shape, generator=torch.Generator().manual_seed(tensor.numel())))
    return unet


@torch.no_grad()
def test_the_maps_are_the_mean_of_all_layers_and_the_prediction_stays(unet):
    inputs = example_inputs(CONFIG, 16, length=5)
    prediction, maps = WithWordMaps(unet)(**inputs)
    x_t, t = inputs.pop("x_t"), inputs.pop("t")
    assert torch.equal(prediction, unet(x_t, t, de.Cond(**inputs)))
    layers = cross_attention_maps(unet, x_t, t, de.Cond(**inputs))
    sizes = {weights.shape[2] for weights in layers.values()}
    assert sizes == {64, 16}, "two levels, so that enlarging is tried"
    wanted = torch.zeros(2, 6, 8, 8)
    for weights in layers.values():
        side = int(weights.shape[2] ** 0.5)
        one = weights.mean(1).mT.reshape(2, 6, side, side)
        wanted += F.interpolate(one, size=(8, 8), mode="nearest") / len(layers)
    torch.testing.assert_close(maps, wanted)
    torch.testing.assert_close(maps.sum(1), torch.ones(2, 8, 8))
    assert (maps[:, -1] == 0).all() and (maps[:, -2] > 0).all(), "the last token is masked, the one before is not"
    assert not any(part._forward_hooks for part in unet.modules()), "nothing is left behind"


def test_a_network_without_cross_attention_has_no_maps():
    with pytest.raises(ValueError, match="network must have cross-attention, got a UNet without it"):
        WithWordMaps(de.UNet(de.UNetConfig.tiny()))
