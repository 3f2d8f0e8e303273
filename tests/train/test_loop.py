"""The training loop: what it feeds the network, what it reports and keeps, and that a resumed run is the same run."""

import errno
import functools
import json
import math
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors.torch import save
from torch import nn

import diffusion_edu as de
from diffusion_edu import files
from diffusion_edu.disk import RunBusy
from diffusion_edu.files import CheckpointError
from diffusion_edu.nn import new_unet
from diffusion_edu.train import TrainingDiverged, checkpoint, objective
from diffusion_edu.train.checkpoint import CHECKPOINT, METRICS

SCHEDULE = de.NoiseSchedule.linear(100)
CONFIG = de.UNetConfig(in_channels=1, channels=(8,), blocks=1, attention_levels=(0,))
RECIPE = de.Recipe(
    steps=8, batch_size=4, rate=1e-2, warmup=3, flip=True, precision="fp32", log_every=1, checkpoint_every=3
)


def pictures(count=10, seed=0, size=4):
    return torch.randint(
        0, 256, (count, 1, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


DATA = pictures()


def network(seed=0, **changes):
    return new_unet(replace(CONFIG, **changes), seed)


def fit(model, recipe=RECIPE, data=DATA, schedule=SCHEDULE, target="eps", **options):
    return de.fit(model, data, recipe, de.Denoising(schedule, target), device="cpu", **options)


def reports(directory):
    lines = [json.loads(line) for line in (directory / METRICS).read_text().splitlines()]
    return [{k: v for k, v in line.items() if k != "pictures_per_second"} for line in lines]


def assert_same_run(one, other):
    """Weights, average, optimiser and description in both folders are equal bit for bit, and so are the reports."""
    (a, meta_a), (b, meta_b) = (files.read(folder / CHECKPOINT) for folder in (one, other))
    assert a.keys() == b.keys()
    assert {name.split(".")[0] for name in a} == {"model", "ema", "optimizer"}
    assert [name for name in a if not torch.equal(a[name], b[name])] == []
    assert meta_a == meta_b
    assert reports(one) == reports(other)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run that was left alone; nobody writes into its folder."""
    folder = tmp_path_factory.mktemp("trained")
    list(fit(network(), directory=folder))
    return folder


@pytest.fixture
def whole(trained, tmp_path):
    """The folder of such a run."""
    return shutil.copytree(trained, tmp_path / "whole")


@pytest.fixture
def seen(monkeypatch):
    """The batches that the loss was given."""
    batches = []
    real = objective.diffusion_loss

    def watch(model, x0, *args, **options):
        batches.append(x0.clone())
        return real(model, x0, *args, **options)

    monkeypatch.setattr(objective, "diffusion_loss", watch)
    return batches


# ---- what the network is fed -----------------------------------------------------------------------------


def test_each_epoch_visits_each_picture_once(seen):
    data = (torch.arange(10, dtype=torch.uint8) * 20)[:, None, None, None].expand(10, 1, 4, 4).contiguous()
    list(fit(network(), replace(RECIPE, steps=10), data))
    order = [round((value.item() + 1) * 127.5 / 20) for batch in seen for value in batch[:, 0, 0, 0]]
    epochs = [order[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4, "shuffled anew each time"
    assert {len(batch) for batch in seen} == {4}, "a batch may span two epochs, and is always full"


def test_a_batch_may_be_larger_than_the_data(seen):
    list(fit(network(), replace(RECIPE, steps=2, batch_size=25), DATA))
    assert [len(batch) for batch in seen] == [25, 25]


@pytest.mark.parametrize("flip", [True, False])
def test_flips_are_exact_mirrors_of_half_of_the_pictures(seen, flip):
    """Trap 32: and the pixels reach the network in [-1, 1]."""
    data = pictures(1)
    list(fit(network(), replace(RECIPE, steps=20, batch_size=16, flip=flip), data))
    x0 = de.data.to_x0(data)
    straight = sum(torch.equal(x, x0[0]) for batch in seen for x in batch)
    mirrored = sum(torch.equal(x, x0[0].flip(2)) for batch in seen for x in batch)
    assert straight + mirrored == 320
    assert abs(mirrored - 160) < 5 * math.sqrt(320 * 0.25) if flip else mirrored == 0
    assert x0.min() >= -1
    assert x0.max() <= 1


def test_training_lowers_the_loss():
    """Two pictures are learned by heart: the loss falls well below that of a network that says "no noise"."""
    recipe = replace(RECIPE, steps=80, batch_size=16, flip=False, log_every=20, checkpoint_every=1000)
    losses = [step.loss for step in fit(network(), recipe, pictures(2))]
    assert losses[-1] < 0.3
    assert losses[-1] < losses[0]


# ---- what is reported ------------------------------------------------------------------------------------


def test_reports_come_when_the_recipe_says():
    recipe = replace(RECIPE, steps=11, log_every=4, checkpoint_every=6, warmup=5)
    steps = list(fit(network(), recipe))
    assert [step.step for step in steps] == [4, 6, 8, 11]
    assert [step.rate for step in steps] == [recipe.rate_at(n) for n in (4, 6, 8, 11)]
    assert all(step.grad_norm > 0 and step.pictures_per_second > 0 for step in steps)


def test_a_report_is_the_mean_since_the_last():
    single = [step.loss for step in fit(network(), replace(RECIPE, steps=6))]
    pairs = [step.loss for step in fit(network(), replace(RECIPE, steps=6, log_every=2, checkpoint_every=2))]
    assert pairs == pytest.approx([(a + b) / 2 for a, b in zip(single[::2], single[1::2])], rel=1e-5)


def test_without_a_directory_nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    list(fit(network()))
    assert not list(tmp_path.iterdir())


def test_the_network_trains_and_is_left_ready_to_sample():
    """Trap 23."""
    model = network(dropout=0.5)
    modes = [model.training for _ in fit(model)]
    assert modes == [True] * 8
    assert not model.training


def test_the_given_average_is_updated():
    model = network()
    start = {name: value.clone() for name, value in model.state_dict().items()}
    ema = de.EMA(model, 0.5)
    list(fit(model, ema=ema))
    assert ema.updates == 8
    for name, value in ema.model.state_dict().items():
        assert not torch.equal(value, start[name]) or not value.any(), name


def test_the_schedule_of_rates_is_obeyed(monkeypatch):
    rates = []
    real = torch.optim.AdamW.step

    def watch(self, *args, **options):
        rates.append(self.param_groups[0]["lr"])
        return real(self, *args, **options)

    monkeypatch.setattr(torch.optim.AdamW, "step", watch)
    list(fit(network()))
    assert rates == [RECIPE.rate_at(n) for n in range(1, 9)]


def test_gradients_are_clipped():
    """With a tiny clip the step of plain Adam is unchanged but for its epsilon; the reported norm is that before."""
    norms = [[s.grad_norm for s in fit(network(), replace(RECIPE, steps=1, clip=clip))] for clip in (1e-3, 1e3)]
    assert norms[0] == norms[1]
    assert norms[0][0] > 1e-3


def test_bf16_is_close_to_single_precision_and_keeps_the_weights_in_it():
    """Trap 7: autocast reaches the network only."""
    runs = {}
    for precision in ("fp32", "bf16"):
        model = network()
        runs[precision] = [step.loss for step in fit(model, replace(RECIPE, steps=20, precision=precision))]
        assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert runs["bf16"][0] == pytest.approx(runs["fp32"][0], rel=5e-3)
    assert sum(runs["bf16"]) == pytest.approx(sum(runs["fp32"]), rel=0.05)
    assert runs["bf16"] != runs["fp32"]


# ---- resuming --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole_with(tmp_path_factory):
    """whole_with(dropout): the folder of a run that was left alone."""

    @functools.cache
    def folder(dropout):
        made = tmp_path_factory.mktemp("whole")
        list(fit(network(dropout=dropout), directory=made))
        return made

    return folder


@pytest.mark.parametrize("stop", [1, 3, 4, 7])
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_a_resumed_run_is_the_same_run(whole_with, tmp_path, stop, dropout):
    """Trap 25: bit for bit, with dropout and flips, from a network with another random start."""
    for step in fit(network(dropout=dropout), directory=tmp_path / "cut"):
        if step.step == stop:
            break
    assert files.read(tmp_path / "cut" / CHECKPOINT)[1]["step"] == stop, "a run that is given up is kept"
    torch.manual_seed(99)
    torch.rand(7)
    resumed = [step.step for step in fit(network(5, dropout=dropout), directory=tmp_path / "cut")]
    assert resumed == list(range(stop + 1, 9))
    assert_same_run(whole_with(dropout), tmp_path / "cut")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_larger_network_resumes_to_the_same_bits(tmp_path, precision):
    """Trap 25: two levels, three colours, heads; channels-last in fp32 and contiguous in bf16, in mid-epoch."""
    config = de.UNetConfig(channels=(8, 16), blocks=1, attention_levels=(1,), heads=2, dropout=0.2)
    data = torch.cat([pictures(7, seed=s, size=8) for s in range(3)], dim=1)
    recipe = replace(RECIPE, precision=precision, checkpoint_every=2)
    list(fit(new_unet(config, 0), recipe, data, directory=tmp_path / "whole"))
    for start, stop in ((0, 3), (7, 5)):  # the second run starts from other weights, and must forget them
        for step in fit(new_unet(config, start), recipe, data, directory=tmp_path / "cut"):
            if step.step == stop:
                break
    list(fit(new_unet(config, 9), recipe, data, directory=tmp_path / "cut"))
    assert_same_run(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("changes", [{"log_every": 3}, {"checkpoint_every": 1}, {"log_every": 100}])
def test_how_often_it_is_watched_does_not_change_the_result(changes):
    """Reports and checkpoints only look."""
    plain, watched = network(dropout=0.3), network(dropout=0.3)
    list(fit(plain))
    list(fit(watched, replace(RECIPE, **changes)))
    for name, value in plain.state_dict().items():
        assert torch.equal(value, watched.state_dict()[name]), name


def test_training_does_not_touch_the_global_generator():
    """Trap 33: dropout borrows it, and gives it back."""
    for dropout in (0.0, 0.3):
        torch.manual_seed(5)
        before = torch.random.get_rng_state()
        list(fit(network(dropout=dropout)))
        assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("crash", [1, 2, 3, 5, 6])
def test_what_a_crash_leaves_behind_is_enough(tmp_path, whole, crash):
    """The folder as it stands in the middle of a run, with half a line of a report and half a checkpoint beside it."""
    run = fit(network(), directory=tmp_path / "run")
    for step in run:
        if step.step == crash:
            shutil.copytree(tmp_path / "run", tmp_path / "crashed")
            break
    run.close()
    with open(tmp_path / "crashed" / METRICS, "a") as file:
        file.write('{"step": 99, "lo')
    (tmp_path / "crashed" / f".{CHECKPOINT}.x.tmp").write_bytes(b"half")
    assert (tmp_path / "crashed" / CHECKPOINT).exists() == (crash >= 3)
    first = next(iter(fit(network(), directory=tmp_path / "crashed"))).step
    assert first == crash - crash % 3 + 1
    list(fit(network(), directory=tmp_path / "crashed"))
    assert [line["step"] for line in reports(tmp_path / "crashed")] == list(range(1, 9)), "no gap and no repetition"
    assert_same_run(whole, tmp_path / "crashed")


def test_a_finished_run_has_nothing_left_to_do_and_can_be_made_longer(tmp_path, whole):
    assert list(fit(network(), directory=whole)) == []
    longer = replace(RECIPE, steps=11)
    assert [step.step for step in fit(network(), longer, directory=whole)] == [9, 10, 11]
    list(fit(network(), longer, directory=tmp_path / "long"))
    assert_same_run(tmp_path / "long", whole)


def test_the_average_and_its_count_come_back(whole):
    """Trap 24: n is kept, so the warm-up does not start again."""
    tensors, meta = files.read(whole / CHECKPOINT)
    assert meta["ema_updates"] == meta["step"] == 8
    model = network(3)
    ema = de.EMA(model)
    list(fit(model, ema=ema, directory=whole))
    assert ema.updates == 8
    for name, value in ema.model.state_dict().items():
        assert torch.equal(value, tensors[f"ema.{name}"])
    for name, value in model.state_dict().items():
        assert torch.equal(value, tensors[f"model.{name}"])


def test_a_checkpoint_says_what_it_is(whole):
    _, meta = files.read(whole / CHECKPOINT)
    assert de.UNetConfig.from_dict(meta["model"]["config"]) == CONFIG
    assert torch.equal(de.NoiseSchedule.from_dict(meta["objective"]["schedule"]).beta, SCHEDULE.beta)
    assert de.Recipe.from_dict(meta["recipe"]) == RECIPE


def test_a_compiled_network_is_saved_under_its_own_names(tmp_path, monkeypatch):
    """Trap 25: torch.compile puts `_orig_mod.` before every name; the file must not have it."""
    real = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: real(model, backend="eager"))
    list(fit(Conv(), replace(RECIPE, steps=2, compile=True), directory=tmp_path))
    tensors, _ = files.read(tmp_path / CHECKPOINT)
    names = {name for name in tensors if name.startswith("model.")}
    assert names == {"model.conv.weight", "model.conv.bias"}
    list(fit(Conv(), replace(RECIPE, steps=3, compile=True), directory=tmp_path))


def test_a_run_that_must_not_resume_does_not(whole):
    before = (whole / CHECKPOINT).read_bytes()
    with pytest.raises(FileExistsError, match="whole already holds a checkpoint"):
        fit(network(), directory=whole, resume=False)
    assert (whole / CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"recipe": replace(RECIPE, rate=2e-2)}, ["another recipe", "rate 0.01 -> 0.02"]),
        ({"recipe": replace(RECIPE, seed=1)}, ["another recipe", "seed 0 -> 1"]),
        ({"recipe": replace(RECIPE, batch_size=5)}, ["another recipe", "batch_size 4 -> 5"]),
        ({"recipe": replace(RECIPE, flip=False)}, ["another recipe", "flip True -> False"]),
        ({"target": "v"}, ["another run", "objective", "'target': 'eps'", "'target': 'v'"]),
        ({"data": pictures(seed=1)}, ["another run", "data", "sha256"]),
        ({"data": pictures(9)}, ["another run", "data", "[9, 1, 4, 4]"]),
        ({"schedule": de.NoiseSchedule.cosine(100)}, ["another run", "schedule", "cosine"]),
        ({"model": network(channels=(12,))}, ["another run", "model", "12"]),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(whole, options, words):
    before = (whole / CHECKPOINT).read_bytes(), (whole / METRICS).read_bytes()
    with pytest.raises(CheckpointError) as caught:
        fit(**{"model": network(), **options}, directory=whole)
    for word in [CHECKPOINT, *words]:
        assert word in str(caught.value)
    assert before == ((whole / CHECKPOINT).read_bytes(), (whole / METRICS).read_bytes())
    # The folder is free again although the error, and with it the traceback, is still held.
    assert list(fit(network(), directory=whole)) == []


def test_a_damaged_checkpoint_is_refused(whole):
    path = whole / CHECKPOINT
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="is damaged"):
        fit(network(), directory=whole)


def test_two_runs_never_share_a_folder(tmp_path):
    run = fit(network(), directory=tmp_path)
    next(run)
    with pytest.raises(RunBusy, match="is in use by another training run"):
        fit(network(), directory=tmp_path)
    run.close()
    assert next(fit(network(), directory=tmp_path)).step == 2


def test_what_a_kill_in_the_middle_of_a_write_left_behind_is_removed(whole):
    ours = [whole / f".{name}.abc123.tmp" for name in (CHECKPOINT, METRICS)]
    for path in (*ours, whole / ".notes.tmp"):
        path.write_bytes(b"half")
    assert list(fit(network(), directory=whole)) == []
    assert not any(path.exists() for path in ours) and (whole / ".notes.tmp").exists()


@pytest.mark.parametrize("said", [b"", b"{}\n5\n[]\nnull\n", b"\xff\xfe\n", b"[" * 50_000, b'{"step": 3, "loss"'])
def test_damaged_reports_never_stop_a_finished_run(whole, said):
    path = whole / METRICS
    line = path.read_bytes().splitlines()[0]
    path.write_bytes(said + b"\n" + line + b"\n")
    before = (whole / CHECKPOINT).read_bytes()
    assert list(fit(network(), directory=whole)) == []
    assert (whole / CHECKPOINT).read_bytes() == before
    assert [report["step"] for report in checkpoint.reports(path)] == [1]
    assert path.read_bytes() == line + b"\n"
    path.unlink()
    assert checkpoint.reports(path) == [] and list(fit(network(), directory=whole)) == []


def test_an_infinite_gradient_is_no_damage(tmp_path):
    """In fp16 a step whose gradient is infinite is left out and reported."""
    report = {"step": 1, "loss": 0.5, "grad_norm": math.inf, "rate": 0.1, "pictures_per_second": 3.0}
    checkpoint.append(tmp_path / METRICS, report)
    assert checkpoint.reports(tmp_path / METRICS) == [report]


def test_a_report_that_does_not_fit_on_the_disk_leaves_those_before(tmp_path, monkeypatch):
    path = tmp_path / METRICS
    checkpoint.append(path, {"step": 1})
    before = path.read_bytes()
    real = open

    class Full:
        """Takes half of what it is given, and then no more."""

        def __init__(self, file):
            self.file, self.took = file, False

        def __enter__(self):
            return self

        def __exit__(self, *error):
            self.file.close()

        def __getattr__(self, name):
            return getattr(self.file, name)

        def write(self, content):
            if self.took:
                raise OSError(errno.EDQUOT, "Disk quota exceeded")
            self.took = True
            return self.file.write(content[: len(content) // 2])

    monkeypatch.setattr("builtins.open", lambda *a, **k: Full(real(*a, **k)))
    with pytest.raises(OSError, match=r"disk quota to write .*metrics\.jsonl"):
        checkpoint.append(path, {"step": 2})
    monkeypatch.undo()
    assert path.read_bytes() == before


def of(whole, change):
    """The checkpoint with other tensors or another description, and its checksum right."""
    tensors, meta = files.read(whole / CHECKPOINT)
    tensors = {name: value.clone() for name, value in tensors.items()}
    change(tensors, meta)
    files.write(whole / CHECKPOINT, tensors, meta)


def rename(tensors, name, other):
    tensors[other] = tensors.pop(name)


LIES = {
    "no weight": lambda tensors, meta: tensors.pop("model.conv_in.weight"),
    "no moment": lambda tensors, meta: tensors.pop("optimizer.3.exp_avg"),
    "a strange name": lambda tensors, meta: rename(tensors, "optimizer.0.step", "optimizer.x"),
    "a deep name": lambda tensors, meta: rename(tensors, "optimizer.0.step", "optimizer.1.2.3"),
    "no such parameter": lambda tensors, meta: rename(tensors, "optimizer.0.step", "optimizer.999.step"),
    "a moment for a step": lambda tensors, meta: tensors.update(
        {"optimizer.0.step": tensors["optimizer.0.exp_avg"] + 0}
    ),
    "NaN": lambda tensors, meta: tensors["model.conv_in.weight"].fill_(math.nan),
    "an infinite moment": lambda tensors, meta: tensors["optimizer.2.exp_avg_sq"].fill_(math.inf),
    "no recipe": lambda tensors, meta: meta.pop("recipe"),
    "a step in words": lambda tensors, meta: meta.update(step="x"),
    "a step below 0": lambda tensors, meta: meta.update(step=-1),
    "no count of averages": lambda tensors, meta: meta.pop("ema_updates"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_cannot_be_resumed_is_refused_by_name_and_nothing_is_changed(whole, lie):
    of(whole, LIES[lie])
    model = network(seed=5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=CHECKPOINT):
        fit(model, directory=whole)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_a_checkpoint_of_an_earlier_version_goes_on_after_a_word(tmp_path):
    list(fit(network(), directory=tmp_path / "new"))
    half = replace(RECIPE, steps=5)
    list(fit(network(), half, directory=tmp_path / "old"))
    tensors, meta = files.read(tmp_path / "old" / CHECKPOINT)
    (tmp_path / "old" / CHECKPOINT).write_bytes(save(tensors, {"diffusion_edu": json.dumps(meta)}))
    with pytest.warns(files.UncheckedFile, match=CHECKPOINT):
        list(fit(network(), directory=tmp_path / "old"))
    assert_same_run(tmp_path / "new", tmp_path / "old")


# ---- what goes wrong -------------------------------------------------------------------------------------


class Conv(nn.Module):
    """The smallest network that can be trained, and made to fail."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 3, padding=1)
        with torch.no_grad():
            self.conv.weight.fill_(0.1)
            self.conv.bias.zero_()

    def forward(self, x_t, t, cond=None):
        return self.conv(x_t)


class BadGradient(torch.autograd.Function):
    """The identity, with an infinite gradient."""

    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * math.inf


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("log_every", [1, 100])
def test_a_loss_that_is_no_number_stops_the_run(tmp_path, value, log_every):
    """The checkpoint before stays, and the run can go on from there."""
    model = Conv()
    recipe = replace(RECIPE, steps=20, log_every=log_every)
    with pytest.raises(
        TrainingDiverged, match=r"the loss became (nan|inf) by step \d+; the last good checkpoint is step 6"
    ):
        for step in fit(model, recipe, directory=tmp_path):
            if step.step == 6:
                with torch.no_grad():
                    model.conv.bias.fill_(value)
    tensors, meta = files.read(tmp_path / CHECKPOINT)
    assert meta["step"] == 6
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert reports(tmp_path)[-1]["step"] == 6
    assert next(fit(Conv(), recipe, directory=tmp_path)).step > 6


def test_an_infinite_gradient_is_not_saved(tmp_path, monkeypatch):
    """The loss of that step is still fine; the weights after it are not. It falls on the step of a checkpoint here."""
    real, calls = Conv.forward, []

    def forward(self, x_t, t, cond=None):
        calls.append(1)
        out = real(self, x_t, t, cond)
        return BadGradient.apply(out) if len(calls) == 6 else out

    monkeypatch.setattr(Conv, "forward", forward)
    with pytest.raises(TrainingDiverged, match=r"gradient norm became (inf|nan) by step 6; .* checkpoint is step 3"):
        list(fit(Conv(), directory=tmp_path))
    tensors, meta = files.read(tmp_path / CHECKPOINT)
    assert meta["step"] == 3
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_run_given_up_with_bad_numbers_keeps_the_last_good_checkpoint(tmp_path):
    model = Conv()
    run = fit(model, replace(RECIPE, log_every=1), directory=tmp_path)
    for step in run:
        if step.step == 4:
            with torch.no_grad():
                model.conv.bias.fill_(math.nan)
            with pytest.raises(TrainingDiverged):
                next(run)
            break
    assert files.read(tmp_path / CHECKPOINT)[1]["step"] == 3


def test_without_a_checkpoint_the_error_says_so():
    model = Conv()
    with torch.no_grad():
        model.conv.bias.fill_(math.nan)
    with pytest.raises(TrainingDiverged, match="nothing was saved"):
        list(fit(model))


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (torch.zeros(4, 1, 4, 4), TypeError, "data must be uint8 pixels .*, got torch.float32"),
        (DATA[0], ValueError, r"data must have shape \(N, C, H, W\) .*, got \(1, 4, 4\)"),
        (DATA[:0], ValueError, r"N >= 1, got \(0, 1, 4, 4\)"),
    ],
)
def test_data_of_another_kind_are_named_at_the_call(data, error, message):
    """Trap 32: floats would be taken for pixels."""
    with pytest.raises(error, match=message):
        fit(network(), data=data)


