"""Guards of exposed services: who is let in, and what others are told."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from inbound_support import ENV, ask, challenge, guarded
from nafgen import runtime
from nafgen.runtime.health import HEALTH
from nafgen.runtime.inbound import ApiKeys, Basic, Bearer, Guard, add_guard
from nafgen.runtime.rest import OPTIONS, add_health
from nafgen.runtime.settings import (
    Environment,
    MissingSettingsError,
    SettingsError,
    missing_together,
)
from runtime_support import serving
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

TOKEN = "sk-mcp-äß+/="  # noqa: S105
BEARER = Bearer(ENV, "web", TOKEN)
BASIC = Basic(ENV, "web", 'me "q"', "pass:wörd")
HEADER = ApiKeys(ENV, "web", ("header", "X-Key", "Key one"))
QUERY = ApiKeys(ENV, "web", ("query", "api key", "a+b&c=d"))
COOKIE = ApiKeys(ENV, "web", ("cookie", "sid", "a=b c"))
BOTH = ApiKeys(ENV, "web", ("header", "X-Id", "one"), ("query", "key", "two"))


def authorization(text: str) -> dict[str, bytes]:
    return {"Authorization": text.encode()}


def pair(text: str) -> dict[str, bytes]:
    return authorization(f"Basic {base64.b64encode(text.encode()).decode()}")


LET_IN: list[tuple[Guard, dict[str, Any]]] = [
    (BEARER, {"headers": authorization(f"Bearer {TOKEN}")}),
    (BEARER, {"headers": authorization(f"bearer   {TOKEN}  ")}),
    (BASIC, {"auth": httpx.BasicAuth('me "q"', "pass:wörd")}),
    (BASIC, {"headers": pair('me "q":pass:wörd')}),
    (HEADER, {"headers": {"x-key": "Key one"}}),
    (QUERY, {"url": "/things?a=1&api+key=a%2Bb%26c%3Dd"}),
    (QUERY, {"url": "/things?api%20key=a%2Bb%26c%3Dd&b="}),
    (COOKIE, {"headers": {"cookie": "other=1; sid=a=b c"}}),
    (COOKIE, {"headers": {"cookie": "sid=a%3Db%20c"}}),
    (BOTH, {"url": "/things?key=two", "headers": {"X-Id": "one"}}),
]
REFUSED: list[tuple[Guard, dict[str, Any], str]] = [
    (BEARER, {}, 'Bearer realm="web"'),
    (BEARER, {"url": f"/things?token={TOKEN}"}, 'Bearer realm="web"'),
    (BEARER, {"headers": pair(f"x:{TOKEN}")}, 'Bearer realm="web"'),
    *(
        (BEARER, {"headers": headers}, 'Bearer realm="web", error="invalid_token"')
        for headers in (
            authorization("Bearer "),
            authorization(f"Bearer {TOKEN}x"),
            authorization(f"Bearer {TOKEN[:-1]}"),
            authorization(f"Bearer {TOKEN.upper()}"),
            {"Authorization": b"Bearer \xff"},
        )
    ),
    # Of two headers one may be read here and the other one behind a proxy.
    (
        BEARER,
        {"headers": [("Authorization", f"Bearer {TOKEN}".encode())] * 2},
        'Bearer realm="web"',
    ),
    *(
        (BASIC, {"headers": headers}, 'Basic realm="web", charset="UTF-8"')
        for headers in (
            {},
            pair('me "q":pass:word'),
            pair("you:pass:wörd"),
            pair(""),
            authorization("Basic %%%"),
            authorization("Basic"),
            authorization(f"Bearer {TOKEN}"),
        )
    ),
    (HEADER, {}, 'ApiKey realm="web"'),
    (HEADER, {"headers": {"X-Key": "one"}}, 'ApiKey realm="web"'),
    (HEADER, {"url": "/things?X-Key=Key+one"}, 'ApiKey realm="web"'),
    (QUERY, {"url": "/things?api+key="}, 'ApiKey realm="web"'),
    (QUERY, {"url": "/things?API+key=a%2Bb%26c%3Dd"}, 'ApiKey realm="web"'),
    (COOKIE, {"headers": {"sid": "a=b c"}}, 'ApiKey realm="web"'),
    (BOTH, {"url": "/things?key=two"}, 'ApiKey realm="web"'),
    (BOTH, {"headers": {"X-Id": "one"}}, 'ApiKey realm="web"'),
]


@pytest.mark.parametrize(("guard", "shown"), LET_IN)
def test_who_shows_the_credentials_is_let_in(
    guard: Guard, shown: dict[str, Any]
) -> None:
    answer = ask(guarded(guard), **shown)
    assert answer.status_code == 200
    # They are for the guard alone; what else there was arrives.
    arrived = answer.text.lower()
    for secret in ("authorization=", "bearer", "basic", "key", "sid"):
        assert secret not in arrived
    assert ("a=1" in arrived) == ("a=1" in shown.get("url", ""))
    assert ("cookie=other=1" in arrived) == ("other" in str(shown))


@pytest.mark.parametrize(("guard", "shown", "wanted"), REFUSED)
def test_others_are_refused(guard: Guard, shown: dict[str, Any], wanted: str) -> None:
    assert challenge(ask(guarded(guard), **shown)) == wanted


def test_a_refused_caller_learns_nothing() -> None:
    app = guarded(BEARER)
    first = ask(app, "/things")
    for path in ("/nothing", "/docs", "/openapi.json", "/", f"{HEALTH}/", "//-/health"):
        assert ask(app, path).content == first.content
    for method in ("DELETE", "OPTIONS", "HEAD", "PURGE"):
        challenge_ = ask(app, method=method).headers["www-authenticate"]
        assert challenge_ == 'Bearer realm="web"'
    assert TOKEN not in first.text


def test_health_needs_nothing() -> None:
    app = guarded(BEARER)
    for path in ("", "/live", "/ready"):
        assert ask(app, HEALTH + path).json() == {"status": "UP"}
    challenge(ask(app, HEALTH, method="POST"))


def test_health_below_another_path() -> None:
    outer = FastAPI()
    outer.mount("/v1", guarded(BEARER))
    assert ask(outer, f"/v1{HEALTH}").json() == {"status": "UP"}
    challenge(ask(outer, f"/v1/v1{HEALTH}"))


def test_a_path_that_is_only_decoded_to_that_of_health_is_guarded() -> None:
    app = FastAPI(**OPTIONS)

    @app.get("/{name}")
    async def read(name: str) -> str:
        return name

    add_health(app)
    add_guard(app, HEADER)
    assert ask(app, HEALTH).status_code == 200
    assert ask(app, "/-%2Fhealth").status_code == 401
    key = {"x-key": "Key one"}
    assert ask(app, "/-%2Fhealth", headers=key).json() == HEALTH.removeprefix("/")


def test_a_route_of_the_spec_at_the_path_of_health_is_guarded() -> None:
    app = FastAPI()

    @app.get("/{first}/{second}")
    async def both(first: str, second: str) -> str:
        return "secret"

    add_health(app)
    add_guard(app, BEARER)
    challenge(ask(app, HEALTH))


def test_websockets_are_refused() -> None:
    app = guarded(BEARER)

    @app.websocket("/ws")
    async def never(websocket: Any) -> None:
        raise AssertionError("it was let in")

    with (
        pytest.raises(WebSocketDisconnect),
        TestClient(app).websocket_connect("/ws"),
    ):
        pass


@pytest.mark.parametrize(
    "make",
    [
        lambda secret: Bearer(ENV, "web", secret),
        lambda secret: Basic(ENV, "web", "me", secret),
        lambda secret: Basic(ENV, "web", secret, "word"),
        lambda secret: ApiKeys(ENV, "web", ("query", "key", secret)),
    ],
)
@pytest.mark.parametrize("secret", ["", " ", "\t\n"])
def test_blank_secrets_are_refused_at_the_start(
    make: Callable[[str], Guard], secret: str
) -> None:
    with pytest.raises(SettingsError, match="of web is blank"):
        make(secret)


def test_a_colon_cannot_stand_in_a_user_name() -> None:
    with pytest.raises(SettingsError, match="colon"):
        Basic(ENV, "web", "a:b", "c")


def test_missing_settings_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GUARD_NAME", raising=False)
    monkeypatch.delenv("GUARD_WORD", raising=False)

    def make() -> Guard:
        env = Environment("GUARD")
        return Basic(env, "web", env.get("GUARD_NAME"), env.get("GUARD_WORD"))

    with pytest.raises(MissingSettingsError) as caught:
        make()
    assert caught.value.names == ("GUARD_NAME", "GUARD_WORD")
    with pytest.raises(MissingSettingsError) as caught, missing_together():
        make()
        Environment("OTHER").get("OTHER_KEY")
        make()
    assert caught.value.names == ("GUARD_NAME", "GUARD_WORD")


def test_secrets_are_not_printed() -> None:
    for guard in (BEARER, BASIC, HEADER, QUERY):
        assert "object at" in repr(guard)


def test_over_a_real_server() -> None:
    with serving(guarded(BASIC)) as base:
        challenge(httpx.get(f"{base}/things"))
        refused = httpx.post(f"{base}/things", content=b"x" * 100_000)
        challenge(refused)
        known = httpx.BasicAuth('me "q"', "pass:wörd")
        assert httpx.get(f"{base}/things", auth=known).status_code == 200


def test_secrets_are_compared_in_constant_time() -> None:
    """No module of guards compares what callers show in another way."""
    secret = re.compile(r"_token|_pair|_secrets|_username|_signature|proof")
    for name, number in (("inbound", 3), ("inbound_digest", 3)):
        source = Path(runtime.__file__).with_name(f"{name}.py").read_text()
        assert source.count("hmac.compare_digest(") == number
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
                assert not secret.search(ast.unparse(node)), ast.unparse(node)
