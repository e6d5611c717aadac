"""Replicas of a generated MCP server behind a load balancer that knows nothing of MCP."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from e2e_support import BatchesApi, Service, environment, free_port, served
from mcp import Client
from mcp_support import LIST, RETRIEVE
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount

pytestmark = pytest.mark.slow

REPLICAS = 2


class RoundRobin:
    """Passes each request to the next of some servers, whatever was before."""

    def __init__(self, ports: list[int]) -> None:
        self.served: Counter[int] = Counter()
        self._turns = itertools.cycle(ports)
        self.app = Starlette(
            routes=[Mount("/", self._pass_on)], lifespan=self._lifespan
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient() as self._http:
            yield

    async def _pass_on(self, scope: object, receive: object, send: object) -> None:
        request = Request(scope, receive)
        port = next(self._turns)
        self.served[port] += 1
        headers = dict(request.headers) | {"host": f"127.0.0.1:{port}"}
        answer = await self._http.request(
            request.method,
            f"http://127.0.0.1:{port}{request.url.path}",
            content=await request.body(),
            headers=headers,
        )
        passed = Response(answer.content, answer.status_code, dict(answer.headers))
        await passed(scope, receive, send)


@pytest.fixture
def balanced(tmp_path: Path) -> Iterator[tuple[str, RoundRobin]]:
    """The balancer's URL; the replicas behind it have one upstream."""
    api = BatchesApi()
    ports = [free_port() for _ in range(REPLICAS)]
    with served(api.app) as upstream, contextlib.ExitStack() as stack:
        api.public_url = upstream
        for port in ports:
            folder = tmp_path / str(port)
            folder.mkdir()
            env = environment(f"{upstream}/v1")
            replica = Service(folder, env, "mcp", "--port", str(port))
            stack.callback(replica.process.wait, 15)
            stack.callback(replica.process.kill)
            replica.wait_for(port)
        balancer = RoundRobin(ports)
        with served(balancer.app) as url:
            yield f"{url}/mcp", balancer


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_does_not_notice_replicas(
    balanced: tuple[str, RoundRobin], mode: str
) -> None:
    url, balancer = balanced

    async def use() -> list[str]:
        async with Client(url, mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            results = await asyncio.gather(
                *(client.call_tool(LIST, {"limit": n}) for n in range(1, 11))
            )
            assert [result.is_error for result in results] == [False] * 10
            gone = await client.call_tool(RETRIEVE, {"message_batch_id": "none"})
            assert gone.is_error
        return names

    assert LIST in asyncio.run(use())
    shares = balancer.served.values()
    assert len(shares) == REPLICAS
    assert max(shares) - min(shares) <= 1
