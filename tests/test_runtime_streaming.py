"""Relayed answers over real sockets: as they arrive, and until someone leaves."""

from __future__ import annotations

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI, Response
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.rest import OPTIONS, STREAMED, add_health, closing, relay
from nafgen.runtime.upstream import AsyncClient
from runtime_support import SOON, Exchange, serving, upstream
from starlette.requests import ClientDisconnect
from starlette.types import Message


def made(base_url: str, timeout: float) -> FastAPI:
    api = AsyncClient(Connection(base_url, retries=0, timeout=timeout), None)
    app = FastAPI(lifespan=closing(api), **OPTIONS)

    @app.get("/x")
    async def get() -> Response:
        return await relay(api, Call("GET", "/x"))

    @app.head("/x")
    async def head() -> Response:
        return await relay(api, Call("HEAD", "/x"))

    @app.get("/mapped")
    async def mapped() -> Response:
        return await relay(api, Call("GET", "/x"), lambda value: value)

    @app.get("/head-by-get")
    async def head_by_get() -> Response:
        return await relay(api, Call("HEAD", "/x"))

    add_health(app)
    return app


@contextmanager
def relaying(script: Callable[[Exchange], None], timeout: float = 60) -> Iterator[str]:
    """The app over a scripted upstream."""
    with upstream(script) as base_url, serving(made(base_url, timeout)) as app:
        yield app


class Script:
    """An upstream; `go` lets it proceed, `gone` says that its client went away."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.gone = threading.Event()

    def events(self, exchange: Exchange) -> None:
        exchange.start(content_type="text/event-stream", transfer_encoding="chunked")
        exchange.chunk(b"data: 1\n\n")
        assert self.go.wait(SOON)
        exchange.chunk(b"data: 2\n\n")
        exchange.chunk(b"")

    def large(self, exchange: Exchange) -> None:
        exchange.start(content_length=str(STREAMED))
        exchange.wfile.write(b"a")
        assert self.go.wait(SOON)
        exchange.wfile.write(b"b" * (STREAMED - 1))

    def endless(self, exchange: Exchange) -> None:
        exchange.start(transfer_encoding="chunked")
        exchange.chunk(b"1")
        if exchange.left():
            self.gone.set()

    def silent(self, exchange: Exchange) -> None:
        if exchange.left():
            self.gone.set()

    def torrent(self, exchange: Exchange) -> None:
        exchange.start(transfer_encoding="chunked")
        try:
            while True:
                exchange.chunk(b"x" * 100_000)
        except OSError:
            self.gone.set()
            exchange.close_connection = True


@pytest.mark.parametrize("name", ["events", "large"])
def test_the_first_chunk_arrives_before_the_last_is_sent(name: str) -> None:
    script = Script()
    with (
        relaying(getattr(script, name)) as app,
        httpx.stream("GET", f"{app}/x", timeout=SOON) as answer,
    ):
        chunks = answer.iter_raw()
        assert next(chunks) in (b"data: 1\n\n", b"a")
        script.go.set()
        assert len(b"".join(chunks)) in (9, STREAMED - 1)


@pytest.mark.parametrize("name", ["endless", "torrent"])
def test_the_upstream_is_left_when_the_client_leaves(name: str) -> None:
    script = Script()
    with relaying(getattr(script, name)) as app:
        with httpx.stream("GET", f"{app}/x", timeout=SOON) as answer:
            assert next(answer.iter_raw()).startswith((b"1", b"x"))
        assert script.gone.wait(SOON)


@pytest.mark.parametrize("path", ["/x", "/mapped"])
def test_the_upstream_is_left_when_the_client_leaves_before_it_answers(
    path: str,
) -> None:
    script = Script()
    with relaying(script.silent) as app:
        with pytest.raises(httpx.ReadTimeout):
            httpx.get(f"{app}{path}", timeout=0.2)
        assert script.gone.wait(SOON)


class Body(httpx.AsyncByteStream):
    """An upstream's answer that knows whether it was closed."""

    closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield b"x"

    async def aclose(self) -> None:
        self.closed = True


def test_the_upstream_is_left_when_an_answer_cannot_be_sent() -> None:
    body = Body()

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=body)

    async def receive() -> Message:
        raise AssertionError

    async def send(message: Message) -> None:
        raise OSError("gone")

    async def run() -> None:
        transport = httpx.MockTransport(answer)
        async with httpx.AsyncClient(transport=transport) as http:
            api = AsyncClient(Connection("https://api.test"), http)
            response = await relay(api, Call("GET", "/x"))
            assert not body.closed
            scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
            with pytest.raises(ClientDisconnect):
                await response(scope, receive, send)
            assert body.closed

    asyncio.run(run())


def test_an_answer_that_breaks_off_is_not_taken_for_whole() -> None:
    def script(exchange: Exchange) -> None:
        exchange.start(transfer_encoding="chunked")
        exchange.chunk(b"1")
        exchange.close_connection = True

    with relaying(script) as app, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{app}/x", timeout=SOON)


def test_a_short_answer_that_breaks_off_is_a_502() -> None:
    def script(exchange: Exchange) -> None:
        exchange.start(content_length="10")
        exchange.wfile.write(b"1")
        exchange.close_connection = True

    with relaying(script) as app:
        assert httpx.get(f"{app}/x", timeout=SOON).status_code == 502


def test_an_upstream_that_is_too_slow_is_a_504() -> None:
    script = Script()
    with relaying(script.silent, timeout=0.05) as app:
        assert httpx.get(f"{app}/x", timeout=SOON).status_code == 504
        assert script.gone.wait(SOON)


@contextmanager
def relayed(
    script: Callable[[Exchange], None], path: str, method: str
) -> Iterator[httpx.Response]:
    """One relayed answer; its connection must still serve a second request."""
    with relaying(script) as app, httpx.Client(base_url=app, timeout=SOON) as http:
        yield http.request(method, path)
        assert http.get("/-/health").json() == {"status": "UP"}


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_answers_without_a_body(status: int, method: str) -> None:
    with relayed(lambda e: e.start(status, etag='"1"'), "/x", method) as answer:
        assert (answer.status_code, answer.content) == (status, b"")
        assert answer.headers["etag"] == '"1"'
        assert "transfer-encoding" not in answer.headers


@pytest.mark.parametrize(("method", "path"), [("HEAD", "/x"), ("GET", "/head-by-get")])
def test_head(method: str, path: str) -> None:
    def script(exchange: Exchange) -> None:
        assert exchange.command == "HEAD"
        exchange.start(content_type="text/csv", content_length="1234")

    with relayed(script, path, method) as answer:
        assert (answer.status_code, answer.content) == (200, b"")
        assert answer.headers["content-type"] == "text/csv"
        assert answer.headers.get("content-length") is None


def test_an_encoded_answer_is_decoded_once() -> None:
    content = gzip.compress(b"x" * 10_000_000)

    def script(exchange: Exchange) -> None:
        assert "gzip" in exchange.headers["accept-encoding"]
        exchange.answer(content, content_encoding="gzip", content_type="text/plain")

    with relayed(script, "/x", "GET") as answer:
        assert answer.content == b"x" * 10_000_000
        assert "content-encoding" not in answer.headers


def test_an_encoding_that_is_broken() -> None:
    def script(exchange: Exchange) -> None:
        exchange.answer(b"no gzip", content_encoding="gzip")

    with relaying(script) as app, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{app}/x", timeout=SOON)
