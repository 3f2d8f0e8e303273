"""The convolution explorer shows torch's numbers, marks what gradients reach, and explains what cannot be."""

from __future__ import annotations

import browser as b
import pytest
import torch
from widgets import Widget, payload

from diffusion_edu.widgets import ConvExplorer

pytestmark = pytest.mark.browser
TAG = "conv-explorer"
SETTINGS = ("mode", "i", "k", "s", "p", "d", "output_padding", "input", "kernel")
# What the examples promise, by the words of the menu.
EXAMPLES = {
    "convolution: 4×4, k 3 → 2×2": 2,
    "convolution: 5×5, k 4, p 2 → 6×6": 6,
    "convolution: 5×5, k 3, p 1 → 5×5": 5,
    "convolution: 5×5, k 3, s 2, p 1 → 3×3": 3,
    "convolution: 6×6, k 3, s 2, p 1 → 3×3": 3,
    "convolution: 7×7, k 3, d 2 → 3×3": 3,
    "transposed: 2×2, k 3 → 4×4": 4,
    "transposed: 2×2, k 3, s 2, p 1 → 3×3": 3,
    "transposed: 3×3, k 3, s 2, p 1 → 5×5": 5,
    "transposed: 3×3, k 3, s 2, p 1, op 1 → 6×6": 6,
    "transposed: 4×4, k 3, s 2, p 1, op 1 → 8×8": 8,
    "even cover: 4×4, k 4, s 2, p 1 → 8×8": 8,
    "checkerboard: 4×4, k 3, s 2 → 9×9": 9,
}


@pytest.fixture
def widget(on) -> Widget:
    return Widget(on(TAG), TAG)


def example(widget: Widget, words: str) -> dict:
    widget.role("preset").select_option(label=words)
    return widget.until(f"s.o === {EXAMPLES[words]} && s.index === 0")


def key(cell) -> str:
    return ",".join(map(str, cell))


def cell(widget: Widget, grid: str, at) -> object:
    return widget.role(grid).locator(f'[data-key="{key(at)}"]')


def keys(widget: Widget, grid: str, css: str) -> set[str]:
    """The cells of a grid that have a class."""
    return set(widget.role(grid).locator(css).evaluate_all("all => all.map((e) => e.dataset.key)"))


def package(state: dict) -> ConvExplorer:
    return ConvExplorer(**{name: state[name] for name in SETTINGS})


def shown(widget: Widget, grid: str) -> list[list[float]]:
    rows = widget.role(grid).evaluate("(g) => [...g.children].map((r) => [...r.children].map((c) => c.textContent))")
    return [[float(v.replace("−", "-")) for v in row] for row in rows]


def jacobian(explorer: ConvExplorer) -> torch.Tensor:
    """(o, o, i, i): how each output depends on each input, by torch's gradients."""
    x, w = (numbers[None, None] for numbers in explorer.numbers)
    e = explorer

    def run(x: torch.Tensor) -> torch.Tensor:
        if e.mode == "conv":
            return torch.nn.functional.conv2d(x, w, None, e.s, e.p, e.d)[0, 0]
        return torch.nn.functional.conv_transpose2d(x, w, None, e.s, e.p, e.output_padding, 1, e.d)[0, 0]

    return torch.autograd.functional.jacobian(run, x)[:, :, 0, 0]


def test_begins_where_the_chapter_left_it(widget, site) -> None:
    data, state = payload(site.folder, TAG), widget.state
    assert {name: state[name] for name in SETTINGS} == {name: data[name] for name in SETTINGS}
    assert state["index"] == data["cell"]
    assert shown(widget, "output") == package(state).output.tolist()


def test_the_menu_holds_these_examples(widget) -> None:
    words = widget.role("preset").locator("option").all_text_contents()
    assert words == ["your own settings", *EXAMPLES]


