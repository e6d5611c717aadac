"""What clients are told of the tools of MCP servers."""

from __future__ import annotations

import json
from typing import Any, Final

from .diagnostics import Origin, Reporter, show
from .ir import Input
from .names import NameTable, UnitNames
from .program import McpAdapter, Program, Tool
from .tool_costs import Cost, ServerCost, tokens
from .wire import BASE64, Type

_NAMED: Final = 3


def server_names(program: Program, names: NameTable) -> dict[Origin, str]:
    """How hosts are told to call each MCP server."""
    servers = [each for each in program.adapters if isinstance(each, McpAdapter)]
    package = names.package.rpartition(".")[2]
    if len(servers) == 1:
        return {servers[0].origin: package}
    modules = {each.origin: names.modules[each.origin] for each in servers}
    return {
        origin: f"{package}_{module.removeprefix('mcp_server_')}"
        for origin, module in modules.items()
    }


def costs(program: Program, names: NameTable) -> tuple[ServerCost, ...]:
    """What the lists of all MCP servers cost."""
    called = server_names(program, names)
    return tuple(
        ServerCost(
            server=called[adapter.origin],
            tools=tuple(
                Cost(names.units[tool.origin].tool, _size(tool, names))
                for tool in adapter.tools
            ),
        )
        for adapter in program.adapters
        if isinstance(adapter, McpAdapter)
    )


def check_budget(
    program: Program, names: NameTable, budget: int | None, reporter: Reporter
) -> None:
    """Report servers whose lists have more tokens than a project allows."""
    if budget is None:
        return
    servers = (each for each in program.adapters if isinstance(each, McpAdapter))
    for adapter, cost in zip(servers, costs(program, names), strict=True):
        if tokens(cost.size) > budget:
            largest = sorted(cost.tools, key=lambda tool: -tool.size)[:_NAMED]
            named = ", ".join(
                f"`{each.name}` ({tokens(each.size):,})" for each in largest
            )
            reporter.report(
                "NAF806",
                adapter.origin.span,
                f"the tools of {show(adapter.namespace)} are about"
                f" {tokens(cost.size):,} tokens, and `tools-budget` allows {budget:,}",
                hint=f"leave tools out by a rule, or say less; the largest are {named}",
            )


def _size(tool: Tool, names: NameTable) -> int:
    told = json.dumps(
        listed(tool, names.units[tool.origin]),
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return len(told.encode(errors="replace"))


def listed(tool: Tool, own: UnitNames) -> dict[str, Any]:
    """A tool as it stands in the answer to tools/list."""
    named = own.properties
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            named[given.origin]: input_schema(given) for given in tool.inputs
        },
        "additionalProperties": False,
    }
    if required := [named[given.origin] for given in tool.inputs if given.required]:
        schema["required"] = required
    said = {"title": tool.title, "description": tool.description}
    return {
        "name": own.tool,
        **{key: text for key, text in said.items() if text},
        "inputSchema": schema,
        "annotations": {
            "readOnlyHint": tool.hints.read_only,
            "destructiveHint": tool.hints.destructive,
            "idempotentHint": tool.hints.idempotent,
            "openWorldHint": tool.hints.open_world,
        },
    }


def input_schema(given: Input) -> dict[str, object]:
    """The JSON Schema of an input."""
    schema: dict[str, object] = {}
    if given.type is Type.BYTES:
        schema = {"type": "string", **BASE64}
    elif given.type is not Type.ANY:
        schema["type"] = given.type.value
    if given.type is Type.ARRAY:
        known = given.items is not None and given.items is not Type.ANY
        schema["items"] = {"type": given.items.value} if known and given.items else {}
    if given.description:
        schema["description"] = given.description
    return schema
