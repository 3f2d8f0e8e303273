"""The U-Net: sizes, shapes, the way in for every condition, and a start that does nothing."""

import functools
import json
import math

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

import diffusion_edu as de
from diffusion_edu.nn import UNet, UNetConfig

ALL_CONDITIONS = {"vec_dim": 5, "token_dim": 6, "concat_channels": 2, "level": True}


def count(config):
    with torch.device("meta"):
        return sum(p.numel() for p in UNet(config).parameters())


def seeded(config, seed=0):
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return UNet(config).eval()


@functools.cache
def table_of_base():
    with torch.device("meta"):
        return UNet(UNetConfig.base()).trace(32)


def awake(unet, seed=1):
    """The same network with its zero layers set to small random numbers, as after some training."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in unet.parameters():
            if not parameter.any():
                parameter.copy_(0.1 * torch.randn(parameter.shape, generator=g))
    return unet


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def condition(batch=2, size=8, seed=3):
    mask = torch.ones(batch, 4, dtype=torch.bool)
    mask[:, 2:] = False
    return {
        "vec": randn(batch, 5, seed=seed),
        "tokens": randn(batch, 4, 6, seed=seed + 1),
        "mask": mask,
        "concat": randn(batch, 2, size, size, seed=seed + 2),
        "level": torch.full((batch,), 100 * seed),
    }


STEPS = torch.tensor([3, 700])


# ---- presets ---------------------------------------------------------------------------------------------


def test_the_paper_preset_is_the_network_of_the_paper():
    """35.7 M parameters, as section 4 of Ho et al. says."""
    assert count(UNetConfig.paper()) == 35_746_307, "the size of the published network for CIFAR-10"
    assert count(UNetConfig.paper()) == pytest.approx(35.7e6, rel=0.01)
    config = UNetConfig.paper()
    assert config.attention_levels == (1,), "attention at 16x16"
    assert config.dropout == 0.1


def test_the_small_presets_are_small():
    assert count(UNetConfig.small(in_channels=1)) == pytest.approx(1.2e6, rel=0.05)
    assert count(UNetConfig.tiny(in_channels=1)) < 0.25e6
    assert count(UNetConfig.base()) < count(UNetConfig.paper()) / 4


def test_base_walks_through_the_sizes_of_the_book():
    """32x32x64 -> 16x16x64 -> 16x16x128 -> 8x8x128, and back."""
    rows = [row for row in table_of_base() if len(row.out_shape) == 3]
    shapes = [row.out_shape for row in rows]
    steps = [shape for i, shape in enumerate(shapes) if i == 0 or shape != shapes[i - 1]]
    assert steps == [
        (64, 32, 32),
        (64, 16, 16),
        (128, 16, 16),
        (128, 8, 8),
        (128, 16, 16),
        (128, 32, 32),
        (64, 32, 32),
        (3, 32, 32),
    ]
    resizing = [row.kind for row in rows if row.in_shape[1:] != row.out_shape[1:]]
    assert resizing == ["DownSample", "DownSample", "UpSample", "UpSample"]


def test_presets_take_changes():
    config = UNetConfig.small(in_channels=4, heads=2, vec_dim=7)
    assert (config.in_channels, config.heads, config.vec_dim, config.channels) == (4, 2, 7, (32, 64, 64))


# ---- trace -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        UNetConfig.tiny(in_channels=1),
        UNetConfig.tiny(attention_levels=(0, 2), heads=2, **ALL_CONDITIONS),
        UNetConfig.tiny(attention_levels=(2,), cross_levels=(1,), **ALL_CONDITIONS),
        UNetConfig.small(up="nearest", down_pad="right"),
        UNetConfig.tiny(stride=2, **ALL_CONDITIONS),
    ],
    ids=["tiny", "conditional", "text without self-attention", "nearest", "strided"],
)
def test_trace_counts_every_parameter_and_every_flop(config):
    """The sums are those of the network and of PyTorch's own counter."""
    unet, size = seeded(config), 16
    rows = unet.trace(size)
    assert sum(row.parameters for row in rows) == sum(p.numel() for p in unet.parameters())
    cond = {
        "vec": config.vec_dim and torch.zeros(1, config.vec_dim),
        "tokens": config.token_dim and torch.zeros(1, 1, config.token_dim),
        "concat": torch.zeros(1, config.concat_channels, size, size) if config.concat_channels else None,
        "level": torch.ones(1, dtype=torch.long) if config.level else None,
    }
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        unet(torch.zeros(1, config.in_channels, size, size), torch.ones(1, dtype=torch.long), de.Cond(**cond))
    assert sum(row.flops for row in rows) == counter.get_total_flops()


