"""The control adapter: what is told of a process on a port of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from time import monotonic
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from .health import add_to, are_started, live, states
from .logs import logged
from .observing import observing

STARTED: Final = monotonic()
"""When the process started, near enough."""


def control_app(
    *,
    health: bool,
    info: Mapping[str, str] | None = None,
    more: Sequence[BaseRoute] = (),
) -> Starlette:
    """The app; `info` is what `/status` says of the capability, `more` further routes."""
    routes = [*more]
    if health:
        routes += [Route("/health/live", live), Route("/health/ready", _ready)]
    if info is not None:
        routes.append(Route("/status", _status(info)))
    add_to(routes)
    handlers: dict[Any, Any] = {HTTPException: _problem}
    middleware = [Middleware(logged)]
    return Starlette(routes=routes, middleware=middleware, exception_handlers=handlers)


async def _ready(request: Request) -> JSONResponse:
    is_up = are_started()
    content = {"status": "UP" if is_up else "DEGRADED", "adapters": _adapters()}
    return JSONResponse(content, 200 if is_up else 503)


def _status(info: Mapping[str, str]) -> Any:
    async def status(request: Request) -> JSONResponse:
        is_observed = observing.observer is not None
        content = {
            "capability": dict(info),
            "uptime": _duration(int(monotonic() - STARTED)),
            "otel": {"status": "active" if is_observed else "inactive"},
            "adapters": _adapters(),
        }
        return JSONResponse(content)

    return status


def _adapters() -> list[dict[str, Any]]:
    return [each.shown() for each in states]


def _duration(seconds: int) -> str:
    """A duration as ISO 8601 has it."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "H"), (minutes, "M"), (seconds, "S"))
    said = "".join(f"{number}{unit}" for number, unit in parts if number)
    return f"PT{said or '0S'}"


async def _problem(request: Request, error: HTTPException) -> Response:
    status = HTTPStatus(error.status_code)
    content = {"type": "about:blank", "title": status.phrase, "status": status.value}
    return JSONResponse(
        {**content, "detail": str(error.detail)},
        status.value,
        error.headers,
        media_type="application/problem+json",
    )
