"""What every public function says to a wrong argument: good calls, one argument at a time replaced by a wrong value.

    python tools/checks/arguments.py [--only NAME ...] [--seed N] [--show named|unnamed|obscure|accepted] [--out FILE]

Answers are of four kinds. `named`: an error of the kind that is documented, which holds the argument's name and what is
allowed. `unnamed`: such an error without one of the two. `obscure`: any other error. `accepted`: no error, though the
value is wrong and none of those that a call lists as fine; or the result holds NaN or infinity.

Two more are right, and counted for themselves. `passed on`: NaN and infinity in a part of a network or in a step of a
sampler, which run too often to look for them (whole networks and `sample` do), come out as NaN, as in PyTorch.
`empty`: a batch of no samples gives an answer for none.
"""

from __future__ import annotations

import argparse
import contextlib
import inspect
import io
import json
import re
import signal
import sys
import typing
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

sys.path.insert(0, str(Path(__file__).parent))

from bad_values import bad_values, is_empty, is_odd, kind_of
from good_calls import CALLS, PASSED_ON, Call

from diffusion_edu._errors import DataError
from diffusion_edu.files import CheckpointError

DOCUMENTED = (ValueError, TypeError, DataError, CheckpointError, OSError)
ALLOWED = re.compile(r"must|need|none of|no file|no folder|no checkpoint|belong together|has no field")
KINDS = ("named", "unnamed", "obscure", "accepted", "passed on", "empty")


class Answer(NamedTuple):
    """What a call with one wrong argument said."""

    call: str
    argument: str
    value: str
    kind: str
    said: str


def hints_of(function: Any) -> dict[str, Any]:
    """The annotations of a function, of a method, or of a constructor."""
    target = inspect.unwrap(function.__init__ if inspect.isclass(function) else function)
    if not (inspect.isfunction(target) or inspect.ismethod(target)):
        target = type(function).__call__
    try:
        return typing.get_type_hints(inspect.unwrap(getattr(target, "__func__", target)))
    except (NameError, TypeError):
        return {}


def answers(name: str, seed: int = 0) -> Iterator[Answer]:
    """What one call says to every wrong value of every argument."""
    call = CALLS[name]
    function, arguments = call.make()
    hints = hints_of(function)
    for argument, value in arguments.items():
        hint = hints.get(argument)
        if value is None and argument not in call.kinds:
            continue
        kind = call.kinds.get(argument) or kind_of(hint, value)
        optional = type(None) in typing.get_args(hint)
        for label, wrong in bad_values(kind, value, seed):
            if label in call.fine.get(argument, ()) or (label == "none" and optional):
                continue
            yield _answer(name, call, argument, label, wrong)


@contextlib.contextmanager
def limited(seconds: int = 60) -> Iterator[None]:
    """TimeoutError for what takes longer: a wrong number may ask for a loop without an end, or for all memory."""

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"no end in {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def _answer(name: str, call: Call, argument: str, label: str, wrong: Any) -> Answer:
    function, arguments = call.make()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()), limited():
            warnings.simplefilter("ignore")
            result = run(call, function, {**arguments, argument: wrong})
    except TimeoutError as error:  # an OSError, but not one of a file
        return Answer(name, argument, label, "obscure", f"{type(error).__name__}: {error}")
    except DOCUMENTED as error:
        said = f"{type(error).__name__}: {error}"
        named = re.search(rf"(?<![\w-]){re.escape(argument)}(?![\w-])", str(error)) is not None
        good = named and ALLOWED.search(str(error)) is not None
        good = good or (
            label == "missing" and str(Path(wrong).parent) in str(error)
        )  # of a file its own name says more
        return Answer(name, argument, label, "named" if good else "unnamed", said)
    except Exception as error:
        return Answer(name, argument, label, "obscure", f"{type(error).__name__}: {error}")
    if label in ("nan", "inf") and argument in PASSED_ON.get(name, ()):
        return Answer(name, argument, label, "passed on", "")
    if label == "empty" and isinstance(wrong, torch.Tensor) and is_empty(result):
        return Answer(name, argument, label, "empty", "")
    said = "NaN or infinity" if is_odd(result) else f"a {type(result).__name__}"
    return Answer(name, argument, label, "accepted", said)


def run(call: Call, function: Any, arguments: dict[str, Any]) -> Any:
    """Call it, run what is an iterator to its end, and use what is made."""
    result = function(**arguments)
    if hasattr(result, "__next__"):
        result = list(result)
    return call.then(result) if call.then is not None else result


def table(names: Iterable[str] | None = None, seed: int = 0) -> list[Answer]:
    """All answers of some calls, or of all."""
    return [answer for name in names or CALLS for answer in answers(name, seed)]


def main() -> None:
    """Print the table, and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="*", help="names of calls, or beginnings of them")
    parser.add_argument("--seed", type=int, default=0, help="chooses other wrong values of each kind")
    parser.add_argument("--show", nargs="*", default=[], choices=KINDS, help="list the answers of these kinds")
    parser.add_argument("--out", type=Path, help="a JSON file for all answers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    names = [name for name in CALLS if options.only is None or name.startswith(tuple(options.only))]
    found = table(names, options.seed)
    for answer in found:
        if answer.kind in options.show:
            print(f"{answer.kind:9}{answer.call}({answer.argument}: {answer.value})  {answer.said[:160]}")
    counts = Counter(answer.kind for answer in found)
    refused = counts["named"] + counts["unnamed"] + counts["obscure"]
    print(f"{len(found)} calls of {len(names)}: " + ", ".join(f"{kind} {counts[kind]}" for kind in KINDS))
    if refused:
        print(f"{100 * counts['named'] / refused:.1f}% of {refused} refusals name the argument and what is allowed")
    if options.out is not None:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        rows = [answer._asdict() for answer in found]
        options.out.write_text(json.dumps({"seed": options.seed, "counts": counts, "answers": rows}, indent=1))


if __name__ == "__main__":
    main()
