"""`python -m diffusion_edu.cli` is `diffusion-edu`."""

import sys

from . import main

sys.exit(main())
