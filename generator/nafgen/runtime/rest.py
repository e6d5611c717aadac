"""What the REST app adds to FastAPI: relayed answers and errors as problem+json."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, Final

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .answers import (
    ServiceError,
    StepError,
    UpstreamError,
    adecode,
    failed,
    has_value,
)
from .calls import ArgumentError, Call, as_json
from .health import HEALTH, add_to
from .logs import logged
from .methods import Methods, Slashes, allowed, cors
from .observability import flush, observe
from .routes import QuickRoute
from .upstream import AsyncClient

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a request body at the most; larger ones are answered with 413."""
STREAMED: Final = 1024 * 1024
"""Bytes from which on an answer is passed on as it arrives."""
RELAYED: Final = (
    "cache-control",
    "link",
    "location",
    "request-id",
    "retry-after",
    "x-request-id",
)
"""Headers of the upstream's answer that are passed on."""
RELAYED_WITH_BODY: Final = (
    *RELAYED,
    "content-disposition",
    "content-language",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
)
"""The same where the body is passed on as it is."""

PATIENCE: Final = 0.05
"""Seconds until somebody looks whether a client left before it has its answer."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


async def relay(
    client: AsyncClient, call: Call, into: Callable[[Any], Any] | None = None
) -> Response:
    """The upstream's answer: its status, type and bytes, or what `into` makes of them.

    An answer that is an error, is empty, or holds no value is passed on as it is.
    """
    if into is None:
        return await _passed_on(await unless_left(client.send(call, stream=True)))
    answer = await unless_left(client.send(call))
    if failed(answer) or not answer.content or not has_value(answer, call.read):
        return _whole(answer)
    content = as_json(into(await adecode(answer, call.read)))
    headers = _headers(answer, RELAYED)
    return Response(content, answer.status_code, headers, "application/json")


async def unless_left(
    sending: Coroutine[Any, Any, httpx.Response], sent: asyncio.Event | None = None
) -> httpx.Response:
    """The answer to a request, which is cancelled if the client leaves before.

    `sent` says when the client's own request has been read, if it is not read already.

    Raises:
        ClientDisconnect: the client left.
    """
    receive = _receiving.get()
    if receive is None:
        return await sending
    leaving: list[asyncio.Task[None]] = []

    def watch() -> None:
        leaving.append(loop.create_task(_end_if_left(answering, receive, sent)))

    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(None) as answering:
            # Most answers are there by then, and need no task that watches.
            watching = loop.call_later(PATIENCE, watch)
            try:
                return await sending
            finally:
                watching.cancel()
                for task in leaving:
                    task.cancel()
    except TimeoutError:
        if answering.expired():
            raise ClientDisconnect from None
        raise


async def _end_if_left(
    answering: asyncio.Timeout, receive: Receive, sent: asyncio.Event | None
) -> None:
    if sent is not None:
        await sent.wait()
    while (await receive())["type"] != "http.disconnect":
        pass
    answering.reschedule(0)


async def _passed_on(answer: httpx.Response) -> Response:
    """The answer as it is: buffered when that is safe, else as it arrives."""
    if answer.is_closed:
        return _whole(answer)
    length = answer.headers.get("content-length", "")
    is_small = length.isdigit() and int(length) < STREAMED
    # An encoded answer may be far larger than it says; one to HEAD has no body.
    is_plain = "content-encoding" not in answer.headers
    if not (is_small and is_plain) or answer.request.method == "HEAD":
        return Arriving(answer, _headers(answer, RELAYED_WITH_BODY))
    try:
        await answer.aread()
    finally:
        await answer.aclose()
    return _whole(answer)


def _whole(answer: httpx.Response) -> Response:
    headers = _headers(answer, RELAYED_WITH_BODY)
    return Response(answer.content, answer.status_code, headers)


class Arriving(StreamingResponse):
    """An answer that is passed on chunk by chunk, until it or the client ends."""

    def __init__(
        self, answer: httpx.Response, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(answer.aiter_bytes(), answer.status_code, headers)
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._answer.aclose()


def _headers(answer: httpx.Response, names: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers.raw:
        known = name.decode("latin-1").lower()
        if known in names:
            text = value.decode("latin-1")
            found[known] = f"{found[known]}, {text}" if known in found else text
    return found


def answer(value: Any, media_type: str = "application/octet-stream") -> Response:
    """What a flow results in, as JSON; bytes are sent as they are, nothing as 204."""
    if value is None:
        return Response(status_code=204)
    if isinstance(value, bytes):
        return Response(value, headers={"content-type": media_type})
    return Response(as_json(value), media_type="application/json")


def structure(text: str | list[str] | None) -> Any:
    """The value of a JSON text, or of each in a list; None stays None.

    Raises:
        ArgumentError: it is not JSON.
    """
    if isinstance(text, list):
        return [structure(item) for item in text]
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        raise ArgumentError("an object or a list must be given as JSON") from None


def closing(*clients: AsyncClient) -> Lifespan:
    """A lifespan that closes clients when the app stops; it begins to observe it."""
    observe()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            for client in clients:
                await client.aclose()
            await flush()

    return lifespan


def add_health(app: FastAPI) -> None:
    """Answer below `/-/health`, where no route of the app does already."""
    add_to(app.routes)


def problem(
    status: int,
    detail: str,
    headers: Mapping[str, str] | None = None,
    **members: Any,
) -> JSONResponse:
    """An error of this service's own (RFC 9457)."""
    title = HTTPStatus(status).phrase
    content = {"type": "about:blank", "title": title, "status": status}
    return JSONResponse(
        {**content, "detail": detail, **members},
        status,
        headers,
        media_type="application/problem+json",
    )


