"""The package's command line: runs its adapters."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import copy
import errno
import importlib
import json
import logging
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .health import State, add_to, states
from .logs import configure, is_json, logged, say
from .observability import flush, joined
from .settings import SettingsError, missing_together

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
GRACE: Final = 10
"""Seconds that open requests have to end in once the process is told to stop."""
BACKLOG: Final = 2048
"""Connections that may wait to be accepted."""
_ORIGIN: Final = re.compile(r"https?://[^/?#@*]+").fullmatch


@dataclass(frozen=True, slots=True)
class Adapter:
    """A server of the package: `kind` is rest, mcp, skill or control, `transport` http
    or stdio."""

    kind: str
    module: str
    host: str
    port: int
    transport: str = "http"


def main(package: str | None, *adapters: Adapter) -> int:
    """Run `python -m PACKAGE`.

    Returns:
        The exit code: 0 when it was told to stop, 2 when it could not start because
        settings are missing or wrong or an address cannot be listened on.
    """
    options = _parser(package, adapters).parse_args()
    chosen = _chosen(options, adapters)
    try:
        if is_json():
            configure()
        _introduce(package, adapters)
        if options.command == "tools":
            _print_tools(package, chosen)
            return 0
        if sum(adapter.transport == "stdio" for adapter in chosen) > 1:
            raise SettingsError("only one server can use stdio; choose it with --only")
        with missing_together():
            servers = [_server(package, adapter) for adapter in chosen]
        sockets = [_listening(adapter) for adapter in chosen]
    except (SettingsError, OSError) as error:
        say(f"{package}: {error}", logging.ERROR)
        return 2
    states.extend(map(_state, chosen, servers, sockets))
    for adapter, opened in zip(chosen, sockets, strict=True):
        say(f"{package}: {_where(adapter, opened)}")
    running = list(zip(servers, sockets, strict=True))
    with asyncio.Runner(loop_factory=_loop_factory(running)) as runner:
        runner.run(_run(running))
    return 0


def _parser(
    package: str | None, adapters: Sequence[Adapter]
) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {package}")
    commands = parser.add_subparsers(dest="command", required=True)
    kinds = sorted({adapter.kind for adapter in adapters}, reverse=True)
    helps = {"rest": "run the REST app", "mcp": "run the MCP server"}
    helps["control"] = "run what tells of the others"
    helps["skill"] = "run the app of skills"
    for name in ("serve", *kinds):
        command = commands.add_parser(name, help=helps.get(name, "run all adapters"))
        command.add_argument("--host", help="address to listen on")
        command.add_argument(
            "--port",
            type=_port,
            help="port to listen on, 0 for any; further adapters follow it",
        )
        modules = [a.module for a in adapters if name in ("serve", a.kind)]
        command.add_argument("--only", choices=modules, help="run one adapter only")
        if name == "mcp":
            command.add_argument("--transport", choices=("http", "stdio"))
    if "mcp" in kinds:
        commands.add_parser("tools", help="print the tools as JSON")
    return parser


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return int(text)


def _chosen(
    options: argparse.Namespace, adapters: Sequence[Adapter]
) -> tuple[Adapter, ...]:
    """The adapters to run, each with what the options change of it."""
    kind = {"serve": None, "tools": "mcp"}.get(options.command, options.command)
    given = vars(options)
    port = given.get("port")
    chosen = []
    for adapter in adapters:
        if kind not in (None, adapter.kind):
            continue
        if given.get("only") not in (None, adapter.module):
            continue
        adapter = replace(
            adapter,
            host=given.get("host") or adapter.host,
            port=adapter.port if port is None else port,
            transport=given.get("transport") or adapter.transport,
        )
        if port and adapter.transport == "http":
            port += 1
        chosen.append(adapter)
    return tuple(chosen)


def _print_tools(package: str | None, adapters: Sequence[Adapter]) -> None:
    tools = [
        tool.model_dump(mode="json", by_alias=True, exclude_none=True)
        for adapter in adapters
        for tool in _load(package, adapter).tools.served().listed.tools
    ]
    print(json.dumps(tools, indent=2))


def _introduce(package: str | None, adapters: Sequence[Adapter]) -> None:
    """Let servers know the tools of the others: a selection is for those of all."""
    several = [adapter for adapter in adapters if adapter.kind == "mcp"]
    if len(several) > 1:
        together = [_load(package, adapter).tools for adapter in several]
        for tools in together:
            tools.together = together


def _load(package: str | None, adapter: Adapter) -> Any:
    return importlib.import_module(f".{adapter.module}", package)


def _server(package: str | None, adapter: Adapter) -> Any:
    """The server of one adapter: uvicorn's, or for stdio MCP's own."""
    module = _load(package, adapter)
    if adapter.kind != "mcp":
        app = module.create_app()
        app.middleware_stack = app.build_middleware_stack()  # reads its settings
        return _http_server(app)
    server = module.create_server()
    if adapter.transport == "stdio":
        return server
    return _http_server(_mcp_app(server, adapter))


def _state(adapter: Adapter, server: Any, opened: Sequence[socket.socket]) -> State:
    """What health tells of an adapter; on stdio it takes requests from the start."""
    if not opened:
        return State(type=adapter.kind, port=None, is_started=lambda: True)
    return State(
        type=adapter.kind,
        port=opened[0].getsockname()[1],
        is_started=lambda: bool(server.started and not server.should_exit),
    )


def _mcp_app(server: Any, adapter: Adapter) -> Any:
    """MCP over HTTP; other Host and Origin headers than its own are refused.

    Raises:
        SettingsError: ALLOWED_HOSTS or ALLOWED_ORIGINS holds what cannot be one.
    """
    from mcp.server.transport_security import TransportSecuritySettings
    from starlette.middleware import Middleware

    more, foreign = _listed("ALLOWED_HOSTS"), _listed("ALLOWED_ORIGINS")
    if wrong := [host for host in more if "/" in host]:
        raise SettingsError(f"ALLOWED_HOSTS: {wrong[0]} is more than a host")
    if wrong := [origin for origin in foreign if not _ORIGIN(origin)]:
        raise SettingsError(f"ALLOWED_ORIGINS: {wrong[0]} is not like https://host")
    names = dict.fromkeys(map(_in_url, (*LOOPBACK, adapter.host, *more)))
    hosts = [host for name in names for host in (name, f"{name}:*")]
    origins = [f"{scheme}://{host}" for host in hosts for scheme in ("http", "https")]
    app = server.streamable_http_app(
        json_response=True,
        stateless_http=True,
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[*origins, *foreign]
        ),
    )
    if foreign:
        _let_in(foreign, app)
    add_to(app.routes)
    app.user_middleware[:0] = [Middleware(joined), Middleware(logged)]
    return app


def _let_in(origins: Sequence[str], app: Any) -> None:
    """Let browsers call, before the guard, which they ask without credentials first."""
    from starlette.middleware.cors import CORSMiddleware

    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["POST"],
        allow_headers=["*"],
        expose_headers=["WWW-Authenticate"],
    )


def _listed(variable: str) -> list[str]:
    return os.environ.get(variable, "").replace(",", " ").split()


def _in_url(host: str) -> str:
    """A host as it stands in a URL: an IPv6 address in brackets."""
    return f"[{host}]" if host.count(":") > 1 and not host.startswith("[") else host


def _http_server(app: Any) -> Any:
    import uvicorn
    from uvicorn.config import LOGGING_CONFIG

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield  # _run captures them, for all servers at once

    # Nothing but answers goes to stdout: it may be the transport of another adapter.
    log_config = copy.deepcopy(LOGGING_CONFIG)
    log_config["handlers"]["access"]["stream"] = "ext://sys.stderr"
    config = uvicorn.Config(
        _ending(app, lambda: server.should_exit),
        ws="none",
        log_config=None if is_json() else log_config,
        # In JSON there are lines of our own: these would hold queries.
        access_log=not is_json() and os.environ.get("ACCESS_LOG") != "0",
        timeout_graceful_shutdown=GRACE,
        backlog=BACKLOG,
    )
    server = Server(config)
    return server


def _ending(app: ASGIApp, is_ending: Callable[[], bool]) -> ASGIApp:
    """The app; at the end it tells callers not to ask on the same connection, and those
    whose requests are cut off to ask again."""
    content = {"type": "about:blank", "title": "Service Unavailable", "status": 503}
    content["detail"] = "this service ends; ask again"
    kind = "application/problem+json"
    ended = JSONResponse(content, 503, {"retry-after": "1"}, kind)

    async def run(scope: Scope, receive: Receive, send: Send) -> None:
        async def telling(message: Message) -> None:
            if message["type"] == "http.response.start" and is_ending():
                headers = message.get("headers", ())
                message["headers"] = [*headers, (b"connection", b"close")]
            await send(message)

        try:
            await app(scope, receive, telling)
        except asyncio.CancelledError:
            if scope["type"] != "http":
                raise
            with contextlib.suppress(RuntimeError):  # where an answer has begun
                await ended(scope, receive, telling)

    return run


def _listening(adapter: Adapter) -> list[socket.socket]:
    """Sockets on all addresses of the adapter's host; none for stdio.

    Raises:
        OSError: an address cannot be listened on; the message says which and why.
    """
    if adapter.transport == "stdio":
        return []
    try:
        return _opened(adapter.host, adapter.port)
    except (OSError, OverflowError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        where = f"{_in_url(adapter.host)}:{adapter.port}"
        raise OSError(f"cannot listen on {where}: {why}") from None


def _opened(host: str, port: int) -> list[socket.socket]:
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    opened: list[socket.socket] = []
    absent: OSError | None = None
    for family, _, _, _, address in dict.fromkeys(found):
        if opened and port == 0:
            address = (address[0], opened[0].getsockname()[1], *address[2:])
        try:
            opened.append(socket.create_server(address, family=family, backlog=BACKLOG))
        except OSError as error:
            # A name such as localhost may have an address that this machine lacks.
            if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise
            absent = error
    if absent and not opened:
        raise absent
    return opened


def _where(adapter: Adapter, opened: Sequence[socket.socket]) -> str:
    if not opened:
        return f"{adapter.kind} on stdio"
    path = "/mcp" if adapter.kind == "mcp" else ""
    host, port = _in_url(adapter.host), opened[0].getsockname()[1]
    return f"{adapter.kind} on http://{host}:{port}{path}"


def _loop_factory(
    servers: Sequence[tuple[Any, list[socket.socket]]],
) -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's, where it is installed and something listens; None for Python's own."""
    http = (server.config.get_loop_factory() for server, opened in servers if opened)
    return next(http, None)


async def _run(servers: Sequence[tuple[Any, list[socket.socket]]]) -> None:
    """Serve until SIGINT, SIGTERM, or where there is only stdio, its end."""
    http = [(server, sockets) for server, sockets in servers if sockets]
    stdio = [server for server, sockets in servers if not sockets]
    stopped = _stop_on_signals([server for server, _ in http])
    reading = asyncio.gather(*map(_serve_stdio, stdio))
    if http:
        await asyncio.gather(*(server.serve(sockets) for server, sockets in http))
    else:
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait((reading, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    if not reading.done():
        # A thread waits for the next line of stdin, and Python would wait for it.
        await flush()
        sys.stderr.flush()
        os._exit(0)
    await reading


def _stop_on_signals(http: Sequence[Any]) -> asyncio.Event:
    """Let servers end on a first signal, and at once on a second one."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        for server in http:
            server.force_exit = server.should_exit
            server.should_exit = True
        stopped.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    return stopped


async def _serve_stdio(server: Any) -> None:
    # Only packages with tools have it.
    await importlib.import_module(".stdio", __package__).serve(server)
