"""The package's command line: runs its adapters."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")


@dataclass(frozen=True, slots=True)
class Adapter:
    """A server of the package: `kind` is rest or mcp, `transport` http or stdio."""

    kind: str
    module: str
    host: str
    port: int
    transport: str = "http"


def main(package: str | None, *adapters: Adapter) -> int:
    """Run `python -m PACKAGE`.

    Returns:
        The exit code: 2 when settings are missing or wrong.
    """
    options = _parser(package, adapters).parse_args()
    chosen = _chosen(options, adapters)
    try:
        if options.command == "tools":
            _print_tools(package, chosen)
            return 0
        servers = [_server(package, adapter) for adapter in chosen]
    except (LookupError, ValueError) as error:
        print(f"{package}: {error}", file=sys.stderr)
        return 2
    try:
        asyncio.run(_run(servers))
    except KeyboardInterrupt:
        return 130
    return 0


def _parser(
    package: str | None, adapters: Sequence[Adapter]
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    commands = parser.add_subparsers(dest="command", required=True)
    kinds = sorted({adapter.kind for adapter in adapters}, reverse=True)
    helps = {"rest": "run the REST app", "mcp": "run the MCP server"}
    serve = commands.add_parser("serve", help="run all adapters")
    for command in [serve, *(commands.add_parser(k, help=helps[k]) for k in kinds)]:
        command.add_argument("--host", help="address to listen on")
        command.add_argument(
            "--port", type=int, help="port to listen on; further adapters follow it"
        )
        if command.prog.endswith(" mcp"):
            command.add_argument("--transport", choices=("http", "stdio"))
    if "mcp" in kinds:
        commands.add_parser("tools", help="print the tools as JSON")
    return parser


def _chosen(
    options: argparse.Namespace, adapters: Sequence[Adapter]
) -> tuple[Adapter, ...]:
    kind = {"serve": None, "tools": "mcp"}.get(options.command, options.command)
    chosen = [a for a in adapters if kind in (None, a.kind)]
    given = vars(options)
    for index, adapter in enumerate(chosen):
        chosen[index] = replace(
            adapter,
            host=given.get("host") or adapter.host,
            port=given["port"] + index if given.get("port") else adapter.port,
            transport=given.get("transport") or adapter.transport,
        )
    return tuple(chosen)


def _print_tools(package: str | None, adapters: Sequence[Adapter]) -> None:
    tools = [
        tool.model_dump(mode="json", by_alias=True, exclude_none=True)
        for adapter in adapters
        for tool in _load(package, adapter).tools.served().listed.tools
    ]
    print(json.dumps(tools, indent=2))


def _load(package: str | None, adapter: Adapter) -> Any:
    return importlib.import_module(f".{adapter.module}", package)


def _server(package: str | None, adapter: Adapter) -> Any:
    """A coroutine function that serves one adapter; its settings are read here."""
    module = _load(package, adapter)
    if adapter.kind == "rest":
        return _http_server(module.create_app(), adapter)
    server = module.create_server()
    if adapter.transport == "stdio":
        return _stdio_server(server)
    return _http_server(_mcp_app(server, adapter), adapter)


def _mcp_app(server: Any, adapter: Adapter) -> Any:
    from mcp.server.transport_security import TransportSecuritySettings

    more = os.environ.get("ALLOWED_HOSTS", "").replace(",", " ").split()
    names = dict.fromkeys((*LOOPBACK, adapter.host, *more))
    hosts = [host for name in names for host in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    return server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=origins
        ),
    )


def _http_server(app: Any, adapter: Adapter) -> Any:
    import uvicorn

    config = uvicorn.Config(app, host=adapter.host, port=adapter.port)
    return uvicorn.Server(config).serve


def _stdio_server(server: Any) -> Any:
    from mcp.server.stdio import stdio_server

    async def serve() -> None:
        async with stdio_server() as (reader, writer):
            options = server.create_initialization_options()
            await server.run(reader, writer, options)

    return serve


async def _run(servers: Sequence[Any]) -> None:
    await asyncio.gather(*(serve() for serve in servers))
