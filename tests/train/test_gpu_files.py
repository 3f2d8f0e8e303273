"""What benchmarks/gpu.py brings along and brings home: wheels into their folder, results into archives and back."""

import io
import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from gpu import command, pack, wheels  # noqa: E402

# ---- wheels ----------------------------------------------------------------------------------------------


def wheel(folder, name, code, tag="py3-none-any"):
    """A wheel of one package that runs `code` when it is imported."""
    about = f"{name}-1.0.dist-info"
    content = {
        f"{name}/__init__.py": code,
        f"{about}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{about}/WHEEL": f"Wheel-Version: 1.0\nGenerator: a test\nRoot-Is-Purelib: true\nTag: {tag}\n",
    }
    content[f"{about}/RECORD"] = "".join(f"{path},,\n" for path in [*content, f"{about}/RECORD"])
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as archive:
        for path, text in content.items():
            archive.writestr(path, text)


def test_wheels_are_installed_once_and_those_that_refuse_are_left_out_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "somewhere")
    carried, site = tmp_path / "carried", tmp_path / "site"
    wheel(carried, "edu_good", "answer = 42")
    wheel(carried, "edu_grumpy", "raise ImportError('no such library here')")
    wheel(carried, "edu_crash", "import os; os._exit(7)")
    wheel(carried, "edu_foreign", "", tag="cp27-cp27m-win32")
    left_out = wheels.ready(carried, site)
    assert set(left_out) == {"edu_grumpy", "edu_crash", "edu_foreign-1.0-cp27-cp27m-win32.whl"}
    assert left_out["edu_grumpy"] == "ImportError: no such library here" and "code 7" in left_out["edu_crash"]
    assert {path.name for path in site.iterdir() if path.name.startswith("edu") and path.suffix == ""} == {"edu_good"}
    assert sys.path[0] == str(site) and str(ROOT / "src") in sys.path
    assert os.environ["PYTHONPATH"].split(os.pathsep) == [str(site), str(ROOT / "src"), "somewhere"]
    monkeypatch.setattr(wheels, "install", lambda *_: pytest.fail("they are there"))
    assert wheels.ready(carried, site) == left_out


def test_without_wheels_nothing_is_installed(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("PYTHONPATH", "")
    assert wheels.ready(tmp_path / "none", tmp_path / "site") == {} and not (tmp_path / "site").exists()


# ---- files -----------------------------------------------------------------------------------------------


def test_files_are_packed_below_the_limit_and_come_back(tmp_path, monkeypatch):
    monkeypatch.setattr(pack, "MOST_BYTES", 60_000)
    monkeypatch.setattr(pack, "MOST_FILES", {"models": 2})
    sizes = {"a": 30_000, "b": 25_000, "c": 3_000, "large": 80_000, "d": 30_000}
    contents = {}
    for name, size in sizes.items():
        for suffix, count in ((".safetensors", size), (".json", 10)):
            file = tmp_path / f"{name}{suffix}"
            file.write_bytes(os.urandom(count))
            contents[f"src/diffusion_edu/weights/{name}{suffix}"] = file
    out = tmp_path / "out"
    left_out = pack.pack(out, "models", contents)
    assert {Path(path).stem for path in left_out} == {"large", "b"}, "too large; and one too many"
    archives = sorted(out.iterdir())
    assert [path.name for path in archives] == ["models-1.tar", "models-2.tar"]
    assert all(path.stat().st_size <= 60_000 for path in archives)
    told = pack.unpack(out, tmp_path / "home")
    assert len(told) == 6
    for path in told:
        assert (tmp_path / "home" / path).read_bytes() == contents[path].read_bytes()
    pack.pack(out, "models", {path: file for path, file in contents.items() if "/c." in path})
    assert [path.name for path in out.iterdir()] == ["models-1.tar"], "an archive of before must not stay"


@pytest.mark.parametrize("name", ["../evil", "src/diffusion_edu/weights/../../evil.py", "README.md", "/etc/passwd"])
def test_an_archive_writes_only_where_results_belong(tmp_path, name):
    with tarfile.open(tmp_path / "models-1.tar", "w") as tar:
        entry = tarfile.TarInfo(name)
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    with pytest.raises(ValueError, match="no place of a result"):
        pack.unpack(tmp_path, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_folder_without_results_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--unpack", str(tmp_path)])
    assert command.main("about") == 2 and "holds no results" in capsys.readouterr().err


def test_new_parts_take_the_place_of_old_ones(tmp_path):
    path = tmp_path / "gpu.json"
    old = {"settings": 1, "machine": {"device": "old"}, "parts": {"peak": {"done": True, "x": 1}, "train": {"y": 2}}}
    path.write_text(json.dumps(old))
    new = {"settings": 2, "machine": {"device": "new"}, "parts": {"train": {"done": True, "y": 3}, "worth": {}}}
    pack.merge(new, path)
    merged = json.loads(path.read_text())
    assert merged["machine"]["device"] == "old" and merged["parts"]["peak"]["x"] == 1 and "worth" not in merged["parts"]
    assert merged["parts"]["train"] == {"done": True, "y": 3, "machine": {"device": "new"}}
    pack.merge({**new, "parts": {"peak": {"done": True, "x": 5}}}, path)
    assert json.loads(path.read_text())["machine"]["device"] == "new"
