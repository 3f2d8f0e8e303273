"""The Python side: traits, errors, and the two MIME types of each widget."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
import torch
import traitlets
from PIL import Image

import diffusion_edu as de
from diffusion_edu.widgets import ReversePlayer, ScheduleExplorer, XTExplorer, record
from diffusion_edu.widgets.kit.payload import to_uint8
from diffusion_edu.widgets.maths.noise import widget_noise
from diffusion_edu.widgets.reverse.widget import LEVELS_0, unpack

PIXELS = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
RUNS = ({"label": "DDPM", "method": "ddpm", "steps": 100}, {"label": "DDIM", "method": "ddim", "steps": 5, "eta": 0.5})


@pytest.fixture(scope="module")
def trajectories(oracle):
    return record(oracle, runs=RUNS, shape=(1, 8, 8), seeds=(3, 4), frames=7)


@pytest.fixture(params=["x-t-explorer", "schedule-explorer", "reverse-player"])
def widget(request, trajectories):
    makers = {
        "x-t-explorer": lambda: XTExplorer(PIXELS, labels=["</script><b>", '"a"', "c"]),
        "schedule-explorer": lambda: ScheduleExplorer(PIXELS[:1], label='a "quoted" </script> name'),
        "reverse-player": lambda: ReversePlayer(trajectories),
    }
    return request.param, makers[request.param]


class Reader(HTMLParser):
    """The element, its JSON and its picture, as a browser would find them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.json, self.attributes = [], "", {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes[tag] = dict(attrs)

    def handle_data(self, data):
        if self.tags[-1] == "script":
            self.json += data


def test_both_mime_types_and_a_stable_text(widget):
    _, make = widget
    first, second = make(), make()
    data, metadata = first._repr_mimebundle_()
    assert {"text/html", "application/vnd.jupyter.widget-view+json"} <= set(data)
    assert metadata == {}
    assert data["text/html"] == second._repr_mimebundle_()[0]["text/html"]
    assert repr(first) == repr(second)
    assert not re.search("0x[0-9a-f]{6}", repr(first))


def test_html_holds_element_json_and_picture(widget):
    tag, make = widget
    page = Reader(make().html())
    assert page.tags == ["style", tag, "script", "img"]
    assert page.attributes["script"]["type"] == "application/json"
    data = json.loads(page.json)
    assert set(type(make())._shared) <= set(data)
    image = page.attributes["img"]
    assert len(image["alt"]) > 20
    prefix, code = image["src"].split(",")
    assert prefix == "data:image/png;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(code)))
    assert picture.width >= 5 * 8
    assert len(set(picture.convert("L").tobytes())) > 10


def test_html_shows_the_state_of_now():
    explorer = XTExplorer(PIXELS)
    explorer.t, explorer.schedule, explorer.picture = 77, "cosine", 2
    data = json.loads(Reader(explorer.html()).json)
    assert (data["t"], data["schedule"], data["picture"]) == (77, "cosine", 2)
    assert repr(explorer) == "XTExplorer(t=77, schedule='cosine', seed=0, picture=2)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"t": 1001}, r"t must be an integer in 0\.\.1000, got 1001"),
        ({"t": -1}, r"t must be an integer in 0\.\.1000, got -1"),
        (
            {"schedule": "cosin"},
            "schedule must be one of linear, scaled_linear, cosine, got 'cosin'; did you mean 'cosine'",
        ),
        ({"T": 20}, r"T must be an integer in 21\.\.4000, got 20"),
        ({"seed": -1}, "seed must be an integer"),
        ({"picture": 3}, r"picture must be an integer in 0\.\.2, got 3"),
        ({"labels": ["one"]}, "labels must hold one name per image, 3 in all, got 1"),
    ],
)
def test_x_t_explorer_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        XTExplorer(PIXELS, **change)


