"""The transport over aiohttp against httpx's own: the same bytes, errors and time-outs."""

from __future__ import annotations

import asyncio
import gzip
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx
import pytest
from nafgen.runtime import upstream
from nafgen.runtime.aiohttp_transport import AiohttpTransport
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.direct_client import DirectClient
from nafgen.runtime.httpx2_transport import Httpx2Transport
from nafgen.runtime.settings import SettingsError
from nafgen.runtime.upstream import AsyncClient
from runtime_support import SOON

LIMITS = httpx.Limits(max_connections=2, max_keepalive_connections=2)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Make = Callable[[], httpx.AsyncBaseTransport]


def plain() -> httpx.AsyncBaseTransport:
    return httpx.AsyncHTTPTransport(limits=LIMITS)


def over_aiohttp() -> httpx.AsyncBaseTransport:
    return AiohttpTransport(LIMITS)


def over_httpx2() -> httpx.AsyncBaseTransport:
    return Httpx2Transport(LIMITS)


@pytest.fixture(params=[plain, over_aiohttp, over_httpx2])
def make(request: pytest.FixtureRequest) -> Make:
    chosen: Make = request.param
    return chosen


@asynccontextmanager
async def listening(serve: Serve) -> AsyncIterator[int]:
    """A server of raw bytes; yields its port."""
    tasks: set[asyncio.Task[Any]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)


