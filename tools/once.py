"""Make a file at most once, however many makes run at the same time.

    python tools/once.py [--say WORDS] TARGET PREREQUISITE ... -- COMMAND ... [-- COMMAND ...]

The commands run under a lock, which the system takes back when its holder is gone, however it ended. When they are done
the target is written: it holds a digest of the commands and of all that the target is made from. A target that holds
the same digest already (another make was faster, or a checkout only touched the files) is touched, and nothing runs.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Beside the environment that the commands write to, which a second checkout may share by a link.
LOCK = Path(".venv").resolve().with_name(".venv.lock")


@contextmanager
def held(path: Path) -> Iterator[int]:
    """The lock as a file descriptor; waits, and says so, while another process has it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for the make that holds {path.name}", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def digest(commands: list[list[str]], prerequisites: list[str]) -> str:
    """What the target is made from: the commands, and the files by name and content."""
    found = hashlib.sha256(repr(commands).encode())
    for name in sorted(prerequisites):
        path = Path(name)
        found.update(f"\0{name}\0".encode())
        found.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"")
    return found.hexdigest() + "\n"


def make(target: Path, prerequisites: list[str], commands: list[list[str]], words: str = "") -> int:
    """Run the commands unless the target is made; returns the exit status of the first one that failed, or 0."""
    with held(LOCK) as descriptor:
        wanted = digest(commands, prerequisites)
        if target.is_file() and target.read_text(encoding="utf-8") == wanted:
            if prerequisites and max(os.stat(p).st_mtime for p in prerequisites) > target.stat().st_mtime:
                target.touch()
            return 0
        target.unlink(missing_ok=True)
        if words:
            print(words, flush=True)
        for command in commands:
            # A command that outlives this process keeps the lock: what it writes is not to be written twice.
            done = subprocess.run(command, pass_fds=[descriptor])
            if done.returncode:
                return done.returncode if done.returncode > 0 else 128 - done.returncode
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(wanted, encoding="utf-8")
    return 0


def main(words: list[str]) -> int:
    """The command line."""
    say = words[1] if words[:1] == ["--say"] else ""
    parts: list[list[str]] = [[]]
    for word in words[2:] if say else words:
        if word == "--":
            parts.append([])
        else:
            parts[-1].append(word)
    names, *commands = parts
    if not names or not commands or not all(commands):
        sys.exit(__doc__)
    return make(Path(names[0]), names[1:], commands, say)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the set-up without a traceback
    sys.exit(main(sys.argv[1:]))
