"""An MCP server that checks who calls it over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server.lowlevel import Server
from starlette.applications import Starlette

from .inbound import Guard, add_guard
from .tools import Api


class GuardedServer(Server[Api]):
    """A server whose app for HTTP has a guard; on stdio, who started it calls it."""

    def __init__(self, name: str, *, guard: Callable[[], Guard], **more: Any) -> None:
        super().__init__(name, **more)
        self._guard = guard

    def streamable_http_app(self, **options: Any) -> Starlette:
        app = super().streamable_http_app(**options)
        add_guard(app, self._guard())
        return app
