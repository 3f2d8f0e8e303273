"""CONTRIBUTING, "A widget": a folder with an element is all that the pages need; the package lists its class once."""

import shutil
import sys

import pytest
from chromium import PATIENCE

from diffusion_edu import widgets
from diffusion_edu.widgets.kit import base, bundle, fallback

ELEMENT = """import { h } from "../kit/dom.mjs";
import { makeWidget, publish, viewOf } from "../kit/mount.mjs";
import { doubled } from "./facts.mjs";

function mount(root, data, changed) {
  const now = { count: data.count };
  const shown = h("output", { "data-role": "shown" });
  const more = h("button", { "data-role": "more", onclick: () => change({ count: now.count + 1 }) }, "more");
  root.append(more, shown);
  function change(patch) {
    Object.assign(now, patch);
    changed(patch);
    draw();
  }
  function draw() {
    shown.textContent = `${now.count} of ${data.traits.count.limits[1]}, doubled ${doubled(now.count)}`;
    publish(root, { count: now.count, doubled: doubled(now.count) });
  }
  draw();
  return viewOf(now, draw);
}

const toy = makeWidget("toy-counter", mount, ["count"]);
export default toy;
"""
FACTS = "export function doubled(count) {\n  return 2 * count;\n}\n"


class ToyCounter(base.BookWidget):
    """A toy of a widget: one number with limits, which the page follows."""

    count = base.Whole(3, 0, 9)
    _tag = "toy-counter"
    _heights = (60, 80)

    def _picture(self):
        return fallback.Sheet(40).url(), f"A counter at {self.count}."


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The widgets' folders with one more, as a contributor would add it; no file that is there is changed."""
    home = tmp_path / "widgets"
    shutil.copytree(bundle.WIDGETS, home, ignore=shutil.ignore_patterns("__pycache__"))
    (home / "toy").mkdir()
    (home / "toy/element.mjs").write_text(ELEMENT)
    (home / "toy/facts.mjs").write_text(FACTS)
    monkeypatch.setattr(bundle, "WIDGETS", home)
    monkeypatch.setitem(sys.modules, "diffusion_edu.widgets.toy", sys.modules[__name__])
    monkeypatch.setitem(widgets._HOMES, "ToyCounter", "toy")
    return home


def test_a_widget_of_ones_own_is_found_by_its_folder_and_runs_in_a_page(folder, chromium):
    assert bundle.elements()["toy-counter"] == "toy"
    assert widgets.ToyCounter is ToyCounter
    assert bundle.esm("toy").endswith("export default $toy_element.default;\n")
    page = chromium.new_page()
    page.set_default_timeout(PATIENCE)
    page.set_content(f"<!doctype html><html lang=en><body>{ToyCounter(count=8).html()}</body></html>")
    assert page.locator("toy-counter img").get_attribute("alt") == "A counter at 8."
    page.add_script_tag(content=bundle.classic_script("toy"))
    assert page.locator("[data-role=shown]").text_content() == "8 of 9, doubled 16"
    page.locator("[data-role=more]").click()
    assert page.locator("toy-counter").evaluate("(element) => element.state") == {"count": 9, "doubled": 18}
    page.close()


def test_its_limits_are_those_of_the_trait():
    with pytest.raises(base.WidgetValueError, match=r"count must be .*0.*9, got 10"):
        ToyCounter(count=10)