def test_trace_runs_on_shapes_alone_and_leaves_the_network_as_it_was():
    unet = seeded(UNetConfig.tiny(in_channels=1))
    before = {name: value.clone() for name, value in unet.state_dict().items()}
    rows = unet.trace(32)
    assert rows[-1].out_shape == (1, 32, 32)
    assert all(torch.equal(value, before[name]) for name, value in unet.state_dict().items())
    assert not any(module._forward_hooks for module in unet.modules())


def test_every_feature_map_of_the_encoder_is_joined_once_at_its_own_size():
    rows = table_of_base()
    encoder = [row for row in rows if row.name == "conv_in" or row.name.startswith("down.")]
    joined = [row for row in rows if row.skip]
    assert [row.skip for row in joined] == [row.name for row in reversed(encoder)]
    sizes = {row.name: row.out_shape[1:] for row in encoder}
    assert all(sizes[row.skip] == row.in_shape[1:] for row in joined)


# ---- the start -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [UNetConfig.tiny(), UNetConfig.tiny(**ALL_CONDITIONS), UNetConfig.tiny(stride=2)],
    ids=["plain", "conditional", "strided"],
)
def test_the_output_starts_at_zero_and_the_loss_at_one(config):
    """Trap 19: a network that says "no noise" has a mean squared error of 1."""
    unet = seeded(config)
    parts = {name: value for name, value in condition(16, 16).items() if config.vec_dim}
    cond = de.Cond(**parts)
    x0 = randn(16, 3, 16, 16).clamp(-1, 1)
    assert not unet(x0, torch.full((16,), 500), cond).any()
    loss = de.diffusion_loss(
        unet, x0, de.NoiseSchedule.linear(1000), generator=torch.Generator().manual_seed(0), cond=cond
    )
    assert loss.item() == pytest.approx(1, abs=5 * math.sqrt(2 / x0.numel()))


@pytest.mark.parametrize(
    "up, down_pad, stride", [("transpose", "both", 1), ("nearest", "right", 1), ("nearest", "both", 2)]
)
def test_every_parameter_receives_a_gradient(up, down_pad, stride):
    """Trap 20: nothing is built and left unused. (The zero layers are woken first: they hide what lies before them.)"""
    config = UNetConfig.tiny(
        attention_levels=(0, 2), heads=2, up=up, down_pad=down_pad, stride=stride, **ALL_CONDITIONS
    )
    unet = awake(seeded(config))
    unet(randn(2, 3, 8, 8), STEPS, de.Cond(**condition())).square().mean().backward()
    for name, parameter in unet.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.any(), name


def test_zero_layers_are_the_ends_of_branches_and_learn_at_once():
    """Trap 19: last convolution of each residual block, output of each attention, last convolution of all."""
    unet = seeded(UNetConfig.tiny(**ALL_CONDITIONS))
    zero = {name for name, p in unet.named_parameters() if name.endswith("weight") and not p.any()}
    ends = {
        f"{name}.weight" for name, m in unet.named_modules() if name.endswith(("conv2", "attention.out", "conv_out"))
    }
    assert zero == ends
    x, cond = randn(2, 3, 8, 8), de.Cond(**condition())
    optimizer = torch.optim.SGD(unet.parameters(), lr=0.1)
    (unet(x, STEPS, cond) - randn(2, 3, 8, 8, seed=9)).square().mean().backward()
    optimizer.step()
    assert unet(x, STEPS, cond).any()


# ---- sizes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (1, 3, 4, 4), (3, 3, 8, 16), (2, 3, 12, 4)])
@pytest.mark.parametrize("down_pad", ["both", "right"])
def test_any_multiple_of_the_stride_goes_through(shape, down_pad):
    """Trap 33: also one sample, and a feature map of one pixel."""
    unet = awake(seeded(UNetConfig.tiny(down_pad=down_pad)))
    out = unet(randn(*shape), torch.full(shape[:1], 10))
    assert out.shape == shape
    assert out.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 3, 16, 8), (1, 3, 24, 32)])
