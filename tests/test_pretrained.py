import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import cards, files, pretrained
from diffusion_edu.cards import read_card
from diffusion_edu.files import CheckpointError
from diffusion_edu.nn import new_unet
from diffusion_edu.pretrained import available, export_weights, load
from diffusion_edu.train.checkpoint import CHECKPOINT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a few steps of a very small network on 8x8 pictures, with its checkpoint."""
    directory = tmp_path_factory.mktemp("run")
    data = torch.randint(0, 256, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    recipe = de.Recipe(steps=3, batch_size=4, warmup=0, rate=1e-2, ema_decay=0.5, precision="fp32")
    model = new_unet(de.UNetConfig.tiny(in_channels=1), seed=0)
    for _ in de.fit(model, data, recipe, de.Denoising(de.NoiseSchedule.cosine(100)), directory=directory, device="cpu"):
        pass
    return directory


@pytest.fixture
def shelf(run, tmp_path, monkeypatch):
    """A package whose only weights are those of the run, called "fashion"."""
    monkeypatch.setattr(pretrained, "WEIGHTS", tmp_path)
    export_weights(run, tmp_path / "fashion.safetensors", {"about": "a test"})
    return tmp_path


# ---- the weights of the package --------------------------------------------------------------------------


def test_every_network_of_the_package_loads_and_is_described():
    assert {"fashion", "fashion-classifier", "emoji-clip"} <= set(available())
    for name in available():
        card = pretrained.card_of(name)
        model = load(name)
        told = {"about", "command", "device", "wall_time_s", "final_loss", "parameters", "licence"}
        assert told | {"training_data", "intended_use", "limits"} <= set(card)
        assert card["parameters"] == sum(value.numel() for value in model.state_dict().values())
        stages = card.get("stages", {"": card}).values()
        ended = [s["step"] == s["recipe"]["steps"] or s["recipe"].get("minutes") for s in stages]
        assert all(ended), f"{name}: {ended}"
        assert all(p.isfinite().all() for p in model.parameters())
        assert not model.training and not any(p.requires_grad for p in model.parameters())
        if pretrained.draws(card):
            assert model.shape[0] in (1, 3)
        else:
            assert card["measured"]


def test_the_shipped_network_removes_noise_from_pictures_that_it_never_saw():
    fashion = load("fashion")
    x0 = de.data.to_x0(de.data.fashion_mnist("test").pixels[:16])
    t = torch.full((16,), 200)
    x_t, _ = de.q_sample(x0, t, fashion.schedule, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        estimate = fashion.denoiser(x_t, t).x0
    noisy = x_t / fashion.schedule.signal(200)
    assert (estimate - x0).pow(2).mean() < 0.1 * (noisy - x0).pow(2).mean()


# ---- export and load -------------------------------------------------------------------------------------


def test_what_is_loaded_is_the_average_of_the_run_in_half_precision(run, shelf):
    tensors, meta = files.read(run / CHECKPOINT)
    system = load("fashion")
    for name, value in system.unet.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, tensors[f"ema.{name}"].half().float())
    assert system.schedule.to_dict() == meta["objective"]["schedule"]
    assert system.denoiser.target == meta["objective"]["target"]
    assert system.shape == (1, 8, 8)


def test_the_file_is_half_as_large_and_carries_no_state_of_the_optimiser(run, shelf):
    tensors, meta = files.read(shelf / "fashion.safetensors")
    assert all(value.dtype == torch.float16 for value in tensors.values())
    assert set(tensors) == set(load("fashion").unet.state_dict())
    assert meta["step"] == 3


def test_a_loaded_network_is_frozen(shelf):
    system = load("fashion")
    assert not system.training
    assert not any(p.requires_grad for p in system.parameters())


def test_the_card_holds_what_was_told_and_what_was_measured(shelf):
    card = read_card(shelf / "fashion.safetensors")
    assert card["about"] == "a test"
    assert card["recipe"]["steps"] == 3
    assert card["parameters"] == sum(p.numel() for p in load("fashion").unet.parameters())
    assert card["weights"]["bytes"] == (shelf / "fashion.safetensors").stat().st_size


def test_runs_and_files_of_the_readers_own_can_be_loaded(run, shelf, tmp_path):
    own = load(run)  # the folder of a run that is not finished: its checkpoint
    assert torch.equal(
        own.unet.state_dict()["conv_in.weight"], load(run / CHECKPOINT).unet.state_dict()["conv_in.weight"]
    )
    assert load(shelf / "fashion.safetensors").shape == own.shape
    with pytest.raises(FileNotFoundError, match=r"holds neither weights\.safetensors nor checkpoint"):
        (tmp_path / "empty").mkdir()
        load(tmp_path / "empty")


# ---- errors ----------------------------------------------------------------------------------------------


def test_an_unknown_name_brings_the_nearest_one(shelf):
    with pytest.raises(ValueError, match=r"name must be one of fashion, or .* got 'fashon'; did you mean 'fashion'"):
        load("fashon")


@pytest.mark.parametrize("where", [0, 8, -1])
def test_changed_weights_are_refused(shelf, where):
    path = shelf / "fashion.safetensors"
    content = bytearray(path.read_bytes())
    content[where] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"fashion\.safetensors is damaged or was changed: its SHA-256"):
        load("fashion")


def test_cut_weights_without_a_card_are_refused_too(shelf):
    path = shelf / "fashion.safetensors"
    (shelf / "fashion.json").unlink()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(CheckpointError, match="damaged"):
        load(path)


def test_missing_weights_and_damaged_cards_are_told(shelf):
    (shelf / "fashion.safetensors").rename(shelf / "gone")
    with pytest.raises(CheckpointError, match="is missing"):
        load("fashion")
    (shelf / "gone").rename(shelf / "fashion.safetensors")
    for text, told in (("{", "is damaged"), ("[1]", "is no model card")):
        (shelf / "fashion.json").write_text(text)
        with pytest.raises(CheckpointError, match=told):
            load("fashion")


def test_a_file_with_another_network_is_refused(run, tmp_path):
    tensors, meta = files.read(run / CHECKPOINT)
    path = tmp_path / "x.safetensors"
    files.write(path, tensors, {**meta, "model": {"class": "Transformer", "config": {}}})
    with pytest.raises(CheckpointError, match="no network that this version can build"):
        load(path)
    del tensors["ema.conv_in.weight"]
    files.write(path, tensors, meta)
    with pytest.raises(CheckpointError, match="does not fit its own description"):
        load(path)


def lie(run, path, place, value):
    """The checkpoint of the run with one value of its description set, and its checksum right."""
    tensors, meta = files.read(run / CHECKPOINT)
    inner = meta
    *parents, last = place.split(".")
    for name in parents:
        inner = inner[name]
    inner[last] = value
    files.write(path, tensors, meta)
    return path


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("model.config.channels", [4] * 100_000),
        ("model.config.channels", [2**20, 2**20]),
        ("model.config.channels", "x"),
        ("model.config.blocks", 10**7),
        ("model.config.blocks", None),
        ("model.config.in_channels", 10**9),
        ("model.config.heads", [1]),
        ("model.config.zz", 1),
        ("model.class", ["UNet"]),
        ("objective.schedule", None),
        ("objective.schedule.T", 10**9),
        ("objective.schedule.zz", 1),
        ("data.shape", [24, 1, 2**20, 2**20]),
        ("data.shape", [24, 3, 8, 8]),
        ("data.shape", [24, 1, 7, 7]),
        ("data.shape", [24, 1, 8, 16]),
        ("data.shape", [8, 8, 1]),
        ("data", None),
        ("uses", {"zz": "x"}),
        ("uses", 3),
    ],
)
def test_a_description_that_cannot_be_is_refused_by_name(run, tmp_path, place, value):
    with pytest.raises(CheckpointError, match=r"lie\.safetensors"):
        load(lie(run, tmp_path / "lie.safetensors", place, value))


def test_no_network_is_built_that_does_not_fit_its_file(run, tmp_path, monkeypatch):
    """A layer of 2^40 numbers: on the meta device it costs nothing, and no other device is asked for it."""
    path = lie(run, tmp_path / "x.safetensors", "model.config.channels", [2**20, 2**20, 2**20])
    real, made = torch.nn.Conv2d.__init__, []

    def watch(self, *args, **options):
        real(self, *args, **options)
        made.append(self.weight.device.type)

    monkeypatch.setattr(torch.nn.Conv2d, "__init__", watch)
    with pytest.raises(CheckpointError, match=r"x\.safetensors does not fit its own description"):
        load(path)
    assert set(made) == {"meta"}


def test_weights_that_are_not_finite_are_refused(run, tmp_path):
    tensors, meta = files.read(run / CHECKPOINT)
    tensors["ema.conv_in.bias"] = tensors["ema.conv_in.bias"] * float("nan")
    files.write(tmp_path / "x.safetensors", tensors, meta)
    with pytest.raises(CheckpointError, match=r"x\.safetensors .*NaN or infinite numbers in .*conv_in\.bias"):
        load(tmp_path / "x.safetensors")


@pytest.mark.parametrize(
    "text", ["{}", '{"weights": "x"}', '{"weights": ["sha256"]}', '{"model": 3}', "[" * 100_000, "9" * 5000, "\x00", ""]
)
def test_a_card_that_is_none_is_told_and_checks_nothing_away(shelf, text):
    (shelf / "fashion.json").write_text(text)
    with pytest.raises(CheckpointError, match=r"fashion\.(json|safetensors)"):
        load("fashion")


def test_a_card_that_is_no_file_does_not_count_as_none(shelf):
    card = shelf / "fashion.json"
    card.unlink()
    for make in (lambda: os.mkfifo(card), card.mkdir, lambda: card.symlink_to(card)):
        make()
        with pytest.raises(CheckpointError, match=r"fashion\.json is damaged"):
            load(shelf / "fashion.safetensors")
        card.rmdir() if card.is_dir() else card.unlink()


def test_a_card_is_read_to_a_limit(shelf, monkeypatch):
    monkeypatch.setattr(cards, "MOST_OF_A_CARD", 100)
    with pytest.raises(CheckpointError, match=r"fashion\.json is damaged: .*more than 100"):
        read_card(shelf / "fashion.safetensors")


@pytest.mark.parametrize("name", [None, 3, b"fashion", ["fashion"]])
def test_what_is_no_name_is_told(name):
    with pytest.raises((TypeError, ValueError), match="name must be"):
        load(name)


def test_weights_that_half_precision_cannot_hold_are_not_exported(run, tmp_path):
    tensors, meta = files.read(run / CHECKPOINT)
    tensors["ema.conv_in.weight"][0] = 1e6
    files.write(tmp_path / "x.safetensors", tensors, meta)
    with pytest.raises(CheckpointError, match=r"not finite in half precision: conv_in\.weight"):
        export_weights(tmp_path / "x.safetensors", tmp_path / "out.safetensors", {})
    assert not (tmp_path / "out.safetensors").exists()
    with pytest.raises(ValueError, match=r"ends in \.safetensors"):
        export_weights(run, tmp_path / "out.bin", {})


def test_a_full_disk_keeps_the_old_weights(run, shelf, monkeypatch):
    before = {path.name: path.read_bytes() for path in shelf.iterdir()}

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"no space left to write \d"):
        export_weights(run, shelf / "fashion.safetensors", {})
    assert {path.name: path.read_bytes() for path in shelf.iterdir()} == before


# ---- generate --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, *({"sampler": s} for s in (de.DDIM(1.0), de.DDPM(), de.DPMSolver()))])
def test_a_picture_depends_on_its_seed_and_on_nothing_else(shelf, options):
    system = load("fashion")
    five = system.generate(5, seed=10, steps=4, **options)
    assert five.shape == (5, 1, 8, 8)
    assert five.abs().max() <= 1
    assert (five[0] - five[1]).abs().max() > 0.1
    # Other batch sizes may round differently in the last bits, never more.
    torch.testing.assert_close(system.generate(5, seed=10, steps=4, batch_size=2, **options), five)
    torch.testing.assert_close(system.generate(1, seed=13, steps=4, **options)[0], five[3])


def test_a_start_at_a_low_step_is_nearly_kept_and_at_the_last_step_nearly_lost(shelf):
    system = load("fashion")
    start = torch.rand(1, 8, 8, generator=torch.Generator().manual_seed(3)) * 2 - 1
    low, high = (system.generate(4, start=start, start_t=t, steps=20) for t in (2, 100))
    noise_only = system.generate(4, steps=20)
    assert (low - start).abs().mean() < 0.2
    assert (high - noise_only).abs().mean() < (high - start).abs().mean()
    pixels = de.data.to_pixels(start)
    same = system.generate(2, start=pixels, start_t=50, steps=20)
    torch.testing.assert_close(same, system.generate(2, start=de.data.to_x0(pixels), start_t=50, steps=20))
    each = torch.stack([start, -start])
    torch.testing.assert_close(
        system.generate(2, start=each, start_t=2, steps=20)[1],
        system.generate(1, seed=1, start=-start, start_t=2, steps=20)[0],
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"n": 0}, "n must be at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"start": torch.zeros(3, 8, 8), "start_t": 5}, r"start must be of shape \(1, 8, 8\) or \(2, 1, 8, 8\)"),
        ({"steps": 101}, r"steps must be .* got 101"),
        ({"start": torch.zeros(1, 8, 8), "start_t": 101}, "start_t must be"),
    ],
)
def test_generate_names_what_is_wrong(shelf, arguments, told):
    with pytest.raises(ValueError, match=told):
        load("fashion").generate(**{"n": 2, **arguments})


def test_cards_are_readable_json_with_an_end_of_line(shelf):
    text = Path(shelf / "fashion.json").read_text()
    assert text.endswith("}\n")
    assert json.loads(text)["weights"]["precision"] == "float16"


def test_loading_imports_no_compiler():
    """On the meta device nn.Embedding, a product or torch.eye would: a second more at every start."""
    code = (
        "import sys, diffusion_edu as de; from diffusion_edu.pretrained import available;"
        "[de.load(name) for name in available()]; assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
