"""What all tests share: one thread (the tensors are tiny), no time limit a property test could miss, one browser;
and a command line."""

import functools
import importlib
import shutil

import dealing
import numpy as np
import pytest
import torch
from chromium import running
from hypothesis import settings
from PIL import Image

torch.set_num_threads(1)
settings.register_profile("shared", deadline=None, derandomize=True)
settings.load_profile("shared")


@pytest.hookimpl(optionalhook=True)  # pytest-xdist is not everywhere
def pytest_xdist_make_scheduler(config, log):
    """Two browsers open no page twice."""
    return dealing.scheduler(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(config, items):
    if hasattr(config, "workerinput"):  # a process of pytest-xdist
        dealing.longest_first(items)


@pytest.fixture(scope="module")
def chromium():
    """One browser for a file: Playwright in a process is an event loop, and other files may want one of their own."""
    with running() as browser:
        yield browser


@pytest.fixture(scope="session", autouse=True)
def emoji_unpacked_once():
    """The images of the emoji are read and unpacked once in a process; `emoji` copies what it takes of them."""
    module = importlib.import_module("diffusion_edu.data.emoji")

    @functools.cache
    def read_once(count):
        pixels = read(count)
        pixels.flags.writeable = False
        return pixels

    with pytest.MonkeyPatch.context() as patch:
        read = module.read_pixels
        patch.setattr(module, "read_pixels", functools.wraps(read)(read_once))
        yield


@pytest.fixture(scope="session")
def few_emoji(emoji_unpacked_once):
    """The function `emoji` that knows the first dozen images of each split, for runs that would encode all."""
    from diffusion_edu import data

    @functools.cache
    def emoji(split="train", size=32, seed=None):
        whole = data.emoji(split, size, seed)
        fields = {name: value[:12] for name, value in whole._asdict().items() if name not in ("classes", "skipped")}
        return whole._replace(**{**fields, "pixels": fields["pixels"].clone()})

    return emoji


@pytest.fixture
def call(capsys, monkeypatch):
    """Run the command line; returns the exit code, stdout and stderr."""
    from diffusion_edu.cli import main

    for module in ("training", "sampling", "evaluating"):  # no change to the allocator of the test process
        monkeypatch.setattr(f"diffusion_edu.cli.{module}.tune_malloc", lambda: False)

    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        assert "Traceback" not in err
        return code, out, err

    return run


@pytest.fixture(scope="session")
def five_pictures(tmp_path_factory):
    """A folder of five images of 50 x 40, which a test leaves as it is."""
    folder = tmp_path_factory.mktemp("five")
    random = np.random.default_rng(0)
    for index in range(5):
        Image.fromarray(random.integers(0, 255, (40, 50, 3), np.uint8)).save(folder / f"{index}.png")
    return folder


@pytest.fixture
def pictures(five_pictures, tmp_path):
    """The same images in a folder of the test's own."""
    return shutil.copytree(five_pictures, tmp_path / "pictures")


@pytest.fixture
def tiny_folder(monkeypatch):
    """The run `folder` with a network that takes milliseconds: six steps, and no report before the last."""
    import diffusion_edu as de
    from diffusion_edu.runs import RUNS
    from diffusion_edu.runs.folder import folder_run

    recipe = de.Recipe(steps=6, batch_size=4, warmup=0, log_every=50, precision="fp32", ema_decay=0.5)
    monkeypatch.setitem(RUNS, "folder", folder_run(de.UNetConfig.tiny(channels=(8, 8, 8)), recipe))
