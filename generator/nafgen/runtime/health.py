"""Whether the process lives, and whether its adapters take requests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute, Match, Route

HEALTH: Final = "/-/health"
"""Where an adapter tells anyone of its health, and of more below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """An adapter of this process; one on stdio has no port."""

    type: str
    port: int | None
    is_started: Callable[[], bool]

    def shown(self) -> dict[str, Any]:
        where = {} if self.port is None else {"port": self.port}
        state = "started" if self.is_started() else "stopped"
        return {"type": self.type, **where, "state": state}


states: Final[list[State]] = []
"""The adapters that `python -m PACKAGE` runs together; none where others run them."""


def are_started() -> bool:
    """Whether all adapters of the process take requests."""
    return all(state.is_started() for state in states)


async def live(request: Request) -> JSONResponse:
    """Answer that the process lives."""
    return JSONResponse({"status": "UP"})


async def ready(request: Request) -> JSONResponse:
    """Answer whether requests should come; 503 while an adapter starts or stops."""
    if are_started():
        return JSONResponse({"status": "UP"})
    return JSONResponse({"status": "DEGRADED"}, 503)


def add_to(routes: list[BaseRoute]) -> None:
    """Let an adapter answer for its health, where no route of its own does."""
    for path, answer in (("", live), ("/live", live), ("/ready", ready)):
        routes.append(Route(HEALTH + path, answer, include_in_schema=False))


def own_paths(routes: list[BaseRoute]) -> frozenset[str]:
    """The paths of health that no route of the spec takes."""
    return frozenset(
        HEALTH + path
        for path in ("", "/live", "/ready")
        if _first(HEALTH + path, routes) in (live, ready)
    )


def _first(path: str, routes: list[BaseRoute]) -> object:
    """What answers GET of a path."""
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}
    fitting = (each for each in routes if each.matches(scope)[0] is Match.FULL)
    first = next(fitting, None)
    return first.endpoint if isinstance(first, Route) else None
