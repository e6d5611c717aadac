"""The MCP server's tools, called by a real client in both eras of the protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from mcp import Client
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, TextContent
from nafgen.runtime.base64_inputs import decoded
from nafgen.runtime.calls import ArgumentError, Call, Connection, segment
from nafgen.runtime.settings import Environment
from nafgen.runtime.tools import (
    MAX_ERROR,
    Arguments,
    Hints,
    Tools,
    lending,
    relay,
    structured,
)
from nafgen.runtime.upstream import AsyncClient
from runtime_support import serving

Answer = Callable[[httpx.Request], httpx.Response]
JSON = {"content-type": "application/json"}
READS = Hints(read_only=True, destructive=False, idempotent=True, open_world=True)
WRITES = Hints(read_only=False, destructive=True, idempotent=False, open_world=False)


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def made(answer: Answer, retries: int = 0) -> Server[AsyncClient]:
    """A server as it is generated, over an upstream that is a function."""
    tools: Tools[AsyncClient] = Tools()

    @tools.add(
        "read",
        title="Read",
        description="Reads a thing.",
        properties={"id": {"type": "string"}, "limit": {"type": "integer"}},
        required=["id"],
        hints=READS,
    )
    async def read(api: AsyncClient, arguments: Arguments) -> CallToolResult:
        path = f"/things/{segment(arguments['id'])}"
        query = {"limit": arguments.get("limit")}
        return await relay(api, Call("GET", path, query=query))

    @tools.add("write", hints=WRITES)
    async def write(api: AsyncClient, _: Arguments) -> CallToolResult:
        return await relay(api, Call("POST", "/things"))

    @tools.add("names", hints=READS)
    async def names(api: AsyncClient, _: Arguments) -> CallToolResult:
        return await relay(
            api, Call("GET", "/things"), lambda value: [it["name"] for it in value]
        )

    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    api = AsyncClient(Connection("https://api.test", retries=retries), http)
    served = tools.served()
    return Server(
        "things",
        lifespan=lending(api),
        get_tool_input_schema=served.input_schema,
        on_list_tools=served.list,
        on_call_tool=served.call,
    )


def never(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"{request.url} was sent")


def called(
    server: Any, era: str, name: str, arguments: dict[str, Any] | None = None
) -> CallToolResult:
    async def run() -> CallToolResult:
        async with Client(server, mode=era) as client:
            result = await client.call_tool(name, arguments or {})
            assert isinstance(result, CallToolResult)
            return result

    return asyncio.run(run())


def refused(server: Any, era: str, name: str) -> MCPError:
    """The protocol's own error for a call."""

    async def run() -> MCPError:
        async with Client(server, mode=era) as client:
            with pytest.raises(MCPError) as caught:
                await client.call_tool(name, {})
            return caught.value

    return asyncio.run(run())


def text(result: CallToolResult) -> str:
    (block,) = result.content
    assert isinstance(block, TextContent)
    return block.text