@pytest.mark.parametrize(
    ("images", "error", "words"),
    [
        (PIXELS[0, 0], ValueError, r"images must have shape \(N, 1 or 3, size, size\), got \(8, 8\)"),
        (PIXELS[:, :, :4], ValueError, "images must have shape"),
        (PIXELS[:0], ValueError, "images must be 1..24 images"),
        (PIXELS.int(), TypeError, "images must be uint8 pixels or floating point"),
        (PIXELS.float(), ValueError, r"images must lie in \[-1, 1\]"),
        (torch.full((1, 1, 8, 8), float("nan")), ValueError, r"images must lie in \[-1, 1\]"),
    ],
)
def test_bad_pictures_are_refused(images, error, words):
    with pytest.raises(error, match=words):
        XTExplorer(images)


def test_pictures_come_as_pixels_or_as_x0():
    assert (to_uint8(de.data.to_x0(PIXELS)) == PIXELS.numpy()).all()
    assert (to_uint8(PIXELS[0]) == PIXELS[:1].numpy()).all()


def test_traits_are_checked_when_set():
    explorer = XTExplorer(PIXELS)
    for name, bad in (("t", 1001), ("schedule", "quadratic"), ("seed", -3), ("picture", 9)):
        before = getattr(explorer, name)
        with pytest.raises(traitlets.TraitError, match=f"{name} must be"):
            setattr(explorer, name, bad)
        assert getattr(explorer, name) == before


def test_new_noise_is_what_the_page_draws():
    explorer = XTExplorer(PIXELS, t=1000)
    first = explorer.x_t
    explorer.seed = 5
    assert torch.equal(explorer.eps, widget_noise((1, 8, 8), 5).float())
    assert not torch.allclose(explorer.x_t, first)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"T": 9}, r"T must be an integer in 10\.\.1000, got 9"),
        ({"T": 20}, "beta_end \\* 1000 / T must stay below 1"),
        ({"t": 1001}, r"t must be an integer in 0\.\.1000"),
        ({"kind": "sigmoid"}, "kind must be one of linear, scaled_linear, cosine, custom"),
        ({"reference": "custom"}, "reference must be one of none"),
        ({"s": 0.0}, "s must be between 0 and 1"),
        ({"beta_end": 1.5}, "beta_end must be between 0 and 1"),
        ({"beta_start": 0.1}, "need 0 < beta_start <= beta_end"),
        ({"kind": "custom", "points": [0.1, 0.2]}, "points must hold 5 betas, got 2"),
        ({"kind": "custom", "points": [0.1, 0.2, 0.3, 0.4, -1.0]}, "points must be between 0 and 1, got -1"),
    ],
)
def test_schedule_explorer_refuses(change, words):
    with pytest.raises(ValueError, match=words):
        ScheduleExplorer(PIXELS[:1], **change)


@pytest.mark.parametrize("kind", ["linear", "scaled_linear", "cosine"])
def test_schedule_explorer_starts_from_the_package(kind):
    assert torch.equal(
        ScheduleExplorer(PIXELS[:1], kind=kind, T=200).noise_schedule.alpha_bar,
        de.NoiseSchedule.from_name(kind, 200).alpha_bar,
    )


def test_unscaled_betas_leave_signal_at_the_end():
    # Ho's betas with a tenth of the steps: the mistake that the scale by 1000 / T repairs.
    table = ScheduleExplorer(PIXELS[:1], T=100, scale=False).noise_schedule
    torch.testing.assert_close(table.beta[1:], torch.linspace(1e-4, 0.02, 100, dtype=torch.float64))
    assert 0.3 < table.alpha_bar[-1] < 0.4


def test_fewer_steps_move_t_inside():
    explorer = ScheduleExplorer(PIXELS[:1], t=900)
    explorer.T = 100
    assert explorer.t == 100


