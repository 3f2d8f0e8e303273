"""Drawing with small random systems: prompts, seeds, batches, guidance, image to image, and what is refused."""

import pytest
import torch
from dalle_parts import awake, randn

import diffusion_edu as de
from diffusion_edu.nn import AutoEncoderConfig
from diffusion_edu.randomness import Draw, seeded
from diffusion_edu.systems.latent_diffusion import (
    LatentDiffusion,
    LatentDiffusionConfig,
    LatentWithText,
    Reconstruct,
    latents_of,
)
from diffusion_edu.systems.pixel_diffusion import PixelDiffusion, PixelDiffusionConfig, WithText
from diffusion_edu.systems.text import ClipText, caption_table

PROMPTS = ["a red apple, noto style", "a woman mountain biking with medium skin tone, twemoji style"]
COSINE = {"name": "cosine", "T": 100}


def frozen(module):
    return awake(module).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def read():
    return ClipText(de.load("emoji-clip"))


def unet(read, channels):
    words = {"vec_dim": read.vec_dim, "token_dim": read.token_dim} if read else {}
    return de.UNetConfig.tiny(in_channels=channels, channels=(8, 16), attention_levels=(1,), heads=2, **words)


@pytest.fixture(scope="module")
def pixels(read):
    config = PixelDiffusionConfig(unet(read, 3), 8, COSINE, target="v", clip="dynamic")
    return frozen(seeded(lambda: PixelDiffusion(config, text=read), 0))


@pytest.fixture(scope="module")
def silent():
    config = PixelDiffusionConfig(unet(None, 1), 8, {"name": "linear", "T": 100})
    return frozen(seeded(lambda: PixelDiffusion(config), 0))


@pytest.fixture(scope="module")
def latents(read):
    config = LatentDiffusionConfig(AutoEncoderConfig.tiny(), unet(read, 3), 16, COSINE)
    system = frozen(seeded(lambda: LatentDiffusion(config, text=read), 0))
    system.shift.copy_(torch.tensor([0.5, -1.0, 2.0]).reshape(3, 1, 1))
    system.scale.copy_(torch.tensor([2.0, 0.5, 1.0]).reshape(3, 1, 1))
    return system


@pytest.fixture(params=["pixels", "latents"])
def system(request):
    return request.getfixturevalue(request.param)


def test_images_come_prompt_by_prompt_in_range(system):
    drawn = system.generate(PROMPTS, n=2, steps=3)
    assert drawn.shape == (4, *system.shape)
    assert drawn.abs().max() <= 1
    assert torch.equal(drawn, system.generate(PROMPTS, n=2, steps=3))


def test_a_prompt_alone_and_beside_a_longer_one_is_the_same_image(system):
    """Trap 13: padding that is attended to makes the result depend on the longest prompt of the batch."""
    together = system.generate(PROMPTS, steps=3, seed=5)
    alone = torch.cat([system.generate([text], steps=3, seed=5 + i) for i, text in enumerate(PROMPTS)])
    assert torch.allclose(together, alone, atol=1e-4)
    assert not torch.allclose(together[0], together[1], atol=1e-2)


def test_images_do_not_depend_on_the_batch_size_nor_on_how_many_are_drawn(system):
    many = system.generate(PROMPTS[0], n=5, steps=3, seed=2)
    assert torch.allclose(many, system.generate(PROMPTS[0], n=5, steps=3, seed=2, batch_size=2), atol=1e-4)
    assert torch.allclose(many[3:4], system.generate(PROMPTS[0], n=1, steps=3, seed=5), atol=1e-4)


def test_an_empty_prompt_is_the_unconditional_image_whatever_the_guidance(system):
    """Trap 12: a prompt without tokens is no NaN; and with nothing said there is nothing to exaggerate."""
    free = system.generate([""], steps=3, guidance=1.0)
    assert free.isfinite().all()
    assert torch.allclose(free, system.generate([""], steps=3, guidance=4.0), atol=1e-4)
    assert torch.allclose(free, system.generate(PROMPTS[:1], steps=3, guidance=0.0), atol=1e-4)


def test_guidance_and_negative_prompts_change_the_image(system):
    plain = system.generate(PROMPTS[:1], steps=3, guidance=1.0)
    assert not torch.allclose(plain, system.generate(PROMPTS[:1], steps=3, guidance=3.0), atol=1e-3)
    away = system.generate(PROMPTS[:1], steps=3, guidance=3.0, negative="a green tree")
    assert not torch.allclose(away, system.generate(PROMPTS[:1], steps=3, guidance=3.0), atol=1e-3)
    assert torch.equal(plain, system.generate(PROMPTS[:1], steps=3, guidance=1.0, negative="a green tree"))


