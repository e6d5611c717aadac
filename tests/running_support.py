"""Generated packages that run in this process over an upstream that is a function."""

from __future__ import annotations

import asyncio
import importlib
import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
from compile_support import write_to
from mcp import Client
from mcp_types import CallToolResult
from nafgen.compile import Compilation

Answer = Callable[[httpx.Request], httpx.Response]
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class Running:
    """A package: its modules, and its upstream."""

    name: str
    client_class: str
    answer: Answer

    def module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self.name}.{name}")

    def call(self, operation: str, **arguments: Any) -> Any:
        """What the blocking client returns."""
        transport = httpx.MockTransport(self.answer)
        with httpx.Client(transport=transport) as http:
            api = getattr(self.module("client"), self.client_class)(http=http)
            return getattr(api, operation)(**arguments)

    def ask(self, method: str, path: str) -> httpx.Response:
        """What the REST app answers."""

        async def run() -> httpx.Response:
            transport = httpx.MockTransport(self.answer)
            async with httpx.AsyncClient(transport=transport) as http:
                api = getattr(self.module("client"), f"Async{self.client_class}")(
                    http=http
                )
                app = self.module("app").create_app(api)
                own = httpx.ASGITransport(app, raise_app_exceptions=False)
                async with httpx.AsyncClient(transport=own) as user:
                    return await user.request(method, f"http://app.test{path}")

        return asyncio.run(run())

    def use(self, tool: str, **arguments: Any) -> CallToolResult:
        """What the MCP server answers."""

        async def run() -> CallToolResult:
            transport = httpx.MockTransport(self.answer)
            async with httpx.AsyncClient(transport=transport) as http:
                api = getattr(self.module("client"), f"Async{self.client_class}")(
                    http=http
                )
                server = self.module("mcp_server").create_server(api)
                async with Client(server) as user:
                    return await user.call_tool(tool, arguments)

        return asyncio.run(run())


@contextmanager
def running(
    made: Compilation, folder: Path, client_class: str, answer: Answer
) -> Iterator[Running]:
    """Import the package of a compilation; `client_class` is its blocking client."""
    parent = f"running_{next(_numbers)}"
    write_to(made, folder / parent)
    assert made.package is not None
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        name = ".".join([parent, *made.package.path.split("/")])
        yield Running(name, client_class, answer)
    finally:
        sys.path.remove(str(folder))
        for name in [each for each in sys.modules if each.split(".")[0] == parent]:
            del sys.modules[name]
