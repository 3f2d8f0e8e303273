"""The priors: what they predict, what they are told, how they learn, and how codes are made and drawn."""

import math

import pytest
import torch
from dalle_parts import CODES, LEVELS, PRIOR, D, E, K, randn, said
from torch import nn
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import data
from diffusion_edu.randomness import Draw, seeded
from diffusion_edu.systems import (
    CodePrior,
    CodePriorConfig,
    DiffusionPrior,
    EmbeddingWithText,
    NextCode,
    PrincipalCodes,
    PriorConfig,
    image_embeddings,
)

SCHEDULE = de.NoiseSchedule.cosine(100)
T = torch.tensor([7, 90])


@pytest.fixture(scope="module")
def prior():
    return seeded(lambda: DiffusionPrior(PRIOR), 0).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def codes():
    return seeded(lambda: CodePrior(CODES), 0).eval().requires_grad_(False)


def table(n=8, phrasings=3, length=4):
    """Captions as the runs have them, with embeddings and codes."""
    mask = torch.arange(length).expand(n, phrasings, length) < 1 + torch.arange(n)[:, None, None] % length
    g = torch.Generator().manual_seed(5)
    return {
        "embedding": math.sqrt(E) * F.normalize(randn(n, E, seed=4), dim=1),
        "codes": torch.randint(LEVELS, (n, K), generator=g),
        "tokens": randn(n, phrasings, length, D).half(),
        "vec": randn(n, phrasings, E, seed=3).half(),
        "mask": mask,
    }


# ---- diffusion ---------------------------------------------------------------------------------------------


def test_embeddings_have_the_variance_of_the_noise():
    """Of length 1 their numbers would be .09 for E = 128, and one step of noise would be all that is left."""
    images = data.emoji("test", size=64).pixels[:64]
    clip = de.load("emoji-clip")
    x0 = image_embeddings(clip, images, 32)
    assert x0.shape == (64, 128) and x0.square().mean().item() == pytest.approx(1, abs=1e-4)
    assert torch.allclose(x0, image_embeddings(clip, data.to_x0(images), 32), atol=1e-5), "uint8 or [-1, 1]: the same"
    small = clip.encode_image(data.to_x0(data.emoji("test", size=32).pixels[:64]))
    assert F.cosine_similarity(x0, small).min() > 0.995, "what the CLIP was trained on, but for rounding"
    # A network that knows nothing and says 0 has a loss of 1: beside it, the noise of variance 1 is no larger.
    rows = {"embedding": x0, **{name: value for name, value in table(64).items() if name in ("tokens", "vec", "mask")}}
    zero = lambda x_t, t, cond: torch.zeros_like(x_t)  # noqa: E731
    assert EmbeddingWithText(SCHEDULE)(zero, rows, Draw(torch.Generator(), 64)).item() == pytest.approx(1, abs=1e-3)


def test_the_loss_is_the_error_of_the_embedding_itself():
    """x_0 is predicted, so a network that returns it has no loss, at any t."""
    rows = table()
    objective = EmbeddingWithText(SCHEDULE)
    assert objective.target == "x0"
    assert objective(lambda x_t, t, cond: rows["embedding"], rows, Draw(torch.Generator(), 8)) == 0
    off = objective(lambda x_t, t, cond: rows["embedding"] + 0.5, rows, Draw(torch.Generator(), 8))
    assert off.item() == pytest.approx(0.25)


def test_all_of_text_time_and_noised_embedding_reach_the_answer(prior):
    x_t, cond = randn(2, E, seed=9), said()
    plain = prior(x_t, T, cond)
    assert plain.shape == x_t.shape
    changed = {
        "x_t": prior(x_t + 0.5, T, cond),
        "t": prior(x_t, T.flip(0), cond),
        "vec": prior(x_t, T, de.Cond(vec=-cond.vec, tokens=cond.tokens, mask=cond.mask)),
        "tokens": prior(x_t, T, de.Cond(vec=cond.vec, tokens=cond.tokens + 1, mask=cond.mask)),
    }
    for name, other in changed.items():
        assert ((other - plain).abs().amax(1) > 1e-3).all(), name


