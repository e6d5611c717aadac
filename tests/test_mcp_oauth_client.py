"""The `mcp` package's own OAuth client finds out by itself how to call a server."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import httpx2
import jwt
import pytest
from compile_support import compile_text
from e2e_support import DEADLINE, free_port, listens, wait_until
from guarded_support import started, tool_text
from inbound_support import challenge
from mcp.client.auth import OAuthClientProvider
from mcp.shared.auth import (
    AuthorizationCodeResult,
    OAuthClientInformationFull,
    OAuthClientMetadata,
    OAuthToken,
)
from pydantic import AnyUrl
from runtime_support import Exchange, serving, upstream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route
from test_runtime_inbound_oauth2 import RSA, public

pytestmark = pytest.mark.slow
SPEC = """\
ikanos: 1.0.0-beta5
info: {{display: Ships}}
binds:
- namespace: registry
  keys: {{REGISTRY_TOKEN: REGISTRY_TOKEN}}
capability:
  consumes:
  - type: http
    namespace: registry
    baseUri: https://registry.example
    authentication: {{type: bearer, token: '{{{{REGISTRY_TOKEN}}}}'}}
    resources:
      ships:
        path: /ships
        operations:
          list-ships:
            method: GET
            inputParameters:
              status: {{in: query}}
  exposes:
  - type: mcp
    namespace: agent
    port: 9090
    authentication:
      type: oauth2
      authorizationServerUri: {issuer}
      resource: {resource}
      scopes: [ships:read]
    tools:
      list-ships: {{description: All ships., call: registry.list-ships}}
"""
BACK = "http://127.0.0.1:1/callback"


class Authorization:
    """An authorization server of OAuth 2.1, whose user agrees to everything."""

    def __init__(self) -> None:
        self.issuer = ""
        self.audience = ""
        self.tokens: list[str] = []
        self.asked: list[str] = []
        self._challenges: dict[str, str] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/oauth-authorization-server", self._metadata),
                Route("/keys", self._keys),
                Route("/register", self._register, methods=["POST"]),
                Route("/authorize", self._authorize),
                Route("/token", self._token, methods=["POST"]),
            ]
        )

    async def _metadata(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "registration_endpoint": f"{self.issuer}/register",
                "jwks_uri": f"{self.issuer}/keys",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [public(RSA, "one")]})

    async def _register(self, request: Request) -> Response:
        return JSONResponse({**await request.json(), "client_id": "a-client"}, 201)

    async def _authorize(self, request: Request) -> Response:
        given = request.query_params
        assert given["code_challenge_method"] == "S256"
        self.asked.append(f"{given['scope']} of {given['resource']}")
        self._challenges["c0de"] = given["code_challenge"]
        return RedirectResponse(f"{BACK}?code=c0de&state={given['state']}", 302)

    async def _token(self, request: Request) -> Response:
        given = await request.form()
        verifier = str(given["code_verifier"]).encode()
        digest = base64.urlsafe_b64encode(sha256(verifier).digest()).rstrip(b"=")
        assert digest.decode() == self._challenges.pop(str(given["code"]))
        claims = {
            "iss": self.issuer,
            "aud": self.audience or given["resource"],
            "exp": time.time() + 60,
            "scope": "ships:read",
        }
        self.tokens.append(jwt.encode(claims, RSA, "RS256", {"kid": "one"}))
        return JSONResponse({"access_token": self.tokens[-1], "token_type": "Bearer"})


class Memory:
    """Where the client keeps what it got."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client = client_info


def client(url: str) -> httpx2.Auth:
    """The OAuth client, and a browser that follows where it is sent."""
    came_back: list[dict[str, list[str]]] = []

    async def visit(address: str) -> None:
        async with httpx.AsyncClient() as http:
            answer = await http.get(address)
        came_back.append(parse_qs(urlsplit(answer.headers["location"]).query))

    async def back() -> AuthorizationCodeResult:
        (given,) = came_back
        return AuthorizationCodeResult(code=given["code"][0], state=given["state"][0])

    metadata = OAuthClientMetadata(redirect_uris=[AnyUrl(BACK)], client_name="test")
    return OAuthClientProvider(url, metadata, Memory(), visit, back)


@contextmanager
def running(
    folder: Path, server: Authorization
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The MCP server's URL, and what its upstream receives."""
    port, received = free_port(), list[dict[str, Any]]()
    url = f"http://127.0.0.1:{port}/mcp"

    def answer(exchange: Exchange) -> None:
        received.append({k.lower(): v for k, v in exchange.headers.items()})
        exchange.answer(b'[{"name": "Northern Star"}]', content_type="application/json")

    with serving(server.app) as issuer, upstream(answer) as base:
        server.issuer = issuer
        made = compile_text(SPEC.format(issuer=issuer, resource=url))
        env = {"REGISTRY_TOKEN": "of-the-registry", "REGISTRY_BASE_URL": base}
        process = started(made, folder, env, "mcp", "--port", str(port))
        try:
            wait_until(lambda: listens(port), "the server")
            yield url, received
        finally:
            process.terminate()
            process.wait(DEADLINE)


def test_a_client_gets_a_token_for_this_server_alone(tmp_path: Path) -> None:
    server = Authorization()
    with running(tmp_path, server) as (url, received):
        where = url.replace("/mcp", "/.well-known/oauth-protected-resource/mcp")
        assert f'resource_metadata="{where}"' in challenge(httpx.post(url))
        assert httpx.get(where).json() == {
            "resource": url,
            "authorization_servers": [server.issuer],
            "bearer_methods_supported": ["header"],
            "scopes_supported": ["ships:read"],
        }
        for number, mode in enumerate(("auto", "legacy"), 1):
            text = asyncio.run(tool_text(url, mode, client(url)))
            assert "Northern Star" in text
            assert server.asked == [f"ships:read of {url}"] * number
            assert len(server.tokens) == len(received) == number
    for headers in received:  # the API has a credential of its own
        assert headers["authorization"] == "Bearer of-the-registry"
        assert not any(token in str(headers) for token in server.tokens)
    log = (tmp_path / "log.txt").read_text()
    assert not any(token in log for token in server.tokens)


def test_a_token_for_another_server_opens_nothing(tmp_path: Path) -> None:
    server = Authorization()
    server.audience = "https://other.example/mcp"
    with running(tmp_path, server) as (url, received):
        with pytest.raises(ExceptionGroup):
            asyncio.run(tool_text(url, "auto", client(url)))
        shown = {"Authorization": f"Bearer {server.tokens[0]}"}
        assert "another resource" in challenge(httpx.post(url, headers=shown))
    assert received == []
