"""Clients of a consumed HTTP API, and all that the code which uses them needs."""

from __future__ import annotations

import asyncio
import os
import time
from functools import partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from importlib.util import find_spec
from types import TracebackType
from typing import Any, ClassVar, Final, Self
from urllib.request import getproxies

import httpx

from .answers import UpstreamError, adecode, decode
from .calls import (
    ArgumentError,
    Call,
    Connection,
    Setting,
    basic,
    filled,
    given,
    joined,
    listed,
    segment,
)
from .direct_client import DirectClient, SendOnce
from .httpx2_transport import Httpx2Transport
from .observing import Sending, observing
from .retries import after_answer, after_error
from .settings import Environment, MissingSettingsError, SettingsError

__all__ = [
    "ArgumentError",
    "AsyncClient",
    "Call",
    "Client",
    "Connection",
    "Environment",
    "MissingSettingsError",
    "Setting",
    "SettingsError",
    "UpstreamError",
    "basic",
    "decode",
    "filled",
    "given",
    "joined",
    "listed",
    "segment",
]

CONNECT_TIMEOUT: Final = 5.0
"""Seconds to wait for a connection."""
HTTP_CLIENTS: Final = ("aiohttp", "httpx", "httpx2")
"""The libraries that can send requests; the first is taken where it is installed."""


class AsyncClient:
    """An asynchronous client; one instance holds one connection pool.

    A client of your own, given as `http`, brings its own time-outs and is not closed.
    """

    opaque: ClassVar[bool] = False
    """Whether answers are bytes, whatever they look like."""

    def __init__(self, connection: Connection, http: httpx.AsyncClient | None) -> None:
        self._connection = connection
        self._owned = http is None
        self._http = http or _pooled(connection)

    async def send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Send a call; the answer comes back whatever its status.

        A redirect is an answer like any other: it is not followed, so that credentials
        never reach another host. With `stream`, the caller reads and closes the answer.

        Raises:
            ArgumentError: an argument cannot be sent.
            httpx.RequestError: the upstream API cannot be reached or understood.
        """
        send = self._sender(call, stream)
        for attempt in range(self._connection.further_tries(call)):
            try:
                response = await send()
            except httpx.TransportError as error:
                delay = after_error(call.method, attempt, error)
                if delay is None:
                    raise
            else:
                delay = after_answer(call.method, attempt, response)
                if delay is None:
                    return response
                await response.aclose()
            await asyncio.sleep(delay)
        return await send()

    def _sender(self, call: Call, stream: bool) -> SendOnce:
        """What sends a call once; where nothing has to see its request, directly."""
        arguments = self._connection.arguments(call)
        options = _sending(self._connection, stream)
        send: Sending = self._http.send
        if observing.observer is not None:
            send = observing.observer.sender(send)
        elif isinstance(self._http, DirectClient) and "auth" not in options:
            return self._http.sender(arguments, stream)
        return partial(send, self._http.build_request(**arguments), **options)

    async def call(self, call: Call) -> Any:
        """Send a call and decode its answer; raises what both do."""
        return await adecode(await self.send(call), call.read)

    async def aclose(self) -> None:
        """Close the connection pool."""
        if self._owned:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()


class Client:
    """A blocking client, otherwise like `AsyncClient`."""

    def __init__(self, connection: Connection, http: httpx.Client | None) -> None:
        self._connection = connection
        self._owned = http is None
        self._http = http or httpx.Client(**_options(connection))

    def send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Like `AsyncClient.send`."""
        request = self._http.build_request(**self._connection.arguments(call))
        options = _sending(self._connection, stream)
        for attempt in range(self._connection.further_tries(call)):
            try:
                response = self._http.send(request, **options)
            except httpx.TransportError as error:
                delay = after_error(call.method, attempt, error)
                if delay is None:
                    raise
            else:
                delay = after_answer(call.method, attempt, response)
                if delay is None:
                    return response
                response.close()
            time.sleep(delay)
        return self._http.send(request, **options)

    def call(self, call: Call) -> Any:
        """Like `AsyncClient.call`."""
        return decode(self.send(call), call.read)

    def close(self) -> None:
        """Close the connection pool."""
        if self._owned:
            self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _sending(connection: Connection, stream: bool) -> dict[str, Any]:
    options: dict[str, Any] = {"stream": stream, "follow_redirects": False}
    if connection.auth is not None:
        options["auth"] = connection.auth
    return options


def _pooled(connection: Connection) -> httpx.AsyncClient:
    """A client over aiohttp, where that is installed and sends what httpx would send, or
    over what `HTTP_CLIENT` names.

    Raises:
        SettingsError: that is none of these, or is not installed.
    """
    options = _options(connection)
    wanted = os.environ.get("HTTP_CLIENT", "")
    if wanted and wanted not in HTTP_CLIENTS:
        raise SettingsError(f"HTTP_CLIENT is one of {', '.join(HTTP_CLIENTS)}")
    if wanted and find_spec(wanted) is None:
        raise SettingsError(f"HTTP_CLIENT names {wanted}, which is not installed")
    library = wanted or ("aiohttp" if find_spec("aiohttp") else "httpx")
    # Where the environment names a proxy, httpx knows which requests go through it.
    is_direct = getproxies().keys().isdisjoint(("http", "https", "all"))
    if is_direct and library == "aiohttp":
        from .aiohttp_client import AiohttpClient  # who lacks aiohttp goes without

        return AiohttpClient(**options)
    if is_direct and library == "httpx2":
        return DirectClient(Httpx2Transport(options.pop("limits")), **options)
    return httpx.AsyncClient(**options)


def _options(connection: Connection) -> dict[str, Any]:
    # One pool serves many users: a cookie set for one must not be sent for another.
    no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
    return {
        "timeout": httpx.Timeout(connection.timeout, connect=CONNECT_TIMEOUT),
        "limits": httpx.Limits(
            max_connections=connection.max_connections,
            max_keepalive_connections=connection.max_connections,
        ),
        "cookies": no_cookies,
    }
