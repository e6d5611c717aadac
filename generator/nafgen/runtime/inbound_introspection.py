"""Access tokens of callers about which the authorization server is asked (RFC 7662)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping, Sequence
from time import monotonic, time
from typing import Any, Final
from urllib.parse import quote_plus

import httpx
import jwt

from . import signing_keys
from .inbound_oauth2 import LEEWAY, AccessTokens
from .settings import Environment, SettingsError
from .signing_keys import FRESH, UNUSABLE, UnavailableError, metadata

KEPT: Final = 30.0
"""Seconds for which an active token is not asked about again, at the most."""
MAX_KEPT: Final = 1024
"""Tokens that are remembered at the most."""
MAX_TOKEN: Final = 8192

logger: Final = logging.getLogger(__name__)


class IntrospectedTokens(AccessTokens):
    """An access token that its `issuer` calls active, for `resource` or `audience`, with
    all scopes. `client_id` and `client_secret` are those of this service."""

    def __init__(
        self,
        env: Environment,
        realm: str,
        issuer: str,
        resource: str,
        client_id: str,
        client_secret: str,
        audience: str = "",
        scopes: Sequence[str] = (),
    ) -> None:
        super().__init__(env, realm, issuer, resource, audience, scopes)
        if env.complete() and not (client_id.strip() and client_secret.strip()):
            raise SettingsError(
                f"a credential of the introspection of {realm} is blank"
            )
        self._issuer = issuer
        self._client = httpx.BasicAuth(_quoted(client_id), _quoted(client_secret))
        self._endpoint = ""
        self._found = float("-inf")
        self._kept: dict[bytes, tuple[float, dict[str, Any]]] = {}

    async def _claims(self, token: bytes) -> dict[str, Any]:
        """What the server says of a token that is active and one of those that are wanted.

        Raises:
            jwt.PyJWTError: it is not.
            UnavailableError: the server does not say.
        """
        if len(token) > MAX_TOKEN:
            raise jwt.InvalidTokenError
        name = hashlib.sha256(token).digest()
        until, claims = self._kept.get(name, (0.0, {}))
        if monotonic() < until:
            # It may have expired meanwhile: clocks of servers jump.
            self._check(claims)
            return claims
        self._kept.pop(name, None)
        claims = await self._asked(token)
        self._check(claims)
        while len(self._kept) >= MAX_KEPT:
            del self._kept[next(iter(self._kept))]
        left = claims.get("exp", float("inf")) - time()
        self._kept[name] = monotonic() + min(KEPT, left), claims
        return claims

    def _check(self, claims: Mapping[str, Any]) -> None:
        """Hold what is said of a token to what is wanted; its audience must be said.

        Raises:
            jwt.PyJWTError: it is another token.
        """
        now, audience = time(), claims.get("aud")
        if claims.get("active") is not True:
            raise jwt.InvalidTokenError
        if _number(claims, "exp", now) < now - LEEWAY:
            raise jwt.ExpiredSignatureError
        if _number(claims, "nbf", now) > now + LEEWAY:
            raise jwt.ImmatureSignatureError
        if claims.get("iss", self._issuer) not in self._issuers:
            raise jwt.InvalidIssuerError
        named = audience if isinstance(audience, list) else [audience]
        if not any(each in named for each in self._audience):
            raise jwt.InvalidAudienceError

    async def _asked(self, token: bytes) -> dict[str, Any]:
        try:
            async with signing_keys.new_http() as http:
                answer = await http.post(
                    await self._where(http),
                    data={"token": token.decode(), "token_type_hint": "access_token"},
                    headers={"accept": "application/json"},
                    auth=self._client,
                )
            said = answer.raise_for_status().json()
            if not isinstance(said, dict) or not isinstance(said["active"], bool):
                raise ValueError("it does not say whether the token is active")
        except UnicodeDecodeError:
            raise jwt.InvalidTokenError from None
        except UNUSABLE as error:
            # No traceback: what was sent is a secret.
            kind = type(error).__name__
            logger.warning("cannot introspect tokens of %s: %s", self._issuer, kind)
            self._found = float("-inf")
            raise UnavailableError from None
        return said

    async def _where(self, http: httpx.AsyncClient) -> str:
        """Where the server is asked, as its metadata say."""
        if monotonic() - self._found > FRESH:
            found = str((await metadata(http, self._issuer))["introspection_endpoint"])
            is_safe = found.startswith("https://") or self._issuer.startswith("http://")
            if not is_safe:
                raise ValueError("secrets would travel unencrypted")
            self._endpoint, self._found = found, monotonic()
        return self._endpoint


def _number(claims: Mapping[str, Any], name: str, default: float) -> float:
    value = claims.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise jwt.InvalidTokenError
    return value


def _quoted(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")
