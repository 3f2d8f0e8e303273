"""A cascade: what an upscaler is told in training and in sampling, levels, sizes, seeds, files."""

import json
from dataclasses import replace

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.data import to_pixels
from diffusion_edu.nn import by_name
from diffusion_edu.pretrained import export_system
from diffusion_edu.randomness import Draw, seeded
from diffusion_edu.systems import Imagen, ImagenConfig, Upscaling, cascading
from diffusion_edu.systems.upscaling import augmented
from diffusion_edu.train.checkpoint import CHECKPOINT

T, MOST = 50, 20
SCHEDULE = de.NoiseSchedule.cosine(T)
WORDS = {"vec_dim": 5, "token_dim": 6}
UP = {"in_channels": 2, "concat_channels": 2, "level": True, "blocks": 1, "attention_levels": (), "stride": 2}
CONFIG = ImagenConfig(
    de.UNetConfig(2, (8, 8), 1, attention_levels=(1,), **WORDS),
    (de.UNetConfig(channels=(8, 8), cross_levels=(1,), **UP, **WORDS), de.UNetConfig(channels=(8,), **UP)),
    4,
    {"name": "cosine", "T": T},
    most_level=MOST,
    level=6,
)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def reader(texts):
    """Each text as its length and its first letters; an empty one says nothing."""
    said = torch.tensor([bool(text.strip()) for text in texts])[:, None]
    letters = torch.tensor([[ord(c) % 7 for c in f"{text}   "[:3]] for text in texts]).float()
    vec = torch.tensor([[len(text), 1.0, 0.0, 0.0, 2.0] for text in texts])
    return de.Cond(vec=vec * said, tokens=letters[:, :, None].expand(-1, -1, 6), mask=(letters != 4) & said)


def shaken(model, seed=0):
    """A fresh network is zero at its end, and hears nothing: here every tensor is some way from its start."""
    g = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.15 * torch.randn(parameter.shape, generator=g))
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def system():
    return shaken(seeded(lambda: Imagen(CONFIG, text=reader), 0))


class Heard(torch.nn.Module):
    """A network that writes down what it is told."""

    def __init__(self, network):
        super().__init__()
        self.network, self.config, self.conds = network, network.config, []

    def forward(self, x_t, t, cond=None):
        self.conds.append(cond)
        return self.network(x_t, t, cond)


@pytest.fixture
def listening(system, monkeypatch):
    """The system with ears at its upscalers."""
    ears = torch.nn.ModuleList(Heard(network) for network in system.up)
    monkeypatch.setitem(system._modules, "up", ears)
    return system, ears


def batch(n=6, side=8, words=True, seed=0):
    g = torch.Generator().manual_seed(seed)
    pixels = 2 * torch.rand(n, 2, side, side, generator=g) - 1
    rows = {"pixels": pixels, "small": torch.nn.functional.avg_pool2d(pixels, 2)}
    if words:
        rows |= {"tokens": randn(n, 3, 4, 6).half(), "mask": torch.rand(n, 3, 4, generator=g) < 0.7}
        rows |= {"vec": randn(n, 3, 5, seed=1).half()}
    return rows


def drawn(n=6, seed=0, part=None):
    return Draw(torch.Generator().manual_seed(seed), n, part)


# ---- the noise on small images ---------------------------------------------------------------------------


def test_level_0_is_the_clean_image_enlarged():
    """Trap 15: exactly, whatever the noise."""
    small = randn(3, 2, 4, 4).clamp(-1, 1)
    seen = augmented(small, torch.zeros(3, dtype=torch.long), randn(3, 2, 4, 4, seed=1), SCHEDULE, 8)
    wanted = torch.nn.functional.interpolate(small, size=(8, 8), mode="bilinear", align_corners=False)
    assert torch.equal(seen.concat, wanted) and not seen.level.any()
    assert torch.allclose(
        torch.nn.functional.avg_pool2d(wanted, 8), torch.nn.functional.avg_pool2d(small, 4), atol=1e-6
    )


