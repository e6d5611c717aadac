"""Requests over HTTP that a generated MCP server refuses, and how."""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
from typing import Any, Final

import httpx
import pytest
from e2e_support import GENERATED, PACKAGE

VERSION: Final = "2026-07-28"
META: Final = {
    "io.modelcontextprotocol/protocolVersion": VERSION,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
HEADERS: Final = {
    "accept": "application/json, text/event-stream",
    "content-type": "application/json",
    "mcp-protocol-version": VERSION,
    "mcp-method": "tools/list",
}
CALLED: Final = {"mcp-method": "tools/call", "mcp-name": "show"}


def message(method: str = "tools/list", **params: Any) -> dict[str, Any]:
    params = {"_meta": META, **params}
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def call() -> dict[str, Any]:
    return message("tools/call", name="show", arguments={})


def of_version(version: str) -> dict[str, Any]:
    return message(_meta=META | {"io.modelcontextprotocol/protocolVersion": version})


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What posts a body and headers to the server, in this process."""
    monkeypatch.syspath_prepend(str(GENERATED))
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key")
    main = importlib.import_module(f"{PACKAGE}._runtime.main")
    server = importlib.import_module(f"{PACKAGE}.mcp_server").create_server()
    app = main._mcp_app(server, main.Adapter("mcp", "mcp_server", "127.0.0.1", 80))

    async def post(body: str, headers: dict[str, str]) -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport) as http,
        ):
            url = "http://127.0.0.1/mcp"
            return await http.post(url, content=body, headers=headers)

    yield lambda body, headers: asyncio.run(post(body, headers))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def test_a_stateless_request_is_answered(posted: Any) -> None:
    answer = posted(json.dumps(message()), HEADERS)
    assert answer.status_code == 200
    result = answer.json()["result"]
    assert (result["resultType"], result["cacheScope"]) == ("complete", "public")
    name = result["_meta"]["io.modelcontextprotocol/serverInfo"]["name"]
    assert name == "message-batches-message-batches-mcp"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ("", {}, 400, -32700),
        ("{", {}, 400, -32700),
        (json.dumps([message()]), {}, 400, -32600),
        (message() | {"jsonrpc": "1.0"}, {}, 400, -32600),
        (message("no/such"), {"mcp-method": "no/such"}, 404, -32601),
        (message(), {"mcp-method": ""}, 400, -32020),
        (message(), {"mcp-method": "tools/call"}, 400, -32020),
        (call(), CALLED | {"mcp-name": "other"}, 400, -32020),
        (call(), CALLED | {"mcp-name": ""}, 400, -32020),
        (message(_meta={}), {}, 400, -32602),
        (of_version("2099-01-01"), {}, 400, -32020),
        (
            of_version("2099-01-01"),
            {"mcp-protocol-version": "2099-01-01"},
            400,
            -32022,
        ),
        (call(), CALLED, 400, -32602),
    ],
    ids=range(13),
)
def test_what_is_refused(
    posted: Any,
    body: str | dict[str, Any],
    headers: dict[str, str],
    status: int,
    code: int,
) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    sent = {name: value for name, value in (HEADERS | headers).items() if value}
    answer = posted(text, sent)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "headers", [{"host": "attacker.example"}, {"origin": "https://attacker.example"}]
)
def test_other_hosts_and_origins_are_refused(
    posted: Any, headers: dict[str, str]
) -> None:
    answer = posted(json.dumps(message()), HEADERS | headers)
    assert answer.status_code in (403, 421)
