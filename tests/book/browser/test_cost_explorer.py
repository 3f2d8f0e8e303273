"""<cost-explorer> in a browser: moved by keyboard and pointer, it shows the package's numbers, and speaks."""

from __future__ import annotations

import re

import browser as b
import pytest
from chromium import DRAWN
from playwright.sync_api import expect
from widgets import stays_silent

from diffusion_edu.widgets import CostExplorer
from diffusion_edu.widgets.cost.widget import MACHINES, NETWORKS
from diffusion_edu.widgets.kit import bundle

HEAD = (
    '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Cost</title>'
    '<meta name="viewport" content="width=device-width"><style>body{margin:0;padding:8px;font-family:sans-serif}'
    "html[data-theme=dark] body{background:#14181f;color:#e6eaf0}</style></head><body><main><h1>Cost</h1>"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("page") / "cost.html"
    script = bundle.classic_script("cost")
    path.write_text(f"{HEAD}{CostExplorer().html()}</main><script>{script}</script></body></html>", encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def show(chromium, address):
    """A function that opens the page in a width; at the end nothing may have gone wrong or been asked for."""
    opened, problems = [], []

    def go(width: int = 800, clock: bool = False, **options):
        context = chromium.new_context(viewport={"width": width, "height": 900}, **options)
        if clock:
            context.clock.install()
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: message.type == "error" and problems.append(message.text))
        page.on("request", lambda request: request.url != address and problems.append(request.url))
        page.goto(address)
        return page

    yield go
    for context in opened:
        context.close()
    assert problems == []


def state(page) -> dict:
    return page.evaluate(f"async () => {{ await {DRAWN}; return document.querySelector('cost-explorer').state; }}")


def words(page, role: str) -> str:
    return page.locator(f"[data-role={role}]").inner_text()


def agree(page) -> dict:
    """The numbers of the page, in state, words and bars, are the package's for what is chosen."""
    shown = state(page)
    explorer = CostExplorer(**{name: shown[name] for name in CostExplorer._shared})
    cost, machine = explorer.cost, MACHINES[shown["machine"]]
    assert {name: shown[name] for name in cost._fields} == pytest.approx(cost._asdict(), rel=1e-9)
    assert shown["epochs"] == shown["pictures"] / 50_000
    assert shown["fits"] == (None if machine.memory is None else cost.memory_bytes <= machine.memory)
    said = words(page, "status")
    assert f"{shown['pictures']:,.0f} images" in said and f"on {machine.counted(shown['devices'])}: " in said
    assert f"{shown['share']} % of the peak" in said
    assert not re.search(r"\b1 ×", page.locator("cost-explorer").inner_text())
    fits = {None: "memory of the machine unknown", True: "fits in", False: "does not fit in"}
    answer = words(page, "answer").split(", ")
    assert answer[0] in said and answer[1].startswith(fits[shown["fits"]])
    assert words(page, "rate").split("\n")[1] == f"{cost.pictures_per_second:,.0f}"
    short = re.match(r"[\d.]+", words(page, "picture").split("\n")[1])
    assert short and cost.picture_flops / 1e9 == pytest.approx(float(short[0]), rel=0.006)
    source = page.locator("[data-role=source]").text_content()
    channels = ", ".join(map(str, NETWORKS[shown["network"]][1].channels))
    assert f"({machine.source})" in source and source.startswith(f"Network: {channels} channels")
    for role, whole in (("flops", explorer.one_picture.flops), ("parameters", explorer.one_picture.parameters)):
        parts = page.locator(f"[data-role={role}] i").evaluate_all("all => all.map((i) => parseFloat(i.style.width))")
        sizes = [getattr(part, role) for part in explorer.one_picture.parts]
        assert parts == pytest.approx([100 * size / whole for size in sizes], abs=1e-3)
    most = max(cost.memory_bytes, machine.memory or 0)
    held = page.locator("[data-role=memory] i").evaluate_all("all => all.map((i) => parseFloat(i.style.width))")
    assert sum(held) == pytest.approx(100 * cost.memory_bytes / most, abs=1e-3)
    assert held[-1] == pytest.approx(100 * cost.activation_bytes / most, abs=1e-3)
    return shown


def unfold(page) -> None:
    """Open what is rarely changed."""
    page.locator("summary").first.click()


def dot(page) -> list[float]:
    return page.locator(".de-chart .de-dot").evaluate(
        "(e) => [Number(e.getAttribute('cx')), Number(e.getAttribute('cy'))]"
    )


def test_begins_with_the_papers_run(show) -> None:
    page = show()
    assert agree(page) | {"share": 25} == agree(page)
    assert state(page)["network"] == "paper" and state(page)["pictures"] == 102_400_000
    expect(page.locator("[data-role=warning]")).to_be_hidden()
    assert "2,048 epochs" in words(page, "status") and words(page, "answer") == "4.29 h, fits in 80 GB"


@pytest.mark.parametrize("role", ["network", "side", "machine", "precision"])
def test_every_choice(show, role) -> None:
    page = show()
    unfold(page)
    box = page.locator(f"select[data-role={role}]")
    values = box.locator("option").evaluate_all("all => all.map((o) => o.value)")
    assert len(values) >= 2
    seen = set()
    for value in values:
        box.select_option(value)
        shown = agree(page)
        assert str(shown[role]) == value
        seen.add((shown["seconds"], shown["memory_bytes"]))
    assert len(seen) == len(values), "a choice changed nothing"
    # and by the keyboard alone
    box.select_option(values[0])
    box.focus()
    page.keyboard.press("ArrowDown")
    assert str(agree(page)[role]) == values[1]


@pytest.mark.parametrize(
    ("role", "up", "down"),
    [("batch", 256, 128), ("pictures", 150_000_000, 1e8), ("share", 26, 25), ("devices", 2, 1)],
)
def test_sliders_by_keyboard_pointer_and_number(show, role, up, down) -> None:
    page = show()
    unfold(page)
    slider = page.locator(f"input[data-role={role}]")
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert agree(page)[role] == up
    page.keyboard.press("ArrowLeft")
    assert agree(page)[role] == down
    said = slider.get_attribute("aria-valuetext")
    page.keyboard.press("End")
    assert agree(page)[role] == {"batch": 4096, "pictures": 1e10, "share": 100, "devices": 64}[role]
    assert slider.get_attribute("aria-valuetext") != said
    page.keyboard.press("Home")
    assert agree(page)[role] == {"pictures": 1e4}.get(role, 1)
    area = slider.bounding_box()
    page.mouse.move(area["x"] + 12, area["y"] + area["height"] / 2)
    page.mouse.down()
    page.mouse.move(area["x"] + 0.6 * area["width"], area["y"] + area["height"] / 2, steps=6)
    page.mouse.up()
    dragged = agree(page)[role]
    assert dragged > {"pictures": 1e6}.get(role, 30) and dragged == int(dragged)
    number = page.locator(f"[data-role={role}-number]")
    number.fill("1000000000000")
    number.blur()
    assert agree(page)[role] == {"batch": 4096, "pictures": 1e10, "share": 100, "devices": 64}[role]
    number.fill("33.4")
    number.blur()
    assert agree(page)[role] == {"pictures": 1e4}.get(role, 33)


def test_warns_where_memory_does_not_suffice(show) -> None:
    page = show()
    page.locator("[data-role=machine]").select_option("t4")
    page.locator("[data-role=batch-number]").fill("1024")
    assert agree(page)["fits"] is False
    warning = words(page, "warning")
    assert "does not fit" in warning and "26.9 GB" in warning and "16 GB" in warning
    expect(page.locator("[role=status]")).to_have_text(re.compile("^It does not fit"))
    line, bar = (page.locator(f"[data-role=memory]{part}").bounding_box() for part in (" u", ""))
    assert (line["x"] + 2 - bar["x"]) / bar["width"] == pytest.approx(16e9 / state(page)["memory_bytes"], abs=0.01)
    page.locator("[data-role=batch-number]").fill("64")
    assert agree(page)["fits"] is True and page.locator("[data-role=warning]").is_hidden()
    page.locator("[data-role=machine]").select_option("cpu")
    assert agree(page)["fits"] is None and page.locator("[data-role=memory] u").count() == 0
    assert "of unknown" in page.locator(".de-co-title").last.inner_text()


def test_warns_where_memory_cannot_feed_the_arithmetic(show) -> None:
    page = show()
    page.locator("[data-role=batch-number]").fill("1")
    page.locator("[data-role=share-number]").fill("90")
    shown = agree(page)
    allowed = round(100 * shown["roof"] / 989e12)
    assert 0 < allowed < 90
    assert f"90 % of the peak is out of reach: memory feeds the arithmetic at {allowed} %" in words(page, "warning")
    page.locator("[data-role=share-number]").fill(str(allowed - 1))
    agree(page)
    expect(page.locator("[data-role=warning]")).to_be_hidden()


def test_the_dot_lies_on_the_roof_and_moves_with_the_batch(show) -> None:
    page = show()
    found = []
    for batch in (1, 8, 4096):
        page.locator("[data-role=batch-number]").fill(str(batch))
        agree(page)
        found.append(dot(page))
        label = page.locator(".de-chart svg").get_attribute("aria-label")
        assert f"does {round(state(page)['intensity'])} FLOP a byte" in label
    assert found[0][0] < found[1][0] < found[2][0] and found[0][1] > found[2][1]
    # the chart is drawn as high as it is shown
    mark = page.locator(".de-chart .de-mark").bounding_box()
    assert mark["height"] > 0.75 * page.locator(".de-chart svg").bounding_box()["height"]


def test_speaks_once_the_reader_rests(show) -> None:
    page = show(clock=True)
    live = page.locator("[role=status]")
    expect(live).to_contain_text("at least 1.07 h")
    unfold(page)
    devices = page.locator("input[data-role=devices]")

    devices.fill("1")
    devices.focus()
    stays_silent(page, live, lambda: page.keyboard.press("ArrowRight"), times=7)
    expect(live).to_contain_text("8 × H100 SXM: at least 8.05 min")


def test_the_box_of_images_has_separators(show) -> None:
    page = show()
    box = page.locator("[data-role=pictures-number]")
    assert box.input_value() == "102,400,000"
    box.fill("3,000,000")
    assert agree(page)["pictures"] == 3e6
    box.fill("many")
    box.blur()
    assert agree(page)["pictures"] == 3e6 and box.input_value() == "3,000,000"


def test_rarer_settings_are_folded_and_told(show) -> None:
    page = show()
    assert page.locator("[data-role=devices]").is_hidden() and page.locator("[data-role=source]").is_hidden()
    summary = page.locator("summary").first
    expect(summary).to_have_text("More: 32×32, 16 bits, one device")
    summary.focus()
    page.keyboard.press("Enter")
    page.locator("[data-role=precision]").select_option("fp32")
    page.locator("[data-role=devices-number]").fill("4")
    agree(page)
    assert summary.inner_text() == "More: 32×32, fp32, 4 devices"


def test_on_a_telephone_controls_and_bars_share_a_screen(show) -> None:
    page = show(390)
    boxes = [page.locator(f"[data-role={role}]").bounding_box() for role in ("network", "share", "answer", "memory")]
    assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)
    assert boxes[-1]["y"] + boxes[-1]["height"] - boxes[0]["y"] < 700


