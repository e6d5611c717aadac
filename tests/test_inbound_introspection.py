"""Access tokens of callers, about which a real authorization server is asked."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from compile_support import checked, compile_text, files_of
from fastapi import FastAPI
from inbound_support import ENV, ask, challenge, guarded
from nafgen.runtime import inbound_introspection
from nafgen.runtime.inbound_introspection import IntrospectedTokens
from nafgen.runtime.settings import SettingsError
from package_support import imported
from runtime_support import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

RESOURCE = "https://ships.example/api"
CLIENT = ("web app", "s3cret:%ü")


class Server:
    """An authorization server: what it says of itself, and of tokens it knows."""

    def __init__(self) -> None:
        self.base = ""
        self.works = True
        self.tokens: dict[str, Any] = {}
        self.asked: list[str] = []
        self.said: dict[str, Any] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/introspect", self._introspect, methods=["POST"]),
            ]
        )

    async def _metadata(self, request: Request) -> Response:
        where = {"introspection_endpoint": f"{self.base}/introspect"}
        return JSONResponse({"issuer": self.base, **where, **self.said})

    async def _introspect(self, request: Request) -> Response:
        if not self.works:
            return Response("down", 503)
        _, _, pair = request.headers.get("authorization", "").partition(" ")
        known = "web+app:s3cret%3A%25%C3%BC"  # RFC 6749, 2.3.1
        if base64.b64decode(pair).decode() != known:
            return JSONResponse({"error": "invalid_client"}, 401)
        async with request.form() as form:
            token = str(form["token"])
        self.asked.append(token)
        return JSONResponse(self.tokens.get(token, {"active": False}))

    def active(self, **other: Any) -> dict[str, Any]:
        said = {
            "active": True,
            "iss": self.base,
            "aud": [RESOURCE, "other"],
            "scope": "ships:read ships:write",
            "exp": int(time.time()) + 60,
            **other,
        }
        return {name: value for name, value in said.items() if value is not None}


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serving(made.app) as base:
        made.base = base
        yield made


def made(server: Server, *client: str) -> FastAPI:
    own = client or CLIENT
    return guarded(
        IntrospectedTokens(
            ENV, "web", server.base, RESOURCE, *own, "ships", ["ships:read"]
        )
    )


def call(app: Any, token: str | bytes, url: str = "/things") -> httpx.Response:
    raw = token if isinstance(token, bytes) else token.encode()
    return ask(app, url, headers={"Authorization": b"Bearer " + raw})


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"aud": "ships"},
        {"iss": None},
        {"exp": None},
        {"nbf": time.time() - 1},
        {"scope": None, "scp": ["ships:read"]},
    ],
)
def test_active_tokens(other: dict[str, Any], server: Server) -> None:
    server.tokens["good"] = server.active(**other)
    answer = call(made(server), "good")
    assert answer.status_code == 200, answer.text
    assert "authorization" not in answer.text
    assert server.asked == ["good"]


@pytest.mark.parametrize(
    ("other", "detail"),
    [
        ({"active": False}, "not valid"),
        ({"aud": None}, "another resource"),
        ({"aud": ["x"]}, "another resource"),
        ({"aud": {RESOURCE: 1}}, "another resource"),
        ({"iss": "https://evil.test"}, "another issuer"),
        ({"exp": time.time() - 60}, "expired"),
        ({"exp": "never"}, "not valid"),
        ({"exp": True}, "not valid"),
        ({"nbf": time.time() + 600}, "not valid yet"),
    ],
)
def test_other_tokens(other: dict[str, Any], detail: str, server: Server) -> None:
    server.tokens["bad"] = server.active(**other)
    app = made(server)
    for _ in range(2):
        answer = call(app, "bad")
        assert 'error="invalid_token"' in challenge(answer)
        assert detail in answer.json()["detail"]
    assert server.asked == ["bad", "bad"]  # what is wrong is not remembered


def test_scopes_are_needed(server: Server) -> None:
    server.tokens["poor"] = server.active(scope="ships:write")
    assert 'error="insufficient_scope"' in challenge(call(made(server), "poor"), 403)


def test_tokens_are_needed(server: Server) -> None:
    app = made(server)
    assert "invalid_token" not in challenge(ask(app))
    for token in ("unknown", "x" * 9000, b"\xff", "a&token=good"):
        server.tokens["good"] = server.active()
        challenge(call(app, token))
    assert server.asked == ["unknown", "a&token=good"]


def test_what_is_said_is_kept_for_a_while(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = 0.0
    monkeypatch.setattr(
        inbound_introspection, "monotonic", lambda: time.monotonic() + later
    )
    server.tokens["good"] = server.active()
    app = made(server)
    assert [call(app, "good").status_code for _ in range(3)] == [200] * 3
    assert len(server.asked) == 1
    server.tokens.clear()  # it is revoked
    later = inbound_introspection.KEPT + 1
    challenge(call(app, "good"))
    assert len(server.asked) == 2


def test_nothing_is_kept_beyond_its_end(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.tokens["short"] = server.active(exp=time.time() - 5)  # clocks differ
    app = made(server)
    assert [call(app, "short").status_code for _ in range(2)] == [200, 200]
    assert len(server.asked) == 2
    monkeypatch.setattr(inbound_introspection, "MAX_KEPT", 2)
    for name in "abcab":
        server.tokens[name] = server.active()
        assert call(app, name).status_code == 200
    assert server.asked[2:] == ["a", "b", "c", "a", "b"]


@pytest.mark.parametrize("wrong", ["down", "client", "said", "metadata", "gone"])
def test_a_server_that_does_not_say_lets_nobody_in(
    wrong: str, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.tokens["good"] = server.active()
    client = CLIENT
    match wrong:
        case "down":
            server.works = False
        case "client":
            client = ("web app", "wrong")
        case "said":
            server.tokens["good"] = {"active": "true"}
        case "metadata":
            server.said = {"introspection_endpoint": None}
        case "gone":
            server.said = {"introspection_endpoint": "http://127.0.0.1:9/"}
    answer = call(made(server, *client), "good")
    assert answer.status_code == 503
    assert "good" not in caplog.text and client[1] not in caplog.text
    if wrong == "down":
        server.works = True
        assert call(made(server), "good").status_code == 200


def test_secrets_do_not_travel_unencrypted(server: Server) -> None:
    guard = IntrospectedTokens(ENV, "web", "https://as.test", RESOURCE, *CLIENT)

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.method == "GET"
        said = {
            "issuer": "https://as.test",
            "introspection_endpoint": "http://as.test/",
        }
        return httpx.Response(200, json=said)

    async def where() -> None:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
            await guard._where(http)

    with pytest.raises(ValueError, match="unencrypted"):
        asyncio.run(where())


@pytest.mark.parametrize("client", [("", "x"), ("x", " ")])
def test_blank_credentials(client: tuple[str, str]) -> None:
    with pytest.raises(SettingsError, match="blank"):
        IntrospectedTokens(ENV, "web", "https://as.test", RESOURCE, *client)


SPEC = """\
ikanos: 1.0.0-beta5
capability:
  exposes:
  - type: rest
    namespace: web
    port: 8080
    authentication:
      type: oauth2
      authorizationServerUri: '{{AUTH_SERVER}}'
      resource: https://ships.example/api
      scopes: [ships:read]
      tokenValidation: introspection
    resources:
      ships:
        path: /ships
        operations:
          list:
            method: GET
            outputParameters: [{name: imo, type: string, value: IMO-1}]
binds:
- {namespace: env, keys: {AUTH_SERVER: AUTH_SERVER}}
"""


def test_a_compiled_app(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checked(compile_text(SPEC))
    assert "WEB_INTROSPECTION_CLIENT_SECRET" in files_of(made)["README.md"]
    server.tokens["good"] = server.active()
    settings = {
        "AUTH_SERVER": server.base,
        "WEB_INTROSPECTION_CLIENT_ID": CLIENT[0],
        "WEB_INTROSPECTION_CLIENT_SECRET": CLIENT[1],
    }
    with imported(made, tmp_path, monkeypatch, **settings) as load:
        app = load("app").create_app()
        answers = [call(app, token, "/ships") for token in ("good", "bad")]
    assert [answer.status_code for answer in answers] == [200, 401]
    assert answers[0].json() == {"imo": "IMO-1"}
