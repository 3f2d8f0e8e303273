"""What training costs: counted by hand, by autograd and by the optimiser, and the package's count is the same."""

from __future__ import annotations

import pytest
import torch

from diffusion_edu.nn import AutoEncoder, AutoEncoderConfig, UNet, UNetConfig
from diffusion_edu.nn.cost import STATE_COPIES, autoencoder_cost, network_cost, training_cost
from diffusion_edu.train import EMA

CONFIGS = [UNetConfig.tiny(), UNetConfig.small(), UNetConfig.base(), UNetConfig.paper()]
H100 = {"peak": 989e12, "bandwidth": 3.35e12}


@pytest.mark.parametrize("config", CONFIGS)
def test_parameters_are_the_networks(config):
    cost = network_cost(config, 16)
    with torch.device("meta"):
        assert cost.parameters == sum(p.numel() for p in UNet(config).parameters())
    assert sum(part.parameters for part in cost.parts) == cost.parameters


def test_the_paper_networks_size_is_the_originals():
    cost = network_cost(UNetConfig.paper(), 32)
    assert cost.parameters == 35_746_307
    assert [part.name for part in cost.parts] == ["32×32", "16×16", "8×8", "4×4", "attention", "embedding of t"]


def conv(c_in: int, c_out: int, kernel: int, side: int) -> int:
    """FLOPs of a convolution: every output is a sum of c_in k^2 products."""
    return 2 * side * side * c_out * c_in * kernel * kernel


def res(c_in: int, c_out: int, side: int, emb: int) -> int:
    shortcut = conv(c_in, c_out, 1, side) if c_in != c_out else 0
    return conv(c_in, c_out, 3, side) + 2 * emb * c_out + conv(c_out, c_out, 3, side) + shortcut


def test_flops_by_hand():
    """Two levels of 8 and 12 channels, one block each, attention at the lower, pictures of 16 x 16."""
    cost = network_cost(UNetConfig(channels=(8, 12), blocks=1, attention_levels=(1,)), 16)
    first = conv(3, 8, 3, 16) + res(8, 8, 16, 32)  # encoder
    first += res(12 + 8, 8, 16, 32) + res(8 + 8, 8, 16, 32) + conv(8, 3, 3, 16)  # decoder
    first += 2 * 16 * 8 * 8 * 12 * 12  # transposed convolution: each of 8 x 8 inputs goes to 4 x 4 outputs
    second = conv(8, 8, 3, 8) + res(8, 12, 8, 32) + 2 * res(12, 12, 8, 32)
    second += res(12 + 12, 12, 8, 32) + res(12 + 8, 12, 8, 32)
    one = conv(12, 36, 1, 8) + conv(12, 12, 1, 8) + 2 * 2 * 64 * 64 * 12
    by_hand = {"16×16": first, "8×8": second, "attention": 4 * one, "embedding of t": 2 * (8 * 32 + 32 * 32)}
    assert {part.name: part.flops for part in cost.parts} == by_hand
    assert cost.flops == sum(by_hand.values())


