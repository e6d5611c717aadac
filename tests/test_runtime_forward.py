"""Forwards over real sockets: what goes up, what comes down, and what never does."""

from __future__ import annotations

import gzip
import http.client
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI
from nafgen.runtime.calls import Connection
from nafgen.runtime.forward import METHODS, add_forward
from nafgen.runtime.rest import MAX_BODY, OPTIONS, add_health, closing
from nafgen.runtime.upstream import AsyncClient
from runtime_support import SOON, Exchange, serving, upstream

OWN = {"authorization": "Bearer of-the-service", "x-version": "2025-09-03"}
QUERY = {"api_key": "k&y"}


def made(connection: Connection) -> FastAPI:
    """An app as it is generated, with an operation beside its forwards."""
    api = AsyncClient(connection, None)
    app = FastAPI(lifespan=closing(api), **OPTIONS)

    @app.get("/api/things")
    async def things() -> str:
        return "an operation"

    add_health(app)
    add_forward(app, "/fixed/{variable_0}", api)
    add_forward(app, "/api/{path:path}", api, "x-trace", "cookie", "authorization")
    add_forward(app, "/{path:path}", api)
    return app


@dataclass
class Api:
    """An upstream that records requests and answers by `script`."""

    script: Callable[[Exchange], None] = lambda e: e.answer(b"ok", x_own="1")
    lines: list[str] = field(default_factory=list)
    headers: list[dict[str, list[str]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __call__(self, exchange: Exchange) -> None:
        self.lines.append(f"{exchange.command} {exchange.path}")
        received = exchange.headers
        self.headers.append({k.lower(): received.get_all(k) or [] for k in received})
        self.bodies.append(body_of(exchange))
        self.script(exchange)


def body_of(exchange: Exchange) -> bytes:
    if exchange.headers.get("transfer-encoding") != "chunked":
        return exchange.rfile.read(int(exchange.headers.get("content-length", "0")))
    chunks = []
    while size := int(exchange.rfile.readline(), 16):
        chunks.append(exchange.rfile.read(size))
        exchange.rfile.readline()
    exchange.rfile.readline()
    return b"".join(chunks)


@contextmanager
def forwarding(api: Callable[[Exchange], None], timeout: float = 60) -> Iterator[str]:
    with upstream(api) as url:
        connection = Connection(
            f"{url}/v1", headers=OWN, query=QUERY, retries=1, timeout=timeout
        )
        with serving(made(connection)) as app:
            yield app


def ask(
    app: str, method: str, path: str, body: bytes | None = None, **headers: str
) -> httpx.Response:
    """A request whose path goes out as it is written here."""
    where = urlsplit(app)
    connection = http.client.HTTPConnection(where.netloc, timeout=SOON)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, body=body, headers=sent)
        answer = connection.getresponse()
        content = answer.read()
        return httpx.Response(
            answer.status, headers=answer.getheaders(), content=content
        )
    finally:
        connection.close()


@pytest.mark.parametrize("method", METHODS)
def test_all_methods_are_passed_on(method: str) -> None:
    api = Api()
    with forwarding(api) as app:
        answer = ask(app, method, "/api/a/b?q=a+b%26&q=&flag", content_type="x/y")
    assert api.lines == [f"{method} /v1/a/b?q=a+b%26&q=&flag&api_key=k%26y"]
    assert answer.status_code == 200
    assert answer.content == (b"" if method == "HEAD" else b"ok")
    assert answer.headers["x-own"] == "1"
    assert answer.headers["content-length"] == "2"


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND"])
def test_no_other_method_is(method: str) -> None:
    api = Api()
    with forwarding(api) as app:
        answer = ask(app, method, "/api/a")
    assert answer.status_code == 405
    assert answer.headers["allow"] == ", ".join(METHODS)
    assert api.lines == []


def test_operations_and_health_go_first() -> None:
    api = Api()
    with forwarding(api) as app:
        assert httpx.get(f"{app}/api/things").json() == "an operation"
        assert httpx.get(f"{app}/-/health").json() == {"status": "UP"}
        assert api.lines == []
        httpx.post(f"{app}/api/things")
        httpx.get(f"{app}/elsewhere")
        httpx.get(f"{app}/fixed/1?x=2")
    assert api.lines == [
        "POST /v1/things?api_key=k%26y",
        "GET /v1/elsewhere?api_key=k%26y",
        "GET /v1?x=2&api_key=k%26y",
    ]


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("a%2Fb%20c", "a%2Fb%20c"),
        ("a//b/", "a//b/"),
        ("", ""),
        ("%C3%BC;v=1@x:y", "%C3%BC;v=1@x:y"),
        ("{NAME}", "%7BNAME%7D"),
        ("%00%0dX:1", "%00%0dX:1"),
        ("...", "..."),
        ("/elsewhere.test/x", "/elsewhere.test/x"),
        ("@elsewhere.test", "@elsewhere.test"),
    ],
)
def test_paths_arrive_as_they_are(given: str, sent: str) -> None:
    api = Api()
    with forwarding(api) as app:
        ask(app, "GET", f"/api/{given}")
    assert api.lines == [f"GET /v1/{sent}?api_key=k%26y"]