async def read(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The head and the body of a request, as they came."""
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(
        line.lower().split(b": ", 1)
        for line in head.split(b"\r\n")[1:-2]
        if b": " in line
    )
    body = b""
    if fields.get(b"transfer-encoding") == b"chunked":
        while not body.endswith(b"0\r\n\r\n"):
            body += await reader.read(65536)
    elif length := int(fields.get(b"content-length", b"0")):
        body = await reader.readexactly(length)
    return head, body


def sent(
    transport: Callable[[], httpx.AsyncBaseTransport], **request: Any
) -> list[Any]:
    """The bytes that a request is, twice on one client, without the server's port."""
    received: list[tuple[bytes, bytes]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head, body = await read(reader)
            except asyncio.IncompleteReadError:
                return
            received.append((head.replace(port.encode(), b"PORT"), body))
            cookie = b"Set-Cookie: own=1; Path=/"
            writer.write(EMPTY.replace(b"\r\n\r\n", b"\r\n%s\r\n\r\n" % cookie))

    port = ""

    async def run() -> None:
        nonlocal port
        async with listening(serve) as number:
            port = str(number)
            async with transport() as opened:
                for _ in range(2):
                    await answered(opened, f"http://127.0.0.1:{port}", **request)

    asyncio.run(run())
    assert len(received) == 2
    return received


async def answered(
    transport: httpx.AsyncBaseTransport,
    base: str,
    method: str = "GET",
    target: str = "/",
    content: Any = None,
    timeout: httpx.Timeout | None = None,
    **options: Any,
) -> httpx.Response:
    """The whole answer to one request."""
    http = httpx.AsyncClient()  # which makes its requests
    given = content() if callable(content) else content
    request = http.build_request(
        method, base + target, content=given, timeout=timeout or SOON, **options
    )
    await http.aclose()
    response = await transport.handle_async_request(request)
    try:
        await response.aread()
    finally:
        await response.aclose()
    return response


async def pieces(*chunks: bytes) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


REQUESTS: dict[str, dict[str, Any]] = {
    "escapes": {"target": "/a%2Fb%2fc/%7Ex/%41/%20/%C3%A9/%ff/~"},
    "query": {"target": "/q?a=1+2&b=%2B&c=a%20b&d=%7e&e=;&f=%2f/?&g=[]&h={}"},
    "query-of-flags": {"target": "/q?a&b=&=c&&"},
    "query-that-is-empty": {"target": "/q?"},
    "no-path": {"target": ""},
    "no-path-but-a-query": {"target": "?a=1"},
    "delimiters": {"target": "/!$&'()*+,;=:@/%25/%2525?x=!$'()*,:@/?"},
    "encoded-dots": {"target": "/a/%2e%2e/b/%2E/c"},
    "slashes": {"target": "/a//b//"},
    "not-ascii": {"target": "/ü/€?x=ü€"},
    "headers-twice": {"headers": [("X-A", "1"), ("x-b", "2"), ("X-A", "3")]},
    "headers-in-latin-1": {"headers": [("x-l", b"caf\xe9")]},
    "headers-in-utf-8": {"headers": [("x-l", "café€".encode())]},
    "headers-of-white-space": {"headers": [("x-l", b"a\tb"), ("x-e", b"")]},
    "cookie": {"headers": {"cookie": "a=b; c=d"}},
    "accept-encoding": {"headers": {"accept-encoding": "identity"}},
    **{
        f"{method}{'-body' if body else ''}": {"method": method, "content": body}
        for method in (
            "GET",
            "HEAD",
            "OPTIONS",
            "DELETE",
            "POST",
            "PUT",
            "PATCH",
            "LIST",
        )
        for body in (None, b'{"a":1}')
    },
    "form": {"method": "POST", "data": {"a": "1 2", "b": "ü"}},
    "parts": {
        "method": "POST",
        "files": {"f": ("a.txt", b"hi")},
        "headers": {"content-type": "multipart/form-data; boundary=zz"},
    },
    "empty-body": {"method": "POST", "content": b""},
    "body-of-64-KiB": {"method": "POST", "content": b"x" * 65536},
    "large-body": {"method": "POST", "content": b"x" * 3_000_000},
    "pieces": {"method": "POST", "content": lambda: pieces(b"ab", b"", b"cd")},
    "no-pieces": {"method": "POST", "content": lambda: pieces()},
    "pieces-of-a-length": {
        "method": "POST",
        "content": lambda: pieces(b"ab", b"cd"),
        "headers": {"content-length": "4"},
    },
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_same_bytes_are_sent(name: str) -> None:
    request = REQUESTS[name]
    assert sent(over_aiohttp, **request) == sent(plain, **request)


def received(make: Make, answer: bytes, **request: Any) -> httpx.Response | Exception:
    """What an answer is to a client; the connection is closed behind it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(answer)

    async def run() -> httpx.Response:
        async with listening(serve) as port, make() as transport:
            return await answered(transport, f"http://127.0.0.1:{port}", **request)

    try:
        return asyncio.run(run())
    except httpx.HTTPError as error:
        return error


ANSWERS: dict[str, bytes] = {
    "whole": OK,
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "until-the-end": b"HTTP/1.1 200 OK\r\n\r\nok",
    "old": b"HTTP/1.0 200 OK\r\n\r\nok",
    "headers": b"HTTP/1.1 200 OK\r\nX-A: 1\r\nx-b: \r\nX-A: \xe9\r\nContent-Length: 0\r\n\r\n",
    "reason": b"HTTP/1.1 299 Quite  So\r\nContent-Length: 0\r\n\r\n",
    "no-reason": b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
    "no-content": EMPTY,
    "not-modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
    "early-hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK,
    "redirect": b"HTTP/1.1 302 Found\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
    "long-header": b"HTTP/1.1 200 OK\r\nX: %s\r\nContent-Length: 0\r\n\r\n"
    % (b"x" * 60_000),
    "gzip": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s"
    % (len(gzip.compress(b"ok")), gzip.compress(b"ok")),
    "cut-off": OK[:-1],
    "cut-off-chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok",
    "nothing": b"",
    "half-a-head": b"HTTP/1.1 200 OK\r\nContent-",
    "no-http": b"SSH-2.0-OpenSSH\r\n\r\n",
}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", ANSWERS)
def test_the_same_answers_and_errors_come_back(name: str, method: str) -> None:
    own, reference = (
        received(each, ANSWERS[name], method=method) for each in (over_aiohttp, plain)
    )
    if isinstance(reference, httpx.Response):
        assert isinstance(own, httpx.Response), own
        assert own.status_code == reference.status_code
        assert own.headers.raw == reference.headers.raw
        assert own.content == reference.content
        assert own.reason_phrase == reference.reason_phrase
    else:
        assert type(own) is type(reference), own


def test_a_body_that_should_not_be_there_is_not_read(make: Make) -> None:
    answer = received(make, OK, method="HEAD")
    assert isinstance(answer, httpx.Response)
    assert answer.content == b""
    assert answer.headers["content-length"] == "2"


def test_a_request_is_sent_once(make: Make) -> None:
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        while True:
            await read(reader)
            requests += 1
            if requests > 1:
                return
            writer.write(OK)

    async def run() -> None:
        async with listening(serve) as port, make() as transport:
            base = f"http://127.0.0.1:{port}"
            await answered(transport, base)
            with pytest.raises(httpx.RemoteProtocolError):
                await answered(transport, base)

    asyncio.run(run())
    assert requests == 2


def test_an_upstream_that_is_not_there(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]

    async def run(base: str) -> None:
        async with make() as transport:
            with pytest.raises(httpx.ConnectError):
                await answered(transport, base)

    asyncio.run(run(f"http://127.0.0.1:{port}"))
    asyncio.run(run("http://nowhere.invalid"))
    asyncio.run(run(f"https://127.0.0.1:{port}"))


def test_an_upstream_without_tls(make: Make) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"plain text\r\n\r\n")

    async def run() -> None:
        async with listening(serve) as port, make() as transport:
            with pytest.raises(httpx.ConnectError):
                await answered(transport, f"https://127.0.0.1:{port}")

    asyncio.run(run())


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read nothing, answer nothing."""
    await asyncio.sleep(60)


async def stuck(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read a request, answer the half of it."""
    await read(reader)
    writer.write(OK[:-1])
    await asyncio.sleep(60)


@pytest.mark.parametrize("serve", [silent, stuck])
def test_an_upstream_that_does_not_answer_in_time(make: Make, serve: Serve) -> None:
    async def run() -> None:
        async with listening(serve) as port, make() as transport:
            with pytest.raises(httpx.ReadTimeout):
                await answered(
                    transport,
                    f"http://127.0.0.1:{port}",
                    timeout=httpx.Timeout(SOON, read=0.05),
                )

    asyncio.run(run())


@pytest.mark.parametrize("in_pieces", [True, False])
def test_an_upstream_that_does_not_read_in_time(make: Make, in_pieces: bool) -> None:
    body = b"x" * 30_000_000

    async def run() -> None:
        async with listening(silent) as port, make() as transport:
            with pytest.raises(httpx.WriteTimeout):
                await answered(
                    transport,
                    f"http://127.0.0.1:{port}",
                    method="POST",
                    content=(lambda: pieces(body)) if in_pieces else body,
                    timeout=httpx.Timeout(SOON, write=0.2),
                )

    asyncio.run(run())


def test_no_connection_is_free_in_time(make: Make) -> None:
    async def run() -> None:
        async with listening(silent) as port, make() as transport:
            base = f"http://127.0.0.1:{port}"
            tasks = [asyncio.create_task(answered(transport, base)) for _ in range(2)]
            await asyncio.sleep(0.05)
            with pytest.raises(httpx.PoolTimeout):
                await answered(transport, base, timeout=httpx.Timeout(SOON, pool=0.05))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(run())


def test_what_a_body_raises_comes_back(make: Make) -> None:
    class BrokenError(Exception):
        pass

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise BrokenError

    async def run() -> None:
        async with listening(silent) as port, make() as transport:
            base = f"http://127.0.0.1:{port}"
            with pytest.raises(BrokenError):
                await answered(transport, base, method="POST", content=broken)

    asyncio.run(run())


@pytest.mark.parametrize("is_answering", [True, False])
def test_who_leaves_is_known_to_the_upstream(make: Make, is_answering: bool) -> None:
    async def run() -> None:
        gone, started = asyncio.Event(), asyncio.Event()

        async def serve(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await read(reader)
            if is_answering:
                writer.write(OK[:-1])
            started.set()
            assert await reader.read() == b""
            gone.set()

        async with listening(serve) as port, make() as transport:
            task = asyncio.create_task(answered(transport, f"http://127.0.0.1:{port}"))
            await started.wait()
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.wait_for(gone.wait(), SOON)
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(run())


def test_connections_are_kept_and_bounded(make: Make) -> None:
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        while True:
            try:
                await read(reader)
            except asyncio.IncompleteReadError:
                return
            await asyncio.sleep(0.005)
            writer.write(OK)

    async def run() -> None:
        async with listening(serve) as port, make() as transport:
            base = f"http://127.0.0.1:{port}"
            for _ in range(3):
                await asyncio.gather(*(answered(transport, base) for _ in range(8)))

    asyncio.run(run())
    assert connections == 2


def test_a_client_outlives_an_event_loop() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))

    transport = AiohttpTransport(LIMITS)

    async def run(is_last: bool) -> None:
        async with listening(serve) as port:
            answer = await answered(transport, f"http://127.0.0.1:{port}")
            assert answer.content == b"ok"
            if is_last:
                await transport.aclose()

    asyncio.run(run(False))
    asyncio.run(run(True))


@pytest.mark.parametrize(
    ("environment", "transport"),
    [
        ({}, AiohttpTransport),
        ({"HTTP_CLIENT": ""}, AiohttpTransport),
        ({"HTTP_CLIENT": "aiohttp"}, AiohttpTransport),
        ({"HTTP_CLIENT": "httpx"}, httpx.AsyncHTTPTransport),
        ({"HTTP_CLIENT": "httpx2"}, Httpx2Transport),
        ({"HTTPS_PROXY": "http://proxy.test"}, httpx.AsyncHTTPTransport),
        ({"all_proxy": "http://proxy.test"}, httpx.AsyncHTTPTransport),
        (
            {"HTTP_CLIENT": "httpx2", "ALL_PROXY": "http://proxy.test"},
            httpx.AsyncHTTPTransport,
        ),
        ({"NO_PROXY": "api.test"}, AiohttpTransport),
    ],
)
def test_which_transport_a_client_has(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], transport: type
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    client = AsyncClient(Connection("https://api.test"), None)
    assert type(client._http._transport) is transport
    is_fast = transport is not httpx.AsyncHTTPTransport
    assert isinstance(client._http, DirectClient) is is_fast
    asyncio.run(client.aclose())


def test_libraries_that_cannot_send_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_CLIENT", "curl")
    with pytest.raises(SettingsError, match="one of aiohttp, httpx, httpx2"):
        AsyncClient(Connection("https://api.test"), None)
    monkeypatch.setenv("HTTP_CLIENT", "httpx2")
    monkeypatch.setattr(upstream, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match="httpx2, which is not installed"):
        AsyncClient(Connection("https://api.test"), None)


def test_without_aiohttp_there_is_httpx() -> None:
    code = """
import sys
from nafgen.runtime import upstream
upstream.find_spec = lambda name: None
client = upstream.AsyncClient(upstream.Connection("https://api.test"), None)
assert "aiohttp" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def recorded(client: httpx.AsyncClient, **given: Any) -> list[Any]:
    """The requests that reach a transport, and their answers, of two calls."""

    async def run() -> list[httpx.Response]:
        api = AsyncClient(Connection("https://api.test", **given), client)
        call = Call(
            "PUT", "/a%2Fb", {"q": "ü"}, {"X-A": "1"}, {"c": "d"}, json={"a": 1}
        )
        answers = [await api.send(call), await api.send(call, stream=True)]
        assert await answers[1].aread() == b"ok"
        await client.aclose()
        with pytest.raises(RuntimeError):
            await api.send(call)
        return answers

    return [
        (
            str(one.request.url),
            one.request.headers.raw,
            one.request.extensions,
            one.content,
        )
        for one in asyncio.run(run())
    ]


def test_a_direct_client_makes_the_requests_of_a_client(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "httpx")
    sent = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal sent
        sent += 1
        cookie = {"set-cookie": "own=1; Path=/"}
        return httpx.Response(302, headers={"location": "/b", **cookie}, content=b"ok")

    transport = httpx.MockTransport(answer)
    timeout = httpx.Timeout(3, connect=1)
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    direct = recorded(DirectClient(transport, timeout=timeout))
    lines = [record.getMessage() for record in caplog.records]
    caplog.clear()
    client = httpx.AsyncClient(transport=transport, timeout=timeout, cookies=no_cookies)
    assert direct == recorded(client)
    assert sent == 4
    assert lines == [record.getMessage() for record in caplog.records]


def test_a_direct_client_negotiates() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        status = 200 if "authorization" in request.headers else 401
        challenge = {"www-authenticate": 'Digest realm="r", nonce="n", qop="auth"'}
        return httpx.Response(status, headers=challenge, content=b"ok")

    client = DirectClient(httpx.MockTransport(answer))
    assert recorded(client, auth=httpx.DigestAuth("u", "p"))[0][3] == b"ok"
