"""The reference engine's own test specs for tools, hints and aggregates, compiled."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from compile_support import checked, compile_file, compile_text
from mcp import Client
from nafgen.compile import Compilation
from nafgen.program import RestAdapter
from package_support import imported
from runtime_support import Exchange, serving, upstream
from shipyard_support import CONFORMANCE, Shipyard

pytestmark = pytest.mark.skipif(
    not CONFORMANCE.exists(), reason="the reference engine's files are not here"
)
SHAPES = {
    "ikanos": CONFORMANCE / "ikanos-beta5/modules/ikanos-engine/src/test/resources",
    "naftiko": CONFORMANCE / "framework-alpha3/src/test/resources",
}
both_shapes = pytest.mark.parametrize("shape", SHAPES)


def compiled(shape: str, name: str) -> Compilation:
    return checked(compile_file(SHAPES[shape] / name))


class Tools:
    """The MCP server of a package."""

    def __init__(self, load: Callable[[str], Any]) -> None:
        self.load = load

    def list(self) -> dict[str, Any]:
        async def listed() -> Any:
            async with Client(self.load("mcp_server").create_server()) as client:
                return (await client.list_tools()).tools

        return {tool.name: tool for tool in anyio.run(listed)}

    def call(self, tool: str, **arguments: Any) -> Any:
        async def called() -> Any:
            async with Client(self.load("mcp_server").create_server()) as client:
                return await client.call_tool(tool, arguments)

        return anyio.run(called)


class Echo:
    """An upstream that answers with the same object, and knows what was asked."""

    def __init__(self, **value: Any) -> None:
        self.content = json.dumps(value).encode()
        self.paths: list[str] = []

    def __call__(self, exchange: Exchange) -> None:
        self.paths.append(exchange.path)
        exchange.answer(self.content, content_type="application/json")


@both_shapes
@pytest.mark.parametrize(
    ("name", "tool", "given", "path"),
    [
        (
            "mcp/mcp-step-with-namespace-capability.yaml",
            "get-voyage-manifest",
            {"voyageId": "VOY-1"},
            "/voyages/VOY-1",
        ),
        (
            "mcp/mcp-tool-handler-with-mustache-capability.yaml",
            "get-ship",
            {"imo": "IMO-1"},
            "/ships/IMO-1",
        ),
        (
            "aggregates/aggregate-step-with-namespace.yaml",
            "get-voyage-manifest",
            {"voyage-id": "VOY-1"},
            "/voyages/VOY-1",
        ),
    ],
)
def test_what_with_gives(
    shape: str,
    name: str,
    tool: str,
    given: dict[str, str],
    path: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    api = Echo(voyageId="VOY-1", imo_number="IMO-1")
    with (
        upstream(api) as url,
        imported(
            compiled(shape, name), tmp_path, monkeypatch, REGISTRY_BASE_URL=url
        ) as load,
    ):
        made = Tools(load).call(tool, **given)
    assert api.paths == [path]
    value = made.structured_content
    assert value.get("voyageId", value.get("voyage-id", "VOY-1")) == "VOY-1"


def hints(tool: Any) -> list[bool]:
    own = tool.annotations
    return [
        own.read_only_hint,
        own.destructive_hint,
        own.idempotent_hint,
        own.open_world_hint,
    ]


@both_shapes
def test_hints(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is declared is kept; what is not is what the method implies."""
    made = compiled(shape, "mcp/mcp-hints-capability.yaml")
    with imported(made, tmp_path, monkeypatch) as load:
        tools = Tools(load).list()
    assert {name: hints(tool) for name, tool in tools.items()} == {
        "read-data": [True, False, True, True],
        "delete-record": [False, True, True, False],
        "no-hints-tool": [True, False, True, True],
    }


