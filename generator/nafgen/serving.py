"""Runs what was compiled: a package from a cache folder, and mocked upstreams."""

from __future__ import annotations

import runpy
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from .diagnostics import Reporter
from .disk import Mode
from .ir import ClientCredentials, Supplied
from .mock import mock_app, mock_base_urls
from .mock_credentials import token_setting
from .plan import Package
from .program import Program
from .resources import generator
from .write import write_package


def missing_libraries() -> list[str]:
    """Which libraries that serving needs are not installed."""
    needed = ("fastapi", "httpx", "mcp", "uvicorn")
    return [name for name in needed if find_spec(name) is None]


def write(cache: Path, package: Package, reporter: Reporter) -> Path | None:
    """Write a package to its own folder of the cache; None when that fails."""
    key = sha256(repr(sorted(package.inputs.items())).encode()).hexdigest()[:16]
    folder = cache / key
    outcome = write_package(
        folder,
        package,
        Mode.WRITE,
        reporter,
        generator=generator(),
        discard_edits=True,
    )
    return None if outcome.status == "refused" else folder


def run_package(folder: Path, package: Package, arguments: list[str]) -> int:
    """Run `python -m PACKAGE` from a folder, in this process; its exit code."""
    sys.path.insert(0, str(folder))
    name = package.path.replace("/", ".")
    sys.argv = [name, *arguments]
    try:
        runpy.run_module(name, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def run_mock(program: Program, host: str, port: int, say: Callable[[str], None]) -> int:
    """Serve the upstreams of a program until interrupted."""
    import uvicorn

    for variable, url in mock_base_urls(program, f"http://{host}:{port}").items():
        say(f"{variable}={url}")
    uvicorn.run(mock_app(program), host=host, port=port, log_level="info")
    return 0


def held_files(program: Program, folder: Path) -> dict[str, str]:
    """The variables that say where files of settings and of skills are, by a package's
    folder.

    In the cache, the package is elsewhere than they would be looked for.
    """
    skills = (skill for each in program.skills for skill in each.skills)
    folders = [skill.folder for skill in skills if skill.folder is not None]
    places = [(held.variable, held.path) for held in program.held]
    places += [(own.variable, own.path) for own in folders]
    return {
        variable: str((folder / path).resolve())
        for variable, path in places
        if path is not None
    }


def start_mock(program: Program, environ: Mapping[str, str]) -> dict[str, str]:
    """Serve the upstreams of a program in a thread.

    Returns:
        The variables that send its clients there; secrets that are not set are made up.
    """
    import uvicorn

    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(mock_app(program), log_level="warning"))
    threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, daemon=True
    ).start()
    while not server.started:
        time.sleep(0.01)
    variables = mock_base_urls(program, f"http://127.0.0.1:{port}")
    for upstream in program.upstreams:
        for setting in upstream.settings:
            known = setting.default is not None or setting.variable in variables
            if not known and not environ.get(setting.variable):
                variables[setting.variable] = f"mock-{setting.variable.lower()}"
        auth, is_granting = upstream.auth, token_setting(upstream) is not None
        if isinstance(auth, Supplied | ClientCredentials) and not is_granting:
            # httpx.Auth itself sends requests as they are, and the mock takes them.
            variables[auth.setting.variable] = "httpx:Auth"
    return variables
