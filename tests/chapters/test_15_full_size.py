import nbformat
import pytest
import torch

import diffusion_edu as de
from diffusion_edu.nn import new_unet
from diffusion_edu.nn.cost import network_cost, training_cost
from diffusion_edu.runs import RUNS
from diffusion_edu.train.losses import diffusion_loss

from .cells import NOTEBOOKS, run_cells


@pytest.fixture(scope="module")
def chapter():
    return run_cells("15_full_size", "check-parts", "buggy-parts", "solution-parts", torch=torch)


def test_the_judge_accepts_weights_by_size_and_nothing_else(chapter):
    is_right = chapter["is_right"]
    assert is_right(chapter["fixed_combine"])
    assert is_right(lambda gradients, sizes: torch.stack(gradients).T @ torch.tensor(sizes).float() / sum(sizes))
    assert not is_right(chapter["buggy_combine"]), "a mean of means"
    assert not is_right(lambda gradients, sizes: sum(gradients)), "no mean at all"
    assert not is_right(lambda gradients, sizes: sum(s * g for g, s in zip(gradients, sizes))), "not divided"
    assert not is_right(lambda gradients, sizes: sum(s * g for g, s in zip(gradients, reversed(sizes))) / sum(sizes))


def test_the_average_stops_in_half_precision_where_a_step_is_half_of_the_last_bit():
    """And not because the cell stops early: more steps change nothing any more."""
    names = run_cells("15_full_size", "average", torch=torch, viz=Silent())
    long = names["average_of"](torch.bfloat16, steps=30_000)
    assert long[-1] == long[len(long) // 2] < 0.5
    assert names["average_of"](torch.float64, decay=0.5)[-1] == pytest.approx(1)


class Silent:
    """Instead of drawing."""

    def plot_lines(self, *args, **options):
        assert all(len(line) == len(args[0]) for line in args[1].values())


def test_the_parts_of_a_batch_need_the_noise_that_belongs_to_them():
    """The chapter's cell, and the mistake that it warns of: every part with the same noise."""
    net = new_unet(de.UNetConfig.tiny(in_channels=3), 0).eval()
    # Its last layer starts at zero, and then nothing before it has a gradient.
    with torch.no_grad():
        for p in net.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(1)))
    x0 = de.data.to_x0(de.data.emoji("train", size=32).pixels[:16])
    names = {"torch": torch, "x0": x0, "net": net, "schedule": de.NoiseSchedule.linear(1000)}
    run_cells("15_full_size", "parallel", diffusion_loss=diffusion_loss, **names)


def test_the_chapters_network_costs_what_the_original_does():
    cost = network_cost(de.UNetConfig.paper(), 32)
    assert cost.parameters == 35_746_307
    names = {"cost": cost, "training_cost": training_cost}
    run_cells("15_full_size", "sol-full-floor", **names)
    run_cells("15_full_size", "sol-full-memory", **names)


def test_what_was_not_measured_is_not_shown(tmp_path, capsys):
    """Without a single file of results no cell fails, and none prints a word."""
    ids = "measured", "profile", "growth", "overhead", "gpu"
    names = run_cells("15_full_size", *ids, RESULTS=tmp_path, json=__import__("json"))
    assert capsys.readouterr().out == ""
    assert names["stored"]("gpu") == {}


def test_the_gpu_table_comes_alive(tmp_path, capsys):
    (tmp_path / "gpu.json").write_text(
        '{"parts": {"peak": {"bf16_flops": 7.9e14}, "throughput": {"rows": {"mine": {"pictures_per_second": 5300,'
        ' "share_of_bf16_peak": 0.25}}}, "train": {"done": true, "seconds_spent": 1.5,'
        ' "floor_test_split": {"distance": 3.0}, "ours": {"distance": 9.0, "floor": {"distance": 3.0}}},'
        ' "worth": {"rows": {"all": {"pictures_per_second": 5400}, "graphs": {"failed": "out of memory"}}}}}'
    )
    run_cells("15_full_size", "measured", "gpu", RESULTS=tmp_path, json=__import__("json"))
    out = capsys.readouterr().out
    assert "bf16 peak: 790 TFLOP/s" in out and "mine: 5,300/s, 25% of it" in out
    assert "all: 5,400/s" in out and "graphs: out of memory" in out
    assert "ours: 9.0, floor 3.0" in out and len(out.splitlines()) == 5


def test_the_commands_of_the_table_are_commands():
    text = "\n".join(cell.source for cell in nbformat.read(NOTEBOOKS / "15_full_size.ipynb", as_version=4).cells)
    for recipe in ("fashion", "cifar10-fast", "cifar10"):
        assert f"train {recipe}" in text and recipe in RUNS
