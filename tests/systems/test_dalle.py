"""A prior and a decoder together: what is drawn of texts and of images, what lies between, and what a page needs."""

import math
import re
from dataclasses import replace

import onnxruntime
import pytest
import torch
from dalle_parts import CODES, CONFIG, LEVELS, TEXTS, UNET, E, K, randn, system, used
from torch.nn import functional as F

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.export import to_graphs
from diffusion_edu.nn import TransformerConfig, by_name
from diffusion_edu.randomness import Draw, derive_seed
from diffusion_edu.systems import CodePriorConfig, Dalle, DalleConfig, FromEmbedding, PriorConfig, generate_part, slerp
from diffusion_edu.systems.dalle import PRIORS

FAST = {"steps": 3}
LENGTH = math.sqrt(E)


@pytest.fixture(scope="module")
def dalle():
    return system()


@pytest.fixture(scope="module")
def images():
    return randn(2, 3, 16, 16, seed=7).clamp(-1, 1)


# ---- embeddings --------------------------------------------------------------------------------------------


def test_an_embedding_is_not_clipped(dalle):
    """A prior that is sure of one embedding draws that one, many of whose numbers lie beyond 1."""
    sure = LENGTH * F.normalize(randn(E, seed=3), dim=0)
    assert (sure.abs() > 1).sum() >= 3
    weight, bias = dalle.prior.out.weight.clone(), dalle.prior.out.bias.clone()
    try:
        dalle.prior.out.weight.zero_(), dalle.prior.out.bias.copy_(sure)
        x_t = randn(2, E)
        estimate = dalle.prior_denoiser(3.0)(x_t, 40, dalle.text(TEXTS[:2]))
        assert torch.allclose(estimate.x0, sure.expand(2, -1), atol=1e-6)
        assert torch.allclose(dalle.embed(TEXTS), sure.expand(3, -1), atol=1e-5)
        dalle.prior.out.bias.mul_(0.5)  # nor is its length forced on the way: only at the end, for the decoder
        assert torch.allclose(dalle.prior_denoiser()(x_t, 40, dalle.text(TEXTS[:2])).x0, sure / 2, atol=1e-6)
        assert torch.allclose(dalle.embed(TEXTS), sure.expand(3, -1), atol=1e-5)
    finally:
        dalle.prior.out.weight.copy_(weight), dalle.prior.out.bias.copy_(bias)


@pytest.mark.parametrize("prior", PRIORS)
def test_embeddings_belong_to_their_texts_and_seeds(dalle, prior):
    whole = dalle.embed(TEXTS, 2, prior=prior, seed=4)
    assert whole.shape == (6, E) and whole.dtype == torch.float32
    assert torch.allclose(whole.norm(dim=1), torch.full((6,), LENGTH), atol=1e-4)
    assert torch.equal(whole, dalle.embed(TEXTS, 2, prior=prior, seed=4))
    assert torch.allclose(dalle.embed(TEXTS, 2, prior=prior, seed=4, batch_size=1), whole, atol=1e-4)
    assert torch.allclose(dalle.embed(TEXTS[1], 2, prior=prior, seed=6), whole[2:4], atol=1e-4), "beside a longer text"
    same = torch.allclose(whole[0], whole[1], atol=1e-3)
    assert same == (prior == "none"), "a prior says another thing with every seed; a text alone has one embedding"
    assert not torch.allclose(whole[2], whole[4], atol=1e-2)


@pytest.mark.parametrize("prior", PRIORS[:2])
def test_guidance_and_a_negative_text_reach_the_prior(dalle, prior):
    options = {"prior": prior, "n": 8}
    plain, strong = (dalle.embed("cat", prior_guidance=w, **options) for w in (1.0, 8.0))
    against = dalle.embed("cat", prior_guidance=8.0, negative="dog", **options)
    assert not torch.allclose(plain, strong, atol=1e-2) and not torch.allclose(strong, against, atol=1e-2)
    unconditional = dalle.embed("cat", prior_guidance=0.0, **options)
    assert torch.allclose(dalle.embed("dog", prior_guidance=0.0, **options), unconditional, atol=1e-4)
    assert torch.allclose(dalle.embed("", prior_guidance=5.0, **options), unconditional, atol=1e-4), "nothing is said"


