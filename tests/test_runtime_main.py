"""`python -m PACKAGE`: real processes, their ports, signals, streams and exit codes."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from nafgen import runtime
from runtime_support import SOON, Exchange, upstream

CLIENT = """
from ._runtime.upstream import AsyncClient, Environment

class AsyncThings(AsyncClient):
    def __init__(self):
        env = Environment("THINGS")
        key = env.get("THINGS_KEY")
        base_url = env.get("THINGS_BASE_URL", None, "http://things.invalid")
        super().__init__(env.connection(base_url, query={"key": key}), None)

class AsyncOthers(AsyncClient):
    def __init__(self):
        env = Environment("OTHERS")
        key = env.get("OTHERS_KEY")
        super().__init__(env.connection("http://x.invalid", query={"key": key}), None)
"""
APP = """
from fastapi import FastAPI, Response
from ._runtime.rest import OPTIONS, add_health, closing, relay
from ._runtime.upstream import Call
from .client import AsyncOthers, AsyncThings

def create_app():
    things, others = AsyncThings(), AsyncOthers()
    app = FastAPI(lifespan=closing(things, others), **OPTIONS)

    @app.get("/things")
    async def things_() -> Response:
        print("to stdout")
        return await relay(things, Call("GET", "/things"))

    add_health(app)
    return app
"""
MCP_SERVER = """
from mcp.server.lowlevel import Server
from ._runtime.tools import Hints, Tools, lending, relay
from ._runtime.upstream import Call
from .client import AsyncThings

tools = Tools()

@tools.add("read", description="Reads.", hints=Hints(True, False, True, True))
async def read(api, _):
    print("to stdout")
    return await relay(api, Call("GET", "/things"))

def create_server():
    api = AsyncThings()
    served = tools.served()
    return Server("things", lifespan=lending(api, api),
        get_tool_input_schema=served.input_schema,
        on_list_tools=served.list, on_call_tool=served.call)
"""
MAIN = """
import logging
from ._runtime.main import Adapter, main

logging.basicConfig(level=logging.INFO)
ADAPTERS = (
    Adapter("rest", "app", "127.0.0.1", 0),
    Adapter("mcp", "mcp_server", "127.0.0.1", 0),
    Adapter("mcp", "stdio_server", "127.0.0.1", 0, "stdio"),
)
if __name__ == "__main__":
    raise SystemExit(main(__package__, *ADAPTERS))
"""
SETTINGS = {"THINGS_KEY": "s3cr3t", "OTHERS_KEY": "0ther"}


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a package `things` with a REST app and two MCP servers."""
    folder = tmp_path_factory.mktemp("packages")
    made = folder / "things"
    source = Path(runtime.__file__).parent
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    shutil.copytree(source, made / "_runtime", ignore=ignored)
    for name, text in {
        "__init__": "",
        "__main__": MAIN,
        "client": CLIENT,
        "app": APP,
        "mcp_server": MCP_SERVER,
        "stdio_server": MCP_SERVER,
    }.items():
        (made / f"{name}.py").write_text(text)
    return folder


def environment(**settings: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], **settings}


