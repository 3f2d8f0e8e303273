"""The player of a cascade in a page: one time axis, choices, playing; a small system with random weights."""

from __future__ import annotations

import base64
import io
import json
import re

import browser as b
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect
from single import opened, tile, too_small, violations, write_page
from tiny_cascade import cascade
from widgets import clock_of, stays_silent

from diffusion_edu.widgets import CascadePlayer

pytestmark = pytest.mark.browser
TAG = "cascade-player"
PROMPTS, LEVELS = ["cat", "a red apple, noto style"], (0, 6, 20)
CLOSE = 3  # of 0..255: two decoders of one lossy format


BLANK = """(c) => {
    const copy = Object.assign(document.createElement("canvas"), { width: c.width, height: c.height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(c, 0, 0);
    return context.getImageData(0, 0, c.width, c.height).data.every((v) => v === 0);
}"""


@pytest.fixture(scope="module")
def player():
    return CascadePlayer(cascade(), PROMPTS, steps=6, seeds=(3, 8), levels=LEVELS, frames=4, frame=0)


@pytest.fixture(scope="module")
def folder(player, tmp_path_factory):
    home = tmp_path_factory.mktemp("cascade")
    write_page(home, TAG, player.html())
    return home


@pytest.fixture(scope="module")
def stored(player):
    """stored(network, tile): one of the stored images."""
    networks = json.loads(player.payload)["networks"]
    sheets = [
        Image.open(io.BytesIO(base64.b64decode(network["sheet"].split(",")[1]))).convert("RGB") for network in networks
    ]
    return lambda k, index: tile(sheets[k], networks[k]["side"], networks[k]["columns"], index)


def agree(widget, stored) -> dict:
    """The state, whose images are seen: what each network is given, and what it draws; nothing where it waits."""
    state = widget.state
    run = 2 * state["prompt"] + (state["seed"] == "8")
    for k, one in enumerate(state["networks"]):
        figure = f".de-cp > figure:nth-child({2 * k + 2})"
        if one["phase"] == "waits":
            assert widget.el.locator(f"{figure} canvas").evaluate(BLANK)
            continue
        last = 3 if k < state["network"] else state["state"]
        first = run * 4 if k == 0 else (run * 3 + LEVELS.index(int(state["level"]))) * 5
        index = first + last + (k > 0)
        assert np.abs(widget.pixels(f"{figure} canvas").astype(int) - stored(k, index)).max() <= CLOSE
        if k:
            given = widget.pixels(f".de-cp > figure:nth-child({2 * k + 1}) canvas").astype(int)
            assert np.abs(given - stored(k, first)).max() <= CLOSE
    assert int(widget.role("frame").input_value()) == state["frame"]
    return state


