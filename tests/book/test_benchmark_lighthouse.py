"""benchmarks/lighthouse.py keeps the right numbers of a report, and the page shows them."""

import sys

from loading import ROOT, load_file


def report(performance=0.871, shift=0.0314159):
    values = {
        "first-contentful-paint": 1234.4,
        "largest-contentful-paint": 2345.6,
        "total-blocking-time": 345.67,
        "cumulative-layout-shift": shift,
        "dom-size": 7794,
        "total-byte-weight": 456_789,
        "speed-index": 9.9,
    }
    scores = {"performance": performance, "accessibility": 1, "best-practices": 0.96, "seo": 0.91, "pwa": 0.1}
    return {
        "audits": {name: {"numericValue": value} for name, value in values.items()} | {"no-number": {"score": 1}},
        "categories": {name: {"score": score} for name, score in scores.items()},
    }


def test_what_is_kept_of_a_report():
    kept = load_file("benchmarks/lighthouse.py").read(report())
    assert kept == {
        "performance": 87,
        "accessibility": 100,
        "best-practices": 96,
        "seo": 91,
        "first_paint": 1.234,
        "largest_paint": 2.346,
        "blocked": 0.346,
        "shift": 0.031,
        "elements": 7794,
        "kilobytes": 457,
    }


def test_the_table_has_a_row_a_page_and_the_least_of_the_other_scores(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_ext"))
    made, read = load_file("book/_ext/speed_tables.py"), load_file("benchmarks/lighthouse.py").read
    other = read(report()) | {"seo": 83}
    (table,) = made.lighthouse({"version": "1", "pages": {"a": read(report()), "b": other}})
    assert [row[0] for row in table.rows] == ["a", "b"] and {len(row) for row in table.rows} == {len(table.head)}
    assert table.rows[0] == ["a", "87", "1.2", "2.3", "0.3", "457", "7,794"]
    assert "of any page is 83" in table.caption


def test_only_pages_of_the_book_are_measured(monkeypatch, capsys):
    script = load_file("benchmarks/lighthouse.py")
    monkeypatch.setattr(sys, "argv", ["lighthouse.py", "--page", "nowhere"])
    try:
        script.main()
    except SystemExit as stopped:
        assert stopped.code == 2
    assert "must be a page of _toc.yml, got nowhere" in capsys.readouterr().err