@pytest.mark.parametrize(
    "path",
    [
        "..",
        "../admin",
        "a/../../admin",
        "%2e%2E/admin",
        "a%2F..%2F..%2Fadmin",
        "..%5Cadmin",
        "..\\admin",
        "%252e%252e/admin",
        "..;a=1/admin",
        ".",
        "%FF/..",
    ],
)
def test_no_path_climbs(path: str) -> None:
    api = Api()
    with forwarding(api) as app:
        answer = ask(app, "GET", f"/api/{path}")
    assert (answer.status_code, api.lines) == (422, [])
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_the_service_sends_itself_wins() -> None:
    api = Api()
    with forwarding(api) as app:
        path = "/api/a?api_key=theirs&api%5Fkey=theirs&b=1"
        ask(app, "GET", path, Authorization="theirs", X_Version="theirs")
    assert api.lines == ["GET /v1/a?b=1&api_key=k%26y"]
    assert api.headers[0]["authorization"] == ["Bearer of-the-service"]
    assert "x-version" not in {k for k, v in api.headers[0].items() if v == ["theirs"]}
    assert api.headers[0]["x-version"] == ["2025-09-03"]


def test_only_trusted_headers_are_passed_on() -> None:
    api = Api()
    headers = {
        "X-Trace": "t",
        "X-Other": "o",
        "Cookie": "a=1; b=2",
        "Accept": "text/csv",
        "Content-Type": "text/plain; charset=x",
        "Connection": "keep-alive, X-Hop",
        "X-Hop": "h",
        "Keep-Alive": "timeout=5",
        "TE": "trailers",
        "X-Forwarded-For": "1.2.3.4",
        "Proxy-Authorization": "p",
    }
    with forwarding(api) as app:
        httpx.post(f"{app}/api/a", headers=headers, content=b"x")
        httpx.post(f"{app}/a", headers=headers, content=b"x")
    trusting, other = api.headers
    assert trusting["x-trace"] == ["t"]
    assert trusting["cookie"] == ["a=1; b=2"]
    for found in (trusting, other):
        assert found["accept"] == ["text/csv"]
        assert found["content-type"] == ["text/plain; charset=x"]
        assert found["content-length"] == ["1"]
        refused = {"x-other", "x-hop", "te", "keep-alive", "x-forwarded-for"}
        assert not refused & found.keys()
        assert "proxy-authorization" not in found
    assert not {"x-trace", "cookie"} & other.keys()


def test_a_header_that_the_connection_names_is_dropped() -> None:
    api = Api()
    with forwarding(api) as app:
        ask(app, "GET", "/api/a", Connection="close, X-Trace", X_Trace="t")
    assert "x-trace" not in api.headers[0]


