"""Several processes train the network that one process trains; they split the work, and stop together."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from PIL import Image

import diffusion_edu as de
from diffusion_edu import files, processes
from diffusion_edu.processes import World
from diffusion_edu.systems import Contrast
from diffusion_edu.train.checkpoint import CHECKPOINT, METRICS

# Seconds until a process that hangs is told: less than gloo waits for a lost one by itself, and no measure of speed.
PATIENCE = 1200
WORKER = Path(__file__).with_name("parallel_worker.py")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    random = np.random.default_rng(0)
    for index in range(20):
        Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(folder / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def environment():
    """Of each process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    if sys.platform.startswith("linux"):  # the machine's own name may lead nowhere: stay on the loopback
        environment["GLOO_SOCKET_IFNAME"] = "lo"
    return environment


@pytest.fixture(scope="module")
def launch(environment):
    """Run the worker in so many processes on this machine, as a user does: by torchrun."""

    def run(count, *arguments):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--local-addr", "127.0.0.1"]
        command += ["--nproc-per-node", str(count), "--", str(WORKER), *map(str, arguments)]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE)

    return run


@pytest.fixture(scope="module")
def start(environment, tmp_path_factory):
    """The same, but forked from one process that has imported all: an import costs more than a check."""
    words = [sys.executable, str(WORKER), "serve", str(PATIENCE)]
    said = tmp_path_factory.mktemp("said")
    server = subprocess.Popen(words, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(count, *arguments):
        out, err = (Path(tempfile.mkdtemp(dir=said)) / name for name in ("out", "err"))
        told = [{}]
        if count > 1:  # what torchrun tells its processes, and the store through which they find each other
            store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
            shared = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port), "WORLD_SIZE": str(count)}
            shared |= {"TORCHELASTIC_USE_AGENT_STORE": "True", "TORCHELASTIC_RESTART_COUNT": "0"}
            told = [{**shared, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(count)]
        asked = {"arguments": [*map(str, arguments)], "environments": told, "out": str(out), "err": str(err)}
        server.stdin.write(json.dumps(asked) + "\n")
        server.stdin.flush()
        codes = json.loads(server.stdout.readline())
        failed = [code for code in codes if code]
        return subprocess.CompletedProcess(arguments, failed[0] if failed else 0, out.read_text(), err.read_text())

    with server:  # in the end its input is closed, and it has no more to read
        yield run


def training(pictures, out, *more, mode=("cli",)):
    """The worker's arguments for a training."""
    return *mode, "train", "folder", "--data", pictures, "--out", out, "--device", "cpu", *more


@pytest.fixture(scope="module")
def alone(start, pictures, tmp_path_factory):
    """The run in one process."""
    out = tmp_path_factory.mktemp("alone")
    done = start(1, *training(pictures, out))
    assert done.returncode == 0, done.stderr
    return out


def losses(out):
    return [json.loads(line)["loss"] for line in (out / METRICS).read_text().splitlines()]


def same_run(a, b):
    """Same reports, same weights, up to the order in which sums are taken."""
    assert losses(a) == pytest.approx(losses(b), rel=1e-5)
    mine, yours = (files.read(out / CHECKPOINT)[0] for out in (a, b))
    assert mine.keys() == yours.keys()
    for name, value in mine.items():
        # The optimiser's first steps are signs of the gradient: where that is nearly 0, its last digit decides.
        assert torch.allclose(value, yours[name], rtol=1e-3, atol=2e-3 if "model" in name or "ema" in name else 1e-4), (
            name
        )


@pytest.mark.processes
def test_two_processes_train_as_one(launch, pictures, alone, tmp_path):
    done = launch(2, *training(pictures, tmp_path))
    assert done.returncode == 0, done.stderr
    same_run(tmp_path, alone)
    assert done.stdout.count("weights.safetensors") == 1  # one of them speaks
    assert de.load(tmp_path).generate(1, steps=2).shape == (1, 3, 32, 32)


@pytest.mark.processes
def test_two_processes_train_an_objective_of_its_own_as_one(start, tmp_path):
    """Conditions, their drops, shifts, mirrors: all random numbers are those of the whole batch."""
    for count in (1, 2):
        done = start(count, "own", tmp_path / str(count))
        assert done.returncode == 0, done.stderr
    same_run(tmp_path / "2", tmp_path / "1")


@pytest.mark.processes
def test_a_run_goes_on_with_another_number_of_processes(start, pictures, alone, tmp_path):
    for count, steps in ((2, 2), (1, 4), (2, 6)):
        done = start(count, *training(pictures, tmp_path, "--steps", steps))
        assert done.returncode == 0, done.stderr
    same_run(tmp_path, alone)


@pytest.mark.processes
def test_a_killed_process_ends_the_run_with_a_word_and_it_goes_on(launch, start, pictures, alone, tmp_path):
    done = launch(2, *training(pictures, tmp_path, mode=("die", 3)))
    assert done.returncode != 0
    assert "another process of this training is gone" in done.stderr
    step = files.read(tmp_path / CHECKPOINT)[1]["step"]
    assert step in (2, 3)  # the last one written by itself, or what was done when it happened
    assert f"the last checkpoint is step {step}" in done.stderr
    done = start(2, *training(pictures, tmp_path))
    assert done.returncode == 0, done.stderr
    same_run(tmp_path, alone)


@pytest.mark.processes
def test_all_stop_at_the_same_step_when_the_time_is_over(start, pictures, tmp_path):
    done = start(2, *training(pictures, tmp_path, "--minutes", 1e-9, "--steps", 50))
    assert done.returncode == 0, done.stderr
    assert files.read(tmp_path / CHECKPOINT)[1]["step"] == 1
    assert done.stdout.count("weights.safetensors") == 1, "it is a whole run, with its weights"


@pytest.mark.processes
def test_a_signal_to_one_of_them_stops_all_with_the_step_long_before_a_report(start, pictures, tmp_path):
    done = start(2, *training(pictures, tmp_path, mode=("asked", 3)))
    assert "stopped at step" in done.stderr, done.stderr
    step = files.read(tmp_path / CHECKPOINT)[1]["step"]
    assert step in (3, 4), "the step in which it came, or the one after"
    assert f"stopped at step {step} of 200" in done.stderr


@pytest.mark.processes
def test_minutes_that_are_over_end_both_of_them_long_before_a_report(start, pictures, tmp_path):
    done = start(2, *training(pictures, tmp_path, "--minutes", 1e-9, mode=("asked", 0)))
    assert done.returncode == 0, done.stderr
    assert files.read(tmp_path / CHECKPOINT)[1]["step"] == 1, "though a report comes every 50 steps only"


@pytest.mark.processes
def test_statistics_and_pictures_of_all_processes_are_those_of_one(start, tmp_path):
    results = []
    for count in (1, 2, 3):
        done = start(count, "merge", tmp_path / f"{count}.json")
        assert done.returncode == 0, done.stderr
        results.append(json.loads((tmp_path / f"{count}.json").read_text()))
    rows = torch.randn(101, 7, generator=torch.Generator().manual_seed(0)) + 5
    for count, found in zip((1, 2, 3), results):
        assert found["world"] == [0, count] and found["order"] == 0 and found["count"] == 101
        assert np.allclose(found["mean"], rows.double().mean(0), rtol=1e-9)
        assert np.allclose(found["covariance"], np.cov(rows.double().numpy().T), rtol=1e-9)
        assert np.allclose(found["drawn"], results[0]["drawn"], atol=1e-5)


@pytest.mark.processes
def test_an_evaluation_in_two_processes_says_what_one_says(start, tmp_path):
    for index, pixels in enumerate(de.data.fashion_mnist("test").pixels[:40]):
        de.data.save_grid(tmp_path / f"real/{index}.png", pixels[None], padding=0)
    arguments = ("cli", "evaluate", "fashion", tmp_path / "real", "--network", "fashion-classifier", "--n", 9)
    arguments += ("--steps", 2, "--resamples", 0, "--json")
    told = []
    for count in (1, 2):
        done = start(count, *arguments)
        assert done.returncode == 0, done.stderr
        told.append(json.loads(done.stdout))  # one answer, not two
    assert told[1]["pictures"] == 9
    assert told[1]["distance"] == pytest.approx(told[0]["distance"], rel=1e-4)


@pytest.mark.processes
@pytest.mark.parametrize("begin", [(), ("--from-t", 400)])
def test_pictures_drawn_by_two_processes_are_those_of_one(start, tmp_path, begin):
    """Five for two: one draws two, the other three. Once from noise, once from a picture."""
    sheets = []
    if begin:
        de.data.save_grid(tmp_path / "start.png", de.data.fashion_mnist("test").pixels[:1], padding=0)
        begin = ("--from", tmp_path / "start.png", *begin)
    for count in (1, 2):
        file = tmp_path / f"{count}.png"
        done = start(count, "cli", "sample", "fashion", "--n", 5, "--steps", 3, "--out", file, "--scale", 1, *begin)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(file.name) == 1
        sheets.append(np.asarray(Image.open(file)).astype(int))
    assert np.abs(sheets[0] - sheets[1]).max() <= 1


@pytest.mark.processes
def test_a_batch_must_divide(start, pictures, tmp_path):
    done = start(2, *training(pictures, tmp_path, "--batch-size", 7))
    assert done.returncode != 0
    assert "batch_size must be a multiple of 2, the number of processes, got 7" in done.stderr


def test_an_objective_of_whole_batches_is_refused(monkeypatch):
    monkeypatch.setattr(processes, "world", lambda: World(0, 2))
    data = {"pixels": torch.zeros(4, 1, 8, 8, dtype=torch.uint8), "group": torch.zeros(4, dtype=torch.long)}
    message = r"objective must be one that takes each entry by itself in several processes.*, got Contrast\(shift=0\)"
    with pytest.raises(ValueError, match=message):
        de.fit(torch.nn.Linear(1, 1), data, de.Recipe(batch_size=2), Contrast())


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 4, 15])
def test_parts_are_all_of_it_in_order(size, count):
    parts = [World(rank, size).part(count) for rank in range(size)]
    assert [i for part in parts for i in part] == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_alone_there_is_nothing_to_agree_on():
    value = torch.tensor(3.0)
    assert processes.world() == World(0, 1)
    assert processes.mean(value) is value
    assert processes.agree(True) and not processes.agree(False)
    assert processes.gathered("x") == ["x"]