def test_the_noise_of_the_prior_is_not_that_of_the_decoder(dalle, monkeypatch):
    """Both start from noise of the same image: equal seeds would make one the beginning of the other."""
    begun = {}
    for name, network in (("prior", dalle.prior), ("unet", dalle.unet)):

        def first(x_t, t, cond, name=name, forward=network.forward):
            begun.setdefault(name, x_t[:1].flatten())
            return forward(x_t, t, cond)

        monkeypatch.setattr(network, "forward", first)
    dalle.generate("cat", 1, seed=5, **FAST)
    assert not torch.allclose(begun["prior"], begun["unet"][:E])
    assert torch.equal(
        begun["prior"], torch.randn(E, generator=torch.Generator().manual_seed(derive_seed(5, "prior", 0)))
    )


def test_slerp_stays_on_the_sphere():
    a, b = (LENGTH * F.normalize(randn(4, E, seed=s), dim=1) for s in (1, 2))
    assert torch.equal(slerp(a, b, 0.0), a) and torch.equal(slerp(a, b, 1.0), b)
    angle = F.cosine_similarity(a, b).acos()
    for share in (0.25, 0.5, 0.9):
        between = slerp(a, b, share)
        assert torch.allclose(between.norm(dim=1), torch.full((4,), LENGTH), atol=1e-4), "the mean would be shorter"
        assert torch.allclose(F.cosine_similarity(a, between).acos(), share * angle, atol=1e-3), "at equal speed"
    assert torch.allclose(slerp(a, a, 0.3), a, atol=1e-5) and slerp(a, -a, 0.3).isfinite().all()


# ---- images ------------------------------------------------------------------------------------------------


def test_images_belong_to_their_texts_and_seeds(dalle):
    whole = dalle.generate(TEXTS, 2, seed=4, **FAST)
    assert whole.shape == (6, *dalle.shape) and whole.abs().max() <= 1
    assert torch.equal(whole, dalle.generate(TEXTS, 2, seed=4, **FAST))
    assert torch.allclose(dalle.generate(TEXTS, 2, seed=4, batch_size=1, **FAST), whole, atol=1e-3)
    assert torch.allclose(dalle.generate("cat", 2, seed=6, **FAST), whole[2:4], atol=1e-3)
    assert torch.allclose(generate_part(dalle, TEXTS, 2, seed=4, **FAST), whole, atol=1e-3)
    assert not torch.allclose(dalle.generate("cat", 2, seed=7, **FAST), whole[2:4], atol=1e-2)


def test_the_decoder_draws_what_the_prior_said(dalle):
    """And not what the text's own embedding says: that is the baseline, and has a name."""
    texts = dalle.text(TEXTS).vec
    for prior in PRIORS:
        told = dalle.embed(TEXTS, prior=prior, seed=2)
        drawn = dalle.generate(TEXTS, prior=prior, seed=2, **FAST)
        assert torch.equal(drawn, dalle.decode(told, seed=2, **FAST))
        assert torch.equal(told, texts) == (prior == "none")
        assert torch.allclose(drawn, dalle.decode(texts, seed=2, **FAST), atol=1e-2) == (prior == "none")


def test_guidance_of_the_decoder_is_that_of_the_raw_prediction(dalle):
    told = dalle.embed(TEXTS)
    drawn = dalle.decode(told, guidance=3.0, seed=1, **FAST)
    denoiser = de.Denoiser(de.Guided(dalle.unet, 3.0), dalle.schedule, "v", clip=False).eval()
    steps = de.sample(denoiser, (3, 3, 4, 4), de.DPMSolver(), 3, seeds=range(1, 4), cond=de.Cond(vec=told))
    assert torch.allclose(drawn, dalle.after(de.last(steps).x_t), atol=1e-5)
    assert torch.equal(dalle.decode(told, seed=1, **FAST), dalle.decode(told, guidance=2.0, seed=1, **FAST))
    assert not torch.allclose(dalle.decode(told, guidance=1.0, seed=1, **FAST), drawn, atol=1e-3)
    unsaid = dalle.decode(told, guidance=0.0, seed=1, **FAST)
    assert torch.allclose(dalle.decode(told.flip(0), guidance=0.0, seed=1, **FAST), unsaid, atol=1e-5)


