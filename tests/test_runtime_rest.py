"""The REST app: what it relays, and its own errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import Body, FastAPI, Response
from nafgen.runtime.calls import Call, Connection, segment
from nafgen.runtime.rest import MAX_BODY, OPTIONS, add_health, closing, relay
from nafgen.runtime.upstream import AsyncClient

Answer = Callable[[httpx.Request], httpx.Response]
JSON = {"content-type": "application/json"}


def made(answer: Answer) -> FastAPI:
    """An app as it is generated, over an upstream that is a function."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    api = AsyncClient(Connection("https://api.test", retries=0), http)
    app = FastAPI(lifespan=closing(api), **OPTIONS)

    @app.get("/things")
    async def list_things(limit: int | None = None) -> Response:
        return await relay(api, Call("GET", "/things", query={"limit": limit}))

    @app.post("/things")
    async def create_thing(
        body: Annotated[dict[str, Any], Body(description="The thing.")],
    ) -> Response:
        return await relay(api, Call("POST", "/things", json=body))

    @app.delete("/things/{thing_id}")
    async def delete_thing(thing_id: str) -> Response:
        return await relay(api, Call("DELETE", f"/things/{segment(thing_id)}"))

    @app.get("/names")
    async def names() -> Response:
        def into(value: Any) -> Any:
            return {"names": [thing["name"] for thing in value]}

        return await relay(api, Call("GET", "/things"), into)

    add_health(app)
    return app


def ask(app: FastAPI, method: str, path: str, **more: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as http:
            return await http.request(method, f"http://app.test{path}", **more)

    return asyncio.run(run())


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was sent")


def assert_problem(answer: httpx.Response, status: int, detail: str) -> dict[str, Any]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    assert (content["type"], content["status"]) == ("about:blank", status)
    assert content["title"]
    assert detail in content["detail"]
    return content


def test_status_type_and_bytes_are_relayed() -> None:
    body = b'{"b" : 1,  "a": 2}'
    headers: Any = {
        **JSON,
        "etag": '"1"',
        "request-id": "req_1",
        "set-cookie": "session=of-another-user",
        "server": "secret/1.0",
        "content-disposition": b'attachment; filename="\xc3\xbc.json"',
    }

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/things?limit=3"
        return httpx.Response(207, content=body, headers=headers)

    relayed = ask(made(answer), "GET", "/things?limit=3")
    assert (relayed.status_code, relayed.content) == (207, body)
    assert relayed.headers["content-type"] == "application/json"
    assert relayed.headers["etag"] == '"1"'
    assert relayed.headers["request-id"] == "req_1"
    assert b'attachment; filename="\xc3\xbc.json"' in dict(relayed.headers.raw).values()
    assert "set-cookie" not in relayed.headers
    assert "server" not in relayed.headers


@pytest.mark.parametrize("status", [400, 401, 404, 429, 500, 503, 529])
def test_errors_of_the_upstream_are_relayed(status: int) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        headers = {"content-type": "text/plain", "retry-after": "7"}
        return httpx.Response(status, content=b"no", headers=headers)

    for path in ("/things", "/names"):
        relayed = ask(made(answer), "GET", path)
        assert (relayed.status_code, relayed.content) == (status, b"no")
        assert relayed.headers["content-type"] == "text/plain"
        assert relayed.headers["retry-after"] == "7"


@pytest.mark.parametrize("path", ["/things", "/names"])
def test_a_redirect_is_relayed(path: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(302, headers={"location": "https://elsewhere.test/"})

    relayed = ask(made(answer), "GET", path)
    assert relayed.status_code == 302
    assert relayed.headers["location"] == "https://elsewhere.test/"


def test_a_result_is_mapped() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        things = [{"name": "a"}, {"name": "\ud800"}]
        headers = {**JSON, "etag": '"1"', "request-id": "req_1"}
        return httpx.Response(203, content=json.dumps(things), headers=headers)

    relayed = ask(made(answer), "GET", "/names")
    assert relayed.status_code == 203
    assert relayed.content == b'{"names":["a","\\ud800"]}'
    assert relayed.headers["content-type"] == "application/json"
    assert relayed.headers["request-id"] == "req_1"
    assert "etag" not in relayed.headers


@pytest.mark.parametrize(
    ("status", "content", "kind"),
    [(204, b"", None), (200, b"\x00", "image/png"), (200, b"a,b\n", "text/csv")],
)
def test_what_is_no_json_is_not_mapped(
    status: int, content: bytes, kind: str | None
) -> None:
    headers = {"content-type": kind} if kind else {}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, content=content, headers=headers)

    relayed = ask(made(answer), "GET", "/names")
    assert (relayed.status_code, relayed.content) == (status, content)
    assert relayed.headers.get("content-type") == kind


def test_broken_json_cannot_be_mapped() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b'[{"name": NaN}]', headers=JSON)

    assert_problem(ask(made(answer), "GET", "/names"), 502, "broken JSON")
    assert ask(made(answer), "GET", "/things").content == b'[{"name": NaN}]'