@pytest.mark.parametrize("words", EXAMPLES)
def test_examples_show_torchs_numbers_and_read_where_the_gradient_is(widget, words) -> None:
    state = example(widget, words)
    explorer = package(state)
    o = len(explorer.output)
    assert o == EXAMPLES[words] and state["valid"] and state["drawn"]
    assert shown(widget, "output") == explorer.output.tolist()
    assert shown(widget, "kernel") == explorer.numbers[1].tolist()
    formula = widget.el.locator(".de-ce-formula").inner_text()
    assert formula.endswith(f"= {o}")
    depends = jacobian(explorer)
    step = explorer.s if explorer.mode == "transpose" else 1
    inputs = {key((step * r, step * c)) for r in range(explorer.i) for c in range(explorer.i)}
    for at in {(0, 0), (o // 2, o // 2), (o - 1, 0)}:
        cell(widget, "output", at).hover()
        state = widget.until(f"s.cell + '' === '{key(at)}'")
        reached = {(r, c) for r, c in (depends[at] != 0).nonzero().tolist()}
        assert {tuple(place) for place in state["reads"]} == reached
        assert keys(widget, "input", ".is-read") & inputs == {key((step * r, step * c)) for r, c in reached}
        value = int(explorer.output[at])
        assert state["value"] == value
        said = widget.el.locator(".de-status").inner_text()
        assert said.startswith(f"output ({at[0]}, {at[1]}) = ") and f"= {value}" in said
        assert said.count("·") - 1 == len(reached)
        assert keys(widget, "output", ".is-now") == {key(at)}


@pytest.mark.parametrize("words", ["convolution: 5×5, k 3, s 2, p 1 → 3×3", "checkerboard: 4×4, k 3, s 2 → 9×9"])
def test_an_input_shows_where_it_goes(widget, words) -> None:
    explorer = package(example(widget, words))
    depends = jacobian(explorer)
    step = explorer.s if explorer.mode == "transpose" else 1
    cell(widget, "input", (step, 2 * step)).hover()
    state = widget.until("Boolean(s.writes)")
    reached = (depends[:, :, 1, 2] != 0).nonzero().tolist()
    assert state["source"] == [1, 2]
    assert sorted(state["writes"]) == sorted(reached)
    assert keys(widget, "output", ".is-read") == {key(place) for place in reached}
    assert f"goes into {len(reached)} output" in widget.el.locator(".de-status").inner_text()
    widget.page.mouse.move(2, 2)
    widget.until("s.writes === null")
    assert keys(widget, "output", ".is-read") == set()
    assert keys(widget, "input", ".is-read")


def test_zeros_are_drawn_apart(widget) -> None:
    example(widget, "transposed: 3×3, k 3, s 2, p 1, op 1 → 6×6")
    count = {name: len(keys(widget, "input", f".is-{name}")) for name in ("pad", "gap", "extra")}
    # 5 x 5 spread out with 16 zeros between 9 inputs, a ring of 24 zeros, and one more row and column
    assert count == {"pad": 24, "gap": 16, "extra": 15}
    assert keys(widget, "input", "[tabindex]") == {key((2 * r, 2 * c)) for r in range(3) for c in range(3)}
    example(widget, "convolution: 6×6, k 3, s 2, p 1 → 3×3")
    assert widget.state["unused"] == 1
    assert keys(widget, "input", ".is-idle") == {key(at) for n in range(-1, 7) for at in ((6, n), (n, 6))}
    assert "remainder of 1" in widget.el.locator(".de-note").first.inner_text()


def test_shade_counts_the_overlap(widget) -> None:
    for words, even in (("checkerboard: 4×4, k 3, s 2 → 9×9", False), ("even cover: 4×4, k 4, s 2, p 1 → 8×8", True)):
        state = example(widget, words)
        assert state["even"] is even
        # ones everywhere: each output is its count
        assert state["overlap"] == package(state).output.int().tolist()
        shades = (
            widget.role("output")
            .locator("[role=gridcell]")
            .evaluate_all("all => all.map((e) => Number(e.style.getPropertyValue('--shade')))")
        )
        counts = package(state).output.flatten()
        assert shades == pytest.approx((counts / counts.max()).tolist())
        colours = (
            widget.role("output")
            .locator("[role=gridcell] > span")
            .evaluate_all("all => all.map((e) => getComputedStyle(e).backgroundColor)")
        )
        assert len(set(colours)) == len(set(counts.tolist()))


@pytest.mark.parametrize(
    ("mode", "typed", "word"),
    [
        ("conv", {"i": 2, "k": 5}, "kernel_size = 5 does not fit"),
        ("transpose", {"op": 2}, "output_padding = 2 is too much"),
        ("transpose", {"i": 1, "k": 1, "p": 4}, "padding = 4 leaves nothing"),
    ],
)
def test_impossible_settings_are_explained_and_not_drawn(widget, mode, typed, word) -> None:
    example(widget, "convolution: 4×4, k 3 → 2×2")
    widget.role("mode").select_option(mode)
    for role, value in typed.items():
        widget.type(role, value)
    state = widget.until("!s.valid")
    assert state["o"] is None and state["message"].startswith(word) and not state["drawn"]
    assert word in widget.el.locator(".de-warn").inner_text()
    assert not widget.role("output").is_visible() and widget.role("play").is_disabled()
    with pytest.raises(ValueError, match=word.split()[0]):
        package(state)
    widget.role("preset").select_option(label="convolution: 4×4, k 3 → 2×2")
    widget.until("s.valid")
    assert widget.role("output").is_visible() and not widget.el.locator(".de-warn").is_visible()


def test_too_many_cells_are_counted_but_not_drawn(widget) -> None:
    example(widget, "checkerboard: 4×4, k 3, s 2 → 9×9")
    widget.type("s", 4)
    widget.type("i", 8)
    state = widget.until("s.i === 8 && s.s === 4")
    assert state["valid"] and not state["drawn"]
    assert state["o"] == package(state).size
    assert "too many to draw" in widget.el.locator(".de-warn").inner_text()


def test_arrow_keys_walk_through_the_outputs(widget) -> None:
    example(widget, "convolution: 5×5, k 3, s 2, p 1 → 3×3")
    grid, press = widget.role("output"), widget.page.keyboard.press
    assert grid.get_attribute("role") == "grid" and "3 by 3" in grid.get_attribute("aria-label")
    assert grid.locator('[tabindex="0"]').count() == 1, "one stop for Tab"
    grid.locator('[tabindex="0"]').focus()
    way = [("ArrowRight", [0, 1]), ("ArrowDown", [1, 1]), ("End", [1, 2]), ("ArrowRight", [1, 2]), ("ArrowUp", [0, 2])]
    way += [("Control+End", [2, 2]), ("ArrowLeft", [2, 1]), ("Control+Home", [0, 0]), ("ArrowUp", [0, 0])]
    for name, place in way:
        press(name)
        assert widget.state["cell"] == place, name
        focus = widget.page.evaluate("document.activeElement.dataset.key")
        assert focus == key(place)
        assert cell(widget, "output", place).get_attribute("tabindex") == "0"
        assert cell(widget, "output", place).get_attribute("aria-selected") == "true"
    assert grid.locator('[tabindex="0"]').count() == 1
    # the next stop on the way back is the input's
    press("Shift+Tab")
    widget.until("s.source + '' === '0,0'")
    press("ArrowDown")
    widget.until("s.source + '' === '1,0'")
    press("Tab")
    widget.until("s.source === null")


def test_step_and_back(widget) -> None:
    example(widget, "convolution: 4×4, k 3 → 2×2")
    for role, index in (("next", 1), ("next", 2), ("prev", 1), ("prev", 0), ("prev", 0)):
        widget.role(role).click()
        assert widget.state["index"] == index
    widget.type("cell", 3)
    widget.role("next").click()
    assert widget.state["cell"] == [1, 1]


def test_place_stays_when_the_size_changes(widget) -> None:
    example(widget, "convolution: 5×5, k 3, p 1 → 5×5")
    cell(widget, "output", (2, 1)).hover()
    widget.until("s.cell + '' === '2,1'")
    widget.type("i", 7)
    assert widget.until("s.o === 7")["cell"] == [2, 1]
    widget.type("i", 2)
    assert widget.until("s.o === 2")["cell"] == [1, 1]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_a_finger_on_a_narrow_dark_or_light_page(on, dark) -> None:
    scheme = "dark" if dark else "light"
    widget = Widget(on(TAG, size=b.NARROW, has_touch=True, is_mobile=True, color_scheme=scheme), TAG)
    for words in EXAMPLES:
        example(widget, words)
        wide = widget.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= b.NARROW["width"], f"{words}: the page is {wide} wide"
        small = widget.el.evaluate("""(el) => [...el.querySelectorAll(".de-cg-cell > span")]
            .filter((e) => e.checkVisibility() && e.closest(".de-cg") && (e.scrollWidth > e.clientWidth + 1
            || parseFloat(getComputedStyle(e).fontSize) < 11)).map((e) => e.textContent)""")
        assert small == [], f"{words}: numbers do not fit their cells"
    example(widget, "transposed: 2×2, k 3 → 4×4")
    widget.page.touchscreen.tap(*widget.spot(cell(widget, "output", (2, 3)), 0.5))
    widget.until("s.cell + '' === '2,3'")
    widget.page.touchscreen.tap(*widget.spot(cell(widget, "input", (1, 0)), 0.5))
    widget.until("s.source + '' === '1,0' && s.writes.length === 9")


def test_settings_have_names(widget) -> None:
    words = widget.el.locator(".de-ce-controls label").all_inner_texts()
    names = ["input i", "kernel k", "stride s", "padding p", "dilation d"]
    assert [" ".join(word.split()) for word in words][:5] == names


@pytest.mark.parametrize("words", ["convolution: 5×5, k 3, s 2, p 1 → 3×3", "transposed: 3×3, k 3, s 2, p 1 → 5×5"])
def test_the_window_shows_the_kernel(widget, words) -> None:
    explorer = package(example(widget, words))
    cell(widget, "output", (1, 2)).hover()
    widget.until("s.cell + '' === '1,2'")
    shown = (
        widget.role("input")
        .locator("[data-weight]")
        .evaluate_all(
            "all => all.map((e) => [e.parentElement.className.includes('is-read'), Number(e.dataset.weight)])"
        )
    )
    weights = explorer.numbers[1].int()
    weights = weights if explorer.mode == "conv" else weights.flip(0, 1)
    assert shown == [[True, weight] for weight in weights.flatten().tolist()]


def test_a_product_lights_its_factors(widget) -> None:
    explorer = package(example(widget, "convolution: 5×5, k 3, p 1 → 5×5"))
    cell(widget, "output", (2, 2)).hover()
    widget.until("s.cell + '' === '2,2'")
    terms = widget.el.locator(".de-ce-term")
    assert terms.count() == 9 and widget.el.locator('.de-ce-term[tabindex="0"]').count() == 1
    x, w = explorer.numbers
    terms.first.focus()
    for n, press in ((0, None), (1, "ArrowRight"), (8, "End")):
        if press:
            widget.page.keyboard.press(press)
        row, column = divmod(n, 3)
        assert keys(widget, "input", ".is-lit") == {key((1 + row, 1 + column))}
        assert keys(widget, "kernel", ".is-lit") == {key((row, column))}
        factors = f"{int(x[1 + row, 1 + column])}·{int(w[row, column])}"
        assert widget.page.evaluate("document.activeElement.textContent") == factors
    terms.nth(4).hover()
    widget.page.wait_for_function("document.querySelector('[data-role=kernel] .is-lit')?.dataset.key === '1,1'")
    widget.role("play").focus()
    widget.page.mouse.move(2, 2)
    widget.page.wait_for_function("!document.querySelector('.is-lit')")


def test_on_a_telephone_settings_and_grids_share_a_screen(on) -> None:
    widget = Widget(on(TAG, size=b.NARROW, has_touch=True, is_mobile=True), TAG)
    top = widget.role("i").bounding_box()["y"]
    for grid in ("input", "kernel", "output"):
        box = widget.role(grid).bounding_box()
        assert box["y"] + box["height"] - top < b.NARROW["height"]
