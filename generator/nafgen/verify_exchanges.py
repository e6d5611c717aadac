"""What verification needs for authentication that takes more than one request: servers
that give tokens and challenges, and hold the code to what the spec says of them."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import httpx
from msgspec import Struct

from .diagnostics import Origin
from .expect import base_url
from .expect_credentials import GRANTED, PROVEN
from .expect_values import resolved
from .ir import ClientCredentials, Digest, Upstream
from .program import Program

Report: TypeAlias = Callable[[Origin, str], None]

_NONCE: Final = "nonce-of-verification"
_OPTION: Final = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Gate(Struct, frozen=True, kw_only=True):
    """Answers the requests that come before those which a call is about."""

    program: Program
    settings: Mapping[str, str]
    report: Report

    def __call__(self, request: httpx.Request) -> httpx.Response | None:
        """The answer; None where the request is for the API itself."""
        for upstream in self.program.upstreams:
            match upstream.auth:
                case ClientCredentials() as auth:
                    answer = self._of_server(upstream, auth, request)
                case Digest() as auth if self._is_for(upstream, request):
                    answer = self._challenge(auth, request)
                case _:
                    continue
            if answer is not None:
                return answer
        return None

    def _is_for(self, upstream: Upstream, request: httpx.Request) -> bool:
        base = httpx.URL(base_url(upstream, self.settings))
        return (base.host, base.port) == (request.url.host, request.url.port)

    def _of_server(
        self, upstream: Upstream, auth: ClientCredentials, request: httpx.Request
    ) -> httpx.Response | None:
        url = str(request.url)
        token_url = resolved(auth.token_url, self.settings)
        server = resolved(auth.server, self.settings).rstrip("/")
        endpoint = token_url or f"{server}/given/token"
        if not token_url and url == _metadata(server):
            return httpx.Response(
                200, json={"issuer": server, "token_endpoint": endpoint}
            )
        if url != endpoint:
            return None
        for message in self._wrong(auth, request):
            self.report(upstream.origin, f"token request: {message}")
        granted = {"access_token": GRANTED, "token_type": "bearer", "expires_in": 60}
        return httpx.Response(200, json=granted)

    def _wrong(self, auth: ClientCredentials, request: httpx.Request) -> Iterator[str]:
        pair = (
            resolved(text, self.settings)
            for text in (auth.client_id, auth.client_secret)
        )
        encoded = base64.b64encode(":".join(map(_form_encoded, pair)).encode()).decode()
        given = {
            "scope": resolved(auth.scope, self.settings),
            "resource": resolved(auth.resource, self.settings),
            "audience": resolved(auth.audience, self.settings),
        }
        wanted = {name: value for name, value in given.items() if value}
        wanted["grant_type"] = "client_credentials"
        if request.method != "POST":
            yield f"the method is {request.method}"
        if dict(parse_qsl(request.content.decode())) != wanted:
            yield f"the form is not {wanted}"
        if request.headers.get("authorization") != f"Basic {encoded}":
            yield "it lacks the client's credentials"

    def _challenge(self, auth: Digest, request: httpx.Request) -> httpx.Response | None:
        """A challenge; None where the request answers it, which it says from then on."""
        kind, _, options = request.headers.get("authorization", "").partition(" ")
        given = {name: a or b for name, a, b in _OPTION.findall(options)}
        username = resolved(auth.username, self.settings)
        password = resolved(auth.password, self.settings)
        uri = request.url.raw_path.decode("ascii")
        first = _md5(username, "verification", password)
        rest = (given.get("nc", ""), given.get("cnonce", ""), "auth")
        proof = _md5(first, _NONCE, *rest, _md5(request.method, uri))
        if kind == "Digest" and given.get("response") == proof:
            request.headers["authorization"] = PROVEN
            return None
        challenge = f'Digest realm="verification", nonce="{_NONCE}", qop="auth"'
        return httpx.Response(401, headers={"www-authenticate": challenge})


def _metadata(server: str) -> str:
    parts = urlsplit(server)
    well_known = "/.well-known/oauth-authorization-server"
    return f"{parts.scheme}://{parts.netloc}{well_known}{parts.path}"


def _md5(*parts: str) -> str:
    text = ":".join(parts).encode()
    return hashlib.md5(text, usedforsecurity=False).hexdigest()


def _form_encoded(text: str) -> str:
    (pair,) = httpx.QueryParams({"": text}).multi_items()
    return str(httpx.QueryParams([pair])).removeprefix("=")
