"""A client of httpx that sends most requests with aiohttp as they are, which takes less
time than making a request and the parsed URL of httpx first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

import aiohttp
import httpx
from yarl import URL

from .aiohttp_transport import (
    AT_ONCE,
    WITH_LENGTH,
    AiohttpTransport,
    Arriving,
    as_in_httpx,
    extensions_of,
    timeout_of,
)
from .direct_client import DirectClient, SendOnce

_FRAMING: Final = frozenset({"content-length", "host", "transfer-encoding"})


class AiohttpClient(DirectClient):
    """A client over aiohttp; it sends and answers what a `DirectClient` does."""

    def __init__(self, limits: httpx.Limits, **options: Any) -> None:
        self._pool = AiohttpTransport(limits)
        super().__init__(self._pool, **options)
        self._limits = timeout_of(self.timeout.as_dict())
        self._common = [
            (name.decode(), value.decode()) for name, value in self._defaults
        ]

    def sender(self, arguments: dict[str, Any], stream: bool) -> SendOnce:
        """See `DirectClient.sender`."""
        if _is_sent_alike(**arguments):
            return partial(self._exchange, arguments, stream)
        return super().sender(arguments, stream)

    async def _exchange(
        self, arguments: dict[str, Any], stream: bool
    ) -> httpx.Response:
        if self.is_closed:
            raise RuntimeError("the client has been closed")
        method, given = arguments["method"], arguments["headers"]
        content: bytes = arguments.get("content", b"")
        names = {name.lower() for name in given}
        headers = [each for each in self._common if each[0].lower() not in names]
        headers += [(name, value.decode()) for name, value in given.items()]
        if content or method in WITH_LENGTH:
            headers.append(("Content-Length", str(len(content))))
        url = URL(arguments["url"], encoded=True)
        answer = await self._pool.fetch(
            method, url, headers, content or None, self._limits
        )
        response = _Answer(
            partial(self.build_request, **arguments),
            answer.status,
            headers=list(answer.raw_headers),
            stream=Arriving(answer),
            extensions=extensions_of(answer),
        )
        self.tell(response)
        if _is_here(answer):
            response.take(await _read(answer))
        elif not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


class _Answer(httpx.Response):
    """An answer whose request is made when someone asks for it."""

    def __init__(
        self, ask: Callable[[], httpx.Request], status: int, **options: Any
    ) -> None:
        super().__init__(status, **options)
        self._ask = ask

    def take(self, content: bytes) -> None:
        """Be an answer that has been read, what `read` does in many more steps."""
        self._content = content
        self._num_bytes_downloaded = len(content)
        self.is_closed = self.is_stream_consumed = True

    @property
    def request(self) -> httpx.Request:
        """The request that has been answered."""
        if self._request is None:
            self._request = self._ask()
        return self._request

    @request.setter
    def request(self, value: httpx.Request) -> None:
        self._request = value

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_request": self.request}
        del state["_ask"]  # which holds the client
        return state


def _is_sent_alike(
    method: str,
    url: httpx.URL | str,
    headers: dict[str, bytes],
    content: Any = b"",
    files: Any = None,
) -> bool:
    """Whether aiohttp writes a request as httpx does, and its body at once.

    A URL that is a text is one that both write alike.
    """
    return (
        isinstance(url, str)
        and isinstance(content, bytes)
        and len(content) <= AT_ONCE
        and files is None
        and method != "HEAD"
        and _FRAMING.isdisjoint(headers)
        and all(value.isascii() for value in headers.values())
    )


def _is_here(answer: aiohttp.ClientResponse) -> bool:
    """Whether the whole answer is as small as it says, and so has mostly arrived."""
    length = answer.headers.get("Content-Length", "")
    is_small = length.isdigit() and int(length) <= AT_ONCE
    return is_small and "Content-Encoding" not in answer.headers


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    try:
        return await answer.read()
    except (aiohttp.ClientError, OSError) as error:
        raise as_in_httpx(error) from error
