"""The little server: compressed, right types, loopback only, another port when the first is taken; the book alone."""

import gzip
import http.client
import os
import socket
import threading

import pytest
from loading import load_file

serve = load_file("tools/serve.py")


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
    connection = http.client.HTTPConnection(*address, timeout=120)
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


@pytest.mark.parametrize("path", ["/%00", "/a%00.txt", "/index.html%00", "/%00/../index.html"])
def test_a_zero_byte_is_a_bad_request(site, path, capfd):
    assert get(site, path)[0].status == 400
    assert get(site, path, **{"Accept-Encoding": "gzip"})[0].status == 400
    assert "Traceback" not in capfd.readouterr().err


def test_no_link_leads_out_of_the_site(site, tmp_path, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "secret.html").write_text("secret")
    (tmp_path / "out.html").symlink_to(other / "secret.html")
    (tmp_path / "folder").symlink_to(other)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "within.html").symlink_to(tmp_path / "index.html")
    for path in ("/out.html", "/folder/secret.html", "/folder/", "/loop"):
        for encoding in ("gzip", "identity"):
            answer, body = get(site, path, **{"Accept-Encoding": encoding})
            assert answer.status == 404 and b"secret" not in body
    assert get(site, "/within.html")[0].status == 200


def test_what_is_no_file_is_not_opened_and_no_folder_is_listed(site, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "page.html").write_text("page")
    os.mkfifo(tmp_path / "pipe.html")  # opening it would wait for ever
    assert get(site, "/pipe.html")[0].status == 404
    for path in ("/sub/", "/sub"):
        answer, body = get(site, path)
        assert answer.status in (301, 404) and b"page.html" not in body
    assert get(site, "/sub/page.html")[0].status == 200


HOSTS = {
    "localhost": 200,
    "LOCALHOST:8000": 200,
    "127.0.0.1:1": 200,
    "[::1]:8000": 200,
    "book.example": 421,
    "127.0.0.1.book.example": 421,
    "localhost@book.example": 421,
    "": 421,
}
ENCODINGS = {
    "gzip": True,
    "br, gzip;q=0.5": True,
    "*": True,
    "gzip;q=0": False,
    "gzip; q=0.000, br": False,
    "identity": False,
    "notgzip": False,
    "": False,
}


@pytest.mark.parametrize(("host", "status"), HOSTS.items())
def test_only_names_of_this_machine_are_answered(site, host, status):
    answer, body = get(site, "/", Host=host)
    assert answer.status == status
    assert (b"text text" in body) == (status == 200)


@pytest.mark.parametrize(("accepts", "zipped"), ENCODINGS.items())
def test_what_a_browser_does_not_want_packed_is_not(site, accepts, zipped):
    answer, _ = get(site, "/", **{"Accept-Encoding": accepts})
    assert answer.status == 200
    assert (answer.getheader("Content-Encoding") == "gzip") == zipped


def test_an_idle_connection_is_closed(site, monkeypatch):
    monkeypatch.setattr(serve.Handler, "timeout", 0.2)
    with socket.create_connection(site, timeout=120) as connection:
        assert connection.recv(1) == b""  # waits until the other side closes


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
