"""Serve the built book to this machine: compressed, with the right types, on a port that is free.

    python tools/serve.py [FOLDER] [--port 8000]

Standard library only. Listens on the loopback address, so no other machine can reach it, and answers to that address's
names alone, so no page of another site can. Only files of the folder are sent: no link out of it, and no list of it.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import functools
import gzip
import io
import os
import re
import sys
import urllib.parse
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

HOST = "127.0.0.1"
OURS = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
COMPRESSED = (
    "text/",
    "application/javascript",
    "application/json",
    "application/wasm",
    "image/svg+xml",
    "application/onnx",
)


@functools.lru_cache(maxsize=256)
def _zipped(path: str, _changed: int) -> bytes:
    """A file, compressed once for each time it changes."""
    return gzip.compress(Path(path).read_bytes(), compresslevel=6, mtime=0)


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding names gzip, with a weight that is not 0."""
    for part in header.lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name in ("gzip", "x-gzip", "*"):
            return not re.fullmatch(r"0(\.0*)?", weight)
    return False


class Handler(SimpleHTTPRequestHandler):
    """Static files as http.server gives them, with compression and the types that browsers insist on."""

    protocol_version = "HTTP/1.1"
    timeout = 60  # seconds that a connection may be idle: each has a thread
    extensions_map = {  # noqa: RUF012
        **SimpleHTTPRequestHandler.extensions_map,
        ".js": "text/javascript; charset=utf-8",
        ".mjs": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".html": "text/html; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".json": "application/json",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".onnx": "application/onnx",
        ".woff2": "font/woff2",
        ".ipynb": "application/json",
        ".webp": "image/webp",
    }

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Headers of the answer and the body to send; compressed when both sides know how."""
        if not OURS.fullmatch(self.headers.get("Host", "")):
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "This server is for its own machine")
            return None
        if "\0" in urllib.parse.unquote(self.path):
            self.send_error(HTTPStatus.BAD_REQUEST, "No path has a zero byte")
            return None
        path = self.translate_path(self.path)
        if os.path.isdir(path) and self.path.split("?")[0].split("#")[0].endswith("/"):
            path = os.path.join(path, "index.html")
        if not self._may_be_sent(path):
            self.send_error(HTTPStatus.NOT_FOUND, "File not found")
            return None
        kind = self.guess_type(path)
        zips = accepts_gzip(self.headers.get("Accept-Encoding", "")) and kind.startswith(COMPRESSED)
        if not zips or not os.path.isfile(path):
            return super().send_head()
        body = _zipped(path, os.stat(path).st_mtime_ns)
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Vary", "Accept-Encoding")
        self.end_headers()
        return io.BytesIO(body)

    def _may_be_sent(self, path: str) -> bool:
        """A file of the folder, or a folder in it, wherever links lead."""
        inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.directory))
        return inside and (os.path.isfile(path) or os.path.isdir(path))

    def list_directory(self, path: str | os.PathLike[str]) -> None:
        """No folder is listed."""
        self.send_error(HTTPStatus.NOT_FOUND, "File not found")

    def end_headers(self) -> None:
        """Nothing is kept by the browser, so that a rebuilt page shows."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing about requests that went well."""
        if args and str(args[1] if len(args) > 1 else "").startswith(("4", "5")):
            super().log_message(format, *args)


class Server(ThreadingHTTPServer):
    """A server that takes no port which another program holds, and forgives a reader who leaves."""

    allow_reuse_address = os.name != "nt"
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A closed connection is no news."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def start(folder: Path, port: int = 8000) -> Server:
    """A server on the port, or on the next free one; port 0 takes any."""
    handler = functools.partial(Handler, directory=str(folder))
    for candidate in [port, *range(port + 1, port + 20), 0] if port else [0]:
        try:
            return Server((HOST, candidate), handler)
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise
    raise OSError(errno.EADDRINUSE, "no free port")


def main() -> None:
    """Read the command line and serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=Path("_build/html"))
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    if not (options.folder / "index.html").is_file():
        sys.exit(f"{options.folder} holds no built book: run `make book` first")
    server = start(options.folder, options.port)
    print(f"The book is at http://{HOST}:{server.server_address[1]}/  (Ctrl-C ends)", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()
    server.server_close()


if __name__ == "__main__":
    main()
