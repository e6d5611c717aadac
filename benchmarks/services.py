"""Generated services beside hand-written ones and FastMCP: one table, one run.

Every server runs in a process of its own over the same stub of an upstream, and a client in
another process asks it. Rounds are interleaved: each asks every server once, so that what a
busy machine does to one it does to all. Compare ratios within a run only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from machine import keep

HERE: Final = Path(__file__).parent
GENERATED: Final = "nafgen"
SIZES: Final = (6, 100, 1000)
"""Operations of the packages whose start is measured."""
READY: Final = 60.0
"""Seconds in which a server must answer."""
OPERATION: Final = """
    - name: get_items{number}
      method: GET
      description: Get one of /items{number}.
      inputParameters:
      - {{name: item_id, in: path, type: string}}
      - {{name: limit, in: query, type: integer, required: false}}
"""
ROUTE: Final = """
    - path: /items{number}/{{item_id}}
      operations:
      - {{name: get_items{number}, method: GET, call: items.get_items{number}}}
"""
TOOL: Final = """
    - name: get_items{number}
      description: Get one of /items{number}.
      call: items.get_items{number}
"""


def spec(operations: int) -> str:
    """A capability with as many operations, routes and tools."""
    numbers = ["", *map(str, range(1, operations))]
    consumed = "".join(
        f"""
    - name: items{number}
      path: /items{number}/{{{{item_id}}}}
      operations:{OPERATION.format(number=number).replace(chr(10) + '    ', chr(10) + '      ')}"""
        for number in numbers
    )
    return f"""
naftiko: 1.0.0-alpha2
info: {{label: Items, description: Items.}}
capability:
  consumes:
  - type: http
    namespace: items
    baseUri: http://upstream.invalid
    authentication: {{type: apikey, key: x-api-key, value: key, placement: header}}
    resources:{consumed}
  exposes:
  - type: rest
    namespace: items-rest
    port: 8080
    resources:{"".join(ROUTE.format(number=number) for number in numbers)}
  - type: mcp
    namespace: items-mcp
    port: 8090
    tools:{"".join(TOOL.format(number=number) for number in numbers)}
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A server that can be started: what it is called, and its command line."""

    name: str
    kind: str
    operations: int

    def command(self, port: int, upstream: str) -> list[str]:
        if self.name == GENERATED:
            package = f"items_{self.operations}"
            return ["-m", package, self.kind, "--port", str(port)]
        peer = str(HERE / "peers.py")
        return [peer, self.name, str(port), upstream, str(self.operations)]


REST: Final = tuple(
    Server(name, "rest", 6)
    for name in (
        "FastAPI + httpx",
        "FastAPI + aiohttp",
        "Starlette + httpx",
        GENERATED,
    )
)
MCP: Final = tuple(
    Server(name, "mcp", 6)
    for name in (
        "FastMCP.from_openapi",
        "low-level MCP + httpx",
        "low-level MCP + aiohttp",
        GENERATED,
    )
)
MANY_TOOLS: Final = tuple(
    Server(name, "mcp", 1000) for name in ("FastMCP.from_openapi", GENERATED)
)


@dataclass(frozen=True, slots=True)
class Row:
    """Something that is asked of several servers; the first is what ratios are to."""

    title: str
    servers: tuple[Server, ...]
    request: bytes
    connections: int


def get() -> bytes:
    return b"GET /items/x?limit=5 HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n"


def post(method: str, era: str) -> bytes:
    """A message of MCP, of the era of `initialize` or of the one without."""
    params: dict[str, Any] = {}
    headers = {
        "host": "127.0.0.1:80",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": era,
    }
    if method == "tools/call":
        params = {"name": "get_items", "arguments": {"item_id": "x", "limit": 5}}
    if era == "2026-07-28":
        headers |= {"mcp-method": method, "mcp-name": params.get("name", "")}
        known = "io.modelcontextprotocol/"
        params["_meta"] = {
            f"{known}protocolVersion": era,
            f"{known}clientInfo": {"name": "load", "version": "1"},
            f"{known}clientCapabilities": {},
        }
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    body = json.dumps(message)
    lines = [f"{name}: {value}" for name, value in headers.items() if value]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join(["POST /mcp HTTP/1.1", *lines, "", body]).encode()


def rows() -> Iterator[Row]:
    for connections in (1, 16, 64):
        yield Row("REST relay", REST, get(), connections)
    for era in ("2026-07-28", "2025-11-25"):
        for method in ("tools/list", "tools/call"):
            for connections in (1, 16, 64):
                title = f"MCP {era} {method}"
                yield Row(title, MCP, post(method, era), connections)
    listed = post("tools/list", "2026-07-28")
    yield Row("MCP 2026-07-28 tools/list of 1,000", MANY_TOOLS, listed, 1)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        return int(opened.getsockname()[1])


@contextmanager
def process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Python process, until it is not needed any more."""
    started = subprocess.Popen(
        [sys.executable, *arguments],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        started.send_signal(signal.SIGKILL)
        started.wait()


def answers(port: int, started: subprocess.Popen[bytes]) -> None:
    """Wait until a server listens.

    Raises:
        RuntimeError: it does not.
    """
    end = time.monotonic() + READY
    while started.poll() is None and time.monotonic() < end:
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.005)
    raise RuntimeError(f"no answer from {started.args!r}")


