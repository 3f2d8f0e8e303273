"""Networks, samplers and measures: the same numbers on the other device as on the CPU."""

import functools

import pytest
import torch

import diffusion_edu as de
from diffusion_edu.nn import new_unet
from diffusion_edu.pretrained import available
from diffusion_edu.systems.clip import clip_loss

pytestmark = pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN")
CONFIG = de.UNetConfig(
    in_channels=3, channels=(32, 32), blocks=1, attention_levels=(1,), vec_dim=4, token_dim=6, concat_channels=1
)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def randn(*shape, seed=0):
    return torch.randn(shape, generator=generator(seed))


def answer(network):
    """What a shipped network says: images, where it draws; else what it finds in a few."""
    device = next(network.parameters()).device
    if hasattr(network, "generate"):
        prompt = None if network.text is None else ["a red apple", "a face"]
        return network.generate(prompt, n=2, steps=4, sampler=de.DDIM(eta=1.0))
    x0 = de.data.to_x0(de.data.emoji("test").pixels[:4])
    mask = torch.arange(8) < torch.tensor([[8], [5], [1], [3]])
    ids = torch.randint(1, 50, (4, 8), generator=generator()) * mask
    inputs = {"CLIP": (x0, ids, mask), "Classifier": (x0.mean(1, keepdim=True),)}
    kind = type(network).__name__
    assert kind in inputs, f"say here what a {kind} is called with"
    return network(*(value.to(device) for value in inputs[kind]))


@functools.cache
@torch.no_grad()
def of_the_cpu(name):
    """What the others are compared with."""
    return answer(de.load(name))


def flat(output):
    parts = output if isinstance(output, tuple) else [output]
    return torch.cat([part.detach().cpu().flatten().float() for part in parts])


def close(ours, theirs, most=1e-4):
    """Relative to the size of the numbers."""
    ours, theirs = flat(ours), flat(theirs)
    assert ours.isfinite().all() and theirs.isfinite().all()
    assert (ours - theirs).abs().max() <= most * max(1.0, theirs.abs().max().item())


@pytest.mark.parametrize("name", available())
def test_every_shipped_network_answers_the_same(other, name):
    with torch.no_grad():
        here = of_the_cpu(name)
        with other.work() as device:
            network = de.load(name, device)
            assert next(network.parameters()).device == device
            close(answer(network), here, 1e-3)


@functools.cache
def drawn_by_the_cpu(sampler):
    """Three images, and what is drawn from the first."""
    fashion = de.load("fashion")
    here = fashion.generate(3, sampler=sampler, steps=10, seed=5)
    return here, fashion.generate(3, start=here[0], start_t=300, sampler=sampler, steps=4, seed=5)


@pytest.mark.parametrize("sampler", [de.DDPM(), de.DDIM(eta=1.0), de.DPMSolver()], ids=repr)
def test_a_seed_is_the_same_picture(other, sampler):
    """The noise is drawn on the CPU; what is left are the roundings of the network, over ten steps."""
    here, from_first = drawn_by_the_cpu(sampler)
    with other.work() as device:
        fashion = de.load("fashion", device)
        there = fashion.generate(3, sampler=sampler, steps=10, seed=5)
        again = fashion.generate(3, start=here[0], start_t=300, sampler=sampler, steps=4, seed=5)
    grey = (de.data.to_pixels(here).int() - de.data.to_pixels(there).int()).abs()
    assert there.device.type == "cpu" and grey.max() <= 2 and (grey > 1).float().mean() < 1e-3
    close(again, from_first, 2e-2)


def test_conditions_steps_and_generators_of_the_cpu_are_moved(other):
    here = new_unet(CONFIG, 0)
    for parameter in here.parameters():  # its last layer begins at 0, and would answer 0 to everything
        parameter.data += 0.02 * randn(*parameter.shape, seed=1)
    here.eval()
    x, t = randn(2, 3, 8, 8, seed=2), torch.tensor([3, 70])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    cond = de.Cond(vec=randn(2, 4), tokens=randn(2, 3, 6), mask=mask, concat=randn(2, 1, 8, 8))
    schedule = de.NoiseSchedule.linear(100)
    wanted = here(x, t, cond)
    loss = de.diffusion_loss(here, x, schedule, generator=generator(), cond=cond, drop=0.5, null=cond)
    drawn = list(de.sample(de.Denoiser(here, schedule), (2, 3, 8, 8), steps=3, cond=cond))[-1].x_t
    with other.work() as device:
        there = new_unet(CONFIG, 0).eval().to(device)
        there.load_state_dict(here.state_dict())
        close(there(x.to(device), t, cond), wanted)
        close(de.Denoiser(there, schedule)(x.to(device), t, cond), de.Denoiser(here, schedule)(x, t, cond))
        x0 = x.to(device)
        close(de.diffusion_loss(there, x0, schedule, generator=generator(), cond=cond, drop=0.5, null=cond), loss)
        close(list(de.sample(de.Denoiser(there, schedule), (2, 3, 8, 8), steps=3, cond=cond))[-1].x_t, drawn)
        close(de.q_sample(x0, t, schedule, generator=generator()), de.q_sample(x, t, schedule, generator=generator()))
        keep = torch.tensor([True, False])
        close(cond.to(device).where(keep, cond).vec, cond.vec)
        close(clip_loss(x0[:, 0, 0], x[:, 1, 1], 1.0, torch.tensor([1, 2])), clip_loss(x[:, 0, 0], x[:, 1, 1], 1.0))


