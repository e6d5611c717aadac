"""The keys by which an authorization server signs its tokens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

import httpx

FRESH: Final = 300.0
"""Seconds for which keys are used without asking again."""
PAUSE: Final = 30.0
"""Seconds between two questions for a key that is not known."""
RETRY: Final = 1.0
"""Seconds between two questions after one that failed."""
TIMEOUT: Final = 10.0
KINDS: Final = frozenset({"EC", "OKP", "RSA"})

UNUSABLE: Final = (
    *(httpx.HTTPError, httpx.InvalidURL),
    *(AttributeError, LookupError, TypeError, ValueError),
)
"""What an answer raises that does not come, or is not what it should be."""

logger: Final = logging.getLogger(__name__)


class UnavailableError(Exception):
    """The authorization server does not say its keys."""


def new_http() -> httpx.AsyncClient:
    """The client that asks authorization servers. Tests may replace this function."""
    return httpx.AsyncClient(timeout=TIMEOUT)


class SigningKeys:
    """The public keys of an issuer: fetched once, and again when they may have changed."""

    def __init__(self, issuer: str) -> None:
        self._issuer = issuer
        self._keys: list[dict[str, Any]] = []
        self._fetched = self._failed = float("-inf")
        self._lock = asyncio.Lock()

    async def of(self, name: str | None) -> list[dict[str, Any]]:
        """The keys of a name, or all for a token that names none.

        Raises:
            UnavailableError: they are not known, and the server does not say them.
        """
        asked = monotonic()
        age = asked - self._fetched
        if age > FRESH or (age > PAUSE and not self._named(name)):
            async with self._lock:
                # Of all that wait for the lock, only the first one asks.
                if self._failed > asked - RETRY:
                    raise UnavailableError
                if self._fetched <= asked:
                    await self._fetch()
        return self._named(name)

    def _named(self, name: str | None) -> list[dict[str, Any]]:
        return [key for key in self._keys if name is None or key.get("kid") == name]

    async def _fetch(self) -> None:
        try:
            async with new_http() as http:
                said = await metadata(http, self._issuer)
                answer = await http.get(said["jwks_uri"])
                found = answer.raise_for_status().json()["keys"]
            self._keys = [key for key in found if _signs(key)]
        except UNUSABLE:
            logger.warning("cannot get the keys of %s", self._issuer, exc_info=True)
            self._failed = monotonic()
            raise UnavailableError from None
        self._fetched = monotonic()


async def metadata(http: httpx.AsyncClient, issuer: str) -> dict[str, Any]:
    """What a server says of itself (RFC 8414, else OpenID Connect).

    Raises:
        LookupError: it says nothing.
        ValueError: what it says is not JSON, or of another issuer.
        httpx.HTTPError: it does not answer.
    """
    for url in well_known(issuer):
        answer = await http.get(url)
        if answer.is_client_error:
            continue
        said: dict[str, Any] = answer.raise_for_status().json()
        if said["issuer"].rstrip("/") != issuer.rstrip("/"):
            raise ValueError("the metadata are of another issuer")
        return said
    raise LookupError("the server has no metadata")


def well_known(issuer: str) -> Iterator[str]:
    """Where the metadata of an issuer may be."""
    url = httpx.URL(issuer)
    path = url.raw_path.partition(b"?")[0].rstrip(b"/")
    oauth = b"/.well-known/oauth-authorization-server"
    openid = b"/.well-known/openid-configuration"
    for place in dict.fromkeys((oauth + path, openid + path, path + openid)):
        yield str(url.copy_with(raw_path=place))


def _signs(key: Any) -> bool:
    """Whether it is a public key for signatures."""
    return key.get("kty") in KINDS and key.get("use", "sig") == "sig"
