"""tools/once.py: what makes a file runs once, however many makes ask for it, and a lock that is stale is no lock."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ONCE = Path(__file__).resolve().parents[2] / "tools/once.py"
# Writes a line, and waits until the other end of a pipe is written to.
WAITS = "import sys; open('log', 'a').write('x'); print('begun', flush=True); open(sys.argv[1]).read()"
LOGS = "open('log', 'a').write('x')"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A project whose path has a space."""
    path = tmp_path / "a project"
    path.mkdir()
    monkeypatch.chdir(path)
    os.mkfifo("gate")
    return path


def once(*words):
    return subprocess.run([sys.executable, str(ONCE), *words], capture_output=True, text=True)


def begin(*words):
    command = [sys.executable, str(ONCE), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)


def runs(folder):
    return len((folder / "log").read_text())


def test_several_at_once_run_the_commands_once(folder):
    first = begin("made", "--", sys.executable, "-c", WAITS, "gate")
    assert first.stdout.readline() == "begun\n"
    others = [begin("made", "--", sys.executable, "-c", WAITS, "gate") for _ in range(3)]
    for other in others:
        assert other.stdout.readline() == "Waiting for the make that holds .venv.lock\n"
    Path("gate").write_text("")
    assert [process.wait() for process in (first, *others)] == [0] * 4
    assert runs(folder) == 1


def test_the_lock_of_one_that_was_killed_is_free(folder):
    first = begin("made", "--", sys.executable, "-c", WAITS, "gate")
    assert first.stdout.readline() == "begun\n"
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert not Path("made").exists()
    assert once("made", "--", sys.executable, "-c", LOGS).returncode == 0
    assert runs(folder) == 2


def test_a_command_that_outlives_its_make_keeps_the_lock(folder):
    first = begin("made", "--", sys.executable, "-c", WAITS, "gate")
    assert first.stdout.readline() == "begun\n"
    first.kill()
    first.wait()
    second = begin("made", "--", sys.executable, "-c", LOGS)
    assert second.stdout.readline() == "Waiting for the make that holds .venv.lock\n"
    Path("gate").write_text("")
    assert second.wait() == 0


def test_what_has_not_changed_is_not_made_again(folder):
    source = folder / "source"
    source.write_text("one")
    asked = ("--say", "Making it", "deep/made", "source", "--", sys.executable, "-c", LOGS)
    assert once(*asked).stdout == "Making it\n"
    made = folder / "deep/made"
    os.utime(made, (1, 1))  # a checkout touched the source: newer, and the same
    assert once(*asked).stdout == ""
    assert runs(folder) == 1 and made.stat().st_mtime >= source.stat().st_mtime
    source.write_text("two")
    assert once(*asked).stdout == "Making it\n"
    assert once(*asked[:-1], LOGS + ";0").returncode == 0, "another command is another thing"
    assert runs(folder) == 3


def test_what_failed_is_tried_again_and_nothing_after_it_runs(folder):
    (folder / "made").write_text("of an earlier run")
    failed = once("made", "--", sys.executable, "-c", "raise SystemExit(3)", "--", sys.executable, "-c", LOGS)
    assert failed.returncode == 3 and not (folder / "made").exists() and not (folder / "log").exists()
    assert once("made", "--", sys.executable, "-c", LOGS, "--", sys.executable, "-c", LOGS).returncode == 0
    assert runs(folder) == 2


def test_checkouts_that_share_an_environment_share_its_lock(folder):
    (folder / "shared/.venv").mkdir(parents=True)
    (folder / ".venv").symlink_to("shared/.venv")
    assert once("made", "--", sys.executable, "-c", LOGS).returncode == 0
    assert (folder / "shared/.venv.lock").exists() and not (folder / ".venv.lock").exists()


@pytest.mark.parametrize("words", [(), ("made",), ("made", "--"), ("made", "--", "true", "--")])
def test_a_call_without_a_command_shows_how(folder, words):
    done = once(*words)
    assert done.returncode == 1 and "once.py [--say WORDS] TARGET" in done.stderr