def answering(content: bytes, status: int = 200, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx.Response(status, content=content, headers=named)


def listed(server: Any, era: str) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        async with Client(server, mode=era) as client:
            found = await client.list_tools()
            return [tool.model_dump(by_alias=True) for tool in found.tools]

    return asyncio.run(run())


def test_a_list_is_made_once_for_each_version_of_the_protocol() -> None:
    server = made(never)
    entry = server.get_request_handler("tools/list")
    assert entry is not None
    asked: list[str] = []

    async def counted(context: Any, params: Any) -> Any:
        asked.append(context.protocol_version)
        return await entry.handler(context, params)

    server.add_request_handler("tools/list", entry.params_type, counted)
    eras = ("auto", "legacy", "auto", "legacy", "auto")
    lists = [listed(server, era) for era in eras]
    assert all(found == lists[0] for found in lists)
    assert len(lists[0]) == 3
    assert asked == ["2026-07-28", "2025-11-25"]


def test_tools_are_listed_in_order_with_closed_schemas_and_all_hints(era: str) -> None:
    read, write, names = listed(made(never), era)
    assert [tool["name"] for tool in (read, write, names)] == ["read", "write", "names"]
    assert (read["title"], read["description"]) == ("Read", "Reads a thing.")
    assert read["inputSchema"] == {
        "type": "object",
        "properties": {"id": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["id"],
        "additionalProperties": False,
    }
    assert write["inputSchema"] == {
        "type": "object",
        "properties": {},
        "additionalProperties": False,
    }
    hints = {k: v for k, v in write["annotations"].items() if k.endswith("Hint")}
    assert hints == {
        "readOnlyHint": False,
        "destructiveHint": True,
        "idempotentHint": False,
        "openWorldHint": False,
    }


def test_the_list_may_be_kept() -> None:
    async def run() -> tuple[int, str]:
        async with Client(made(never)) as client:
            found = await client.list_tools()
            return found.ttl_ms, found.cache_scope

    assert asyncio.run(run()) == (300_000, "public")


def test_an_object_is_text_and_structure(era: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.raw_path == b"/things/a%2Fb?limit=3"
        return httpx.Response(200, content=b'{"b" : 1, "a": [null]}', headers=JSON)

    result = called(made(answer), era, "read", {"id": "a/b", "limit": 3})
    assert text(result) == '{"b" : 1, "a": [null]}'
    assert result.structured_content == {"b": 1, "a": [None]}
    assert not result.is_error


@pytest.mark.parametrize("content", [b"[1, 2]", b'"text"', b"3", b"null"])
def test_other_json_is_text(era: str, content: bytes) -> None:
    server = made(answering(content, content_type="application/json"))
    result = called(server, era, "read", {"id": "1"})
    assert text(result) == content.decode()
    assert result.structured_content is None


def test_halves_of_characters_are_replaced(era: str) -> None:
    content = b'{"a": "\\ud800", "b": "\\ud83d\\ude00"}'
    server = made(answering(content, content_type="application/json"))
    result = called(server, era, "read", {"id": "1"})
    assert text(result) == content.decode()
    assert result.structured_content == {"a": "?", "b": "\U0001f600"}


def test_results_are_mapped(era: str) -> None:
    content = json.dumps([{"name": "ü"}, {"name": "\ud800"}]).encode()
    server = made(answering(content, content_type="application/json"))
    assert text(called(server, era, "names")) == '["ü","?"]'


def test_structured() -> None:
    result = structured({"a": "\ud800"})
    assert (text(result), result.structured_content) == ('{"a":"?"}', {"a": "?"})
    assert structured([1]).structured_content is None


@pytest.mark.parametrize("tool", ["read", "names"])
@pytest.mark.parametrize(
    ("kind", "block"),
    [
        ("image/png", "image"),
        ("audio/mpeg", "audio"),
        ("application/pdf", "resource"),
    ],
)
def test_bytes(era: str, tool: str, kind: str, block: str) -> None:
    server = made(answering(b"\x00\xff", content_type=f"{kind}; x=y"))
    result = called(server, era, tool, {"id": "1"} if tool == "read" else {})
    (content,) = [content.model_dump() for content in result.content]
    assert content["type"] == block
    held = content["resource"] if block == "resource" else content
    assert held["mime_type"] == kind
    data = held["blob"] if block == "resource" else held["data"]
    assert base64.b64decode(data) == b"\x00\xff"


def test_text_and_nothing(era: str) -> None:
    lines = b'{"a": 1}\n{"a": 2}\n'
    server = made(answering(lines, content_type="application/x-jsonl"))
    assert text(called(server, era, "read", {"id": "1"})) == lines.decode()
    result = called(made(answering(b"", 204)), era, "write")
    assert (result.content, result.is_error) == ([], False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "`id` is missing; it must be a string"),
        ({"id": 1}, "`id` must be a string, not 1"),
        ({"id": "1", "idd": 2}, "there is no argument `idd`; did you mean `id`?"),
        ({"id": "1", "limit": "many"}, '`limit` must be an integer, not "many"'),
        ({"id": ".."}, "a path parameter holds a segment"),
        ({"id": ""}, "a path parameter is empty"),
    ],
)
def test_wrong_arguments_are_explained_and_not_sent(
    era: str, arguments: dict[str, Any], message: str
) -> None:
    result = called(made(never), era, "read", arguments)
    assert result.is_error
    assert text(result).startswith("invalid arguments: ")
    assert message in text(result)


def test_an_unknown_tool_is_an_error_of_the_protocol(era: str) -> None:
    error = refused(made(never), era, "nothing")
    assert (error.code, error.message) == (-32602, "no such tool: nothing")


def test_errors_of_the_upstream_are_told(era: str) -> None:
    content = b'{"error": "slow down"}'
    server = made(
        answering(content, 429, retry_after="30", **{"content-type": "text/x"})
    )
    result = called(server, era, "write")
    assert result.is_error
    assert result.structured_content is None
    assert text(result) == (
        "the upstream API answered 429 Too Many Requests; try again after 30 seconds\n"
        '{"error": "slow down"}'
    )


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (400, "400 Bad Request; correct the arguments"),
        (401, "401 Unauthorized; this service's credentials do not allow it, whatever"),
        (404, "404 Not Found; check that what the arguments name is there"),
        (429, "429 Too Many Requests; try again later"),
        (500, "500 Internal Server Error"),
        (503, "503 Service Unavailable; try again later"),
    ],
)
def test_errors_say_what_to_do(status: int, advice: str) -> None:
    result = called(made(answering(b"", status)), "auto", "write")
    assert text(result).startswith(f"the upstream API answered {advice}")
    assert (status == 500) == text(result).endswith("Error")


