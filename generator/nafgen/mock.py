"""An upstream made from a spec: it answers as the consumed side describes.

For development and tests. It holds every request to what the spec says of it and
answers with an echo; it has no data of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from functools import partial
from typing import Any, TypeAlias
from urllib.parse import quote, unquote

from msgspec import Struct

from .diagnostics import Origin
from .documents import document
from .flow_answers import looked_for
from .ir import Argument, Operation, Pick, Relay, Result, Upstream
from .mock_bytes import mock_bytes
from .mock_credentials import (
    GRANTS,
    check_credentials,
    token_answer,
    token_setting,
)
from .mock_requests import (
    Answer,
    Message,
    Receive,
    RefusedError,
    Request,
    check,
    json_answer,
    read_request,
)
from .program import Call, CallStep, Program, RestAdapter
from .samples import merged, sample_at, sample_of
from .wire import Format

Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Coroutine[Any, Any, None]]


def mock_app(program: Program) -> Application:
    """An ASGI application that answers for every upstream of a program.

    One upstream is served at `/`, several each below `/<namespace>`.
    """
    routes = _routes(program)
    forwarded = tuple(_forwarded(program))
    tokens = {
        unquote(_prefix(program, upstream)) + GRANTS
        for upstream in program.upstreams
        if token_setting(upstream) is not None
    }

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
        elif scope["type"] == "http":
            try:
                if scope["path"] in tokens:
                    request = await read_request(scope, receive)
                    answer = token_answer(scope["method"], request)
                else:
                    route, values = _routed(routes, scope)
                    answer = _answer(route, values, await read_request(scope, receive))
            except RefusedError as refused:
                answer = _passed_on(forwarded, scope, refused.answer)
            await _send(answer, scope["method"], send)

    return app


def mock_base_urls(program: Program, origin: str) -> dict[str, str]:
    """The settings that point a program at its mock, which is served at `origin`."""
    variables = {}
    for upstream in program.upstreams:
        url = origin.rstrip("/") + _prefix(program, upstream)
        variables[upstream.base_url.variable] = url
        where = token_setting(upstream)
        if where is not None:
            variables[where.variable] = f"{url}{GRANTS}"
    return variables


class _Route(Struct, frozen=True, kw_only=True):
    """An operation, the paths that it answers, and what its users make of its answer;
    `media_type` is that of an answer of bytes, where somebody declares it."""

    upstream: Upstream
    operation: Operation
    pattern: re.Pattern[str]
    results: tuple[Result, ...]
    media_type: str


# --- routing ---------------------------------------------------------------------


def _prefix(program: Program, upstream: Upstream) -> str:
    several = len(program.upstreams) > 1
    return f"/{quote(upstream.namespace, safe='')}" if several else ""


def _routes(program: Program) -> list[_Route]:
    """The operations; literal segments are tried before variable ones."""
    results: dict[Origin, list[Result]] = {}
    media_types: dict[Origin, str] = {}
    for adapter in program.adapters:
        for unit in adapter.units:
            if unit.binary and unit.binary.media_type and isinstance(unit.call, Call):
                origin = unit.call.operation.origin
                media_types.setdefault(origin, unit.binary.media_type)
            if isinstance(unit.call, Call) and not isinstance(unit.result, Relay):
                results.setdefault(unit.call.operation.origin, []).append(unit.result)
    for flow in program.flows:
        wanted = looked_for(flow)
        for step in flow.steps:
            if isinstance(step, CallStep):
                known = results.setdefault(step.call.operation.origin, [])
                known.append(wanted[step.name])
    routes = [
        _Route(
            upstream=upstream,
            operation=operation,
            pattern=_pattern(_prefix(program, upstream), operation),
            results=tuple(results.get(operation.origin, ())),
            media_type=(operation.binary.media_type if operation.binary else "")
            or media_types.get(operation.origin, ""),
        )
        for upstream in program.upstreams
        for operation in upstream.operations
    ]
    return sorted(
        routes, key=lambda r: ["(" in s for s in r.pattern.pattern.split("/")]
    )


def _pattern(prefix: str, operation: Operation) -> re.Pattern[str]:
    parts = [prefix, *operation.path] if prefix or operation.path else ["/"]
    return re.compile(
        "".join(
            (
                re.escape(part)
                if isinstance(part, str)
                else "([^/]+)" if isinstance(part, Argument) else "[^/]+"
            )
            for part in parts
        )
    )


def _routed(routes: list[_Route], scope: Message) -> tuple[_Route, dict[str, str]]:
    raw = scope.get("raw_path") or quote(scope["path"]).encode()
    path = raw.decode("latin-1").partition("?")[0]
    matches = [(route, route.pattern.fullmatch(path)) for route in routes]
    allowed = []
    for route, match in matches:
        if match is None:
            continue
        operation = route.operation
        allowed.append(operation.method)
        if operation.method == scope["method"]:
            named = [part for part in operation.path if isinstance(part, Argument)]
            found = zip(named, match.groups(), strict=True)
            return route, {argument.name: unquote(value) for argument, value in found}
    if not allowed:
        raise RefusedError(404, f"no operation has the path {path}")
    allow = ", ".join(dict.fromkeys(allowed))
    raise RefusedError(405, f"{scope['method']} is not allowed here", ("allow", allow))


def _forwarded(program: Program) -> Iterator[str]:
    """The prefixes of upstreams that are forwarded to, whatever their paths are."""
    rests = (a for a in program.adapters if isinstance(a, RestAdapter))
    named = {forward.upstream for rest in rests for forward in rest.forwards}
    for upstream in program.upstreams:
        if upstream.origin in named:
            yield _prefix(program, upstream)


def _passed_on(prefixes: tuple[str, ...], scope: Message, refused: Answer) -> Answer:
    """An echo of what no operation has, where requests may have any path."""
    path = scope["path"]
    if refused.status not in (404, 405) or not path.startswith(prefixes):
        return refused
    query = scope["query_string"].decode("latin-1")
    return json_answer(200, {"method": scope["method"], "path": path, "query": query})


# --- answers ---------------------------------------------------------------------


def _answer(route: _Route, values: dict[str, str], request: Request) -> Answer:
    operation = route.operation
    check_credentials(route.upstream, request)
    check(route.upstream, operation, request)
    query = {name: v[0] if len(v) == 1 else v for name, v in request.query.items()}
    echo = {"operation": operation.name, "path": values, "query": query}
    if request.body is not None:
        echo["body"] = request.body
    if operation.binary is not None and route.media_type:
        content = mock_bytes(route.media_type, operation.binary.limit)
        kind = ("content-type", route.media_type)
        return Answer(status=200, content=content, headers=(kind,))
    if operation.format.is_opaque:
        text = json.dumps(echo, ensure_ascii=False, indent=2)
        kind = ("content-type", "text/plain; charset=utf-8")
        return Answer(status=200, content=text.encode(), headers=(kind,))
    value: Any = echo
    for _, root in operation.extracted:
        if isinstance(root, Pick) and root.path:
            value = merged(sample_at(root.path, lambda _: echo, ""), value)
    for result in route.results:
        value = merged(sample_of(result, "example of", partial(_element, echo)), value)
    if operation.format is Format.JSON:
        return json_answer(200, value)
    written, content, _ = document(operation, value)
    return Answer(status=200, content=content, headers=(("content-type", written),))


def _element(echo: Mapping[str, Any], mark: str) -> dict[str, Any]:
    """What an element of an array is beside what mappings look for."""
    return {"number": int(mark[-1]), **echo}


# --- ASGI ------------------------------------------------------------------------


async def _lifespan(receive: Receive, send: Send) -> None:
    for event in ("startup", "shutdown"):
        await receive()
        await send({"type": f"lifespan.{event}.complete"})


async def _send(answer: Answer, method: str, send: Send) -> None:
    length = ("content-length", str(len(answer.content)))
    headers = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in (*answer.headers, length)
    ]
    await send(
        {"type": "http.response.start", "status": answer.status, "headers": headers}
    )
    content = b"" if method == "HEAD" else answer.content
    await send({"type": "http.response.body", "body": content})
