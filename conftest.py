"""The notebook checks: what they leave out (dates, ids, progress, which are no claims), and how a kernel starts."""

import functools

NOT_COMPARED = ("text/html", "image/svg+xml", "stderr", "application/javascript")
ATTEMPTS = 3


def pytest_collectstart(collector):
    path = getattr(collector, "path", None)
    if path is not None and path.suffix == ".ipynb" and hasattr(collector, "skip_compare"):
        collector.skip_compare += NOT_COMPARED


def pytest_configure(config):
    if config.pluginmanager.hasplugin("nbval"):
        from nbval import kernel

        kernel.start_new_kernel = started_again(kernel.start_new_kernel)


def started_again(start):
    """Start a kernel once more where it died at once.

    Its ports are chosen before it takes them, and a kernel that starts beside it may be first (jupyter_client #154).
    """

    @functools.wraps(start)
    def attempt(*args, **kwargs):
        for _ in range(ATTEMPTS - 1):
            try:
                return start(*args, **kwargs)
            except RuntimeError as error:
                if "Kernel died" not in str(error):
                    raise
        return start(*args, **kwargs)

    return attempt
