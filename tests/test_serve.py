"""`nafgen serve` and `nafgen mock`: real processes that answer over HTTP."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cli_support import PARTIAL, PHOTOS, REFUSED, Project, environment
from nafgen import serving

COMMANDS = ("serve", "mock")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, photos=PHOTOS)


@contextmanager
def running(project: Project, url: str, *arguments: str) -> Iterator[Path]:
    """A command, from when a URL answers until it is interrupted; yields its output."""
    output = project.folder / "output.txt"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "nafgen", *arguments],
            cwd=project.folder,
            env=environment(XDG_CACHE_HOME=str(project.folder / "cache")),
            stdout=file,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        try:
            end = time.monotonic() + 60
            while not _answers(url):
                assert process.poll() is None, output.read_text(encoding="utf-8")
                assert time.monotonic() < end, output.read_text(encoding="utf-8")
                time.sleep(0.05)
            yield output
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 0
        finally:
            process.kill()


def _answers(url: str) -> bool:
    try:
        httpx.get(url)
    except httpx.TransportError:
        return False
    return True


def free_ports() -> int:
    """The first of two neighbouring ports that nobody listens on."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first, socket.socket() as second:
            port = int(first.getsockname()[1])
            if second.connect_ex(("127.0.0.1", port + 1)) != 0:
                return port


@pytest.mark.slow
def test_serve_with_a_mocked_upstream(project: Project) -> None:
    port = free_ports()
    url = f"http://127.0.0.1:{port}"
    tool = {"name": "show-album", "arguments": {"album-id": "a/b"}}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": tool}
    accept = {"Accept": "application/json, text/event-stream"}
    command = ("serve", "specs/photos.yaml", "--mock", "--port", str(port))
    with running(project, f"{url}/-/health", *command) as output:
        album = httpx.get(f"{url}/albums/a%20b")
        mcp = f"http://127.0.0.1:{port + 1}/mcp"
        result = httpx.post(mcp, json=call, headers=accept)
    assert album.status_code == 200
    assert album.json()["path"] == {"album-id": "a b"}
    assert result.status_code == 200
    answer = result.json()["result"]["structuredContent"]
    assert answer["path"] == {"album-id": "a/b"}
    assert f"rest on {url}\n" in output.read_text(encoding="utf-8")
    assert not (project.folder / "generated").exists()
    assert list((project.folder / "cache/nafgen").glob("*/photos/client.py"))


@pytest.mark.slow
def test_mock(project: Project) -> None:
    port = free_ports()
    url = f"http://127.0.0.1:{port}"
    command = ("mock", "specs/photos.yaml", "--port", str(port))
    with running(project, url, *command) as output:
        found = httpx.get(f"{url}/albums/a")
        missing = httpx.get(f"{url}/nowhere")
    assert found.status_code == 200
    assert found.json()["operation"] == "get-album"
    assert missing.status_code == 404
    assert f"PHOTOS_BASE_URL={url}\n" in output.read_text(encoding="utf-8")


@pytest.mark.parametrize("command", COMMANDS)
class TestErrors:
    def test_refused(self, project: Project, command: str) -> None:
        project.write("specs/photos.yaml", REFUSED)
        run = project(command, "specs/photos.yaml")
        assert (run.code, run.codes) == (1, [("specs/photos.yaml", "NAF005")])

    def test_no_such_file(self, project: Project, command: str) -> None:
        assert project(command, "nowhere.yaml").code == 2

    def test_several_specs(self, project: Project, command: str) -> None:
        project.write("specs/more.yaml", PHOTOS)
        run = project(command, "specs")
        assert (run.code, run.err) == (2, "specs: name one spec\n")

    def test_missing_libraries(
        self, project: Project, command: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            serving, "find_spec", lambda name: None if name in "mcp, uvicorn" else name
        )
        run = project(command, "specs/photos.yaml")
        assert run.code == 2
        expected = "not installed: mcp, uvicorn; run: pip install 'nafgen[serve]'\n"
        assert run.err == expected


def test_cache_that_cannot_be_written(project: Project) -> None:
    cache = project.write("cache", "a file\n")
    run = project("serve", "specs/photos.yaml", env={"XDG_CACHE_HOME": str(cache)})
    assert run.code == 2
    assert {code for _, code in run.codes} == {"NAF603"}


def test_verify(project: Project) -> None:
    run = project.run("verify")
    assert (run.code, run.out) == (0, "")
    assert run.err.startswith("called: 1 operations, 1 routes, 1 tools\n")
    project.write("specs/photos.yaml", PARTIAL)
    run = project.run("verify", "--output-format", "json")
    assert run.code == 1
    assert run.json["summary"]["partial"] == 1
    assert project.run("verify", "nowhere").code == 2
