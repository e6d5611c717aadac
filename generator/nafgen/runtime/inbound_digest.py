"""Digest authentication of callers (RFC 7616): their password never travels."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from time import monotonic
from typing import Final
from urllib.parse import quote
from urllib.request import parse_http_list

from starlette.types import Scope

from .inbound import Guard, Refusal, authorization, encoded
from .settings import Environment, SettingsError

LIFETIME: Final = 300.0
"""Seconds for which a nonce can be used."""
WINDOW: Final = 64
"""Requests with one nonce that may overtake each other on their way."""

_COUNT: Final = re.compile(r"[0-9a-fA-F]{8}").fullmatch


def _sha256(text: str) -> str:
    return hashlib.sha256(encoded(text)).hexdigest()


def _md5(text: str) -> str:
    return hashlib.md5(encoded(text), usedforsecurity=False).hexdigest()


ALGORITHMS: Final = {"SHA-256": _sha256, "MD5": _md5}
"""In the order of preference; MD5 for clients that know no other."""


class PasswordDigest(Guard):
    """A user name, and proof that its password is known, once for each request.

    Nonces are signed times, so that none is kept until it is used. Their key lives as
    long as the process: callers are told a new one after a restart.
    """

    def __init__(
        self, env: Environment, realm: str, username: str, password: str
    ) -> None:
        super().__init__(env, realm, username, password)
        if ":" in username:
            raise SettingsError(f"a user name of {realm} holds a colon")
        self._username = encoded(username)
        secret = f"{username}:{realm}:{password}"
        self._secrets = {name: make(secret) for name, make in ALGORITHMS.items()}
        self._nonces = _Nonces()

    async def refusal(self, scope: Scope) -> Refusal | None:
        shown = authorization(scope, b"digest")
        fields = _fields(shown or b"")
        if not self._is_right(scope, fields):
            detail = "a user name and proof of its password are needed"
            return Refusal(detail, self._challenges(""))
        if not self._nonces.take(fields["nonce"], int(fields["nc"], 16)):
            detail = "the nonce has expired, or was used for another request"
            return Refusal(detail, self._challenges(", stale=true"))
        return None

    def _challenges(self, stale: str) -> tuple[str, ...]:
        nonce = self._nonces.new()
        return tuple(
            f'Digest realm="{self._realm}", qop="auth", algorithm={name},'
            f' nonce="{nonce}", charset=UTF-8{stale}'
            for name in ALGORITHMS
        )

    def _is_right(self, scope: Scope, fields: Mapping[str, str]) -> bool:
        """Whether the caller knows the password and speaks of this very request."""
        algorithm = fields.get("algorithm", "MD5").upper()
        wanted = ("username", "nonce", "uri", "response", "nc", "cnonce", "qop")
        if algorithm not in ALGORITHMS or not all(name in fields for name in wanted):
            return False
        if fields["qop"] != "auth" or not _COUNT(fields["nc"]):
            return False
        if encoded(fields["uri"]) != _target(scope):
            return False
        digest = ALGORITHMS[algorithm]
        request = digest(f"{scope['method']}:{fields['uri']}")
        parts = (fields[name] for name in ("nonce", "nc", "cnonce", "qop"))
        proof = digest(":".join((self._secrets[algorithm], *parts, request)))
        is_user = hmac.compare_digest(encoded(fields["username"]), self._username)
        given = encoded(fields["response"].lower())
        return hmac.compare_digest(given, proof.encode()) and is_user


class _Nonces:
    """Signed times, and how often those that callers used were used."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._used: dict[str, tuple[float, int, int]] = {}

    def new(self) -> str:
        """A nonce that nobody was given yet."""
        made = round(monotonic() * 1000).to_bytes(8, "big") + secrets.token_bytes(8)
        return base64.urlsafe_b64encode(made + self._signature(made)).decode()

    def take(self, nonce: str, count: int) -> bool:
        """Whether a nonce is of this process, still good, and new with this count."""
        now = monotonic()
        if not self._is_good(nonce, now):
            return False
        self._forget(now - LIFETIME)
        since, highest, seen = self._used.get(nonce, (now, 0, 0))
        ahead = count - highest
        if ahead > 0:
            highest, seen = count, seen << min(ahead, WINDOW) | 1
        elif -ahead >= WINDOW or seen >> -ahead & 1:
            return False
        else:
            seen |= 1 << -ahead
        self._used[nonce] = (since, highest, seen & (1 << WINDOW) - 1)
        return True

    def _is_good(self, nonce: str, now: float) -> bool:
        try:
            raw = base64.urlsafe_b64decode(encoded(nonce))
        except ValueError:
            return False
        made, signature = raw[:16], raw[16:]
        if not hmac.compare_digest(signature, self._signature(made)):
            return False
        return now - int.from_bytes(made[:8], "big") / 1000 <= LIFETIME

    def _forget(self, before: float) -> None:
        """Forget nonces that cannot be used any more; the first ones are the oldest."""
        while self._used:
            nonce = next(iter(self._used))
            if self._used[nonce][0] > before:
                return
            del self._used[nonce]

    def _signature(self, made: bytes) -> bytes:
        return hmac.digest(self._key, made, "sha256")


def _fields(shown: bytes) -> dict[str, str]:
    """The fields of an `Authorization` header, without their quotes."""
    fields = {}
    for pair in parse_http_list(shown.decode(errors="surrogateescape")):
        name, _, value = pair.partition("=")
        value = value.strip()
        if len(value) > 1 and value[0] == value[-1] == '"':
            value = value[1:-1]
        fields[name.strip().lower()] = value
    return fields


def _target(scope: Scope) -> bytes:
    """What was asked for, as it stood in the request."""
    path: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    query: bytes = scope["query_string"]
    return path + b"?" + query if query else path
