"""`python -m PACKAGE`: real processes, their ports, signals, streams and exit codes."""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.server.lowlevel import Server
from nafgen import runtime
from nafgen.runtime.main import Adapter, _chosen, _listening, _mcp_app, _where
from runtime_support import SOON, Exchange, serving, upstream

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

ADAPTERS = (
    Adapter("rest", "app", "127.0.0.1", 0),
    Adapter("mcp", "mcp_server", "127.0.0.1", 0),
    Adapter("mcp", "stdio_server", "127.0.0.1", 0, "stdio"),
)
if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    raise SystemExit(main(__package__, *ADAPTERS))
"""
ASK = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
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
        env=environment(**{**SETTINGS, **settings}),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(
    package: Path, *arguments: str, **settings: str
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A process that serves, and the URLs that it says it listens on."""
    with start(package, *arguments, **settings) as process:
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


@pytest.fixture
def ended(
    package: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Runs what ends by itself: the exit code, stdout and stderr."""

    def run(*arguments: str, **settings: str) -> tuple[int, str, str]:
        monkeypatch.syspath_prepend(package)
        monkeypatch.setattr(sys, "argv", ["things", *arguments])
        for name in SETTINGS:
            monkeypatch.delenv(name, raising=False)
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        try:
            code = importlib.import_module("things._runtime.main").main(
                "things", *importlib.import_module("things.__main__").ADAPTERS
            )
        except SystemExit as exit_:
            code = exit_.code
        out, err = capsys.readouterr()
        return code, out, err

    return run


Ended = Callable[..., tuple[int, str, str]]


def test_every_missing_setting_is_named_before_anything_listens(ended: Ended) -> None:
    assert ended("serve") == (
        2,
        "",
        "things: set THINGS_KEY, OTHERS_KEY in the environment\n",
    )


def test_a_setting_that_is_wrong(ended: Ended) -> None:
    wrong = {**SETTINGS, "THINGS_TIMEOUT": "soon"}
    assert ended("mcp", "--only", "mcp_server", **wrong) == (
        2,
        "",
        "things: THINGS_TIMEOUT must be a number from 0.001\n",
    )


def test_a_port_that_is_taken(ended: Ended) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        code, out, err = ended("rest", "--port", port, **SETTINGS)
    assert (code, out) == (2, "")
    assert f"things: cannot listen on 127.0.0.1:{port}: Address already in use" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rest", "--host", "nothing.invalid"), "cannot listen on nothing.invalid:0"),
        (("rest", "--host", "a" * 99), "cannot listen on aaa"),
        (("rest", "--port", "65536"), "a number from 0 to 65535"),
        (("rest", "--port", "x"), "a number from 0 to 65535"),
        (("rest", "--only", "mcp_server"), "invalid choice"),
        (("rest", "--transport", "stdio"), "unrecognized arguments"),
        (("mcp", "--transport", "stdio"), "only one server can use stdio"),
        ((), "required: command"),
    ],
)
def test_what_cannot_be_run(
    ended: Ended, arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = ended(*arguments, **SETTINGS)
    assert (code, out) == (2, "")
    assert message in err


def test_tools_need_no_settings(ended: Ended) -> None:
    code, out, err = ended("tools")
    assert (code, err) == (0, "")
    assert [tool["name"] for tool in json.loads(out)] == ["read", "read"]
    assert "inputSchema" in json.loads(out)[0]


def test_further_adapters_follow_the_port() -> None:
    adapters = [
        Adapter("rest", "app", "127.0.0.1", 1),
        Adapter("mcp", "a", "127.0.0.1", 2, "stdio"),
        Adapter("mcp", "b", "127.0.0.1", 3),
    ]
    options = argparse.Namespace(command="serve", port=8000, host="10.0.0.1", only=None)
    chosen = _chosen(options, adapters)
    assert [(a.host, a.port) for a in chosen if a.transport == "http"] == [
        ("10.0.0.1", 8000),
        ("10.0.0.1", 8001),
    ]
    options = argparse.Namespace(command="mcp", port=None, host=None, only=None)
    assert [a.port for a in _chosen(options, adapters)] == [2, 3]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_addresses(host: str) -> None:
    adapter = Adapter("mcp", "mcp_server", host, 0)
    opened = _listening(adapter)
    try:
        ports = {listening.getsockname()[1] for listening in opened}
        assert len(ports) == 1
        shown = {"::1": "[::1]"}.get(host, host)
        assert _where(adapter, opened) == f"mcp on http://{shown}:{ports.pop()}/mcp"
        for listening in opened:
            with socket.create_connection(listening.getsockname()[:2], timeout=SOON):
                pass
    finally:
        for listening in opened:
            listening.close()


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
        process.stdin.write(json.dumps(ASK) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]
        code, out, err = stopped(process, signal.SIGTERM)
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert "HTTP Request: GET" in err
    assert "s3cr3t" not in err


def test_servers_go_on_after_the_end_of_stdin_and_end_cleanly(package: Path) -> None:
    with running(package, "serve") as (process, urls), httpx.Client() as idle:
        assert process.stdin
        process.stdin.close()
        process.stdin = None
        for url in urls:
            assert idle.get(url.replace("/mcp", "/-/health")).status_code in (200, 404)
        code, out, err = stopped(process, signal.SIGINT)
    assert (code, out) == (0, "")
    assert "Traceback" not in err
    assert err.count("Application shutdown complete") == 2


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
    with start(package, "mcp", "--only", "stdio_server") as process:
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert "Traceback" not in err


def test_stdio_ends_by_a_signal(package: Path) -> None:
    with start(package, "mcp", "--only", "stdio_server") as process:
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(ASK) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == 1
        code, out, err = stopped(process, signal.SIGINT)
    assert (code, out) == (0, "")
    assert "Traceback" not in err


def test_hosts_and_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    accept = {"accept": "application/json, text/event-stream"}

    def status(**headers: str) -> int:
        named = {**accept, **headers}
        return httpx.post(f"{url}/mcp", json=ASK, headers=named).status_code

    monkeypatch.setenv("ALLOWED_HOSTS", "mcp.example.com, [2001:db8::1] 2001:db8::2")
    app = _mcp_app(Server("things"), Adapter("mcp", "mcp_server", "10.0.0.1", 0))
    with serving(app) as url:
        assert status() == 200
        for host in (
            "localhost:1",
            "127.0.0.1",
            "[::1]:9",
            "10.0.0.1:9",
            "mcp.example.com",
            "[2001:db8::1]:9",
            "[2001:db8::2]",
        ):
            assert status(host=host) == 200
            assert status(host=host, origin=f"https://{host}") == 200
        for host in ("evil.example.com", "mcp.example.com.evil.test", "localhost.evil"):
            assert status(host=host) == 421
            assert status(origin=f"http://{host}") == 403


def test_browsers_of_allowed_origins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another origin's page may call, after the question that its browser asks first."""
    adapter = Adapter("mcp", "mcp_server", "127.0.0.1", 0)
    ours, theirs = "https://chat.example.com", "http://inspector.example:6274"
    accept = {"accept": "application/json, text/event-stream"}
    wanted = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,mcp-method",
    }
    with serving(_mcp_app(Server("things"), adapter)) as url:
        asked = httpx.options(f"{url}/mcp", headers={"origin": ours, **wanted})
        assert "access-control-allow-origin" not in asked.headers
        answer = httpx.post(f"{url}/mcp", json=ASK, headers={"origin": ours, **accept})
        assert answer.status_code == 403
    monkeypatch.setenv("ALLOWED_ORIGINS", f"{ours}, {theirs}")
    with serving(_mcp_app(Server("things"), adapter)) as url:
        for origin in (ours, theirs):
            asked = httpx.options(f"{url}/mcp", headers={"origin": origin, **wanted})
            assert asked.status_code == 200
            headers = {"origin": origin, **accept}
            answer = httpx.post(f"{url}/mcp", json=ASK, headers=headers)
            assert answer.status_code == 200
            for shown in (asked, answer):
                assert shown.headers["access-control-allow-origin"] == origin
                assert "access-control-allow-credentials" not in shown.headers
        for origin in ("https://evil.example.com", f"{ours}.evil.test", f"{theirs}1"):
            asked = httpx.options(f"{url}/mcp", headers={"origin": origin, **wanted})
            assert asked.status_code == 400
            headers = {"origin": origin, **accept}
            answer = httpx.post(f"{url}/mcp", json=ASK, headers=headers)
            assert answer.status_code == 403


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALLOWED_ORIGINS", "chat.example.com"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://*.example.com"),
        ("ALLOWED_ORIGINS", "https://chat.example.com/"),
        ("ALLOWED_ORIGINS", "https://ok.example, null"),
        ("ALLOWED_HOSTS", "https://mcp.example.com"),
        ("ALLOWED_HOSTS", "mcp.example.com/mcp"),
    ],
)
def test_hosts_and_origins_that_are_none(
    package: Path, variable: str, value: str
) -> None:
    with start(package, "mcp", "--only", "mcp_server", **{variable: value}) as process:
        _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert f"things: {variable}: " in err and "Traceback" not in err
