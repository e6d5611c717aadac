"""Resources and prompts of the committed support desk, as a process: over HTTP and on
stdio, in both eras of the protocol."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from e2e_support import DEADLINE, environment, free_port, listens, wait_until
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.shared.exceptions import MCPError
from runtime_support import Exchange, upstream

pytestmark = pytest.mark.slow

CONNECTIONS = [(how, mode) for how in ("http", "stdio") for mode in ("legacy", "auto")]
BEARER = "token-of-the-desk"
Ask = Callable[[Client], Awaitable[Any]]


class Tickets:
    """An upstream that has one ticket."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str | None]] = []

    def __call__(self, exchange: Exchange) -> None:
        token = exchange.headers.get("authorization")
        self.requests.append((exchange.command, exchange.path, token))
        if exchange.path == "/tickets/7":
            exchange.answer(b'{"ticket": {"id": 7}}', content_type="application/json")
        else:
            exchange.answer(b"no such ticket", 404, content_type="text/plain")


@pytest.fixture(scope="module")
def tickets() -> Iterator[tuple[Tickets, str]]:
    api = Tickets()
    with upstream(api) as url:
        yield api, url


def settings(url: str, **more: str) -> dict[str, str]:
    crm = dict.fromkeys(("CRM_USER", "CRM_PASSWORD"), "unused")
    own = {"TICKETS_BASE_URL": url, "TICKETS_TOKEN": BEARER, "TICKETS_RETRIES": "0"}
    return environment(**own, **crm, **more)


COMMAND = [sys.executable, "-m", "support_desk", "mcp"]


@pytest.fixture(scope="module", params=CONNECTIONS, ids="-".join)
def told(
    request: pytest.FixtureRequest,
    tickets: tuple[Tickets, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[Ask], Any]]:
    """What asks a process, as one client each time."""
    how, mode = request.param
    env, folder = settings(tickets[1]), tmp_path_factory.mktemp("desk")
    port = free_port()
    process = None
    if how == "http":
        with (folder / "log.txt").open("wb") as log:
            process = subprocess.Popen(
                [*COMMAND, "--port", str(port)], env=env, stdout=log, stderr=log
            )
        wait_until(lambda: listens(port), f"port {port}")

    def ask(question: Ask) -> Any:
        async def run() -> Any:
            start = StdioServerParameters(
                command=COMMAND[0],
                args=[*COMMAND[1:], "--transport", "stdio"],
                env=env,
            )
            with (folder / "errors.txt").open("w") as errors:
                place: Any = (
                    f"http://127.0.0.1:{port}/mcp"
                    if how == "http"
                    else stdio_client(start, errlog=errors)
                )
                async with Client(place, mode=mode) as client:
                    return await question(client)

        return asyncio.run(run())

    try:
        yield ask
    finally:
        if process is not None:
            process.kill()
            process.wait(DEADLINE)


def test_all_that_is_there_can_be_read(
    told: Callable[[Ask], Any], tickets: tuple[Tickets, str]
) -> None:
    api, _ = tickets
    api.requests.clear()

    async def ask(client: Client) -> Any:
        listed = (await client.list_resources()).resources
        templates = (await client.list_resource_templates()).resource_templates
        files = [(await client.read_resource(each.uri)).contents[0] for each in listed]
        ticket = (await client.read_resource("desk://tickets/7")).contents[0]
        return listed, templates, files, ticket

    listed, templates, files, ticket = told(ask)
    handbook = ROOT / "specs" / "handbook"
    names = sorted(path.name for path in handbook.iterdir())
    assert [each.uri for each in listed] == [f"desk://handbook/{n}" for n in names]
    assert [(each.mime_type, each.text) for each in files] == [
        ("text/markdown", (handbook / name).read_text("utf-8")) for name in names
    ]
    assert [each.uri_template for each in templates] == ["desk://tickets/{ticket}"]
    assert (ticket.uri, ticket.mime_type) == ("desk://tickets/7", "application/json")
    assert json.loads(ticket.text) == {"ticket": {"id": 7}}
    assert api.requests == [("GET", "/tickets/7", f"Bearer {BEARER}")]


def test_what_is_not_there_is_an_error(told: Callable[[Ask], Any]) -> None:
    unknown, failed = -32602, -32603

    async def ask(client: Client) -> list[tuple[int, str]]:
        found = []
        for uri in (
            "desk://handbook/../support-desk.yaml",
            "desk://handbook/%2e%2e/support-desk.yaml",
            "desk://handbook",
            "desk://tickets/7/more",
            "desk://tickets/..",
            "desk://tickets/8",
        ):
            with pytest.raises(MCPError) as caught:
                await client.read_resource(uri)
            found.append((caught.value.code, caught.value.message))
        return found

    errors = told(ask)
    assert [code for code, _ in errors] == [*[unknown] * 5, failed]
    assert "404 Not Found" in errors[-1][1]
    assert "no such ticket" in errors[-1][1]
    assert BEARER not in str(errors)


def test_prompts_are_filled(told: Callable[[Ask], Any]) -> None:
    async def ask(client: Client) -> Any:
        (listed,) = (await client.list_prompts()).prompts
        given = {"ticket": "{{wish}} $1"}
        got = await client.get_prompt(listed.name, given)
        with pytest.raises(MCPError) as caught:
            await client.get_prompt(listed.name, {"wish": "x"})
        return listed, got, caught.value

    listed, got, error = told(ask)
    assert (listed.name, listed.title) == ("draft-reply", "Draft a reply")
    assert [(a.name, a.required) for a in listed.arguments] == [
        ("ticket", True),
        ("wish", False),
    ]
    (message,) = got.messages
    assert message.role == "user"
    assert message.content.text.startswith("Read desk://tickets/{{wish}} $1 and what")
    assert message.content.text.endswith("It should say: {{wish}}\n")
    assert (error.code, error.message) == (
        -32602,
        "invalid arguments: ticket is missing",
    )


def test_a_folder_that_is_not_there_ends_the_process(tmp_path: Path) -> None:
    env = settings(
        "http://127.0.0.1:9", DESK_TOOLS_HANDBOOK_FOLDER=str(tmp_path / "no")
    )
    done = subprocess.run(
        [*COMMAND, "--port", str(free_port())],
        env=env,
        capture_output=True,
        text=True,
        timeout=DEADLINE * 4,
    )
    assert done.returncode == 2
    assert "DESK_TOOLS_HANDBOOK_FOLDER names no folder that is there" in done.stderr
    assert "Traceback" not in done.stderr


def test_lines_on_stdin(tickets: tuple[Tickets, str]) -> None:
    """The protocol as it is on the wire: one line for each request."""
    read = {"uri": "desk://handbook/tone.md"}
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    lines = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "resources/read", "params": read},
    ]
    process = subprocess.Popen(
        [*COMMAND, "--transport", "stdio"],
        env=settings(tickets[1]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        answers = []
        for line in lines:
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
            if "id" in line:
                answers.append(json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.communicate()
    assert [answer["id"] for answer in answers] == [1, 2]
    capabilities = answers[0]["result"]["capabilities"]
    assert {"tools", "resources", "prompts"} <= capabilities.keys()
    (content,) = answers[1]["result"]["contents"]
    assert content["mimeType"] == "text/markdown"
    assert content["text"] == (ROOT / "specs/handbook/tone.md").read_text("utf-8")
