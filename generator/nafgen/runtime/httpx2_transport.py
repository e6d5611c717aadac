"""httpx's interface over httpx2, the next httpx, for who prefers it to aiohttp."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import httpx


class Httpx2Transport(httpx.AsyncBaseTransport):
    """One connection pool of httpx2."""

    def __init__(self, limits: httpx.Limits) -> None:
        self._library: Any = import_module("httpx2")  # who does not ask for it lacks it
        self._transport = self._library.AsyncHTTPTransport(
            verify=httpx.create_ssl_context(),
            limits=self._library.Limits(
                max_connections=limits.max_connections,
                max_keepalive_connections=limits.max_keepalive_connections,
                keepalive_expiry=limits.keepalive_expiry,
            ),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: the upstream cannot be reached or understood.
        """
        stream: Any = request.stream
        try:
            content = request.content
        except httpx.RequestNotRead:
            content = aiter(stream)
        asked = self._library.Request(
            request.method,
            str(request.url),
            headers=request.headers.raw,
            content=content,
            extensions=request.extensions,
        )
        with self.errors_of_httpx():
            answer = await self._transport.handle_async_request(asked)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers.raw,
            stream=_Arriving(answer.stream, self),
            extensions=answer.extensions,
        )

    @contextmanager
    def errors_of_httpx(self) -> Iterator[None]:
        """Raise the errors of httpx2 as those that httpx has under the same names."""
        try:
            yield
        except self._library.TransportError as error:
            kind = getattr(httpx, type(error).__name__, httpx.TransportError)
            raise kind(str(error)) from error

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._transport.aclose()


class _Arriving(httpx.AsyncByteStream):
    """The body of an answer, as it arrives and as it is encoded."""

    def __init__(self, stream: Any, transport: Httpx2Transport) -> None:
        self._stream = stream
        self._transport = transport

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with self._transport.errors_of_httpx():
            async for chunk in self._stream:
                yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()
