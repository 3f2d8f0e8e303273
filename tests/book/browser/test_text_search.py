"""The search by words on its page: it answers as Python does, in time, by keyboard, finger and screen reader."""

from __future__ import annotations

import re

import browser as b
import pytest
from playwright.sync_api import expect
from widgets import OTHER_HOMES, Widget, rounded, stays_silent

from diffusion_edu.widgets import TextSearch

pytestmark = pytest.mark.browser
TAG = "text-search"
HOME = OTHER_HOMES[TAG]
ENCODER = "emoji-clip-text.js"
MOST_SECONDS = 0.1  # of the processor, from the key to the drawn answer


@pytest.fixture(scope="module")
def python() -> TextSearch:
    return TextSearch()


@pytest.fixture
def home(on):
    """The widget as new on its page, as served; the page must have nothing to complain of."""
    return Widget(on(TAG), TAG)


def write(widget: Widget, words: str) -> dict:
    """Put words into the field, and wait for the answer that the page itself gives."""
    widget.role("query").fill(words)
    return widget.until(f"s.source === 'page' && s.query === {words!r}")


def loaded(asked: list[str]) -> list[str]:
    return [url for url in asked if "/live/" in url]


@pytest.mark.parametrize("scheme", ["http", "file"])
def test_the_page_ranks_as_python_does(opened, python, scheme) -> None:
    with opened(HOME, scheme=scheme) as (page, log):
        widget = Widget(page, TAG)
        for words in ("a blue heart", "a shark", "sunset over mountains", "Piñata, twemoji style", "xylophone"):
            state = write(widget, words)
            wanted = python.search(words, 192)
            cosines = dict(wanted)
            apart = [abs(cosine - cosines[python._data.captions[i]]) for i, cosine in state["ranking"]]
            # Images come to the page as int8: a number between two of them may have gone to the other one on the
            # machine that stored them, and moves its image by less than a thousandth.
            assert len(apart) == len(cosines) == 192
            assert max(apart) < 1e-3 and sum(error < 1e-5 for error in apart) >= 188
            found = [cosine for _, cosine in state["ranking"]]
            assert found == sorted(found, reverse=True)
            best = widget.role("result").locator("em").inner_text()
            assert wanted[0][0].startswith(f"{best}, ")
            assert wanted[0][0] in widget.role("status").inner_text()
        assert log.problems() == []


def test_nothing_is_loaded_before_the_reader_types(opened) -> None:
    with opened(HOME) as (page, log):
        home = Widget(page, TAG)
        home.until("s.source === 'stored'")
        home.role("query").focus()
        for k in range(home.el.locator("[data-role=example]").count()):
            home.role("example", k).click()
            state = home.until("s.source === 'stored'")
            assert home.role("query").input_value() == state["query"] == home.role("example", k).inner_text()
            assert home.role("example", k).get_attribute("aria-pressed") == "true"
            assert len(state["ranking"]) == 12
        assert "xylophone" in state["query"] and "no caption" in home.role("notes").inner_text()
        assert loaded(log.asked) == []
        assert re.search(r"\d\.\d MB", home.role("load").inner_text())
        write(home, "dog")
        write(home, "dogs")
        assert [url.rsplit("/", 1)[1] for url in loaded(log.asked)] == [ENCODER]
        expect(home.role("load")).to_be_hidden()
        assert log.problems() == []


def test_stored_and_live_answers_agree(home) -> None:
    home.role("example", 1).click()
    stored = home.until("s.source === 'stored' && s.query.includes('sunset')")
    home.role("load").click()
    live = home.until("s.source === 'page'")
    assert live["query"] == stored["query"]
    assert live["pieces"] == stored["pieces"]
    assert [i for i, _ in live["ranking"][:12]] == [i for i, _ in stored["ranking"]]
    assert [c for _, c in live["ranking"][:12]] == pytest.approx([c for _, c in stored["ranking"]], abs=1e-3)


