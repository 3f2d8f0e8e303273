"""The page's estimates and its guidance against the package's: every target, every way to clip."""

from __future__ import annotations

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.diffusion import Guided, dynamic_threshold
from diffusion_edu.diffusion.denoiser import Denoiser
from diffusion_edu.widgets.model.kernel import clip_name

AREA = 48
SCHEDULE = de.NoiseSchedule.cosine(100)


def floats(values: list[str]) -> torch.Tensor:
    return torch.tensor([float(v) for v in values], dtype=torch.float64)


def drawn(seed: int, spread: float = 1.0) -> torch.Tensor:
    return spread * torch.randn(3, AREA, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("clip", [False, True, "dynamic"])
@pytest.mark.parametrize("target", ["eps", "x0", "v"])
@pytest.mark.parametrize("t", [1, 40, 100])
def test_estimates_are_the_denoisers(js, target, clip, t):
    # Spreads below and above 1: samples of one batch that a dynamic threshold leaves alone, and such that it scales.
    x_t, prediction = drawn(1), drawn(2) * torch.tensor([[0.2], [1.0], [3.0]])
    denoiser = Denoiser(lambda x, t, cond: prediction, SCHEDULE, target, clip)
    wanted = denoiser(x_t, t)
    data = {"xt": x_t.flatten().tolist(), "p": prediction.flatten().tolist(), "t": t}
    options = {"target": target, "clip": clip_name(denoiser), "area": AREA}
    code = "result = maths.estimateFrom(data.p, data.xt, data.t, maths.makeSchedule('cosine', 100), data.options)"
    answer = js(code, data | {"options": options})
    for name, value in (("x0", wanted.x0), ("eps", wanted.eps)):
        torch.testing.assert_close(floats(answer[name]), value.flatten(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("share", [0.995, 0.5, 1.0])
def test_the_dynamic_threshold_is_the_packages(js, share):
    x0 = drawn(3) * torch.tensor([[0.3], [1.0], [4.0]])
    answer = js(f"result = maths.dynamicThreshold(data, {AREA}, {share})", x0.flatten().tolist())
    expected = dynamic_threshold(x0, share)
    torch.testing.assert_close(floats(answer), expected.flatten(), rtol=0, atol=1e-12)
    assert expected[0].equal(x0[0]) or share < 1, "a sample within [-1, 1] stays as it is"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"target": "noise"}, "target must be one of eps, x0, v, got noise"),
        ({"clip": True}, "clip must be one of none, static, dynamic, got true"),
    ],
)
def test_unknown_targets_and_clips_are_refused(js, options, told):
    call = "maths.estimateFrom([0], [0], 1, maths.makeSchedule('cosine', 9), data)"
    assert js(f"try {{ {call} }} catch (error) {{ result = error.message }}", options) == told


@pytest.mark.parametrize("scale", [1.0, 0.0, 3.5, -1.0])
def test_guidance_is_the_packages(js, scale):
    c, u = drawn(5), drawn(6)
    # A network that says c where something is said, and u where not.
    guided = Guided(lambda x, t, cond: torch.where(cond.vec[:, :1] > 0, x[:, 0], x[:, 1]), scale)
    both = torch.stack([c, u], dim=1)
    expected = guided(both, torch.ones(3, dtype=torch.long), de.Cond(vec=torch.ones(3, 2)))
    answer = floats(js("result = maths.guide(...data)", [c.flatten().tolist(), u.flatten().tolist(), scale]))
    torch.testing.assert_close(answer, expected.flatten(), rtol=0, atol=1e-12)
    if scale in (0, 1):
        assert torch.equal(answer, (c if scale else u).flatten()), "to the last bit"
