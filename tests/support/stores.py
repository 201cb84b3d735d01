"""Servers on the loopback: an S3 API, web servers that can and cannot give parts, and servers that fail."""

from __future__ import annotations

import http.server
import logging
import re
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pyarrow.fs import S3FileSystem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BUCKET = "listening"
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "example-secret",
    "AWS_REGION": "eu-north-1",
}


class Objects:
    """A bucket, to be filled."""

    def __init__(self, port: int) -> None:
        """Make the bucket, on a server at that port."""
        self.endpoint = f"http://127.0.0.1:{port}"
        self.variables = {**KEYS, "AWS_ENDPOINT_URL": self.endpoint}
        self.files = S3FileSystem(
            access_key="any", secret_key="any", region="eu-north-1", scheme="http",  # noqa: S106 - moto takes any
            endpoint_override=f"127.0.0.1:{port}", allow_bucket_creation=True,
        )  # fmt: skip
        self.files.create_dir(BUCKET)

    def put(self, key: str, body: bytes) -> str:
        """Store an object; return its address."""
        with self.files.open_output_stream(f"{BUCKET}/{key}", compression=None) as out:
            out.write(body)
        return f"s3://{BUCKET}/{key}"


@contextmanager
def s3_server() -> Iterator[Objects]:
    """Run moto's server."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415 - slow to load

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Objects(server.get_host_and_port()[1])
    finally:
        server.stop()


class Handler(http.server.BaseHTTPRequestHandler):
    """Gives out files from memory, in parts if asked."""

    protocol_version = "HTTP/1.1"
    bodies: Mapping[str, bytes] = {}
    parts = True
    password = ""
    broken = False
    asked: list[tuple[str, str | None]]

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer."""
        wanted = self.headers.get("Range")
        type(self).asked.append((self.path, wanted))
        body = self.bodies.get(self.path)
        if body is None or (self.password and self.headers.get("Authorization") != self.password):
            self.send_response(404 if body is None else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        first, last = 0, len(body) - 1
        if wanted and self.parts:
            low, high = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted).groups()  # type: ignore[union-attr] # so it is asked
            first = int(low) if low else max(0, len(body) - int(high))
            last = min(last, int(high)) if low and high else last
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last}/{len(body)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(last + 1 - first))
        self.send_header("Last-Modified", "Thu, 26 Nov 2026 10:00:00 GMT")
        if not type(self).broken:  # what has a name is asked for again from where it broke
            self.send_header("ETag", f'"{hash(body)}"')
        self.end_headers()
        given = body[first : last + 1]
        self.close_connection = type(self).broken
        self.wfile.write(given[: len(given) // 2] if type(self).broken else given)


@contextmanager
def web_server(bodies: Mapping[str, bytes], *, parts: bool = True, password: str = "") -> Iterator[Any]:
    """Give out files; yields what has `url`, `asked` (paths and ranges) and `kind`, whose `broken` hangs up halfway."""
    kind = type("Giving", (Handler,), {"bodies": bodies, "parts": parts, "password": password, "asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        server.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined] # for the tests
        server.kind = kind  # type: ignore[attr-defined] # the same
        server.asked = kind.asked  # type: ignore[attr-defined] # the same
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def closed_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


HEAD = b'Content-Length: 100000\r\nETag: "x"\r\nLast-Modified: Thu, 26 Nov 2026 10:00:00 GMT\r\nConnection: close\r\n'


def reply(how: str, request: bytes) -> bytes:
    """Answer as a server that fails: with a status, or `cut`, with less than it promised."""
    if how != "cut":
        return f"HTTP/1.1 {how}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
    start = re.search(rb"bytes=0-(\d{1,3})\r", request)
    if start:  # the first bytes are given
        size = int(start[1]) + 1
        head = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-%d/100000\r\n" % (size - 1)
        return head + HEAD.replace(b"100000", str(size).encode()) + b"\r\n" + b"PAR1".ljust(size, b"x")[:size]
    body = b"" if request.startswith(b"HEAD") else b"user,artist\nu1,a\n"
    ranged = b"206 Partial Content\r\nContent-Range: bytes 0-99999/100000" if b"ange: bytes" in request else b"200 OK"
    return b"HTTP/1.1 " + ranged + b"\r\n" + HEAD + b"\r\n" + body


@contextmanager
def failing_server(how: str) -> Iterator[int]:
    """Run a server that is `silent`, or answers as `reply` does."""
    done = threading.Event()

    def answer(peer: socket.socket) -> None:
        with peer:
            request = b""
            while b"\r\n\r\n" not in request:
                if not (some := peer.recv(4096)):
                    return
                request += some
            if how == "silent":
                done.wait()
            else:
                peer.sendall(reply(how, request))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.05)

        def run() -> None:
            while not done.is_set():
                try:
                    peer, _ = listening.accept()
                except TimeoutError:
                    continue
                peer.settimeout(20)
                threading.Thread(target=answer, args=(peer,), daemon=True).start()

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()
