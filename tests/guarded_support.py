"""A small spec with authenticated adapters, and processes of what it compiles to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from compile_support import compile_text, write_to
from e2e_support import DEADLINE, listens, two_free_ports, wait_until
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from nafgen.compile import Compilation
from runtime_support import Exchange, upstream

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Ships, description: Of a registry}}
binds:
- namespace: env
  keys: {{REGISTRY_TOKEN: REGISTRY_TOKEN, SERVER_TOKEN: SERVER_TOKEN}}
capability:
  consumes:
  - type: http
    namespace: registry
    baseUri: https://registry.example
    authentication: {{type: bearer, token: '{{{{REGISTRY_TOKEN}}}}'}}
    resources:
    - path: /ships
      operations:
      - name: list-ships
        method: GET
        inputParameters: [{{name: status, in: query, type: string}}]
  exposes:
  - type: rest
    namespace: web
    port: 8080
    authentication: {rest}
    resources:
    - path: /ships
      operations:
      - {{method: GET, name: list-ships, call: registry.list-ships}}
  - type: mcp
    namespace: agent
    port: 9090
    authentication: {mcp}
    tools:
    - {{name: list-ships, description: All, call: registry.list-ships}}
"""
BEARER = "{type: bearer, token: '{{SERVER_TOKEN}}'}"


def compiled(rest: str = BEARER, mcp: str = BEARER) -> Compilation:
    """The spec with these authentications, compiled."""
    return compile_text(SPEC.format(rest=rest, mcp=mcp))


@dataclass
class Running:
    """A process of the package: where it serves, and what its upstream received."""

    rest: str
    mcp: str
    log_file: Path
    received: list[dict[str, str]] = field(default_factory=list)

    @property
    def log(self) -> str:
        return self.log_file.read_text()


def started(
    made: Compilation, folder: Path, env: Mapping[str, str], *arguments: str
) -> subprocess.Popen[str]:
    """A process of the package, which logs to `log.txt` in the folder."""
    write_to(made, folder)
    with (folder / "log.txt").open("w") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "spec", *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), **env},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            text=True,
        )


@contextmanager
def running(made: Compilation, folder: Path, **env: str) -> Iterator[Running]:
    """Both adapters of the spec as one process, with an upstream of their own."""
    port = two_free_ports()
    found = Running(
        f"http://127.0.0.1:{port}",
        f"http://127.0.0.1:{port + 1}/mcp",
        folder / "log.txt",
    )

    def answer(exchange: Exchange) -> None:
        headers = {name.lower(): value for name, value in exchange.headers.items()}
        found.received.append({":path": exchange.path, **headers})
        exchange.answer(b'[{"name": "Northern Star"}]', content_type="application/json")

    with upstream(answer) as base:
        given = {"REGISTRY_TOKEN": "of-the-registry", "REGISTRY_BASE_URL": base, **env}
        process = started(made, folder, given, "serve", "--port", str(port))
        try:

            def ready() -> bool:
                assert process.poll() is None, found.log
                return listens(port) and listens(port + 1)

            wait_until(ready, "the service")
            yield found
        finally:
            process.terminate()
            process.wait(DEADLINE)


async def tool_text(url: str, mode: str, auth: httpx2.Auth | None) -> str:
    """What the tool answers to a client of the `mcp` package."""
    async with httpx2.AsyncClient(auth=auth) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            result = await client.call_tool("list-ships", {"status": "active"})
            return str(result.content[0].text)  # type: ignore[union-attr]


class Token(httpx2.Auth):
    """Sends a bearer token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx2.Request) -> Iterator[httpx2.Request]:  # type: ignore[override]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
