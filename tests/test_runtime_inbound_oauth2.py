"""Access tokens of callers, against a real authorization server that rotates its keys."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fastapi import FastAPI
from inbound_support import ENV, ask, challenge, guarded
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from nafgen.runtime import signing_keys
from nafgen.runtime.inbound_oauth2 import AccessTokens
from nafgen.runtime.settings import SettingsError
from nafgen.runtime.signing_keys import FRESH, PAUSE, SigningKeys, well_known
from runtime_support import serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

RESOURCE = "https://ships.example/mcp"
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
WEAK_RSA = rsa.generate_private_key(65537, 1024)  # noqa: S505
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()


def public(key: Any, kid: str | None = None, **more: Any) -> dict[str, Any]:
    """A key as its owner publishes it."""
    kinds: dict[type, Any] = {
        rsa.RSAPrivateKey: RSAAlgorithm,
        ec.EllipticCurvePrivateKey: ECAlgorithm,
        ed25519.Ed25519PrivateKey: OKPAlgorithm,
    }
    [made] = [alg for kind, alg in kinds.items() if isinstance(key, kind)]
    return {
        **made.to_jwk(key.public_key(), as_dict=True),
        **({"kid": kid} if kid else {}),
        **more,
    }


class Server:
    """An authorization server: metadata, keys, and the tokens that it signs."""

    def __init__(self) -> None:
        self.issuer = ""
        self.keys: Any = [public(RSA, "one")]
        self.asked: list[str] = []
        self.works = True
        self.only = "/.well-known/oauth-authorization-server/tenant"
        self.said: dict[str, Any] = {}
        routes = [Route("/{path:path}", self._answer)]
        self.app = Starlette(routes=routes)

    async def _answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append(path)
        await asyncio.sleep(0.02)
        if not self.works:
            return Response("down", 503)
        if path == self.only:
            base = self.issuer.removesuffix("/tenant")
            metadata = {"issuer": self.issuer, "jwks_uri": f"{base}/keys", **self.said}
            return JSONResponse(metadata)
        return JSONResponse({"keys": self.keys}, 200 if path == "/keys" else 404)

    def token(
        self, key: Any = RSA, kid: str | None = "one", alg: str = "RS256", **other: Any
    ) -> str:
        claims = {
            "iss": self.issuer,
            "aud": RESOURCE,
            "exp": time.time() + 60,
            "scope": "openid ships:read ships:write",
            **other,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, key, alg, {"kid": kid} if kid else None)


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    with serving(made.app) as base:
        made.issuer = f"{base}/tenant"
        yield made


@pytest.fixture
def app(server: Server) -> FastAPI:
    return made(server)


def made(server: Server, audience: str = "ships") -> FastAPI:
    scopes = ["ships:read", "ships:write"]
    issuer = server.issuer
    return guarded(AccessTokens(ENV, "web", issuer, RESOURCE, audience, scopes))


def call(app: FastAPI, token: str | bytes) -> httpx.Response:
    raw = token if isinstance(token, bytes) else token.encode()
    return ask(app, headers={"Authorization": b"Bearer " + raw})


def unsigned(**header: Any) -> str:
    claims = {"iss": "x", "aud": RESOURCE, "exp": time.time() + 60}
    parts = (json.dumps(part).encode() for part in (header, claims))
    encoded = (base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    return b".".join(encoded).decode() + "."


def test_good_tokens(server: Server, app: FastAPI) -> None:
    server.keys = [
        public(RSA, "one"),
        public(EC, "two", use="sig"),
        public(ED, "three", alg="EdDSA"),
    ]
    for token in (
        server.token(),
        server.token(alg="PS384"),
        server.token(EC, "two", "ES256"),
        server.token(ED, "three", "EdDSA"),
        server.token(aud=["a", "ships"]),
        server.token(iss=f"{server.issuer}/"),
        server.token(exp=time.time() - 2),  # clocks differ
        server.token(scope=None, scp=["ships:write", "ships:read"]),
        server.token(OTHER_RSA, "four"),
    ):
        if "four" in str(jwt.get_unverified_header(token)):
            assert call(app, token).status_code == 401
        else:
            assert call(app, token).status_code == 200
    assert server.asked == [server.only, "/keys"]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"key": OTHER_RSA}, "not valid"),
        ({"exp": time.time() - 60}, "expired"),
        ({"exp": None}, "not valid"),
        ({"nbf": time.time() + 3600}, "not valid yet"),
        ({"aud": "https://ships.example/other"}, "another resource"),
        ({"aud": None}, "not valid"),
        ({"iss": "https://other.example"}, "another issuer"),
        ({"iss": None}, "not valid"),
        ({"kid": "two"}, "not valid"),
        ({"key": EC, "alg": "ES256"}, "not valid"),
        ({"key": "s" * 64, "alg": "HS256"}, "not valid"),
    ],
)
def test_bad_tokens(
    server: Server, app: FastAPI, other: dict[str, Any], said: str
) -> None:
    answer = call(app, server.token(**other))
    wanted = challenge(answer)
    assert 'error="invalid_token"' in wanted and said in wanted
    assert said in answer.json()["detail"]


def test_tokens_that_are_none(server: Server, app: FastAPI) -> None:
    # Whoever takes a public key for a shared secret would be taken in by this one.
    pem = RSA.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    claimed = unsigned(alg="HS256", kid="one").rstrip(".").encode()
    signature = hmac.digest(pem, claimed, "sha256")
    confused = claimed + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")
    for token in (
        b"x",
        b"\xff.\xff.\xff",
        b"a.b.c",
        confused,
        unsigned(alg="none").encode(),
        unsigned(alg="None", kid="one").encode(),
        unsigned(alg=["RS256"]).encode(),
        unsigned(alg="RS256", kid=1).encode(),
        unsigned(alg="RS256", crit=["a\r\nb"]).encode(),
        base64.urlsafe_b64encode(b"[" * 9000) + b".e30.",
    ):
        assert 'error="invalid_token"' in challenge(call(app, token))
    assert server.asked == []


def test_no_token_gets_a_bare_challenge(app: FastAPI) -> None:
    wanted = challenge(ask(app))
    assert wanted == (
        'Bearer realm="web", scope="ships:read ships:write", resource_metadata='
        '"https://ships.example/.well-known/oauth-protected-resource/mcp"'
    )


def test_a_missing_scope_is_forbidden(server: Server, app: FastAPI) -> None:
    for scope in ("ships:read", "", None, "ships:read ships:writer"):
        answer = call(app, server.token(scope=scope))
        wanted = challenge(answer, 403)
        assert 'error="insufficient_scope"' in wanted
        assert 'scope="ships:read ships:write"' in wanted
        assert "resource_metadata=" in wanted


def test_metadata_are_for_everyone(server: Server, app: FastAPI) -> None:
    path = "/.well-known/oauth-protected-resource/mcp"
    for _ in range(2):
        answer = ask(app, path, headers={"Origin": "https://inspector.example"})
        assert answer.json() == {
            "resource": RESOURCE,
            "authorization_servers": [server.issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["ships:read", "ships:write"],
        }
        assert answer.headers["access-control-allow-origin"] == "*"
    challenge(ask(app, "/.well-known/oauth-protected-resource"))
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    assert ask(app, path, method="OPTIONS", headers=asked).status_code == 200
    assert server.asked == []


def test_keys_rotate(
    server: Server, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, passed = time.monotonic(), 0.0
    monkeypatch.setattr(signing_keys, "monotonic", lambda: start + passed)
    assert call(app, server.token()).status_code == 200
    server.keys = [public(OTHER_RSA, "two")]
    new = server.token(OTHER_RSA, "two")
    # Soon after it asked, the service does not ask again: anyone could make it.
    assert call(app, new).status_code == 401
    assert len(server.asked) == 2
    passed = PAUSE + 1
    assert call(app, new).status_code == 200
    assert len(server.asked) == 4
    assert call(app, server.token()).status_code == 401
    assert len(server.asked) == 4
    # A key that is withdrawn is good for as long as keys are kept, and no longer.
    server.keys = []
    assert call(app, new).status_code == 200
    passed += FRESH + 1
    assert call(app, new).status_code == 401


def test_one_question_for_all_who_wait(server: Server) -> None:
    keys = SigningKeys(server.issuer)

    async def all_at_once() -> list[int]:
        found = await asyncio.gather(*(keys.of("one") for _ in range(20)))
        return [len(each) for each in found]

    assert asyncio.run(all_at_once()) == [1] * 20
    assert server.asked == [server.only, "/keys"]


def test_tokens_that_name_no_key(server: Server, app: FastAPI) -> None:
    server.keys = [public(EC), public(OTHER_RSA, "x"), public(RSA, "y")]
    assert call(app, server.token(kid=None)).status_code == 200
    assert call(app, server.token(EC, None, "ES256")).status_code == 200
    assert call(app, server.token(ED, None, "EdDSA")).status_code == 401


@pytest.mark.parametrize(
    "key",
    [
        public(RSA, "one", use="enc"),
        public(RSA, "one", alg="RS512"),
        public(RSA, "one", kty="EC"),
        {"kty": "oct", "kid": "one", "k": "c2VjcmV0"},
        {"kid": "one"},
        {"kty": "RSA", "kid": "one", "n": "", "e": "AQAB"},
    ],
)
def test_keys_for_something_else(
    server: Server, app: FastAPI, key: dict[str, Any]
) -> None:
    server.keys = [key]
    assert call(app, server.token()).status_code == 401


def test_weak_keys(server: Server, app: FastAPI) -> None:
    server.keys = [public(WEAK_RSA, "one")]
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = server.token(WEAK_RSA)
    assert call(app, token).status_code == 401


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "https://other.example"},
        {"issuer": 1},
        {"jwks_uri": None},
        {"jwks_uri": "//["},
    ],
)
def test_metadata_without_sense(
    server: Server, app: FastAPI, said: dict[str, Any]
) -> None:
    server.said = said
    answer = call(app, server.token())
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("keys", [None, ["x"], {"a": 1}])
def test_keys_without_sense(server: Server, app: FastAPI, keys: Any) -> None:
    server.keys = keys
    assert call(app, server.token()).status_code == 503


def test_a_server_that_is_down(
    server: Server, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, passed = time.monotonic(), 0.0
    monkeypatch.setattr(signing_keys, "monotonic", lambda: start + passed)
    server.works = False
    assert call(app, server.token()).status_code == 503
    server.works = True
    assert call(app, server.token()).status_code == 503  # it was asked just now
    passed = 2
    assert call(app, server.token()).status_code == 200
    server.works = False
    passed = FRESH  # known keys do not need it
    assert call(app, server.token()).status_code == 200


def test_metadata_of_openid_connect(server: Server, app: FastAPI) -> None:
    server.only = "/tenant/.well-known/openid-configuration"
    assert call(app, server.token()).status_code == 200
    assert server.asked[:3] == [
        "/.well-known/oauth-authorization-server/tenant",
        "/.well-known/openid-configuration/tenant",
        "/tenant/.well-known/openid-configuration",
    ]


def test_where_metadata_are() -> None:
    assert [*well_known("https://as.example/")] == [
        "https://as.example/.well-known/oauth-authorization-server",
        "https://as.example/.well-known/openid-configuration",
    ]


@pytest.mark.parametrize(
    "address", ["ships", "ftp://a", "https://", "https://a/#b", "//["]
)
def test_addresses_that_are_none(address: str) -> None:
    for pair in ((address, RESOURCE), ("https://as.example", address)):
        with pytest.raises(SettingsError, match="of web is no URL"):
            AccessTokens(ENV, "web", *pair)
