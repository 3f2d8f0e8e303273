import base64
import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pytest
import torch
from PIL import Image

from diffusion_edu import NoiseSchedule, palette, viz
from diffusion_edu.data import to_pixels, to_x0

PICTURES = torch.randint(0, 256, (6, 1, 8, 8), generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def drawn(figure):
    """The pictures of a figure in the order of its axes."""
    return [axes.images[0] for axes in figure.axes]


def png(figure):
    with Image.open(io.BytesIO(figure.as_png())) as image:
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


def test_the_style_stays_inside_and_a_file_is_opaque_white():
    before = dict(mpl.rcParams)
    figure = viz.plot_lines([0, 1], {"a": [0, 1]})
    pixels = png(figure)
    assert dict(mpl.rcParams) == before
    assert (pixels[0, 0] == 255).all()
    with Image.open(io.BytesIO(figure.as_png())) as image:
        assert image.convert("RGBA").getextrema()[3] == (255, 255)


def embedded(figure):
    """The images in a figure's SVG."""
    codes = re.findall(r'"data:image/png;base64,([^"]+)"', figure._repr_svg_())
    return [Image.open(io.BytesIO(base64.b64decode(code))) for code in codes]


def test_figures_are_shown_as_svg_and_one_large_image_as_png():
    for figure in (viz.show_grid(PICTURES), viz.plot_lines([0, 1], {"a": [0, 1]})):
        assert figure._repr_png_() is None and figure._repr_svg_().startswith("<svg ")
    strip = viz.film_strip([PICTURES[:2], PICTURES[2:4]], rows=["two\nlines", "one"])
    assert strip.axes[0].yaxis.label.get_rotation() == 0, "several lines are not turned"
    small, large = viz.heat_map({"a": np.eye(8)}), viz.heat_map({"a": np.ones((200, 200))})
    assert small._repr_png_() is None and large._repr_svg_() is None, "a large table is an image"
    assert large._repr_png_() == large.as_png()


def test_images_in_an_svg_have_their_own_pixels_and_no_more_channels_than_they_need():
    color = torch.randint(0, 256, (2, 3, 4, 5), generator=torch.Generator().manual_seed(2)).to(torch.uint8)
    for pictures, mode in ((PICTURES, "L"), (color, "RGB")):
        found = embedded(viz.show_grid(pictures))
        assert [image.mode for image in found] == [mode] * len(pictures)
        for image, picture in zip(found, pictures):
            assert np.array_equal(np.atleast_3d(np.array(image)), picture.permute(1, 2, 0).numpy())
    svg = viz.show_grid(PICTURES)._repr_svg_()
    assert svg.count("image-rendering:pixelated") == len(PICTURES) and "clip-path" not in svg
    assert svg.count("<path") == 1, "the ground of the figure, and none for each image"


class TestSvg:
    @staticmethod
    def draw():
        return viz.plot_lines(
            [1, 10, 2000], {"$x_t$ of data": [1, 2, 3], "noise": [3, 2, 1]}, "t", "loss", xscale="log"
        )

    def test_it_is_the_same_each_time_and_holds_no_date(self):
        figure = self.draw()
        first = figure._repr_svg_()
        assert first == figure._repr_svg_() == self.draw()._repr_svg_()
        assert "<metadata" not in first and "<!--" not in first
        ElementTree.fromstring(first)

    def test_its_words_are_text_in_the_order_of_reading(self):
        root = ElementTree.fromstring(self.draw()._repr_svg_())
        words = ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]
        assert {"t", "loss", "noise", "xt of data"} <= set(words)
        assert "103" in words, "a power of ten: the 10 and its exponent"

    def test_its_colors_follow_the_page_and_its_ground_is_white_without_one(self):
        svg = self.draw()._repr_svg_()
        for color, name in ((palette.BLUE, "--de-blue"), (palette.ORANGE, "--de-orange"), (palette.LABEL, "--de-text")):
            assert f"var({name}, {color})" in svg
        assert "fill: var(--de-figure-ground, #ffffff)" in svg
        plain = re.sub(r"var\([^)]*#[0-9a-f]{6}\)", "", svg)
        assert not re.search(r"#[0-9a-f]{6}\b", plain), "no color that a theme could not change"
        assert "DejaVu" not in svg and "var(--de-font" in svg

    def test_words_are_12_to_14_pixels(self):
        svg = self.draw()._repr_svg_()
        sizes = {float(size) * 96 / 72 for size in re.findall(r"font-size: ([\d.]+)px", svg)}
        assert 12 <= max(sizes) <= 14
        width = float(re.search(r' width="(\d+)"', svg)[1])
        assert width == pytest.approx(float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1]) * 96 / 72, abs=1)

    def test_numbers_on_the_image_of_a_table_keep_their_color(self):
        """They stand on an image, which a dark page does not change."""
        table = viz.match_table(torch.eye(2), PICTURES[:2], ["one", "two"])
        assert 'data-words="on images"' in table._repr_svg_(), "a page asks for it"
        numbers = re.findall(r'fill: ([^"]+)"[^>]*>([01]\.00)<', table._repr_svg_())
        assert sorted(numbers) == [(palette.INK, "0.00")] * 2 + [(palette.PAPER, "1.00")] * 2
        marks = {text.get_text(): text.get_color() for text in table.axes[1].texts}
        assert marks == {"1.00": palette.PAPER, "0.00": palette.INK}

    def test_names_that_nothing_refers_to_are_left_out(self):
        svg = self.draw()._repr_svg_()
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', svg))
        assert used and set(re.findall(r' id="([^"]+)"', svg)) == used


