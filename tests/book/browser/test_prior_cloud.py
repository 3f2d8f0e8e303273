"""The cloud of a prior in a page: taps, keys, choices; small systems with random weights."""

from __future__ import annotations

import base64
import io
import json
import re

import browser as b
import numpy as np
import pytest
from dalle_parts import TEXTS, randn, system
from PIL import Image
from playwright.sync_api import expect
from single import opened, tile, too_small, violations, write_page
from widgets import stays_silent

from diffusion_edu.widgets import PriorCloud

pytestmark = pytest.mark.browser
TAG = "prior-cloud"
CLOSE = 3  # of 0..255: two decoders of one lossy format


@pytest.fixture(scope="module")
def cloud():
    images, training = (randn(n, 3, 16, 16, seed=n).clamp(-1, 1) for n in (3, 60))
    return PriorCloud(system(), TEXTS, images, training, guidances=(1, 4), n=2, steps=3, prior_steps=3)


@pytest.fixture(scope="module")
def folder(cloud, tmp_path_factory):
    home = tmp_path_factory.mktemp("prior")
    write_page(home, TAG, cloud.html())
    return home


@pytest.fixture(scope="module")
def stored(cloud):
    """stored(tile): one of the stored images."""
    data = json.loads(cloud.payload)
    sheet = Image.open(io.BytesIO(base64.b64decode(data["sheet"].split(",")[1]))).convert("RGB")
    return lambda index: tile(sheet, data["side"], data["columns"], index)


def agree(widget, cloud, stored) -> dict:
    """The state, whose numbers, words and images are those of Python."""
    state = widget.state
    row = cloud.row(state["point"], state["guidance"])
    cosine = cloud.cosines[state["caption"], row].item()
    assert state["chosen"]["cosine"] == pytest.approx(cosine, abs=6e-5)
    rows = cloud.embeddings.shape[1]
    index = state["caption"] * (1 + rows)
    for selector, number in ((".de-pc-pair .de-blue canvas", index), (".de-pc-pair .de-teal canvas", index + 1 + row)):
        assert np.abs(widget.pixels(selector).astype(int) - stored(number)).max() <= CLOSE
    caption = widget.el.locator(".de-pc-pair figcaption").nth(1)
    if state["point"]:
        expect(caption).to_contain_text(f"cosine {state['chosen']['cosine']:.2f}".replace("-", "−"))
    assert widget.role("point", state["point"]).is_checked()
    return state


def place_on_page(widget, k: int) -> tuple[float, float]:
    """Where the sign of a point is seen."""
    widget.role("plane").scroll_into_view_if_needed()
    box = widget.el.locator(".de-pc-sign").evaluate_all(
        "(all, k) => all.map((e) => e.getBoundingClientRect()).map((r) => [r.x + r.width / 2, r.y + r.height / 2])", k
    )
    order = [*range(2, len(box)), 0, 1]  # the true image and the text are drawn last
    return tuple(box[order.index(k)])


def alone(state: dict) -> list[int]:
    """The points that no later one hides."""
    places = [(p["x"], p["y"]) for p in state["points"]]
    return [
        k
        for k, (x, y) in enumerate(places)
        if all(abs(x - u) + abs(y - v) > 0.05 for j, (u, v) in enumerate(places) if j != k)
    ]


@pytest.mark.parametrize("touch", [False, True], ids=["mouse", "finger"])
def test_a_tap_on_a_point_shows_its_image(chromium, folder, cloud, stored, touch):
    options = {"size": b.NARROW, "has_touch": True, "is_mobile": True} if touch else {}
    with opened(chromium, folder, TAG, **options) as widget:
        press = widget.page.touchscreen.tap if touch else widget.page.mouse.click
        seen = alone(agree(widget, cloud, stored))
        assert len(seen) >= 4
        for k in seen:
            press(*place_on_page(widget, k))
            widget.until(f"s.point === {k}")
            agree(widget, cloud, stored)
        corner = widget.spot(widget.role("plane"), 0.01, 0.01)
        press(*corner)
        assert widget.state["point"] == seen[-1], "far from all points a tap chooses none"