def test_a_level_is_a_step_of_the_schedule():
    """Trap 15: signal and noise are those of the forward process at that step, each sample's own."""
    level = torch.tensor([1, 10, MOST, T])
    noise = randn(4, 2, 4, 4, seed=1)
    for small in (torch.zeros(4, 2, 4, 4), torch.ones(4, 2, 4, 4)):
        seen = augmented(small, level, noise, SCHEDULE, 4)  # of the same size: nothing is enlarged
        by_hand = [SCHEDULE.signal(int(s)) * z + SCHEDULE.noise(int(s)) * e for s, z, e in zip(level, small, noise)]
        assert torch.allclose(seen.concat, torch.stack(by_hand), atol=1e-6)
    assert torch.equal(seen.level, level)


def test_every_level_is_drawn_alone_and_told(system):
    """Trap 16: 0 to the largest, one for each sample; what the network is told is what its image was noised with."""
    n = 4_000
    rows = {"pixels": torch.zeros(n, 2, 8, 8), "small": torch.zeros(n, 2, 4, 4)}
    x0, cond = Upscaling(SCHEDULE, drop=0.0, most_level=MOST).read(rows, drawn(n))
    assert x0 is rows["pixels"]
    counts = cond.level.bincount()
    assert len(counts) == MOST + 1 and counts.min() > 0.6 * n / (MOST + 1)
    corner = cond.concat[:, :, 0, 0]  # a corner of a bilinear enlargement is the small image's own
    assert not corner[cond.level == 0].any()
    for level in (1, 7, MOST):
        of = corner[cond.level == level]
        assert of.std().item() == pytest.approx(SCHEDULE.noise(level), rel=5 / (2 * of.numel()) ** 0.5)


def test_the_loss_is_the_square_of_the_velocity_minus_an_answer_to_all_inputs():
    n = 3
    rows = {"pixels": randn(n, 2, 8, 8), "small": randn(n, 2, 4, 4, seed=1)}
    objective = Upscaling(SCHEDULE, drop=0.0, most_level=MOST)

    def answer(x_t, t, cond):
        told = (t + 2 * cond.level).to(x_t.dtype).reshape(-1, 1, 1, 1)
        return 0.3 * x_t + 0.2 * cond.concat + 0.01 * told

    again = drawn(n)  # the same random numbers, in the order of use
    s, noise = again.integers(0, MOST + 1), again.normal(2, 4, 4)
    t, eps = again.integers(1, T + 1), again.normal(2, 8, 8)
    wanted = []
    for i in range(n):
        signal, sigma = SCHEDULE.signal(int(t[i])), SCHEDULE.noise(int(t[i]))
        z_s = SCHEDULE.signal(int(s[i])) * rows["small"][i] + SCHEDULE.noise(int(s[i])) * noise[i]
        up = torch.nn.functional.interpolate(z_s[None], scale_factor=2, mode="bilinear")[0]
        x_t, v = signal * rows["pixels"][i] + sigma * eps[i], signal * eps[i] - sigma * rows["pixels"][i]
        wanted.append((v - 0.3 * x_t - 0.2 * up - 0.01 * (t[i] + 2 * s[i])).square().mean())
    assert objective(answer, rows, drawn(n)).item() == pytest.approx(torch.stack(wanted).mean().item(), rel=1e-5)


def test_the_noise_of_the_small_image_is_not_that_of_the_large_one():
    """They would tell each other."""
    objective = Upscaling(SCHEDULE, drop=0.0, most_level=MOST)
    rows, seen = batch(64, words=False), {}

    def network(x_t, t, cond):
        seen.update(x_t=x_t, t=t, cond=cond)
        return torch.zeros_like(x_t)

    objective(network, rows, drawn(64))
    keep = seen["cond"].level > 5
    clean = augmented(rows["small"], seen["cond"].level, torch.zeros_like(rows["small"]), SCHEDULE, 8)
    low = (seen["cond"].concat - clean.concat)[keep][:, :, 0, 0].flatten()
    high = (seen["x_t"] - SCHEDULE.gather("signal", seen["t"], rows["pixels"]) * rows["pixels"])[keep][
        :, :, 0, 0
    ].flatten()
    assert torch.corrcoef(torch.stack([low, high]))[0, 1].abs() < 5 / len(low) ** 0.5
    assert not torch.equal(seen["t"], seen["cond"].level)