def test_what_lies_on_the_cpu_goes_where_the_network_is():
    """The meta device, which refuses to add its numbers to others', stands for a GPU that is not here."""
    schedule, t = de.NoiseSchedule.linear(100), torch.tensor([3, 70])
    mask = torch.tensor([[True, True, False], [True, False, False]])
    cond = de.Cond(vec=randn(2, 4), tokens=randn(2, 3, 6), mask=mask, concat=randn(2, 1, 8, 8))
    with torch.device("meta"):
        unet, x = de.UNet(CONFIG).eval(), torch.zeros(2, 3, 8, 8)
    denoiser = de.Denoiser(unet, schedule)
    with pytest.raises(RuntimeError, match="not on the expected device"):
        x + randn(2, 3, 8, 8)
    answers = [
        unet(x, t, cond),
        denoiser(x, t, cond).x0,
        de.diffusion_loss(unet, x, schedule, generator=generator(), cond=cond, drop=0.5, null=cond),
        de.diffusion_loss(unet, x, schedule, t=t, eps=randn(2, 3, 8, 8), cond=cond),
        list(de.sample(denoiser, (2, 3, 8, 8), de.DDIM(eta=1.0), steps=3, cond=cond))[-1].x_t,
        de.q_sample(x, t, schedule, generator=generator())[0],
        de.q_sample(x, t, schedule, noise=randn(2, 3, 8, 8))[1],
        cond.to("meta").where(torch.tensor([True, False]), cond).concat,
        clip_loss(x[:, 0, 0], randn(2, 8), 1.0, torch.tensor([1, 2])),
    ]
    assert [answer.device.type for answer in answers] == ["meta"] * 9
    de.Denoiser(lambda x_t, t, cond: answers.extend([t, cond.vec]) or x_t, schedule)(x, t, cond)
    assert [answer.device.type for answer in answers[9:]] == ["meta"] * 2, "so for a network that moves nothing itself"
    assert cond.to("cpu") is cond


def test_a_picture_on_another_device_is_refused_by_name(other):
    with other.work() as device:
        unet = new_unet(de.UNetConfig.tiny(in_channels=1), 0).to(device)
        elsewhere = "meta" if device.type == "cpu" else "cpu"
        with pytest.raises(ValueError, match=rf"x_t must be on {device}.*got {elsewhere}"):
            unet(torch.zeros(1, 1, 8, 8, device=elsewhere), torch.ones(1, dtype=torch.long, device=device))


def test_channels_last_changes_no_number(other):
    x, t = randn(2, 3, 16, 16), torch.tensor([3, 70])
    plain = new_unet(de.UNetConfig.tiny(in_channels=3), 0).eval()
    wanted = plain(x, t)
    with other.work() as device:
        nhwc = new_unet(de.UNetConfig.tiny(in_channels=3), 0).eval().to(device).to(memory_format=torch.channels_last)
        close(nhwc(x.to(device).to(memory_format=torch.channels_last), t), wanted)


def test_sets_of_pictures_are_as_far_apart(other):
    pixels = de.data.fashion_mnist("test").pixels[:200]
    found = []
    for device in ("cpu", other.device):
        with other.work():
            network = de.feature_network("fashion-classifier", device=device)
            found.append(de.compare(pixels[:100], pixels[100:], network, resamples=20).to_dict())
    here, there = found
    assert there["distance"] == pytest.approx(here["distance"], rel=1e-3)
    assert there["kernel"]["value"] == pytest.approx(here["kernel"]["value"], rel=1e-2, abs=1e-4)
    assert there["interval_95"] == pytest.approx(here["interval_95"], rel=1e-2)


def random_states(device):
    """Of the CPU and of all GPUs."""
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state_all() if device.type == "cuda" else [])]


def test_global_generators_are_left_alone(other):
    """Building, sampling, and a step of training with dropout."""
    with other.work() as device:
        before = random_states(device)
        unet = new_unet(de.UNetConfig(in_channels=1, channels=(32,), blocks=1, attention_levels=(), dropout=0.5), 0)
        data = torch.zeros(4, 1, 8, 8, dtype=torch.uint8)
        recipe = de.Recipe(steps=1, batch_size=2, precision="fp32")
        schedule = de.NoiseSchedule.linear(100)
        list(de.fit(unet, data, recipe, de.Denoising(schedule), device=device))
        list(de.sample(de.Denoiser(unet, schedule), (1, 1, 8, 8), de.DDIM(eta=1.0), steps=2))
        assert all(torch.equal(a, b) for a, b in zip(before, random_states(device)))


def test_feature_maps_are_recorded_from_a_network_of_any_device(other):
    explorer = pytest.importorskip("diffusion_edu.widgets.unet.widget", exc_type=ImportError)
    fashion, x0 = de.load("fashion"), de.data.to_x0(de.data.fashion_mnist("test").pixels[:1])
    here = explorer.record_features(fashion.unet, fashion.schedule, x0, ts=(100,), channels=2)
    with other.work() as device:
        there = explorer.record_features(de.load("fashion", device).unet, fashion.schedule, x0, ts=(100,), channels=2)
    assert there["maps"].keys() == here["maps"].keys()
    name = "conv_in"  # grey levels of a map may be rounded another way, no more
    step = 2 / (here["levels"] - 1)
    assert (explorer.unpack_map(here, name, 100) - explorer.unpack_map(there, name, 100)).abs().max() < 1.5 * step