def test_a_strided_network_keeps_the_size_and_works_at_half_of_it(shape):
    unet = awake(seeded(UNetConfig.tiny(stride=2)))
    out = unet(randn(*shape), torch.full(shape[:1], 10))
    assert out.shape == shape and out.isfinite().all()
    assert unet.config.factor == 8
    rows = unet.trace(32)
    assert max(row.out_shape[1] for row in rows[:-1] if len(row.out_shape) == 3) == 16
    with pytest.raises(ValueError, match="height and width must be multiples of 8"):
        unet(randn(1, 3, 12, 12), torch.tensor([10]))


def test_a_strided_network_has_no_seams_between_blocks_of_pixels():
    """In and out a pixel is in the reach of two positions a direction: there is no grid of blocks of their own."""
    unet = awake(seeded(UNetConfig.tiny(stride=2, channels=(8,), attention_levels=())))
    into, out = unet.conv_in, unet.conv_out
    x = torch.zeros(1, 3, 8, 8)
    x[0, :, 3, 3] = 1.0
    reached = into(x) - into(torch.zeros_like(x))
    assert (reached[0].abs().sum(0) > 0).sum() == 4
    h = torch.zeros(1, 8, 4, 4)
    h[0, :, 1, 2] = 1.0
    drawn = (out(h) - out(torch.zeros_like(h)))[0].abs().sum(0) > 0
    assert drawn.sum() == 16 and drawn[1:5, 3:7].all()
    even = torch.nn.functional.conv_transpose2d(torch.ones(1, 1, 6, 6), torch.ones(1, 1, 4, 4), stride=2, padding=1)
    assert (even[0, 0, 1:-1, 1:-1] == 4).all(), "each inner pixel is the sum of as many positions"


def test_one_sample_is_treated_like_a_batch():
    unet, x = awake(seeded(UNetConfig.tiny())), randn(2, 3, 8, 8)
    together = unet(x, STEPS)
    alone = torch.cat([unet(x[i : i + 1], STEPS[i : i + 1]) for i in range(2)])
    assert torch.allclose(together, alone, atol=1e-5)


def test_memory_format_does_not_change_the_answer():
    unet, x = awake(seeded(UNetConfig.tiny())), randn(2, 3, 8, 8)
    plain = unet(x, STEPS)
    last = unet.to(memory_format=torch.channels_last)(x.contiguous(memory_format=torch.channels_last), STEPS)
    assert torch.allclose(plain, last, atol=1e-5)


def test_the_step_matters_and_neighbours_differ():
    """Trap 18: the network can tell 999 from 1000."""
    unet, x = awake(seeded(UNetConfig.tiny())), randn(1, 3, 8, 8)
    outputs = [unet(x, torch.tensor([t])) for t in (1, 2, 500, 999, 1000)]
    for i, one in enumerate(outputs):
        for other in outputs[i + 1 :]:
            assert not torch.allclose(one, other, atol=1e-4)


# ---- conditions ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["vec", "tokens", "mask", "concat", "level"])
def test_every_form_of_condition_changes_the_answer(field):
    unet = awake(seeded(UNetConfig.tiny(**ALL_CONDITIONS)))
    x, mine, other = randn(2, 3, 8, 8), condition(), condition(seed=30)
    other["mask"] = torch.tensor([[True, False, False, True]] * 2)
    changed = unet(x, STEPS, de.Cond(**{**mine, field: other[field]}))
    assert not torch.allclose(unet(x, STEPS, de.Cond(**mine)), changed, atol=1e-4)


def test_masked_tokens_are_not_seen():
    unet = awake(seeded(UNetConfig.tiny(**ALL_CONDITIONS)))
    x, parts = randn(2, 3, 8, 8), condition()
    base = unet(x, STEPS, de.Cond(**parts))
    hidden, shown = parts["tokens"].clone(), parts["tokens"].clone()
    hidden[:, 2:] += 5
    shown[:, :2] += 5
    assert torch.allclose(base, unet(x, STEPS, de.Cond(**{**parts, "tokens": hidden})), atol=1e-5)
    assert not torch.allclose(base, unet(x, STEPS, de.Cond(**{**parts, "tokens": shown})), atol=1e-3)
    short = {**parts, "tokens": parts["tokens"][:, :2], "mask": None}
    assert torch.allclose(base, unet(x, STEPS, de.Cond(**short)), atol=1e-5), "masked is as good as absent"


