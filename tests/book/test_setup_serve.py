"""The little server: compressed, right types, loopback only, another port when the first is taken."""

import gzip
import http.client
import importlib.util
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location("tools_serve", ROOT / "tools/serve.py")
serve = importlib.util.module_from_spec(spec)
spec.loader.exec_module(serve)


@pytest.fixture
def site(tmp_path):
    (tmp_path / "index.html").write_text("<!doctype html><title>é</title>" + "text " * 500, encoding="utf-8")
    for name in ("part.mjs", "model.wasm", "model.onnx", "picture.png"):
        (tmp_path / name).write_bytes(b"x" * 2000)
    server = serve.start(tmp_path, 0)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address
    server.shutdown()
    server.server_close()


def get(address, path, **headers):
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def test_a_page_comes_compressed_where_the_browser_can_read_that(site, tmp_path):
    plain, body = get(site, "/")
    small, packed = get(site, "/", **{"Accept-Encoding": "gzip, br"})
    assert plain.status == small.status == 200
    assert plain.getheader("Content-Encoding") is None and small.getheader("Content-Encoding") == "gzip"
    assert gzip.decompress(packed) == body == (tmp_path / "index.html").read_bytes()
    assert len(packed) < len(body) / 5
    assert small.getheader("Content-Type") == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("part.mjs", "text/javascript; charset=utf-8"),
        ("model.wasm", "application/wasm"),
        ("model.onnx", "application/onnx"),
        ("picture.png", "image/png"),
    ],
)
def test_types_are_those_that_browsers_insist_on(site, name, kind):
    answer, _ = get(site, f"/{name}?v=1")
    assert answer.getheader("Content-Type") == kind


def test_missing_pages_and_paths_outside_are_not_found(site):
    assert get(site, "/nothing.html")[0].status == 404
    assert get(site, "/../../../../etc/passwd", **{"Accept-Encoding": "gzip"})[0].status == 404


def test_a_changed_page_is_sent_anew(site, tmp_path):
    get(site, "/", **{"Accept-Encoding": "gzip"})
    (tmp_path / "index.html").write_text("new", encoding="utf-8")
    _, packed = get(site, "/", **{"Accept-Encoding": "gzip"})
    assert gzip.decompress(packed) == b"new"


def test_only_this_machine_is_served_and_a_taken_port_is_left_alone(tmp_path):
    first = serve.start(tmp_path, 0)
    port = first.server_address[1]
    second = serve.start(tmp_path, port)
    try:
        assert first.server_address[0] == second.server_address[0] == "127.0.0.1"
        assert second.server_address[1] != port
    finally:
        first.server_close()
        second.server_close()
