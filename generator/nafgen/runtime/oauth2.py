"""OAuth 2.0 client credentials: tokens are fetched, kept, and renewed in time."""

from __future__ import annotations

import asyncio
import base64
import math
import re
import threading
import time
from collections.abc import AsyncGenerator, Generator
from typing import Any, Final
from urllib.parse import quote_plus

import httpx

from .answers import UpstreamError, status
from .settings import SettingsError

_LEEWAY: Final = 30.0
"""Seconds before its end at which a token is renewed; a tenth of its time at the most."""
_LOOPBACK: Final = re.compile(r"localhost|::1|127(\.\d{1,3}){3}").fullmatch
_TOKEN: Final = re.compile(r"[!-~]+").fullmatch
_REASON: Final = re.compile(r"[a-z_]{1,40}").fullmatch
_AUTHORIZATION_SERVER: Final = "/.well-known/oauth-authorization-server"
_OPENID: Final = "/.well-known/openid-configuration"

_Steps = Generator[httpx.Request, httpx.Response, None]


class TokenError(UpstreamError):
    """There is no access token; the message says why and holds no secret.

    Nothing was sent to the API, and what the authorization server says is none of the
    caller's business: `response` is that of a gateway.
    """

    def __init__(self, why: str) -> None:
        super().__init__(httpx.Response(httpx.codes.BAD_GATEWAY))
        self.args = (f"there is no access token: {why}",)


class ClientCredentials(httpx.Auth):
    """Sends each request with a bearer token of an authorization server (RFC 6749, 4.4).

    Tokens come from `token_url`, else from where the metadata of `server` says (RFC
    8414, or OpenID Connect Discovery). Callers that need one at the same time share it.
    A token that the API answers with 401 is renewed once. Requests for tokens take the
    client that sends the request itself; redirects are not followed.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        *,
        token_url: str = "",
        server: str = "",
        scope: str = "",
        resource: str = "",
        audience: str = "",
    ) -> None:
        """All texts may be empty but for one of `token_url` and `server`.

        Raises:
            SettingsError: an address is not one, or credentials would travel unencrypted.
        """
        self._client = (client_id, client_secret)
        self._server = server
        self._endpoint = token_url
        self._is_basic = True
        wanted = {"scope": scope, "resource": resource, "audience": audience}
        self._form = {"grant_type": "client_credentials"}
        self._form |= {name: value for name, value in wanted.items() if value}
        address = token_url or server
        if address and not _is_safe(address):
            raise SettingsError(
                "the address of an authorization server must begin with https://"
            )
        self._token = ""
        self._renewal_at = 0.0
        self._lock = threading.Lock()
        self._async_lock = asyncio.Lock()

    def sync_auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """The request with a token, and the requests that get one."""
        rejected = ""
        for _ in range(2):
            with self._lock:
                steps = self._renewal(request, rejected)
                step = next(steps, None)
                is_new = step is not None
                while step is not None:
                    answer = yield step
                    answer.read()
                    step = _next(steps, answer)
                rejected = self._token
            request.headers["authorization"] = f"Bearer {rejected}"
            answer = yield request
            if answer.status_code != httpx.codes.UNAUTHORIZED or is_new:
                return
            # An answer that is not read holds a connection, which others may need.
            answer.read()

    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Like `sync_auth_flow`."""
        rejected = ""
        for _ in range(2):
            async with self._async_lock:
                steps = self._renewal(request, rejected)
                step = next(steps, None)
                is_new = step is not None
                while step is not None:
                    answer = yield step
                    await answer.aread()
                    step = _next(steps, answer)
                rejected = self._token
            request.headers["authorization"] = f"Bearer {rejected}"
            answer = yield request
            if answer.status_code != httpx.codes.UNAUTHORIZED or is_new:
                return
            await answer.aread()

    def _renewal(self, request: httpx.Request, rejected: str) -> _Steps:
        """What to send for a token, unless there is one that is neither rejected nor old.

        Raises:
            TokenError: the authorization server gives none.
        """
        if self._token != rejected and time.monotonic() < self._renewal_at:
            return
        waits = {"timeout": request.extensions.get("timeout", {})}
        if not self._endpoint:
            yield from self._discovery(waits)
        asked_at = time.monotonic()
        answer = yield self._token_request(waits)
        value = _members(answer)
        token = value.get("access_token")
        if answer.status_code != httpx.codes.OK:
            reason = str(value.get("error", ""))
            said = f" ({reason})" if _REASON(reason) else ""
            why = f"the authorization server answered {status(answer)}{said}"
            raise TokenError(why)
        kind = str(value.get("token_type", "bearer")).lower()
        if not isinstance(token, str) or not _TOKEN(token) or kind != "bearer":
            raise TokenError("the authorization server sent no bearer token")
        self._token = token
        self._renewal_at = asked_at + _kept(value.get("expires_in"))

    def _token_request(self, waits: dict[str, Any]) -> httpx.Request:
        headers = {"accept": "application/json"}
        form = dict(self._form)
        if self._is_basic:
            pair = ":".join(map(_quoted, self._client)).encode()
            headers["authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        else:
            form["client_id"], form["client_secret"] = self._client
        return httpx.Request(
            "POST", self._endpoint, headers=headers, data=form, extensions=waits
        )

    def _discovery(self, waits: dict[str, Any]) -> _Steps:
        """Ask the authorization server where it gives tokens, and to whom."""
        server = httpx.URL(self._server)
        path = server.path.rstrip("/")
        headers = {"accept": "application/json"}
        for place in (f"{_AUTHORIZATION_SERVER}{path}", f"{path}{_OPENID}"):
            url = server.copy_with(path=place)
            answer = yield httpx.Request("GET", url, headers=headers, extensions=waits)
            value = _members(answer)
            endpoint = value.get("token_endpoint")
            if answer.status_code != httpx.codes.OK or not isinstance(endpoint, str):
                continue
            if str(value.get("issuer")).rstrip("/") != self._server.rstrip("/"):
                why = "the metadata of the authorization server is that of another one"
                raise TokenError(why)
            if not _is_safe(endpoint):
                why = "the authorization server gives tokens without https"
                raise TokenError(why)
            methods = value.get("token_endpoint_auth_methods_supported")
            known = methods if isinstance(methods, list) else ["client_secret_basic"]
            self._is_basic = (
                "client_secret_basic" in known or "client_secret_post" not in known
            )
            self._endpoint = endpoint
            return
        why = (
            f"the authorization server does not say where; it answered {status(answer)}"
        )
        raise TokenError(why)


def _next(steps: _Steps, answer: httpx.Response) -> httpx.Request | None:
    try:
        return steps.send(answer)
    except StopIteration:
        return None


def _is_safe(url: str) -> bool:
    """Whether credentials may be sent to an address: encrypted, or to this machine."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    local = parsed.scheme == "http" and _LOOPBACK(parsed.host) is not None
    return bool(parsed.host) and (parsed.scheme == "https" or local)


def _members(answer: httpx.Response) -> dict[str, Any]:
    """The JSON object that an answer holds; an empty one where it holds none."""
    try:
        value = answer.json()
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _kept(expires_in: object) -> float:
    """The seconds for which a token is used; one without an end until it is rejected."""
    try:
        seconds = float(str(expires_in))
    except ValueError:
        return math.inf
    return seconds - min(_LEEWAY, seconds / 10)


def _quoted(text: str) -> str:
    return quote_plus(text, errors="surrogateescape")