def test_record_keeps_the_ends_and_the_true_numbers(oracle, trajectories):
    for run, given in zip(trajectories["runs"], RUNS):
        assert run["step"][0] == 0 and run["step"][-1] == given["steps"]
        assert run["t"][0] == 100 and run["t"][-1] == 0
        assert len(run["t"]) == min(7, given["steps"] + 1)
        assert run["t"] == [de.timesteps(100, given["steps"])[i] for i in run["step"]]
    given = {k: v for k, v in RUNS[1].items() if k != "label"}
    steps, sampler = given.pop("steps"), de.named_sampler(given.pop("method"), **given)
    states = list(de.sample(oracle, (2, 1, 8, 8), sampler, steps, seeds=(3, 4)))
    noised, estimates = unpack(trajectories, 1, 0)
    for f, state in enumerate(states):
        torch.testing.assert_close(estimates[f], state.x0[0].clamp(-1, 1), rtol=0, atol=1 / (LEVELS_0 - 1) + 1e-6)
        step = 1 / ((LEVELS_0 if state.t == 0 else trajectories["levels_t"]) - 1)
        torch.testing.assert_close(noised[f], state.x_t[0].clamp(-1, 1), rtol=0, atol=step + 1e-6)
        assert trajectories["runs"][1]["std"][0][f] == pytest.approx(state.x_t[0].std(correction=0).item(), abs=6e-4)


def test_runs_of_a_seed_share_their_first_noise(trajectories):
    first, second = (unpack(trajectories, run, 1)[0][0] for run in (0, 1))
    assert torch.equal(first, second)
    assert trajectories["runs"][0]["x_t"][1][0] == trajectories["runs"][1]["x_t"][1][0], "and it is stored once"


def test_record_gives_up_grey_levels_before_it_gives_up(oracle):
    options = {"runs": RUNS, "shape": (1, 8, 8), "frames": 20}
    whole = record(oracle, **options)
    size = len(json.dumps(whole, separators=(",", ":")))
    smaller = record(oracle, limit=size - 100, **options)
    assert smaller["levels_t"] < whole["levels_t"]
    assert len(json.dumps(smaller, separators=(",", ":"))) <= size - 100
    with pytest.raises(
        ValueError, match=r"limit must be at least \d+ bytes; or take fewer runs, seeds or frames, got 1000"
    ):
        record(oracle, limit=1000, **options)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"runs": []}, "runs must be at least one run"),
        ({"runs": [{"label": "a", "steps": 5}]}, r"runs\[0\] must be a run by its label, method and steps"),
        ({"runs": [{"label": "a", "method": "ddim", "steps": 101}]}, r"steps must be an integer in 1\.\.100, got 101"),
        ({"frames": 1}, "frames must be an integer in 2"),
        ({"shape": (8, 8)}, "shape must be"),
        ({"seeds": ()}, "seeds must be at least one seed"),
    ],
)
def test_record_refuses(oracle, change, words):
    with pytest.raises(ValueError, match=words):
        record(oracle, **({"runs": RUNS, "shape": (1, 8, 8)} | change))


@pytest.mark.parametrize("change", [{"run": 2}, {"sample": 2}, {"frame": 7}, {"run_b": -2}])
def test_reverse_player_refuses(trajectories, change):
    (name,) = change
    with pytest.raises(ValueError, match=f"{name} must be an integer in"):
        ReversePlayer(trajectories, **change)


def test_reverse_player_needs_a_recording():
    with pytest.raises(ValueError, match=r"trajectories must come from record\(\)"):
        ReversePlayer({"runs": []})


def test_a_shorter_run_keeps_the_frame_inside(trajectories):
    player = ReversePlayer(trajectories, frame=6)
    player.run = 1
    assert player.frame == 5


def test_the_package_and_its_widgets_load_without_anywidget():
    code = (
        "import sys; sys.modules['anywidget'] = None\n"
        "import diffusion_edu, diffusion_edu.widgets as w\n"
        "assert dir(w)\n"
        "try: w.XTExplorer\n"
        "except ModuleNotFoundError as e: print(e)\n"
        "try: w.Nothing\n"
        "except AttributeError as e: print(e)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'XTExplorer needs anywidget: pip install "diffusion-edu[notebooks]"' in done.stdout
    assert "has no attribute 'Nothing'" in done.stdout
