"""Runs an MCP server on stdin and stdout."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from anyio.abc import ObjectReceiveStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types.jsonrpc import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
)
from pydantic import ValidationError


async def serve(server: Any) -> None:
    """Answer what stdin asks, line by line, until it ends."""
    async with stdio_server() as (reader, writer):
        options = server.create_initialization_options()
        # What is printed meanwhile would wait in a buffer and spoil the protocol later.
        with contextlib.redirect_stdout(sys.stderr):
            await server.run(_Messages(reader, writer), writer, options)


class _Messages(ObjectReceiveStream[SessionMessage]):
    """The messages among the lines of stdin.

    What else there is gets an error without an id (JSON-RPC 2.0, 5.1), where the library
    would not answer.
    """

    def __init__(self, lines: Any, answers: Any) -> None:
        self._lines = lines
        self._answers = answers

    async def receive(self) -> SessionMessage:
        while True:
            line: SessionMessage | Exception = await self._lines.receive()
            if isinstance(line, SessionMessage):
                return line
            if (error := _mistake(line)) is not None:
                answer = JSONRPCError(jsonrpc="2.0", id=None, error=error)
                await self._answers.send(SessionMessage(answer))

    async def aclose(self) -> None:
        await self._lines.aclose()


def _mistake(refused: Exception) -> ErrorData | None:
    """What is wrong with a line; None for one that is empty."""
    if isinstance(refused, ValidationError):
        [first, *_] = refused.errors(include_url=False)
        if not str(first["input"]).strip():
            return None
        if first["type"] == "json_invalid":
            return ErrorData(code=PARSE_ERROR, message="the line is not JSON")
    return ErrorData(code=INVALID_REQUEST, message="the line is not a message")
