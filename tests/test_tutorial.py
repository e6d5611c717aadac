"""The reference engine's own tutorial, compiled, over an upstream of its examples."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from compile_support import checked, compile_file
from mcp import Client
from mcp_support import introduction
from nafgen.compile import Compilation
from package_support import imported
from runtime_support import serving, upstream
from shipyard_support import CONFORMANCE, Shipyard, tutorial

pytestmark = pytest.mark.skipif(
    not CONFORMANCE.exists(), reason="the reference engine's files are not here"
)

STEPS = {
    int(path.name.split("-")[1]): path.name
    for path in (tutorial("ikanos").glob("step-*") if CONFORMANCE.exists() else [])
}
SHAPES = ("ikanos", "naftiko")
SETTINGS = {
    "REGISTRY_TOKEN": "dummy-token",
    "REGISTRY_VERSION": "1.0.0-alpha2",
    "DOCKYARD_API_KEY": "dummy-dockyard-key",
    "MCP_SERVER_TOKEN": "agent",
    "REGISTRY_RETRIES": "0",
}
NORTHERN = {
    "imo": "IMO-9321483",
    "name": "Northern Star",
    "type": "cargo",
    "flag": "NO",
    "status": "active",
}
CREW = [
    {"fullName": "Erik Lindström", "role": "captain"},
    {"fullName": "Aiko Tanaka", "role": "cook"},
]
VOYAGE = {
    "shipImo": "IMO-9321483",
    "departurePort": "Oslo",
    "arrivalPort": "Singapore",
    "departureDate": "2026-04-01",
    "arrivalDate": "2026-05-01",
    "crewIds": ["CREW-001", "CREW-003"],
    "cargoIds": ["CARGO-2024-0451"],
}


class Running:
    """A step of the tutorial that runs, and what its upstreams got."""

    def __init__(self, load: Callable[[str], Any], *apis: Shipyard) -> None:
        self.load = load
        self.registry, self.dockyard = apis

    def tools(self) -> list[Any]:
        async def listed() -> Any:
            async with Client(self.load("mcp_server").create_server()) as client:
                return (await client.list_tools()).tools

        tools: list[Any] = anyio.run(listed)
        return tools

    def call(self, name: str, **arguments: Any) -> Any:
        async def called() -> Any:
            async with Client(self.load("mcp_server").create_server()) as client:
                return await client.call_tool(name, arguments)

        got = anyio.run(called)
        assert not got.is_error, got
        return json.loads(got.content[0].text) if got.content else None


def compiled(step: int, shape: str = "ikanos") -> Compilation:
    return compile_file(tutorial(shape) / STEPS[step])


@contextmanager
def running(
    step: int, folder: Path, monkeypatch: pytest.MonkeyPatch, shape: str = "ikanos"
) -> Iterator[Running]:
    registry, dockyard = Shipyard("maritime-registry"), Shipyard("legacy-dockyard")
    with ExitStack() as stack:
        urls = [stack.enter_context(upstream(api)) for api in (registry, dockyard)]
        settings = {"REGISTRY_BASE_URL": urls[0], "LEGACY_BASE_URL": urls[1]}
        made = compiled(step, shape)
        load = stack.enter_context(
            imported(made, folder, monkeypatch, **settings, **SETTINGS)
        )
        yield Running(load, registry, dockyard)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", sorted(STEPS))
def test_each_step_does_what_it_says(step: int, shape: str) -> None:
    made = checked(compiled(step, shape))
    assert made.left_out == ()


def test_a_mock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(1, tmp_path, monkeypatch) as it:
        (tool,) = it.tools()
        made = it.call("get-ship", imo_number="IMO-9321483")
    assert (tool.name, tool.description) == (
        "get-ship",
        "Retrieve a ship's details by IMO number",
    )
    assert tool.input_schema["required"] == ["imo_number"]
    assert made == NORTHERN


def test_the_server_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compiled(1)
    assert made.program is not None
    (adapter,) = made.program.adapters
    with running(1, tmp_path, monkeypatch) as it:
        said = introduction(it.load)
    assert said == (adapter.namespace, adapter.description, ["tools"])
    assert said[0] == "shipyard-tools" and said[1]


def test_wiring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(2, tmp_path, monkeypatch) as it:
        ships, ship = it.tools()
        everything = it.call("list-ships")
        active = it.call("list-ships", status="active")
        one = it.call("get-ship", imo="IMO-9321483")
    assert (ships.name, ship.name) == ("list-ships", "get-ship")
    assert ships.input_schema.get("required", []) == []
    assert ship.input_schema["required"] == ["imo"]
    assert ship.input_schema["properties"]["imo"]["type"] == "string"
    assert len(everything) == 2
    assert [sorted(each) for each in everything] == [sorted(NORTHERN)] * 2
    assert [each["imo"] for each in active] == ["IMO-9321483"]
    assert one["imo"] == "IMO-9321483"
    assert [request[1].rpartition("/ships")[2] for request in it.registry.requests] == [
        "",
        "?status=active",
        "/IMO-9321483",
    ]


def test_credentials_and_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(3, tmp_path, monkeypatch) as it:
        it.call("list-ships")
    headers = it.registry.requests[0][2]
    assert headers["authorization"] == "Bearer dummy-token"
    assert headers["registry-version"] == "1.0.0-alpha2"


def test_shaping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(4, tmp_path, monkeypatch) as it:
        made = it.call("get-ship", imo="IMO-9321483")
    assert made["specs"] == {"yearBuilt": 2015, "tonnage": 42000, "length": 229}


def test_two_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(5, tmp_path, monkeypatch) as it:
        tools = it.tools()
        vessels = it.call("list-legacy-vessels")
    assert len(tools) == 3
    assert [sorted(each) for each in vessels] == [
        ["flag", "name", "status", "type", "vesselCode"]
    ] * 2
    assert it.dockyard.requests[0][2]["x-dock-key"] == "dummy-dockyard-key"


@pytest.mark.parametrize("shape", SHAPES)
def test_writing(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(6, tmp_path, monkeypatch, shape) as it:
        tools = {tool.name: tool for tool in it.tools()}
        made = it.call("create-voyage", **VOYAGE)
    schema = tools["create-voyage"].input_schema
    assert schema["properties"]["crewIds"]["type"] == "array"
    assert "cargoIds" not in schema["required"]
    hints = tools["create-voyage"].annotations
    assert (hints.read_only_hint, hints.open_world_hint) == (False, True)
    assert made["voyageId"] == "VOY-2026-042"
    assert made["route"] == {"from": "Oslo", "to": "Singapore"}
    assert made["dates"] == {"departure": "2026-04-01", "arrival": "2026-05-01"}
    assert made["crewIds"] == ["CREW-001", "CREW-003"]
    assert json.loads(it.registry.requests[0][3]) == VOYAGE


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("step", [7, 9])
def test_steps_and_lookups(
    step: int, shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(step, tmp_path, monkeypatch, shape) as it:
        tools = {tool.name: tool for tool in it.tools()}
        made = it.call("get-ship-with-crew", imo="IMO-9321483")
    assert {name: made[name] for name in NORTHERN} == NORTHERN
    assert (made["length"], made["crew"]) == (229, CREW)
    hints = tools["get-ship-with-crew"].annotations
    assert [hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("shape", SHAPES)
def test_rest(shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        running(10, tmp_path, monkeypatch, shape) as it,
        serving(it.load("app").create_app()) as app,
    ):
        ships = httpx.get(f"{app}/ships")
        crew = httpx.get(f"{app}/ships/IMO-9321483/crew")
        voyage = httpx.post(f"{app}/voyages", json=VOYAGE)
        missing = httpx.get(f"{app}/ships/IMO-0000000")
    assert [each["imo"] for each in ships.json()] == ["IMO-9321483", "IMO-9456781"]
    assert (crew.status_code, crew.json()["crew"]) == (200, CREW)
    assert (voyage.status_code, voyage.json()["voyageId"]) == (201, "VOY-2026-042")
    assert (missing.status_code, missing.json()["error"]) == (404, "not_found")


@pytest.mark.parametrize("shape", SHAPES)
def test_a_manifest(
    shape: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        running(11, tmp_path, monkeypatch, shape) as it,
        serving(it.load("app").create_app()) as app,
    ):
        tools = it.tools()
        made = it.call("get-voyage-manifest", voyageId="VOY-2026-042")
        route = httpx.get(f"{app}/voyages/VOY-2026-042/manifest").json()
        ships = httpx.get(f"{app}/ships").json()
    assert len(tools) == 6
    assert made["ship"]["name"] == route["shipName"] == "Northern Star"
    assert len(made["crew"]) == 2
    assert len(made["cargo"]) == 1
    assert [each["imo"] for each in ships] == ["IMO-9321483", "IMO-9456781"]