@both_shapes
def test_tools_inherit_from_flows(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled(shape, "aggregates/aggregate-basic.yaml")
    with imported(made, tmp_path, monkeypatch) as load:
        tools = Tools(load).list()
    own, inherited = tools["get-forecast"], tools["get-forecast-inherited"]
    assert own.description == "Get the weather forecast."
    assert inherited.description.startswith("Fetch current weather forecast")
    assert list(inherited.input_schema["properties"]) == ["location"]
    assert hints(inherited) == [True, False, True, True]


@both_shapes
def test_hints_go_before_what_a_flow_says(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled(shape, "aggregates/aggregate-hints-override.yaml")
    with imported(made, tmp_path, monkeypatch) as load:
        tools = Tools(load).list()
    assert hints(tools["read-items-open"]) == [True, False, True, True]
    assert hints(tools["delete-item"]) == [False, True, True, False]


@both_shapes
def test_a_mock_that_a_tool_and_a_route_share(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled(shape, "aggregates/aggregate-shared-mock.yaml")
    with (
        imported(made, tmp_path, monkeypatch) as load,
        serving(load("app").create_app()) as app,
    ):
        tool = Tools(load).call("hello", name="N")
        route = httpx.get(f"{app}/hello", params={"name": "N"})
    hello = {"message": "Hello, N!", "source": "aggregate-mock"}
    assert tool.structured_content == route.json() == hello


@both_shapes
def test_an_unknown_reference(shape: str) -> None:
    made = compile_file(SHAPES[shape] / "aggregates/aggregate-invalid-ref.yaml")
    (found,) = [each for each in made.diagnostics if each.code == "NAF209"]
    assert found.message == 'there is no flow "unknown.nonexistent"'
    assert "`data.read-items`" in found.hint


def test_a_write_that_answers_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Shipyard("maritime-registry")
    path = SHAPES["ikanos"] / "tutorial" / "step-6-shipyard-write-operations.yml"
    with (
        upstream(api) as url,
        imported(
            checked(compile_file(path)),
            tmp_path,
            monkeypatch,
            REGISTRY_BASE_URL=url,
            REGISTRY_TOKEN="t",  # noqa: S106
            REGISTRY_VERSION="v",
            DOCKYARD_API_KEY="k",
        ) as load,
    ):
        tools = Tools(load).list()
        made = Tools(load).call("refresh-crew", imo_number="IMO-9876543")
    assert len(tools) == 5
    assert (made.content, made.is_error) == ([], False)
    assert [request[:2] for request in api.requests] == [
        ("POST", "/ships/IMO-9876543/crew")
    ]


@pytest.mark.parametrize("format_", ["csv", "tsv", "psv", "yaml", "xml", "markdown"])
def test_formats(format_: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's samples, read as its specs say; XML has no root in a mapping."""
    of = "csv" if format_ in ("tsv", "psv") else format_
    text = (SHAPES["ikanos"] / "formats" / f"{of}-capability.yaml").read_text("utf-8")
    text = text.replace(f"outputRawFormat: {of}", f"outputRawFormat: {format_}")
    text = text.replace("$.root.user", "$.user")
    made = checked(compile_text(text))
    assert made.program is not None
    (adapter,) = made.program.adapters
    variable = made.program.upstreams[0].base_url.variable
    names = {"markdown": "readme.md"}
    sample = names.get(format_, f"users.{format_}")
    content = (SHAPES["ikanos"] / "schemas" / f"sample-{sample}").read_bytes()

    def script(exchange: Exchange) -> None:
        exchange.answer(content, content_type="text/plain")

    assert isinstance(adapter, RestAdapter)
    path = "".join(map(str, adapter.routes[0].path))
    with (
        upstream(script) as url,
        imported(made, tmp_path, monkeypatch, **{variable: url}) as load,
        serving(load("app").create_app()) as app,
    ):
        got = httpx.get(f"{app}{path}")
    assert got.status_code == 200, got.text
    if format_ == "markdown":
        assert [each["status"] for each in got.json()] == ["GA", "Beta"]
    else:
        assert [str(each["id"]) for each in got.json()] == ["1", "2", "3"]
        assert got.json()[0]["name"] == "Alice Smith"
