"""The idea in five drawings: the chain, one denoising step, one training step, and two sums."""

from __future__ import annotations

from .canvas import Drawing
from .pixels import T, clothing, grey, noise, noised, schedule


def chain() -> Drawing:
    """x_0 to x_T and back."""
    d = Drawing("chain", 560, 282)
    d.text(280, 26, "forward process $q$: add noise, nothing is learned", color="orange", bold=True)
    xs = [16, 164, 312, 460]
    for x, t, name in zip(xs, (0, 200, 300, 1000), ("x_0", "x_{t-1}", "x_t", "x_T")):
        color = {0: "blue", 1000: "orange"}.get(t, "violet")
        d.picture(x, 86, 84, grey(noised(t) if t else clothing()), color)
        d.text(x + 42, 194, f"${name}$", 18, color)
    for i, x in enumerate(xs[:-1]):
        middle = i == 1
        d.arrow([(x + 90, 108), (x + 143, 108)], "orange", dashed=not middle)
        d.arrow([(x + 142, 148), (x + 89, 148)], "violet", dashed=not middle)
    d.text(280, 68, "$q(x_t | x_{t-1})$", 17, "orange")
    d.text(280, 226, "$p_θ(x_{t-1} | x_t)$", 17, "violet")
    for x in (130, 430):
        d.text(x, 132, "⋯", 18, "muted")
    d.text(280, 262, "reverse process $p_θ$: a network removes noise", color="violet", bold=True)
    return d


def denoising_step() -> Drawing:
    """One reverse step as a box."""
    d = Drawing("denoising-step", 500, 452)
    d.picture(36, 48, 84, grey(noised(300)), "violet")
    d.text(78, 34, "$x_t$", 18, "violet")
    d.box(180, 48, 150, 84, ["noise predictor", "$ε_θ(x_t, t)$", "~a U-Net"], "network", 16)
    d.picture(392, 48, 84, grey(noise(), 3), "orange")
    d.text(434, 34, "$\\hat ε$", 18, "orange")
    d.arrow([(124, 90), (178, 90)], "violet")
    d.arrow([(332, 90), (388, 90)], "orange")
    d.box(238, 158, 34, 30, "$t$", "plain", 18)
    d.arrow([(255, 158), (255, 136)])
    d.arrow([(255, 188), (255, 212)])
    d.box(168, 214, 308, 76, ["remove a part of $\\hat ε$, rescale,", "add a little new noise $σ_t z$"], "plain", 17)
    d.arrow([(434, 136), (434, 212)], "orange")
    d.arrow([(78, 136), (78, 252), (166, 252)], "violet")
    d.picture(280, 332, 84, grey(noised(200)), "violet")
    d.text(322, 440, "$x_{t-1}$", 18, "violet")
    d.arrow([(322, 290), (322, 328)], "violet")
    d.arrow([(276, 374), (14, 374), (14, 90), (32, 90)], "violet", dashed=True)
    d.lines(144, 410, ["$x_{t-1}$ is the next $x_t$:", "$T$ times, the same weights"], 16)
    return d


def training_step() -> Drawing:
    """One training step as a data flow."""
    d = Drawing("training-step", 560, 528)
    d.picture(60, 48, 84, grey(clothing()), "blue")
    d.lines(102, 24, ["image $x_0$"], 16, color="blue")
    d.picture(234, 48, 84, grey(noise(), 3), "orange")
    d.lines(276, 24, ["noise $ε$, drawn"], 16, color="orange")
    d.box(60, 178, 258, 56, ["$√\\bar α_t x_0 + √(1 - \\bar α_t) ε$"], "plain", 18)
    d.box(374, 178, 122, 56, ["step $t$,", "drawn"], "plain", 16)
    d.arrow([(102, 136), (102, 176)], "blue")
    d.arrow([(276, 136), (276, 176)], "orange")
    d.arrow([(374, 206), (321, 206)])
    d.picture(60, 296, 84, grey(noised(300)), "violet")
    d.text(102, 402, "$x_t$", 18, "violet")
    d.arrow([(102, 234), (102, 292)], "violet")
    d.box(206, 296, 150, 84, ["network", "$ε_θ(x_t, t)$"], "network", 17)
    d.arrow([(148, 338), (204, 338)], "violet")
    d.arrow([(435, 234), (435, 264), (281, 264), (281, 294)])
    d.picture(412, 296, 84, grey(0.93 * noise() + 0.35 * noise(7), 3), "orange")
    d.text(430, 402, "$\\hat ε$", 18, "orange")
    d.arrow([(358, 338), (408, 338)], "orange")
    d.box(356, 440, 150, 64, ["compare:", "$‖ε - \\hat ε‖^2$"], "score", 17)
    d.arrow([(454, 384), (454, 438)], "orange")
    d.arrow([(322, 90), (538, 90), (538, 472), (508, 472)], "orange")
    d.text(430, 80, "the answer", 16, "orange")
    d.arrow([(356, 472), (281, 472), (281, 384)], "text", dashed=True)
    d.lines(180, 466, ["gradient: change", "the weights"], 16)
    return d


def image_equation() -> Drawing:
    """x_t as a weighted sum of two images."""
    d = Drawing("image-equation", 540, 340)
    for x, words, color in ((124, "image $x_0$", "blue"), (312, "noise $ε$", "orange"), (470, "$x_t$", "violet")):
        d.text(x, 24, words, 17, color)
    for row, wanted in enumerate((0.95, 0.5)):
        t = min(range(1, T + 1), key=lambda t: abs(schedule().signal(t) - wanted))
        signal, noise_ = schedule().signal(t), schedule().noise(t)
        y = 40 + 156 * row
        d.picture(78, y, 92, grey(clothing()), "blue")
        d.picture(266, y, 92, grey(noise()), "orange")
        d.picture(424, y, 92, grey(noised(t)), "violet")
        for x, words in ((40, f"{signal:.2f} ×"), (218, f"+ {noise_:.2f} ×"), (391, "=")):
            d.text(x, y + 52, words, 18)
        d.text(124, y + 118, f"$√\\bar α_t$ = {signal:.2f}", 16, "blue")
        d.text(312, y + 118, f"$√(1 - \\bar α_t)$ = {noise_:.2f}", 16, "orange")
        d.text(470, y + 118, f"$t$ = {t}", 16, "muted")
    return d


def noise_sum() -> Drawing:
    """Two independent noises add like the sides of a right triangle."""
    d = Drawing("noise-sum", 480, 300)
    d.line([(70, 216), (326, 216)], "orange", 4)
    d.line([(326, 216), (326, 24)], "orange", 4)
    d.line([(70, 216), (326, 24)], "orange", 4, dashed=True)
    d.line([(308, 216), (308, 198)], "muted", 1.4)
    d.line([(308, 198), (326, 198)], "muted", 1.4)
    d.text(198, 244, "first noise: $a$ = 0.8", 17, "orange")
    d.lines(404, 120, ["second", "noise:", "$b$ = 0.6"], 17, color="orange")
    d.lines(136, 82, ["their sum:", "$√(a^2 + b^2)$ = 1.0"], 17, color="orange")
    d.text(240, 284, "standard deviations; not $a + b$ = 1.4", 16, "muted")
    return d
