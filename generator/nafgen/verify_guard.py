"""Verifies that adapters know their callers: what they must show, and how it is shown."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import partial
from typing import Any, Final

import httpx

from .expect_values import resolved
from .ir import AccessTokens, ApiKey, ApiKeys, Basic, Bearer, Guard, PasswordDigest
from .program import (
    Adapter,
    ControlAdapter,
    Forward,
    McpAdapter,
    RestAdapter,
    Route,
    SkillAdapter,
)
from .verify_forward import PROBLEM
from .verify_probe import Bench
from .wire import Location

URL: Final = "http://127.0.0.1:9090"
"""Where a server is while it is verified in memory; MCP takes no other host."""
_HELLO: Final = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "nafgen", "version": "1"},
    },
}


def credentials(guard: Guard, settings: Mapping[str, str]) -> httpx.Auth:
    """What makes each request show what a guard asks for."""
    match guard.scheme:
        case Basic(username=username, password=password):
            pair = resolved(username, settings), resolved(password, settings)
            return httpx.BasicAuth(*pair)
        case Bearer(token=token):
            return _Shown(("Authorization", f"Bearer {resolved(token, settings)}"))
        case PasswordDigest(username=username, password=password):
            pair = resolved(username, settings), resolved(password, settings)
            return _Digest(*pair)
        case AccessTokens() as tokens:
            from .verify_tokens import issued

            return _Shown(("Authorization", f"Bearer {issued(tokens, settings)}"))
        case ApiKeys(keys=keys):
            return _Keys([(key, resolved(key.value, settings)) for key in keys])


class _Shown(httpx.Auth):
    """Adds a header."""

    def __init__(self, header: tuple[str, str]) -> None:
        self._name, self._value = header

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers[self._name] = self._value
        yield request


class _Digest(httpx.DigestAuth):
    """Escapes what httpx leaves as it is: quotes in a user name."""

    def __init__(self, username: str, password: str) -> None:
        super().__init__(username, password)
        escaped = username.replace("\\", "\\\\").replace('"', '\\"')
        self._written, self._escaped = f'="{username}"', f'="{escaped}"'

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        flow = super().auth_flow(request)
        sent = next(flow)
        while True:
            if shown := sent.headers.get("authorization"):
                shown = shown.replace(self._written, self._escaped)
                sent.headers["authorization"] = shown
            response = yield sent
            try:
                sent = flow.send(response)
            except StopIteration:
                return


class _Keys(httpx.Auth):
    """Adds keys where they belong."""

    def __init__(self, keys: list[tuple[ApiKey, str]]) -> None:
        self._keys = keys

    def auth_flow(
        self, request: httpx.Request
    ) -> Generator[httpx.Request, httpx.Response, None]:
        for key, value in self._keys:
            if key.location is Location.HEADER:
                request.headers[key.name] = value
            elif key.location is Location.COOKIE:
                cookies = [request.headers.get("cookie"), f"{key.name}={value}"]
                request.headers["cookie"] = "; ".join(filter(None, cookies))
            else:
                shown = str(httpx.QueryParams({key.name: value})).encode()
                query = b"&".join(filter(None, [request.url.query, shown]))
                request.url = request.url.copy_with(query=query)
        yield request


def stand_in(bench: Bench, guard: Guard) -> None:
    """Put an authorization server in memory into the place of that of a guard."""
    if isinstance(guard.scheme, AccessTokens):
        from .verify_tokens import server

        module = bench.load("_runtime.signing_keys")
        module.new_http = partial(server, guard.scheme, bench.settings)  # type: ignore[attr-defined]


def check_missing(
    bench: Bench, adapter: Adapter | SkillAdapter | ControlAdapter
) -> None:
    """A guard that lacks settings names them all."""
    guard = adapter.guard
    if guard is None:
        return
    module = bench.load(str(bench.names.modules[adapter.origin]))
    named: set[str] = set()
    missing = bench.load("_runtime.upstream").MissingSettingsError
    try:
        module.create_guard()
    except missing as error:
        # One that is held elsewhere is named with that place.
        named = {name.partition(" ")[0] for name in error.names}
    required = sorted(setting.variable for setting in guard.settings)
    bench.check(adapter.origin, "missing settings named", required, sorted(named))


async def check_rest_guard(
    bench: Bench, adapter: RestAdapter, caller: httpx.AsyncClient
) -> None:
    """Whoever shows nothing is refused, whatever it asks for."""
    asked = [("GET", "/openapi.json"), ("GET", "/-/nothing")]
    units: list[Route | Forward] = [*adapter.routes, *adapter.forwards]
    for unit in units:
        path = "".join(part if isinstance(part, str) else "x" for part in unit.path)
        asked.append((unit.method if isinstance(unit, Route) else "GET", path))
    for method, path in asked:
        bench.probe.received.clear()
        got = await caller.request(method, path, auth=None)
        check_refused(bench, adapter, f"{method} {path}", got)


def check_refused(
    bench: Bench, adapter: Adapter | SkillAdapter, what: str, got: httpx.Response
) -> None:
    """A request that showed nothing was refused, and nothing was sent upstream."""
    origin = adapter.origin
    bench.check(origin, f"{what} without credentials: status", 401, got.status_code)
    kind = got.headers.get("content-type", "")
    bench.check(origin, f"{what} without credentials: type", PROBLEM, kind)
    challenged = "www-authenticate" in got.headers
    bench.check(origin, f"{what} without credentials: a challenge", True, challenged)
    sent = len(bench.probe.received)
    bench.check(origin, f"{what} without credentials: requests upstream", 0, sent)


async def check_mcp_guard(bench: Bench, adapter: McpAdapter, server: Any) -> None:
    """Over HTTP, an MCP server with a guard answers those alone who show what it wants."""
    if adapter.guard is None:
        return
    bench.probe.received.clear()
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    transport = httpx.ASGITransport(app=app)
    accept = {"accept": "application/json, text/event-stream"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=URL, headers=accept) as caller,
    ):
        got = await caller.post("/mcp", json=_HELLO)
        check_refused(bench, adapter, "MCP over HTTP", got)
        known = credentials(adapter.guard, bench.settings)
        got = await caller.post("/mcp", json=_HELLO, auth=known)
        what = "MCP over HTTP with credentials: status"
        bench.check(adapter.origin, what, 200, got.status_code)