def test_where_nothing_is_said_the_noised_embedding_stays(prior):
    """The null takes the place of what is said, and never that of x_t."""
    x_t = randn(2, E, seed=9)
    one, two = said(), said(seed=20)
    assert torch.equal(prior(x_t, T, one.nothing()), prior(x_t, T, two.nothing())), "what was said is gone"
    assert ((prior(x_t + 0.5, T, one.nothing()) - prior(x_t, T, one.nothing())).abs().amax(1) > 1e-3).all()
    x = x_t.clone().requires_grad_(True)
    prior(x, T, one.nothing()).square().sum().backward()
    assert (x.grad != 0).all()
    # In training too: the dropped samples are noised as the others are.
    given = {}

    def recorded(share):
        def model(x_t, t, cond):
            given[share] = (x_t, t, cond)
            return x_t

        return EmbeddingWithText(SCHEDULE, drop=share)(model, table(), Draw(torch.Generator().manual_seed(1), 8))

    recorded(1.0), recorded(1e-9)
    assert torch.equal(given[1.0][0], given[1e-9][0]) and torch.equal(given[1.0][1], given[1e-9][1])
    assert not given[1.0][2].mask.any() and not given[1.0][2].vec.any() and given[1e-9][2].mask.any(1).all()


def test_padding_changes_nothing(prior, codes):
    x_t, cond = randn(2, E, seed=9), said(length=4)
    tokens = torch.cat([cond.tokens, randn(2, 3, D, seed=8)], dim=1)
    padded = de.Cond(vec=cond.vec, tokens=tokens, mask=F.pad(cond.mask, (0, 3)))
    assert torch.allclose(prior(x_t, T, padded), prior(x_t, T, cond), atol=1e-5)
    first = torch.tensor([[1, 2, 0], [3, 3, 1]])
    assert torch.allclose(codes(first, padded), codes(first, cond), atol=1e-5)
    alone = torch.cat([prior(x_t[i : i + 1], T[i : i + 1], cond[i : i + 1]) for i in range(2)])
    assert torch.allclose(alone, prior(x_t, T, cond), atol=1e-5)


def test_guidance_takes_it_as_any_network(prior):
    x_t, cond = randn(2, E, seed=9), said()
    c, u = prior(x_t, T, cond), prior(x_t, T, cond.nothing())
    assert torch.equal(de.Guided(prior, 1.0)(x_t, T, cond), c)
    assert torch.equal(de.Guided(prior, 0.0)(x_t, T, cond), u)
    assert torch.allclose(de.Guided(prior, 3.0)(x_t, T, cond), u + 3 * (c - u), atol=1e-5)


@pytest.mark.parametrize("which", ["diffusion", "codes"])
def test_a_gradient_reaches_every_parameter(which):
    model = seeded(lambda: DiffusionPrior(PRIOR) if which == "diffusion" else CodePrior(CODES), 0)
    objective = EmbeddingWithText(SCHEDULE) if which == "diffusion" else NextCode()
    objective(model, table(), Draw(torch.Generator().manual_seed(0), 8)).backward()
    silent = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert not silent


@pytest.mark.parametrize("which", ["diffusion", "codes"])
def test_two_processes_see_the_loss_of_one(which):
    """Every entry counts by itself, with numbers that are drawn for the whole batch."""
    model = seeded(lambda: DiffusionPrior(PRIOR) if which == "diffusion" else CodePrior(CODES), 0)
    objective = EmbeddingWithText(SCHEDULE, drop=0.5) if which == "diffusion" else NextCode(0.5)
    rows = table()

    def loss(part):
        own = {name: value[part.start : part.stop] for name, value in rows.items()}
        return objective(model, own, Draw(torch.Generator().manual_seed(3), 8, part)).item()

    assert (loss(range(4)) + loss(range(4, 8))) / 2 == pytest.approx(loss(range(8)), rel=1e-5)
    assert loss(range(4)) != pytest.approx(loss(range(4, 8)), rel=1e-3)


