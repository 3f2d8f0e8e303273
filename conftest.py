"""What the notebook checks leave out: output that carries dates, ids or progress, and so is no claim."""

NOT_COMPARED = ("text/html", "image/svg+xml", "stderr", "application/javascript")


def pytest_collectstart(collector):
    path = getattr(collector, "path", None)
    if path is not None and path.suffix == ".ipynb" and hasattr(collector, "skip_compare"):
        collector.skip_compare += NOT_COMPARED
