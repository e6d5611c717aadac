"""Counts what an MCP server is asked for; the MCP library has the spans itself."""

from __future__ import annotations

from typing import Any

from mcp.server.context import (
    CallNext,
    HandlerResult,
    ServerMiddleware,
    ServerRequestContext,
)
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import METHOD_NOT_FOUND

from .observability import telemetry
from .telemetry import Telemetry


class Counted(ServerMiddleware[Any]):
    """Middleware that counts requests and notifications, and how long they take."""

    def __init__(self, telemetry: Telemetry) -> None:
        self._telemetry = telemetry

    async def __call__(
        self, context: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        attributes: dict[str, str | int] = {"mcp.method.name": context.method}
        with self._telemetry.operation(attributes):
            try:
                result = await call_next(context)
            except MCPError as error:
                attributes["error.type"] = str(error.error.code)
                if error.error.code == METHOD_NOT_FOUND:  # it can be any text
                    attributes["mcp.method.name"] = "_OTHER"
                raise
            if context.method == "tools/call" and isinstance(result, dict):
                attributes["gen_ai.tool.name"] = (context.params or {})["name"]
                if result.get("isError"):
                    attributes["error.type"] = "tool_error"
            return result


def count(server: Server[Any]) -> None:
    """Let a server be counted, where something observes it."""
    found = telemetry()
    known = any(isinstance(each, Counted) for each in server.middleware)
    if found is not None and not known:
        server.middleware.append(Counted(found))