@pytest.mark.parametrize("which", ["diffusion", "codes"])
def test_a_run_goes_on_where_it_stopped(which, tmp_path):
    objective = EmbeddingWithText(SCHEDULE) if which == "diffusion" else NextCode()

    def train(steps, folder):
        model = seeded(lambda: DiffusionPrior(PRIOR) if which == "diffusion" else CodePrior(CODES), 0)
        recipe = de.Recipe(steps=steps, batch_size=4, warmup=0, precision="fp32", log_every=1, checkpoint_every=2)
        return [r.loss for r in de.fit(model, table(), recipe, objective, directory=folder)], model

    whole, one = train(4, tmp_path / "whole")
    first, _ = train(2, tmp_path / "parts")
    second, two = train(4, tmp_path / "parts")
    assert first + second == whole
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values()):
        assert torch.equal(a, b), name


# ---- codes -------------------------------------------------------------------------------------------------


def correlated(n=500):
    """Embeddings most of whose variance lies along a few directions, around a mean."""
    mixing = torch.linalg.qr(randn(E, E, seed=2)).Q * torch.logspace(0.5, -1.5, E)[:, None]
    return randn(n, E, seed=3) @ mixing + randn(E, seed=4)


def test_codes_are_components_in_the_order_of_their_variance():
    e = correlated()
    fitted = PrincipalCodes(CODES).fit(e)
    part = (e - e.mean(0)) @ fitted.axes.T
    variance = part.var(0)
    assert (variance[:-1] > variance[1:]).all()
    assert torch.allclose(fitted.axes @ fitted.axes.T, torch.eye(K), atol=1e-5)
    assert torch.allclose(torch.cov(part.T), torch.diag(variance), atol=1e-4), "they are not correlated"
    assert torch.allclose(variance, torch.linalg.eigvalsh(torch.cov(e.T)).flip(0)[:K], rtol=1e-4), "the largest"
    assert (fitted.axes.gather(1, fitted.axes.abs().argmax(1, keepdim=True)) > 0).all(), "they point one way"


def test_codes_go_back_to_within_half_a_step():
    e = correlated()
    fitted = PrincipalCodes(CODES).fit(e)
    whole = fitted.encode(e)
    assert whole.shape == (500, K) and whole.dtype == torch.int64
    assert (whole.amin(0) == 0).all() and (whole.amax(0) == LEVELS - 1).all(), "the whole range is used"
    back = fitted.decode(whole)
    error = ((back - e) @ fitted.axes.T).abs()
    assert (error <= fitted.step / 2 + 1e-4).all()
    assert torch.equal(fitted.encode(back), whole)
    far = fitted.encode(100 * e)
    assert far.min() == 0 and far.max() == LEVELS - 1, "beyond the range: its ends"
    finer = PrincipalCodes(CodePriorConfig.tiny(embedding=E, token_dim=D, codes=E, levels=4096)).fit(e)
    assert torch.allclose(finer.decode(finer.encode(e)), e, atol=1e-2), "all of them, and fine: nothing is lost"


def test_each_code_is_told_those_before_it_and_no_other(codes):
    first, cond = torch.tensor([[1, 2, 0, 3], [3, 3, 1, 0]]), said()
    logits = codes(first, cond)
    assert logits.shape == (2, K, LEVELS)
    for k in range(K - 1):
        other = first.clone()
        other[:, k] = (other[:, k] + 1) % LEVELS
        changed = ((codes(other, cond) - logits).abs().amax(2) > 1e-5).all(0)
        assert changed.tolist() == [False] * (k + 1) + [True] * (K - 1 - k)
        assert torch.allclose(codes(first[:, :k], cond), logits[:, : k + 1], atol=1e-5), "as drawing asks for them"
    assert not torch.allclose(codes(first, said(seed=20)), logits, atol=1e-2), "and the text"
    assert torch.equal(codes(first, said(seed=20).nothing()), codes(first, cond.nothing()))


def test_the_loss_is_the_cross_entropy_of_all_codes():
    rows = table()
    uniform = lambda known, cond: torch.zeros(len(known), K, LEVELS)  # noqa: E731
    assert NextCode()(uniform, rows, Draw(torch.Generator(), 8)).item() == pytest.approx(math.log(LEVELS))
    knows = lambda known, cond: 50.0 * F.one_hot(rows["codes"], LEVELS)  # noqa: E731
    assert NextCode()(knows, rows, Draw(torch.Generator(), 8)).item() < 1e-6
    given = []
    NextCode(0.5)(
        lambda known, cond: given.append((known, cond)) or uniform(known, cond), rows, Draw(torch.Generator(), 8)
    )
    assert torch.equal(given[0][0], rows["codes"][:, :-1])
    nothing = ~given[0][1].mask.any(1)
    assert torch.equal(nothing, ~given[0][1].vec.any(1)) and 0 < nothing.sum() < 8, "tokens and vector go together"
    with pytest.raises(ValueError, match=r"drop must be between 0 and 1, got 1\.5"):
        NextCode(1.5)


