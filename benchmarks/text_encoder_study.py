"""Which is worth more, a better text encoder or a larger U-Net? The figure of Imagen's paper in miniature.

    python benchmarks/text_encoder_study.py --estimate                 # what each cell will cost here; trains nothing
    python benchmarks/text_encoder_study.py                            # all cells, one after the other
    python benchmarks/text_encoder_study.py --cell sentence:large:0    # this one; another process may do another
    python benchmarks/text_encoder_study.py --list                     # what is done and what remains
    python benchmarks/text_encoder_study.py --tiny --out FOLDER --work FOLDER      # a trial of the script

A cell is a text encoder, a size of U-Net and a seed. The encoders are frozen: `random` has the shape of emoji-clip's
text encoder and weights that nobody trained, `clip` is emoji-clip's, which learned its words with images of the
training split, and `sentence` is all-MiniLM-L6-v2, which learned from text alone. U-Nets draw 16x16 pixels and are
trained alike: the same images in the same order, the same noise, the same recipe. Each is judged over a range of
guidance on the 480 held-out captions of `text_to_image.py`, in its order; image i has seed i. The judge reads 32x32
pixels, so drawn and true images of 16x16 are enlarged to it by bilinear interpolation.

Several processes may run at once: each takes cells that no other holds, and the file is merged under a lock. A
training that was stopped goes on where it was, in the folder of --work, where the read captions are kept too. FOLDER
(default benchmarks/results) then holds text_encoder_study.json, with SHARE and DISTANCE as in `text_to_image.py`:

    settings  {"images", "batch_size", "rate", "precision", "n", "steps", "guidance", "seed", "side", "sampler"}: other
              ones begin the file anew, as does another judge
    judge     {"name", "sha256", "parameters", "width"}; command and machine are those of the last cell
    true      {"judge": {"top1", "top5", "style": SHARE}, "score", "floor": DISTANCE}: true images of 16x16, enlarged;
              the floor is the distance of training images of the same things in another style, at the same n
    cells     "ENCODER:SIZE:SEED" -> {"encoder", "size", "seed", "channels", "parameters" of the U-Net, "words": {"vec",
              "token"} sizes of what it reads, "loss" at the end, "core_seconds": {"training", "judging"}, "images",
              "machine", "points": [{"guidance", "n", "judge": {"top1", "top5", "style": SHARE}, "score": mean cosine
              to the own caption by the judge, in percent, "frechet_judge": DISTANCE}]}
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from text_encoder_study.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