def test_a_very_long_prompt_is_drawn(system):
    assert system.generate(["a red apple and " * 100], steps=2).isfinite().all()


def test_a_word_that_no_caption_holds_is_named(system):
    with pytest.warns(UserWarning, match="no caption of the training holds 'xylograph'"):
        system.generate(["a red xylograph"], steps=2)


def test_image_to_image_begins_from_the_image(system):
    image = torch.full(system.shape, 0.8)
    near, far = (system.generate(PROMPTS[0], n=2, start=image, start_t=t, steps=20) for t in (1, 100))
    begun = system.after(system.before(image[None]))
    assert (near - begun).abs().mean() < (far - begun).abs().mean()
    grey = torch.full(system.shape, 230, dtype=torch.uint8)
    assert system.generate(PROMPTS[:1], start=grey, start_t=50, steps=4).shape == (1, *system.shape)


def test_a_system_without_words_takes_a_number(silent):
    drawn = silent.generate(3, seed=4, steps=3)
    assert drawn.shape == (3, 1, 8, 8)
    assert torch.allclose(drawn[1:], silent.generate(n=2, seed=5, steps=3), atol=1e-5)
    by_hand = de.last(de.sample(silent.denoiser, (3, 1, 8, 8), de.DDIM(), 3, seeds=[4, 5, 6])).x_t
    assert torch.equal(drawn, by_hand)
    assert silent.generate(steps=1).shape[0] == 16


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"prompt": None}, ValueError, "prompt must be given: this system draws what a text says, got None"),
        ({"prompt": []}, ValueError, r"prompt must be at least one text, got \[\]"),
        ({"prompt": ["a", 3]}, TypeError, r"prompt must be a text or a list of texts, got \['a', 3\]"),
        ({"prompt": "a", "n": 0}, ValueError, "n must be at least 1, got 0"),
        ({"prompt": "a", "batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"prompt": "a", "guidance": float("nan")}, ValueError, "guidance must be a finite number, got nan"),
        ({"prompt": "a", "negative": ["b", "c"]}, TypeError, r"negative must be a text, got \['b', 'c'\]"),
        ({"prompt": "a", "start": torch.zeros(3, 4, 4), "start_t": 5}, ValueError, r"of shape \(3, 8, 8\) or"),
    ],
)
def test_nonsense_is_refused_by_name(pixels, options, error, message):
    with pytest.raises(error, match=message):
        pixels.generate(**options)


# ---- latents ---------------------------------------------------------------------------------------------


def test_shift_and_scale_are_applied_once_each_way(latents):
    """Trap 17: decode(encode(x)) through shift and scale is what the auto-encoder alone makes."""
    images = randn(2, 3, 16, 16).clamp(-1, 1)
    alone = latents.autoencoder.decode(latents.autoencoder.encode(images).mean).clamp(-1, 1)
    assert torch.allclose(latents.after(latents.before(images)), alone, atol=1e-5)
    assert not torch.allclose(latents.autoencoder.encode(images).mean, latents.before(images))


def test_latents_are_never_clipped(latents):
    """Trap 18: a sampler's default clips to [-1, 1], and with it half of the latents."""
    drawn = de.last(de.sample(latents.denoiser, (16, *latents.drawn_shape), steps=4, cond=latents.text(["a"] * 16)))
    assert drawn.x0.abs().max() > 1


def test_latents_have_mean_zero_and_variance_one_a_channel(latents):
    images = randn(64, 3, 16, 16, seed=3).clamp(-1, 1)
    whole, shift, scale = latents_of(latents.autoencoder, images, batch_size=10)
    drawn = whole.sample(randn(*whole.mean.shape, seed=4))
    assert torch.allclose(drawn.mean(dim=(0, 2, 3)), torch.zeros(3), atol=0.12)  # 1,024 numbers a channel
    assert torch.allclose(drawn.std(dim=(0, 2, 3)), torch.ones(3), atol=0.1)
    plain = latents.autoencoder.encode(images)
    assert torch.allclose(whole.mean, (plain.mean - shift) * scale, atol=1e-4)
    assert torch.allclose(whole.std, plain.std * scale, atol=1e-4)


