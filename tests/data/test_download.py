"""Downloads, against a server on this machine that can misbehave."""

import contextlib
import errno
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from diffusion_edu._errors import DataError
from diffusion_edu.data.download import fetch

CONTENT = bytes(range(256)) * 2000
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Sends CONTENT; /cut/ is cut half way, /other/ has other bytes, /flaky/ is cut once, /endless/ has no end."""

    def do_GET(self):
        server = self.server
        server.requests.append(self.path)
        if self.path.startswith("/missing/"):
            self.send_error(404)
            return
        if self.path.startswith("/endless/"):
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(OSError):  # until the other side has enough
                while True:
                    self.wfile.write(bytes(1 << 16))
            return
        cut = self.path.startswith("/cut/") or (self.path.startswith("/flaky/") and len(server.requests) == 1)
        body = CONTENT[::-1] if self.path.startswith("/other/") else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if cut else body)

    def log_message(self, *args):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr("pooch.core.time.sleep", lambda seconds: None)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.requests = []
    server.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def get(server, cache, *folders, retries=0):
    addresses = [f"{server.address}/{folder}/" for folder in folders]
    return fetch("data.bin", SHA256, addresses, "Put it there yourself", cache=cache, retries=retries)


def test_a_download_is_kept_and_not_repeated(server, tmp_path):
    for _ in range(2):
        assert get(server, tmp_path, "good").read_bytes() == CONTENT
    assert server.requests == ["/good/data.bin"]


def test_an_interrupted_download_leaves_nothing_behind(server, tmp_path):
    with pytest.raises(DataError, match="cut before the end") as caught:
        get(server, tmp_path, "cut")
    assert "Put it there yourself" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_download_is_tried_again(server, tmp_path):
    assert get(server, tmp_path, "flaky", retries=1).read_bytes() == CONTENT
    assert len(server.requests) == 2


def test_a_wrong_checksum_is_told_and_nothing_is_kept(server, tmp_path):
    with pytest.raises(DataError, match=r"other/data\.bin is not the file expected"):
        get(server, tmp_path, "other")
    assert list(tmp_path.iterdir()) == []


def test_the_next_address_is_tried(server, tmp_path):
    assert get(server, tmp_path, "missing", "other", "good").read_bytes() == CONTENT
    assert [path.split("/")[1] for path in server.requests] == ["missing", "other", "good"]


def test_every_failure_is_told(server, tmp_path):
    with pytest.raises(DataError) as caught:
        get(server, tmp_path, "missing", "cut")
    assert "the server answers 404" in str(caught.value)
    assert "cut before the end" in str(caught.value)


def test_a_damaged_file_in_the_cache_is_replaced(server, tmp_path):
    (tmp_path / "data.bin").write_bytes(b"half")
    assert get(server, tmp_path, "good").read_bytes() == CONTENT


def test_a_download_that_does_not_end_is_given_up_and_the_next_address_tried(server, tmp_path):
    """Twice its length is too long; where a length is told, and where none is."""
    addresses = [f"{server.address}/{folder}/" for folder in ("endless", "good")]
    assert fetch("data.bin", SHA256, addresses, "", cache=tmp_path, retries=0, most=2 * len(CONTENT)).is_file()
    (tmp_path / "data.bin").unlink()
    for folder, most in (("endless", 1 << 20), ("good", len(CONTENT) - 1)):
        with pytest.raises(DataError, match=f"{folder}/data.bin is not the file expected .*more than {most:,} bytes"):
            fetch("data.bin", SHA256, [f"{server.address}/{folder}/"], "", cache=tmp_path, retries=0, most=most)
        assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_told_and_nothing_is_kept(server, tmp_path, monkeypatch):
    def full(self, url, output_file, pooch, check_only=False):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", full)
    with pytest.raises(OSError, match=r"no space left to download data\.bin") as caught:
        get(server, tmp_path, "good")
    assert caught.value.filename == str(tmp_path)
    assert list(tmp_path.iterdir()) == []
