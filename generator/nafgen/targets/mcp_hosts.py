"""mcp.json: what hosts of MCP servers, such as editors and agents, are told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TypeAlias

from ..ir import ApiKeys, Bearer, Setting, Supplied, Text, Upstream
from ..listing import server_names
from ..names import NameTable
from ..plan import FilePlan, VerbatimView
from ..program import McpAdapter, Program
from ..pycode import Code
from ..wire import Location
from .expressions import url_host

Entry: TypeAlias = tuple[str, dict[str, Any]]
"""The name of a server, and how a host reaches it."""


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of mcp.json, where there are MCP servers."""
    entries = dict(_entries(program, names))
    if not entries:
        return ()
    # One line for each, as people copy them.
    lines = (
        f"    {json.dumps(name)}: {json.dumps(told)}" for name, told in entries.items()
    )
    text = '{\n  "mcpServers": {\n' + ",\n".join(lines) + "\n  }\n}\n"
    view = VerbatimView(text=Code(text))
    return (FilePlan(path="mcp.json", template="verbatim.j2", view=view),)


def required_settings(program: Program) -> Iterator[Setting]:
    """The settings without which the package does not start, in the order of the spec."""
    known = {variable for held in program.held for variable, _ in held.keys}
    for upstream in program.upstreams:
        for setting in (*upstream.settings, *_supplied(upstream), upstream.base_url):
            given = setting.default is not None or setting.variable in known
            if not given and not (setting is upstream.base_url and upstream.published):
                yield setting


def _servers(program: Program) -> list[McpAdapter]:
    return [each for each in program.adapters if isinstance(each, McpAdapter)]


def _supplied(upstream: Upstream) -> tuple[Setting, ...]:
    auth = upstream.auth
    return (auth.setting,) if isinstance(auth, Supplied) else ()


def _entries(program: Program, names: NameTable) -> Iterator[Entry]:
    servers = _servers(program)
    called = server_names(program, names)
    env = {each.variable: _reference(each) for each in required_settings(program)}
    for adapter in servers:
        name = called[adapter.origin]
        module = names.modules[adapter.origin]
        only = ["--only", module] if len(servers) > 1 else []
        command = ["-m", names.package, "mcp", "--transport", "stdio", *only]
        yield name, {"command": "python", "args": command, "env": env}
        if adapter.transport == "http":
            url = f"http://{url_host(adapter.address)}:{adapter.port}/mcp"
            headers = dict(_headers(adapter))
            shown = {"headers": headers} if headers else {}
            yield f"{name}_http", {"type": "http", "url": url, **shown}


def _headers(adapter: McpAdapter) -> Iterator[tuple[str, str]]:
    """What callers over HTTP must show, as far as headers that do not change say it."""
    match adapter.guard and adapter.guard.scheme:
        case Bearer(token=token):
            yield from _header("Authorization", "Bearer ", token)
        case ApiKeys(keys=keys):
            for key in keys:
                if key.location is Location.HEADER:
                    yield from _header(key.name, "", key.value)


def _header(name: str, before: str, value: Text) -> Iterator[tuple[str, str]]:
    """A header whose value comes from the environment; no other is written down."""
    if any(isinstance(part, Setting) for part in value.parts):
        parts = (p if isinstance(p, str) else _reference(p) for p in value.parts)
        yield name, before + "".join(parts)


def _reference(setting: Setting) -> str:
    return f"${{{setting.variable}}}"