def test_rows_of_controls_stand_level(show) -> None:
    page = show()
    for left, right in (("network", "pictures-number"), ("machine", "batch-number")):
        a, c = (page.locator(f"[data-role={role}]").bounding_box() for role in (left, right))
        assert a["y"] == pytest.approx(c["y"], abs=1)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [800, 390])
def test_axe_finds_nothing_and_nothing_sticks_out(show, width, theme) -> None:
    page = show(width)
    page.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    for summary in page.locator("summary").all():
        summary.click()
    for machine, batch in (("h100", 128), ("t4", 4096), ("cpu", 1)):
        page.locator("[data-role=machine]").select_option(machine)
        page.locator("[data-role=batch-number]").fill(str(batch))
        page.locator("[data-role=pictures-number]").fill("9999999999")
        agree(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        sticking = page.locator("cost-explorer .de-panel").evaluate(
            """(panel) => [...panel.querySelectorAll("*")].filter((e) => !e.closest("svg") && !e.closest(".de-hidden")
            && e.checkVisibility() && e.getBoundingClientRect().right > panel.getBoundingClientRect().right)
            .map((e) => e.outerHTML.slice(0, 80))"""
        )
        assert sticking == []
    page.evaluate(b.AXE.read_text(encoding="utf-8"))
    found = page.evaluate("async () => (await axe.run('main')).violations.map((v) => v.id + ': ' + v.nodes[0].html)")
    assert found == []


def test_without_scripts_there_is_a_picture_and_its_words(show) -> None:
    page = show(java_script_enabled=False)
    picture = page.locator("cost-explorer > img")
    assert picture.is_visible() and picture.bounding_box()["width"] == 672
    alt = picture.get_attribute("alt")
    assert "paper network: 128, 256, 256, 256 channels" in alt and "37.3 GFLOP a training image" in alt
