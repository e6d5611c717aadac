"""Real servers on loopback ports: an upstream that is scripted, and apps that run."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import uvicorn

SOON = 5.0
"""Seconds after which something that should have happened is missing."""


class Exchange(BaseHTTPRequestHandler):
    """One request to a scripted upstream; writes go out at once."""

    protocol_version = "HTTP/1.1"

    def start(self, status: int = 200, **headers: str) -> None:
        """Begin the answer; names have `_` for `-`."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def answer(self, content: bytes, status: int = 200, **headers: str) -> None:
        """A whole answer."""
        self.start(status, content_length=str(len(content)), **headers)
        self.wfile.write(content)

    def chunk(self, content: bytes) -> None:
        """A part of an answer that began with `transfer_encoding="chunked"`."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def left(self) -> bool:
        """Whether the client closes the connection soon."""
        self.connection.settimeout(SOON)
        try:
            return not self.connection.recv(1)
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        finally:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Log nothing."""


@contextmanager
def upstream(script: Callable[[Exchange], None]) -> Iterator[str]:
    """A server that answers each request with `script`; yields its base URL."""

    def run(exchange: Exchange) -> None:
        script(exchange)

    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    handler = type("Handler", (Exchange,), {f"do_{name}": run for name in methods})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """An app on a real uvicorn; yields its base URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, log_config=None, ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it does not become true soon.
    """
    end = time.monotonic() + SOON
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.005)