def test_points_are_dots_at_their_places():
    points = torch.tensor([[0.0, 0.0], [1.0, 2.0], [9.0, 0.0]])
    figure = viz.point_strip({"a": points, "b": points + 0.5}, colors=[viz.BLUE, viz.ORANGE], half=3)
    assert [axes.get_title() for axes in figure.axes] == ["a", "b"]
    for axes, moved in zip(figure.axes, (0.0, 0.5)):
        (dots,) = axes.patches
        assert dots.get_path().vertices[::2].tolist() == [[0 + moved, 0 + moved], [1 + moved, 2 + moved]], (
            "one is outside"
        )
    assert len(re.findall(r"M[\d.]+ [\d.]+h0", figure._repr_svg_())) == 4
    many = viz.point_strip([torch.zeros(50, 2)], most=20)
    assert len(many.axes[0].patches[0].get_path().vertices) == 2 * 20
    rows = viz.point_strip({"t = 0": torch.zeros(2, 5, 2)}, rows=["there", "back"])
    assert [axes.get_ylabel() for axes in rows.axes] == ["there", "back"]
    assert viz.point_strip([points], half=(0, 2, 0, 3)).axes[0].get_xlim() == (0, 2)
    with pytest.raises(ValueError, match=r"frames must be points \(N, 2\)"):
        viz.point_strip([torch.zeros(5, 3)])
    with pytest.raises(ValueError, match="rows must be 1 of them, got '2 names'"):
        viz.point_strip([points], rows=["a", "b"])


def test_words_without_a_color_of_their_own_follow_the_theme_too():
    figure, axes = viz.panels()
    axes[0, 0].text(0.5, 0.5, "black", color="black")
    svg = figure._repr_svg_()
    assert re.search(rf"<text [^>]*fill: var\(--de-text, {palette.TITLE}\)[^>]*>black<", svg)
    assert all("fill:" in style for style in re.findall(r'<text style="([^"]*)"', svg))


def test_own_panels_have_the_style_of_the_book():
    figure, axes = viz.panels(1, 2, (6, 3), sharex=True)
    assert axes.shape == (1, 2) and tuple(figure.get_size_inches()) == (6, 3)
    assert not axes[0, 0].spines["top"].get_visible()
    assert figure._repr_svg_().startswith("<svg ")


def test_a_logarithmic_axis_of_few_decades_has_plain_numbers():
    axes = viz.plot_lines([1, 2, 50], {"a": [0.06, 0.2, 0.4]}, xscale="log", yscale="log").axes[0]
    assert axes.yaxis.get_major_formatter()(0.1) == "0.1" and axes.yaxis.get_minor_formatter()(0.3) == "0.3"
    assert axes.yaxis.get_minor_formatter()(0.6) == ""
    wide = viz.plot_lines([1, 2], {"a": [1e-6, 1.0]}, yscale="log").axes[0]
    assert "10^" in wide.yaxis.get_major_formatter()(1e-3)


class TestTable:
    def test_its_text_is_aligned_and_its_numbers_are_formatted(self):
        made = viz.table(["sampler", "steps", "error"], [["DDIM", 1000, 0.25], ["DDPM", 20, 0.5]], {"error": ".1%"})
        assert repr(made).splitlines() == ["sampler  steps  error", "DDIM     1,000  25.0%", "DDPM        20  50.0%"]

    def test_its_html_holds_the_same_cells_and_bars_as_long_as_the_numbers(self):
        made = viz.table(["a & b", "n"], [["<x>", 1.0], ["y", 4.0]], ".0f", bars=["n"])
        root = ElementTree.fromstring(made._repr_html_())
        assert [cell.text for cell in root.iter("th")] == ["a & b", "n"]
        assert [cell.text for cell in root.iter("td")] == ["<x>", "1", "y", "4"]
        widths = [re.search(r"(\d+)%, transparent", cell.get("style")) for cell in root.iter("td")]
        assert [width and int(width[1]) for width in widths] == [None, 25, None, 100]

    def test_a_table_may_have_no_rows(self):
        assert repr(viz.table(["a", "n"], [], bars=["n"])) == "a  n"

    def test_what_is_no_table_is_named(self):
        with pytest.raises(ValueError, match="rows must be rows of 2 values"):
            viz.table(["a", "b"], [[1]])
        for bar, rows in (("c", [["x", 1]]), ("a", [["x", 1]]), ("b", [["x", -1]])):
            with pytest.raises(ValueError, match="bars must be columns of numbers from 0 on"):
                viz.table(["a", "b"], rows, bars=[bar])


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda: viz.show_grid(PICTURES[0]), r"x must be images \(B, C, H, W\)"),
        (lambda: viz.show_grid(PICTURES, columns=0), "columns must be at least 1"),
        (lambda: viz.show_grid(PICTURES, titles=["a"]), "titles must be one for each of 6 images"),
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
    with pytest.raises(ValueError, match=r"values must be of the shape \(texts, images\), \(2, 3\), got \(3, 2\)"):
        viz.match_table(values.T, PICTURES[:3], ["one", "two"])