@contextmanager
def serving(server: Server, folder: Path, upstream: str) -> Iterator[tuple[int, int]]:
    """A server; yields its port and process."""
    port = free_port()
    settings = {
        "PYTHONPATH": f"{folder}",
        "ACCESS_LOG": "0",
        "ITEMS_BASE_URL": upstream,
    }
    with process(*server.command(port, upstream), **settings) as started:
        answers(port, started)
        yield port, started.pid


def asked(row: Row, port: int, pid: int, seconds: float) -> dict[str, float]:
    """What a client saw, and the CPU that the server needed for each request."""
    command = [sys.executable, str(HERE / "load.py")]
    command += [str(port), str(row.connections), str(seconds)]
    before, _ = used(pid)
    done = subprocess.run(command, input=row.request, capture_output=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    cpu = used(pid)[0] - before
    return {**found, "cpu_us": cpu / max(found.pop("answers"), 1) * 1e6}


def used(pid: int) -> tuple[float, float]:
    """Seconds of CPU that a process has had, and megabytes that it has."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    page = os.sysconf("SC_PAGE_SIZE")
    return ticks / os.sysconf("SC_CLK_TCK"), pages * page / 2**20


def throughput(
    wanted: list[Row], folder: Path, upstream: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """What each row's servers do, as medians of all rounds."""
    servers = dict.fromkeys(server for row in wanted for server in row.servers)
    found: dict[tuple[Row, Server], list[dict[str, float]]] = {}
    with ExitStack() as stack:
        running = {
            server: stack.enter_context(serving(server, folder, upstream))
            for server in servers
        }
        for _ in range(options.rounds):
            for row in wanted:
                for server in row.servers:
                    got = asked(row, *running[server], options.seconds)
                    found.setdefault((row, server), []).append(got)
    return [
        {
            "row": row.title,
            "connections": row.connections,
            "server": server.name,
            **{key: statistics.median(each[key] for each in all_) for key in all_[0]},
        }
        for (row, server), all_ in found.items()
    ]


def starting(
    folder: Path, upstream: str, options: argparse.Namespace
) -> list[dict[str, Any]]:
    """How long servers take until they listen, and what they need then."""
    kinds = {"rest": REST, "mcp": MCP}
    servers = [
        Server(each.name, kind, operations)
        for operations in SIZES
        for kind, some in kinds.items()
        for each in some
    ]
    found: dict[Server, list[tuple[float, float, float]]] = {}
    for _ in range(options.rounds):
        for server in servers:
            start = time.perf_counter()
            with serving(server, folder, upstream) as (_, pid):
                wall = time.perf_counter() - start
                found.setdefault(server, []).append((wall, *used(pid)))
    return [
        {
            "row": f"start of {server.kind}",
            "operations": server.operations,
            "server": server.name,
            "seconds": statistics.median(wall for wall, _, _ in all_),
            "cpu_seconds": statistics.median(cpu for _, cpu, _ in all_),
            "megabytes": statistics.median(size for _, _, size in all_),
        }
        for server, all_ in found.items()
    ]


def table(measured: list[dict[str, Any]]) -> Iterator[str]:
    """A table for people; ratios are to the first server of each row."""
    first: dict[Any, dict[str, Any]] = {}
    for one in measured:
        size = one.get("connections", one.get("operations"))
        base = first.setdefault((one["row"], size), one)
        line = f"{one['row']:36} {size:>5} {one['server']:22}"
        if "per_second" in one:
            ratio = one["per_second"] / max(base["per_second"], 0.001)
            failed = f" {one['failed']:.0f} FAILED" if one["failed"] else ""
            yield (
                f"{line} {one['per_second']:8.0f}/s {ratio:6.2f}x"
                f" p50 {one['p50_ms']:8.2f} ms p99 {one['p99_ms']:8.2f} ms"
                f" CPU {one['cpu_us']:7.0f} us {base['cpu_us'] / one['cpu_us']:6.2f}x{failed}"
            )
        else:
            ratio = base["cpu_seconds"] / one["cpu_seconds"]
            yield (
                f"{line} {one['seconds']:8.2f} s {ratio:6.2f}x"
                f" CPU {one['cpu_seconds']:6.2f} s {one['megabytes']:6.0f} MB"
            )


def compile_packages(folder: Path, sizes: Iterable[int]) -> None:
    """Build packages of so many operations, unless they are there already."""
    specs = folder / "specs"
    specs.mkdir(exist_ok=True)
    for operations in sizes:
        (specs / f"items-{operations}.yaml").write_text(spec(operations))
    command = [sys.executable, "-m", "nafgen", "build", "-q", str(specs)]
    subprocess.run([*command, "-o", str(folder)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--rounds", type=int, default=5, help="of which the median is")
    parser.add_argument("--only", default="", help="rows whose title has this text")
    parser.add_argument("--keep", type=Path, help="a folder for the results")
    parser.add_argument("--folder", type=Path, help="where built packages are kept")
    options = parser.parse_args()
    wanted = [row for row in rows() if options.only in row.title]
    with_starts = "start".startswith(options.only)
    sizes = {each.operations for row in wanted for each in row.servers}
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(TemporaryDirectory()))
        compile_packages(folder, sizes | set(SIZES if with_starts else ()))
        port = free_port()
        stub = stack.enter_context(process(str(HERE / "stub.py"), str(port)))
        answers(port, stub)
        upstream = f"http://127.0.0.1:{port}"
        measured = throughput(wanted, folder, upstream, options)
        if with_starts:
            measured += starting(folder, upstream, options)
    lines = list(table(measured))
    print("\n".join(lines))
    if options.keep:
        keep(options.keep, "services", measured, lines)


if __name__ == "__main__":
    main()
