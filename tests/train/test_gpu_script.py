"""benchmarks/gpu.py from end to end, on a CPU with the tiny network: what a GPU will run, in seconds."""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.train import checkpoint

ROOT = Path(__file__).resolve().parents[2]
WORKER = Path(__file__).parent / "gpu_worker.py"
sys.path.insert(0, str(ROOT / "benchmarks"))

import gpu  # noqa: E402
import gpu_speed  # noqa: E402
import gpu_table  # noqa: E402
import gpu_train  # noqa: E402
import peers  # noqa: E402


def command(folder, *arguments):
    here = ["--device", "cpu", "--size", "tiny", "--eager", "--out", folder / "gpu.json", "--work", folder / "work"]
    return [sys.executable, str(WORKER), *map(str, [*here, "--weights", folder / "weights", *arguments])]


def call(folder, *arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command(folder, *arguments), cwd=ROOT, env=environment, capture_output=True, text=True)


def parts(folder):
    return json.loads((folder / "gpu.json").read_text())["parts"]


@pytest.mark.slow
def test_speed_is_measured_once_and_kept(tmp_path):
    asked = ("--only", "throughput", "worth", "--of", "ours", "--rounds", 1, "--steps", 1, "--batches")
    (tmp_path / "gpu.json").write_text("{")
    damaged = call(tmp_path, *asked)
    assert damaged.returncode != 0 and "is damaged" in damaged.stderr
    (tmp_path / "gpu.json").unlink()
    done = call(tmp_path, *asked)
    assert done.returncode == 0, done.stderr
    found = parts(tmp_path)
    assert list(found) == ["peak", "throughput", "worth"], "throughput needs the peak"
    rows = found["throughput"]["rows"]
    assert rows and all(0 < row["share_of_bf16_peak"] < 1 for row in rows.values())
    for row in rows.values():
        assert row["flops_per_second"] == pytest.approx(row["flops_per_picture"] * row["pictures_per_second"])
    assert all(row["pictures_per_second"] > 0 and row["peak_mib"] > 0 for row in found["worth"]["rows"].values())
    flops, top = found["throughput"]["our_flops_by_the_trace"], found["peak"]["bf16_flops"]
    for name, row in found["worth"]["rows"].items():
        assert row["share_of_bf16_peak"] == pytest.approx(row["pictures_per_second"] * flops / top)
        assert name in done.stdout, "the table at the end"
    assert all("--only " + name in part["command"] and part["seconds_spent"] > 0 for name, part in found.items())
    assert str(tmp_path) not in json.dumps(found)
    again = call(tmp_path, *asked)
    assert again.stdout.count("done before") == 2
    assert parts(tmp_path) == found
    more = call(tmp_path, *asked, 2)
    assert "throughput: done before" in more.stdout and "worth: done before" not in more.stdout
    assert list(parts(tmp_path)["worth"]["batches"]) == ["2"], "a batch that was not asked for before"
    other = call(tmp_path, *asked, "--batch", 8)
    assert other.returncode != 0 and "name another file" in other.stderr


