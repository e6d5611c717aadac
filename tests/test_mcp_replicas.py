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
from mcp_support import DELETE, LIST, RETRIEVE
from mcp_types import ElicitRequestParams, ElicitResult
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


@contextlib.contextmanager
def replicas(
    tmp_path: Path, **settings: str
) -> Iterator[tuple[str, RoundRobin, BatchesApi]]:
    """The balancer's URL; the replicas behind it have one upstream."""
    api = BatchesApi()
    ports = [free_port() for _ in range(REPLICAS)]
    with served(api) as upstream, contextlib.ExitStack() as stack:
        api.public_url = upstream
        for port in ports:
            folder = tmp_path / str(port)
            folder.mkdir()
            env = environment(f"{upstream}/v1", **settings)
            replica = Service(folder, env, "mcp", "--port", str(port))
            stack.callback(replica.process.wait, 15)
            stack.callback(replica.process.kill)
            replica.wait_for(port)
        balancer = RoundRobin(ports)
        with served(balancer.app) as url:
            yield f"{url}/mcp", balancer, api


@pytest.mark.parametrize("mode", ["legacy", "auto"])
def test_a_client_does_not_notice_replicas(tmp_path: Path, mode: str) -> None:
    async def use(url: str) -> list[str]:
        async with Client(url, mode=mode) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            results = await asyncio.gather(
                *(client.call_tool(LIST, {"limit": n}) for n in range(1, 11))
            )
            assert [result.is_error for result in results] == [False] * 10
            gone = await client.call_tool(RETRIEVE, {"message_batch_id": "none"})
            assert gone.is_error
        return names

    with replicas(tmp_path) as (url, balancer, _):
        assert LIST in asyncio.run(use(url))
    shares = balancer.served.values()
    assert len(shares) == REPLICAS
    assert max(shares) - min(shares) <= 1


@pytest.mark.parametrize("key", ["", "0123456789abcdef" * 2])
def test_one_replica_asks_the_user_and_another_hears_the_answer(
    tmp_path: Path, key: str
) -> None:
    asked: list[str] = []

    async def agree(context: object, params: ElicitRequestParams) -> ElicitResult:
        asked.append(params.message)
        return ElicitResult(action="accept", content={})

    async def delete(url: str) -> bool:
        async with Client(url, elicitation_callback=agree) as client:
            result = await client.call_tool(DELETE, {"message_batch_id": "msgbatch_1"})
            return bool(result.is_error)

    settings = {"CONFIRM_DESTRUCTIVE": "1", "CONFIRMATION_KEY": key}
    with replicas(tmp_path, **settings) as (url, _, api):
        refused = asyncio.run(delete(url))
        deleted = [request for request in api.log if request.method == "DELETE"]
    (question,) = asked
    assert 'message_batch_id: "msgbatch_1"' in question
    assert len(deleted) == (1 if key else 0)
    assert refused or key
