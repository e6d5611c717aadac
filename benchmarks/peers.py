"""What others would run instead, written as their documentation says.

`python peers.py NAME PORT UPSTREAM [OPERATIONS]` runs one of `PEERS`.
"""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

KEY = {"anthropic-version": "2023-06-01", "x-api-key": "key"}


def fastapi_httpx(upstream: str, operations: int) -> Any:
    """FastAPI routes that relay through one shared `httpx.AsyncClient`."""
    import httpx
    from fastapi import FastAPI, Response

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=upstream, headers=KEY) as client:
            app.state.client = client
            yield

    app = FastAPI(lifespan=lifespan)

    def add(path: str, to: str) -> None:
        @app.get(path + "/{item_id}")
        async def relay(item_id: str, limit: int | None = None) -> Response:
            params = {} if limit is None else {"limit": limit}
            answer = await app.state.client.get(f"{to}/{item_id}", params=params)
            return Response(
                answer.content, answer.status_code, media_type="application/json"
            )

    for number in range(operations):
        add(*(("/items", "/items") if number == 0 else (f"/items{number}",) * 2))
    return app


def fastapi_aiohttp(upstream: str, operations: int) -> Any:
    """The same with one shared `aiohttp.ClientSession`, a faster client."""
    import aiohttp
    from fastapi import FastAPI, Response

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with aiohttp.ClientSession(upstream, headers=KEY) as session:
            app.state.session = session
            yield

    app = FastAPI(lifespan=lifespan)

    def add(path: str) -> None:
        @app.get(path + "/{item_id}")
        async def relay(item_id: str, limit: int | None = None) -> Response:
            params = {} if limit is None else {"limit": limit}
            to = f"{path}/{item_id}"
            async with app.state.session.get(to, params=params) as answer:
                content = await answer.read()
            return Response(content, answer.status, media_type="application/json")

    for number in range(operations):
        add("/items" if number == 0 else f"/items{number}")
    return app


def starlette_httpx(upstream: str, operations: int) -> Any:
    """The same routes with nothing but Starlette."""
    import httpx
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with httpx.AsyncClient(base_url=upstream, headers=KEY) as client:
            app.state.client = client
            yield

    async def relay(request: Request) -> Response:
        item_id = request.path_params["item_id"]
        answer = await request.app.state.client.get(
            f"/items/{item_id}", params=request.query_params
        )
        return Response(
            answer.content, answer.status_code, media_type="application/json"
        )

    paths = ["/items", *(f"/items{number}" for number in range(1, operations))]
    routes = [Route(f"{path}/{{item_id}}", relay) for path in paths]
    return Starlette(routes=routes, lifespan=lifespan)


def fastmcp_openapi(upstream: str, operations: int) -> Any:
    """`FastMCP.from_openapi` over the OpenAPI document of those routes."""
    import httpx2
    from fastmcp import FastMCP

    document = fastapi_httpx(upstream, operations).openapi()
    for path, methods in document["paths"].items():
        methods["get"]["operationId"] = "get_" + path.split("/")[1]
        methods["get"]["responses"] = {"200": {"description": "OK"}}
    client = httpx2.AsyncClient(base_url=upstream, headers=KEY)
    server = FastMCP.from_openapi(document, client)
    return server.http_app(json_response=True, stateless_http=True)


def mcp_httpx(upstream: str, operations: int) -> Any:
    """The MCP library's low-level server over one shared `httpx.AsyncClient`."""
    import httpx

    client = httpx.AsyncClient(base_url=upstream, headers=KEY)

    async def get(path: str, query: dict[str, Any]) -> str:
        return (await client.get(path, params=query)).text

    return mcp_lowlevel(operations, get)


def mcp_aiohttp(upstream: str, operations: int) -> Any:
    """The same over one shared `aiohttp.ClientSession`."""
    import aiohttp

    @cache
    def session() -> aiohttp.ClientSession:  # which wants a loop that runs
        return aiohttp.ClientSession(upstream, headers=KEY)

    async def get(path: str, query: dict[str, Any]) -> str:
        async with session().get(path, params=query) as answer:
            return await answer.text()

    return mcp_lowlevel(operations, get)


def mcp_lowlevel(
    operations: int, get: Callable[[str, dict[str, Any]], Awaitable[str]]
) -> Any:
    """A server with all that it can know beforehand."""
    import json

    from mcp.server.lowlevel import Server
    from mcp_types import CallToolResult, ListToolsResult, TextContent, Tool

    schema = {
        "type": "object",
        "properties": {"item_id": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["item_id"],
        "additionalProperties": False,
    }
    paths = {"get_items": "/items"}
    paths |= {f"get_items{n}": f"/items{n}" for n in range(1, operations)}
    listed = ListToolsResult(
        tools=[
            Tool(name=name, description=f"Get one of {path}.", input_schema=schema)
            for name, path in paths.items()
        ]
    )

    async def list_tools(context: Any, params: Any) -> ListToolsResult:
        return listed

    async def call_tool(context: Any, params: Any) -> CallToolResult:
        given = params.arguments or {}
        query = {"limit": given["limit"]} if "limit" in given else {}
        text = await get(f"{paths[params.name]}/{given['item_id']}", query)
        return CallToolResult(
            content=[TextContent(text=text)], structured_content=json.loads(text)
        )

    server = Server(
        "items",
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        get_tool_input_schema=lambda name: schema if name in paths else None,
    )
    return server.streamable_http_app(json_response=True, stateless_http=True)


PEERS: dict[str, Callable[[str, int], Any]] = {
    "FastAPI + httpx": fastapi_httpx,
    "FastAPI + aiohttp": fastapi_aiohttp,
    "Starlette + httpx": starlette_httpx,
    "FastMCP.from_openapi": fastmcp_openapi,
    "low-level MCP + httpx": mcp_httpx,
    "low-level MCP + aiohttp": mcp_aiohttp,
}


def main(name: str, port: str, upstream: str, operations: str = "6") -> None:
    import uvicorn

    app = PEERS[name](upstream, int(operations))
    uvicorn.run(app, port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main(*sys.argv[1:])