@pytest.mark.parametrize("index", [0, 1])
def test_in_sampling_the_network_is_given_what_it_is_given_in_training(listening, index):
    """Trap 14: the same mean, spread, size and level for the true small image, noised after it came to [-1, 1]."""
    system, ears = listening
    side, n = 4 * 2**index, 256
    rows = batch(n, 2 * side, words=False)
    rows["small"] = torch.nn.functional.avg_pool2d(rows["pixels"], 2)
    options = {"to": 2 * side, "steps": 1, "batch_size": n, "guidance": 1.0}
    for level in (0, 6):
        system.upscale(rows["small"], level=level, **options)
    clean, noised = ears[index].conds
    _, trained = Upscaling(SCHEDULE, drop=0.0, most_level=0).read(rows, drawn(n))
    assert torch.equal(clean.concat, trained.concat) and torch.equal(clean.level, trained.level)
    _, trained = Upscaling(SCHEDULE, drop=0.0, most_level=MOST).read(rows, drawn(n))
    fresh = randn(*rows["small"].shape, seed=5)
    wanted = augmented(rows["small"], torch.full((n,), 6), fresh, SCHEDULE, 2 * side)
    assert noised.concat.shape == trained.concat.shape and noised.level.tolist() == [6] * n
    assert noised.concat.mean().item() == pytest.approx(wanted.concat.mean().item(), abs=0.02)
    assert noised.concat.std().item() == pytest.approx(wanted.concat.std().item(), rel=0.03)
    assert not torch.allclose(noised.concat, wanted.concat, atol=0.1), "noise of its own"