def fixed(logits):
    """A prior that says the same of every code."""
    model = seeded(lambda: CodePrior(CODES), 0).eval().requires_grad_(False)
    nn.init.zeros_(model.out.weight)
    model.out.bias.copy_(logits)
    return model


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_codes_are_drawn_as_often_as_the_softmax_says(temperature):
    p = torch.tensor([0.1, 0.5, 0.15, 0.25])
    drawn = fixed(p.log()).draw(said(1)[torch.zeros(800, dtype=torch.long)], range(800), temperature=temperature)
    wanted = p ** (1 / temperature) / (p ** (1 / temperature)).sum()
    share = drawn.flatten().bincount(minlength=LEVELS) / drawn.numel()
    assert ((share - wanted).abs() < 5 * (wanted * (1 - wanted) / drawn.numel()).sqrt()).all()
    assert torch.equal(fixed(p.log()).draw(said(2), range(2), temperature=0.0), torch.ones(2, K, dtype=torch.long))


def test_codes_belong_to_their_seeds(codes):
    cond = said(2)[torch.tensor([0, 1, 0, 1, 1])]
    whole = codes.draw(cond, range(5), guidance=2.0)
    assert torch.equal(codes.draw(cond, range(5), guidance=2.0, batch_size=2), whole)
    assert torch.equal(codes.draw(cond[3:], [3, 4], guidance=2.0), whole[3:])
    assert not torch.equal(codes.draw(cond, range(5, 10), guidance=2.0), whole)


def test_guidance_is_on_the_logits(codes):
    cond, against, none = said(), said(1, seed=30), torch.empty(2, 0, dtype=torch.long)
    for negative in (None, against):
        c = codes(none, cond)
        u = codes(none, cond.nothing() if negative is None else negative[torch.zeros(2, dtype=torch.long)])
        for w in (0.0, 1.0, 3.0, 30.0):
            drawn = codes.draw(cond, range(2), guidance=w, negative=negative, temperature=0.0)
            assert torch.equal(drawn[:, 0], (u + w * (c - u))[:, 0].argmax(1)), w


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda p, c: p(randn(2, E + 1), T, said()), r"x_t must have shape \(B, 12\), got \(2, 13\)"),
        (lambda p, c: p(randn(2, E), T[:1], said()), r"t must have shape \(2,\), one step for each of x_t, got \(1,\)"),
        (lambda p, c: p(randn(2, E), T), "cond must have tokens and vec"),
        (lambda p, c: p(randn(2, E), T, said(3)), r"cond must be one of tokens \(2, L, 16\) and vec \(2, 12\), got"),
        (lambda p, c: c(torch.zeros(2, K, dtype=torch.long), said()), r"codes must have shape \(B, k\) with k < 5"),
        (
            lambda p, c: c.draw(said(), range(2), temperature=-1.0),
            r"temperature must be a finite number of at least 0",
        ),
        (lambda p, c: c.draw(said(), range(2), batch_size=0), "batch_size must be at least 1, got 0"),
        (lambda p, c: PrincipalCodes(CODES).fit(randn(1, E)), r"embeddings must be of shape \(N, 12\), N at least 2"),
        (lambda p, c: PriorConfig(trunk=de.nn.TransformerConfig()), r"PriorConfig\.trunk must be causal"),
        (lambda p, c: CodePriorConfig.tiny(embedding=4), r"CodePriorConfig\.codes must be in 1\.\.4, got 32"),
        (lambda p, c: CodePriorConfig.tiny(levels=1), r"CodePriorConfig\.levels must be at least 2, got 1"),
    ],
)
def test_what_is_wrong_is_named(prior, codes, call, words):
    with pytest.raises(ValueError, match=words):
        call(prior, codes)
