import contextlib
import errno
import io
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save

import diffusion_edu as de
from diffusion_edu import files, pretrained
from diffusion_edu.cli import grids, main, training
from diffusion_edu.runs import RUNS, emoji_clip
from diffusion_edu.runs.folder import folder_run

STEPS = 6
SIDE = 16


@pytest.fixture(autouse=True, scope="module")
def small_machine():
    """A run that takes less than a second, and no change to the memory allocator of the test process."""
    recipe = de.Recipe(
        steps=STEPS, batch_size=4, warmup=0, log_every=1, checkpoint_every=2, precision="fp32", ema_decay=0.5
    )
    run = folder_run(de.UNetConfig.tiny(channels=(8, 8, 8)), recipe, SIDE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RUNS, "folder", replace(run, about="a test"))
        for module in ("training", "sampling"):
            patch.setattr(f"diffusion_edu.cli.{module}.tune_malloc", lambda: False)
        yield


def trained(*arguments):
    """Train where the output of no test is captured; returns what was printed."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(["train", *map(str, arguments), "--device", "cpu"])
    assert code == 0, err.getvalue()
    return out.getvalue()


@pytest.fixture(scope="module")
def finished(small_machine, five_pictures, tmp_path_factory):
    """A finished run, trained once for all tests."""
    directory = tmp_path_factory.mktemp("finished")
    trained("folder", "--data", five_pictures, "--out", directory)
    return directory


@pytest.fixture
def run_folder(finished, tmp_path):
    """The finished run in a folder of the test's own, which it may change."""
    return shutil.copytree(finished, tmp_path / "run")


@pytest.fixture(scope="module")
def clip_run(small_machine, tmp_path_factory):
    """Two steps of the run `emoji-clip`, with one caption of each image and few of each class."""
    directory = tmp_path_factory.mktemp("clip")
    data, phrases = emoji_clip.training_data(phrasings=1, short=0), emoji_clip.class_captions()
    few = {what: {name: texts[:3] for name, texts in of.items()} for what, of in phrases.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emoji_clip, "training_data", lambda: data)
        patch.setattr(emoji_clip, "class_captions", lambda: few)
        out = trained(*("emoji-clip", "--steps", 2, "--batch-size", 8, "--precision", "fp32", "--out", directory))
    assert f"diffusion-edu info {directory}" in out
    return directory


def test_a_run_that_is_no_diffusion_is_trained_measured_and_told(call, clip_run):
    card = json.loads((clip_run / "weights.json").read_text())
    assert card["model"]["class"] == "CLIP" and card["objective"]["class"] == "Contrast"
    assert "schedule" not in card and "kind" not in card
    assert card["command"] == "diffusion-edu train emoji-clip --steps 2 --batch-size 8 --precision fp32"
    assert 0 <= card["measured"]["retrieval"]["image_to_text"]["1"] <= 1
    assert json.loads(call("info", clip_run, "--json")[1]) == card
    clip = de.load(clip_run)
    assert clip.encode_image(torch.zeros(1, 3, 32, 32)).norm().item() == pytest.approx(1, abs=1e-5)


def test_a_clip_draws_no_pictures(call, clip_run):
    code, _, err = call("sample", clip_run)
    assert code == 2
    assert "that of a model that draws images, and it is a CLIP" in err


def test_shipped_data_take_no_folder(call, tmp_path):
    code, _, err = call("train", "emoji-clip", "--data", tmp_path, "--out", tmp_path / "x")
    assert code == 2
    assert "--data must not be given with emoji-clip" in err


# ---- help and usage --------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"], ["sample", "--help"], ["info", "-h"]])
def test_help_is_no_failure(call, arguments):
    code, out, _ = call(*arguments)
    assert code == 0
    assert "usage: diffusion-edu" in out