def test_the_slider_goes_through_all_networks(chromium, folder, stored):
    with opened(chromium, folder, TAG) as widget:
        widget.role("frame").focus()
        for frame in range(12):
            state = agree(widget, stored)
            assert (state["frame"], state["network"], state["state"]) == (frame, frame // 4, frame % 4)
            expect(widget.role("status")).to_contain_text(f"state {frame % 4 + 1} of 4, t = {state['t']}")
            words = widget.role("frame").get_attribute("aria-valuetext")
            assert words.endswith(f"state {frame % 4 + 1} of 4, t = {state['t']}")
            pressed = [widget.role("stage", k).get_attribute("aria-pressed") for k in range(3)]
            assert pressed.index("true") == frame // 4 and pressed.count("true") == 1
            widget.page.keyboard.press("ArrowRight")
        assert widget.state["frame"] == 11, "nothing lies beyond"


def test_buttons_go_to_networks_and_states(chromium, folder, stored):
    with opened(chromium, folder, TAG) as widget:
        for k in (2, 0, 1):
            widget.role("stage", k).click()
            assert agree(widget, stored)["frame"] == 4 * k
        widget.role("next").click()
        assert agree(widget, stored)["frame"] == 5
        widget.role("prev").click()
        widget.role("prev").click()
        assert agree(widget, stored)["frame"] == 3


def test_prompt_seed_and_level_are_chosen(chromium, folder, stored):
    with opened(chromium, folder, TAG) as widget:
        widget.type("frame", 9)
        seen = {widget.picture()}
        for p, seed, level in (("1", "3", "6"), ("1", "8", "6"), ("1", "8", "0"), ("0", "8", "20")):
            for role, value in (("prompt", p), ("seed", seed), ("level", level)):
                widget.role(role).select_option(value)
            state = widget.until(f"s.prompt === {p} && s.seed === '{seed}' && s.level === '{level}'")
            agree(widget, stored)
            assert (state["frame"], state["noise"]["s"]) == (9, int(level)), "the place is kept"
            given = widget.el.locator(".de-cp-given figcaption").nth(2)
            expect(given).to_have_text(
                "given: 8×8, enlarged" if level == "0" else f"given: 8×8, noised to s = {level}, enlarged"
            )
            seen.add(widget.picture())
        assert len(seen) == 5


def test_all_images_are_drawn_at_one_width_with_sharp_pixels(chromium, folder):
    for size in (b.WIDE, b.NARROW):
        with opened(chromium, folder, TAG, size=size) as widget:
            looks = widget.el.locator(".de-cp > figure:nth-child(even) canvas").evaluate_all(
                "(all) => all.map((c) => [c.width, c.getBoundingClientRect().width, "
                "getComputedStyle(c).imageRendering])"
            )
            assert [look[0] for look in looks] == [4, 8, 16]
            widths = [look[1] for look in looks]
            assert max(widths) - min(widths) < 1 and min(widths) > 120
            assert {look[2] for look in looks} == {"pixelated"}


def test_it_plays_to_the_end_and_pauses(chromium, folder):
    with opened(chromium, folder, TAG, clock=True) as widget:
        button = widget.role("play")
        with clock_of(widget.page) as let_pass:
            button.click()
            let_pass(3_000)
            assert 0 < widget.now["frame"] < 11
            button.click()
            rested = widget.now["frame"]
            let_pass(3_000)
            assert widget.now["frame"] == rested and button.get_attribute("aria-label") == "Play"
            button.click()
            let_pass(15_000)
            assert widget.now["frame"] == 11 and button.get_attribute("aria-label") == "Play"
            button.click()
            let_pass(500)
            assert widget.now["frame"] < 11, "from the end it begins anew"


def test_it_plays_in_stills_where_less_motion_is_wished(chromium, folder):
    still = {"clock": True, "reduced_motion": "reduce"}
    with opened(chromium, folder, TAG, **still) as widget, clock_of(widget.page) as let_pass:
        widget.role("play").click()
        let_pass(2_000)
        assert widget.now["frame"] == 2, "one in 0.8 seconds"
        widget.role("play").click()


def test_it_follows_a_finger(chromium, folder, stored):
    with opened(chromium, folder, TAG, size=b.NARROW, has_touch=True, is_mobile=True) as widget:
        widget.page.touchscreen.tap(*widget.spot(widget.role("frame"), 0.75))
        assert widget.state["network"] == 2
        agree(widget, stored)
        assert too_small(widget) == []


def test_it_speaks_once_the_reader_rests(chromium, folder):
    with opened(chromium, folder, TAG, clock=True) as widget:
        live = widget.el.locator("[role=status]")
        widget.role("frame").focus()
        before = stays_silent(widget.page, live, lambda: widget.page.keyboard.press("ArrowRight"), times=2)
        expect(live).not_to_have_text(before)
        state = widget.state
        expect(live).to_contain_text(f"{state['size']}: state {state['state'] + 1} of 4, t = {state['t']}")


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
def test_it_is_accessible_and_fits(chromium, folder, size):
    with opened(chromium, folder, TAG, size=size) as widget:
        widget.type("frame", 6)
        for theme in ("light", "dark"):
            assert violations(widget, theme) == []
        assert widget.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_it_prints_what_is_seen(chromium, folder):
    with opened(chromium, folder, TAG) as widget:
        widget.type("frame", 11)
        before = widget.picture()
        widget.page.emulate_media(media="print")
        assert widget.picture() == before
        assert all(canvas.is_visible() for canvas in widget.el.locator("canvas").all())


def test_without_scripts_there_is_a_picture(chromium, folder):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / f"{TAG}.html").as_uri())
    expect(page.get_by_role("img", name=re.compile("^Images of cat; a red apple, noto style"))).to_be_visible()
    context.close()


@pytest.mark.parametrize("damage", [{"networks": None}, {"networks": "sheet"}])
def test_it_says_so_when_its_data_are_broken(chromium, player, tmp_path, damage):
    html = player.html()
    start, end = html.index("json") + 6, html.index("</script>")
    data = json.loads(html[start:end])
    if damage["networks"] == "sheet":
        data["networks"][1]["sheet"] = "data:image/webp;base64,AAAA"
    else:
        data |= damage
    write_page(tmp_path, TAG, html[:start] + json.dumps(data) + html[end:])
    page = chromium.new_page()
    page.goto((tmp_path / f"{TAG}.html").as_uri())
    expect(page.locator(f"{TAG} [role=alert]:visible")).to_contain_text("cannot")
    page.close()
