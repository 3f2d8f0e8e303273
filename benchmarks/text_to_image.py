"""Text to image, measured: does each image show what was asked, how near is the set to real images, what does it cost?

    python benchmarks/text_to_image.py                                    # all systems, all parts: about 10 minutes
    python benchmarks/text_to_image.py --system emoji-latent --only headline
    python benchmarks/text_to_image.py --system emoji --grid FOLDER       # 16 prompts x 4 seeds as FOLDER/emoji.png
    python benchmarks/text_to_image.py --only training --checkpoint interim-1.safetensors interim-2.safetensors
    python benchmarks/text_to_image.py --tiny --out FOLDER                # a trial of the script: random networks

Prompts are the 480 held-out captions, in a fixed random order: things that training has seen, in a style in which it
has not. Image i has seed i. Guidance is chosen on prompts of the training split, so that the held-out ones choose
nothing. Three networks look:

    judge         `emoji-judge`, a CLIP that no generator reads with: all statements about text fidelity
    efficientnet  EfficientNet-Lite0, which learned ImageNet, in features of length 1: a second opinion
    reader        `emoji-clip`, which the generators read with: shown once, because it is too kind to them

The file is written after each part; the same command goes on where a stopped one was. A system whose weights have
changed is measured anew, and so is all if the settings or the weights of judge or reader have changed. FOLDER (default
benchmarks/results) then holds text_to_image.json:

    SHARE     {"value", "low", "high", "n"}: share of n with its 95% interval (Wilson)
    DISTANCE  {"value", "low", "high", "n", "reference_n"}: squared Frechet distance with its 95% interval (bootstrap of
              the n; the reference is kept), biased upwards by few images: compare it at equal n, with its floor
    FIDELITY  {"judge": {"top1": SHARE, "top5": SHARE, "style": SHARE}, "efficientnet": {"top5": SHARE}, "reader":
              {"top1": SHARE, "top5": SHARE, "score"}}; answers of judge and reader are the captions of `among` (480),
              each of another thing, so that they tell things and hardly styles: `style` asks whether the own caption
              fits better than those of the same thing in the two other styles. Answers of efficientnet are the true
              images of the 480 held-out prompts at the system's size; it is left out where the prompts are of the
              training split or only the number of steps differs
    POINT     FIDELITY and {"guidance", "steps", "n", "frechet_judge": DISTANCE, "seconds", "core_seconds", "flops"}:
              one setting; seconds (wall), seconds of all cores and FLOPs of one image, these without the text encoder
    COPIES    {"pixels": NEAR, "judge": NEAR}: Euclidean distance to the nearest of the 4,936 training images
    NEAR      {"median", "true_median", "threshold", "copies": SHARE, "rule", "unit"}: of the samples; of the true
              held-out images; the first percentile of the latter; share of samples that are nearer than that

    command, machine {"processor", "cores", "threads", "torch", "load"}
    settings  {"n", "sweep_n", "choose_n", "steps", "seed", "sampler", "batch"}
    judge, reader {"name", "sha256", "parameters", "width"}; efficientnet {"name", "width"}
    chance    {"top1": 1/480, "top5": 5/480, "style": 1/3, "among": 480}
    true      {"held_out": FIDELITY without efficientnet, "training": the same for the prompts of `choose`,
              "32" and "64": {"other_style": {"efficientnet": {"top5": SHARE}, "judge": as above},
              "floor": {"judge": DISTANCE, "efficientnet": DISTANCE}}}
              other_style: the training image of the same thing in the next style in place of a drawn one. Together
              these 480 have the things and the shares of styles of the held-out ones; so their Frechet distance to
              the true held-out images is the floor, at the same n;
              "floor_of_sweeps" {"judge": DISTANCE} is that of the first sweep_n of them
    systems   NAME -> {"weights" {"sha256", "bytes", "parameters", "images" {stage: seen in training}}, "size",
              and the parts that are done:
      choose      {"points": [POINT on training prompts], "guidance": w, "rule", "copies": COPIES at this w,
                  "own": SHARE whose nearest training image by the judge's features is that of the prompt, "n"}
      headline    POINT (n = 480, w of `choose`) and {"frechet_efficientnet": DISTANCE, "copies": COPIES, "cost":
                  {"unet_flops": of one network evaluation, "decoder_flops", "evaluations": of one image}}
      guidance    {"points": [POINT for w = 0, 0.5, 1, 1.5, 2, 3, 4, 6, 8]} on the first sweep_n held-out prompts
      steps       {"points": [POINT for 5, 10, 15, 25, 50 steps]} on the same, w of `choose`
      autoencoder (latent systems) {"psnr": mean over images, "psnr_of_mean_mse", "psnr_low", "psnr_high" (5% and 95% of
                  the images), "n", "values": {"image", "latent"}, "downsampled_psnr": of the image averaged down to the
                  latent's side and drawn up again, "frechet": {"judge": DISTANCE, "efficientnet": DISTANCE}, "judge":
                  {"top1", "top5", "style"}}: of held-out images, rebuilt from the mean of the latent
      training    {"points": [{"images": seen by the U-Net, "held_out_loss", "training_loss", "judge": {"top1", "top5",
                  "style"}, "n", "file"}], "guidance"}: interim weights of --checkpoint, then the system itself, all
                  at this guidance and with the same noise
    each part has "wall_seconds" too
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from text_to_image.command import main

if __name__ == "__main__":
    sys.exit(main(__doc__))
