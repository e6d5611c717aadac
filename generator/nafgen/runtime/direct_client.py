"""A client of httpx with nothing between a request and its transport."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx

SendOnce = Callable[[], Awaitable[httpx.Response]]
"""Sends a request; each call is a further try."""

logger = logging.getLogger("httpx")


class DirectClient(httpx.AsyncClient):
    """A client without cookies, redirects, hooks and mounts, which take time unused.

    Requests that bring an authentication are sent as `httpx.AsyncClient` sends them.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, **options: Any) -> None:
        super().__init__(transport=transport, **options)
        self._direct = transport
        self._defaults = self.headers.raw
        self._extensions = {"timeout": self.timeout.as_dict()}

    def build_request(
        self,
        method: str,
        url: httpx.URL | str,
        *,
        headers: Any = None,
        **options: Any,
    ) -> httpx.Request:
        """A request whose headers are those given and the defaults that they lack."""
        given = [(name.encode(), value) for name, value in headers.items()]
        names = {name.lower() for name, _ in given}
        defaults = [each for each in self._defaults if each[0].lower() not in names]
        return httpx.Request(
            method,
            url,
            headers=[*defaults, *given],
            extensions=self._extensions,
            **options,
        )

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **options: Any
    ) -> httpx.Response:
        """Send a request; see `httpx.AsyncClient.send`."""
        if "auth" in options:
            return await super().send(request, stream=stream, **options)
        if self.is_closed:
            raise RuntimeError("the client has been closed")
        response = await self._direct.handle_async_request(request)
        response.request = request
        self.tell(response)
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response

    def sender(self, arguments: dict[str, Any], stream: bool) -> SendOnce:
        """What sends the request that `build_request` makes of its arguments."""
        return partial(self.send, self.build_request(**arguments), stream=stream)

    def tell(self, response: httpx.Response) -> None:
        """Log what httpx logs of an answer."""
        if logger.isEnabledFor(logging.INFO):
            logger.info(
                'HTTP Request: %s %s "%s %d %s"',
                response.request.method,
                response.request.url,
                response.http_version,
                response.status_code,
                response.reason_phrase,
            )