@pytest.mark.slow
def test_a_killed_training_goes_on_and_is_judged(tmp_path):
    saved = tmp_path / "work/ours/checkpoint.safetensors"
    asked = ("--only", "train", "--of", "ours", "diffusers", "--pictures", 8, "--reference", 40)
    running = subprocess.Popen(command(tmp_path, *asked, "--train-minutes", 5), cwd=ROOT, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not saved.is_file() and time.monotonic() < deadline:
        time.sleep(0.1)
    running.kill()
    running.wait()
    step = checkpoint.read(saved)[1]["step"]
    assert step > 0
    done = call(tmp_path, *asked, "--train-minutes", 0.05)
    assert done.returncode == 0, done.stderr
    found = parts(tmp_path)["train"]
    assert found["ours"]["steps"] > step, "it went on from the checkpoint"
    for name in ("ours", "diffusers"):
        assert found[name]["seconds"] >= 3 and found[name]["steps"] > 0
        assert found[name]["distance"] > 0 and found[name]["floor"]["pictures"] == 8
        assert found[name]["measure"] == "FD (EfficientNet-Lite0)"
        assert (tmp_path / f"work/{name}.png").is_file()
    assert found["floor_test_split"]["pictures"] == 8 and found["floor_test_split"]["distance"] >= 0
    assert call(tmp_path, *asked).stdout.startswith("train: done before")


def test_missing_data_are_told_and_the_other_parts_are_done(tmp_path):
    """`folder` of pictures is a model whose data are missing here."""
    done = call(tmp_path, "--only", "models", "peak", "--models", "folder", "--model-steps", 2, "--minutes", 1)
    found = parts(tmp_path)
    assert found["peak"]["bf16_flops"] > 0
    assert found["models"]["folder"]["finished"] is False and found["models"]["folder"]["exit_code"] == 2
    assert "--data" in done.stderr


def test_the_arithmetic_of_a_training_picture_is_three_times_forward():
    model = de.UNet(peers.our_config("tiny"))
    rows = de.nn.trace.trace_modules(model, torch.zeros(1, 3, 32, 32), torch.ones(1, dtype=torch.long))
    assert gpu_speed.training_flops("tiny") == 3 * sum(row.flops for row in rows)


def test_each_row_differs_from_the_best_in_what_it_says(monkeypatch):
    monkeypatch.setattr(gpu_speed, "has_bf16", lambda device: True)
    rows = gpu_speed.settings(torch.device("cuda"), compiled=True)
    best = rows.pop("all of them")
    assert best == gpu_speed.FASTEST
    changed = {name: [key for key in best if best[key] != row[key]] for name, row in rows.items()}
    assert changed.pop("none of them") == list(best)
    assert changed == {
        "without bf16": ["bf16"],
        "without channels-last": ["channels_last"],
        "without compile": ["compile"],
        "with CUDA graphs": ["compile"],
        "without the fused optimiser": ["fused"],
        "average weight by weight": ["foreach"],
    }


def test_on_a_processor_compiling_is_a_row_of_its_own():
    rows = gpu_speed.settings(torch.device("cpu"), compiled=True)
    assert [name for name, row in rows.items() if row["compile"]] == ["with compile"]
    assert "with compile" not in gpu_speed.settings(torch.device("cpu"), compiled=False)


@pytest.mark.parametrize("switch", ["bf16", "channels_last", "fused", "foreach"])
def test_a_step_runs_with_each_switch_on_and_off(switch):
    off = {"bf16": False, "channels_last": False, "compile": None, "fused": False, "foreach": False}
    for value in (False, True):
        gpu_speed.step_of("tiny", 2, torch.device("cpu"), {**off, switch: value})()


def test_the_clock_starts_at_the_first_tick_and_ends_with_the_call(monkeypatch):
    now = 100.0
    monkeypatch.setattr(gpu_train.time, "perf_counter", lambda: now)
    clock = gpu_train.Clock(seconds=10, left=60)
    now = 140.0  # compiling
    assert not clock.tick() and clock.spent == 0
    now = 149.0
    assert not clock.tick() and clock.spent == 9
    now = 151.0
    assert clock.tick() and clock.spent == 11
    short = gpu_train.Clock(seconds=1000, left=5)
    assert not short.tick()
    now = 156.0
    assert short.tick(), "the call is over before the training is"


def test_work_that_cannot_be_cut_waits_for_a_call_with_room(monkeypatch, tmp_path):
    now = 0.0
    monkeypatch.setattr(gpu.time, "monotonic", lambda: now)
    here = argparse.Namespace(out=tmp_path / "gpu.json", minutes=5.0, size="tiny", batch=4, device="cpu")
    results = gpu.Results(here)
    assert results.room(600.0) == 300, "a call that can never have so much room must not wait for ever"
    now = 100.0
    assert results.room(200.0) == 200
    with pytest.raises(gpu.OutOfTime):
        results.room(201.0)
    now = 300.0
    with pytest.raises(gpu.OutOfTime):
        results.left()


def test_a_row_that_fails_is_told_in_words():
    machine = {"device": "it", "torch": "2"}
    worth = {"rows": {"a": {"failed": "out of memory"}}, "batches": {}, "done": True}
    train = {"ours": {"seconds": 12.0}, "lucidrains": {"seconds": 0.0, "failed": "No module"}, "done": False}
    told = gpu_table.table({"machine": machine, "parts": {"worth": worth, "train": train}})
    assert "out of memory" in told and "12 s of training so far" in told and "No module" in told


def test_without_nbval_the_notebooks_are_told_as_not_run(monkeypatch):
    monkeypatch.setattr(gpu_train.importlib.util, "find_spec", lambda name: None)
    assert gpu_train.run_notebooks(1.0) == {"failed": "not run: nbval is not installed"}
