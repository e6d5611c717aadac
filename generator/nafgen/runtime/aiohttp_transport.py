"""httpx's interface over aiohttp, which takes a fraction of the time of its own.

What goes over the wire, and which errors come back, is as with httpx itself; requests that
aiohttp would write differently go through httpx.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
import httpx
from yarl import URL

AT_ONCE: Final = 64 * 1024
"""Bytes of a body that are written without waiting for the upstream to read them."""
MAX_HEADER: Final = 64 * 1024
"""Bytes of a header of an answer at the most."""
WITH_LENGTH: Final = ("PATCH", "POST", "PUT")
"""Methods that say so where they have no body."""
_LENGTH: Final = "Content-Length"
_AUTOMATIC: Final = frozenset({"accept", "accept-encoding", "user-agent"})
"""Headers that aiohttp would send where a request has none."""
_AUTOMATIC_WITH_TYPE: Final = _AUTOMATIC | {"content-type"}
"""The same where a request has a body, or says that it has none."""


class AiohttpTransport(httpx.AsyncBaseTransport):
    """One connection pool of aiohttp; it belongs to the event loop that uses it."""

    def __init__(self, limits: httpx.Limits) -> None:
        self._limits = limits
        self._tls = httpx.create_ssl_context()
        self._tls.set_alpn_protocols(["http/1.1"])
        self._plain = httpx.AsyncHTTPTransport(verify=self._tls, limits=limits)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request.

        Raises:
            httpx.TransportError: the upstream cannot be reached or understood.
        """
        url = URL(str(request.url), encoded=True)
        headers = request.headers.raw
        if not _is_sent_alike(request, url):
            return await self._plain.handle_async_request(request)
        limits = request.extensions["timeout"]
        try:
            async with asyncio.timeout(None) as writing:
                answer = await self.fetch(
                    request.method,
                    url,
                    [
                        (name.decode(), value.decode())
                        for name, value in headers
                        if name.lower() != b"transfer-encoding"  # it says that itself
                    ],
                    _body(request, writing, limits["write"]),
                    timeout_of(limits),
                )
        except TimeoutError as error:
            raise httpx.WriteTimeout("the upstream reads too slowly") from error
        return httpx.Response(
            answer.status,
            headers=list(answer.raw_headers),
            stream=Arriving(answer),
            extensions=extensions_of(answer),
        )

    async def fetch(
        self,
        method: str,
        url: URL,
        headers: Sequence[tuple[str, str]],
        body: bytes | AsyncIterator[bytes] | None,
        timeout: aiohttp.ClientTimeout,
    ) -> aiohttp.ClientResponse:
        """The beginning of an answer, whose body is still to be read or released.

        Raises:
            httpx.TransportError: the upstream cannot be reached or understood.
        """
        loop = asyncio.get_running_loop()
        session = await self._in(loop)
        start = loop.time()
        with_type = body is not None or method in WITH_LENGTH
        automatic = _AUTOMATIC_WITH_TYPE if with_type else _AUTOMATIC
        unwanted = automatic.difference([name.lower() for name, _ in headers])
        try:
            return await session.request(
                method,
                url,
                headers=headers,
                data=body,
                timeout=timeout,
                allow_redirects=False,
                skip_auto_headers=unwanted or None,
            )
        except httpx.ConnectTimeout as error:
            if timeout.connect is not None and loop.time() - start >= timeout.connect:
                raise httpx.PoolTimeout(str(error)) from error
            raise

    async def aclose(self) -> None:
        """Close the connection pool."""
        await self._plain.aclose()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _in(self, loop: asyncio.AbstractEventLoop) -> aiohttp.ClientSession:
        """The session of an event loop; that of another one, which ended, is closed."""
        if self._session is None or self._loop is not loop:
            ended, self._session, self._loop = self._session, self._opened(), loop
            if ended is not None:
                await ended.close()
        return self._session

    def _opened(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                ssl=self._tls,
                limit=self._limits.max_connections or 0,
                keepalive_timeout=self._limits.keepalive_expiry,
            ),
            # One pool serves many users: no cookie of one may reach another.
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            middlewares=(_with_errors_of_httpx,),
            max_line_size=MAX_HEADER,
            max_field_size=MAX_HEADER,
        )


def _is_sent_alike(request: httpx.Request, url: URL) -> bool:
    """Whether aiohttp writes a request as httpx does, and reads its answer."""
    return (
        url.raw_path_qs.encode() == request.url.raw_path
        and all(value.isascii() for _, value in request.headers.raw)
        and request.method != "HEAD"  # whose body, if there is one, makes it fail
    )


async def _with_errors_of_httpx(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a request once: aiohttp itself tries again after errors of its own."""
    if request.method not in WITH_LENGTH and request.headers.get(_LENGTH) == "0":
        del request.headers[_LENGTH]
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise as_in_httpx(error) from error


def timeout_of(limits: Mapping[str, float | None]) -> aiohttp.ClientTimeout:
    """What aiohttp is told of the time-outs of a request of httpx."""
    return aiohttp.ClientTimeout(
        connect=limits["pool"],
        sock_connect=limits["connect"],
        sock_read=limits["read"],
    )


def extensions_of(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    """What httpx knows of an answer beside its status, headers and body."""
    extensions = {"http_version": b"HTTP/1.1"}
    if answer.reason is not None:
        extensions["reason_phrase"] = answer.reason.encode("utf-8", "replace")
    return extensions


def as_in_httpx(error: Exception) -> Exception:
    """The error that httpx has for one of aiohttp's."""
    kind: type[httpx.TransportError]
    match error:
        case aiohttp.ConnectionTimeoutError():
            kind = httpx.ConnectTimeout
        case aiohttp.ServerTimeoutError():
            kind = httpx.ReadTimeout
        case aiohttp.ClientConnectorError():
            kind = httpx.ConnectError
        case aiohttp.ServerDisconnectedError() | aiohttp.ClientResponseError():
            kind = httpx.RemoteProtocolError
        case aiohttp.ClientPayloadError():
            kind = httpx.RemoteProtocolError
        case aiohttp.ClientConnectionError(__cause__=Exception() as cause):
            # What makes a body failed; it says so itself, as with httpx.
            return httpx.WriteError(str(cause)) if isinstance(cause, OSError) else cause
        case _:
            kind = httpx.ReadError
    return kind(str(error))


class Arriving(httpx.AsyncByteStream):
    """The body of an answer, as it arrives and as it is encoded."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_any():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise as_in_httpx(error) from error

    async def aclose(self) -> None:
        self._answer.release()  # closes the connection, unless all of it has been read


def _body(
    request: httpx.Request, writing: asyncio.Timeout, limit: float | None
) -> bytes | AsyncIterator[bytes] | None:
    """What aiohttp sends; None for nothing."""
    try:
        content = request.content
    except httpx.RequestNotRead:
        return _slowly(request.stream, writing, limit)
    if len(content) <= AT_ONCE:
        return content or None
    return _slowly(_pieces(content), writing, limit)


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), AT_ONCE):
        yield content[start : start + AT_ONCE]


async def _slowly(
    stream: Any, writing: asyncio.Timeout, limit: float | None
) -> AsyncIterator[bytes]:
    """A body in pieces; each has to be written in time, as aiohttp has no limit for it."""
    now = asyncio.get_running_loop().time
    async for chunk in stream:
        _let_end(writing, None if limit is None else now() + limit)
        yield chunk
        _let_end(writing, None)


def _let_end(writing: asyncio.Timeout, when: float | None) -> None:
    # An upstream may answer before it has read all.
    if not writing.expired():
        writing.reschedule(when)
