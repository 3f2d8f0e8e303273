"""Numbers are drawn on the CPU and moved; what is seeded for a while is put back, on every device."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

import diffusion_edu as de
from diffusion_edu import randomness
from diffusion_edu.randomness import SeededNoise, derive_seed, global_seed, seeded
from diffusion_edu.runs import emoji_clip, fashion_classifier


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("device", ["meta", "cpu"])
def test_numbers_come_from_the_cpu_and_go_to_the_device(device):
    """The meta device stands for any accelerator: a generator cannot live there, so a draw there would raise."""
    g = generator()
    drawn = [
        randomness.randn((2, 3), g, device),
        randomness.rand((2,), g, device),
        randomness.randint(1, 9, (4,), g, device),
        SeededNoise([1, 2], (3,), device, torch.float32).draw(),
    ]
    assert [part.device.type for part in drawn] == [device] * 4
    left = generator()
    torch.randn(2, 3, generator=left), torch.rand(2, generator=left), torch.randint(1, 9, (4,), generator=left)
    assert torch.equal(g.get_state(), left.get_state())


def test_without_a_generator_the_global_one_of_the_cpu_is_used():
    torch.manual_seed(7)
    ours = randomness.randn((5,), None, "cpu"), randomness.randint(0, 9, (5,), None, "cpu")
    torch.manual_seed(7)
    assert torch.equal(ours[0], torch.randn(5)) and torch.equal(ours[1], torch.randint(9, (5,)))


def test_noise_of_a_sample_is_that_of_its_seed_alone():
    both, one = (SeededNoise(seeds, (2, 3), "cpu", torch.float32) for seeds in ([4, 9], [9]))
    for _ in range(2):
        assert torch.equal(both.draw()[1:], one.draw())
    assert torch.equal(
        SeededNoise([9], (2, 3), "cpu", torch.float32).draw()[0], torch.randn(2, 3, generator=generator(9))
    )


@pytest.mark.parametrize(
    "build",
    [
        lambda: de.nn.new_unet(de.UNetConfig.tiny(), 3),
        lambda: emoji_clip.new_clip(3),
        lambda: fashion_classifier.new_classifier(3),
        lambda: seeded(lambda: nn.Linear(2, 2), 3),
    ],
)
def test_a_new_network_leaves_every_global_generator_alone(build, monkeypatch):
    for name in ("cuda.manual_seed_all", "cuda.manual_seed", "mps.manual_seed"):
        monkeypatch.setattr(f"torch.{name}", lambda seed, name=name: pytest.fail(f"torch.{name} was called"))
    before = torch.get_rng_state()
    first, again = build(), build()
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(a, b) for a, b in zip(first.state_dict().values(), again.state_dict().values()))


def test_a_new_network_is_made_on_the_cpu_wherever_tensors_are_made_by_default():
    with torch.device("meta"):
        assert seeded(lambda: nn.Linear(2, 2), 3).weight.device.type == "cpu"


@pytest.mark.parametrize("device, used", [("cuda", 1), ("cuda:0", 0), ("mps", 2)])
def test_a_global_seed_is_for_the_block_and_for_the_device_named(device, used, monkeypatch):
    """Three generators stand for those of two GPUs and of Apple's; the second GPU is the current one."""
    own = [generator(seed) for seed in (10, 11, 12)]
    fake = SimpleNamespace(init=lambda: None, current_device=lambda: 1, default_generators=own[:2])
    monkeypatch.setattr(torch, "cuda", fake)
    monkeypatch.setattr(torch.mps, "_get_default_mps_generator", lambda: own[2])
    before = [torch.get_rng_state(), *(g.get_state() for g in own)]
    with global_seed(5, device):
        assert torch.equal(torch.randn(3), torch.randn(3, generator=generator(5)))
        for index, g in enumerate(own):
            assert (g.initial_seed() == 5) == (index == used)
        torch.randn(3, generator=own[used])
    assert all(torch.equal(a, b) for a, b in zip(before, [torch.get_rng_state(), *(g.get_state() for g in own)]))


def test_a_global_seed_is_put_back_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(KeyError), global_seed(5):
        raise KeyError
    assert torch.equal(torch.get_rng_state(), before)


def test_seeds_of_different_uses_differ():
    seeds = {
        derive_seed(s, use, n) for s in range(5) for use in ("noise", "order", "dropout", "init") for n in range(50)
    }
    assert len(seeds) == 5 * 4 * 50
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(3, "noise", 4) == derive_seed(3, "noise", 4)
