import errno
import json
from pathlib import Path

import pytest
import torch

import diffusion_edu as de
from diffusion_edu import pretrained
from diffusion_edu.pretrained import available, export_weights, load, read_card
from diffusion_edu.train import CheckpointError, checkpoint, new_unet
from diffusion_edu.train.loop import CHECKPOINT


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run of a few steps of a very small network on 8x8 pictures, with its checkpoint."""
    directory = tmp_path_factory.mktemp("run")
    data = torch.randint(0, 256, (8, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    recipe = de.Recipe(steps=3, batch_size=4, warmup=0, rate=1e-2, ema_decay=0.5, precision="fp32")
    model = new_unet(de.UNetConfig.tiny(in_channels=1), seed=0)
    for _ in de.fit(model, de.NoiseSchedule.cosine(100), data, recipe, directory=directory, device="cpu"):
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
    loaders = {"CLIP": de.load_clip, "Classifier": de.load_classifier, "UNet": lambda name: load(name).model}
    for name in available():
        card = pretrained.card_of(name)
        model = loaders[card["model"]["class"]](name)
        told = {"about", "command", "device", "wall_time_s", "final_loss", "recipe", "step", "parameters", "licence"}
        assert told | {"training_data", "intended_use", "limits"} <= set(card)
        assert card["parameters"] == sum(p.numel() for p in model.parameters())
        assert card["step"] == card["recipe"]["steps"]
        assert all(p.isfinite().all() for p in model.parameters())
        assert not model.training and not any(p.requires_grad for p in model.parameters())
        if "schedule" in card:
            assert load(name).shape[0] in (1, 3)
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
    tensors, meta = checkpoint.read(run / CHECKPOINT)
    system = load("fashion")
    for name, value in system.model.state_dict().items():
        assert value.dtype == torch.float32
        assert torch.equal(value, tensors[f"ema.{name}"].half().float())
    assert system.schedule.to_dict() == meta["schedule"]
    assert system.denoiser.kind == meta["kind"]
    assert system.shape == (1, 8, 8)


def test_the_file_is_half_as_large_and_carries_no_state_of_the_optimiser(run, shelf):
    tensors, meta = checkpoint.read(shelf / "fashion.safetensors")
    assert all(value.dtype == torch.float16 for value in tensors.values())
    assert set(tensors) == set(load("fashion").model.state_dict())
    assert meta["step"] == 3


def test_a_loaded_network_is_frozen(shelf):
    system = load("fashion")
    assert not system.model.training
    assert not any(p.requires_grad for p in system.model.parameters())
    with pytest.raises(AttributeError):
        system.model = None


def test_the_card_holds_what_was_told_and_what_was_measured(shelf):
    card = read_card(shelf / "fashion.safetensors")
    assert card["about"] == "a test"
    assert card["recipe"]["steps"] == 3
    assert card["parameters"] == sum(p.numel() for p in load("fashion").model.parameters())
    assert card["weights"]["bytes"] == (shelf / "fashion.safetensors").stat().st_size


def test_runs_and_files_of_the_readers_own_can_be_loaded(run, shelf, tmp_path):
    own = load(run)  # the folder of a run that is not finished: its checkpoint
    assert torch.equal(
        own.model.state_dict()["conv_in.weight"], load(run / CHECKPOINT).model.state_dict()["conv_in.weight"]
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
    tensors, meta = checkpoint.read(run / CHECKPOINT)
    path = tmp_path / "x.safetensors"
    checkpoint.write(path, tensors, {**meta, "model": {"class": "Transformer", "config": {}}})
    with pytest.raises(CheckpointError, match="no network that this version can build"):
        load(path)
    del tensors["ema.conv_in.weight"]
    checkpoint.write(path, tensors, meta)
    with pytest.raises(CheckpointError, match="does not fit its own description"):
        load(path)


def test_weights_that_half_precision_cannot_hold_are_not_exported(run, tmp_path):
    tensors, meta = checkpoint.read(run / CHECKPOINT)
    tensors["ema.conv_in.weight"][0] = 1e6
    checkpoint.write(tmp_path / "x.safetensors", tensors, meta)
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


@pytest.mark.parametrize("options", [{}, {"eta": 1.0}, {"method": "ddpm"}, {"method": "dpm-solver"}])
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
        ({"method": "dpm_solver"}, "did you mean 'dpm-solver'"),
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
