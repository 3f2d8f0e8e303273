import gzip
import hashlib
import importlib
import shutil
from importlib.resources import as_file, files
from pathlib import Path

import pytest
import torch

from diffusion_edu._errors import DataError
from diffusion_edu.data import fashion_mnist
from diffusion_edu.data.idx import read_idx

# The package offers the function under the same name.
module = importlib.import_module("diffusion_edu.data.fashion_mnist")
IMAGES, LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
# As the publisher states them.
MD5 = {IMAGES: "bef4ecab320f06d8554ea6380940ec79", LABELS: "bb300cfdad3c16e7a12a480ee83cd310"}


@pytest.fixture
def shipped():
    with as_file(files("diffusion_edu.data") / "files") as folder:
        yield Path(folder)


@pytest.fixture
def copy(shipped, tmp_path):
    for name in (IMAGES, LABELS):
        shutil.copy(shipped / name, tmp_path)
    return tmp_path


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """A machine with no Debian package, an empty cache, and no network."""
    monkeypatch.setattr(module, "DEBIAN", tmp_path / "debian")
    monkeypatch.setattr(module, "ADDRESSES", ("http://127.0.0.1:9/",))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv(module.FOLDER_VARIABLE, raising=False)
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)


def test_the_shipped_files_are_the_publishers(shipped):
    for name, md5 in MD5.items():
        content = (shipped / name).read_bytes()
        assert hashlib.md5(content).hexdigest() == md5
        assert hashlib.sha256(content).hexdigest() == module.PACKED_SHA256[name]
    assert "Zalando" in (shipped / "LICENSE.fashion-mnist").read_text()


def test_the_test_split_is_there_without_a_network(nowhere):
    data = fashion_mnist("test")
    assert data.pixels.shape == (10_000, 1, 32, 32)
    assert data.pixels.dtype == torch.uint8
    assert torch.bincount(data.labels).tolist() == [1000] * 10
    assert len(data.classes) == 10
    assert data.classes[data.labels[0]] == "Ankle boot"


def test_padding_is_black_and_the_middle_is_the_original(shipped):
    original = read_idx(shipped / IMAGES, 3)
    for size, edge in ((32, 2), (28, 0), (36, 4)):
        pixels = fashion_mnist("test", size=size).pixels[:, 0]
        assert pixels.shape[1:] == (size, size)
        assert torch.equal(pixels[:, edge : size - edge, edge : size - edge], original)
        assert pixels.long().sum() == original.long().sum()


def test_a_named_folder_is_read(copy, monkeypatch, nowhere):
    assert torch.equal(fashion_mnist("test", root=copy).pixels, fashion_mnist("test").pixels)
    (copy / "fashion-mnist").mkdir()
    shutil.move(copy / LABELS, copy / "fashion-mnist")
    assert torch.equal(fashion_mnist("test", root=copy).labels, fashion_mnist("test").labels)
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(copy))
    assert module.locate(IMAGES) == copy / IMAGES


def test_the_folder_given_as_argument_comes_before_the_variable(copy, tmp_path_factory, monkeypatch):
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path_factory.mktemp("empty")))
    assert module.locate(IMAGES, copy) == copy / IMAGES


def test_debians_package_is_found_by_itself(copy, monkeypatch, nowhere):
    monkeypatch.setattr(module, "DEBIAN", copy)
    assert module.locate(IMAGES) == copy / IMAGES


def test_a_named_folder_without_the_file_is_an_error(tmp_path, monkeypatch, nowhere):
    with pytest.raises(FileNotFoundError, match=r"root names the folder .* holds no train-images-idx3-ubyte\.gz"):
        fashion_mnist("train", root=tmp_path)
    monkeypatch.setenv(module.FOLDER_VARIABLE, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="DIFFUSION_EDU_DATA names the folder"):
        fashion_mnist("train")


def test_a_cut_file_is_named(copy):
    content = (copy / IMAGES).read_bytes()
    (copy / IMAGES).write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz is cut short"):
        fashion_mnist("test", root=copy)


def test_another_data_set_of_the_same_form_is_refused(copy):
    """MNIST's files have these very names, shapes and lengths."""
    content = bytearray(gzip.decompress((copy / IMAGES).read_bytes()))
    content[5000] ^= 1
    (copy / IMAGES).write_bytes(gzip.compress(bytes(content), compresslevel=1))
    with pytest.raises(DataError, match=r"is not Fashion-MNIST's t10k-images"):
        fashion_mnist("test", root=copy)


def test_without_a_network_the_error_says_what_to_do(nowhere):
    with pytest.raises(DataError, match="could not be downloaded") as caught:
        fashion_mnist("train")
    for help_ in ("root=", "--data", "DIFFUSION_EDU_DATA", "github.com/zalandoresearch", "refused"):
        assert help_ in str(caught.value)


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="split must be one of train, test, got 'tset'; did you mean 'test'"):
        fashion_mnist("tset")
    for size in (27, 33, 2):
        with pytest.raises(ValueError, match=f"size must be an even number of at least 28, got {size}"):
            fashion_mnist("test", size=size)