def test_each_upscaler_is_given_the_image_that_the_one_before_drew(listening):
    system, ears = listening
    stages = system.generate(["cat", "dog"], level=0, steps=2, stages=True, guidance=3.0)
    assert [tuple(images.shape) for images in stages] == [(2, 2, side, side) for side in (4, 8, 16)]
    for small, ear in zip(stages, ears):
        size = 2 * small.shape[-1]
        wanted = torch.nn.functional.interpolate(small, size=(size, size), mode="bilinear", align_corners=False)
        given = ear.conds[0]
        assert torch.equal(given.concat[:2], wanted)
        assert torch.equal(given.concat, wanted.repeat(len(given.concat) // 2, 1, 1, 1)), "guidance drops no image"
    reading, silent = ears
    assert reading.conds[0].tokens.shape[0] == 4 and reading.conds[0].mask[2:].sum() == 0
    assert silent.conds[0].tokens is None and silent.conds[0].vec is None


def test_uint8_images_are_enlarged_as_their_floats(system):
    pixels = to_pixels(batch(3)["small"])
    assert torch.equal(system.upscale(pixels, steps=2), system.upscale(de.data.to_x0(pixels), steps=2))


def test_the_output_depends_on_the_level_that_is_told(system):
    """Trap 15: by the number alone, with the same image; and by what is drawn."""
    network = system.up[1]
    x_t, t = randn(1, 2, 16, 16), torch.tensor([20])
    answers = [network(x_t, t, de.Cond(concat=x_t, level=torch.tensor([level]))) for level in (0, 1, 10, MOST)]
    for i, one in enumerate(answers):
        for other in answers[i + 1 :]:
            assert not torch.allclose(one, other, atol=1e-4)
    small = batch(2)["small"]
    assert not torch.allclose(
        system.upscale(small, level=0, steps=2), system.upscale(small, level=9, steps=2), atol=1e-3
    )
    default = system.upscale(small, steps=2)
    assert torch.equal(default, system.upscale(small, level=CONFIG.level, steps=2))


# ---- training --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [True, False])
def test_every_parameter_of_an_upscaler_receives_a_gradient(words):
    network = shaken(de.UNet(CONFIG.up[0 if words else 1])).requires_grad_(True)
    Upscaling(SCHEDULE, drop=0.3 if words else 0.0, most_level=MOST)(
        network, batch(12, words=words), drawn(12)
    ).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize("words", [True, False])
def test_two_processes_have_the_loss_of_one(words):
    network, rows = shaken(de.UNet(CONFIG.up[0 if words else 1])), batch(8, words=words)
    objective = Upscaling(SCHEDULE, drop=0.5, most_level=MOST)
    whole = objective(network, rows, drawn(8, seed=4))
    halves = [
        objective(network, {name: value[part.start : part.stop] for name, value in rows.items()}, drawn(8, 4, part))
        for part in (range(4), range(4, 8))
    ]
    assert torch.allclose(sum(halves) / 2, whole, atol=1e-6)


def test_a_dropped_text_leaves_image_and_level(system):
    seen = []

    def network(x_t, t, cond):
        seen.append(cond)
        return torch.zeros_like(x_t)

    rows = batch(200)
    for drop in (0.0, 1.0, 0.1):
        Upscaling(SCHEDULE, drop=drop, most_level=MOST)(network, rows, drawn(200, seed=2))
    kept, none, some = seen
    assert torch.equal(kept.concat, none.concat) and torch.equal(kept.level, none.level)
    assert not none.mask.any() and not none.vec.any() and kept.vec.any(1).all()
    assert 5 <= (~some.vec.any(1)).sum() <= 40
    assert torch.equal(some.vec.any(1), (some.mask == kept.mask).all(1) & some.vec.any(1)), "one draw for both"


def test_a_stopped_training_goes_on_bit_for_bit(tmp_path):
    rows = {name: to_pixels(value) if name in ("pixels", "small") else value for name, value in batch(10).items()}
    recipe = de.Recipe(steps=4, batch_size=4, warmup=0, precision="fp32", log_every=1, checkpoint_every=2)
    objective = Upscaling(SCHEDULE, most_level=MOST)
    for folder, counts in (("one", (4,)), ("two", (2, 4))):
        for steps in counts:
            model = seeded(lambda: de.UNet(CONFIG.up[0]), 0)
            list(
                de.fit(model, rows, replace(recipe, steps=steps), objective, directory=tmp_path / folder, device="cpu")
            )
    one, two = (files.read(tmp_path / folder / CHECKPOINT)[0] for folder in ("one", "two"))
    assert one.keys() == two.keys() and all(torch.equal(value, two[name]) for name, value in one.items())


# ---- drawing ---------------------------------------------------------------------------------------------


def test_an_image_does_not_depend_on_the_batch_around_it(system):
    whole = system.generate(["cat", "a bird", "dog"], seed=3, steps=3, stages=True)
    for parts in (
        system.generate(["cat", "a bird", "dog"], seed=3, steps=3, stages=True, batch_size=2),
        [torch.cat(pair) for pair in zip(*(
            system.generate([text], seed=3 + i, steps=3, stages=True) for i, text in enumerate(("cat", "a bird", "dog"))
        ))],
    ):  # fmt: skip
        assert all(torch.allclose(one, other, atol=1e-4) for one, other in zip(whole, parts))
    other = system.generate(["cat", "a bird", "dog"], seed=4, steps=3, stages=True)
    assert not any(torch.allclose(one, two, atol=1e-2) for one, two in zip(whole, other))


def test_noise_of_one_seed_is_another_at_each_size(monkeypatch, system):
    """With one generator a seed, the noise of every size would begin with the same numbers."""
    begun = []
    real = cascading.draw
    monkeypatch.setattr(cascading, "draw", lambda *a, **k: begun.append(k["seed"]) or real(*a, **k))
    system.generate(["cat", "dog"], seed=7, steps=1)
    seeds = [seed if isinstance(seed, list) else [seed, seed + 1] for seed in begun]
    low = {seed & 0xFFFFFFFF for row in seeds for seed in row}  # of which torch's generator uses 32 bits
    assert len(seeds) == 3 and len(low) == 6


def test_the_last_size_is_what_generate_returns(system):
    stages = system.generate("cat", 2, steps=2, stages=True)
    assert torch.equal(system.generate("cat", 2, steps=2), stages[-1])
    assert stages[-1].shape == (2, *system.shape) and stages[0].shape == (2, *system.drawn_shape)
    assert all(images.abs().max() <= 1 + 1e-5 for images in stages)


def test_the_states_end_in_what_generate_draws(system):
    options = {"seed": 5, "steps": 3, "guidance": 3.0, "negative": "dog", "level": 9}
    states = list(system.follow(["cat", "a bird"], **options))
    assert [state.network for state in states] == [0] * 4 + [1] * 4 + [2] * 4
    assert [state.step.t for state in states] == 3 * de.timesteps(T, 3)
    for place, images in enumerate(system.generate(["cat", "a bird"], stages=True, **options)):
        assert torch.equal(states[4 * place + 3].step.x_t, images), "bit for bit"
        assert states[4 * place].step.x0.shape == images.shape
    own = list(system.follow(["a bird", "cat"], **{**options, "seed": [6, 5]}))
    assert torch.allclose(own[-1].step.x_t, states[-1].step.x_t.flip(0), atol=1e-4), "each image has its own seed"


def test_the_states_hold_what_their_network_was_told(listening):
    system, ears = listening
    base, *larger = list(system.follow("cat", 2, steps=2, level=7, guidance=2.0))[::3]
    assert base.told.concat is None and base.told.level is None and base.told.vec.shape == (2, 5)
    for state, ear in zip(larger, ears, strict=True):
        heard = ear.conds[0]  # with guidance, what is not said follows
        assert torch.equal(state.told.concat, heard.concat[:2]) and state.told.level.tolist() == [7, 7]
        assert state.told.concat.shape == state.step.x_t.shape


def test_the_whole_is_its_parts_in_turn(system):
    """generate is the base, then upscale from each size to the next."""
    small, middle, large = system.generate("cat", 2, seed=5, steps=2, stages=True, guidance=3.0)
    assert torch.allclose(system.upscale(small, "cat", seed=5, steps=2, guidance=3.0), large, atol=1e-5)
    assert torch.allclose(system.upscale(small, ["cat", "cat"], to=8, seed=5, steps=2, guidance=3.0), middle, atol=1e-5)
    assert torch.allclose(system.upscale(middle, "other", seed=5, steps=2), large, atol=1e-5), "the last reads nothing"


def test_guidance_reaches_every_network_that_reads(system):
    small = batch(2)["small"]
    one, three = (system.upscale(small, "cat", to=8, steps=2, guidance=w) for w in (1.0, 3.0))
    assert not torch.allclose(one, three, atol=1e-3)
    assert not torch.allclose(
        three, system.upscale(small, "cat", to=8, steps=2, guidance=3.0, negative="dog"), atol=1e-4
    )
    silent = [system.upscale(small, to=8, steps=2, guidance=w) for w in (1.0, 3.0)]
    assert torch.allclose(*silent, atol=1e-5), "where nothing is said there is nothing to exaggerate"


def test_an_image_to_begin_from_is_made_small(system):
    start = batch(1, 16)["pixels"][0]
    assert torch.equal(system.before(start[None]), torch.nn.functional.avg_pool2d(start[None], 4))
    near = system.generate("cat", 1, start=start, start_t=1, steps=50, stages=True, level=0, guidance=1.0)
    assert near[0].shape == (1, 2, 4, 4)
    away = system.generate("cat", 1, start=-start, start_t=1, steps=50, stages=True, level=0, guidance=1.0)
    assert not torch.allclose(near[0], away[0], atol=0.1)


def test_a_threshold_can_be_chosen_at_a_call(system):
    dynamic, static = (
        system.generate("cat", 4, steps=3, guidance=8.0, clip=clip, stages=True) for clip in ("dynamic", "static")
    )
    assert torch.equal(dynamic[-1], system.generate("cat", 4, steps=3, guidance=8.0))
    assert not torch.allclose(dynamic[0], static[0], atol=1e-3)
    assert (static[0].abs() > 0.999).float().mean() > (dynamic[0].abs() > 0.999).float().mean(), "saturated less"


def test_a_cascade_without_texts_draws_a_number_of_images():
    config = ImagenConfig(
        replace(CONFIG.base, vec_dim=None, token_dim=None), CONFIG.up[1:], 4, CONFIG.schedule, most_level=20, level=6
    )
    system = shaken(seeded(lambda: Imagen(config), 1))
    assert system.text is None and system.generate(3, steps=2).shape == (3, 2, 8, 8)
    assert system.upscale(torch.zeros(2, 2, 4, 4), steps=2).shape == (2, 2, 8, 8)
    with pytest.raises(ValueError, match="prompt must be left out"):
        system.upscale(torch.zeros(2, 2, 4, 4), "cat")


# ---- files and mistakes ----------------------------------------------------------------------------------


def test_it_comes_back_from_a_file(system, tmp_path):
    export_system(system, tmp_path / "own.safetensors", {}, {"about": "a test"})
    again = de.load(tmp_path / "own.safetensors")
    assert type(again) is Imagen and again.config == CONFIG and again.text is None
    again.text = reader
    drawn = again.generate(["cat", "dog"], steps=2, seed=3)
    assert (drawn - system.generate(["cat", "dog"], steps=2, seed=3)).abs().mean() < 0.02  # rounded to half precision
    assert ImagenConfig.from_dict(json.loads(json.dumps(CONFIG.to_dict()))) == CONFIG


def test_graphs_are_the_networks_with_their_inputs(system):
    graphs = system.graphs()
    assert list(graphs) == ["base", "up8", "up16"]
    for network, example in graphs.values():
        assert by_name(network)(**example).shape == example["x_t"].shape


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda s: s.generate("cat", 1, level=MOST + 1), r"level must be in 0\.\.20, which training covers, got 21"),
        (lambda s: s.generate("cat", 1, level=-1), "level must be in 0"),
        (lambda s: s.generate(4), "prompt must be given"),
        (lambda s: s.follow("cat", 2, seed=[1]), "seed must be one, or one for each of the 2 images, got '1 seeds'"),
        (lambda s: s.follow("cat", 1, level=MOST + 1), "level must be in 0"),
        (lambda s: s.upscale(torch.zeros(2, 2, 16, 16)), r"images must be \(n, 2, h, h\) with h one of \(4, 8\)"),
        (lambda s: s.upscale(torch.zeros(2, 3, 4, 4)), "images must be"),
        (lambda s: s.upscale(torch.zeros(2, 2, 4, 8)), "images must be"),
        (lambda s: s.upscale(torch.zeros(2, 2, 8, 8), to=8), r"to must be one of \(16,\), got 8"),
        (lambda s: s.upscale(torch.zeros(2, 2, 4, 4), ["a"]), "prompt must be one, or one for each of the 2 images"),
        (lambda s: s.before(torch.zeros(2, 2, 6, 6)), "images must be"),
        (lambda s: Upscaling(SCHEDULE, most_level=T + 1), r"most_level must be in 0\.\.50, got 51"),
        (lambda s: replace(CONFIG, level=MOST + 1), r"ImagenConfig\.level must be in 0\.\.most_level, 20"),
        (lambda s: replace(CONFIG, most_level=T + 1), r"ImagenConfig\.most_level must be in 0\.\.50"),
        (
            lambda s: replace(CONFIG, up=(replace(CONFIG.up[0], level=False),)),
            r"ImagenConfig\.up must be networks of 2",
        ),
        (lambda s: replace(CONFIG, up=(replace(CONFIG.up[0], vec_dim=4),)), r"ImagenConfig\.up must be networks"),
        (lambda s: replace(CONFIG, base=CONFIG.up[0]), r"ImagenConfig\.base must be one without concat and level"),
        (lambda s: replace(CONFIG, size=5), r"ImagenConfig\.size must be"),
        (lambda s: replace(CONFIG, clip="soft"), r"ImagenConfig\.clip must be one of"),
        (lambda s: Imagen(replace(CONFIG, text="bert")), "name must be 'all-MiniLM-L6-v2', got 'bert'"),
    ],
)
def test_what_is_wrong_is_named(system, call, words):
    with pytest.raises(ValueError, match=words):
        call(system)