def test_image_to_image_begins_from_a_latent(dalle, images):
    near = dalle.generate("cat", 1, start=images[0], start_t=1, **FAST)
    rebuilt = dalle.after(dalle.before(images[:1]))
    assert (near - rebuilt).abs().mean() < (dalle.generate("cat", 1, **FAST) - rebuilt).abs().mean()


def test_variations_are_of_the_true_embedding_with_other_noise(dalle, images):
    drawn = dalle.variations(images[0], 3, seed=2, **FAST)
    told = dalle.seen(images[0])
    assert torch.allclose(told.norm(dim=1), torch.tensor(LENGTH), atol=1e-4)
    assert torch.allclose(drawn, dalle.decode(told.expand(3, -1), seed=2, **FAST), atol=1e-5)
    assert torch.allclose(dalle.variations(images[0], 1, seed=3, **FAST), drawn[1:2], atol=1e-3)
    assert not torch.allclose(drawn[0], drawn[1], atol=1e-2)
    assert not torch.allclose(dalle.variations(images[1], 3, seed=2, **FAST), drawn, atol=1e-3)
    whole = de.data.to_pixels(images[0])
    assert torch.allclose(dalle.seen(whole), told, atol=0.05), "uint8 is the same image"


def test_the_ends_of_an_interpolation_are_the_variations(dalle, images):
    a, b = images
    way = dalle.interpolate(a, b, 5, seed=3, **FAST)
    assert way.shape == (5, *dalle.shape)
    for end, image in ((way[:1], a), (way[-1:], b)):
        assert torch.allclose(end, dalle.variations(image, 1, seed=3, **FAST), atol=1e-3)
    middle = slerp(dalle.seen(a), dalle.seen(b), 0.5)
    assert torch.allclose(way[2:3], dalle.decode(middle, seed=3, **FAST), atol=1e-3), "with the same noise"


@pytest.mark.parametrize("prior", PRIORS)
def test_texts_of_different_lengths_are_mixed_by_their_embeddings(dalle, images, prior):
    way = dalle.interpolate(TEXTS[1], TEXTS[2], 3, prior=prior, seed=3, **FAST)
    for end, text in ((way[:1], TEXTS[1]), (way[-1:], TEXTS[2])):
        assert torch.allclose(end, dalle.generate(text, 1, prior=prior, seed=3, **FAST), atol=1e-3)
    mixed = dalle.interpolate(images[0], TEXTS[2], 2, prior=prior, seed=3, **FAST)
    assert torch.allclose(mixed[1:], way[-1:], atol=1e-3), "an image and a text"


# ---- training, files, graphs ---------------------------------------------------------------------------------


def test_the_decoder_learns_from_true_embeddings(dalle):
    rows = {"mean": randn(6, 3, 4, 4), "std": 0.1 * torch.ones(6, 3, 4, 4), "vec": randn(6, E).half()}
    objective, given = FromEmbedding(dalle.schedule, drop=0.5), []

    def model(x_t, t, cond):
        given.append(cond)
        return x_t

    objective(model, rows, Draw(torch.Generator().manual_seed(0), 6))
    x0, cond = objective.read(rows, Draw(torch.Generator(), 6))
    assert (x0 - rows["mean"]).std().item() == pytest.approx(0.1, rel=0.2)
    assert cond.tokens is None and torch.equal(cond.vec, rows["vec"].float())
    dropped = ~given[0].vec.any(1)
    assert 0 < dropped.sum() < 6 and torch.equal(given[0].vec[~dropped], cond.vec[~dropped])
    whole = system().requires_grad_(True)
    objective(whole.unet, rows, Draw(torch.Generator().manual_seed(0), 6)).backward()
    assert all(p.grad is not None and p.grad.any() for p in whole.unet.parameters())


