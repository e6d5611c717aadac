"""HEAD, OPTIONS and CORS of a REST app, whatever its routes are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import run

import httpx
import pytest
from compile_support import checked, compile_text, write_to
from e2e_support import environment
from fastapi import FastAPI, Response
from nafgen.runtime.calls import Call, Connection
from nafgen.runtime.forward import add_forward
from nafgen.runtime.inbound import Bearer, add_guard
from nafgen.runtime.methods import cors
from nafgen.runtime.rest import OPTIONS, RELAYED_WITH_BODY, add_health, closing, relay
from nafgen.runtime.settings import Environment, SettingsError
from nafgen.runtime.upstream import AsyncClient
from runtime_support import SOON, Exchange, serving, upstream


def made(base_url: str) -> FastAPI:
    api = AsyncClient(Connection(base_url, retries=0), None)
    app = FastAPI(lifespan=closing(api), **OPTIONS)

    @app.get("/x")
    async def get() -> Response:
        return await relay(api, Call("GET", "/x"))

    @app.get("/mapped")
    async def mapped() -> Response:
        return await relay(api, Call("GET", "/x"), lambda value: {"made": value})

    @app.post("/x")
    async def post() -> Response:
        return await relay(api, Call("POST", "/x"))

    @app.delete("/x/{y}")
    async def delete(y: str) -> Response:
        return await relay(api, Call("DELETE", "/x"))

    @app.head("/declared")
    async def head() -> Response:
        return await relay(api, Call("HEAD", "/declared"))

    @app.get("/declared")
    async def get_declared() -> Response:
        return await relay(api, Call("GET", "/declared"))

    @app.options("/declared")
    async def options() -> Response:
        return await relay(api, Call("OPTIONS", "/declared"))

    @app.get("/files/{name}")
    async def file(name: str) -> Response:
        return await relay(api, Call("GET", "/f", {"n": name}))

    @app.get("/files/{name}-{version}/of")
    async def of(name: str, version: str) -> Response:
        return await relay(api, Call("GET", "/f", {"n": name, "v": version}))

    @app.get("/bug")
    async def bug() -> Response:
        raise KeyError("s3cr3t")

    @app.get("/below/op")
    async def below() -> Response:
        return await relay(api, Call("GET", "/op"))

    add_health(app)
    add_forward(app, "/below/{path:path}", api)
    return app


class Api:
    """An upstream that says which methods it got."""

    def __init__(self, script: Callable[[Exchange], None] | None = None) -> None:
        self.lines: list[str] = []
        self.script = script or (
            lambda e: e.answer(b'{"a": 1}', content_type="application/json", etag="1")
        )

    def __call__(self, exchange: Exchange) -> None:
        self.lines.append(f"{exchange.command} {exchange.path}")
        if exchange.command == "HEAD":
            exchange.start(content_type="a/b")
        else:
            self.script(exchange)


@contextmanager
def running(api: Api) -> Iterator[httpx.Client]:
    with (
        upstream(api) as url,
        serving(made(url)) as app,
        httpx.Client(base_url=app, timeout=SOON) as caller,
    ):
        yield caller


@pytest.mark.parametrize("path", ["/x", "/mapped", "/-/health", "/openapi.json"])
def test_head_is_get_without_a_body(path: str) -> None:
    api = Api()
    with running(api) as caller:
        got, head = caller.get(path), caller.head(path)
    got.headers.pop("date")
    head.headers.pop("date")
    assert (head.status_code, head.headers) == (got.status_code, got.headers)
    assert head.content == b""
    assert set(api.lines) <= {"GET /x"}


def test_a_head_that_is_declared_is_sent() -> None:
    api = Api()
    with running(api) as caller:
        assert caller.head("/declared").headers["content-type"] == "a/b"
        assert caller.options("/declared").json() == {"a": 1}
        caller.get("/declared")
    assert api.lines == ["HEAD /declared", "OPTIONS /declared", "GET /declared"]


def test_head_is_never_a_write() -> None:
    api = Api()
    with running(api) as caller:
        answer = caller.head("/x/1")
    assert (answer.status_code, api.lines) == (405, [])
    assert answer.headers["allow"] == "DELETE, OPTIONS"


def test_head_does_not_wait_for_a_body_that_never_ends() -> None:
    def endless(exchange: Exchange) -> None:
        exchange.start(transfer_encoding="chunked", content_type="text/event-stream")
        exchange.chunk(b"data: 1")
        exchange.left()

    with running(Api(endless)) as caller:
        for _ in "ab":  # the connection still serves a second one
            answer = caller.head("/x")
            assert (answer.status_code, answer.content) == (200, b"")
            assert answer.headers["content-type"] == "text/event-stream"


def test_head_of_what_fails() -> None:
    with serving(made("http://127.0.0.1:1")) as app:
        answer = httpx.head(f"{app}/x")
        assert answer.status_code == 502
        assert answer.headers["content-type"] == "application/problem+json"
        assert httpx.head(f"{app}/nothing").status_code == 404


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/x", "GET, HEAD, OPTIONS, POST"),
        ("/x/1", "DELETE, OPTIONS"),
        ("/-/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_options(path: str, allow: str) -> None:
    api = Api()
    with running(api) as caller:
        answer = caller.options(path)
    assert (answer.status_code, answer.content, api.lines) == (204, b"", [])
    assert answer.headers["allow"] == allow


def test_options_of_nothing_is_404() -> None:
    with running(Api()) as caller:
        assert caller.options("/nothing").status_code == 404


def test_operations_go_before_forwards() -> None:
    api = Api()
    with running(api) as caller:
        caller.head("/below/op")
        caller.head("/below/other")
        caller.options("/below/other")
    assert api.lines == ["GET /op", "HEAD /other", "OPTIONS /other"]


# --- CORS -----------------------------------------------------------------------------


def ask(path: str, method: str = "GET", **headers: str) -> httpx.Response:
    """A request to the app, whose upstream is not there."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def run() -> httpx.Response:
        app = made("http://127.0.0.1:1")
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport) as caller:
            return await caller.request(method, f"http://a.test{path}", headers=named)

    return asyncio.run(run())