def test_a_row_with_every_token_masked_is_finite_and_says_nothing():
    unet = awake(seeded(UNetConfig.tiny(**ALL_CONDITIONS)))
    x, parts = randn(2, 3, 8, 8), condition()
    parts["mask"] = torch.tensor([[False] * 4, [True] * 4])
    base = unet(x, STEPS, de.Cond(**parts))
    assert base.isfinite().all()
    parts["tokens"] = parts["tokens"] + torch.tensor([5.0, 0.0]).reshape(2, 1, 1)
    assert torch.allclose(base, unet(x, STEPS, de.Cond(**parts)), atol=1e-5)
    base.square().mean().backward()
    assert all(p.grad.isfinite().all() for p in unet.parameters())


def test_text_is_read_without_self_attention_where_only_cross_levels_say_so():
    """Self-attention over 16x16 positions costs more than the convolutions there; reading text does not."""
    names = set(seeded(UNetConfig.tiny(attention_levels=(1, 2), token_dim=6)).state_dict())
    same = seeded(UNetConfig.tiny(attention_levels=(1, 2), cross_levels=(1, 2), token_dim=6))
    assert set(same.state_dict()) == names, "None is the levels of attention"
    unet = seeded(UNetConfig.tiny(attention_levels=(2,), cross_levels=[1], token_dim=6))
    kinds = {
        kind: {name.split(".attention.")[0] for name in unet.state_dict() if f"{kind}_attention" in name}
        for kind in ("self", "cross")
    }
    first, last = unet.state_dict(), UNet(UNetConfig.tiny(attention_levels=(1, 2), token_dim=6)).state_dict()
    assert first.keys() < last.keys(), "parts keep their names"
    sizes = {row.name: row.level for row in unet.trace(16)}
    assert {sizes[name] for name in kinds["self"] if name in sizes} == {2}
    assert {sizes[name] for name in kinds["cross"] if name in sizes} == {1}
    heads = {row.name: row.heads for row in unet.trace(16)}
    assert all(heads[name] == 1 for name in kinds["cross"] if name in heads)
    x, parts = randn(2, 3, 8, 8), condition()
    unet = awake(unet)
    told = [unet(x, STEPS, de.Cond(tokens=parts["tokens"] + shift)) for shift in (0, 1)]
    assert not torch.allclose(*told, atol=1e-4)


def test_attention_levels_need_not_read_text():
    unet = seeded(UNetConfig.tiny(attention_levels=(1, 2), cross_levels=(), token_dim=6))
    cross = {name.split(".cross")[0] for name in unet.state_dict() if "cross_attention" in name}
    assert cross == {"middle_attention"}


@pytest.mark.parametrize("field, got", [("vec", 4), ("tokens", 3), ("concat", 1)])
def test_a_condition_of_another_size_is_named(field, got):
    unet = UNet(UNetConfig.tiny(**ALL_CONDITIONS))
    parts = condition()
    parts[field] = {"vec": parts["vec"][:, :4], "tokens": parts["tokens"][..., :3], "concat": parts["concat"][:, :1]}[
        field
    ]
    with pytest.raises(ValueError, match=rf"cond\.{field} must have size \d .* got {got}"):
        unet(randn(2, 3, 8, 8), STEPS, de.Cond(**parts))
    parts[field] = None
    if field == "tokens":
        parts["mask"] = None
    with pytest.raises(ValueError, match=rf"cond\.{field} must have size \d .* got 0"):
        unet(randn(2, 3, 8, 8), STEPS, de.Cond(**parts))


