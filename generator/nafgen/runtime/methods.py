"""What every route of a REST app has beside its own: HEAD, OPTIONS, CORS, and slashes."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from typing import Final
from urllib.parse import unquote

from starlette.convertors import Convertor
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .settings import SettingsError

_ORIGIN: Final = re.compile(
    r"https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:.]+\](:[0-9]+)?"
)


def cors(app: ASGIApp, exposed: tuple[str, ...]) -> ASGIApp:
    """The app for browsers of the origins in `CORS_ORIGINS`: a comma list, or `*`.

    Scripts of other origins can read `exposed` headers. Only named origins may send
    credentials that the browser has.

    Raises:
        SettingsError: an origin is not one.
    """
    origins = os.environ.get("CORS_ORIGINS", "").replace(",", " ").lower().split()
    for origin in origins:
        if origin != "*" and not _ORIGIN.fullmatch(origin):
            raise SettingsError(
                "CORS_ORIGINS must hold origins as https://app.test, or *"
            )
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=["*"] if "*" in origins else origins,
        allow_methods=["*"],
        allow_headers=["*"],
        allow_credentials="*" not in origins,
        expose_headers=[*exposed],
    )


class Slashes:
    """Middleware that keeps a percent-encoded slash inside the variable that holds it.

    Servers decode a path before it is routed. Where a route has a place for such a
    slash, it is until then a character that no decoded path can hold. All that looks
    at a path has to come behind this.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path", b"").decode("latin-1")
        if _ENCODED.search(raw) and unquote(raw) == scope["path"]:
            kept = {**scope, "path": unquote(_ENCODED.sub(_SLASH, raw))}
            for route in _matching(kept):
                route.param_convertors = dict.fromkeys(
                    route.param_convertors, _Decoded()
                )
                scope = kept
        await self._app(scope, receive, send)


_ENCODED: Final = re.compile("%2F", re.IGNORECASE)
_SLASH: Final = "\udc2f"


class _Decoded(Convertor[str]):
    """The value of a variable, with the slashes that were encoded in it."""

    def convert(self, value: str) -> str:
        return value.replace(_SLASH, "/")

    def to_string(self, value: str) -> str:
        return value


class Methods:
    """Middleware that answers HEAD where a route has GET, and OPTIONS of any route.

    A route that has one of the two itself answers it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope.get("method")
        if method == "HEAD" and _is_answered_by_get(scope):
            await self._head(scope, receive, send)
        elif method == "OPTIONS" and _has_no_options(scope):
            answer = Response(status_code=204, headers={"allow": allowed(scope)})
            await answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _head(self, scope: Scope, receive: Receive, send: Send) -> None:
        """What GET would answer, without the body."""

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.start":
                await send(message)
                await send({"type": "http.response.body"})
            elif message.get("more_body"):
                raise _NotWantedError

        with suppress(_NotWantedError, ClientDisconnect):
            await self._app({**scope, "method": "GET"}, receive, without_body)


class _NotWantedError(OSError):
    """The rest of an answer is not wanted, as if the client had left."""


def allowed(scope: Scope) -> str:
    """The methods of a request's path, as the header `Allow` has them."""
    methods = {"OPTIONS"}.union(*(route.methods or () for route in _matching(scope)))
    return ", ".join(sorted(methods | ({"HEAD"} if "GET" in methods else set())))


def _is_answered_by_get(scope: Scope) -> bool:
    """Whether a route that has only GET goes before all that have HEAD themselves."""
    routes = _matching(scope)
    get, head = _first("GET", routes), _first("HEAD", routes)
    return get is not None and (
        head is None or (head is not get and "GET" in (head.methods or ()))
    )


def _has_no_options(scope: Scope) -> bool:
    """Whether routes have a request's path, and none of them has OPTIONS itself."""
    routes = _matching(scope)
    return bool(routes) and _first("OPTIONS", routes) is None


def _first(method: str, routes: list[Route]) -> Route | None:
    return next((each for each in routes if method in (each.methods or ())), None)


def _matching(scope: Scope) -> list[Route]:
    """The routes that share a request's path."""
    return [
        route
        for route in scope["app"].routes
        if isinstance(route, Route) and route.matches(scope)[0] != Match.NONE
    ]