def test_browsers_are_refused_by_default() -> None:
    answer = ask("/x", origin="https://app.test")
    assert not [name for name in answer.headers if name.startswith("access-control")]
    preflight = ask(
        "/x", "OPTIONS", origin="https://a.test", access_control_request_method="POST"
    )
    assert preflight.status_code == 204
    assert not [name for name in preflight.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/x", "/nothing", "/bug", "/x/1", "/-/health"])
def test_problems_have_the_headers_too(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://app.test, https://Other.test:8443")
    for origin in ("https://app.test", "https://other.test:8443"):
        answer = ask(path, origin=origin)
        assert answer.headers["access-control-allow-origin"] == origin
        assert answer.headers["access-control-allow-credentials"] == "true"
        assert "request-id" in answer.headers["access-control-expose-headers"]
        assert "origin" in answer.headers["vary"].lower()
    answer = ask(path, origin="https://evil.test")
    assert "access-control-allow-origin" not in answer.headers


def test_a_star_never_allows_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "*,https://app.test")
    answer = ask("/x", origin="https://app.test")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_preflights_are_answered_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://app.test")
    headers = {
        "access_control_request_method": "DELETE",
        "access_control_request_headers": "x-key, authorization",
    }
    answer = ask("/x/1", "OPTIONS", origin="https://app.test", **headers)
    assert answer.status_code == 200
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "x-key, authorization"
    assert (
        ask("/x/1", "OPTIONS", origin="https://evil.test", **headers).status_code == 400
    )


def test_browsers_need_no_credentials_to_ask_what_they_may(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", "https://app.test")

    def guarded(base_url: str) -> FastAPI:
        app = made(base_url)
        add_guard(app, Bearer(Environment("WEB"), "web", "a-token"))
        return app

    origin = {"origin": "https://app.test"}
    asking = {**origin, "access-control-request-method": "POST"}
    with serving(guarded("http://127.0.0.1:1")) as app:
        assert httpx.options(f"{app}/x", headers=asking).status_code == 200
        for refused in (
            httpx.get(f"{app}/x", headers=origin),
            httpx.options(f"{app}/x", headers=origin),
            httpx.head(f"{app}/below/x", headers=origin),
        ):
            assert refused.status_code == 401
            assert refused.headers["access-control-allow-origin"] == "https://app.test"


@pytest.mark.parametrize(
    "written", ["app.test", "https://app.test/", "null", "https://*.test", "file://x"]
)
def test_what_is_no_origin_is_refused(
    written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CORS_ORIGINS", written)
    with pytest.raises(SettingsError, match="CORS_ORIGINS"):
        cors(made("http://a.test"), RELAYED_WITH_BODY)


SPEC = """\
naftiko: 1.0.0-alpha2
capability:
  consumes: [{type: http, namespace: a, baseUri: https://a.test}]
  exposes:
  - {type: rest, namespace: web, port: 8080, resources: [{path: /, forward: {targetNamespace: a}}]}
"""


def test_a_service_that_cannot_start_says_why(tmp_path: Path) -> None:
    package = write_to(checked(compile_text(SPEC)), tmp_path)
    assert "`CORS_ORIGINS`" in (package / "README.md").read_text()
    env = environment(PYTHONPATH=str(tmp_path), CORS_ORIGINS="app.test")
    done = run(
        [sys.executable, "-m", package.name, "rest", "--port", "0"],
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert (
        done.stderr
        == "spec: CORS_ORIGINS must hold origins as https://app.test, or *\n"
    )


@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/files/a%2Fb", "n=a%2Fb"),
        ("/files/a%2fb%2F%2F%20%C3%BC", "n=a%2Fb%2F%2F%20%C3%BC"),
        ("/files/%2F", "n=%2F"),
        ("/files/a%252Fb", "n=a%252Fb"),
        ("/files/a%5Cb", "n=a%5Cb"),
        ("/files/%ED%B0%AF%2F", "n=%EF%BF%BD%EF%BF%BD%EF%BF%BD%2F"),
        ("/files/a%2Fb-1%2F2/of", "n=a%2Fb&v=1%2F2"),
    ],
)
def test_an_encoded_slash_stays_in_its_segment(path: str, sent: str) -> None:
    api = Api()
    with running(api) as caller:
        assert caller.get(path).status_code == 200
        assert caller.options(path).headers["allow"] == "GET, HEAD, OPTIONS"
        assert caller.post(path).status_code == 405
        caller.get("/files/plain")
    assert api.lines == [f"GET /f?{sent}", "GET /f?n=plain"]


def test_an_encoded_slash_that_is_in_no_variable_is_a_slash() -> None:
    api = Api()
    with running(api) as caller:
        assert caller.get("/files%2Fa").status_code == 200
        assert caller.get("/-%2Fhealth").json() == {"status": "UP"}
        assert caller.get("/below%2Fop").status_code == 200
        assert caller.get("/files/a/b").status_code == 404
        assert caller.get("/%2Fx").status_code == 404
    assert api.lines == ["GET /f?n=a", "GET /op"]
