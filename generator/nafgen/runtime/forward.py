"""Passes requests on to a whole API: their paths, queries and bodies as they are."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import quote, unquote, unquote_plus

import httpx
from fastapi import FastAPI, Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .calls import ArgumentError, Call
from .rest import Arriving, unless_left
from .upstream import AsyncClient

METHODS: Final = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
"""Methods that are passed on; TRACE would show the caller our credentials."""
PASSED: Final = ("accept", "content-encoding", "content-type")
"""Headers of a request that are passed on beside the trusted ones."""
OF_CONNECTIONS: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that say something of one connection, and nothing of the next one."""
KEPT_BACK: Final = OF_CONNECTIONS | {
    "alt-svc",
    "clear-site-data",
    "content-encoding",
    "content-length",
    "date",
    "server",
    "set-cookie",
    "set-cookie2",
    "strict-transport-security",
}
"""Headers of an answer that are not passed on: the upstream API says them of its own
host, its cookies are those of this service, and bodies are decoded."""

_BYTE: Final = re.compile(rb"%[0-9A-Fa-f]{2}|.", re.DOTALL)
_SLASHES: Final = re.compile(r"[/\\]")
_IN_PATH: Final = "%/:@!$&'()*+,;=~"
_IN_QUERY: Final = "%/:@!$&'()*+,;=~?[]|\\^`"


def add_forward(app: FastAPI, path: str, client: AsyncClient, *trusted: str) -> None:
    """Pass all that no other route answers below a path on to an API.

    The path's variable `path`, if it has one, goes behind the API's base URL. Of the
    headers, only `trusted` ones, in lower case, and those in `PASSED` are passed on.
    """
    app.routes.append(Route(path, _Forward(client, trusted), methods=METHODS))


class _Forward:
    """The ASGI app behind a path."""

    def __init__(self, client: AsyncClient, trusted: tuple[str, ...]) -> None:
        self._client = client
        self._connection = client._connection
        self._passed = (*PASSED, *trusted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        before, rest = _split(scope)
        sent = asyncio.Event()
        call = Call(
            request.method,
            rest + self._query(scope["query_string"]),
            headers=self._headers(request),
            content=await self._body(request, sent),
            media_type="application/octet-stream",
        )
        answer = await unless_left(self._client.send(call, stream=True), sent)
        response = Arriving(answer)
        response.raw_headers = [*self._answered(answer, before if rest else "")]
        await response(scope, receive, send)

    def _query(self, query: bytes) -> str:
        """The query as it is, without what the client sends itself."""
        pairs = quote(query, safe=_IN_QUERY).split("&")
        if own := self._connection.query:
            named = ((unquote_plus(pair.partition("=")[0]), pair) for pair in pairs)
            pairs = [pair for name, pair in named if name not in own]
        kept = "&".join(pairs)
        return f"?{kept}" if kept else ""

    def _headers(self, request: Request) -> dict[str, str]:
        given, connection = request.headers, self._connection
        own = {*connection.headers, *(["cookie"] if connection.cookies else [])}
        dropped = own | _of_connection(given.getlist("connection"))
        headers = {
            name: ("; " if name == "cookie" else ", ").join(given.getlist(name))
            for name in self._passed
            if name in given and name not in dropped
        }
        if _has_body(request) and "content-length" in given:
            headers["content-length"] = given["content-length"]
        return headers

    async def _body(
        self, request: Request, sent: asyncio.Event
    ) -> bytes | AsyncIterator[bytes] | None:
        """The body as it arrives; `sent` is set at its end."""
        if _has_body(request) and self._connection.auth is None:
            return _streamed(request, sent)
        # An authentication may have to send the request a second time.
        body = await request.body() if _has_body(request) else None
        sent.set()
        return body

    def _answered(
        self, answer: httpx.Response, before: str
    ) -> list[tuple[bytes, bytes]]:
        """The headers of an answer; its length is known unless it was decoded."""
        given = answer.headers
        dropped = KEPT_BACK | _of_connection(given.get_list("connection"))
        framed = {"content-encoding", "transfer-encoding"} & given.keys()
        if not framed and answer.status_code not in (204, 304):
            dropped -= {"content-length"}
        headers = []
        for name, value in given.raw:
            known = name.decode("latin-1").lower()
            if known in dropped or known.startswith("access-control-"):
                continue
            if known == "location":
                value = self._location(answer, value.decode("latin-1"), before)
            headers.append((known.encode("latin-1"), value))
        return headers

    def _location(self, answer: httpx.Response, location: str, before: str) -> bytes:
        """Where a redirect leads: below the base URL, to this service again."""
        try:
            url = str(answer.request.url.join(location))
        except httpx.InvalidURL:
            return b""
        base = f"{httpx.URL(self._connection.base_url)}".rstrip("/") + "/"
        rest = url.removeprefix(base)
        is_ours = bool(before) and rest != url and not rest.startswith("/")
        return (before + rest if is_ours else url).encode("latin-1", "ignore")


async def _streamed(request: Request, sent: asyncio.Event) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk
    sent.set()


def _split(scope: Scope) -> tuple[str, str]:
    """A request's path, percent-encoded: what comes before its variable `path`, and what
    goes behind the base URL, which is empty where there is no such variable.

    Raises:
        ArgumentError: it would leave the base URL.
    """
    raw: bytes = scope.get("raw_path") or quote(scope["path"]).encode()
    rest = scope["path_params"].get("path")
    if rest is None:
        return quote(raw, safe=_IN_PATH), ""
    # The variable is decoded, and an encoded slash must not become another one.
    each = _BYTE.findall(raw)
    start = max(len(each) - len(rest.encode()), 0)
    kept = b"".join(each[start:])
    if unquote(kept) != rest:
        raise ArgumentError("the path is not valid Unicode text")
    # Some servers decode a path twice, and some cut what follows a semicolon.
    segments = _SLASHES.split(unquote(unquote(rest)))
    if any(segment.partition(";")[0] in (".", "..") for segment in segments):
        raise ArgumentError("the path holds a segment . or ..")
    before = quote(b"".join(each[:start]), safe=_IN_PATH)
    return before, f"/{quote(kept, safe=_IN_PATH)}"


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length != "0" or "transfer-encoding" in request.headers


def _of_connection(values: list[str]) -> frozenset[str]:
    """The headers that a `Connection` header names."""
    return frozenset(
        name.strip().lower() for value in values for name in value.split(",")
    )