@pytest.mark.parametrize(
    ("config", "side"),
    [
        (UNetConfig.tiny(), 32),
        (UNetConfig.tiny(in_channels=1), 16),
        (UNetConfig.tiny(dropout=0.1, up="nearest", down_pad="right"), 32),
        (UNetConfig.small(), 16),
    ],
)
def test_activations_are_what_autograd_keeps(config, side):
    """A real forward pass of two pictures: the bytes kept for the backward pass, weights left out, halved."""
    model = UNet(config).train().to(memory_format=torch.channels_last)
    x = torch.zeros(2, config.in_channels, side, side).to(memory_format=torch.channels_last)
    own = {p.untyped_storage().data_ptr() for p in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        model(x, torch.ones(2, dtype=torch.long))
    real = sum(storage.nbytes() for storage in kept.values()) / 2
    assert network_cost(config, side).activation_bytes == pytest.approx(real, rel=0.01)


def test_the_count_is_the_same_where_gradients_are_off():
    config = UNetConfig.tiny()
    network_cost.cache_clear()
    with torch.no_grad():
        off = network_cost(config, 16)
    network_cost.cache_clear()
    assert network_cost(config, 16) == off


def test_state_is_what_training_holds():
    """Weights, gradients, AdamW's two moments and the average, as they lie in memory after a step."""
    config = UNetConfig.tiny()
    model = UNet(config)
    ema, optimiser = EMA(model), torch.optim.AdamW(model.parameters())
    model(torch.randn(1, 3, 16, 16), torch.ones(1, dtype=torch.long)).square().mean().backward()
    optimiser.step()
    held = [p for m in (model, ema.model) for p in m.parameters()] + [p.grad for p in model.parameters()]
    moments = [v for state in optimiser.state.values() for name, v in state.items() if name != "step"]
    real = sum(t.nbytes for t in (*held, *moments))
    cost = training_cost(network_cost(config, 16), batch=1, pictures=1, **H100)
    assert cost.state_bytes == real
    assert len(STATE_COPIES) == 5


def test_the_numbers_of_a_run_by_hand():
    network = network_cost(UNetConfig.paper(), 32)
    cost = training_cost(
        network, batch=128, pictures=102_400_000, share=0.25, devices=8, value_bytes=2, peak=1e14, bandwidth=1e12
    )
    flops = 3 * network.flops * 102_400_000
    assert cost.total_flops == pytest.approx(flops)
    assert cost.floor_seconds == pytest.approx(flops / 8e14)
    assert cost.seconds == pytest.approx(4 * cost.floor_seconds)
    assert cost.pictures_per_second * cost.seconds == pytest.approx(102_400_000)
    activations = 128 * network.activation_bytes / 2
    assert cost.memory_bytes == pytest.approx(activations + 20 * network.parameters)
    # 4 passes over the activations; 13 over the weights in fp32
    assert cost.intensity == pytest.approx(3 * network.flops * 128 / (4 * activations + 52 * network.parameters))
    assert cost.roof == 1e14
    slow = training_cost(network, batch=1, pictures=1, peak=1e14, bandwidth=1e10)
    assert slow.roof == pytest.approx(slow.intensity * 1e10) and slow.roof < 1e14


def test_a_larger_batch_moves_fewer_bytes_a_flop():
    network = network_cost(UNetConfig.tiny(), 16)
    intensity = [training_cost(network, batch=b, pictures=1, **H100).intensity for b in (1, 8, 64, 4096)]
    assert intensity == sorted(intensity) and intensity[0] < 0.5 * intensity[-1]
    # without the weights' share nothing of it depends on the batch
    assert intensity[-1] == pytest.approx(3 * network.flops / (4 * network.activation_bytes), rel=0.01)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"pictures": 0}, "pictures must be above 0, got 0"),
        ({"peak": -1.0}, "peak must be above 0"),
        ({"bandwidth": 0.0}, "bandwidth must be above 0"),
        ({"share": 25}, r"share must be in \(0, 1\], got 25"),
        ({"devices": 0}, "devices must be at least 1"),
        ({"value_bytes": 3}, "value_bytes must be 2 or 4, got 3"),
    ],
)
def test_bad_arguments_are_named(change, words):
    network = network_cost(UNetConfig.tiny(), 16)
    with pytest.raises(ValueError, match=words):
        training_cost(network, **{"batch": 1, "pictures": 1, **H100, **change})


def test_a_side_or_a_network_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="must be multiples of 4"):
        network_cost(UNetConfig.tiny(), 18)
    with pytest.raises(ValueError, match="side must be a positive multiple of 4, got 18"):
        autoencoder_cost(AutoEncoderConfig.tiny(), 18)


def test_a_condition_costs_its_projections_and_its_attention():
    """What words add: a linear layer for the vector, keys and values of every token, and two products with them."""
    plain, read = UNetConfig(channels=(8, 12), blocks=1, attention_levels=()), {"vec_dim": 6, "token_dim": 10}
    asked = UNetConfig(channels=(8, 12), blocks=1, attention_levels=(), cross_levels=(1,), **read)
    cost, without = network_cost(asked, 16, tokens=7), network_cost(plain, 16)
    with torch.device("meta"):
        assert cost.parameters == sum(p.numel() for p in UNet(asked).parameters())
    assert network_cost(asked, 16, tokens=9).flops - cost.flops == 2 * (
        next(p.flops for p in network_cost(asked, 16, tokens=8).parts if p.name == "attention")
        - next(p.flops for p in cost.parts if p.name == "attention")
    )
    assert cost.flops > without.flops
    by_name = {part.name: part for part in cost.parts}
    assert by_name["embedding of the condition"].flops >= 2 * 6 * 32
    assert by_name["16×16"] == next(part for part in without.parts if part.name == "16×16")
    assert sum(part.flops for part in cost.parts) == cost.flops


def test_an_auto_encoders_flops_by_hand():
    """16 x 16 to 4 x 4 and back: each level halves the size by a 4x4 convolution, with one residual block a level."""
    config = AutoEncoderConfig(channels=(8, 12), latent_channels=2)
    encoder, decoder = autoencoder_cost(config, 16)
    there = conv(3, 8, 4, 8) + 2 * conv(8, 8, 3, 8) + conv(8, 12, 4, 4) + 2 * conv(12, 12, 3, 4) + conv(12, 4, 3, 4)
    back = conv(2, 12, 3, 4) + 2 * conv(12, 12, 3, 4) + 2 * conv(8, 8, 3, 8)
    back += 2 * 16 * 4 * 4 * 12 * 8 + 2 * 16 * 8 * 8 * 8 * 3  # transposed: each input goes to 4 x 4 outputs
    assert (encoder.flops, decoder.flops) == (there, back)
    with torch.device("meta"):
        network = AutoEncoder(config)
    assert encoder.parameters + decoder.parameters == sum(p.numel() for p in network.parameters())
    assert {part.name for part in decoder.parts if part.flops} == {"16×16", "8×8", "4×4"}
