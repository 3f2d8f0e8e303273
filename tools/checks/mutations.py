"""Damage files of every kind and see what comes of it: python -m tools.checks.mutations [--seed 0] [--n 1600]

Each answer is one of:

right     an error of ours that names the file, or the answer of the whole file
foreign   another answer, from a format of others that has no checksum
told      another answer, or a loss that is not finite, from a file of an earlier version, after the warning that it
          has no checksum
unnamed   an error of ours that does not name the file
obscure   any other error
silent    another answer
memory    more memory than there is reason for, or none left
hang      no answer in time
crash     the end of the process

The same seed and number give the same damage. The files are read in a process of their own, with limits.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
GOOD, BAD = ("right", "foreign", "told"), ("unnamed", "obscure", "silent", "memory", "hang", "crash")
ROOM, MOST = 1 << 30, 400 << 20  # bytes: of address space beyond what is taken at the start; that one case may take


class Answer(NamedTuple):
    """What came of one case: its kind, what was done to the file, one of the words above, and the error."""

    kind: str
    words: str
    answer: str
    error: str = ""


def plan(seed: int, n: int) -> list[tuple[str, int]]:
    """The kinds of n cases in order, and which of its kind each is."""
    from .cases import KINDS

    total = sum(share for _, share in KINDS.values())
    counts = {kind: max(1, round(n * share / total)) for kind, (_, share) in KINDS.items()}
    cases = [(kind, k) for kind, count in counts.items() for k in range(count)]
    Random(seed).shuffle(cases)
    return cases


def run(seed: int, n: int, limit: float = 300.0) -> Iterator[Answer]:
    """Answers of n cases, or about as many.

    Args:
        seed: of the damage.
        n: how many.
        limit: seconds after which a case hangs, and its process is ended; also for the start.
    """
    begin = 0
    while True:
        command = [sys.executable, "-m", "tools.checks.mutations", "--worker", str(begin)]
        command += ["--seed", str(seed), "--n", str(n)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        lines: queue.Queue[str] = queue.Queue()
        reader = threading.Thread(target=_pass_on, args=(process.stdout, lines), daemon=True)
        reader.start()
        current: list[Any] | None = None
        why = "crash"
        while True:
            try:
                line = lines.get(timeout=limit)
            except queue.Empty:
                process.kill()
                why = "hang"
                break
            if not line:
                break
            said = json.loads(line)
            if len(said) == 3:  # index, kind, words: it begins
                current = said
            else:
                current = None
                yield Answer(*said[1:])
        process.wait()
        if current is None and process.returncode == 0 and why == "crash":
            return
        if current is None:
            raise RuntimeError(f"the process that reads the files ended between two of them: {why}")
        yield Answer(current[1], current[2], why)
        begin = current[0] + 1


def _pass_on(stream: Any, lines: queue.Queue[str]) -> None:
    for line in stream:
        lines.put(line)
    lines.put("")


def work(seed: int, n: int, begin: int) -> None:
    """Read the files, from case `begin` on; one line before each case and one after it."""
    from .cases import KINDS
    from .stock import Stock

    said = os.fdopen(os.dup(1), "w", buffering=1)
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - for the rest of the process
    with tempfile.TemporaryDirectory() as place:
        stock = Stock(Path(place) / "stock")
        _limit()
        for index, (kind, k) in list(enumerate(plan(seed, n)))[begin:]:
            folder = Path(place) / "case"
            folder.mkdir()
            case = KINDS[kind][0](stock, folder, Random(f"{seed}|{kind}|{k}"), k)
            print(json.dumps([index, kind, case.words]), file=said)
            print(json.dumps([index, kind, case.words, *judged(case)]), file=said)
            shutil.rmtree(folder)


def _limit() -> None:
    if not Path("/proc/self/statm").is_file():  # elsewhere the limit is not obeyed
        return
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + ROOM, resource.RLIM_INFINITY))


def judged(case: Any) -> tuple[str, str]:
    """Read a damaged file and say what came of it: the word, and the error."""
    from diffusion_edu._errors import DataError, WrongType
    from diffusion_edu.files import CheckpointError, UncheckedFile
    from diffusion_edu.train import TrainingDiverged

    def _unchecked(noted: list[warnings.WarningMessage]) -> bool:
        return any(issubclass(note.category, UncheckedFile) for note in noted)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    try:
        with warnings.catch_warnings(record=True) as noted:
            warnings.simplefilter("always")
            answer = case.read()
    except MemoryError as error:
        return "memory", repr(error)
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        if isinstance(error, TrainingDiverged) and _unchecked(noted):  # the training found what the file could not say
            return "told", text[:500]
        plain = type(error) in (ValueError, TypeError)  # and not what derives from them, such as UnicodeDecodeError
        ours = plain or isinstance(error, (CheckpointError, DataError, OSError, WrongType))
        word = "obscure" if not ours else "right" if any(name in str(error) for name in case.names) else "unnamed"
        return word if _grown(before) < MOST else "memory", text[:500]
    if _grown(before) >= MOST:
        return "memory", f"{_grown(before):,} bytes"
    if answer == case.whole:
        return "right", ""
    if _unchecked(noted):
        return "told", ""
    return ("foreign" if case.foreign else "silent"), ""


def _grown(before: int) -> int:
    """By how many bytes the most memory of this process has grown."""
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)


def table(answers: list[Answer]) -> str:
    """How many of each kind came to what, as text."""
    words = [*GOOD, *BAD]
    lines = [f"{'':<36}{'all':>6}" + "".join(f"{word:>9}" for word in words)]
    kinds = list(dict.fromkeys(answer.kind for answer in answers))
    for kind in [*sorted(kinds), ""]:
        counts = Counter(answer.answer for answer in answers if kind in ("", answer.kind))
        numbers = "".join(f"{counts[word]:>9}" for word in words)
        lines.append(f"{kind or 'all':<36}{sum(counts.values()):>6}{numbers}")
    return "\n".join(lines)


def main() -> None:
    """Damage, read, print the table and what was not right."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n", type=int, default=1600)
    parser.add_argument("--out", type=Path, help="a JSON file for all answers")
    parser.add_argument("--worker", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker is not None:
        work(options.seed, options.n, options.worker)
        return
    answers = list(run(options.seed, options.n))
    bad = [answer for answer in answers if answer.answer in BAD]
    for answer in bad:
        print(f"{answer.answer}: {answer.kind}, {answer.words}: {answer.error}")
    print(table(answers))
    if options.out:
        options.out.write_text(json.dumps([answer._asdict() for answer in answers], indent=1) + "\n")
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