def test_shift_and_scale_travel_with_the_weights(latents):
    state = latents.state_dict()
    assert {"shift", "scale"} <= state.keys()
    assert not any(name.startswith("text") for name in state), "a frozen encoder that ships already is not saved twice"


# ---- objectives ------------------------------------------------------------------------------------------


def step(batch, seed=0):
    return Draw(torch.Generator().manual_seed(seed), batch)


def test_every_phrasing_is_drawn_and_goes_with_its_image(read):
    table = caption_table(read, [PROMPTS, PROMPTS[::-1]])
    batch = {"pixels": randn(2, 3, 8, 8), **table}
    seen = set()
    for seed in range(20):
        x0, cond = WithText(de.NoiseSchedule.cosine(100)).read(batch, step(2, seed))
        assert torch.equal(x0, batch["pixels"])
        for i in range(2):
            rows = [k for k in range(2) if torch.equal(cond.vec[i], table["vec"][i, k].float())]
            assert len(rows) == 1
            seen.add((i, rows[0]))
    assert seen == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_latents_are_drawn_anew_in_every_step(read):
    table = caption_table(read, [PROMPTS])
    batch = {"mean": randn(2, 3, 4, 4), "std": torch.full((2, 3, 4, 4), 0.1), **table}
    objective = LatentWithText(de.NoiseSchedule.cosine(100))
    one, two = (objective.images(batch, step(2, seed)) for seed in (0, 1))
    assert not torch.equal(one, two)
    assert torch.equal(one, objective.images(batch, step(2, 0)))
    many = torch.stack([objective.images(batch, step(2, seed)) for seed in range(400)])
    assert torch.allclose(many.mean(0), batch["mean"], atol=0.03)
    assert torch.allclose(many.std(0), batch["std"], atol=0.02)


def test_with_every_caption_dropped_the_loss_does_not_depend_on_the_words(pixels, read):
    """Trap 2: a drop mask that is made and not used leaves guidance without effect."""
    images = randn(2, 3, 8, 8)
    for drop, same in ((1.0, True), (0.0, False)):
        objective = WithText(pixels.schedule, drop=drop)
        one, two = (
            objective(pixels.unet, {"pixels": images, **caption_table(read, [texts])}, step(2))
            for texts in (PROMPTS, ["a green tree", "a cat"])
        )
        assert (one.item() == two.item()) == same


def test_the_loss_of_an_auto_encoder_is_its_three_terms(latents):
    images = randn(3, 3, 16, 16).clamp(-1, 1)
    noise = step(3).normal(3, 4, 4)
    rebuilt, latent = latents.autoencoder(images, noise)
    error = rebuilt - images
    by_hand = {
        "pixels": error.abs().mean(),
        "edges": 2.0 * sum((rebuilt.diff(dim=k) - images.diff(dim=k)).abs().mean() for k in (2, 3)),
        "kl": 0.5 * 0.5 * (latent.mean**2 + latent.std**2 - 1 - latent.log_var).sum() / images.numel(),
    }
    objective = Reconstruct(kl=0.5, edge=2.0)
    terms = objective.terms(latents.autoencoder, {"pixels": images}, step(3))
    assert terms.keys() == by_hand.keys()
    for name, value in by_hand.items():
        assert terms[name].item() == pytest.approx(value.item(), rel=1e-4), name
    total = objective(latents.autoencoder, {"pixels": images}, step(3)).item()
    assert total == pytest.approx(sum(v.item() for v in by_hand.values()), rel=1e-4)


def test_settings_that_make_no_sense_are_refused(read):
    with pytest.raises(ValueError, match=r"Reconstruct\.kl must be at least 0, got -1"):
        Reconstruct(kl=-1)
    with pytest.raises(ValueError, match=r"PixelDiffusionConfig\.size must be a positive multiple of 2, got 0"):
        PixelDiffusionConfig(unet(read, 3), size=0)
    with pytest.raises(
        ValueError, match=r"PixelDiffusionConfig\.clip must be one of False, True, static, dynamic, got 'none'"
    ):
        PixelDiffusionConfig(unet(read, 3), size=8, clip="none")
    with pytest.raises(ValueError, match=r"LatentDiffusionConfig\.unet must be one of 3 channels, as the latent has"):
        LatentDiffusionConfig(AutoEncoderConfig.tiny(), unet(read, 4), size=16)


@pytest.mark.parametrize("config", [PixelDiffusionConfig(size=32), LatentDiffusionConfig()])
def test_configurations_travel(config):
    assert type(config).from_dict(config.to_dict()) == config
