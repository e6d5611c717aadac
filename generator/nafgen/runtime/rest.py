"""What the REST app adds to FastAPI: relayed answers and errors as problem+json."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from http import HTTPStatus
from typing import Any, Final

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.exceptions import HTTPException

from .upstream import ArgumentError, AsyncClient, Call, UpstreamError, decode

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of a request body at the most; larger ones are answered with 413."""
STREAMED: Final = 1024 * 1024
"""Bytes from which on an answer is passed on as it arrives."""
RELAYED: Final = (
    "cache-control",
    "content-disposition",
    "content-language",
    "content-range",
    "content-type",
    "etag",
    "last-modified",
    "link",
    "location",
    "request-id",
    "retry-after",
    "x-request-id",
)
"""Headers of the upstream's answer that are passed on."""

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


async def relay(
    client: AsyncClient, call: Call, into: Callable[[Any], Any] | None = None
) -> Response:
    """The upstream's answer: its status, type and bytes, or what `into` makes of them.

    An answer that is an error, or empty, is passed on as it is.
    """
    if into is None:
        return await _passed_on(await client.send(call, stream=True))
    answer = await client.send(call)
    if answer.status_code >= 400 or not answer.content:
        return Response(answer.content, answer.status_code, _headers(answer))
    return JSONResponse(into(decode(answer)), answer.status_code)


async def _passed_on(answer: httpx.Response) -> Response:
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) < STREAMED:
        try:
            content = await answer.aread()
        finally:
            await answer.aclose()
        return Response(content, answer.status_code, _headers(answer))
    return StreamingResponse(_chunks(answer), answer.status_code, _headers(answer))


async def _chunks(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in answer.aiter_bytes():
            yield chunk
    finally:
        await answer.aclose()


def _headers(answer: httpx.Response) -> dict[str, str]:
    return {name: answer.headers[name] for name in RELAYED if name in answer.headers}


def closing(*clients: AsyncClient) -> Lifespan:
    """A lifespan that closes clients when the app stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        for client in clients:
            await client.aclose()

    return lifespan


def add_health(app: FastAPI) -> None:
    """Answer `/-/health`, unless a route of the app answers it already."""

    @app.get("/-/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "UP"}


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


async def _argument(request: Request, error: Exception) -> Response:
    return problem(422, str(error))


async def _http(request: Request, error: HTTPException) -> Response:
    return problem(error.status_code, str(error.detail), error.headers)


async def _late(request: Request, error: Exception) -> Response:
    return problem(504, "the upstream API did not answer in time")


async def _unreachable(request: Request, error: Exception) -> Response:
    return problem(502, "the upstream API cannot be reached")


async def _upstream(request: Request, error: Exception) -> Response:
    return problem(502, str(error))


async def _bug(request: Request, error: Exception) -> Response:
    return problem(500, "this service failed; its log says more")


_HANDLERS: Final[
    dict[int | type[Exception], Callable[[Request, Any], Coroutine[Any, Any, Response]]]
] = {
    RequestValidationError: _invalid,
    ArgumentError: _argument,
    HTTPException: _http,
    httpx.TimeoutException: _late,
    httpx.TransportError: _unreachable,
    UpstreamError: _upstream,
    Exception: _bug,
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

OPTIONS: Final[dict[str, Any]] = {
    "exception_handlers": _HANDLERS,
    "responses": _PROBLEMS,
    "max_body_size": MAX_BODY,
    "redoc_url": None,
    "redirect_slashes": False,
    "generate_unique_id_function": lambda route: route.name,
}
"""Arguments of `FastAPI` that every app shares: errors are problems, bodies bounded."""
