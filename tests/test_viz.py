import io
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu import NoiseSchedule, viz
from diffusion_edu.data import to_pixels, to_x0

PICTURES = torch.randint(0, 256, (6, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def drawn(figure):
    """The pictures of a figure in the order of its axes."""
    return [axes.images[0] for axes in figure.axes]


def png(figure):
    with Image.open(io.BytesIO(figure._repr_png_())) as image:
        return np.array(image.convert("RGB"))


def test_grid_shows_the_pixels_with_a_fixed_range():
    figure = viz.show_grid(to_x0(PICTURES), titles=list("abcdef"), columns=3)
    assert [axes.get_title() for axes in figure.axes] == list("abcdef")
    for image, picture in zip(drawn(figure), PICTURES):
        assert (np.asarray(image.get_array()) == picture[0].numpy()).all()
        assert image.get_clim() == (0, 255)
    assert png(figure).shape[2] == 3


def test_grid_shows_colours():
    colour = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(1)) * 2 - 1
    images = drawn(viz.show_grid(colour))
    assert (np.asarray(images[1].get_array()) == to_pixels(colour[1]).permute(1, 2, 0).numpy()).all()


def test_film_strip_has_a_column_a_state_and_a_row_a_process():
    frames = [PICTURES[:2], PICTURES[2:4], PICTURES[4:]]
    figure = viz.film_strip(frames, labels=["t = 0", "t = 1", "t = 2"], rows=["a", "b"])
    assert [axes.get_title() for axes in figure.axes] == ["t = 0", "t = 1", "t = 2", "", "", ""]
    assert figure.axes[3].get_ylabel() == "b"
    shown = np.stack([np.asarray(image.get_array()) for image in drawn(figure)])
    assert (shown == PICTURES[[0, 2, 4, 1, 3, 5], 0].numpy()).all()
    assert len(viz.film_strip(to_x0(PICTURES)).axes) == 6  # one process, frame by frame


def test_schedule_figure_draws_the_tables():
    linear, cosine = NoiseSchedule.linear(100), NoiseSchedule.cosine(50)
    figure = viz.plot_schedule({"A": linear, "B": cosine})
    beta, parts, snr = figure.axes
    assert [text.get_text() for text in beta.get_legend().get_texts()] == ["A", "B"]
    assert np.array_equal(beta.lines[1].get_ydata(), cosine.beta[1:].numpy())
    assert np.array_equal(parts.lines[0].get_ydata(), linear.alpha_bar.sqrt().numpy())
    assert np.array_equal(snr.lines[0].get_ydata(), linear.snr[1:].numpy())
    assert np.isfinite(snr.lines[0].get_ydata()).all()
    assert beta.lines[0].get_linestyle() != beta.lines[1].get_linestyle()  # not by colour alone
    assert len(viz.plot_schedule(linear).axes) == 3


def test_running_mean_of_a_straight_loss_lies_on_it():
    steps = list(range(10, 210, 10))
    losses = [1 - step / 400 for step in steps]
    raw, mean = viz.plot_loss(steps, losses, smooth=5).axes[0].lines
    assert np.allclose(raw.get_ydata(), losses)
    assert np.allclose(mean.get_ydata(), 1 - mean.get_xdata() / 400)


def test_histogram_is_a_density_under_the_normal_curve():
    x = torch.randn(20_000, generator=torch.Generator().manual_seed(0))
    axes = viz.hist_against_normal(x, bins=50).axes[0]
    areas = [bar.get_width() * bar.get_height() for bar in axes.patches]
    assert sum(areas) == pytest.approx(1)
    where, height = axes.lines[0].get_data()
    assert np.sum(height) * (where[1] - where[0]) == pytest.approx(1, abs=1e-3)
    middles = np.array([bar.get_x() + bar.get_width() / 2 for bar in axes.patches])
    heights = np.array([bar.get_height() for bar in axes.patches])
    assert np.abs(heights - np.interp(middles, where, height)).max() < 0.03


def test_lines_differ_in_colour_and_in_dashes():
    figure = viz.plot_lines([0, 1, 2], {"a": [1, 2, 3], "b": torch.tensor([3.0, 2.0, 1.0])}, xlabel="t", yscale="log")
    first, second = figure.axes[0].lines
    assert first.get_color() != second.get_color()
    assert first.get_linestyle() != second.get_linestyle()
    assert list(second.get_ydata()) == [3, 2, 1]
    assert figure.axes[0].get_xlabel() == "t"


def test_the_style_stays_inside_and_the_page_is_opaque_white():
    before = dict(mpl.rcParams)
    figure = viz.plot_lines([0, 1], {"a": [0, 1]})
    pixels = png(figure)
    assert dict(mpl.rcParams) == before
    assert (pixels[0, 0] == 255).all()
    with Image.open(io.BytesIO(figure._repr_png_())) as image:
        assert image.convert("RGBA").getextrema()[3] == (255, 255)


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: viz.show_grid(PICTURES[0]), r"x must be pictures \(B, C, H, W\)"),
        (lambda: viz.show_grid(PICTURES, columns=0), "columns must be at least 1"),
        (lambda: viz.show_grid(PICTURES, titles=["a"]), "titles must be one for each of 6 pictures"),
        (lambda: viz.film_strip([]), "frames must be at least one state"),
        (lambda: viz.film_strip([PICTURES, PICTURES[:2]]), "states of one shape"),
        (lambda: viz.film_strip([PICTURES], labels=["a", "b"]), "labels must be 1 of them"),
        (lambda: viz.plot_schedule([]), "at least one schedule"),
        (lambda: viz.plot_loss([1, 2], [0.5]), "one for each step"),
        (lambda: viz.hist_against_normal(torch.tensor([float("nan")])), "x must be finite"),
        (lambda: viz.plot_lines([1, 2], {}), "at least one line"),
        (lambda: viz.plot_lines([1, 2], {"a": [1]}), r"lines\['a'\] must be"),
    ],
)
def test_what_cannot_be_drawn_is_named(draw, told):
    with pytest.raises(ValueError, match=told):
        draw()


