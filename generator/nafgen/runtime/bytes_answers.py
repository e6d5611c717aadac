"""Clients whose answers are bytes: as many as are allowed, of a type that is known."""

from __future__ import annotations

from typing import Any, ClassVar

import httpx

from .answers import UpstreamError, failed
from .calls import Call
from .upstream import AsyncClient, Client


class AsyncBounded(AsyncClient):
    """A client whose answers have `limit` bytes at the most, over another's connection.

    Answers that are no errors have `media_type`, if that is given.
    """

    opaque: ClassVar[bool] = True

    def __init__(self, client: AsyncClient, limit: int, media_type: str = "") -> None:
        super().__init__(client._connection, client._http)
        self._limit = limit
        self._media_type = media_type

    async def send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Like `AsyncClient.send`; the answer is whole in any case.

        Raises:
            UpstreamError: it has more bytes than are allowed.
        """
        answer = await super().send(call, stream=True)
        content = bytearray()
        try:
            _check(_declared(answer), answer, self._limit)
            async for chunk in answer.aiter_bytes():
                content += chunk
                _check(len(content), answer, self._limit)
        finally:
            await answer.aclose()
        return _whole(answer, bytes(content), self._media_type)

    async def call(self, call: Call) -> Any:
        """The bytes of the answer, None when it is empty; raises what `send` does."""
        return _content(await self.send(call))


class Bounded(Client):
    """A blocking client, otherwise like `AsyncBounded`."""

    def __init__(self, client: Client, limit: int, media_type: str = "") -> None:
        super().__init__(client._connection, client._http)
        self._limit = limit
        self._media_type = media_type

    def send(self, call: Call, *, stream: bool = False) -> httpx.Response:
        """Like `AsyncBounded.send`."""
        answer = super().send(call, stream=True)
        content = bytearray()
        try:
            _check(_declared(answer), answer, self._limit)
            for chunk in answer.iter_bytes():
                content += chunk
                _check(len(content), answer, self._limit)
        finally:
            answer.close()
        return _whole(answer, bytes(content), self._media_type)

    def call(self, call: Call) -> Any:
        """Like `AsyncBounded.call`."""
        return _content(self.send(call))


def _declared(answer: httpx.Response) -> int:
    length: str = answer.headers.get("content-length", "")
    # An answer to HEAD has no body, and an encoded one is of another size than it says.
    has_body = answer.request.method != "HEAD"
    is_plain = length.isdigit() and "content-encoding" not in answer.headers
    return int(length) if has_body and is_plain else 0


def _check(size: int, answer: httpx.Response, limit: int) -> None:
    if size > limit:
        what = "" if failed(answer) else f"with more than {limit:,} bytes"
        raise UpstreamError(_whole(answer, b"", ""), what)


def _whole(answer: httpx.Response, content: bytes, media_type: str) -> httpx.Response:
    """The answer with its content, which is decoded already."""
    headers = answer.headers.copy()
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)
    if content and not failed(answer):
        kind = media_type or headers.get("content-type") or "application/octet-stream"
        headers["content-type"] = kind
    return httpx.Response(
        answer.status_code, headers=headers, content=content, request=answer.request
    )


def _content(answer: httpx.Response) -> bytes | None:
    if failed(answer):
        raise UpstreamError(answer)
    return answer.content or None
