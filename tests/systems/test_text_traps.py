"""What published text-to-image code got wrong, tried on whole systems with the real reader."""

import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu.randomness import Draw
from diffusion_edu.runs import RUNS
from diffusion_edu.systems import PixelDiffusion, PixelDiffusionConfig, WithText
from diffusion_edu.systems.text import ClipText

UNET = de.UNetConfig(3, (8, 8), 1, attention_levels=(), cross_levels=(0, 1), vec_dim=128, token_dim=96)
SCHEDULE = de.NoiseSchedule.linear(50)
PROMPTS = ["cat", "a woman mountain biking with medium skin tone, twemoji style"]


@pytest.fixture(scope="module")
def read():
    return ClipText(de.load("emoji-clip"))


@pytest.fixture(scope="module")
def system(read):
    """A system none of whose layers is at zero, as after training."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        made = PixelDiffusion(PixelDiffusionConfig(UNET, 8, SCHEDULE.to_dict(), "v"), text=read)
        for parameter in made.parameters():
            nn.init.normal_(parameter, std=0.2)
    return made.eval().requires_grad_(False)


class Listening(nn.Module):
    """Remembers what it was told."""

    def forward(self, x_t, t, cond=None):
        self.told = cond
        return torch.zeros_like(x_t)


def told(drop, count=2000, seed=0):
    """What a batch of the captioned images is told in one step of the training."""
    rows = {
        "pixels": torch.zeros(count, 1, 2, 2),
        "tokens": torch.ones(count, 2, 3, 4),
        "mask": torch.ones(count, 2, 3, dtype=torch.bool),
        "vec": torch.ones(count, 2, 5),
    }
    network = Listening()
    WithText(SCHEDULE, drop=drop)(network, rows, Draw(torch.Generator().manual_seed(seed), count))
    return network.told


@pytest.mark.parametrize("drop", [0.0, 0.1, 0.5, 1.0])
def test_the_share_that_is_told_nothing_is_that_of_drop_and_not_the_rest(drop):
    """Trap 1: keeping with the probability of dropping told nothing to four samples of five."""
    nothing = ~told(drop).mask.any(1)
    assert abs(nothing.double().mean() - drop) <= 5 * (drop * (1 - drop) / len(nothing)) ** 0.5


def test_vector_and_words_of_a_sample_are_dropped_together():
    """Trap 8: two draws of one in ten would drop both for one sample in a hundred only."""
    cond = told(0.5)
    silent = ~cond.mask.any(1)
    assert torch.equal(silent, ~cond.vec.any(1))
    assert torch.equal(cond.mask.all(1), ~silent), "a sample keeps all of its words or none"


def test_each_sample_is_dropped_by_itself():
    """Trap 7: a batch is not dropped as a whole; neighbors in it do not share their fate."""
    silent = (~told(0.5).mask.any(1)).double()
    together = (silent[1:] == silent[:-1]).double().mean()
    assert abs(together - 0.5) < 5 * 0.5 / len(silent) ** 0.5
    assert not torch.equal(told(0.5, seed=1).mask, told(0.5, seed=2).mask)


def test_one_in_ten_is_said_in_one_place():
    """Trap 4: an example with one half made prompts that are ignored below a scale of 5."""
    assert WithText(SCHEDULE).drop == 0.1
    stages = [RUNS[name].stages[-1] for name in ("emoji", "emoji-latent")]
    assert [stage.objective({}).drop for stage in stages] == [0.1, 0.1]


def test_words_reach_the_image_by_training(read):
    """Trap 3: a network that ignores its prompt. Two texts, two images: after a few steps the right text is cheaper."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        unet = de.UNet(replace(UNET, vec_dim=None))
    said = read(["a red apple", "a blue heart"])
    cond = de.Cond(tokens=said.tokens, mask=said.mask)  # by cross-attention alone
    x0 = torch.stack([torch.full((3, 8, 8), -0.8), torch.full((3, 8, 8), 0.8)])
    both = torch.arange(2).repeat(16)
    generator = torch.Generator().manual_seed(1)
    optimizer = torch.optim.Adam(unet.parameters(), lr=3e-3)

    def loss(rows, seed):
        g = generator if seed is None else torch.Generator().manual_seed(seed)
        return de.diffusion_loss(unet, x0[both], SCHEDULE, "v", generator=g, cond=cond[rows])

    for _ in range(40):
        optimizer.zero_grad()
        loss(both, None).backward()
        optimizer.step()
    parts = [p for name, p in unet.named_parameters() if "cross_attention" in name]
    assert len(parts) > 20 and all(p.grad is not None and p.grad.any() for p in parts)
    with torch.no_grad():
        assert 1.1 * loss(both, 7) < loss(both.flip(0), 7)


def test_guidance_one_is_the_network_alone_and_guidance_zero_an_empty_prompt(system):
    """Trap 5, by the whole system, bit for bit; and a scale between the two is not taken for either."""
    drawn = {w: system.generate(PROMPTS, steps=3, guidance=w) for w in (0.0, 0.5, 1.0, 2.0)}
    plain = de.last(
        de.sample(system.denoiser, (2, 3, 8, 8), de.DPMSolver(), steps=3, seeds=[0, 1], cond=system.text(PROMPTS))
    )
    assert torch.equal(drawn[1.0], plain.x_t)
    assert torch.equal(drawn[0.0], system.generate(["", ""], steps=3, guidance=1.0))
    for one, other in itertools.combinations(drawn.values(), 2):
        assert not torch.allclose(one, other, atol=1e-2)


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_an_empty_prompt_is_finite_alone_and_beside_others(system, guidance):
    """Trap 12: every token masked, and the softmax of nothing."""
    mixed = system.generate(["", *PROMPTS], steps=3, guidance=guidance, seed=4)
    assert mixed.isfinite().all()
    assert torch.allclose(system.generate([""], steps=3, guidance=guidance, seed=4), mixed[:1], atol=1e-4)


def test_a_prompt_draws_the_same_image_alone_and_beside_a_longer_one(system):
    """Trap 13: padding is attended to, and the image depends on the longest prompt of its batch."""
    short, long = system.text(PROMPTS[:1]).mask.shape[1], system.text(PROMPTS).mask.shape[1]
    assert short < long, "the test needs padding"
    alone = system.generate(PROMPTS[:1], steps=4, guidance=3.0, seed=2)
    beside = system.generate(PROMPTS, steps=4, guidance=3.0, seed=2)
    assert torch.allclose(alone[0], beside[0], atol=1e-3)
    assert not torch.allclose(alone[0], system.generate(PROMPTS[1:], steps=4, guidance=3.0, seed=2)[0], atol=0.05)
