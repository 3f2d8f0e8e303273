"""Numbers that are drawn ahead are those that are drawn when they are asked for."""

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.train import loop
from diffusion_edu.train.ahead import Numbers

CPU = torch.device("cpu")
CALLS = {
    "normal": lambda draw: draw.normal(2, 3),
    "uniform": lambda draw: draw.uniform(),
    "integers": lambda draw: draw.integers(1, 50),
    "more": lambda draw: draw.normal(5),
}
PLAIN = ("uniform", "integers", "normal")


def numbers(ahead, part=range(1, 4)):
    return Numbers(7, 6, part, CPU, ahead)


@pytest.mark.parametrize(
    "steps",
    [
        dict.fromkeys(range(1, 7), PLAIN),
        {1: PLAIN, 2: PLAIN, 3: ("uniform", "more", "normal"), 4: ("uniform", "more", "normal"), 5: PLAIN, 6: PLAIN},
        {1: (), 2: PLAIN, 3: PLAIN[:1], 4: PLAIN, 5: (*PLAIN, "more"), 6: PLAIN},
        {5: PLAIN, 6: PLAIN, 7: PLAIN, 2: PLAIN, 3: PLAIN, 4: PLAIN},
    ],
    ids=["the same at each step", "other ones for a while", "fewer and more", "begun anew"],
)
def test_whatever_a_step_asks_for_it_gets_its_own_numbers(steps):
    plain, early = numbers(False), numbers(True)
    for n, names in steps.items():
        wanted, got = plain.step(n), early.step(n)
        for name in names:
            assert torch.equal(CALLS[name](got), CALLS[name](wanted)), (n, name)
    early.close()


def test_a_step_that_is_tried_again_gets_its_numbers_again():
    """As when torch.compile fails in its middle."""
    plain, early = numbers(False), numbers(True)
    for n in range(1, 6):
        wanted = [CALLS[name](plain.step(n)) for name in PLAIN[:1]]
        assert torch.equal(CALLS["uniform"](early.step(n)), wanted[0])
        draw, again = early.step(n), plain.step(n)
        assert all(torch.equal(CALLS[name](draw), CALLS[name](again)) for name in PLAIN)
    early.close()


def test_they_are_drawn_before_they_are_asked_for():
    early = numbers(True)
    for n in (1, 2, 3):
        draw = early.step(n)
        for name in PLAIN:
            CALLS[name](draw)
    ready = early._waiting[4].result()
    assert [request for request, _ in ready] == draw.asked
    state = draw.generator.get_state()
    assert torch.equal(state, torch.Generator().manual_seed(draw.generator.initial_seed()).get_state()), "not used"
    early.close()


def test_a_training_is_the_same_run(monkeypatch):
    data = torch.randint(0, 256, (10, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    recipe = de.Recipe(steps=5, batch_size=4, warmup=0, flip=True, precision="fp32", log_every=1)
    objective = de.Denoising(de.NoiseSchedule.linear(50))

    def run():
        unet = de.nn.new_unet(de.UNetConfig.tiny(in_channels=1), 0)
        return [step[:4] for step in de.fit(unet, data, recipe, objective, device="cpu")]

    wanted = run()
    monkeypatch.setattr(loop, "Numbers", lambda *arguments: Numbers(*arguments, ahead=True))
    assert run() == wanted
