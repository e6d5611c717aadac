"""Sessions of the `mcp` package's client with the generated server, and its tools."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from anyio.from_thread import BlockingPortal, start_blocking_portal
from e2e_support import command, free_port, service
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import CallToolResult, TextContent

INSTRUCTIONS = (
    "MCP adapter for Anthropic Message Batches API — Message Batches. One tool per "
    "consumed operation, routed inline through this capability's consumes block."
)
BATCH_ID = {"message_batch_id": {"type": "string"}}
BODY = {"body": {"type": "object", "description": "Request body (JSON)."}}
PAGING = {
    "limit": {
        "type": "integer",
        "description": "Items per page, from 1 to 1000; 20 unless given.",
    },
    "before_id": {
        "type": "string",
        "description": "The page that ends before this batch.",
    },
    "after_id": {
        "type": "string",
        "description": "The page that begins after this batch.",
    },
}
LIST = "anthropic-list-message-batches"
CREATE = "anthropic-create-message-batch"
RETRIEVE = "anthropic-retrieve-message-batch"
DELETE = "anthropic-delete-message-batch"
CANCEL = "anthropic-cancel-message-batch"
RESULTS = "anthropic-retrieve-message-batch-results"


def tool(
    name: str,
    description: str,
    properties: dict[str, Any],
    required: list[str],
    hints: tuple[bool, bool, bool],
) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return {
        "name": name,
        "description": description,
        "inputSchema": schema,
        "annotations": {
            "readOnlyHint": hints[0],
            "destructiveHint": hints[1],
            "idempotentHint": hints[2],
            "openWorldHint": True,
        },
    }


READS = (True, False, True)
WRITES = (False, False, False)
DESTROYS = (False, True, True)
TOOLS = [
    tool(LIST, "Anthropic List Message Batches", PAGING, [], READS),
    tool(CREATE, "Anthropic Create Message Batch", BODY, ["body"], WRITES),
    tool(
        RETRIEVE,
        "Anthropic Retrieve Message Batch",
        BATCH_ID,
        ["message_batch_id"],
        READS,
    ),
    tool(
        DELETE,
        "Anthropic Delete Message Batch",
        BATCH_ID,
        ["message_batch_id"],
        DESTROYS,
    ),
    tool(
        CANCEL,
        "Anthropic Cancel Message Batch",
        BATCH_ID | BODY,
        ["message_batch_id"],
        WRITES,
    ),
    tool(
        RESULTS,
        "Anthropic Retrieve Message Batch Results",
        BATCH_ID,
        ["message_batch_id"],
        READS,
    ),
]


class Session:
    """A connected client whose calls block; `log` is the server process's."""

    def __init__(self, portal: BlockingPortal, client: Client, log: Path) -> None:
        self._portal = portal
        self.client = client
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def tools(self) -> list[dict[str, Any]]:
        listed = self._portal.call(self.client.list_tools)
        return [
            tool.model_dump(mode="json", by_alias=True, exclude_none=True)
            for tool in listed.tools
        ]

    def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        result: CallToolResult = self._portal.call(
            self.client.call_tool, name, arguments
        )
        return result


@contextmanager
def session(
    folder: Path, how: str, mode: str, env: dict[str, str]
) -> Iterator[Session]:
    """A server process and a client that is connected to it."""
    log = folder / "log.txt"
    with ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())
        if how == "http":
            port = free_port()
            arguments = ("mcp", "--port", str(port))
            stack.enter_context(service(folder, env, *arguments, ports=(port,)))
            client = Client(f"http://127.0.0.1:{port}/mcp", mode=mode)
        else:
            start = StdioServerParameters(
                command=sys.executable,
                args=command("mcp", "--transport", "stdio")[1:],
                env=env,
            )
            errors = stack.enter_context(log.open("w"))
            client = Client(stdio_client(start, errlog=errors), mode=mode)
        stack.enter_context(portal.wrap_async_context_manager(client))
        yield Session(portal, client, log)


def text(result: CallToolResult) -> str:
    [content] = result.content
    assert isinstance(content, TextContent)
    return content.text


def structured(result: CallToolResult) -> Any:
    """The structured content, which the text must repeat."""
    assert not result.is_error, result
    assert json.loads(text(result)) == result.structured_content
    return result.structured_content


def failure(result: CallToolResult) -> str:
    """The message of a failed call."""
    assert result.is_error, result
    assert result.structured_content is None
    return text(result)


def introduction(load: Callable[[str], Any]) -> tuple[str, str, list[str]]:
    """What the server of a package says of itself: its name, its instructions, and what
    it declares to have."""

    async def said() -> tuple[str, str, list[str]]:
        async with Client(load("mcp_server").create_server()) as client:
            declared = client.server_capabilities.model_dump(exclude_none=True)
            has = [
                kind for kind in ("tools", "resources", "prompts") if kind in declared
            ]
            return client.server_info.name, client.instructions or "", has

    return asyncio.run(said())
