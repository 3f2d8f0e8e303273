"""The transformer: what it computes, what padding and order change, and what they must not."""

import io

import pytest
import torch
from torch.nn import functional as F

from diffusion_edu.nn.embeddings import random_table
from diffusion_edu.nn.transformer import (
    TextEncoder,
    TextEncoderConfig,
    Transformer,
    TransformerBlock,
    TransformerConfig,
)

CONFIG = TextEncoderConfig.tiny()
IDS = torch.tensor([[2, 7, 9, 3, 0, 0], [2, 11, 12, 13, 14, 3]])
MASK = IDS != 0


def encoder(seed=0, **changes):
    """Away from the start, where some parts are near zero and would hide a mistake."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        model = TextEncoder(TextEncoderConfig.tiny(**changes)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def test_a_block_is_the_formula():
    """Attention written out head by head, the hidden layer, and both sums."""
    torch.manual_seed(1)
    block, x = TransformerBlock(CONFIG.trunk), torch.randn(2, 5, 16)
    seen = torch.ones(5, 5).tril().bool()[None, None]
    q, k, v = block.qkv(block.norm1(x)).chunk(3, dim=-1)
    heads = []
    for part in (slice(0, 8), slice(8, 16)):
        score = q[..., part] @ k[..., part].mT / 8**0.5
        heads.append(score.masked_fill(~seen[0, 0], -torch.inf).softmax(-1) @ v[..., part])
    middle = x + block.out(torch.cat(heads, -1))
    wanted = middle + block.shrink(F.gelu(block.hidden(block.norm2(middle))))
    assert torch.allclose(block(x, seen), wanted, atol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
def test_shapes(causal):
    states, pooled = encoder(causal=causal)(IDS, MASK)
    assert states.shape == (2, 6, 16)
    assert pooled.shape == (2, 16)


@pytest.mark.parametrize("causal", [False, True])
def test_what_stands_in_the_padding_changes_nothing(causal):
    """Bit for bit: the states of the real tokens and the pooled vector."""
    model, other = encoder(causal=causal), IDS.clone()
    other[0, 4:] = torch.tensor([33, 50])
    (states, pooled), (again, same) = model(IDS, MASK), model(other, MASK)
    assert torch.equal(states[MASK], again[MASK])
    assert torch.equal(pooled, same)
    assert not torch.equal(states[0, 4], again[0, 4]), "the other ids did arrive"


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("more", [0, 1, 6])
def test_how_much_padding_changes_nothing(causal, more):
    """A text alone, without padding, has the states that it has in a batch of longer ones."""
    model = encoder(causal=causal)
    alone, pooled = model(IDS[:1, :4], MASK[:1, :4])
    states, same = model(F.pad(IDS, (0, more)), F.pad(MASK, (0, more)))
    assert torch.allclose(states[:1, :4], alone, atol=1e-5)
    assert torch.allclose(same[:1], pooled, atol=1e-5)


@pytest.mark.parametrize("causal", [False, True])
def test_a_text_of_padding_alone_is_no_accident(causal):
    """Zeros, no NaN, and its neighbours in the batch are as they were; the gradient is finite too."""
    model = encoder(causal=causal)
    mask = MASK.clone()
    mask[0] = False
    states, pooled = model(IDS, mask)
    assert not pooled[0].any()
    assert states.isfinite().all()
    assert model.trunk.seen(states, mask)[0, 0].diagonal().all(), "every runtime has something to take the softmax of"
    assert torch.allclose(pooled[1], model(IDS, MASK)[1][1], atol=1e-6)
    pooled.square().sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_a_causal_position_sees_nothing_that_follows():
    model, other = encoder(causal=True), IDS.clone()
    other[1, 3:] = torch.tensor([40, 41, 42])
    states, again = model(IDS, MASK)[0], model(other, MASK)[0]
    assert torch.equal(states[1, :3], again[1, :3])
    assert not torch.allclose(states[1, 3:], again[1, 3:])
    assert not torch.allclose(encoder()(IDS, MASK)[0][1, :3], encoder()(other, MASK)[0][1, :3]), "without it, it does"


def test_order_counts_by_the_positions_alone():
    """The trunk is equivariant: permuted vectors in, the same permuted out. The encoder knows where a word stands."""
    model, order = encoder(), torch.tensor([0, 3, 2, 1, 4, 5])
    x = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(model.trunk(x)[:, order], model.trunk(x[:, order]), atol=1e-5)
    assert not torch.allclose(model(IDS, MASK)[1][1], model(IDS[:, order], MASK)[1][1], atol=1e-3)
    with torch.no_grad():
        model.positions.zero_()
    assert torch.allclose(model(IDS, MASK)[1][1], model(IDS[:, order], MASK)[1][1], atol=1e-5)


def test_pooled_is_the_mean_of_the_real_tokens_or_the_last_of_them():
    states, pooled = encoder()(IDS, MASK)
    assert torch.allclose(pooled[0], states[0, :4].mean(0), atol=1e-6)
    assert torch.allclose(pooled[1], states[1].mean(0), atol=1e-6)
    states, pooled = encoder(causal=True)(IDS, MASK)
    assert torch.equal(pooled[0], states[0, 3])
    assert torch.equal(pooled[1], states[1, 5])


@pytest.mark.parametrize("causal", [False, True])
def test_every_parameter_receives_a_gradient(causal):
    """At the real start, not a shaken one: nothing is cut off by how the weights begin."""
    torch.manual_seed(0)
    model = TextEncoder(TextEncoderConfig.tiny(causal=causal, vocabulary=16, length=6))
    ids = torch.randint(0, 16, (16, 6), generator=torch.Generator().manual_seed(1))
    model(ids, torch.ones_like(ids, dtype=torch.bool))[1].pow(3).sum().backward()
    for name, parameter in model.named_parameters():
        grad = parameter.grad.clone()
        if name.endswith("qkv.bias"):
            grad[16:32] = 1  # a shift of all keys shifts all scores of a row alike, and softmax does not see it
        assert (grad.reshape(len(grad), -1).abs().amax(1) > 0).all(), name


def test_depth_does_not_blow_up_the_stream():
    """At the start the sum of all blocks stays of the order of one block, at any depth."""
    x = torch.randn(4, 12, 64, generator=torch.Generator().manual_seed(0))
    for depth in (1, 16):
        torch.manual_seed(0)
        trunk = Transformer(TransformerConfig(width=64, depth=depth))
        added = x
        for block in trunk.blocks:
            added = block(added, trunk.seen(x))
        assert 0.1 < (added - x).std() < 2


@pytest.mark.parametrize("causal", [False, True])
def test_the_encoder_becomes_a_graph(causal):
    """As a web page needs it: the traced graph computes the same for another batch and another length."""
    model = encoder(causal=causal)
    free = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    program = torch.export.export(model, (IDS, MASK), dynamic_shapes=(free, free))
    stored = io.BytesIO()
    torch.export.save(program, stored)
    stored.seek(0)
    graph = torch.export.load(stored).module()
    ids = torch.tensor([[2, 5, 6, 7, 8, 9, 3, 0], [2, 3, 0, 0, 0, 0, 0, 0], [2, 9, 8, 3, 0, 0, 0, 0]])
    for ours, theirs in zip(model(ids, ids != 0), graph(ids, ids != 0)):
        assert torch.allclose(ours, theirs, atol=1e-5)


def test_dropout_works_in_training_only():
    model = encoder(dropout=0.5)
    assert torch.equal(model(IDS, MASK)[1], model(IDS, MASK)[1])
    model.train()
    assert not torch.equal(model(IDS, MASK)[1], model(IDS, MASK)[1])


def test_configurations_travel():
    config = TextEncoderConfig.small(vocabulary=999, causal=True)
    assert (config.vocabulary, config.trunk.causal, config.width) == (999, True, 128)
    assert TextEncoderConfig.from_dict(config.to_dict()) == config
    with pytest.raises(ValueError, match="TransformerConfig has no field wide"):
        TextEncoderConfig.tiny(wide=3)
    with pytest.raises(ValueError, match="TextEncoderConfig has no field wide"):
        TextEncoderConfig.from_dict({"trunk": {}, "wide": 3})
    count = sum(p.numel() for p in TextEncoder(TextEncoderConfig.small()).parameters())
    assert 8e5 < count < 1.3e6


def test_the_fields_of_older_files_lie_side_by_side():
    old = {"vocabulary": 9, "length": 7, "width": 8, "depth": 1, "heads": 2, "ratio": 3, "dropout": 0.1, "causal": True}
    assert TextEncoderConfig.from_dict(old) == TextEncoderConfig(9, 7, TransformerConfig(8, 1, 2, 3, 0.1, True))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"heads": 3}, ["heads", "divisor of the width 16", "3"]),
        ({"heads": 0}, ["heads", "0"]),
        ({"depth": 0}, ["depth", "at least 1", "0"]),
        ({"vocabulary": 0}, ["vocabulary"]),
        ({"length": -1}, ["length", "-1"]),
        ({"dropout": 1.0}, ["dropout", "[0, 1)", "1.0"]),
        ({"ratio": 0}, ["ratio"]),
    ],
)
def test_bad_configurations_are_named(changes, words):
    with pytest.raises(ValueError) as caught:
        TextEncoderConfig.tiny(**changes)
    owner = "TextEncoderConfig." if set(changes) & {"vocabulary", "length"} else "TransformerConfig."
    for word in [owner, *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize(
    ("ids", "mask", "message"),
    [
        (IDS[0], MASK[0], r"ids must have shape \(B, L\), got \(6,\)"),
        (torch.zeros(1, 13).long(), torch.ones(1, 13).bool(), r"got \(1, 13\)"),
        (IDS, MASK[:1], r"mask must be bool of shape \(2, 6\), as ids has, got torch.bool \(1, 6\)"),
        (IDS, MASK.long(), r"mask must be a bool tensor .*, got a int64"),
    ],
)
def test_inputs_that_do_not_fit_are_named(ids, mask, message):
    with pytest.raises((TypeError, ValueError), match=message):
        encoder()(ids, mask)


def test_a_table_of_vectors_begins_as_that_of_pytorch():
    torch.manual_seed(3)
    theirs = torch.nn.Embedding(40, 7)
    torch.manual_seed(3)
    ours = random_table(40, 7)
    assert torch.equal(ours.weight, theirs.weight) and ours.weight.requires_grad
