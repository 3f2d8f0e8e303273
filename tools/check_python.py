"""Say in one sentence when the Python at hand is too old (and so keep to syntax that an old Python can read)."""

import sys

NEEDED = (3, 10)

if sys.version_info < NEEDED:
    sys.exit(
        "This project needs Python %d.%d or newer, and %s is %d.%d.\n"
        "Name another one: make PYTHON=python3.11 ..." % (NEEDED + (sys.executable,) + tuple(sys.version_info[:2]))
    )
