"""Say in one sentence what the Python at hand lacks (and so keep to syntax that an old Python can read)."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - this file is what an old Python is to read
    here = ".".join(str(part) for part in sys.version_info[:2])
    sys.exit(
        "This project needs Python 3.10 or newer, and " + sys.executable + " is " + here + ".\n"
        "Name another one: make PYTHON=python3.11 ..."
    )

try:
    import ensurepip  # noqa: F401
    import venv  # noqa: F401
except ImportError:
    sys.exit(
        "Python's venv module is missing: install it (Debian: apt-get install python3-venv), or name another Python:\n"
        "make PYTHON=python3.11 ..."
    )
