"""What the operator of an MCP server can set, beside what its APIs need."""

from __future__ import annotations

from collections.abc import Iterator

from ..markdown import prose
from ..program import McpAdapter, Program, Tool
from ..pycode import Code


def tool_settings(program: Program) -> Iterator[tuple[str, Code]]:
    """The variables of MCP servers, and what each does; none without a server."""
    if not any(isinstance(adapter, McpAdapter) for adapter in program.adapters):
        return
    yield "READ_ONLY", prose("1 leaves out the tools that write")
    entries = "names or patterns of tools, hint:destructive"
    entries += ", api:NAMESPACE" if has_several_apis(program) else ""
    yield "TOOLS", prose(f"the tools to serve: a comma list of {entries}")
    yield "EXCLUDE_TOOLS", prose("the tools to leave out: a list like TOOLS")
    if any(tool.hints.destructive for tool in _tools(program)):
        about = "1 asks the user before a tool that may destroy something"
        yield "CONFIRM_DESTRUCTIVE", prose(about)
        about = "a secret of 32 bytes or more, where several processes ask"
        yield "CONFIRMATION_KEY", prose(about)
    about = "characters of a text as a result; the rest is cut off; default: 100000"
    yield "MAX_RESULT_CHARACTERS", prose(about)
    about = "bytes of a file as a result; larger ones are refused; default: 10485760"
    yield "MAX_RESULT_BYTES", prose(about)
    yield "ALLOWED_HOSTS", prose("further Host names for MCP over HTTP")
    about = "origins of browsers that may call MCP over HTTP: a comma list"
    yield "ALLOWED_ORIGINS", prose(about)


def has_several_apis(program: Program) -> bool:
    """Whether tools can be told apart by the APIs that they call."""
    tools = _tools(program)
    return len({o.namespace for tool in tools for o in tool.call.operations}) > 1


def _tools(program: Program) -> list[Tool]:
    servers = (each for each in program.adapters if isinstance(each, McpAdapter))
    return [tool for server in servers for tool in server.tools]
