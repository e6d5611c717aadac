"""Checks who calls a service: each request must show the credentials of the spec."""

from __future__ import annotations

import base64
import hmac
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from .health import own_paths
from .settings import Environment, SettingsError


class Refusal(NamedTuple):
    """Why a request is refused; `challenges` say what would have been accepted."""

    detail: str
    challenges: tuple[str, ...]
    status: int = 401


class Guard(ABC):
    """What callers must show. `public` are apps that answer anyone, by their path."""

    public: Mapping[str, ASGIApp] = {}

    def __init__(self, env: Environment, realm: str, *secrets: str) -> None:
        """Hold callers to secrets that were read from the environment.

        Raises:
            MissingSettingsError: some are missing.
            SettingsError: one is blank: whoever shows nothing would know it.
        """
        if env.complete() and not all(map(str.strip, secrets)):
            raise SettingsError(f"a credential of the callers of {realm} is blank")
        self._realm = realm

    @abstractmethod
    async def refusal(self, scope: Scope) -> Refusal | None:
        """Why a request is refused; None where it shows what it must."""


class Bearer(Guard):
    """A token in the `Authorization` header (RFC 6750)."""

    def __init__(self, env: Environment, realm: str, token: str) -> None:
        super().__init__(env, realm, token)
        self._token = encoded(token.strip())

    async def refusal(self, scope: Scope) -> Refusal | None:
        shown = authorization(scope, b"bearer")
        if shown is not None and hmac.compare_digest(shown, self._token):
            return None
        challenge = f'Bearer realm="{self._realm}"'
        if shown is None:
            return Refusal("a bearer token is needed", (challenge,))
        wrong = f'{challenge}, error="invalid_token"'
        return Refusal("this is not the bearer token", (wrong,))


class Basic(Guard):
    """A user name and a password (RFC 7617)."""

    def __init__(
        self, env: Environment, realm: str, username: str, password: str
    ) -> None:
        super().__init__(env, realm, username, password)
        if ":" in username:
            raise SettingsError(f"a user name of {realm} holds a colon")
        self._pair = encoded(f"{username}:{password}")

    async def refusal(self, scope: Scope) -> Refusal | None:
        try:
            shown = base64.b64decode(
                authorization(scope, b"basic") or b"", validate=True
            )
        except ValueError:
            shown = b""
        if hmac.compare_digest(shown, self._pair):
            return None
        challenge = f'Basic realm="{self._realm}", charset="UTF-8"'
        return Refusal("a user name and its password are needed", (challenge,))


class ApiKeys(Guard):
    """Keys, all of which are needed: where each is (`header`, `query` or `cookie`), its
    name, and its value."""

    def __init__(
        self, env: Environment, realm: str, *keys: tuple[str, str, str]
    ) -> None:
        super().__init__(env, realm, *(value for _, _, value in keys))
        self._keys = [(p, name, encoded(value.strip())) for p, name, value in keys]

    async def refusal(self, scope: Scope) -> Refusal | None:
        known = [_shows(scope, *key) for key in self._keys]  # all, to take all out
        if all(known):
            return None
        challenge = f'ApiKey realm="{self._realm}"'
        return Refusal("an API key is needed", (challenge,))


class Guarded:
    """Middleware that answers those whom a guard refuses, whatever they ask for.

    Anyone may GET the health of the adapter, where it is not a route of the spec.
    """

    def __init__(self, app: ASGIApp, guard: Guard, routes: list[BaseRoute]) -> None:
        self._app = app
        self._guard = guard
        self._open = own_paths(routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            answer = await self._answer(scope)
            await answer(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope) -> ASGIApp:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        if path in self._guard.public:
            return self._guard.public[path]
        if path in self._open and scope["method"] == "GET":
            return self._app
        refusal = await self._guard.refusal(scope)
        return self._app if refusal is None else _problem(refusal)


def add_guard(app: Starlette, guard: Guard) -> None:
    """Let a guard look at all requests, but those for the app's own health."""
    # What is first in a REST app logs, reads the path, and answers browsers, which ask
    # it without credentials.
    app.user_middleware.insert(3, Middleware(Guarded, guard=guard, routes=app.routes))


def authorization(scope: Scope, scheme: bytes) -> bytes | None:
    """What follows the scheme in the one `Authorization` header that there is."""
    shown = _in_header(scope, "authorization")
    name, _, credentials = shown[0].partition(b" ") if shown else (b"", b"", b"")
    if len(shown) != 1 or name.lower() != scheme:
        return None
    return credentials.strip(b" ")


def encoded(text: str) -> bytes:
    """Text of the environment as it was there."""
    return text.encode(errors="surrogateescape")


def _problem(refusal: Refusal) -> ASGIApp:
    title = HTTPStatus(refusal.status).phrase
    content = {"type": "about:blank", "title": title, "status": refusal.status}
    content["detail"] = refusal.detail
    kind = "application/problem+json"
    answer = JSONResponse(content, refusal.status, media_type=kind)
    for challenge in refusal.challenges:
        answer.headers.append("www-authenticate", challenge)
    return answer


def _shows(scope: Scope, place: str, name: str, value: bytes) -> bool:
    found = _PLACES[place](scope, name)
    return any(hmac.compare_digest(shown, value) for shown in found)


# What is found is taken out of the request: it is for this service alone, so that it
# stands in no log and goes nowhere else.


def _in_header(scope: Scope, name: str) -> list[bytes]:
    wanted, headers = name.lower().encode(), list(scope["headers"])
    scope["headers"] = [pair for pair in headers if pair[0] != wanted]
    return [value for own, value in headers if own == wanted]


def _in_query(scope: Scope, name: str) -> list[bytes]:
    shown, rest = [], []
    for pair in scope["query_string"].split(b"&"):
        own, _, value = pair.replace(b"+", b" ").partition(b"=")
        if unquote_to_bytes(own) == name.encode():
            shown.append(unquote_to_bytes(value))
        else:
            rest.append(pair)
    scope["query_string"] = b"&".join(rest)
    return shown


def _in_cookie(scope: Scope, name: str) -> list[bytes]:
    shown, rest = [], []
    for header in _in_header(scope, "cookie"):
        for pair in header.split(b";"):
            own, _, value = pair.strip().partition(b"=")
            if own == name.encode():
                shown += [value, unquote_to_bytes(value)]
            else:
                rest.append(pair.strip())
    if rest:
        scope["headers"].append((b"cookie", b"; ".join(rest)))
    return shown


_PLACES: Final = {"header": _in_header, "query": _in_query, "cookie": _in_cookie}