async def _invalid(request: Request, error: RequestValidationError) -> Response:
    errors = [
        {"in": list(found["loc"]), "detail": found["msg"]} for found in error.errors()
    ]
    broken = any(found["type"] == "json_invalid" for found in error.errors())
    detail = "the body is not JSON" if broken else "the request does not fit"
    return problem(400 if broken else 422, detail, errors=errors)


async def _http(request: Request, error: HTTPException) -> Response:
    headers = error.headers
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers = {"allow": allowed(request.scope)}
    return problem(error.status_code, str(error.detail), headers)


async def _upstream(request: Request, error: Exception) -> Response:
    """An upstream that failed; what it says of a caller's mistake keeps its status."""
    members: dict[str, Any] = {}
    detail = ""
    if isinstance(error, StepError):
        members["step"] = error.step
        detail = f"the step {error.step} failed: "
        error = error.cause
    match error:
        case UpstreamError(response=response):
            code = response.status_code
            headers = _headers(response, ("retry-after",))
            status = code if 400 <= code < 500 else 502
            return problem(status, f"{detail}{error}", headers, **members)
        case ArgumentError():
            return problem(422, f"{detail}{error}", **members)
        case ServiceError():
            return problem(500, f"{detail}{error}", **members)
        case httpx.TimeoutException():
            said = "the upstream API did not answer in time"
            return problem(504, detail + said, **members)
        case httpx.TransportError():
            said = "the upstream API cannot be reached"
        case _:
            said = "the upstream API's answer cannot be read"
    return problem(502, detail + said, **members)


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody is left to read it


_receiving: ContextVar[Receive | None] = ContextVar("_receiving", default=None)
"""What tells the request at hand that its client left."""


class _Bounded:
    """Middleware that refuses large bodies; FastAPI's own answers in plain text."""

    def __init__(self, app: ASGIApp, size: int) -> None:
        self._app = app
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        left = self._size
        detail = f"a body has {self._size} bytes at the most"

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise HTTPException(413, detail)
            return message

        answer = self._app
        if scope["type"] == "http":
            _receiving.set(receive)
            declared = Headers(scope=scope).get("content-length", "")
            if declared.isdigit() and int(declared) > self._size:
                answer = problem(413, detail)
        await answer(scope, bounded, send)


async def _bug(request: Request, error: Exception) -> Response:
    """The last resort; Starlette raises the error again, so that the server logs it."""
    return problem(500, "this service failed; its log says more")


_HANDLERS: Final[
    dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]
] = {
    RequestValidationError: _invalid,
    ArgumentError: _upstream,
    HTTPException: _http,
    StepError: _upstream,
    UpstreamError: _upstream,
    ClientDisconnect: _gone,
    httpx.RequestError: _upstream,
}

_PROBLEM_SCHEMA: Final = {
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}

_PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    status: {
        "description": description,
        "content": {"application/problem+json": {"schema": _PROBLEM_SCHEMA}},
    }
    for status, description in (
        (422, "The request does not fit."),
        (502, "The upstream API cannot be reached."),
        (504, "The upstream API did not answer in time."),
    )
}


def _is_health(scope: Scope) -> bool:
    return bool(scope["path"].startswith(HEALTH))


OPTIONS: Final[dict[str, Any]] = {
    "exception_handlers": _HANDLERS,
    "responses": _PROBLEMS,
    "middleware": [
        Middleware(logged),
        Middleware(Slashes),
        Middleware(cors, exposed=RELAYED_WITH_BODY),
        Middleware(ServerErrorMiddleware, handler=_bug),
        Middleware(Methods),
        Middleware(_Bounded, size=MAX_BODY),
    ],
    "redoc_url": None,
    "redirect_slashes": False,
    "generate_unique_id_function": lambda route: route.name,
    # Logs of its own would hold the texts of errors, and so maybe secrets.
    "telemetry": {"exclude": _is_health, "operation_spans": False, "logs": False},
}
"""Arguments of `FastAPI` that every app shares: errors are problems, bodies bounded."""


class App(FastAPI):
    """A FastAPI app with these options, whose routes are quick to make and to answer."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**OPTIONS, **options)
        self.router.route_class = QuickRoute
