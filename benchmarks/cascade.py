"""A cascade, part by part: the level that an upscaler is told, the threshold of the base, noise on small images.

    python benchmarks/cascade.py                                  # all parts: about an hour and a half on one core
    python benchmarks/cascade.py --only thresholding              # this part anew
    python benchmarks/cascade.py --only trained --work FOLDER     # train what `augmentation` compares, and no more
    python benchmarks/cascade.py --tiny --out FOLDER              # a trial of the script: random networks

The system is `emoji-imagen`. The captions are the first of the held-out ones of `text_to_image.py`, in its order; image
i has seed i, and the same networks look. The guidance is the one that `text_to_image.py` has chosen for the system,
where it has, else 2. The file is written after each part; the same command goes on where a stopped one was, the
trainings of `trained` too, which are kept in the folder of --work. Other settings or other weights begin it anew.
FOLDER (default benchmarks/results) then holds cascade.json, with SHARE and DISTANCE as in `text_to_image.py`:

    MEAN      {"value", "low", "high", "sd", "n"}: a mean over n images, its 95% interval (normal), and the standard
              deviation of the n
    LOOKED    {"judge": {"top1", "top5", "style": SHARE}, "frechet": {"judge", "efficientnet": DISTANCE}}
    PSNRS     {ERROR: MEAN of the PSNR in dB to the true large image}, where ERROR is an error that a true small
              image is given: "0" none, else normal noise of this standard deviation, in units of [-1, 1], and
              then rounding to 8 bits

    command, machine, judge, reader, efficientnet  as there
    settings     {"n", "few", "sweep_n", "steps", "seed", "guidance", "train_steps", "batch_size", "seeds", "sampler"}
    weights      {"sha256", "bytes", "parameters", "images"} of the system; "level" is that of its configuration
    real         {"floor": {"judge", "efficientnet": DISTANCE} of training images of the same things in another style,
                 "enlarged": {"up32", "up64": PSNRS of bilinear enlargement}, "small": {"saturated": MEAN of the true
                 small images, "judge": {"top1", "top5", "style"} of these enlarged, "floor_of_sweeps": DISTANCE}}
    levels       {"true": {"up32", "up64": [{"level", "psnr": PSNRS}]}: each upscaler by itself, on the first `few` true
                 small images; "generated": [{"level", **LOOKED}]: both, on n small images of the base, the same for
                 all levels}
    draws        {"true": {"up32", "up64": {"bilinear", "bicubic": MEAN of the PSNR of that interpolation, "draws":
                 [{"count", "psnr": MEAN of the PSNR of the mean of so many drawings of one image}]}}}: true small
                 images, level 0, guidance 1
    thresholding {"points": [{"clip", "guidance", "saturated", "beyond": MEAN, "judge", "frechet_judge": DISTANCE}]}
                 of `sweep_n` small images of the base; saturated: share of an image's values that are 0 or 255 in 8
                 bits; beyond: share whose size is above 1; judge and distance of images enlarged by bilinear
                 interpolation, compared with true small images that were enlarged alike
    trained      {"steps", "batch_size", "images", "runs": {"clean-SEED", "noised-SEED": {"most_level", "seed", "loss",
                 "core_seconds"}}}: the upscaler to 64x64, trained from the start on true small images that are clean,
                 or noised to a level up to most_level
    augmentation {"runs": {"clean-SEED", "noised-SEED": [{"level", **LOOKED, "psnr": PSNRS}]}}: what these make of n
                 images of 32x32 that base and first upscaler have drawn, and of `few` true ones; a run that was trained
                 on clean images alone knows no level but 0
    each part has "wall_seconds" too
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from cascade.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
