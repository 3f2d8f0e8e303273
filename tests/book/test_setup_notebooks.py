"""What is stored in the notebooks: every cell has run, in order, pictures can be read aloud, files are small."""

import json
import re
from pathlib import Path

import nbformat
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PICTURES = ("image/png", "image/jpeg", "image/svg+xml")
IGNORED = {"nbval-ignore-output", "nbval-skip"}
HOST_OR_HOME = re.compile(r"(?:/home/|/root/|/Users/|/tmp/|C:\\\\)\w")


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def code(path):
    cells = [c for c in read(path)["cells"] if c["cell_type"] == "code"]
    return [c for c in cells if "".join(c["source"]).strip()]


def tags(cell):
    return set(cell["metadata"].get("tags", []))


def test_the_table_of_contents_names_every_notebook():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    files = [entry["file"] for part in toc["parts"] for entry in part["chapters"]]
    named = [file for file in files if file.startswith("notebooks/")]
    assert named == [f"notebooks/{path.stem}" for path in NOTEBOOKS]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
class TestNotebook:
    def test_every_cell_has_run_in_order(self, path):
        counts = [cell["execution_count"] for cell in code(path)]
        assert counts and counts == list(range(1, len(counts) + 1))

    def test_no_error_is_stored_unless_it_is_meant(self, path):
        for cell in code(path):
            errors = [o for o in cell["outputs"] if o["output_type"] == "error"]
            assert not errors or "raises-exception" in tags(cell)

    def test_at_most_three_cells_are_left_out_of_the_comparison(self, path):
        left_out = [c for c in code(path) if tags(c) & IGNORED or "NBVAL_" in "".join(c["source"])]
        assert len(left_out) <= 3

    def test_every_picture_has_alternative_text(self, path):
        for number, cell in enumerate(code(path), 1):
            pictures = [o for o in cell["outputs"] if set(o.get("data", {})) & set(PICTURES)]
            if pictures and not any("text/html" in o.get("data", {}) for o in pictures):
                alt = cell["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
                assert len(alt) >= 15, f"code cell {number} shows a picture without alternative text"
            for output in cell["outputs"]:
                for tag in re.findall(r"<img\b[^>]*>", "".join(output.get("data", {}).get("text/html", ""))):
                    assert re.search(r'\balt="[^"]{15,}"', tag), f"code cell {number}: {tag[:80]}"

    def test_it_is_small_and_has_no_widget_state(self, path):
        assert path.stat().st_size < 1_000_000
        assert "widgets" not in read(path)["metadata"]

    def test_it_runs_in_the_plain_python_kernel_and_has_a_description(self, path):
        metadata = read(path)["metadata"]
        assert metadata["kernelspec"]["name"] == "python3"
        assert len(metadata["myst"]["html_meta"]["description"]) > 40

    def test_its_outputs_name_no_folder_of_one_machine(self, path):
        for cell in code(path):
            text = json.dumps([o.get("text", "") for o in cell["outputs"]])
            text += json.dumps([o.get("data", {}).get("text/plain", "") for o in cell["outputs"]])
            assert not HOST_OR_HOME.search(text), HOST_OR_HOME.search(text)


WIDGET = re.compile(r"<[a-z]+(?:-[a-z]+)+[^>]*><script type=\"application/json\">(.*?)</script>", re.S)
SAID = re.compile(r"\b[Cc]hapters?[ \n]+((?:\d+(?:,| and| to|[ \n])*)+)")


def texts_that_name_chapters():
    for path in NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            yield f"{path.name}:{cell.id}", cell.source
    for folder, endings in {"book": "*.md", "src": "*.py", ".": "*.md"}.items():
        walk = (ROOT / folder).glob if folder == "." else (ROOT / folder).rglob
        for path in walk(endings):
            yield path.name, path.read_text(encoding="utf-8")


def test_no_text_names_a_chapter_that_does_not_exist():
    chapters = {int(path.name[:2]) for path in NOTEBOOKS}
    named = {
        (where, int(number))
        for where, text in texts_that_name_chapters()
        for match in SAID.finditer(text)
        for number in re.findall(r"\d+", match[1])
    }
    assert len(named) > 10
    assert {(where, number) for where, number in named if number not in chapters} == set()


def test_links_to_a_chapter_say_its_number():
    links = [
        (where, int(number), int(target))
        for where, text in texts_that_name_chapters()
        for number, target in re.findall(r"\{doc\}`(?:Chapter )?(\d+) </notebooks/(\d\d)_", text)
    ]
    assert len(links) > 10
    assert [link for link in links if link[1] != link[2]] == []


def test_links_to_the_reference_name_modules_that_exist():
    package = ROOT / "src/diffusion_edu"
    modules = [path.relative_to(package).with_suffix("").as_posix() for path in package.rglob("*.py")]
    pages = {"api-" + re.sub("[/_]", "-", module.removesuffix("/__init__")) for module in modules}
    linked = {
        (where, target)
        for where, text in texts_that_name_chapters()
        for target in re.findall(r"<(api-[a-z0-9-]+)>", text)
    }
    assert len(linked) > 20
    assert {(where, target) for where, target in linked if target not in pages} == set()


def test_chapters_run_from_any_folder_but_those_that_the_book_names():
    """A path in a cell is one from the notebook's folder; a hosted notebook has no such folder beside it."""
    reading = [path.name[:2] for path in NOTEBOOKS if any("../" in "".join(cell["source"]) for cell in code(path))]
    *some, last = (str(int(number)) for number in reading)
    told = f"A chapter that prints stored measurements ({', '.join(some)} and {last}) also reads"
    assert told in (ROOT / "book/how-to-run.md").read_text(encoding="utf-8")


def test_the_readmes_table_names_files_that_exist():
    rows = [line.split("|") for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if " · " in line]
    named = [path for row in rows for cell in row[2:4] for path in re.findall(r"`([^`]+)`", cell)]
    assert len(rows) == len(NOTEBOOKS)
    assert len(named) > 2 * len(rows)
    places = (ROOT, ROOT / "src/diffusion_edu")
    assert [path for path in named if not any((place / path).exists() for place in places)] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_stored_widgets_bring_the_limits_of_their_traits(path):
    """The page reads limits and choices from what the notebook stored: Python alone declares them."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    pages = ["".join(out.get("data", {}).get("text/html", "")) for cell in cells for out in cell.get("outputs", [])]
    widgets = [json.loads(found[1]) for page in pages if (found := WIDGET.search(page))]
    assert widgets, "each chapter has one"
    assert all(widget["traits"] for widget in widgets)
