"""What the registry of MCP servers is told of a package."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from .names import NameTable
from .program import McpAdapter, Program
from .targets.mcp_hosts import required_settings

_SCHEMA: Final = (
    "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
)
_NAME: Final = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+").fullmatch
_VERSION: Final = re.compile(r"[0-9][0-9A-Za-z.!+_-]*").fullmatch
_LONGEST: Final = 100
"""Characters of a title, and of a description."""


class UnpublishableError(Exception):
    """The registry would not take it; the message says why and what to do."""


def published(
    program: Program,
    names: NameTable,
    *,
    name: str,
    version: str,
    distribution: str | None = None,
    only: str | None = None,
) -> str:
    """The text of server.json, by the registry's schema of 2025-12-11.

    The `distribution` on PyPI has a console script of its own name, for `run` in the
    package's `__main__`. `only` is the module of the server, if there are several.

    Raises:
        UnpublishableError: there is no such server, or the registry knows no such name
            or version.
    """
    if not _NAME(name):
        raise UnpublishableError(
            f"{name} is no name of a server: write it as io.github.acme/library"
        )
    if not _VERSION(version) or "*" in version:
        raise UnpublishableError(f"{version} is no version: write it as 1.2.0")
    server, arguments = _chosen(program, names, only)
    label = program.label or server.namespace
    return _json(
        {
            "$schema": _SCHEMA,
            "name": name,
            "title": _short(label),
            "description": _short(server.description or program.description or label),
            "version": version,
            "packages": [
                {
                    "registryType": "pypi",
                    "identifier": distribution or names.package.replace(".", "-"),
                    "version": version,
                    "runtimeHint": "uvx",
                    "transport": {"type": "stdio"},
                    "packageArguments": [
                        {"type": "positional", "value": "mcp"},
                        *arguments,
                    ],
                    "environmentVariables": [
                        {
                            "name": each.variable,
                            "isRequired": True,
                            "isSecret": each.secret,
                        }
                        for each in required_settings(program)
                    ],
                }
            ],
        }
    )


def _chosen(
    program: Program, names: NameTable, only: str | None
) -> tuple[McpAdapter, list[dict[str, str]]]:
    """The server, and the arguments that run it alone."""
    servers = {
        str(names.modules[adapter.origin]): adapter
        for adapter in program.adapters
        if isinstance(adapter, McpAdapter)
    }
    if not servers:
        raise UnpublishableError("the spec exposes no MCP server that can be compiled")
    module = only or next(iter(servers))
    if module not in servers or (only is None and len(servers) > 1):
        known = ", ".join(servers)
        raise UnpublishableError(f"choose a server with --only: one of {known}")
    flags = {"--transport": "stdio", **({"--only": module} if only else {})}
    return servers[module], [
        {"type": "named", "name": flag, "value": value} for flag, value in flags.items()
    ]


def _short(text: str) -> str:
    """A text on one line, as long as the registry allows."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3].rstrip()}..."


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
