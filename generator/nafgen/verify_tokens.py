"""An authorization server in memory: its metadata, its key, and its tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import OKPAlgorithm

from .expect_values import resolved
from .ir import AccessTokens

_KEY: Final = Ed25519PrivateKey.generate()
_LATER: Final = 4_102_444_800
"""The year 2100: tokens that verify makes do not expire."""
_KEYS_URL: Final = "https://keys.test/jwks"
_ASKED_URL: Final = "https://keys.test/introspect"


def issued(tokens: AccessTokens, settings: Mapping[str, str], **other: Any) -> str:
    """A token that is as the spec wants it, but for the `other` claims."""
    claims = {
        "iss": resolved(tokens.issuer, settings),
        "aud": resolved(tokens.resource, settings),
        "exp": _LATER,
        "scope": " ".join(tokens.scopes),
        **other,
    }
    return jwt.encode(claims, _KEY, "EdDSA", {"kid": "verify"})


def server(tokens: AccessTokens, settings: Mapping[str, str]) -> httpx.AsyncClient:
    """What asks the authorization server of these tokens, and stays in memory."""
    issuer = resolved(tokens.issuer, settings)
    key = OKPAlgorithm.to_jwk(_KEY.public_key(), as_dict=True)

    def answer(request: httpx.Request) -> httpx.Response:
        if str(request.url) == _KEYS_URL:
            return httpx.Response(200, json={"keys": [{**key, "kid": "verify"}]})
        if "/.well-known/oauth-authorization-server" in request.url.path:
            metadata = {"issuer": issuer, "jwks_uri": _KEYS_URL}
            metadata["introspection_endpoint"] = _ASKED_URL
            return httpx.Response(200, json=metadata)
        if str(request.url) == _ASKED_URL:
            return httpx.Response(200, json=_said(request))
        return httpx.Response(404)

    return httpx.AsyncClient(transport=httpx.MockTransport(answer))


def _said(request: httpx.Request) -> dict[str, Any]:
    """What the server says of a token: its claims, where it has made it."""
    token = httpx.QueryParams(request.content.decode()).get("token", "")
    try:
        options: Any = {"verify_aud": False}
        claims = jwt.decode(token, _KEY.public_key(), ["EdDSA"], options)
    except jwt.PyJWTError:
        return {"active": False}
    return {"active": "authorization" in request.headers, **claims}
