"""One U-Net as a system: what it draws, what it is told, and how it comes back from a file."""

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import processes
from diffusion_edu.pretrained import export_system
from diffusion_edu.processes import World
from diffusion_edu.systems import PixelDiffusion, PixelDiffusionConfig, generate_part
from diffusion_edu.systems.drawing import draw, spelled

UNET = de.UNetConfig(1, (8, 8), 1, attention_levels=())
WORDS = de.UNetConfig(1, (8, 8), 1, attention_levels=(1,), vec_dim=2, token_dim=4)
SCHEDULE = {"name": "linear", "T": 50}


def reader(texts):
    """Each text as its length and its first letters."""
    letters = torch.tensor([[ord(c) % 7 for c in f"{text}   "[:3]] for text in texts]).float()
    vec = torch.tensor([[len(text), 1.0] for text in texts])
    return de.Cond(vec=vec, tokens=letters[:, :, None].expand(-1, -1, 4), mask=letters != ord(" ") % 7)


@pytest.fixture(scope="module")
def plain():
    torch.manual_seed(0)
    return PixelDiffusion(PixelDiffusionConfig(UNET, 8, SCHEDULE)).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def reading():
    torch.manual_seed(0)
    system = PixelDiffusion(PixelDiffusionConfig(WORDS, 8, SCHEDULE, "v"), text=reader)
    for parameter in system.parameters():  # a fresh network is zero at its end, and hears nothing
        torch.nn.init.normal_(parameter, std=0.2)
    return system.eval().requires_grad_(False)


def test_images_belong_to_their_seeds(plain):
    whole = plain.generate(5, seed=3, steps=3)
    assert whole.shape == (5, *plain.shape) and whole.dtype == torch.float32
    assert torch.allclose(plain.generate(5, seed=3, steps=3, batch_size=2), whole, atol=1e-5)
    assert torch.allclose(plain.generate(n=2, seed=5, steps=3), whole[2:4], atol=1e-5)
    by_hand = de.last(de.sample(plain.denoiser, (5, *plain.shape), steps=3, seeds=range(3, 8))).x_t
    assert torch.allclose(whole, by_hand, atol=1e-5)


def test_seeds_of_ones_own_may_be_given_one_for_each(plain):
    whole = draw(plain.denoiser, plain.shape, 5, seed=3, steps=3)
    some = draw(plain.denoiser, plain.shape, 3, seed=[7, 3, 4], steps=3, batch_size=2)
    assert torch.allclose(some, whole[[4, 0, 1]], atol=1e-5)
    with pytest.raises(ValueError, match="seed must be one, or one for each of the 3 samples, got '2 seeds'"):
        draw(plain.denoiser, plain.shape, 3, seed=[1, 2])


def test_texts_are_drawn_one_after_the_other(reading):
    both = reading.generate(["a cat", "dog"], 2, seed=1, steps=3)
    assert both.shape == (4, 1, 8, 8)
    assert torch.allclose(reading.generate("dog", 2, seed=3, steps=3), both[2:], atol=1e-5)
    assert reading.generate(["a", "b", "c"], steps=2).shape[0] == 3
    assert reading.generate("a", steps=2).shape[0] == 16
    assert not torch.allclose(reading.generate("bird", 2, seed=3, steps=3), both[2:], atol=1e-2)


