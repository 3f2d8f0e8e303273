"""All that is to be learnt and made on a GPU, in one command for a rented machine without a network.

    python3 benchmarks/gpu.py --out FOLDER                # everything but CIFAR-10, 11 minutes
    python3 benchmarks/gpu.py --out FOLDER --cifar10      # the comparison on CIFAR-10, 11 minutes
    python3 benchmarks/gpu.py --unpack FOLDER             # at home: weights, cards, tables, chapters into their places
    python3 benchmarks/gpu.py --device cpu --tiny --minutes 2 --out FOLDER     # a trial of the script itself

The machine needs Python 3.10, PyTorch and what PyTorch needs. All else is carried along as wheels in the folder `.whl`
(see gpu/wheels.py); without that folder the packages that are installed are used. The parts, in this order:

    tests        `pytest -m cuda`: every public path on the GPU against the CPU
    peak         bf16_flops, fp32_flops, tf32_flops (FLOP/s), copy_bytes (bytes/s, read and written)
    throughput   a training step beside two other libraries, with each one's share of the peak
    worth        what each setting is worth, and each batch
    models       the book's models, trained anew by `diffusion-edu train NAME --gpu`; weights and cards
    notebooks    the chapters, run on this machine; which of their outputs changed
    train        (with --cifar10) the same minutes of training for three libraries, and one judge

FOLDER never holds more than eight files of 16 MiB: gpu.json, log.txt, and tar files with paths of this tree. Each part
is in them when it is done, or as far as it came; one that fails says so, and the next one goes on. The minutes that are
left are shared out by weights among the parts that are left. The same command goes on where a stopped one was (networks
and checkpoints: --work); what a part would need that the machine lacks is said in its place in gpu.json.
"""

import sys
import time
from pathlib import Path

BEGAN = time.time()
sys.path.insert(0, str(Path(__file__).resolve().parent))

from gpu import wheels  # noqa: E402

if __name__ == "__main__":
    LEFT_OUT = wheels.ready()  # before anything that may be among them is imported
    from gpu.command import main

    sys.exit(main(__doc__, LEFT_OUT, BEGAN))