def test_bodies_arrive_byte_by_byte() -> None:
    api, body = Api(), bytes(range(256)) * 5000
    with forwarding(api) as app:
        httpx.put(f"{app}/api/a", content=body, headers={"content-encoding": "x"})
        httpx.put(f"{app}/api/a", content=iter([body, b"", body]))
        httpx.post(f"{app}/api/a")
    assert api.bodies == [body, body + body, b""]
    assert api.headers[0]["content-length"] == [str(len(body))]
    assert api.headers[0]["content-encoding"] == ["x"]
    assert api.headers[0]["content-type"] == ["application/octet-stream"]
    assert api.headers[1]["transfer-encoding"] == ["chunked"]
    assert "content-type" not in api.headers[2]


def test_a_body_goes_up_while_it_arrives() -> None:
    begun = threading.Event()

    def script(exchange: Exchange) -> None:
        assert exchange.rfile.readline() == b"3\r\n"
        begun.set()
        assert exchange.rfile.read(5) == b"abc\r\n"
        while exchange.rfile.readline() != b"0\r\n":
            pass
        exchange.rfile.readline()
        exchange.answer(b"ok")

    def body() -> Iterator[bytes]:
        yield b"abc"
        assert begun.wait(SOON)
        yield b"def"

    with forwarding(script) as app:
        answer = httpx.post(f"{app}/api/a", content=body(), timeout=SOON)
    assert answer.content == b"ok"


def test_large_bodies_are_refused() -> None:
    api = Api(lambda e: e.answer(b"ok"))
    with forwarding(api) as app:
        answer = ask(app, "POST", "/api/a", content_length=str(MAX_BODY + 1))
        assert answer.status_code == 413
        assert api.lines == []