def test_guidance_is_that_of_the_raw_prediction(reading):
    plain = reading.generate("dog", 2, steps=3, guidance=1.0)
    assert torch.equal(reading.generate("dog", 2, steps=3, guidance=2.0), reading.generate("dog", 2, steps=3))
    strong = reading.generate("dog", 2, steps=3, guidance=4.0)
    against = reading.generate("dog", 2, steps=3, guidance=4.0, negative="cat")
    assert not torch.allclose(strong, plain, atol=1e-3) and not torch.allclose(strong, against, atol=1e-3)
    denoiser = de.Denoiser(de.Guided(reading.unet, 4.0), reading.schedule, "v").eval()
    wanted = draw(denoiser, reading.shape, 2, cond=reader(["dog", "dog"]), sampler=de.DPMSolver(), steps=3)
    assert torch.equal(strong, wanted)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_parts_of_several_processes_are_the_images_of_one(plain, reading, monkeypatch, size):
    for system, prompt, n in ((plain, None, 5), (reading, ["cat", "dog"], 2), (reading, "cat", 3)):
        whole = system.generate(prompt, n, seed=2, steps=2)
        parts = []
        for rank in range(size):
            monkeypatch.setattr("diffusion_edu.systems.drawing.world", lambda rank=rank: World(rank, size))
            parts.append(generate_part(system, prompt, n, seed=2, steps=2))
        assert torch.allclose(torch.cat(parts), whole, atol=1e-5)
    assert processes.world() == World()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p, r: p.generate("a cat"), ValueError, "prompt must be left out for a system that reads no texts"),
        (lambda p, r: p.generate(2, guidance=2.0), ValueError, "guidance and negative must be left out"),
        (lambda p, r: p.generate(2, negative="x"), ValueError, "guidance and negative must be left out"),
        (lambda p, r: p.generate(0), ValueError, "n must be at least 1, got 0"),
        (lambda p, r: r.generate(4), ValueError, "prompt must be given: this system draws what a text says"),
        (lambda p, r: r.generate([]), ValueError, r"prompt must be at least one text, got \[\]"),
        (lambda p, r: r.generate([1, 2]), TypeError, r"prompt must be a text or a list of texts, got \[1, 2\]"),
        (
            lambda p, r: PixelDiffusionConfig(UNET, 0),
            ValueError,
            r"Config\.size must be a positive multiple",
        ),
        (lambda p, r: PixelDiffusionConfig(UNET, clip="soft"), ValueError, "clip must be one of .*, got 'soft'"),
        (
            lambda p, r: PixelDiffusion(PixelDiffusionConfig(UNET, 8, SCHEDULE, text="emoji-clip")),
            ValueError,
            "used must hold the CLIP 'emoji-clip', got NoneType",
        ),
        (
            lambda p, r: draw(p.denoiser, p.shape, 3, cond=reader(["a"])),
            ValueError,
            "cond must be one entry for each of the 3 samples, got 'one of batch size 1'",
        ),
    ],
)
def test_what_is_wrong_is_named(plain, reading, call, error, words):
    with pytest.raises(error, match=words):
        call(plain, reading)


def test_a_number_of_images_is_no_text():
    assert spelled(3, None, reads=False) == (None, 3)
    assert spelled("a", None, reads=True) == (["a"] * 16, 16)
    assert spelled(["a", "b"], 2, reads=True) == (["a", "a", "b", "b"], 4)


def test_it_comes_back_from_a_file_with_the_encoder_that_it_names(tmp_path):
    """The encoder is named by its checksum; what is drawn is what the network before it was written draws."""
    clip = de.load("emoji-clip")
    config = PixelDiffusionConfig(
        de.UNetConfig(3, (8, 8), 1, attention_levels=(1,), vec_dim=128, token_dim=96), 8, SCHEDULE, text="emoji-clip"
    )
    system = PixelDiffusion(config, {"emoji-clip": clip}).eval()
    card = export_system(system, tmp_path / "own.safetensors", {}, {"about": "a test"})
    assert card["uses"].keys() == {"emoji-clip"}
    assert card["parameters"] == sum(p.numel() for p in system.parameters()), "without those of the encoder"
    again = de.load(tmp_path / "own.safetensors")
    assert again.config == config and again.uses == ("emoji-clip",)
    drawn = again.generate("a red apple", 1, steps=2)
    assert drawn.shape == (1, 3, 8, 8) and drawn.isfinite().all()


@pytest.mark.parametrize(
    "wrap",
    [torch.compile, torch.nn.DataParallel, lambda part: torch.compile(torch.nn.DataParallel(part))],
    ids=["compiled", "parallel", "both"],
)
def test_a_file_is_written_from_inside_of_wrappers(tmp_path, wrap):
    """Of a part and of the whole: the names in the file are those of the plain system, and it loads."""
    config = PixelDiffusionConfig(UNET, 8, SCHEDULE)
    plain = PixelDiffusion(config).eval()
    names = set(plain.state_dict())
    card = export_system(plain, tmp_path / "plain.safetensors", {}, {})
    plain.unet = wrap(plain.unet)
    assert set(plain.state_dict()).isdisjoint(names), "else nothing is tried here"
    for number, system in enumerate((plain, wrap(plain))):
        file = tmp_path / f"{number}.safetensors"
        assert export_system(system, file, {}, {}) == card
        drawn, wanted = (de.load(path).generate(1, steps=2) for path in (file, tmp_path / "plain.safetensors"))
        assert torch.equal(drawn, wanted)


def test_the_shipped_network_is_such_a_system():
    fashion = de.load("fashion")
    assert isinstance(fashion, PixelDiffusion) and fashion.shape == (1, 32, 32) and fashion.uses == ()
    module, example = fashion.graphs()["unet"]
    assert module(**example).shape == example["x_t"].shape
