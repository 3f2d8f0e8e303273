"""The reference: a page a package, and every public name on one of them and in the list."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "book/_ext"))
sys.path.insert(0, str(ROOT / "tools"))
import api_pages  # noqa: E402
import build_book  # noqa: E402
import lighten  # noqa: E402


def test_each_package_with_public_names_has_a_page_and_each_page_a_package():
    wanted = {api_pages.page_of(name): f"```{{api}} {name}\n```" for name in api_pages.packages()}
    found = {f"book/{path.stem}": path.read_text(encoding="utf-8") for path in (ROOT / "book").glob("api-*.md")}
    assert found.keys() == wanted.keys()
    for page, text in found.items():
        assert wanted[page] in text and "</book/api>" in text
    assert {"book/api-diffusion", "book/api-nn", "book/api-train", "book/api-modules"} <= wanted.keys()


def test_no_module_with_public_names_is_left_out():
    shown = {path for paths in api_pages.packages().values() for path in paths}
    package = ROOT / "src/diffusion_edu"
    for path in package.rglob("*.py"):
        private = any(part.startswith("_") for part in path.relative_to(package).parts)
        assert (path in shown) == (not private and bool(api_pages.public(path))), path


def test_the_book_is_checked_page_by_page_these_too():
    pages = build_book.pages(ROOT)
    assert pages.index("book/api") + 1 == pages.index("book/api-cli")
    assert len(pages) == len(set(pages))


def test_a_first_sentence_ends_where_it_ends(tmp_path):
    file = tmp_path / "a.py"
    file.write_text('"""One a.b\nsentence. And more."""\n')
    assert api_pages.first_sentence(file) == "One a.b sentence."
    assert api_pages.first_sentence(tmp_path / "none.py") == ""


def test_the_mark_that_unfolds_them_in_the_menu_has_a_name(tmp_path):
    page = tmp_path / "a.html"
    page.write_text('<details><summary><span class="toctree-toggle" role="presentation"></span></summary></details>')
    lighten._name_folds_of_the_menu(tmp_path)
    assert '<summary aria-label="the pages under it"><span class="toctree-toggle"' in page.read_text()