def test_large_bodies_in_chunks_are_refused() -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(5):
            yield b" " * (MAX_BODY // 4)

    def script(exchange: Exchange) -> None:
        try:
            body_of(exchange)
        except ValueError:  # it ends in the middle
            exchange.close_connection = True

    with forwarding(script) as app:
        try:
            answer = httpx.post(f"{app}/api/a", content=chunks(), timeout=SOON)
        except httpx.WriteError:
            return  # the server did not wait for all of it
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"


def test_answers_come_down_as_they_arrive_and_end_with_the_client() -> None:
    gone = threading.Event()

    def script(exchange: Exchange) -> None:
        exchange.start(transfer_encoding="chunked", content_type="text/event-stream")
        exchange.chunk(b"data: 1\n\n")
        if exchange.left():
            gone.set()

    with (
        forwarding(script) as app,
        httpx.stream("GET", f"{app}/api/a", timeout=SOON) as answer,
    ):
        assert answer.headers["content-type"] == "text/event-stream"
        assert next(answer.iter_raw()) == b"data: 1\n\n"
        answer.close()
        assert gone.wait(SOON)


@pytest.mark.parametrize("body", [None, b"x" * 100])
def test_the_upstream_is_left_when_the_client_leaves_before_it_answers(
    body: bytes | None,
) -> None:
    gone = threading.Event()

    def script(exchange: Exchange) -> None:
        body_of(exchange)
        if exchange.left():
            gone.set()

    with forwarding(script) as app:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{app}/api/a", content=body, timeout=0.2)
        assert gone.wait(SOON)


def test_the_upstream_is_left_when_the_client_leaves_in_the_middle_of_a_body() -> None:
    gone, begun = threading.Event(), threading.Event()

    def script(exchange: Exchange) -> None:
        assert exchange.rfile.read(3) == b"abc"
        begun.set()
        exchange.rfile.read(1)
        gone.set()
        exchange.close_connection = True

    with forwarding(script) as app:
        where = urlsplit(app)
        caller = http.client.HTTPConnection(where.netloc, timeout=SOON)
        caller.putrequest("POST", "/api/a")
        caller.putheader("content-length", "100")
        caller.endheaders(b"abc")
        assert begun.wait(SOON)
        assert not gone.is_set()
        caller.close()
        assert gone.wait(SOON)


def test_headers_of_answers() -> None:
    def script(exchange: Exchange) -> None:
        exchange.start(
            206,
            content_length="2",
            content_type="x/y",
            content_range="bytes 0-1/9",
            x_total="9",
            x_hop="h",
            connection="keep-alive, X-Hop",
            keep_alive="timeout=5",
            set_cookie="session=of-the-service",
            server="secret/1.0",
            access_control_allow_origin="*",
            strict_transport_security="max-age=1",
        )
        exchange.wfile.write(b"ab")

    with forwarding(script) as app:
        answer = ask(app, "GET", "/api/a")
    assert (answer.status_code, answer.content) == (206, b"ab")
    expected = {
        "content-type": "x/y",
        "content-range": "bytes 0-1/9",
        "content-length": "2",
        "x-total": "9",
    }
    assert expected.items() <= dict(answer.headers).items()
    kept_back = {"x-hop", "keep-alive", "set-cookie", "strict-transport-security"}
    assert not kept_back & answer.headers.keys()
    assert "access-control-allow-origin" not in answer.headers
    assert "secret" not in str(answer.headers)
    assert len(answer.headers.get_list("date")) == 1


def test_an_encoded_answer_is_decoded() -> None:
    content = gzip.compress(b"x" * 1000)
    with forwarding(lambda e: e.answer(content, content_encoding="gzip")) as app:
        answer = ask(app, "GET", "/api/a")
    assert answer.content == b"x" * 1000
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_answers_without_a_body(status: int, method: str) -> None:
    with (
        forwarding(lambda e: e.start(status, etag='"1"')) as app,
        httpx.Client(base_url=app, timeout=SOON) as caller,
    ):
        for _ in "ab":  # the connection still serves a second one
            answer = caller.request(method, "/api/a")
            assert (answer.status_code, answer.content) == (status, b"")
            assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize(
    ("location", "answered"),
    [
        ("{base}/v1/new?a=1", "/api/new?a=1"),
        ("/v1/new", "/api/new"),
        ("new", "/api/a/new"),
        ("/other", "{base}/other"),
        ("/v1", "{base}/v1"),
        ("{base}/v1//elsewhere.test/", "{base}/v1//elsewhere.test/"),
        ("https://elsewhere.test/x", "https://elsewhere.test/x"),
    ],
)
def test_redirects_are_relayed_and_lead_back_here(location: str, answered: str) -> None:
    api = Api()

    def script(exchange: Exchange) -> None:
        base = f"http://{exchange.headers['host']}"
        exchange.answer(b"", 307, location=location.format(base=base), x_base=base)

    api.script = script
    with forwarding(api) as app:
        answer = ask(app, "POST", "/api/a/b", body=b"x")
    assert answer.status_code == 307
    assert answer.headers["location"] == answered.format(base=answer.headers["x-base"])
    assert len(api.lines) == 1


def test_an_upstream_that_is_too_slow_is_a_504() -> None:
    with forwarding(lambda e: e.left() and None, timeout=0.05) as app:
        answer = ask(app, "POST", "/api/a")
    assert answer.status_code == 504
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(("method", "times"), [("GET", 2), ("PUT", 1)])
def test_only_what_has_no_body_is_tried_again(method: str, times: int) -> None:
    api = Api()

    def script(exchange: Exchange) -> None:
        exchange.close_connection = True

    api.script = script
    with forwarding(api) as app:
        body = None if method == "GET" else b"x"
        answer = ask(app, method, "/api/a", body=body)
    assert answer.status_code == 502
    assert len(api.lines) == times


class Twice(httpx.Auth):
    """An authentication that sends each request a second time."""

    def auth_flow(self, request):  # type: ignore[no-untyped-def]
        yield request
        request.headers["x-second"] = "1"
        yield request


def test_an_authentication_may_send_a_body_twice() -> None:
    api = Api()
    with upstream(api) as url:
        connection = Connection(url, auth=Twice(), retries=0)
        with serving(made(connection)) as app:
            answer = httpx.post(f"{app}/api/a", content=iter([b"a", b"b"]))
    assert answer.status_code == 200
    assert api.bodies == [b"ab", b"ab"]
    assert api.headers[1]["x-second"] == ["1"]
