"""The parts of the U-Net, each against what its docstring says."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from diffusion_edu.nn import (
    CrossAttention,
    DownBlock,
    DownSample,
    LabelEmbedding,
    ResBlock,
    SelfAttention,
    TimeEmbedding,
    UpBlock,
    UpSample,
    VectorEmbedding,
    sinusoidal_embedding,
)
from diffusion_edu.nn._base import norm


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def awake(module, seed=1):
    """The module with its zero layers set to small random numbers."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            if not parameter.any():
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=g))
    return module


# ---- embeddings ------------------------------------------------------------------------------------------


def test_sinusoids_have_the_frequencies_of_the_formula():
    t, dim = torch.tensor([0, 1, 17, 1000]), 8
    got = sinusoidal_embedding(t, dim)
    for i in range(dim // 2):
        rate = 10_000 ** (-i / (dim // 2 - 1))
        for row, step in enumerate(t.tolist()):
            assert got[row, i].item() == pytest.approx(math.sin(step * rate), abs=2e-4)
            assert got[row, i + dim // 2].item() == pytest.approx(math.cos(step * rate), abs=2e-4)


@pytest.mark.parametrize("dim", [16, 32, 64, 128])
def test_neighbouring_steps_are_far_apart(dim):
    """Trap 18: steps as integers; scaled to [0, 1] neighbours would be almost the same vector."""
    every = sinusoidal_embedding(torch.arange(1, 1001), dim)
    assert every.dtype == torch.float32
    assert every.diff(dim=0).norm(dim=1).min() > 0.9
    scaled = sinusoidal_embedding(torch.arange(1, 1001) / 1000, dim)
    assert scaled.diff(dim=0).norm(dim=1).max() < 0.01
    assert torch.cdist(every, every).fill_diagonal_(9).min() > 0.9, "and no two steps anywhere share a vector"


@pytest.mark.parametrize("way", ["autocast", "weights"])
def test_steps_stay_apart_in_half_precision(way):
    """Trap 18: bf16 rounds 999 to 1000, so the sinusoids are taken in float32."""
    torch.manual_seed(0)
    embedding, t = TimeEmbedding(32, 64), torch.tensor([999, 1000])
    exact = embedding(t).diff(dim=0)
    if way == "weights":
        low = embedding.bfloat16()(t)
    else:
        with torch.autocast("cpu", torch.bfloat16):
            low = embedding(t)
    assert low.dtype == torch.bfloat16
    assert torch.allclose(low.float().diff(dim=0), exact, atol=0.05)
    assert exact.norm() > 0.2


def test_mistakes_in_an_embedding_are_named():
    for dim in (3, 2, 7):
        with pytest.raises(ValueError, match=f"dim must be even and at least 4, got {dim}"):
            sinusoidal_embedding(torch.tensor([1]), dim)
    with pytest.raises(ValueError, match=r"t must have shape \(B,\), got \(1, 1\)"):
        sinusoidal_embedding(torch.tensor([[1]]), 8)


def test_vector_and_label_embeddings():
    vector = VectorEmbedding(5, 8)
    assert vector(randn(3, 5)).shape == (3, 8)
    labels = LabelEmbedding(10, 4)
    assert torch.equal(labels(torch.tensor([7, 0])), labels.table.weight[[7, 0]])
    assert labels.null.shape == (1, 4)
    # "No class" is a vector of its own, and it learns.
    assert not any(torch.equal(labels.null[0], labels(torch.tensor([i]))[0]) for i in range(10))
    labels.null.sum().backward()
    assert labels.table.weight.grad[10].all()
    assert not labels.table.weight.grad[:10].any()


# ---- normalisation and residual block --------------------------------------------------------------------


@given(channels=st.integers(1, 160).map(lambda n: 4 * n))
@settings(max_examples=40)
def test_groups_divide_the_channels(channels):
    """Trap 21: GroupNorm(32) would fail on 36 channels, and make groups of one out of 32."""
    layer = norm(channels)
    assert channels % layer.num_groups == 0
    assert layer.num_groups <= 32
    assert channels // layer.num_groups >= 4
    assert layer.eps == 1e-6
    better = [g for g in range(layer.num_groups + 1, 33) if channels % g == 0 and channels // g >= 4]
    assert not better, "the largest number that fits"


def test_groups_of_the_papers_widths():
    assert [norm(c).num_groups for c in (128, 256, 64, 32, 4)] == [32, 32, 16, 8, 1]


@pytest.mark.parametrize("out_channels", [8, 16])
def test_a_residual_block_starts_as_its_shortcut(out_channels):
    """Trap 19: the branch ends in zero; the shortcut is the identity, or a 1x1 convolution where channels change."""
    block, x, emb = ResBlock(8, out_channels, 12), randn(2, 8, 6, 6), randn(2, 12, seed=1)
    start = block(x, emb)
    if out_channels == 8:
        assert torch.equal(start, x)
    else:
        wanted = torch.einsum("oi,bihw->bohw", block.shortcut.weight[..., 0, 0], x) + block.shortcut.bias[:, None, None]
        assert torch.allclose(start, wanted, atol=1e-6)
    awake(block)
    assert not torch.allclose(block(x, emb), start, atol=1e-3)
    assert not torch.allclose(block(x, emb), block(x, emb + 1), atol=1e-3), "it hears the embedding"


def test_a_residual_block_adds_the_embedding_to_every_position():
    block, x, emb = awake(ResBlock(8, 8, 12)), randn(1, 8, 5, 5), randn(1, 12, seed=1)
    h = block.conv1(F.silu(block.norm1(x))) + block.emb(F.silu(emb)).reshape(1, 8, 1, 1).expand(1, 8, 5, 5)
    assert torch.allclose(block(x, emb), x + block.conv2(F.silu(block.norm2(h))), atol=1e-6)


def test_skips_are_joined_by_concatenation_not_addition():
    """Misconception: a skip connection is no residual connection; both inputs keep channels of their own."""
    block = awake(UpBlock(8, 4, 8, 12, 0.0, None))
    assert block.res.conv1.in_channels == 12
    x, skip, emb = randn(1, 8, 4, 4), randn(1, 4, 4, 4, seed=1), randn(1, 12, seed=2)
    assert torch.equal(block(x, skip, emb), block.res(torch.cat([x, skip], 1), emb))
    down = DownBlock(4, 8, 12, 0.0, None)
    assert down(skip, emb).shape == (1, 8, 4, 4)


# ---- change of size --------------------------------------------------------------------------------------


@pytest.mark.parametrize("pad, first", [("both", 0), ("right", 1)])
def test_downsampling_pads_where_it_says(pad, first):
    """Trap 22: the original DDPM pads right and bottom only, which moves the centre of the kernel by one pixel."""
    layer, x = DownSample(1, pad), torch.arange(64.0).reshape(1, 1, 8, 8)
    with torch.no_grad():
        layer.conv.weight.zero_()[0, 0, 1, 1] = 1  # the centre of the kernel alone
        layer.conv.bias.zero_()
    assert torch.equal(layer(x), x[:, :, first::2, first::2])


@pytest.mark.parametrize("size", [(8, 8), (2, 6)])
def test_down_halves_and_up_doubles(size):
    x = randn(1, 4, *size)
    for pad in ("both", "right"):
        assert DownSample(4, pad)(x).shape == (1, 4, size[0] // 2, size[1] // 2)
    for mode in ("transpose", "nearest"):
        assert UpSample(4, mode)(x).shape == (1, 4, 2 * size[0], 2 * size[1])


@pytest.mark.parametrize("mode, kernel", [("transpose", 4), ("nearest", 3)])
def test_upsampling_has_no_checkerboard(mode, kernel):
    """Every inner output sees equally many inputs: a constant picture with constant weights stays constant inside."""
    layer = UpSample(1, mode)
    with torch.no_grad():
        layer.conv.weight.fill_(1)
        layer.conv.bias.zero_()
    out = layer(torch.ones(1, 1, 6, 6))[0, 0, 2:-2, 2:-2]
    assert torch.equal(out, out[0, 0].expand_as(out))
    assert layer.conv.kernel_size == (kernel, kernel)


def test_nearest_repeats_pixels_before_it_convolves():
    layer, x = UpSample(1, "nearest"), randn(1, 1, 3, 3)
    with torch.no_grad():
        layer.conv.weight.zero_()[0, 0, 1, 1] = 1
        layer.conv.bias.zero_()
    assert torch.equal(layer(x), x.repeat_interleave(2, 2).repeat_interleave(2, 3))


# ---- attention -------------------------------------------------------------------------------------------


def weights_by_hand(q, k, d):
    """softmax(q k^T / sqrt(d)) over the keys, one number at a time."""
    scores = torch.stack([torch.stack([(qi * kj).sum() / math.sqrt(d) for kj in k]) for qi in q])
    return scores.exp() / scores.exp().sum(1, keepdim=True)


@pytest.mark.parametrize("heads", [1, 2, 4])
def test_self_attention_is_the_formula(heads):
    """Trap 20: keys are summed over, the scale is that of a head, and q, k, v and the heads are cut in this order."""
    c, height, width = 8, 2, 3
    layer, x = awake(SelfAttention(c, heads)), randn(1, c, height, width)
    tokens = layer.norm(x)[0].reshape(c, -1).T  # (positions, C)
    full = tokens @ layer.qkv.weight[:, :, 0, 0].T + layer.qkv.bias
    q, k, v = full.split(c, dim=1)
    d = c // heads
    mixed = torch.cat(
        [
            weights_by_hand(q[:, i * d : (i + 1) * d], k[:, i * d : (i + 1) * d], d) @ v[:, i * d : (i + 1) * d]
            for i in range(heads)
        ],
        dim=1,
    )
    out = mixed @ layer.out.weight[:, :, 0, 0].T + layer.out.bias
    assert torch.allclose(layer(x), x + out.T.reshape(1, c, height, width), atol=1e-5)


def test_the_tokens_are_the_positions():
    """Misconception: attention runs over H * W positions, so shuffling them shuffles the answer, and nothing else."""
    layer, x = awake(SelfAttention(8, 2)), randn(2, 8, 4, 4)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(0))

    def shuffle(y):
        return y.flatten(2)[:, :, order].reshape(y.shape)

    assert torch.allclose(layer(shuffle(x)), shuffle(layer(x)), atol=1e-5)
    channels = torch.randperm(8, generator=torch.Generator().manual_seed(0))
    assert not torch.allclose(layer(x[:, channels]), layer(x)[:, channels], atol=1e-2), "over channels it is no set"


def test_attention_starts_as_the_identity():
    """Trap 19."""
    x, tokens = randn(2, 8, 3, 3), randn(2, 5, 6, seed=1)
    assert torch.equal(SelfAttention(8, 2)(x), x)
    assert torch.equal(CrossAttention(8, 6, 2)(x, tokens), x)


def test_cross_attention_is_the_formula():
    """Queries from the picture, keys and values from the tokens with the learned one that says nothing before them."""
    c, heads, d = 8, 2, 4
    layer, x, tokens = awake(CrossAttention(c, 6, heads)), randn(1, c, 2, 2), randn(1, 3, 6, seed=1)
    mask = torch.tensor([[True, False, True]])
    q = layer.norm(x)[0].reshape(c, -1).T @ layer.q.weight[:, :, 0, 0].T + layer.q.bias
    seen = torch.stack([layer.nothing, tokens[0, 0], tokens[0, 2]])
    k, v = (seen @ layer.kv.weight.T + layer.kv.bias).split(c, dim=1)
    mixed = torch.cat(
        [
            weights_by_hand(q[:, i * d : (i + 1) * d], k[:, i * d : (i + 1) * d], d) @ v[:, i * d : (i + 1) * d]
            for i in range(heads)
        ],
        dim=1,
    )
    out = mixed @ layer.out.weight[:, :, 0, 0].T + layer.out.bias
    assert torch.allclose(layer(x, tokens, mask), x + out.T.reshape(1, c, 2, 2), atol=1e-5)


def test_the_order_of_the_words_carries_no_meaning_to_attention():
    layer, x, tokens = awake(CrossAttention(8, 6, 2)), randn(2, 8, 3, 3), randn(2, 5, 6, seed=1)
    assert torch.allclose(layer(x, tokens), layer(x, tokens.flip(1)), atol=1e-5)
    everything = torch.ones(2, 5, dtype=torch.bool)
    assert torch.allclose(layer(x, tokens), layer(x, tokens, everything), atol=1e-6)


@pytest.mark.parametrize("heads", [0, 3])
def test_heads_must_divide_the_channels(heads):
    for make in (lambda: SelfAttention(8, heads), lambda: CrossAttention(8, 6, heads)):
        with pytest.raises(ValueError, match=rf"heads must (divide channels=8|be at least 1), got {heads}"):
            make()