def test_the_package_does_not_bring_matplotlib_and_viz_does_not_bring_pyplot():
    code = (
        "import sys, diffusion_edu; assert 'matplotlib' not in sys.modules;"
        "from diffusion_edu import viz; assert 'matplotlib.pyplot' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_heat_maps_share_one_scale_and_mark_the_same_cell():
    tables = {"a": torch.tensor([[0.0, 1.0], [2.0, 4.0]]), "b": np.ones((2, 2))}
    figure = viz.heat_map(tables, mark=(1, 0))
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    for axes, image, table in zip(figure.axes, drawn(figure), tables.values()):
        assert np.array_equal(np.asarray(image.get_array()), np.asarray(table))
        assert image.get_clim() == (0, 4)
        assert axes.patches[0].get_bbox().extents.tolist() == [-0.5, 0.5, 0.5, 1.5]
    signed = viz.heat_map({"": [[-3.0, 1.0]]}, xlabel="t", signed=True)
    assert drawn(signed)[0].get_clim() == (-3, 3)
    assert drawn(signed)[0].cmap(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01), "0 is white"
    assert png(signed).shape[2] == 3
    with pytest.raises(ValueError, match="panels must be tables"):
        viz.heat_map({})
    with pytest.raises(ValueError, match=r"panels\['a'\] must be a table of numbers \(rows, columns\)"):
        viz.heat_map({"a": np.ones((2, 2, 2))})
    with pytest.raises(ValueError, match=r"mark must be \(row, column\) of a cell of panels\['a'\].*got \(2, 0\)"):
        viz.heat_map(tables, mark=(2, 0))


def test_match_table_has_pictures_above_texts_beside_and_the_best_outlined():
    values = torch.tensor([[0.9, 0.1, -0.2], [0.3, 0.2, 0.84]])
    figure = viz.match_table(values, PICTURES[:3], ["one", "two"])
    top, table = figure.axes
    shown = np.asarray(top.images[0].get_array())
    assert (shown[:, 11:19] == PICTURES[1, 0].numpy()).all(), "a white pixel on each side"
    assert np.asarray(table.images[0].get_array()) == pytest.approx(values.numpy())
    assert [label.get_text() for label in table.get_yticklabels()] == ["one", "two"]
    assert [text.get_text() for text in table.texts] == ["0.90", "0.10", "-0.20", "0.30", "0.20", "0.84"]
    outlined = [patch.get_bbox().extents.tolist() for patch in table.patches]
    assert outlined == [[-0.5, -0.5, 0.5, 0.5], [1.5, 0.5, 2.5, 1.5]]
    assert png(figure).shape[2] == 3
    with pytest.raises(ValueError, match=r"values must be of the shape \(texts, pictures\), \(2, 3\), got \(3, 2\)"):
        viz.match_table(values.T, PICTURES[:3], ["one", "two"])