def test_settings_are_in_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "sk-very/secret")
    env = Environment("API")
    env.get("API_KEY")
    env.connection("https://api.test")
    content = b"no such key: sk-very/secret, nor ?key=sk-very%2Fsecret"
    server = made(answering(content, 401, content_type="text/plain"))
    said = text(called(server, "auto", "write"))
    assert said.endswith("no such key: [secret], nor ?key=[secret]")


def test_a_redirect_is_an_error(era: str) -> None:
    server = made(answering(b"", 302, location="https://elsewhere.test/"))
    result = called(server, era, "write")
    assert result.is_error
    assert text(result) == "the upstream API answered 302 Found"


def test_the_text_of_errors_is_bounded(era: str) -> None:
    server = made(answering(b"x" * 100_000, 500, content_type="text/html"))
    assert len(text(called(server, era, "write"))) < MAX_ERROR + 50
    result = called(made(never), era, "read", {"id": ["y" * 100_000]})
    assert len(text(result)) < MAX_ERROR + 50
    server = made(answering(b"\x00" * 100, 500, content_type="application/x-binary"))
    assert "\n" not in text(called(server, era, "write"))


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (httpx.ReadTimeout, "did not answer in time"),
        (httpx.ConnectError, "cannot be reached"),
        (httpx.DecodingError, "cannot be read"),
    ],
)
def test_an_upstream_that_fails(
    era: str, error: type[httpx.RequestError], message: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise error("s3cr3t")

    result = called(made(answer), era, "write")
    assert result.is_error
    assert message in text(result)
    assert "s3cr3t" not in text(result)


def test_broken_json_is_told(era: str) -> None:
    server = made(answering(b'{"a": ', content_type="application/json"))
    result = called(server, era, "write")
    assert (text(result), result.is_error) == (
        "the upstream API answered with broken JSON",
        True,
    )


def test_a_bug_is_logged_and_shows_nothing_of_itself(
    era: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = made(answering(b'[{"n": "s3cr3t"}]', content_type="application/json"))
    result = called(server, era, "names")
    assert (text(result), result.is_error) == (
        "the tool failed; the server's log says more",
        True,
    )
    (record,) = [r for r in caplog.records if r.name == "nafgen.runtime.tools"]
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "the tool names failed"
    assert record.exc_info and record.exc_info[0] is KeyError
    assert "s3cr3t" not in caplog.text


@pytest.mark.parametrize("value", ["1", "true", "YES", " on ", "ture"])
def test_read_only_leaves_out_what_writes(
    era: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("READ_ONLY", value)
    server = made(never)
    assert [tool["name"] for tool in listed(server, era)] == ["read", "names"]
    assert refused(server, era, "write").message == "no such tool: write"


@pytest.mark.parametrize("value", ["", "0", "false", "No", "off"])
def test_read_only_is_off(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("READ_ONLY", value)
    assert len(listed(made(never), "auto")) == 3


def test_over_http(era: str) -> None:
    server = made(answering(b'{"a": 1}', content_type="application/json"))
    app = server.streamable_http_app(json_response=True, stateless_http=True)
    with serving(app) as base_url:
        url = f"{base_url}/mcp"
        assert [tool["name"] for tool in listed(url, era)] == ["read", "write", "names"]
        for _ in range(2):
            result = called(url, era, "read", {"id": "1"})
            assert result.structured_content == {"a": 1}
        assert called(url, era, "read", {}).is_error
        assert refused(url, era, "nothing").message == "no such tool: nothing"


def test_lent_clients_are_closed_when_they_are_owned() -> None:
    async def run() -> None:
        owned, lent = (AsyncClient(Connection("https://api.test"), None) for _ in "ab")
        with pytest.raises(ZeroDivisionError):
            async with lending(lent, owned)(Server("things")) as api:
                assert api is lent
                _ = 1 / 0
        assert (owned._http.is_closed, lent._http.is_closed) == (True, False)
        await lent.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("content", [b"", b"\x00\xff", bytes(range(256))])
def test_bytes_come_in_base64(content: bytes) -> None:
    assert decoded(base64.b64encode(content).decode()) == content
    assert decoded(None) is None


@pytest.mark.parametrize("file", ["a", "YQ", "YQ==!", "Y Q==", "_-8=", "ü", "YQ==\n"])
def test_what_is_no_base64_is_refused(file: str) -> None:
    with pytest.raises(ArgumentError, match="must be base64"):
        decoded(file)
