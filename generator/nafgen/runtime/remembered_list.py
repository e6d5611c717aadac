"""Answers tools/list from memory: the MCP library validates and copies it each time."""

from __future__ import annotations

from typing import Any

from mcp.server.context import (
    CallNext,
    HandlerResult,
    ServerMiddleware,
    ServerRequestContext,
)
from mcp.server.lowlevel import Server
from mcp_types.methods import validate_client_request


class RememberedList(ServerMiddleware[Any]):
    """Middleware that keeps the list of tools, which never changes, as it is sent."""

    def __init__(self) -> None:
        self._known: dict[str, HandlerResult] = {}

    async def __call__(
        self, context: ServerRequestContext[Any, Any], call_next: CallNext
    ) -> HandlerResult:
        if context.method != "tools/list" or (context.params or {}).keys() - {"_meta"}:
            return await call_next(context)
        version = context.protocol_version
        validate_client_request(context.method, version, context.params)
        if version not in self._known:
            self._known[version] = await call_next(context)
        return self._known[version]


def remember_list(server: Server[Any]) -> None:
    """Let a server keep its list of tools; behind all that counts its requests."""
    if not any(isinstance(each, RememberedList) for each in server.middleware):
        server.middleware.append(RememberedList())
