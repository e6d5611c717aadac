"""HTTP digest authentication (RFC 7616) by httpx, whose failures are the API's."""

from __future__ import annotations

from collections.abc import Generator

import httpx

from .answers import UpstreamError


class DigestAuth(httpx.Auth):
    """Answers digest challenges; one that httpx cannot answer is an `UpstreamError`."""

    def __init__(self, username: str, password: str) -> None:
        self._pair = (username, password)
        self._auth = httpx.DigestAuth(*self._pair)

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        """The request, and the same again with an answer to its challenge."""
        try:
            yield from self._auth.auth_flow(request)
        except (KeyError, ValueError, NotImplementedError, httpx.ProtocolError):
            # It remembers the challenge, which the API may replace by a better one.
            self._auth = httpx.DigestAuth(*self._pair)
            answer = httpx.Response(httpx.codes.BAD_GATEWAY)
            what = "with a digest challenge that is not supported"
            raise UpstreamError(answer, what) from None