def test_arrow_keys_go_through_the_points(chromium, folder, cloud, stored):
    with opened(chromium, folder, TAG) as widget:
        widget.role("point", 0).focus()
        widget.page.keyboard.press("Space")
        for k in (0, 1, 2, 3):
            assert agree(widget, cloud, stored)["point"] == k
            widget.page.keyboard.press("ArrowRight")
        name = widget.role("point", 4).get_attribute("aria-label")
        assert re.fullmatch(r"autoregressive prior, seed 0: cosine −?\d\.\d\d", name)


def test_caption_and_guidance_change_what_is_seen(chromium, folder, cloud, stored):
    with opened(chromium, folder, TAG) as widget:
        first = widget.picture()
        for c, w in ((1, "1"), (2, "4"), (0, "4")):
            widget.role("caption").select_option(str(c))
            widget.role("guidance").select_option(w)
            state = widget.until(f"s.caption === {c} && s.guidance === '{w}'")
            agree(widget, cloud, stored)
            row = cloud.row(2, w)
            mean = cloud.cosines[c, row : row + 2].mean().item()
            assert state["mean"]["priors"][0] == pytest.approx(mean, abs=1e-4)
            said = f"diffusion prior {state['mean']['priors'][0]:.2f}".replace("-", "−")
            expect(widget.role("status")).to_contain_text(said)
            expect(widget.role("status")).to_contain_text(f"guidance {w}, 2 seeds")
            assert widget.picture() != first


def test_it_speaks_once_the_reader_rests(chromium, folder):
    with opened(chromium, folder, TAG, clock=True) as widget:
        live = widget.el.locator("[role=status]")
        widget.role("point", 2).focus()
        before = stays_silent(widget.page, live, lambda: widget.page.keyboard.press("ArrowRight"))
        expect(live).not_to_have_text(before)
        k = widget.state["point"]
        expect(live).to_contain_text(widget.role("point", k).get_attribute("aria-label"))


@pytest.mark.parametrize("size", [b.WIDE, b.NARROW], ids=["wide", "narrow"])
def test_it_is_accessible_and_fits(chromium, folder, size):
    with opened(chromium, folder, TAG, size=size) as widget:
        for theme in ("light", "dark"):
            assert violations(widget, theme) == []
        assert widget.page.evaluate("document.documentElement.scrollWidth") <= size["width"]
        assert too_small(widget) == []
        selects = widget.el.evaluate("""(el) => [...el.querySelectorAll("select")].map((s) => {
            const label = s.previousSibling;
            return label.scrollWidth <= label.clientWidth + 1
                && label.getBoundingClientRect().right <= s.getBoundingClientRect().left;
        })""")
        assert all(selects), "a label is cut off"


def test_it_prints_what_is_seen(chromium, folder):
    with opened(chromium, folder, TAG) as widget:
        before = widget.picture()
        widget.page.emulate_media(media="print")
        assert widget.picture() == before
        assert widget.el.locator(".de-pc-pair canvas").last.is_visible() and widget.role("plane").is_visible()


def test_without_scripts_there_is_a_picture(chromium, folder):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((folder / f"{TAG}.html").as_uri())
    expect(page.get_by_role("img", name=re.compile("^Embeddings for “a red apple, noto style”"))).to_be_visible()
    context.close()


@pytest.mark.parametrize("damage", [{"ground": "%"}, {"places": None}, {"sheet": "data:image/webp;base64,AAAA"}])
def test_it_says_so_when_its_data_are_broken(chromium, cloud, tmp_path, damage):
    html = cloud.html()
    start, end = html.index("json") + 6, html.index("</script>")
    broken = json.dumps({**json.loads(html[start:end]), **damage})
    write_page(tmp_path, TAG, html[:start] + broken + html[end:])
    page = chromium.new_page()
    page.goto((tmp_path / f"{TAG}.html").as_uri())
    expect(page.locator(f"{TAG} [role=alert]:visible")).to_contain_text("cannot")
    page.close()