def test_frozen_networks_are_no_part_of_it(dalle):
    assert {name.split(".")[0] for name in dalle.state_dict()} == {"prior", "code_prior", "codes", "unet"}
    assert dalle.uses == ("clip", "latent")
    again = Dalle(DalleConfig.from_dict(dalle.config.to_dict()), used()).eval()
    assert again.config == CONFIG and isinstance(again.config.code_prior, CodePriorConfig)
    again.load_state_dict(dalle.state_dict())
    for prior in PRIORS:
        assert torch.equal(again.generate("cat", 1, prior=prior, **FAST), dalle.generate("cat", 1, prior=prior, **FAST))


def test_every_graph_points_into_the_file_of_weights(tmp_path):
    trunk = TransformerConfig.tiny(depth=1, causal=True)  # to write a graph takes a second for a few layers
    unet = de.UNetConfig.tiny(channels=(8,), attention_levels=(), vec_dim=E)
    shallow = replace(
        CONFIG, prior=replace(CONFIG.prior, trunk=trunk), code_prior=replace(CODES, trunk=trunk), unet=unet
    )
    dalle, weights = system(shallow), tmp_path / "dalle.safetensors"
    files.write(weights, dalle.state_dict(), {})
    done = to_graphs(dalle, weights.with_suffix(".onnx"), weights)
    assert set(done) == {"prior", "code_prior", "unet"}
    for name, (module, example) in dalle.graphs().items():
        more = {key: value[[0, 1, 0]] for key, value in example.items()}
        session = onnxruntime.InferenceSession(str(done[name].path), providers=["CPUExecutionProvider"])
        (found,) = session.run(None, {key: value.numpy() for key, value in more.items()})
        assert torch.allclose(torch.from_numpy(found), by_name(module)(**more), atol=1e-4), name
        assert "tokens" not in more or more["tokens"].shape[1] == dalle.text.clip.config.text.length, "room for any"


def test_codes_that_are_not_known_yet_may_be_any(dalle):
    """As a page draws: all places are filled from the start, and one answer after the other is read."""
    module, example = dalle.graphs()["code_prior"]
    said = {name: value for name, value in example.items() if name != "codes"}
    known = torch.zeros(2, K - 1, dtype=torch.long)
    wanted = dalle.code_prior.draw(de.Cond(**said), range(2), temperature=0.0)
    for k in range(K):
        code = module(known, **said)[:, k].argmax(1)
        assert torch.equal(code, wanted[:, k])
        if k < K - 1:
            known[:, k] = code
    assert wanted.max() < LEVELS


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda d: d.generate("cat", prior="difusion"), "did you mean 'diffusion'"),
        (lambda d: d.generate("cat", prior="none", negative="dog"), "negative must be left out without a prior"),
        (lambda d: d.generate(3), "prompt must be given: this system draws what a text says"),
        (lambda d: d.embed([]), "prompt must be at least one text"),
        (lambda d: d.decode(randn(2, E + 1)), "embeddings must be of shape (N, 12), got (2, 13)"),
        (lambda d: d.decode(randn(2, E), seed=[1]), "seed must be one, or one for each of the 2 samples"),
        (lambda d: d.decode(randn(2, E), batch_size=0), "batch_size must be at least 1, got 0"),
        (lambda d: d.variations(randn(3, 8, 8).tanh()), "image must be of shape (3, 16, 16), got (3, 8, 8)"),
        (lambda d: d.variations(randn(3, 16, 16).tanh(), 0), "n must be at least 1, got 0"),
        (lambda d: d.interpolate("cat", "dog", 1), "n must be at least 2: both ends are drawn, got 1"),
        (lambda d: Dalle(CONFIG), "used must be the CLIP 'clip' and the latent diffusion 'latent', got"),
        (lambda d: Dalle(DalleConfig(text="clip", latent="latent"), used()), "sizes (96, 128, 4), got (16, 12, 3)"),
        (lambda d: DalleConfig(PriorConfig(E)), "DalleConfig.code_prior must be one of embeddings of 12 numbers"),
        (lambda d: DalleConfig(PriorConfig(E), CODES), "DalleConfig.code_prior must be one that reads the same tokens"),
        (lambda d: DalleConfig(unet=UNET), "DalleConfig.unet must be one with vec_dim 128 and no tokens"),
    ],
)
def test_what_is_wrong_is_named(dalle, call, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        call(dalle)
