"""Looking inside: details of the trace against the modules, feature maps and attention against runs by hand."""

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.nn import (
    CrossAttention,
    SelfAttention,
    UNet,
    UNetConfig,
    attention_maps,
    attention_weights,
    cross_attention_maps,
    cross_attention_weights,
    features,
)
from diffusion_edu.nn._base import norm

CONDITIONS = {"vec_dim": 5, "token_dim": 6, "concat_channels": 2}


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def awake(module, seed=1):
    """The module with its zero layers set to small random numbers, as after some training."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=g))
    return module


@pytest.fixture(scope="module")
def unet():
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        return awake(UNet(UNetConfig.tiny(in_channels=1, heads=2, attention_levels=(1,), dropout=0.5))).eval()


X, T = randn(2, 1, 16, 16), torch.tensor([3, 700])


# ---- trace -----------------------------------------------------------------------------------------------


def traced(config, size=16):
    with torch.device("meta"):
        unet = UNet(config)
    return unet, {row.name: row for row in unet.trace(size)}


@pytest.mark.parametrize(
    "config",
    [UNetConfig.tiny(), UNetConfig.paper(), UNetConfig.tiny(attention_levels=(0, 2), heads=2, **CONDITIONS)],
    ids=["tiny", "paper", "conditional"],
)
def test_the_layers_of_a_part_add_up_to_it(config):
    unet, rows = traced(config, 32)
    for row in rows.values():
        assert sum(layer.parameters for layer in row.parts) == (row.parameters if row.parts else 0), row.name
        assert sum(layer.flops for layer in row.parts) == (row.flops if row.parts else 0), row.name
        part = unet.get_submodule(row.name)
        names = [layer.name for layer in row.parts]
        assert len(set(names)) == len(names)
        assert [type(part.get_submodule(name)).__name__.replace("Conv2d", "Conv") for name in names] == [
            layer.kind for layer in row.parts
        ]
    with_layers = {row.kind for row in rows.values() if row.parts}
    assert with_layers == {row.kind for row in rows.values()} - {"Conv", "GroupNorm"}


def test_the_layers_stand_in_the_order_of_the_run():
    _, rows = traced(UNetConfig.tiny(attention_levels=(1,)))
    (block,) = [row for row in rows.values() if row.kind == "DownBlock" and row.level == 1]
    assert [layer.name for layer in block.parts] == [
        *("res.norm1", "res.conv1", "res.emb", "res.norm2", "res.conv2"),
        *(f"attention.self_attention{name}" for name in (".norm", ".qkv", "", ".out")),
    ]
    product = block.parts[-2]
    assert (product.parameters, product.flops) == (0, 4 * 64 * 64 * 16), "Q K^T and its product with V, 8x8 positions"


@pytest.mark.parametrize("config", [UNetConfig.base(), UNetConfig.paper()], ids=["base", "paper"])
def test_residual_paths_have_a_convolution_exactly_where_channels_change(config):
    _, rows = traced(config, 32)
    for row in rows.values():
        joined = rows[row.skip].out_shape[0] if row.skip else 0
        changes = row.in_shape[:1] != (row.out_shape[0] - joined,)
        wanted = {
            "DownBlock": "1x1 convolution" if changes else "identity",
            "UpBlock": "1x1 convolution",
            "ResBlock": "identity",
            "Attend": "identity",
        }
        assert row.residual == wanted.get(row.kind), row.name
        shortcuts = [layer for layer in row.parts if layer.name.endswith("shortcut")]
        assert bool(shortcuts) == (row.residual == "1x1 convolution")


def test_levels_and_heads_are_those_of_the_configuration():
    config = UNetConfig.tiny(attention_levels=(1,), heads=4)
    _, rows = traced(config, 32)
    for row in rows.values():
        if row.kind == "TimeEmbedding":
            assert row.level is None
            continue
        assert row.out_shape[1] == 32 // 2**row.level
        attends = row.name == "middle_attention" or (row.kind in ("DownBlock", "UpBlock") and row.level == 1)
        assert row.heads == (4 if attends else 0), row.name


# ---- feature maps ----------------------------------------------------------------------------------------


def test_features_are_what_the_parts_put_out(unet):
    found = features(unet, X, T)
    rows = unet.trace(16)
    assert list(found) == [row.name for row in rows]
    assert [tuple(value.shape) for value in found.values()] == [(2, *row.out_shape) for row in rows]
    # The encoder by hand: every map from the one before.
    assert torch.equal(found["time"], unet.time(T))
    assert torch.equal(found["conv_in"], unet.conv_in(X))
    assert torch.equal(found["down.0"], unet.down[0](found["conv_in"], found["time"]))
    assert torch.equal(found["down.1"], unet.down[1](found["down.0"]))
    assert torch.equal(found["up.0"], unet.up[0](found["middle2"], found["down.4"], found["time"]))
    assert torch.equal(found["conv_out"], unet(X, T))


def test_looking_leaves_no_trace_on_the_network(unet):
    """Also in training mode, in which a look would otherwise drop features."""
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    still = features(unet, X, T)["conv_out"]
    unet.train()
    assert torch.equal(features(unet, X, T)["conv_out"], still)
    assert attention_maps(unet, X, T)
    assert unet.training
    with pytest.raises(ValueError, match="x_t must have shape"):
        features(unet, X[0], T)
    assert unet.training, "and after an error"
    unet.eval()
    assert not any(module._forward_hooks for module in unet.modules())
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert not still.requires_grad


def test_features_take_a_condition():
    unet = awake(UNet(UNetConfig.tiny(in_channels=1, vec_dim=5)))
    one, other = (features(unet, X, T, de.Cond(vec=randn(2, 5, seed=seed))) for seed in (0, 1))
    assert one["vec"].shape == one["time"].shape
    assert torch.equal(one["conv_in"], other["conv_in"])
    assert not torch.allclose(one["down.0"], other["down.0"])


# ---- attention -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_weights_are_those_inside_the_fused_attention(heads):
    layer, x = awake(SelfAttention(8, heads)), randn(2, 8, 4, 6)
    weights = attention_weights(layer, x)
    assert weights.shape == (2, heads, 24, 24)
    assert torch.allclose(weights.sum(-1), torch.ones(2, heads, 24), atol=1e-6)
    mixed = weights @ layer.tokens(x)[2]  # (B, heads, H W, C / heads)
    rebuilt = x + layer.out(mixed.mT.reshape(x.shape))
    assert torch.allclose(rebuilt, layer(x), atol=1e-5)


def test_rows_of_a_map_are_queries_and_positions_are_counted_row_by_row():
    """A layer that is blind but for one key: every query then looks at that position, and the map says which."""
    layer = SelfAttention(4, 1)
    with torch.no_grad():
        layer.qkv.weight.zero_()
        layer.qkv.bias.zero_()
        layer.qkv.bias[:4] = 50.0  # every query is the same
        layer.qkv.weight[4:8, :, 0, 0] = torch.eye(4)  # a key is the normalised token
    x = torch.zeros(1, 4, 3, 5)
    x[0, :, 1, 2] = 1.0
    weights = attention_weights(layer, x)[0, 0]
    assert norm(4)(x)[0, 0, 1, 2] > 1
    assert (weights.argmax(1) == 1 * 5 + 2).all()
    assert (weights[:, 7] > 0.99).all()


def test_maps_are_found_at_every_attention(unet):
    maps = attention_maps(unet, X, T)
    names = [name for name, layer in unet.named_modules() if isinstance(layer, SelfAttention)]
    assert sorted(maps) == sorted(names)
    sides = {name: 8 if name.startswith(("down", "up")) else 4 for name in names}
    assert {name: tuple(value.shape) for name, value in maps.items()} == {
        name: (2, 2, side**2, side**2) for name, side in sides.items()
    }
    found = features(unet, X, T)
    middle = unet.middle_attention.self_attention
    assert torch.equal(maps["middle_attention.self_attention"], attention_weights(middle, found["middle1"]))


# ---- cross-attention -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader():
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        config = UNetConfig.tiny(in_channels=1, heads=2, attention_levels=(1,), token_dim=6)
        return awake(UNet(config)).eval()


def words(count=4, batch=2):
    mask = torch.ones(batch, count, dtype=torch.bool)
    mask[0, 2:] = False
    return de.Cond(tokens=randn(batch, count, 6, seed=5), mask=mask)


def test_every_cross_attention_has_a_map_whose_rows_add_up_to_one(reader):
    maps = cross_attention_maps(reader, X, T, words())
    assert len(maps) == 4  # one block down, the middle, two blocks up
    for weights in maps.values():
        assert weights.shape[:2] == (2, 2)
        assert weights.shape[3] == 5
        assert torch.allclose(weights.sum(-1), torch.ones(weights.shape[:3]), atol=1e-6)
        assert not weights[0, :, :, 3:].any(), "masked words get nothing"
        assert weights[1, :, :, 3:].all()


def test_with_every_word_masked_all_look_at_the_token_that_says_nothing(reader):
    for weights in cross_attention_maps(reader, X, T, words().nothing()).values():
        assert torch.equal(weights[..., 0], torch.ones_like(weights[..., 0]))


def test_cross_weights_are_those_inside_the_fused_attention():
    layer = awake(CrossAttention(8, 6, heads=2))
    x, cond = randn(2, 8, 3, 5), words()
    weights = cross_attention_weights(layer, x, cond.tokens, cond.mask)
    _, _, v = layer.projected(x, cond.tokens)
    by_hand = x + layer.out((weights @ v).mT.reshape(x.shape))
    assert torch.allclose(by_hand, layer(x, cond.tokens, cond.mask), atol=1e-5)


def test_a_map_needs_words(reader):
    with pytest.raises(ValueError, match="cond must have tokens"):
        cross_attention_maps(reader, X, T, de.Cond(vec=torch.zeros(2, 3)))