def test_help_names_every_command_and_option(call):
    out = call("--help")[1]
    assert all(word in out for word in ("train", "sample", "list", "info", "--version"))
    out = call("sample", "--help")[1]
    assert all(f"--{word}" in out for word in ("out", "n", "sampler", "steps", "seed", "from", "from-t"))
    out = " ".join(out.replace("│", " ").split())
    assert "ddpm, ddim, dpm-solver" in out
    assert "1000 for ddpm, 50 for ddim, 20 for dpm-solver" in out, "from the table of samplers"
    out = call("train", "--help")[1]
    assert all(f"--{word}" in out for word in ("out", "data", "steps", "minutes", "batch-size", "no-resume"))


def test_version(call):
    assert call("--version")[1].startswith(f"diffusion-edu {de.__version__}")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], ""),
        (["trian", "fashion"], "trian"),
        (["train"], "RECIPE"),
        (["train", "fashion", "--stpes", "3"], "--stpes"),
        (["train", "fashion", "--steps", "many"], "many"),
        (["train", "fashoin"], "did you mean 'fashion'?"),
        (["train", "folder"], "needs --data"),
        (["train", "folder", "--steps", "0"], "steps must be at least 1, got 0"),
        (["train", "folder", "--minutes", "0"], "--minutes must be positive"),
        (["train", "folder", "--device", "cudda"], "--device must be a device of this machine"),
        (["sample", "no-such-weights"], "'no-such-weights'"),
        (["info", "no-such-weights"], "'no-such-weights'"),
    ],
)
def test_wrong_usage_is_exit_code_two_and_is_told(call, arguments, told):
    code, _, err = call(*arguments)
    assert code == 2
    assert told in err


# ---- train -----------------------------------------------------------------------------------------------