def test_answers_in_time(home) -> None:
    """What a key costs the page's thread: processor time, since a machine that runs tests keeps keys waiting."""
    write(home, "a ")
    home.role("query").focus()
    meter = home.page.context.new_cdp_session(home.page)
    meter.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        return {m["name"]: m["value"] for m in meter.send("Performance.getMetrics")["metrics"]}["TaskDuration"]

    times = []
    for letter in "red rose and a person":
        query, before = home.state["query"], spent()
        home.page.keyboard.insert_text(letter)
        state = home.until(f"s.query !== {query!r}")
        times.append(spent() - before)
    middle = sorted(times)[len(times) // 2]
    print(f"{len(times)} keys: median {1000 * middle:.0f} ms, longest {1000 * max(times):.0f} ms")
    assert 0 < middle < MOST_SECONDS
    assert state["milliseconds"] > 0
    assert f"{max(1, rounded(state['milliseconds']))} ms from the key" in home.role("status").inner_text()


def test_completion_by_keyboard(home) -> None:
    query, options = home.role("query"), home.role("query-list")
    query.fill("")
    assert options.is_hidden() and query.get_attribute("aria-expanded") == "false"
    query.press_sequentially("a blu")
    home.until("s.source === 'page'")
    assert options.is_visible() and query.get_attribute("aria-expanded") == "true"
    assert query.get_attribute("aria-controls") == options.get_attribute("id")
    names = options.locator("[role=option]").all_inner_texts()
    assert "a blue heart" in names
    for _ in range(names.index("a blue heart") + 1):
        query.press("ArrowDown")
    active = query.get_attribute("aria-activedescendant")
    assert home.page.locator(f"#{active}").inner_text() == "a blue heart"
    assert home.page.locator(f"#{active}").get_attribute("aria-selected") == "true"
    query.press("Enter")
    assert home.until("s.query === 'a blue heart'")["source"] == "page"
    assert options.is_hidden() and query.input_value() == "a blue heart"
    query.press("Backspace")
    expect(options).to_be_visible()
    query.press("ArrowUp")  # the last one
    assert query.get_attribute("aria-activedescendant").endswith(str(len(options.locator("li").all()) - 1))
    query.press("ArrowDown")  # and back into the field
    assert query.get_attribute("aria-activedescendant") is None
    query.press("Escape")
    assert options.is_hidden() and query.input_value() == "a blue hear"
    query.press("ArrowDown")
    expect(options).to_be_visible()
    query.press("Tab")
    expect(options).to_be_hidden()


def test_says_what_it_reads_and_what_it_cannot(home) -> None:
    state = write(home, "a red apple")
    assert state["pieces"][:4] == ["[CLS]", "a", "red", "apple"] and state["notes"] == []
    assert home.role("tokens").locator("b").all_inner_texts() == state["pieces"]
    assert "noto, twemoji" in home.role("tokens").inner_text()
    state = write(home, "a xylophone 日")
    assert "##phone" in state["pieces"] and "[UNK]" in state["pieces"]
    notes = home.role("notes").inner_text()
    assert "“xylophone” stands in no caption" in notes and "“日” holds a character" in notes
    assert home.role("tokens").locator(".is-unknown").all_inner_texts() == ["[UNK]"]
    home.role("bare").check()
    assert home.until("s.bare")["pieces"] == ["[CLS]", "a", "x", "##y", "##lo", "##phone", "[UNK]", "[SEP]"]
    home.role("query").fill("  ")
    empty = home.until("s.query === '  '")
    assert empty["ranking"] == [] and home.el.locator("[data-role=result]:visible").count() == 0


def test_says_so_when_no_image_has_that_name(home) -> None:
    for words in ("a dog", "cats", "sunset over mountains", "a blue heart, noto style"):
        write(home, words)
        assert "best " in home.role("status").inner_text()
    write(home, "a unicorn")
    assert "none of the 192 images has this in its name; the nearest are " in home.role("status").inner_text()
    assert home.until("s.source === 'page'")["ranking"], "the nearest are shown"
    home.role("query").fill("a dog")
    home.role("among").select_option("new")
    home.until("s.among === 'new' && s.query === 'a dog'")
    assert "none of the 96 images" in home.role("status").inner_text()


def test_search_among_the_new_or_the_seen(home, python) -> None:
    every = dict(write(home, "a bird")["ranking"])
    assert len(every) == 192
    for among, flag in (("new", True), ("seen", False)):
        home.role("among").select_option(among)
        found = home.until(f"s.among === '{among}'")["ranking"]
        assert [i for i, _ in found] == sorted((i for i in every if python._unseen[i] == flag), key=lambda i: -every[i])


def test_the_batch_is_what_the_reader_chooses(home, python) -> None:
    write(home, "an animal")
    start = home.state["batch"]
    assert start == python._batches["alike"]
    first = next(i for i, _ in home.state["ranking"] if i not in start)
    tile = home.el.locator("[data-role=result][aria-pressed=false]").first
    tile.click()
    state = home.until(f"s.batch.length === {len(start) + 1}")
    assert state["batch"] == [*start, first]
    home.role("mixed").click()
    assert home.until(f"!s.batch.includes({start[1]})")["batch"] == python._batches["mixed"]
    home.role("best").click()
    state = home.until("s.batch[0] === s.ranking[0][0]")
    assert state["batch"] == [i for i, _ in state["ranking"][:8]]
    for left in range(7, 1, -1):
        home.role("remove").click()
        state = home.until(f"s.batch.length === {left}")
    assert home.role("remove").is_disabled(), "a batch of one has no rivals"
    assert home.role("matrix").locator("tbody tr").count() == 2
    home.role("alike").click()
    assert home.until("s.batch.length === 8")["batch"] == start


@pytest.mark.parametrize("temperature", [0.01, 0.07, 1])
def test_loss_and_matrix_are_those_of_python(home, python, temperature) -> None:
    home.type("temperature", temperature)
    state = home.until(f"s.temperature === {temperature}")
    python.batch, python.temperature = state["batch"], temperature
    assert state["loss"] == pytest.approx(python.loss, abs=1e-4)
    assert f"Loss {python.loss:.2f}" in home.role("loss").inner_text()
    image, text = (part[state["batch"]].double() for part in (python._pictures, python._texts))
    cosines = image @ text.T
    logits = cosines / temperature
    tables = {"cosines": cosines, "rows": 100 * logits.softmax(1), "columns": 100 * logits.softmax(0)}
    for show, wanted in tables.items():
        home.role("show").select_option(show)
        home.until(f"s.show === '{show}'")
        shown = [
            [float(cell.replace("−", "-")) for cell in row.locator("td").all_inner_texts()]
            for row in home.role("matrix").locator("tbody tr").all()
        ]
        near = 0.0051 if show == "cosines" else 0.51
        for row, exact in zip(shown, wanted.tolist()):
            assert row == pytest.approx(exact, abs=near)


def test_the_temperature_moves_by_keyboard_and_returns_to_what_was_learned(home) -> None:
    slider = home.role("temperature")
    before = home.state
    slider.focus()
    home.page.keyboard.press("End")
    hot = home.until("s.temperature === 1")
    assert hot["loss"] > before["loss"]
    home.role("learned").click()
    assert home.until("s.temperature < 0.1")["loss"] == pytest.approx(before["loss"], abs=0.02)


def test_a_failed_download_is_told_and_can_be_tried_again(opened) -> None:
    with opened(HOME) as (page, log):
        page.route(f"**/{ENCODER}", lambda route: route.fulfill(status=503, body="busy"))
        widget = Widget(page, TAG)
        widget.role("query").fill("a shark")
        state = widget.until("s.phase === 'failed'")
        assert state["source"] == "" and ENCODER in widget.el.locator("[role=alert]").inner_text()
        assert "No stored answer" in widget.role("status").inner_text()
        widget.role("example", 0).click()
        assert widget.until("s.source === 'stored'")["ranking"]
        page.unroute_all()
        write(widget, "a shark")
        expect(widget.el.locator("[role=alert]")).to_be_hidden()
        assert log.errors == []


def test_shows_a_picture_where_no_script_runs(opened) -> None:
    with opened(HOME, java_script_enabled=False) as (page, log):
        picture = page.locator(f"{TAG} > img").first
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("(img) => img.complete && img.naturalWidth > 0")
        assert "a blue heart: a blue heart, noto style" in picture.get_attribute("alt")
        assert log.problems() == []


def test_broken_data_are_told(home) -> None:
    home.page.evaluate("""(tag) => {
        const el = document.createElement(tag);
        const data = { ...JSON.parse(document.querySelector(tag).source), pictures: "AAAA" };
        const script = document.createElement("script");
        el.append(Object.assign(script, { type: "application/json", textContent: JSON.stringify(data) }));
        el.id = "broken";
        el.dataset.added = "";
        document.querySelector("article").append(el);
    }""", TAG)  # fmt: skip
    assert "cannot be read" in home.page.locator("#broken .de-warn").inner_text()


def test_speaks_once_the_reader_rests(opened) -> None:
    with opened(HOME, clock=True) as (page, log):
        widget = Widget(page, TAG)
        live = widget.el.locator("[role=status]")
        assert live.get_attribute("aria-live") == "polite"
        write(widget, "a ho")
        letters = iter("rse")
        stays_silent(page, live, lambda: widget.role("query").press_sequentially(next(letters)))
        state = widget.until("s.query === 'a horse'")
        caption = widget.el.evaluate(f"(el) => JSON.parse(el.source).captions[{state['ranking'][0][0]}]")
        expect(live).to_contain_text(f"none of the 192 images has this in its name; the nearest are {caption}")
        assert re.fullmatch(r".+ in \w+ style, cosine 0\.\d\d · (new|seen)", widget.role("result").text_content())
        assert log.problems() == []


def test_fits_a_telephone_and_a_finger(opened) -> None:
    with opened(HOME, size=b.NARROW, has_touch=True, is_mobile=True) as (page, log):
        widget = Widget(page, TAG)
        widget.role("query").tap()
        widget.role("query").fill("")
        widget.role("query").press_sequentially("a bir")
        widget.until("s.source === 'page'")
        small = widget.el.evaluate("""(el) => [...el.querySelectorAll("button, select, input, [role=option]")]
            .filter((e) => e.checkVisibility() && e.type !== "checkbox")
            .map((e) => [e.dataset.role, e.getBoundingClientRect()])
            .filter(([, box]) => box.width < 24 || box.height < 24)
            .map(([role, box]) => `${role} ${box.width}x${box.height}`)""")
        assert small == []
        widget.role("query-list").get_by_text("a bird", exact=True).tap()
        assert widget.until("s.query === 'a bird'")["source"] == "page"
        count = len(widget.state["batch"])
        widget.el.locator("[data-role=result][aria-pressed=false]").first.tap()
        widget.until(f"s.batch.length === {count + 1}")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert log.problems() == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_fault_that_a_checker_finds(opened, theme) -> None:
    """Axe and the contrast of all text, with an open list, marked words and a full matrix."""
    with opened(HOME, color_scheme=theme) as (page, _):
        widget = Widget(page, TAG)
        write(widget, "xylophone 日 an")
        widget.role("query").press_sequentially("i")
        expect(widget.role("query-list")).to_be_visible()
        page.add_script_tag(path=b.AXE)
        violations = "(await axe.run(tag)).violations.map((v) => [v.id, v.nodes.map((n) => n.html)])"
        found = page.evaluate(f"async (tag) => {violations}", TAG)
        assert found == []
        b.facts(page)
        assert page.evaluate("() => bookFacts.contrast()") == []


def test_can_be_taken_away_and_put_back(home) -> None:
    write(home, "a shark")
    home.role("alike").click()
    state = home.until("s.batch.length === 8")
    home.el.evaluate("(el) => { const home = el.parentNode; el.remove(); delete el.state; home.append(el); }")
    again = home.until("Boolean(s)")
    assert (again["query"], again["batch"]) == ("a shark", state["batch"])


@pytest.mark.parametrize(("size", "which"), [(b.WIDE, 0), (b.NARROW, 1)], ids=["wide", "narrow"])
def test_keeps_its_room_while_it_starts(opened, site, size, which) -> None:
    """The text below may not jump when the script arrives: the height kept free is the height."""
    kept = re.findall(
        rf"{TAG}:not\(:defined\){{[^}}]*min-height:(\d+)px", site.folder.joinpath(f"{HOME}.html").read_text()
    )
    with opened(HOME, size=size) as (page, _):
        box = Widget(page, TAG).el.bounding_box()
    assert box["height"] == pytest.approx(int(kept[which]), abs=30)
