"""What a control adapter tells of scripts, and changes: `/scripting`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from .script_settings import TIMEOUT, settings

LANGUAGES: Final = ("javascript", "python")
MAX_CHANGE: Final = 64 * 1024
"""Bytes of a change at the most."""


class Scripting:
    """The scripts of this process: how they are run, and how they went.

    `timeout` is in seconds; `shown` is what the spec says besides, which stays.
    """

    def __init__(
        self,
        *,
        enabled: bool = True,
        timeout: float = TIMEOUT,
        languages: Iterable[str] = LANGUAGES,
        **shown: str,
    ) -> None:
        self._timeout = timeout
        self._languages = tuple(languages)
        self._shown = shown
        if not enabled:
            settings.is_on = False
        self.routes = [Route("/scripting", self._serve, methods=["GET", "PUT"])]

    async def _serve(self, request: Request) -> JSONResponse:
        if request.method == "PUT":
            self._change(await _body(request))
        return JSONResponse(self._state())

    def _state(self) -> dict[str, Any]:
        last = {"lastExecutionAt": settings.last.isoformat()} if settings.last else {}
        average = settings.duration / (settings.executions or 1)
        return {
            "enabled": settings.enabled,
            **self._shown,
            "timeout": round(settings.timeout(self._timeout) * 1000),
            "allowedLanguages": sorted(settings.languages or self._languages),
            "stats": {
                "totalExecutions": settings.executions,
                "totalErrors": settings.errors,
                "averageDurationMs": round(average * 1000, 3),
                **last,
            },
        }

    def _change(self, changes: Any) -> None:
        """Make all changes, or none.

        Raises:
            HTTPException: one of them cannot be made.
        """
        if not isinstance(changes, dict):
            raise HTTPException(400, "a change is an object")
        for name, value in changes.items():
            match name, value:
                case "enabled", bool():
                    pass
                case "timeout", bool():
                    raise HTTPException(400, "`timeout` is a number of milliseconds")
                case "timeout", int() | float() if 0 < value < math.inf:
                    pass
                case "timeout", _:
                    raise HTTPException(400, "`timeout` is more than 0 milliseconds")
                case "allowedLanguages", [*names] if self._may_be(names):
                    pass
                case "allowedLanguages", _:
                    some = ", ".join(self._languages)
                    raise HTTPException(400, f"`allowedLanguages` are some of {some}")
                case "enabled", _:
                    raise HTTPException(400, "`enabled` is true or false")
                case _:
                    known = "enabled, timeout and allowedLanguages can be changed"
                    raise HTTPException(400, known)
        if "enabled" in changes:
            settings.is_on = changes["enabled"]
        if "timeout" in changes:
            settings.seconds = changes["timeout"] / 1000
        if "allowedLanguages" in changes:
            settings.languages = frozenset(changes["allowedLanguages"])

    def _may_be(self, names: list[Any]) -> bool:
        """Whether these are languages that the spec allows."""
        return all(isinstance(each, str) and each in self._languages for each in names)


async def _body(request: Request) -> Any:
    """The JSON that a request brings.

    Raises:
        HTTPException: it brings too much, or something else.
    """
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > MAX_CHANGE:
            raise HTTPException(413, "a change has 64 KiB at the most")
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise HTTPException(400, "a change is JSON") from None
