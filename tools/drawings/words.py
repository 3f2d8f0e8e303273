"""What each drawing is called, where it belongs, what a blind reader needs, and the caption: one table.

The book's pages show a drawing by a figure whose alternative text is `alt` and whose caption is `caption`.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """The words of a drawing.

    Args:
        title: its name for a screen reader, a few words.
        place: the chapter and section that it is made for.
        alt: alternative text.
        caption: two or three sentences: what is drawn, what to see, what it means.
    """

    title: str
    place: str
    alt: str
    caption: str


WORDS: dict[str, Words] = {
    "chain": Words(
        "The chain from data to noise and back",
        "1, The idea; small again in 2, 3 and 7",
        "Four images in a row, a boot at the left and pure noise at the right, with arrows of the forward process "
        "from left to right above and arrows of the reverse process from right to left below.",
        "The chain of a diffusion model, from an image $x_0$ to pure noise $x_T$. The forward process $q$ adds a "
        "little noise at each step and is fixed; the reverse process $p_\\theta$ is learned and removes it. The "
        "two images in the middle are drawn further apart than one step would be.",
    ),
    "denoising-step": Words(
        "One denoising step",
        "1, The idea; 7, Algorithm 2",
        "A data flow: x_t and t enter the noise predictor, which gives the predicted noise; from x_t, the "
        "predicted noise and t the next image x_(t-1) is computed; a dashed arrow leads it back to the start.",
        "One denoising step. The network sees $x_t$ and $t$ and predicts only the noise $\\hat\\varepsilon$; the "
        "rest is arithmetic without weights. The result is the next input, so that one network is used $T$ times.",
    ),
    "training-step": Words(
        "One training step as a data flow",
        "6, The idea",
        "A data flow: image, noise and step are mixed to x_t; the network predicts the noise from x_t and t; the "
        "prediction is compared with the noise that was drawn, and the gradient goes back to the network.",
        "One training step. Image, step and noise are drawn and mixed to $x_t$, and the network must predict the "
        "noise. The right answer needs no label, since it is the noise that was put in.",
    ),
    "image-equation": Words(
        "An image and noise, weighted and added",
        "2, One step (with the closed form of 3)",
        "Two equations of images: 0.95 times a boot plus 0.31 times noise is a boot with a little noise; 0.50 "
        "times the boot plus 0.87 times the same noise is a boot that can hardly be seen.",
        "The closed form in images, at two steps of the linear schedule. Both weights depend on $t$ alone, and "
        "their squares add up to 1. The same noise image is used in both rows.",
    ),
    "noise-sum": Words(
        "Two independent noises as the sides of a right triangle",
        "3, Merging two steps",
        "A right triangle: its legs are two noises with standard deviations 0.8 and 0.6, its long side is their "
        "sum with standard deviation 1.0.",
        "Two independent noises added together. Their variances add, so their standard deviations add like the "
        "legs of a right triangle: 0.8 and 0.6 make 1.0 and not 1.4. Many small Gaussian steps therefore equal a "
        "single one.",
    ),
    "density-paths": Words(
        "Paths through the density of one number",
        "1, Many small steps; 7, With η = 0 the start decides everything",
        "Three panels with the density of x_t over t: two narrow peaks at t = 0 that merge into one broad one at "
        "T. Ten paths in each: jagged ones forward, jagged ones back with DDPM, smooth ones that do not cross with "
        "DDIM.",
        "Data that are a single number near −1 or 1, and ten paths in each panel, computed with the exact "
        "denoiser. Forward and DDPM paths are jagged, since every step draws noise, and a DDPM path may change "
        "sides until late. DDIM paths are smooth, and the start decides where each one ends. The blue shade is the "
        "density of $x_t$, the same in all panels.",
    ),
    "vector-field": Words(
        "Where the denoiser points, at four steps",
        "1, The perfect denoiser; 8, The vector field",
        "Four squares with arrows at the points of a grid. At t = 600 all arrows point to the middle; at 300 to "
        "the two half moons as a whole; at 150 and 30 each points to the nearest part of a moon.",
        "The direction from $x_t$ to the estimate of the exact denoiser, at four steps; the blue points are the "
        "data as they lie at that step. With much noise the estimate is the mean of all data, with little noise it "
        "is the nearest data. The arrows are shortened where they are long.",
    ),
    "reverse-geometry": Words(
        "The geometry of one reverse step",
        "7, DDIM",
        "On the line from x_t to the estimate of x_0, DDIM stops at 0.6 of the distance. DDPM goes on to 0.36 and "
        "adds noise at a right angle, so that it lands at the same distance of 0.6 from the estimate.",
        "One step in which the noise level $\\sqrt{1-\\bar\\alpha}/\\sqrt{\\bar\\alpha}$ falls to 0.6 of its "
        "value. DDIM stops on the line at 0.6 of the distance from the estimate; the mean of DDPM lies at 0.6² = "
        "0.36, and its noise makes up for the difference. In many dimensions noise is nearly at a right angle to "
        "the line, so both land at the same distance from $\\hat x_0$.",
    ),
    "solver-paths": Words(
        "First order and second order along a curved path",
        "7, A faster solver",
        "A curved path, and two polygons of six steps from the same start. The polygon of DDIM leaves the curve "
        "and ends beside it; that of DPM-Solver++ comes back to it.",
        "The path of the exact denoiser between two peaks from $t$ = 500 to 20 (gray, in small steps), and six "
        "steps each of DDIM and of DPM-Solver++(2M), all computed. DDIM keeps one direction for a whole step and "
        "leaves the path; the solver corrects it with the estimate of the step before.",
    ),
    "unet": Words(
        "The U-Net of the walk, with its shapes",
        "5, The walk",
        "Two columns of blocks. The encoder goes down at the left from 32×32×3 over 32×32×64 and 16×16×128 to "
        "8×8×128, the decoder goes up at the right; nine skip connections lead across, each with its shape, and "
        "the middle block joins the columns at the bottom.",
        "The network `UNetConfig.base()`, drawn from its own trace. Channels change inside a block, height and "
        "width only at *down* and *up*. Each of the nine feature maps of the encoder is kept and concatenated to "
        "the input of the decoder block in the same row.",
    ),
    "unet-blocks": Words(
        "The blocks of the U-Net",
        "5, Inside a block, and Attention",
        "Five small data flows: residual block (norm and SiLU, convolution, embedding of t added, norm and SiLU, "
        "convolution, shortcut added), attention (queries, keys, values, softmax, shortcut), and how encoder, "
        "decoder and middle block are put together from them.",
        "The parts of the U-Net. A residual block adds a correction to its input and is given the embedding of $t$ "
        "in between; attention lets positions exchange information. Encoder, decoder and middle block are "
        "combinations of the two.",
    ),
    "cross-attention": Words(
        "Cross-attention: positions read words",
        "11, Cross-attention: every position reads the words",
        "Queries come from the positions of the image features, keys and values from the tokens of the text. The "
        "matrix of weights has one row a position and one column a word; the weighted values are added to the "
        "features.",
        "Cross-attention as a data flow. Each position of the image has a query, each word a key and a value, and "
        "each row of the weights adds up to 1. Self-attention is the same drawing with the features in place of "
        "the tokens.",
    ),
    "convolution-cases": Words(
        "Five cases of a convolution",
        "4, How large is the result?",
        "Five pairs of grids, a 5 by 5 input and its output: plain 3 by 3, stride two 2 by 2, padding one 5 by 5, "
        "dilation two 1 by 1, and three input channels with two output channels.",
        "A 3×3 kernel (violet) on a 5×5 input (blue), and the output (gray). Stride drops positions, padding adds "
        "a border of zeros, dilation spreads the kernel. With channels, each output channel sums over all input "
        "channels, with a kernel of its own for each pair.",
    ),
    "transposed-convolution": Words(
        "The transposed convolution in two ways",
        "4, The transposed convolution",
        "Above: a 2 by 2 input with zeros between and around its values, convolved to 5 by 5. Below: a 2 by 5 "
        "matrix with the weights a, b, c in each row, shifted by two, and its transpose, 5 by 2.",
        "A transposed convolution with kernel 3 and stride 2. It is an ordinary convolution of the input with "
        "zeros inserted, and it is multiplication by the transposed matrix of the convolution. The transpose "
        "brings the shape back, not the values.",
    ),
    "fid-pipeline": Words(
        "How the Fréchet distance is computed",
        "9, The idea",
        "Real and generated images go through the same feature network to two clouds of points; each cloud is "
        "replaced by an ellipse with mean and covariance; the distance is the sum of a term for the means and one "
        "for the covariances.",
        "The Fréchet distance between two sets of images. A frozen network makes a vector of each image; of each "
        "set only the mean and the covariance are kept. One term compares the means (the arrow), the other one the "
        "shapes of the ellipses. The generated images are a sketch: real ones, noised.",
    ),
    "clip-towers": Words(
        "CLIP: two encoders and one matrix",
        "10, The idea",
        "Captions go through tokenizer and transformer, images through an image network; both are scaled to length "
        "one; a square matrix holds the cosine of each caption with each image, and its diagonal holds the pairs.",
        "CLIP in training. Both encoders end in vectors of $E$ numbers and length 1, so that a matrix product "
        "gives all cosines of a batch. The loss is the cross-entropy of each row and of each column, with the "
        "diagonal as the right answer.",
    ),
    "clip-zero-shot": Words(
        "A classifier made of texts",
        "10, Naming without a classifier",
        "One image and three class names are encoded; a bar shows the share of each class, the one of the red "
        "apple is the longest.",
        "Classification without training on the classes (zero-shot). The class names are encoded as texts, and the "
        "image is given the name with the largest cosine. The lengths of the bars are a sketch.",
    ),
    "roofline": Words(
        "The roof of two machines",
        "15, What limits what",
        "Two roofs over the intensity, each rising and then flat. On the H100 the small network is on the rising "
        "part, the base network further up, the network of the paper on the flat part.",
        "FLOPs a second that a machine can reach at most, over the FLOPs for each byte moved. Left of the corner "
        "memory limits, right of it arithmetic. On one H100 (data sheet, 16 bits) the small network of the book "
        "can reach a third of the peak, the network of Ho et al. all of it.",
    ),
    "training-memory": Words(
        "What training keeps in memory",
        "15, Bytes",
        "Three bars of memory for the batches 8, 32 and 128. The parts for weights, gradients, moments and average "
        "are the same in each; the part of the activations grows with the batch.",
        "Memory of one training step of the network of Ho et al. (35.7 million parameters), counted, with "
        "activations in bfloat16. Weights, gradients, Adam’s two moments and the running average do not depend on "
        "the batch; activations do.",
    ),
    "data-parallel": Words(
        "One training step on two devices",
        "15, Several devices",
        "Timelines of two devices: forward, then four pieces of the backward pass; between them each piece of the "
        "gradient is averaged while the next one is computed; then both take the same step.",
        "Data-parallel training. Each device works on its part of the batch; the gradients are averaged over the "
        "devices (all-reduce) while the backward pass is still running, so that a part of that time is hidden. "
        "Afterwards all devices take the same step. The lengths are a sketch.",
    ),
    "text-to-image-recipe": Words(
        "The recipe of text to image, in three parts",
        "11, One recipe in three parts",
        "A chain from a caption over text encoder, generation model and decoder to an image, with noise entering "
        "the generation model; beside it what Stable Diffusion, DALL-E 2 and Imagen put in each place.",
        "The common recipe of text to image: a text encoder makes vectors of the words, a generation model makes a "
        "compressed image from them and from noise, and a decoder makes the image. The three systems of the next "
        "chapters differ in what the compressed image is.",
    ),
    "latent-diffusion": Words(
        "Latent diffusion, with the shapes of Stable Diffusion",
        "12, Why compress",
        "Training: an encoder turns a 512×512×3 image into a 64×64×4 latent, to which noise is added. Sampling: "
        "the U-Net, which reads the text by cross-attention, turns latent noise into a latent, and the decoder "
        "turns it into an image.",
        "Latent diffusion with the shapes of Stable Diffusion 1. An auto-encoder, trained before and without "
        "captions, translates between image and latent; diffusion happens in the latent only, where there are 48 "
        "times fewer numbers. The latents in the drawing are stand-ins: small gray images.",
    ),
    "dalle-2": Words(
        "DALL-E 2 in miniature: two priors and a decoder",
        "13, The idea",
        "Above, three trainings: noise is added to CLIP’s embedding of an image for the prior by diffusion, the "
        "embedding becomes codes for the prior by codes, and noise is added to the latent for the decoder. Below: "
        "text encoder, one of the two priors, image embedding, decoder with noise, latent, auto-encoder, image.",
        "DALL-E 2 as this book builds it. A prior turns what the text says into the embedding of an image, by "
        "diffusion or code by code; the decoder, told that embedding and no text, draws a latent. CLIP and the "
        "auto-encoder are frozen, and noise is added to the embedding and to the latent, never to pixels.",
    ),
    "dalle-2-priors": Words(
        "Inside the two priors of DALL-E 2",
        "13, Two priors",
        "Two lists of places that a causal transformer reads. Diffusion: text tokens, text embedding, step t, noised "
        "embedding, learned query; the last place gives the clean embedding. Codes: text tokens, text embedding, "
        "codes 1 to 31; from the text embedding on, each place gives the next code.",
        "What the two priors read, from the first place to the last. The prior by diffusion predicts the whole clean "
        "embedding at its last place, and a sampler calls it again and again. The prior by codes predicts one code at "
        "a time, as a language model predicts words. Where no text is told, the tokens do not count and the text "
        "embedding is 0.",
    ),
    "imagen": Words(
        "Imagen in miniature: a small image first, then two upscalers",
        "14, The idea",
        "A frozen sentence encoder feeds a base U-Net, which makes a 16×16 image from noise, and the upscaler to "
        "32×32. Each upscaler starts from noise too, and is given the image before it, noised and enlarged, with the "
        "level of that noise. The upscaler to 64×64 is given no text.",
        "Imagen as this book builds it: three diffusion models over pixels, one size after the other. An upscaler is "
        "given the image before it as three more channels, noised to a level that it is given too, so that it does not "
        "rely on details that the network before it got wrong. The three are trained independently.",
    ),
    "four-systems": Words(
        "Four systems that draw from text, part beside part",
        "14, Four systems side by side",
        "Four columns from the text to the image. Pixels: CLIP, a U-Net. Latent: CLIP, a U-Net, a decoder. DALL-E 2: "
        "CLIP, a prior, a U-Net, the same decoder. Imagen: MiniLM and three U-Nets. Noise enters each prior and each "
        "U-Net, and its shape stands beside it.",
        "The four systems of the book. Noise (orange) has the shape of what a network makes (blue): pixels, a latent, "
        "an embedding. In training it is added to just that, made from the image: by an encoder, by CLIP, or by "
        "shrinking. A circled plus is noise of a known level on the image that an upscaler is given.",
    ),
    "book-map": Words(
        "Map of the book",
        "Preface",
        "The chapters as boxes, with arrows for what one hands on to another: 1 leads to noise (2, 3) and to "
        "networks (4, 5); both meet in training (6); then sampling (7), measuring (9), score (8) and CLIP (10); these "
        "meet in text to image (11), which leads to 12, 13 and 14; 15 takes up training.",
        "What each chapter builds, and what the next ones take from it. Noise and network meet in training; text and "
        "image meet in chapter 11. Only the main ties are drawn. Chapter 9 also measures what 11 to 14 draw.",
    ),
}