@pytest.mark.parametrize("stop", [3, 5])
def test_a_checkpoint_of_version_0_1_is_taken_up_to_the_same_bits(whole, tmp_path, stop):
    """Its description had a schedule and a kind beside the objective, and fewer fields in the network's shape."""
    for step in fit(network(), directory=tmp_path / "old"):
        if step.step == stop:
            break
    tensors, meta = files.read(tmp_path / "old" / CHECKPOINT)
    objective = meta.pop("objective")
    meta["recipe"] = {k: v for k, v in meta["recipe"].items() if k != "minutes"} | {"kind": objective["target"]}
    for name in ("cross_levels", "level"):
        del meta["model"]["config"][name]
    old = {**meta, "format": 1, "schedule": objective["schedule"], "kind": objective["target"]}
    files.write(tmp_path / "old" / CHECKPOINT, tensors, old)
    list(fit(network(4), directory=tmp_path / "old"))
    assert_same_run(whole, tmp_path / "old")
    files.write(tmp_path / "old" / CHECKPOINT, tensors, {**old, "kind": "v"})
    with pytest.raises(CheckpointError, match=r"belongs to another run: its objective is .*'target': 'v'"):
        fit(network(), directory=tmp_path / "old")


def test_inputs_that_changed_are_refused(tmp_path):
    list(fit(network(), directory=tmp_path, inputs={"encoder": "abc"}))
    assert list(fit(network(), directory=tmp_path, inputs={"encoder": "abc"})) == []
    for inputs in ({"encoder": "abd"}, None):
        with pytest.raises(CheckpointError, match=r"belongs to another run: its inputs is \{'encoder': 'abc'\}"):
            fit(network(), directory=tmp_path, inputs=inputs)
