"""`diffusion-edu` as a program: no mistake and no signal ends in a traceback."""

import io
import os
import signal
import subprocess
import sys

import pytest

import diffusion_edu as de
from diffusion_edu import cli, startup

SOURCE = os.path.dirname(os.path.dirname(de.__file__))


@pytest.fixture
def slow_torch(tmp_path):
    """In place of PyTorch a module that gets a Ctrl-C while it loads, as a reader is likely to send one then."""
    (tmp_path / "stub/torch").mkdir(parents=True)
    code = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "stub/torch/__init__.py").write_text(code)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path / "stub"), SOURCE])}


def run(command, env):
    def heard():  # what runs in the background of a shell is begun with Ctrl-C ignored
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.run(
        [sys.executable, *command], env=env, capture_output=True, text=True, check=False, preexec_fn=heard
    )


def test_a_ctrl_c_while_pytorch_loads_is_one_word(slow_torch, tmp_path):
    script = tmp_path / "diffusion-edu"
    script.write_text("import sys\nfrom diffusion_edu.cli import main\nsys.exit(main())\n")
    for command in (["-m", "diffusion_edu.cli", "list"], [str(script), "list"]):
        done = run(command, slow_torch)
        assert (done.returncode, done.stdout, done.stderr) == (130, "", "diffusion-edu: interrupted\n")


def test_a_program_that_uses_the_library_has_its_ctrl_c_as_ever(slow_torch, tmp_path):
    script = tmp_path / "mine.py"
    script.write_text("try:\n    import diffusion_edu\nexcept KeyboardInterrupt:\n    print('mine')\n")
    assert run([str(script)], slow_torch).stdout == "mine\n"


def test_once_all_is_loaded_a_ctrl_c_is_an_exception_again(monkeypatch):
    before = signal.signal(signal.SIGINT, startup._leave)
    try:
        startup.loaded()
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    own = signal.getsignal(signal.SIGINT)
    startup.loaded()
    assert signal.getsignal(signal.SIGINT) is own, "another's handler stays"


@pytest.mark.parametrize("arguments", [["--help"], ["list"]])
def test_a_reader_that_goes_away_is_no_failure(arguments):
    """As `diffusion-edu --help | head -1` does, at the worst moment: before anything was written."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "diffusion_edu.cli", *arguments],
        env={**os.environ, "PYTHONPATH": SOURCE},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_letter_that_the_terminal_lacks_is_no_failure(monkeypatch, tmp_path):
    monkeypatch.setattr("diffusion_edu.cli.sampling.tune_malloc", lambda: False)
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    out = tmp_path / "Löwe.png"
    options = ["--n", "1", "--steps", "1", "--device", "cpu", "--out", str(out)]
    assert cli.main(["sample", "fashion", *options]) == 0
    assert out.is_file()
    assert rb"L\xf6we.png" in written.getvalue()


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (MemoryError(), 1, "error: not enough memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), 1, "not enough memory"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (OverflowError("too large"), 2, "error: too large"),
        (FileNotFoundError(2, "No such file or directory", "x.png"), 1, "error: No such file or directory: x.png"),
    ],
)
def test_what_can_happen_to_a_user_is_one_line(call, monkeypatch, error, code, told):
    def fails(options):
        raise error

    monkeypatch.setattr(cli, "draw", fails)
    found, out, err = call("sample", "fashion")
    assert (found, out) == (code, "")
    assert told in err and len(err.strip().splitlines()) == 1


def test_a_mistake_of_the_program_keeps_its_traceback(monkeypatch):
    def fails(options):
        raise RuntimeError("a shape is wrong")

    monkeypatch.setattr(cli, "draw", fails)
    with pytest.raises(RuntimeError, match="a shape is wrong"):
        cli.main(["sample", "fashion"])
