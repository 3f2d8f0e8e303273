"""How pytest-xdist deals out the tests: what shares a fixture that is dear to make stays in one process."""

import re

LOOK = r"(?:light|dark|wide|narrow)"  # what a page is looked at in, before or after its name
PAGE = re.compile(rf"\[(?:{LOOK}-)?((?:book|notebooks)/[\w-]+?)(?:-{LOOK})?\]")
WIDGET = re.compile(rf"\[(?:{LOOK}-)?([a-z]+(?:-[a-z]+)*?-(?:explorer|player))[-\]]")
# About what a test takes, in seconds, by the first of these marks or fixtures; the order of scopes hangs on it.
MARKED = {"slow": 15.0, "processes": 6.0}
SECONDS = {"visit": 0.2, "stage": 2.0, "opened": 4.0, "opened_lab": 5.0, "chromium": 2.0, "js": 0.3}


def scope_of(nodeid: str) -> str:
    """A file; of the browser tests of the book, those that look at one page, or move one widget."""
    file = nodeid.split("::")[0]
    found = (PAGE.search(nodeid) or WIDGET.search(nodeid)) if "/browser/" in file else None
    return found[1] if found else file


def seconds_of(item) -> float:
    """About what a test takes."""
    marked = next((seconds for name, seconds in MARKED.items() if item.get_closest_marker(name)), 0.0)
    return marked or next((seconds for name, seconds in SECONDS.items() if name in item.fixturenames), 0.1)


def longest_first(items: list) -> None:
    """Put the tests in the order in which they are dealt out, so that no long scope is left over for the end."""
    scopes: dict[str, list] = {}
    for item in items:
        scopes.setdefault(scope_of(item.nodeid), []).append(item)
    items[:] = [item for scope in sorted(scopes.values(), key=lambda s: -sum(map(seconds_of, s))) for item in scope]


def scheduler(config, log):
    """The scheduler of `--dist loadfile`, with these scopes in the order of `longest_first`."""
    from xdist.scheduler import LoadScopeScheduling

    class Dealing(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return scope_of(nodeid)

        def remove_node(self, node):
            """A test that ended its process has failed; where it would be tried again, it could do so for ever."""
            units = self.assigned_work[node].values()
            left = [(unit, test) for unit in units for test, done in unit.items() if not done]
            if not left:
                return super().remove_node(node)
            unit, ended = left[0]
            unit[ended] = True
            super().remove_node(node)
            return ended

    config.option.loadscopereorder = False  # by the number of tests, which says little
    return Dealing(config, log)