def test_train_makes_weights_that_sample_can_use(call, run_folder, tmp_path):
    lines = [json.loads(line) for line in (run_folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    card = json.loads((run_folder / "weights.json").read_text())
    assert card["command"] == "diffusion-edu train folder"
    assert {"licence", "intended_use", "limits", "training_data", "device"} <= set(card)
    assert card["final_loss"] == pytest.approx(lines[-1]["loss"])
    assert 0 < card["wall_time_s"] < 600
    out = tmp_path / "samples.png"
    code, printed, _ = call("sample", run_folder, "--n", 6, "--columns", 3, "--steps", 2, "--scale", 1, "--out", out)
    assert code == 0
    assert str(out) in printed
    with Image.open(out) as image:
        assert image.size == (3 * SIDE + 4, 2 * SIDE + 2)


def test_a_finished_run_is_not_trained_again_but_can_be_lengthened(call, run_folder, pictures):
    command = ["train", "folder", "--data", pictures, "--out", run_folder, "--device", "cpu"]
    before = (run_folder / "weights.safetensors").read_bytes()
    assert call(*command)[0] == 0
    assert (run_folder / "weights.safetensors").read_bytes() == before
    assert call(*command, "--steps", STEPS + 2)[0] == 0
    assert json.loads((run_folder / "weights.json").read_text())["command"].endswith(f"folder --steps {STEPS + 2}")
    assert files.read(run_folder / "checkpoint.safetensors")[1]["step"] == STEPS + 2
    code, _, err = call(*command, "--no-resume")
    assert code == 1
    assert "already holds a checkpoint" in err
    code, _, err = call(*command, "--rate", "0.5")
    assert code == 1
    assert "made by another recipe: rate" in err


def test_a_run_begins_from_the_weights_of_another_and_keeps_to_them(call, run_folder, pictures, tmp_path):
    command = ["train", "folder", "--data", pictures, "--device", "cpu", "--out", tmp_path / "next", "--seed", 5]
    still = [*command, "--steps", 1, "--rate", 1e-12]
    assert call(*still, "--from", run_folder)[0] == 0
    old, new = (files.read(folder / "weights.safetensors")[0] for folder in (run_folder, tmp_path / "next"))
    assert all(torch.equal(old[name], new[name]) for name in old), "a rate of almost 0 moves nothing"
    assert f"--from {run_folder}" in json.loads((tmp_path / "next/weights.json").read_text())["command"]
    code, _, err = call(*still)
    assert code == 1
    assert "from" in err, "the same folder without --from, or from others, would be another run"
    code, _, err = call(*command, "--from", "emoji-clip", "--no-resume")
    assert code == 2
    assert "must hold a UNet of the same shape to begin with, got 'emoji-clip'" in err


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_goes_on_as_if_nothing_had_happened(call, run_folder, pictures, tmp_path, monkeypatch, kind):
    fit = training.fit

    def stopped(*arguments, **options):
        reports = fit(*arguments, **options)
        try:
            for report in reports:
                if report.step == 3:
                    os.kill(os.getpid(), kind)
                yield report
        finally:
            reports.close()

    monkeypatch.setattr(training, "fit", stopped)
    command = ["train", "folder", "--data", pictures, "--out", tmp_path / "again", "--device", "cpu"]
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    code, _, err = call(*command)
    assert code == 128 + kind
    assert f"stopped at step 3 of {STEPS}; the same command goes on from there" in err
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    monkeypatch.setattr(training, "fit", fit)
    assert call(*command)[0] == 0
    both = [files.read(folder / "weights.safetensors")[0] for folder in (run_folder, tmp_path / "again")]
    assert all(torch.equal(both[0][name], both[1][name]) for name in both[0])


def test_a_second_interrupt_stops_at_once_and_says_how_to_go_on(call, pictures, tmp_path, monkeypatch):
    fit = training.fit

    def impatient(*arguments, **options):
        for report in fit(*arguments, **options):
            if report.step == 3:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGINT)
            yield report

    monkeypatch.setattr(training, "fit", impatient)
    code, _, err = call("train", "folder", "--data", pictures, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 130
    assert "goes on from the checkpoint" in err
    assert files.read(tmp_path / "run" / "checkpoint.safetensors")[1]["step"] >= 2


def test_minutes_end_a_run_that_can_go_on(call, pictures, tmp_path):
    """It ends whole, with its weights; without the limit the same command goes on from there."""
    command = ["train", "folder", "--data", pictures, "--out", tmp_path / "run", "--device", "cpu"]
    code, out, _ = call(*command, "--minutes", "0.00001")
    assert code == 0 and "weights.safetensors" in out
    card = json.loads((tmp_path / "run" / "weights.json").read_text())
    assert card["step"] == 1 and "--minutes 1e-05" in card["command"]
    assert call(*command)[0] == 0
    assert json.loads((tmp_path / "run" / "weights.json").read_text())["step"] == STEPS


def test_a_run_draws_on_the_way_with_the_average_and_is_not_changed_by_it(call, pictures, tmp_path):
    """At every checkpoint, or as often as asked; the last grid is what the finished weights draw."""
    base = ("train", "folder", "--data", pictures, "--device", "cpu", "--out")
    runs = {None: ["0000002.png", "0000004.png", "0000006.png"], 3: ["0000003.png", "0000006.png"], 0: []}
    for every, expected in runs.items():
        asked = () if every is None else ("--samples-every", every)
        assert call(*base, tmp_path / str(every), *asked)[0] == 0
        assert sorted(path.name for path in tmp_path.glob(f"{every}/samples/*")) == expected
    kept = [files.read(tmp_path / str(every) / "checkpoint.safetensors")[0] for every in runs]
    assert all(torch.equal(value, other[name]) for other in kept[1:] for name, value in kept[0].items())
    assert (grids.PICTURES, grids.STEPS) == (16, 20), "of so small a network a few steps more or less are not seen"
    drawn = de.load(tmp_path / "None" / "checkpoint.safetensors").generate(16, sampler=de.DPMSolver(), steps=20)
    de.data.save_grid(tmp_path / "expected.png", drawn, scale=2)
    found = np.asarray(Image.open(tmp_path / "None/samples/0000006.png")).astype(int)
    assert np.abs(found - np.asarray(Image.open(tmp_path / "expected.png"))).max() <= 1
    code, _, err = call(*base, tmp_path / "bad", "--samples-every", -1)
    assert code == 2 and "--samples-every must be 0 or more steps, got -1" in err


def test_bad_pictures_stop_the_run_by_name_or_are_left_out(call, pictures, tmp_path):
    (pictures / "broken.png").write_text("no picture")
    command = ["train", "folder", "--data", pictures, "--out", tmp_path / "run", "--device", "cpu"]
    code, _, err = call(*command)
    assert code == 1
    assert "broken.png" in err
    code, _, err = call(*command, "--skip-bad")
    assert code == 0
    assert "left out:" in err
    assert files.read(tmp_path / "run" / "checkpoint.safetensors")[1]["data"]["shape"] == [5, 3, SIDE, SIDE]


def test_a_full_disk_in_training_is_told(call, pictures, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    code, _, err = call("train", "folder", "--data", pictures, "--out", tmp_path / "run", "--device", "cpu")
    assert code == 1
    assert "no space left to write" in err


def test_a_damaged_checkpoint_and_missing_data_are_told(call, run_folder, pictures, tmp_path):
    (run_folder / "checkpoint.safetensors").write_bytes(b"half")
    code, _, err = call("train", "folder", "--data", pictures, "--out", run_folder, "--device", "cpu")
    assert code == 1
    assert "checkpoint.safetensors is damaged" in err
    code, _, err = call("train", "fashion", "--data", tmp_path, "--device", "cpu")
    assert code == 1
    assert "train-images-idx3-ubyte.gz" in err


# ---- sample ----------------------------------------------------------------------------------------------


def sampled(call, run_folder, out, *options):
    code, _, err = call("sample", run_folder, "--out", out, "--n", 2, "--steps", 4, "--device", "cpu", *options)
    assert code == 0, err
    with Image.open(out) as image:
        return np.array(image).astype(int)


def test_seed_and_sampler_change_the_picture_and_nothing_else_does(call, run_folder, tmp_path):
    first = sampled(call, run_folder, tmp_path / "a.png")
    assert np.abs(sampled(call, run_folder, tmp_path / "b.png", "--batch-size", 1) - first).max() <= 1
    for options in (["--seed", 5], *(["--sampler", name] for name in ("ddpm", "dpm-solver", "ddim:eta=1"))):
        assert (sampled(call, run_folder, tmp_path / "c.png", *options) != first).any(), options
    beta = sampled(call, run_folder, tmp_path / "d.png", "--sampler", "ddpm:variance=beta")
    assert (sampled(call, run_folder, tmp_path / "e.png", "--sampler", "ddpm") != beta).any()


def test_a_picture_is_the_start_when_it_is_given(call, run_folder, tmp_path):
    photo = tmp_path / "photo.jpg"
    Image.fromarray(np.full((50, 90, 3), 200, np.uint8)).save(photo)
    out = sampled(call, run_folder, tmp_path / "a.png", "--from", photo, "--from-t", 5, "--columns", 2)
    assert np.abs(out[:, : 2 * SIDE] - 200).mean() < 30
    default = sampled(call, run_folder, tmp_path / "b.png", "--from", photo)
    same = sampled(call, run_folder, tmp_path / "c.png", "--from", photo, "--from-t", 400)
    assert (default == same).all()


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (["--sampler", "ddim:eta=3"], 2, "eta must be between 0 and 1, got 3.0"),
        (["--sampler", "ddim:eta=much"], 2, "eta must be between 0 and 1, got 'much'"),
        (["--sampler", "ddim:eta"], 2, "must be like eta=0.5, got 'eta'"),
        (["--sampler", "dpm"], 2, "sampler must be one of ddpm, ddim, dpm-solver, got 'dpm'"),
        (["--sampler", "ddpm:eta=1"], 2, "an option of the sampler 'ddpm' must be one of variance, got 'eta'"),
        (["--n", "0"], 2, "n must be at least 1"),
        (["--steps", "1001"], 2, "got 1001"),
        (["--from-t", "9"], 2, "--from-t belongs to --from"),
        (["--from", "missing.png"], 1, "missing.png"),
        (["--out", "samples.docx"], 2, "the ending of an image format"),
    ],
)
def test_mistakes_in_sampling_are_told(call, run_folder, tmp_path, monkeypatch, options, code, told):
    monkeypatch.chdir(tmp_path)
    found, _, err = call("sample", run_folder, "--n", 1, "--steps", 2, *options)
    assert found == code
    assert told in err


def test_damaged_weights_and_a_full_disk_are_told(call, run_folder, tmp_path, monkeypatch):
    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        code, _, err = call("sample", run_folder, "--n", 1, "--steps", 1, "--out", tmp_path / "x.png")
    assert code == 1
    assert "no space left to write" in err
    assert "x.png" in err and not (tmp_path / "x.png").exists()
    path = run_folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    code, _, err = call("sample", run_folder, "--n", 1, "--steps", 1, "--out", tmp_path / "x.png")
    assert code == 1
    assert "is damaged or was changed" in err


# ---- list, info ------------------------------------------------------------------------------------------


def test_list_shows_recipes_and_weights(call, run_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(pretrained, "WEIGHTS", run_folder)
    monkeypatch.setattr("diffusion_edu.cli.listing.WEIGHTS", run_folder)
    code, out, _ = call("list")
    assert code == 0
    assert all(name in out for name in (*RUNS, "weights"))
    assert out.count("a test") == 2  # of the recipe, and of the weights' card


def test_info_prints_a_card_or_a_recipe(call, run_folder):
    card = json.loads(call("info", run_folder, "--json")[1])
    assert card == json.loads((run_folder / "weights.json").read_text())
    out = call("info", run_folder)[1]
    assert card["weights"]["sha256"] in out
    recipe = json.loads(call("info", "folder", "--json")[1])
    assert recipe["recipe"]["steps"] == STEPS


# ---- as a program ----------------------------------------------------------------------------------------


def test_as_a_program_it_returns_the_code_and_no_traceback(tmp_path):
    command = [sys.executable, "-m", "diffusion_edu.cli", "train", "fashoin"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("did you mean 'fashion'?")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "said", [b"", b"{}\n5\n[]\n", b"\xff\xfe", b'{"step": 2, "loss": 1, "pictures_per_second": 0}\n', None]
)
def test_a_finished_run_whose_reports_are_damaged_is_finished_all_the_same(call, pictures, run_folder, said):
    metrics, weights = run_folder / "metrics.jsonl", run_folder / "weights.safetensors"
    before = weights.read_bytes()
    for left in (weights, run_folder / "weights.json"):
        left.unlink()
    metrics.unlink() if said is None else metrics.write_bytes(said)
    code, out, err = call("train", "folder", "--data", pictures, "--out", run_folder, "--device", "cpu")
    assert code == 0, err
    assert "final loss unknown: its reports are lost" in out
    assert weights.read_bytes() == before  # the same content is the same file
    assert json.loads((run_folder / "weights.json").read_text())["final_loss"] is None
    code, _, err = call("info", run_folder)
    assert code == 0, err


def test_a_file_of_an_earlier_version_is_drawn_with_after_one_line(call, run_folder, tmp_path):
    tensors, meta = files.read(run_folder / "weights.safetensors")
    path = tmp_path / "old.safetensors"
    path.write_bytes(save(tensors, {"diffusion_edu": json.dumps(meta)}))
    code, _, err = call("sample", path, "--n", 1, "--steps", 1, "--out", tmp_path / "x.png")
    assert code == 0
    assert err.count("old.safetensors has no checksum") == 1 and "note: " in err
