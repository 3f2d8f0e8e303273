"""The kernels of the notebook checks: one that lost the race for its ports is started again, nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parent.parent / "conftest.py"


@pytest.fixture
def checks(pytestconfig):
    """The root conftest.py, as pytest itself has it."""
    return pytestconfig.pluginmanager.get_plugin(str(FILE))


def failing(times, message):
    """A start that fails so often, and the list of its calls."""
    calls = []

    def start(*args, **kwargs):
        calls.append((args, kwargs))
        if len(calls) <= times:
            raise RuntimeError(message)
        return "manager", "client"

    return start, calls


def test_a_kernel_that_died_at_once_is_started_again(checks):
    start, calls = failing(checks.ATTEMPTS - 1, "Kernel died before replying to kernel_info")
    assert checks.started_again(start)(60, cwd="notebooks") == ("manager", "client")
    assert calls == [((60,), {"cwd": "notebooks"})] * checks.ATTEMPTS


def test_one_that_always_dies_is_told(checks):
    start, calls = failing(99, "Kernel died before replying to kernel_info")
    with pytest.raises(RuntimeError, match="Kernel died"):
        checks.started_again(start)()
    assert len(calls) == checks.ATTEMPTS


def test_other_failures_are_not_tried_again(checks):
    start, calls = failing(1, "Kernel didn't respond in 60 seconds")
    with pytest.raises(RuntimeError, match="didn't respond"):
        checks.started_again(start)()
    assert len(calls) == 1


def test_the_notebook_checks_use_it():
    from nbval import kernel

    assert kernel.start_new_kernel.__wrapped__.__module__ == "nbval.kernel"