@pytest.mark.parametrize(
    ("x", "t", "cond", "message"),
    [
        (torch.zeros(2, 1, 8, 8), STEPS, None, r"x_t must have shape \(B, 3, H, W\), got \(2, 1, 8, 8\)"),
        (torch.zeros(3, 8, 8), STEPS, None, r"x_t must have shape \(B, 3, H, W\), got \(3, 8, 8\)"),
        (torch.zeros(2, 3, 8, 10), STEPS, None, r"multiples of 4, got \(8, 10\)"),
        (torch.zeros(2, 3, 8, 8), STEPS[:1], None, r"t must have shape \(2,\), .* got \(1,\)"),
        (torch.zeros(2, 3, 8, 8), torch.tensor(3), None, r"t must have shape \(B,\), got \(\)"),
        (torch.zeros(2, 3, 8, 8), STEPS, de.Cond(vec=torch.zeros(2, 5)), r"cond\.vec must have size 0 .* got 5"),
        (torch.zeros(2, 3, 8, 8), STEPS, de.Cond(tokens=torch.zeros(2, 1, 6)), r"cond\.tokens must have size 0"),
        (torch.zeros(2, 3, 8, 8), STEPS, de.Cond(level=STEPS), r"cond\.level must be None for this network"),
        (torch.zeros(2, 3, 8, 8), STEPS, de.Cond(concat=torch.zeros(2, 1, 8, 8)), r"cond\.concat must have size 0"),
    ],
)
def test_mistakes_are_named(x, t, cond, message):
    with pytest.raises(ValueError, match=message):
        UNet(UNetConfig.tiny())(x, t, cond)


def test_a_level_that_is_missing_is_named():
    unet, parts = UNet(UNetConfig.tiny(**ALL_CONDITIONS)), condition()
    with pytest.raises(ValueError, match=r"cond\.level must be given to this network"):
        unet(randn(2, 3, 8, 8), STEPS, de.Cond(**{**parts, "level": None}))


def test_a_condition_for_another_batch_is_named():
    unet = UNet(UNetConfig.tiny(vec_dim=5))
    with pytest.raises(ValueError, match="batch size 2, got 3"):
        unet(torch.zeros(2, 3, 8, 8), STEPS, de.Cond(vec=torch.zeros(3, 5)))


# ---- configuration and dropout ---------------------------------------------------------------------------


@pytest.mark.parametrize("preset", [UNetConfig.tiny, UNetConfig.small, UNetConfig.base, UNetConfig.paper])
def test_a_configuration_survives_being_written_down(preset):
    config = preset(vec_dim=3, token_dim=4, cross_levels=(0,), level=True)
    assert UNetConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_an_unknown_field_is_named():
    with pytest.raises(ValueError, match="no field width"):
        UNetConfig.from_dict({"width": 3})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"in_channels": 0}, "in_channels must be at least 1, got 0"),
        ({"channels": ()}, r"channels must be multiples of 4, got \(\)"),
        ({"channels": (16, 18)}, "channels must be multiples of 4"),
        ({"blocks": 0}, "blocks must be at least 1, got 0"),
        ({"attention_levels": (3,)}, r"attention_levels must be levels 0\.\.2, got \(3,\)"),
        ({"heads": 3}, "heads must be a divisor of all channels, got 3"),
        ({"stride": 4}, "stride must be 1 or 2, got 4"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"up": "bilinear"}, "up must be 'transpose' or 'nearest', got 'bilinear'"),
        ({"down_pad": "left"}, "down_pad must be 'both' or 'right', got 'left'"),
        ({"cross_levels": (3,), "token_dim": 2}, r"cross_levels must be None or levels 0\.\.2, got \(3,\)"),
        ({"cross_levels": (1,)}, r"cross_levels must be None for a network without token_dim, got \(1,\)"),
        ({"concat_channels": -1}, "concat_channels must be at least 0, got -1"),
    ],
)
def test_a_bad_configuration_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        UNetConfig(**changes)


def test_dropout_acts_in_training_only():
    """Trap 23."""
    unet, x = awake(seeded(UNetConfig.tiny(dropout=0.5))), randn(2, 3, 8, 8)
    assert torch.equal(unet(x, STEPS), unet(x, STEPS))
    unet.train()
    assert not torch.allclose(unet(x, STEPS), unet(x, STEPS), atol=1e-4)
    still = awake(seeded(UNetConfig.tiny())).train()
    assert torch.equal(still(x, STEPS), still(x, STEPS))
