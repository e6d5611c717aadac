"""Credentials that a mocked upstream asks for, and the tokens that it gives."""

from __future__ import annotations

from typing import Final

from .ir import (
    ApiKeys,
    Basic,
    Bearer,
    ClientCredentials,
    Digest,
    Setting,
    Supplied,
    Upstream,
)
from .mock_requests import Answer, RefusedError, Request, json_answer
from .wire import Location

GRANTS: Final = "/-/token"
GRANTED: Final = "mock-token"
NONCE: Final = "mock-nonce"


def token_setting(upstream: Upstream) -> Setting | None:
    """The setting that says where tokens come from, if one alone does."""
    if not isinstance(upstream.auth, ClientCredentials):
        return None
    parts = upstream.auth.token_url.parts
    only = parts[0] if len(parts) == 1 else None
    return only if isinstance(only, Setting) else None


def token_answer(method: str, request: Request) -> Answer:
    """A token for client credentials, whatever these are.

    Raises:
        RefusedError: the request is none for a token.
    """
    if method != "POST":
        raise RefusedError(405, f"{method} is not allowed here", ("allow", "POST"))
    form = request.body if isinstance(request.body, dict) else {}
    if form.get("grant_type") != "client_credentials":
        return json_answer(400, {"error": "unsupported_grant_type"})
    given = request.named[Location.HEADER].get("authorization", "")
    if not given.startswith("Basic ") and not form.get("client_secret"):
        challenge = ("www-authenticate", "Basic")
        return json_answer(401, {"error": "invalid_client"}, challenge)
    made = {"access_token": GRANTED, "token_type": "Bearer", "expires_in": 3600}
    return json_answer(200, made)


def check_credentials(upstream: Upstream, request: Request) -> None:
    """Refuse a request that does not carry the credentials of its API."""
    match upstream.auth:
        case Supplied() | None:
            return
        case Basic():
            _check_authorization(request, "Basic")
        case Bearer():
            _check_authorization(request, "Bearer")
        case Digest():
            challenge = f'Digest realm="mock", nonce="{NONCE}", qop="auth"'
            _check_authorization(request, "Digest", challenge)
        case ClientCredentials():
            if token_setting(upstream) is not None:
                _check_authorization(request, f"Bearer {GRANTED}", "Bearer")
        case ApiKeys(keys=keys):
            for key in keys:
                place, name = key.location, key.name
                known = name.lower() if place is Location.HEADER else name
                if not request.named[place].get(known):
                    what = f"the {place} {name} with the key is missing"
                    raise RefusedError(401, what)


def _check_authorization(request: Request, wanted: str, challenge: str = "") -> None:
    """Hold the header against the scheme, or what else it must begin with."""
    scheme, _, rest = wanted.partition(" ")
    given = request.named[Location.HEADER].get("authorization", "")
    kind, _, value = given.partition(" ")
    if kind.lower() != scheme.lower() or not value.startswith(rest):
        what = f"the header Authorization with {scheme} credentials is missing"
        raise RefusedError(401, what, ("www-authenticate", challenge or scheme))
