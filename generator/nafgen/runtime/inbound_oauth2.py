"""Access tokens of callers: JWTs of an authorization server, for this service alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import jwt
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from .inbound import Guard, Refusal, authorization
from .settings import Environment, SettingsError
from .signing_keys import SigningKeys, UnavailableError

ALGORITHMS: Final = (
    "EdDSA",
    *(f"{kind}{n}" for kind in ("ES", "PS", "RS") for n in (256, 384, 512)),
)
"""Signatures by a public key: who knows it can check tokens, and make none."""
LEEWAY: Final = 10
"""Seconds by which clocks may differ."""
METADATA: Final = "/.well-known/oauth-protected-resource"
_OPTIONS: Final[Any] = {
    "require": ["exp", "iss", "aud"],
    "enforce_minimum_key_length": True,
}
_WRONG: Final[Mapping[type[Exception], str]] = {
    jwt.ExpiredSignatureError: "the token has expired",
    jwt.ImmatureSignatureError: "the token is not valid yet",
    jwt.InvalidAudienceError: "the token is for another resource",
    jwt.InvalidIssuerError: "the token is of another issuer",
}


class AccessTokens(Guard):
    """An access token that `issuer` made for `resource` or `audience`, with all scopes.

    Where a client gets one is told at `METADATA` (RFC 9728).
    """

    def __init__(
        self,
        env: Environment,
        realm: str,
        issuer: str,
        resource: str,
        audience: str = "",
        scopes: Sequence[str] = (),
    ) -> None:
        super().__init__(env, realm, issuer, resource)
        url = _url(resource, realm) if env.complete() else httpx.URL("http://not.set")
        if env.complete():
            _url(issuer, realm)
        self._issuers = (issuer.rstrip("/"), f"{issuer.rstrip('/')}/")
        self._audience = [each for each in (resource, audience) if each]
        self._scopes = list(scopes)
        self._keys = SigningKeys(issuer)
        path = METADATA + url.path.rstrip("/")
        self._metadata = url.copy_with(path=path, query=None, fragment=None)
        self.public = {path: self._document(issuer, resource)}

    def _document(self, issuer: str, resource: str) -> ASGIApp:
        content: dict[str, Any] = {
            "resource": resource,
            "authorization_servers": [issuer],
            "bearer_methods_supported": ["header"],
        }
        if self._scopes:
            content["scopes_supported"] = self._scopes

        async def document(scope: Scope, receive: Receive, send: Send) -> None:
            await JSONResponse(content)(scope, receive, send)

        # Clients in browsers read it, too.
        return CORSMiddleware(document, allow_origins=["*"], allow_headers=["*"])

    async def refusal(self, scope: Scope) -> Refusal | None:
        token = authorization(scope, b"bearer")
        if token is None:
            return Refusal("an access token is needed", (self._challenge(),))
        try:
            granted = _scopes(await self._claims(token))
        except UnavailableError:
            detail = "the authorization server cannot be reached"
            return Refusal(detail, (), status=503)
        except (jwt.PyJWTError, RecursionError) as error:
            detail = _WRONG.get(type(error), "the token is not valid")
            wrong = self._challenge(error="invalid_token", error_description=detail)
            return Refusal(detail, (wrong,))
        if granted.issuperset(self._scopes):
            return None
        missing = self._challenge(error="insufficient_scope")
        return Refusal("the token lacks a scope", (missing,), status=403)

    def _challenge(self, **members: str) -> str:
        if self._scopes:
            members["scope"] = " ".join(self._scopes)
        members["resource_metadata"] = str(self._metadata)
        more = ", ".join(f'{name}="{value}"' for name, value in members.items())
        return f'Bearer realm="{self._realm}", {more}'

    async def _claims(self, token: bytes) -> dict[str, Any]:
        """What a token says, if it is one of those that are wanted.

        Raises:
            jwt.PyJWTError: it is not.
            UnavailableError: the keys to check it with are not known.
        """
        header = jwt.get_unverified_header(token)
        algorithm = header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
            raise jwt.InvalidAlgorithmError
        for key in await self._keys.of(header.get("kid")):
            if key.get("alg", algorithm) != algorithm:
                continue
            try:
                return self._checked(token, key, algorithm)
            except (jwt.InvalidSignatureError, jwt.InvalidKeyError, jwt.PyJWKError):
                continue  # another key may fit, where the token does not name its own
        raise jwt.InvalidSignatureError

    def _checked(
        self, token: bytes, key: dict[str, Any], algorithm: str
    ) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token,
            jwt.PyJWK(key, algorithm),
            algorithms=[algorithm],
            audience=self._audience,
            issuer=self._issuers,
            leeway=LEEWAY,
            options=_OPTIONS,
        )
        return claims


def _url(text: str, realm: str) -> httpx.URL:
    """The URL that a text is.

    Raises:
        SettingsError: it is none.
    """
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in ("https", "http") or not url.host or url.fragment:
        raise SettingsError(f"an address of the authentication of {realm} is no URL")
    return url


def _scopes(claims: Mapping[str, Any]) -> frozenset[str]:
    """The scopes of a token: a text (RFC 9068), or a list as some servers write it."""
    found = claims.get("scope", claims.get("scp", ""))
    listed = found.split() if isinstance(found, str) else found
    return frozenset(map(str, listed if isinstance(listed, list) else ()))
