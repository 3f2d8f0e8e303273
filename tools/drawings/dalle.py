"""DALL-E 2 as chapter 13 builds it, and what is inside its two priors; all sizes are those of the run `emoji-dalle`."""

from __future__ import annotations

from diffusion_edu.runs.emoji_dalle import CONFIG, SIZE
from diffusion_edu.runs.emoji_latent import AUTOENCODER
from diffusion_edu.systems.prior import PriorConfig

from .canvas import KINDS, LARGE, ROOMY, Drawing
from .pixels import emoji, png

APPLE = "a red apple"
EMBEDDING, TOKEN = CONFIG.prior.embedding, CONFIG.prior.token_dim
CODES, LEVELS = CONFIG.code_prior.codes, CONFIG.code_prior.levels
IMAGE, SEEN = f"{SIZE}×{SIZE}×3", f"{CONFIG.side}×{CONFIG.side}×3"
LATENT = "{0}×{0}×{1}".format(SIZE // AUTOENCODER.factor, AUTOENCODER.latent_channels)


def dalle_2() -> Drawing:
    """Three trainings that need none of the others, and how an image is drawn with what they leave."""
    d = Drawing("dalle-2", ROOMY, 980, LARGE)
    _trained(d)
    _drawn(d, 426)
    return d


def _trained(d: Drawing) -> None:
    d.rect(4, 30, 412, 360, "grey", 8, fill=False, dashed=True)
    d.text(12, 20, "training: three networks, each by itself", 15, "muted", "start", bold=True)
    d.picture(182, 42, 56, png(emoji(APPLE)), "blue")
    d.text(170, 76, "image", 15, "blue", "end")
    d.arrow([(180, 88), (106, 88), (106, 125)], "blue")
    d.arrow([(240, 88), (314, 88), (314, 125)], "blue")
    d.text(98, 114, SEEN, 15, "blue", "end")
    d.text(322, 114, IMAGE, 15, "blue", "start")
    d.box(14, 126, 184, 50, ["CLIP’s image encoder", "~frozen"], "network", 15.5)
    d.box(222, 126, 184, 50, ["auto-encoder", "~its encoder, frozen"], "network", 15.5)
    d.arrow([(106, 176), (106, 203)], "blue")
    d.arrow([(314, 176), (314, 203)], "blue")
    d.text(106, 222, f"embedding, {EMBEDDING}", 15, "blue")
    d.text(314, 222, f"latent, {LATENT}", 15, "blue")
    d.arrow([(72, 230), (72, 285)], "orange")
    d.text(80, 262, "+ noise", 15, "orange", "start")
    d.arrow([(348, 230), (348, 285)], "orange")
    d.text(340, 262, "+ noise", 15, "orange", "end")
    d.arrow([(164, 228), (164, 249), (210, 249), (210, 285)], "blue")
    d.text(174, 243, f"{CODES} codes", 15, "blue", "start")
    names = (["prior by", "diffusion"], ["prior by", "codes"], ["decoder:", "a U-Net"])
    told = (["~given text, $t$", "finds $x_0$"], ["~given text", "finds the codes"], ["~embedding, $t$", "finds $v$"])
    for x, name, words in zip((72, 210, 348), names, told):
        d.box(x - 60, 286, 120, 50, name, "network", 15.5)
        d.lines(x, 363, words, 15.5)


def _drawn(d: Drawing, top: int) -> None:
    d.text(12, top - 2, "drawing", 15, "muted", "start", bold=True)
    d.box(135, top - 20, 150, 34, "“a red apple”", "text", 15.5)
    d.arrow([(210, top + 14), (210, top + 35)], "teal")
    d.box(110, top + 36, 200, 50, ["CLIP’s text encoder", "~frozen"], "network", 15.5)
    for x in (124, 296):
        d.arrow([(210, top + 86), (210, top + 98), (x, top + 98), (x, top + 147)], "teal")
    d.lines(210, top + 124, [f"tokens, $L×{TOKEN}$", f"embedding, {EMBEDDING}"], 15, color="teal")
    d.text(14, top + 122, f"noise, {EMBEDDING}", 15, "orange", "start")
    d.arrow([(48, top + 128), (48, top + 147)], "orange")
    d.box(14, top + 148, 184, 50, ["prior by diffusion", "~denoises"], "network", 15.5)
    d.box(222, top + 148, 184, 50, ["prior by codes", "~one after another"], "network", 15.5)
    d.arrow([(314, top + 198), (314, top + 229)], "blue")
    d.text(322, top + 220, f"{CODES} codes", 15, "blue", "start")
    d.box(238, top + 230, 152, 32, "codes to numbers", "plain", 15.5)
    d.arrow([(106, top + 198), (106, top + 288), (194, top + 288), (194, top + 319)], "blue")
    d.arrow([(314, top + 262), (314, top + 288), (226, top + 288), (226, top + 319)], "blue")
    d.text(210, top + 280, "either", 15, "muted")
    d.text(186, top + 310, f"embedding, {EMBEDDING}", 15, "blue", "end")
    d.text(234, top + 310, f"embedding, {EMBEDDING}", 15, "blue", "start")
    d.box(110, top + 320, 200, 50, ["decoder: a U-Net", "~denoises"], "network", 15.5)
    d.text(4, top + 338, "noise,", 15, "orange", "start")
    d.text(4, top + 366, LATENT, 15, "orange", "start")
    d.arrow([(4, top + 345), (108, top + 345)], "orange")
    d.arrow([(210, top + 370), (210, top + 401)], "blue")
    d.text(218, top + 392, f"latent, {LATENT}", 15, "blue", "start")
    d.box(110, top + 402, 200, 50, ["auto-encoder", "~its decoder, frozen"], "network", 15.5)
    d.arrow([(210, top + 452), (210, top + 475)], "blue")
    d.picture(178, top + 479, 64, png(emoji(APPLE)), "blue")
    d.text(252, top + 516, f"image, {IMAGE}", 15, "blue", "start")


def dalle_2_priors() -> Drawing:
    """Both sequences, position by position, in the order in which the transformers read them."""
    d = Drawing("dalle-2-priors", ROOMY, 716, LARGE)
    said: list[Place] = [
        (f"token 1, {TOKEN}", "text", ""),
        (f"token $L$, {TOKEN}", "text", ""),
    ]
    whole = f"text embedding, {EMBEDDING}"
    d.text(12, 22, "prior by diffusion: all numbers at once", 15.5, "text", "start", bold=True)
    own: list[Place] = [
        (whole, "text", ""),
        ("step $t$", "plain", ""),
        (f"$x_t$, {EMBEDDING}", "mixture", ""),
        ("learned query", "network", f"$\\hat x_0$, {EMBEDDING}"),
    ]
    ys = _sequence(d, 38, [*said, *own], CONFIG.prior)
    low = ys[-1] + 30
    d.arrow([(376, ys[-1] + 8), (376, low), (10, low), (10, ys[-2]), (21, ys[-2])], "violet", dashed=True)
    d.text(194, ys[-1] + 50, "a sampler makes the next $x_t$ of it", 15, "violet")
    top = ys[-1] + 96
    d.text(12, top, "prior by codes: one after another", 15.5, "text", "start", bold=True)
    codes: list[Place] = [
        (whole, "text", "$p(c_1)$"),
        ("code $c_1$", "plain", "$p(c_2)$"),
        (f"code $c_{{{CODES - 1}}}$", "plain", f"$p(c_{{{CODES}}})$"),
    ]
    ys = _sequence(d, top + 16, [*said, *codes], CONFIG.code_prior)
    lines = (
        f"each $p$ holds {LEVELS} probabilities;",
        "the code drawn is read at the next place;",
        f"{CODES} codes become an embedding, {EMBEDDING}",
    )
    for i, line in enumerate(lines):
        d.text(210, ys[-1] + 44 + 20 * i, line, 15, "muted")
    return d


Place = tuple[str, str, str]  # what is read there, of which kind, what comes out there


def _sequence(d: Drawing, top: float, places: list[Place], config: PriorConfig) -> list[float]:
    """A transformer and what it reads, from the first place to the last: the heights of the places."""
    width, ys, y = config.trunk.width, [], top + 15
    for i, (name, kind, out) in enumerate(places):
        d.box(22, y - 15, 164, 30, name, kind, 15)
        d.arrow([(186, y), (219, y)], KINDS[kind][0], head=7)
        d.text(202, y - 4, f"{width}", 15, KINDS[kind][0], halo=True)
        if out:
            d.arrow([(326, y), (350, y)], "blue", head=7)
            d.text(354, y + 5, out, 15, "blue", "start")
        ys.append(y)
        more = name.startswith("token 1") or (name.startswith("code") and i + 2 == len(places))
        if more:
            for dot in range(3):
                d.dot(104, y + 24 + 8 * dot, 2, "muted")
        y += 64 if more else 42
    d.rect(220, top - 4, 106, ys[-1] - top + 23, "violet", 14)
    lines = ["~each place", "~reads itself", "~and those", "~above it"]
    lines = ["causal", "transformer", f"~{config.trunk.depth} blocks", *lines]
    d.lines(273, (top + ys[-1] + 15) / 2, lines, 15.5)
    return ys
