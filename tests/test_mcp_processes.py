"""The generated package's command line, and its MCP server over bare HTTP and pipes."""

from __future__ import annotations

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from e2e_support import (
    DEADLINE,
    SERVICE_KEY,
    BatchesApi,
    command,
    environment,
    free_port,
    listens,
    served,
    service,
    two_free_ports,
)
from mcp_support import LIST, TOOLS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[BatchesApi, str]]:
    api = BatchesApi()
    with served(api) as url:
        yield api, f"{url}/v1"


@pytest.fixture
def api(upstream: tuple[BatchesApi, str]) -> BatchesApi:
    upstream[0].clear()
    return upstream[0]


@pytest.fixture(scope="module")
def http_port(
    upstream: tuple[BatchesApi, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[int]:
    port = free_port()
    env = environment(upstream[1], ALLOWED_HOSTS="mcp.example.com")
    folder = tmp_path_factory.mktemp("http")
    with service(folder, env, "mcp", "--port", str(port), ports=(port,)):
        yield port


def ask(port: int, **headers: str) -> httpx.Response:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    accept = "application/json, text/event-stream"
    return httpx.post(
        f"http://127.0.0.1:{port}/mcp",
        json=request,
        headers={"accept": accept, "mcp-protocol-version": "2025-11-25", **headers},
    )


def test_a_foreign_host_name_is_refused(http_port: int) -> None:
    for host in ("evil.example", f"evil.example:{http_port}", "127.0.0.1.evil.example"):
        answer = ask(http_port, host=host)
        assert answer.status_code == 421
        assert LIST not in answer.text


def test_a_foreign_origin_is_refused(http_port: int) -> None:
    for origin in ("http://evil.example", "null"):
        answer = ask(http_port, origin=origin)
        assert answer.status_code == 403
        assert LIST not in answer.text


def test_own_and_allowed_host_names_are_served(http_port: int) -> None:
    for headers in (
        {},
        {"host": f"localhost:{http_port}"},
        {"host": "mcp.example.com"},
        {"origin": f"http://127.0.0.1:{http_port}"},
    ):
        answer = ask(http_port, **headers)
        assert answer.status_code == 200
        assert len(answer.json()["result"]["tools"]) == len(TOOLS)


@pytest.mark.parametrize(
    "arguments",
    [["serve"], ["rest"], ["mcp"], ["mcp", "--transport", "stdio"]],
    ids=" ".join,
)
def test_a_missing_key_is_named_before_anything_starts(
    arguments: list[str], http_port: int
) -> None:
    # Its port is taken: listening first would fail for another reason.
    done = subprocess.run(
        command(*arguments, "--port", str(http_port)),
        env=environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )

    assert done.returncode == 2
    assert done.stdout == ""
    assert "ANTHROPIC_API_KEY" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_tools_are_printed_without_a_key() -> None:
    done = subprocess.run(
        command("tools"),
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == TOOLS


def test_stdout_carries_nothing_but_messages(
    upstream: tuple[BatchesApi, str], api: BatchesApi
) -> None:
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    }
    call = {"name": LIST, "arguments": {}}
    unknown = {"name": "none", "arguments": {}}
    messages: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": call},
        {"id": 3, "method": "tools/call", "params": unknown},
        {"id": 4, "method": "no/such/method"},
    ]
    with subprocess.Popen(
        command("mcp", "--transport", "stdio"),
        env=environment(upstream[1]),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        answers = []
        for message in messages:
            process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            process.stdin.flush()
            if "id" in message:
                answers.append(json.loads(process.stdout.readline()))
        process.stdin.close()
        assert process.stdout.read() == ""
        errors = process.stderr.read()
        assert process.wait(DEADLINE) == 0

    assert [(answer["jsonrpc"], answer["id"]) for answer in answers] == [
        ("2.0", 1),
        ("2.0", 2),
        ("2.0", 3),
        ("2.0", 4),
    ]
    assert ["result" in answer for answer in answers] == [True, True, False, False]
    assert len(api.log) == 1
    assert "Traceback" not in errors
    assert SERVICE_KEY not in errors


def test_lines_on_stdio_that_are_no_messages_are_answered() -> None:
    """Bad JSON is -32700 and what is no message -32600, both without an id."""
    lines = ("{", "", "  ", "[]", '{"jsonrpc": "2.0", "id": 1, "method": 7}')
    hello = {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    }
    last = {"jsonrpc": "2.0", "id": 2, "method": "initialize", "params": hello}
    done = subprocess.run(
        command("mcp", "--transport", "stdio"),
        env=environment("http://127.0.0.1:1"),
        input="\n".join((*lines, json.dumps(last))) + "\n",
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    *errors, greeted = map(json.loads, done.stdout.splitlines())
    assert [(each["id"], each["error"]["code"]) for each in errors] == [
        (None, -32700),
        (None, -32600),
        (None, -32600),
    ]
    assert greeted["id"] == 2
    assert greeted["result"]["protocolVersion"] == "2025-11-25"
    assert "Traceback" not in done.stderr


def test_serve_runs_all_adapters_until_it_is_told_to_end(
    upstream: tuple[BatchesApi, str], api: BatchesApi, tmp_path: Path
) -> None:
    name = api.add("one")
    rest = two_free_ports()
    ports = (rest, rest + 1)
    env = environment(upstream[1])
    with (
        service(tmp_path, env, "serve", "--port", str(rest), ports=ports) as run,
        httpx.Client() as client,
    ):
        url = f"http://127.0.0.1:{rest}/v1/messages/batches/{name}"
        answer = client.get(url)
        listed = ask(rest + 1)
        code = run.stop()  # while the client keeps its connection alive

    assert answer.json()["id"] == name
    assert len(listed.json()["result"]["tools"]) == len(TOOLS)
    assert code == 0
    assert not any(listens(port) for port in ports)
    assert "Traceback" not in run.log
    assert SERVICE_KEY not in run.log


@pytest.mark.parametrize(("setting", "lines"), [("", 1), ("0", 0)])
def test_access_log(
    setting: str, lines: int, upstream: tuple[BatchesApi, str], tmp_path: Path
) -> None:
    port = two_free_ports()
    env = environment(upstream[1], ACCESS_LOG=setting)
    with service(tmp_path, env, "rest", "--port", str(port), ports=(port,)) as run:
        got = httpx.get(f"http://127.0.0.1:{port}/v1/messages/batches")
        assert run.stop() == 0
    assert got.status_code == 200
    assert run.log.count('"GET /v1/messages/batches HTTP/1.1" 200') == lines


def test_serve_runs_nothing_when_a_port_is_taken(
    upstream: tuple[BatchesApi, str], tmp_path: Path
) -> None:
    rest = two_free_ports()
    env = environment(upstream[1])
    with (
        socket.create_server(("127.0.0.1", rest + 1)),
        service(tmp_path, env, "serve", "--port", str(rest), ports=()) as run,
    ):
        code = run.process.wait(DEADLINE)

    assert code == 2
    assert str(rest + 1) in run.log
    assert "Traceback" not in run.log
    assert not listens(rest)