def test_a_bug_shows_nothing_of_itself() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b'[{"s3cr3t": 1}]', headers=JSON)

    relayed = ask(made(answer), "GET", "/names")
    assert_problem(relayed, 500, "its log says more")
    for part in ("name", "KeyError", "Traceback", "s3cr3t"):
        assert part not in relayed.text


def test_a_bug_reaches_the_server_which_logs_it() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b"[{}]", headers=JSON)

    async def run() -> None:
        transport = httpx.ASGITransport(made(answer))
        async with httpx.AsyncClient(transport=transport) as http:
            await http.get("http://app.test/names")

    with pytest.raises(KeyError, match="name"):
        asyncio.run(run())


@pytest.mark.parametrize(
    ("error", "status", "detail"),
    [
        (httpx.ReadTimeout, 504, "in time"),
        (httpx.PoolTimeout, 504, "in time"),
        (httpx.ConnectTimeout, 504, "in time"),
        (httpx.ConnectError, 502, "cannot be reached"),
        (httpx.RemoteProtocolError, 502, "cannot be reached"),
        (httpx.DecodingError, 502, "cannot be read"),
    ],
)
@pytest.mark.parametrize("path", ["/things", "/names"])
def test_an_upstream_that_fails(
    path: str, error: type[httpx.RequestError], status: int, detail: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("s3cr3t")

    relayed = ask(made(answer), "GET", path)
    assert_problem(relayed, status, detail)
    assert "s3cr3t" not in relayed.text


def test_nothing_there() -> None:
    assert_problem(ask(made(never), "GET", "/nothing"), 404, "Not Found")
    assert_problem(ask(made(never), "GET", "/things/"), 404, "Not Found")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/things", "GET, HEAD, OPTIONS, POST"),
        ("GET", "/things/1", "DELETE, OPTIONS"),
        ("POST", "/-/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_methods_that_are_not_allowed(method: str, path: str, allow: str) -> None:
    answer = ask(made(never), method, path)
    assert_problem(answer, 405, "Method Not Allowed")
    assert answer.headers["allow"] == allow


def test_input_that_does_not_fit() -> None:
    found = assert_problem(ask(made(never), "GET", "/things?limit=x"), 422, "not fit")
    assert found["errors"][0]["in"] == ["query", "limit"]
    assert "integer" in found["errors"][0]["detail"]
    found = assert_problem(
        ask(made(never), "POST", "/things", json=[1]), 422, "not fit"
    )
    assert found["errors"][0]["in"] == ["body"]


@pytest.mark.parametrize("content", [b'{"a": ', b"\xff"])
def test_a_body_that_is_no_json(content: bytes) -> None:
    answer = ask(made(never), "POST", "/things", content=content, headers=JSON)
    assert_problem(answer, 400, "")


def test_an_argument_that_cannot_be_sent() -> None:
    answer = ask(made(never), "DELETE", "/things/%2E%2E")
    assert_problem(answer, 422, "a path parameter holds")


def test_bodies_that_are_too_large() -> None:
    declared = {**JSON, "content-length": str(MAX_BODY + 1)}
    answer = ask(made(never), "POST", "/things", content=b"{}", headers=declared)
    assert_problem(answer, 413, str(MAX_BODY))

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * (MAX_BODY // 4)

    answer = ask(made(never), "POST", "/things", content=chunks(), headers=JSON)
    assert_problem(answer, 413, str(MAX_BODY))


def test_health() -> None:
    answer = ask(made(never), "GET", "/-/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "UP"})
    assert "/-/health" not in made(never).openapi()["paths"]


def test_health_does_not_shadow_a_route() -> None:
    app = FastAPI(**OPTIONS)

    @app.get("/{a}/{b}")
    async def both(a: str, b: str) -> str:
        return a + b

    add_health(app)
    assert ask(app, "GET", "/-/health").json() == "-health"


def test_errors_are_documented() -> None:
    document = made(never).openapi()
    operation = document["paths"]["/things"]["get"]
    assert operation["operationId"] == "list_things"
    assert {"422", "502", "504"} <= set(operation["responses"])
    for status in ("422", "502", "504"):
        assert list(operation["responses"][status]["content"]) == [
            "application/problem+json"
        ]


def test_the_app_closes_its_clients_even_after_an_error() -> None:
    async def run() -> tuple[bool, bool]:
        clients = [AsyncClient(Connection("https://api.test"), None) for _ in "ab"]
        app = FastAPI()
        with pytest.raises(ZeroDivisionError):
            async with closing(*clients)(app):
                _ = 1 / 0
        closed = [client._http.is_closed for client in clients]
        return closed[0], closed[1]

    assert asyncio.run(run()) == (True, True)
