"""The part `tests`: `pytest -m cuda`, for so many seconds."""

from __future__ import annotations

import argparse
import importlib.util
import time
from typing import Any

import pytest

from .results import Results
from .wheels import ROOT


class Recorder:
    """Keeps what each test came to, and ends the session when the time is over."""

    def __init__(self, part: dict[str, Any], results: Results, end: float) -> None:
        self.part, self.results, self.end = part, results, end
        self.session: Any = None
        part.update(passed=0, failed={}, skipped={}, seconds={})

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Remember whom to ask to stop."""
        self.session = session

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test."""
        name = report.nodeid.removeprefix("tests/")
        if report.failed:
            self.part["failed"][name] = str(report.longrepr).strip().splitlines()[-1][:300]
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.part["skipped"][name] = reason[:200]
        elif report.when == "call":
            self.part["passed"] += 1
        if report.when == "call":
            self.part["seconds"][name] = round(report.duration, 2)
            self.results.save()
        if time.monotonic() > self.end and self.session is not None:
            self.session.shouldstop = "the time of this part is over"


def run(arguments: argparse.Namespace, results: Results, seconds: float) -> None:
    """The tests that are marked so; on another device (a trial) the same tests as they run there."""
    part = results.part("tests")
    recorder = Recorder(part, results, time.monotonic() + 0.9 * seconds)
    # Neither the other tests' needs (hypothesis, a browser) nor their options are asked for here.
    chosen = ROOT / "tests/devices" / ("test_networks.py" if arguments.tiny else "")
    words = [str(chosen), "-q", "-p", "no:cacheprovider", "--confcutdir", str(ROOT / "tests/devices")]
    words += ["-o", "addopts=--import-mode=importlib --strict-markers", "--rootdir", str(ROOT)]
    words += ["-m", "cuda" if arguments.device.startswith("cuda") else "not cuda"]
    words += ["-k", "refused or last"] if arguments.tiny else []
    if arguments.at_once > 1 and importlib.util.find_spec("xdist"):
        words += ["-n", str(arguments.at_once)]
    code = int(pytest.main(words, plugins=[recorder]))
    part.update(exit_code=code, done=code in (0, 1))  # 1: some failed, which is told; anything else is no result
    if not part["done"]:
        part["said"] = f"pytest ended with code {code}"