def start(package: Path, *arguments: str, **settings: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "things", *arguments],
        cwd=package,
        env=environment(**(settings or SETTINGS)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(package: Path, *arguments: str, **settings: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of a process that ends by itself."""
    with start(package, *arguments, **settings) as process:
        out, err = process.communicate(timeout=20)
        return process.returncode, out, err


@contextmanager
def running(
    package: Path, *arguments: str, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process that serves, and the URLs that it says it listens on."""
    with start(package, *arguments, **{**SETTINGS, **settings}) as process:
        try:
            assert process.stderr
            told = ""
            while "startup complete" not in told:
                line = process.stderr.readline()
                assert line, told
                told += line
            yield process, re.findall(r"^things: \w+ on (http://\S+)$", told, re.M)
        finally:
            process.kill()


def stopped(process: subprocess.Popen[str], number: int) -> tuple[int, str, str]:
    process.send_signal(number)
    out, err = process.communicate(timeout=SOON)
    return process.returncode, out, err


def test_every_missing_setting_is_named_before_anything_listens(package: Path) -> None:
    assert ended(package, "serve", NONE="") == (
        2,
        "",
        "things: set THINGS_KEY, OTHERS_KEY in the environment\n",
    )


def test_a_setting_that_is_wrong(package: Path) -> None:
    wrong = {**SETTINGS, "THINGS_TIMEOUT": "soon"}
    assert ended(package, "mcp", "--only", "mcp_server", **wrong) == (
        2,
        "",
        "things: THINGS_TIMEOUT must be a number from 0.001\n",
    )


def test_a_port_that_is_taken(package: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = ended(package, "rest", "--port", port)
    assert (code, out) == (2, "")
    assert f"things: cannot listen on 127.0.0.1:{port}: Address already in use" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "arguments",
    [
        ("rest", "--host", "nothing.invalid"),
        ("rest", "--port", "65536"),
        ("rest", "--port", "x"),
        ("rest", "--only", "mcp_server"),
        ("mcp", "--transport", "stdio"),
        (),
    ],
)
def test_what_cannot_be_run(package: Path, arguments: tuple[str, ...]) -> None:
    code, out, err = ended(package, *arguments)
    assert (code, out) == (2, "")
    assert "Traceback" not in err
    assert len(err) > 20


def test_tools_need_no_settings(package: Path) -> None:
    code, out, _ = ended(package, "tools", NONE="")
    assert code == 0
    assert [tool["name"] for tool in json.loads(out)] == ["read", "read"]
    assert "inputSchema" in json.loads(out)[0]


async def tool_of(server: Any, mode: str) -> Any:
    async with Client(server, mode=mode) as client:
        return (await client.call_tool("read", {})).structured_content


def things(exchange: Exchange) -> None:
    assert exchange.path == "/things?key=s3cr3t"
    exchange.answer(b'{"a": 1}', content_type="application/json")


def test_all_adapters_in_one_process(package: Path) -> None:
    with (
        upstream(things) as base_url,
        running(package, "serve", THINGS_BASE_URL=base_url) as (process, urls),
    ):
        rest, mcp = urls
        assert httpx.get(f"{rest}/things").json() == {"a": 1}
        assert httpx.get(f"{rest}/-/health").json() == {"status": "UP"}
        assert asyncio.run(tool_of(mcp, "auto")) == {"a": 1}
        assert asyncio.run(tool_of(mcp, "legacy")) == {"a": 1}
        assert process.stdin and process.stdout
        ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
        process.stdin.write(json.dumps(ask) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]
        code, out, err = stopped(process, signal.SIGTERM)
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert "HTTP Request: GET" in err
    assert "s3cr3t" not in err


INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_two_servers_end_cleanly(package: Path, number: int) -> None:
    arguments = ("serve", "--only", "app") if number == signal.SIGTERM else ("serve",)
    with running(package, *arguments) as (process, urls):
        with httpx.Client() as idle:
            idle.get(f"{urls[0]}/-/health")
            code, out, err = stopped(process, number)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def test_a_request_under_way_is_finished(package: Path) -> None:
    def slow(exchange: Exchange) -> None:
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        exchange.answer(b"done")

    with (
        upstream(slow) as base_url,
        running(package, "rest", THINGS_BASE_URL=base_url) as (process, urls),
    ):
        assert httpx.get(f"{urls[0]}/things").text == "done"
        process.communicate(timeout=SOON)
        assert process.returncode == 0


def test_stdio_holds_nothing_but_the_protocol(package: Path) -> None:
    async def run(base_url: str, mode: str) -> Any:
        parameters = StdioServerParameters(
            command=sys.executable,
            args=["-m", "things", "mcp", "--only", "stdio_server"],
            cwd=package,
            env=environment(**SETTINGS, THINGS_BASE_URL=base_url),
        )
        with (package / "stderr").open("w") as errors:
            return await tool_of(stdio_client(parameters, errlog=errors), mode)

    with upstream(things) as base_url:
        for mode in ("auto", "legacy"):
            assert asyncio.run(run(base_url, mode)) == {"a": 1}
            logged = (package / "stderr").read_text()
            assert "to stdout" in logged
            assert "s3cr3t" not in logged


def test_stdio_ends_with_its_input(package: Path) -> None:
    code, out, err = ended(package, "mcp", "--only", "stdio_server", **SETTINGS)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stdio_ends_by_a_signal(package: Path, number: int) -> None:
    with start(package, "mcp", "--only", "stdio_server", **SETTINGS) as process:
        assert process.stdin and process.stdout
        ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
        process.stdin.write(json.dumps(ask) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        code, out, err = stopped(process, number)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def test_hosts_and_origins(package: Path) -> None:
    ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": INITIALIZE}
    accept = {"accept": "application/json, text/event-stream"}

    def status(url: str, **headers: str) -> int:
        named = {name: value for name, value in headers.items() if value}
        return httpx.post(url, json=ask, headers={**accept, **named}).status_code

    arguments = ("mcp", "--only", "mcp_server", "--host", "::1")
    hosts = "mcp.example.com, [2001:db8::1]"
    with running(package, *arguments, ALLOWED_HOSTS=hosts) as (_, urls):
        (url,) = urls
        assert url.startswith("http://[::1]:")
        assert status(url) == 200
        for host in ("localhost:1", "127.0.0.1", "mcp.example.com", "[2001:db8::1]:9"):
            assert status(url, host=host) == 200
            assert status(url, host=host, origin=f"https://{host}") == 200
        for host in ("evil.example.com", "mcp.example.com.evil.test", "localhost.evil"):
            assert status(url, host=host) == 421
            assert status(url, origin=f"http://{host}") == 403
