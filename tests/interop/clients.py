"""Other MCP clients, and the protocol's own tests, call a generated server: `make interop`.

The clients are the two TypeScript SDKs and FastMCP's. The server has one of each kind of
what a spec can expose, and its upstream is a real one.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from compile_support import compile_file, write_to
from e2e_support import free_port, listens, served, wait_until
from fastmcp import Client
from fastmcp.client.transports import StdioTransport
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

HERE: Final = Path(__file__).parent
MODULES: Final = HERE / "node_modules"
NODE: Final = Path(sys.executable).with_name("node")
PNG: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
WAV: Final = (
    b"RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0\x80>\0\0\x02\0\x10\0data\0\0\0\0"
)
PDF: Final = b"%PDF-1.4\n%%EOF\n"
FILES: Final = {
    "dot.png": (PNG, "image/png"),
    "silence.wav": (WAV, "audio/wav"),
    "page.pdf": (PDF, "application/pdf"),
}
HELLO: Final = "Hello from the upstream."

# What the runner of the protocol's tests asks of servers that were written for it.
NOT_OURS: Final = {
    "logging-set-level": "the specification has no logging to clients",
    "completion-complete": "the specification has no completions",
    "tools-call-mixed-content": "a tool has one upstream answer, so one kind of content",
    "tools-call-with-logging": "the specification has no logging to clients",
    "tools-call-with-progress": "the specification has no progress",
    "tools-call-sampling": "the specification has no sampling",
    "tools-call-elicitation": "wants a tool that asks for a name, in so many words",
    "json-schema-2020-12": "wants a tool with `$defs`, which specs cannot have",
    "elicitation-sep1034-defaults": "wants a tool that asks for five values",
    "elicitation-sep1330-enums": "wants a tool that asks for five choices",
    "resources-subscribe": "the specification has no subscriptions",
    "resources-unsubscribe": "the specification has no subscriptions",
    "prompts-get-embedded-resource": "prompts of the specification are text",
    "prompts-get-with-image": "prompts of the specification are text",
}


class Upstream:
    """The API that the server calls; it remembers what it was sent."""

    def __init__(self) -> None:
        self.added: list[Any] = []
        self.app = Starlette(
            routes=[
                Route("/texts/{name}", self.text),
                Route("/files/{name}", self.file),
                Route("/things", self.things, methods=["GET", "POST"]),
                Route("/failing", self.fail),
            ]
        )

    def text(self, request: Request) -> Response:
        return PlainTextResponse(HELLO)

    def file(self, request: Request) -> Response:
        content, kind = FILES[request.path_params["name"]]
        return Response(content, media_type=kind)

    async def things(self, request: Request) -> Response:
        if request.method == "POST":
            self.added.append(await request.json())
            return JSONResponse({"id": len(self.added)}, 201)
        kind = request.query_params["kind"]
        return JSONResponse([{"label": f"{kind} {n}"} for n in (1, 2)])

    def fail(self, request: Request) -> Response:
        return JSONResponse({"why": "out of order"}, 503, {"retry-after": "7"})


@dataclass(frozen=True, slots=True)
class Server:
    """The generated server, running over HTTP, and how it starts on stdio."""

    url: str
    command: list[str]
    env: dict[str, str]
    upstream: Upstream


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("interop")
    write_to(compile_file(HERE / "everything.yaml"), folder)
    upstream = Upstream()
    with served(upstream.app) as url:
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(folder),
            "UPSTREAM_BASE_URL": url,
            "UPSTREAM_RETRIES": "0",
            "EVERYTHING_NOTES_FOLDER": str(HERE / "notes"),
        }
        command = [sys.executable, "-m", "everything", "mcp"]
        port = free_port()
        with (folder / "log.txt").open("w") as log:
            process = subprocess.Popen(
                [*command, "--port", str(port)], env=env, stdout=log, stderr=log
            )
        try:
            wait_until(lambda: listens(port), "the server")
            yield Server(
                url=f"http://127.0.0.1:{port}/mcp",
                command=[*command, "--transport", "stdio"],
                env=env,
                upstream=upstream,
            )
        finally:
            process.terminate()
            assert process.wait(15) == 0, (folder / "log.txt").read_text()


REQUESTS: Final[list[list[Any]]] = [
    ["listTools"],
    ["callTool", {"name": "test_simple_text", "arguments": {}}],
    ["callTool", {"name": "test_image_content", "arguments": {}}],
    ["callTool", {"name": "test_audio_content", "arguments": {}}],
    ["callTool", {"name": "test_embedded_resource", "arguments": {}}],
    ["callTool", {"name": "test_error_handling", "arguments": {}}],
    ["callTool", {"name": "add-thing", "arguments": {"label": "L", "tags": ["é"]}}],
    ["callTool", {"name": "add-thing", "arguments": {"tags": "no list"}}],
    ["callTool", {"name": "count-things", "arguments": {"kind": "red"}}],
    ["callTool", {"name": "say", "arguments": {"word": "{{word}}"}}],
    ["callTool", {"name": "no-such-tool", "arguments": {}}],
    ["listResources"],
    ["listResourceTemplates"],
    ["readResource", {"uri": "test://static-text"}],
    ["readResource", {"uri": "test://static-binary"}],
    ["readResource", {"uri": "test://template/blue%20ones/data"}],
    ["readResource", {"uri": "test://notes/note.md"}],
    ["readResource", {"uri": "test://notes/../everything.yaml"}],
    ["listPrompts"],
    ["getPrompt", {"name": "test_simple_prompt"}],
    [
        "getPrompt",
        {"name": "test_prompt_with_arguments", "arguments": {"arg1": "{{arg2}}"}},
    ],
    ["getPrompt", {"name": "test_prompt_with_arguments"}],
]


def asked_by_typescript(server: Server, sdk: str, how: str) -> dict[str, Any]:
    """What the requests of a TypeScript SDK come to."""
    version, _, mode = sdk.partition(" ")
    reached: dict[str, Any] = {"url": server.url}
    if how == "stdio":
        command, *arguments = server.command
        reached = {"command": command, "args": arguments, "env": server.env}
    job = {
        "sdk": int(version),
        "mode": mode or None,
        "server": reached,
        "requests": REQUESTS,
    }
    done = subprocess.run(
        [NODE, HERE / "client.mjs", json.dumps(job)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("how", ["http", "stdio"])
@pytest.mark.parametrize(
    ("sdk", "version"),
    [("1", "2025-11-25"), ("2 legacy", "2025-11-25"), ("2 auto", "2026-07-28")],
)
def test_typescript_reaches_all(
    server: Server, sdk: str, version: str, how: str
) -> None:
    server.upstream.added.clear()
    said = asked_by_typescript(server, sdk, how)
    if how == "http" or sdk != "1":  # the first SDK does not say it on stdio
        assert said["version"] == version
    assert said["server"]["name"] == "everything"
    assert said["instructions"] == "A server with one of each kind."
    check_tools(said["answers"], server)
    check_served(said["answers"])


def check_tools(answers: list[Any], server: Server) -> None:
    """Hold the answers to `REQUESTS` to what the upstream has."""
    listed, text, image, audio, document, error = answers[:6]
    added, wrong, count, say, none = answers[6:11]
    assert [tool["name"] for tool in listed["tools"]][-1] == "say"
    assert all(tool["inputSchema"]["type"] == "object" for tool in listed["tools"])
    assert text["content"] == [{"type": "text", "text": HELLO}]
    assert image["content"] == [
        {"type": "image", "mimeType": "image/png", "data": encoded(PNG)}
    ]
    assert audio["content"] == [
        {"type": "audio", "mimeType": "audio/wav", "data": encoded(WAV)}
    ]
    [resource] = document["content"]
    assert resource["resource"]["blob"] == encoded(PDF)
    assert error["isError"] is True
    assert "503" in error["content"][0]["text"]
    assert "try again after 7 seconds" in error["content"][0]["text"]
    assert added["structuredContent"] == {"id": 1}
    assert server.upstream.added == [{"label": "L", "tags": ["é"]}]
    assert wrong["isError"] is True
    assert count["structuredContent"] == {"count": 2, "labels": ["red 1", "red 2"]}
    assert say["structuredContent"] == {"said": "{{word}}"}
    assert "no such tool" in none["failed"]


def check_served(answers: list[Any]) -> None:
    """Hold what is said of resources and prompts to what there is."""
    listed, templates, text, image, things, note, outside = answers[11:18]
    assert [each["uri"] for each in listed["resources"]] == [
        "test://static-text",
        "test://static-binary",
        "test://notes/note.md",
    ]
    [template] = templates["resourceTemplates"]
    assert template["uriTemplate"] == "test://template/{id}/data"
    assert text["contents"] == [
        {"uri": "test://static-text", "mimeType": "text/plain", "text": HELLO}
    ]
    assert image["contents"][0]["blob"] == encoded(PNG)
    labels = [each["label"] for each in json.loads(things["contents"][0]["text"])]
    assert labels == ["blue ones 1", "blue ones 2"]
    assert note["contents"][0]["text"] == (HERE / "notes" / "note.md").read_text()
    assert "no such resource" in outside["failed"]
    prompts, simple, filled, missing = answers[18:]
    assert [each["name"] for each in prompts["prompts"]] == [
        "test_simple_prompt",
        "test_prompt_with_arguments",
    ]
    assert said_by(simple) == [("user", "Say hello.")]
    assert said_by(filled)[0] == ("user", "Compare {{arg2}} with {{arg2}}.")
    assert "arg1" in missing["failed"]


def said_by(prompt: Any) -> list[tuple[str, str]]:
    return [(each["role"], each["content"]["text"]) for each in prompt["messages"]]


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.mark.parametrize("how", ["http", "stdio"])
def test_fastmcp_reaches_all(server: Server, how: str) -> None:
    server.upstream.added.clear()
    command, *arguments = server.command
    reached: Any = server.url
    if how == "stdio":
        reached = StdioTransport(command, arguments, env=server.env)

    async def ask() -> list[Any]:
        answers: list[Any] = []
        async with Client(reached) as client:
            for method, *given in REQUESTS:
                called = getattr(client, FASTMCP[method])
                try:
                    answers.append(dumped(await called(**(given[0] if given else {}))))
                except Exception as error:
                    answers.append({"failed": str(error)})
        return answers

    answers = asyncio.run(ask())
    check_tools(answers, server)
    check_served(answers)


FASTMCP: Final = {
    "listTools": "list_tools_mcp",
    "callTool": "call_tool_mcp",
    "listResources": "list_resources_mcp",
    "listResourceTemplates": "list_resource_templates_mcp",
    "readResource": "read_resource_mcp",
    "listPrompts": "list_prompts_mcp",
    "getPrompt": "get_prompt_mcp",
}
"""The methods of FastMCP's client by those of the TypeScript SDKs."""


def dumped(value: Any) -> Any:
    """A result of FastMCP as it is on the wire."""
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)


def test_the_protocol_s_own_tests_pass(server: Server, tmp_path: Path) -> None:
    runner = MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
    done = subprocess.run(
        [NODE, runner, "server", "--url", server.url, "--suite", "all", "-o", tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    summary = done.stdout.partition("=== SUMMARY ===")[2]
    failed = dict(
        re.findall(r"^[✓✗] ([\w-]+): \d+ passed, (\d+) failed", summary, re.M)
    )
    assert len(failed) == 32, done.stdout + done.stderr
    assert {name for name, number in failed.items() if number != "0"} == set(NOT_OURS)
