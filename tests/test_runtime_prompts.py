"""Prompts of MCP servers, got by a real client in both eras of the protocol."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from mcp import Client
from mcp.server.caching import CacheHint
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import GetPromptResult, PromptArgument, TextContent
from nafgen.runtime.prompts import Prompts

UNKNOWN = -32602


@pytest.fixture(params=["auto", "legacy"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def server_of(prompts: Prompts) -> Server[Any]:
    return Server("ask", on_list_prompts=prompts.list, on_get_prompt=prompts.get)


def some() -> Prompts:
    prompts = Prompts()
    prompts.add(
        "summary",
        title="Summary",
        description="Sums up.",
        arguments=[
            PromptArgument(name="data", description="What", required=True),
            PromptArgument(name="format", title="How", required=False),
        ],
        messages=[
            ("user", "As {{format}}: {{ data }} {{data}} {{other}} {data} {{{data}}}"),
            ("assistant", "Fine."),
            ("user", "Go on."),
        ],
    )
    prompts.add("plain", messages=[("user", "$1 \\1 {{}} {{ a b }}")])
    return prompts


def got(name: str, arguments: dict[str, str] | None, era: str) -> GetPromptResult:
    async def run() -> GetPromptResult:
        async with Client(server_of(some()), mode=era) as client:
            return await client.get_prompt(name, arguments)

    return asyncio.run(run())


def texts(result: GetPromptResult) -> list[tuple[str, str]]:
    found = []
    for message in result.messages:
        assert isinstance(message.content, TextContent)
        found.append((message.role, message.content.text))
    return found


def test_prompts_are_listed_in_order(era: str) -> None:
    async def run() -> Any:
        async with Client(server_of(some()), mode=era) as client:
            return (await client.list_prompts()).prompts

    summary, plain = asyncio.run(run())
    assert summary.model_dump(exclude_none=True) == {
        "name": "summary",
        "title": "Summary",
        "description": "Sums up.",
        "arguments": [
            {"name": "data", "description": "What", "required": True},
            {"name": "format", "title": "How", "required": False},
        ],
    }
    assert (plain.name, plain.arguments) == ("plain", [])


def test_arguments_go_into_their_places_once(era: str) -> None:
    data = "{{format}} {{data}} $0 \\1 \\g<0> %s"
    result = got("summary", {"data": data, "format": "a list"}, era)
    assert result.description == "Sums up."
    assert texts(result) == [
        ("user", f"As a list: {data} {data} {{{{other}}}} {{data}} {{{data}}}"),
        ("assistant", "Fine."),
        ("user", "Go on."),
    ]


def test_the_place_of_what_is_not_given_stays(era: str) -> None:
    assert texts(got("summary", {"data": "x"}, era))[0][1].startswith(
        "As {{format}}: x"
    )
    assert texts(got("plain", None, era)) == [("user", "$1 \\1 {{}} {{ a b }}")]


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("absent", {}, "no such prompt: absent"),
        ("summary", None, "invalid arguments: data is missing"),
        ("summary", {"format": "x"}, "invalid arguments: data is missing"),
        (
            "summary",
            {"data": "x", "z": "", "a": ""},
            "invalid arguments: a is not known; z is not known",
        ),
        ("plain", {"data": "x"}, "invalid arguments: data is not known"),
    ],
    ids=["name", "nothing", "required", "unknown", "none"],
)
def test_mistakes_are_errors(
    era: str, name: str, arguments: dict[str, str] | None, message: str
) -> None:
    async def run() -> MCPError:
        async with Client(server_of(some()), mode=era) as client:
            with pytest.raises(MCPError) as caught:
                await client.get_prompt(name, arguments)
            return caught.value

    error = asyncio.run(run())
    assert (error.code, error.message) == (UNKNOWN, message)


@pytest.mark.parametrize(
    ("prompts", "kept"),
    [
        (Prompts(), (300_000, "public")),
        (Prompts(CacheHint(ttl_ms=7)), (7, "private")),
    ],
    ids=["default", "own"],
)
def test_how_long_clients_may_keep_the_list(
    prompts: Prompts, kept: tuple[int, str]
) -> None:
    async def run() -> Any:
        async with Client(server_of(prompts), cache=None) as client:
            return await client.list_prompts()

    listed = asyncio.run(run())
    assert (listed.ttl_ms, listed.cache_scope) == kept
