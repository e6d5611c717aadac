"""mcp.json for hosts of MCP servers, and server.json for their registry."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio
import pytest
from cli_support import PHOTOS, Project
from compile_support import compile_file
from conftest import ROOT
from jsonschema import Draft202012Validator
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from package_support import imported

# What the registry demands of a server.json, as far as nafgen writes one.
_TEXT = {"type": "string", "minLength": 1, "maxLength": 100}
_ARGUMENT = {
    "required": ["type", "value"],
    "properties": {"type": {"enum": ["positional", "named"]}},
    "if": {"properties": {"type": {"const": "named"}}},
    "then": {"required": ["name"]},
}
SERVER = {
    "type": "object",
    "required": ["$schema", "name", "description", "version", "packages"],
    "additionalProperties": False,
    "properties": {
        "$schema": {"pattern": "/schemas/2025-12-11/server.schema.json$"},
        "name": {
            "pattern": "^[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+$",
            "minLength": 3,
            "maxLength": 200,
        },
        "title": _TEXT,
        "description": _TEXT,
        "version": {
            "type": "string",
            "maxLength": 255,
            "not": {"pattern": r"[*<>^~ ]"},
        },
        "packages": {
            "minItems": 1,
            "items": {
                "required": ["registryType", "identifier", "version", "transport"],
                "properties": {
                    "registryType": {"const": "pypi"},
                    "version": {"minLength": 1, "not": {"const": "latest"}},
                    "transport": {"const": {"type": "stdio"}},
                    "packageArguments": {"items": _ARGUMENT},
                    "environmentVariables": {
                        "items": {
                            "required": ["name"],
                            "properties": {
                                "isRequired": {"type": "boolean"},
                                "isSecret": {"type": "boolean"},
                            },
                        }
                    },
                },
            },
        },
    },
}
NAMED = ("--name", "io.github.acme/photos", "--version", "1.2.0")
SECOND = """\
  - type: mcp
    namespace: more-photos
    address: 0.0.0.0
    port: 9292
    authentication:
      type: apikey
      key: X-Key
      value: '{{PHOTOS_KEY}}'
      placement: header
    tools:
    - name: show-album
      description: One album
      call: photos.get-album
"""

SEVERAL = (
    PHOTOS.replace(
        "capability:\n",
        "binds:\n- namespace: env\n  keys: {PHOTOS_KEY: PHOTOS_KEY}\ncapability:\n",
        1,
    )
    + SECOND
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, photos=PHOTOS, several=SEVERAL)


def told(project: Project, package: str) -> dict[str, Any]:
    """The servers in the mcp.json of a package."""
    assert project("build").code == 0
    config = json.loads(project.read(f"generated/{package}/mcp.json"))
    assert config.keys() == {"mcpServers"}
    servers: dict[str, Any] = config["mcpServers"]
    return servers


def test_each_server_is_told_of_on_stdio_and_over_http(project: Project) -> None:
    on_stdio = ["-m", "several", "mcp", "--transport", "stdio", "--only"]
    assert told(project, "several") == {
        "several_photos_mcp": {
            "command": "python",
            "args": [*on_stdio, "mcp_server_photos_mcp"],
            "env": {},
        },
        "several_photos_mcp_http": {"type": "http", "url": "http://127.0.0.1:9191/mcp"},
        "several_more_photos": {
            "command": "python",
            "args": [*on_stdio, "mcp_server_more_photos"],
            "env": {},
        },
        "several_more_photos_http": {
            "type": "http",
            "url": "http://127.0.0.1:9292/mcp",
            "headers": {"X-Key": "${PHOTOS_KEY}"},
        },
    }


def test_a_server_starts_as_its_host_is_told(project: Project) -> None:
    server = told(project, "photos")["photos"]
    start = StdioServerParameters(
        command=sys.executable if server["command"] == "python" else "",
        args=server["args"],
        env={"PATH": os.environ["PATH"], **server["env"]},
        cwd=project.folder / "generated",
    )

    async def tools() -> list[str]:
        async with Client(stdio_client(start)) as client:
            return [tool.name for tool in (await client.list_tools()).tools]

    assert anyio.run(tools) == ["show-album"]


def test_the_registry_would_take_a_server(project: Project) -> None:
    run = project("registry", "specs/photos.yaml", *NAMED)
    assert (run.code, run.err) == (0, "")
    Draft202012Validator(SERVER).validate(run.json)
    [package] = run.json["packages"]
    assert run.json["description"] == "Photos for agents."
    assert package["identifier"] == "photos"
    arguments = [a.get("name", a["value"]) for a in package["packageArguments"]]
    assert arguments == ["mcp", "--transport"]


def test_a_script_of_a_distribution_runs_what_the_registry_says(
    project: Project,
) -> None:
    told(project, "several")
    run = project(
        *("registry", "specs/several.yaml", *NAMED),
        *("--distribution", "acme-photos", "--only", "mcp_server_more_photos"),
    )
    [package] = run.json["packages"]
    assert package["identifier"] == "acme-photos"
    words = [
        word
        for argument in package["packageArguments"]
        for word in (argument.get("name"), argument["value"])
        if word
    ]
    assert words[3:] == ["--only", "mcp_server_more_photos"]
    # A console script calls `run`, and this one is asked for no more than help.
    script = "import sys; from several.__main__ import run; sys.exit(run())"
    done = subprocess.run(
        [sys.executable, "-c", script, *words, "--help"],
        cwd=project.folder / "generated",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: python -m several mcp ")


def test_texts_are_as_short_as_the_registry_wants_them(project: Project) -> None:
    long = "Photos\\n \\t\\u2028 " + "ü" * 200
    text = PHOTOS.replace("Photos for agents.", f'"{long}"')
    project.write(
        "specs/photos.yaml", text.replace("label: Photos", f'label: "{long}"')
    )
    run = project("registry", "specs/photos.yaml", *NAMED)
    Draft202012Validator(SERVER).validate(run.json)
    assert run.json["title"] == f"Photos {'ü' * 90}..."


@pytest.mark.parametrize(
    ("spec", "options", "said"),
    [
        ("photos", ["--name=photos", "--version=1.0"], "photos is no name of a server"),
        ("photos", ["--name=a/b/c", "--version=1.0"], "a/b/c is no name of a server"),
        ("photos", ["--name=a/b", "--version=latest"], "latest is no version"),
        ("photos", ["--name=a/b", "--version=1.*"], "1.* is no version"),
        ("photos", [*NAMED, "--only=app"], "choose a server with --only"),
        ("several", [*NAMED], "one of mcp_server_photos_mcp, mcp_server_more_photos"),
    ],
)
def test_what_the_registry_would_not_take(
    project: Project, spec: str, options: list[str], said: str
) -> None:
    run = project("registry", f"specs/{spec}.yaml", *options)
    assert (run.code, run.out) == (2, "")
    assert said in run.err


def test_servers_say_the_version_of_the_capability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compile_file(ROOT / "specs" / "library.yaml")
    keys = {"LIBRARY_TOKEN": "t", "LIBRARY_KEY": "k", "CATALOGUE_TOKEN": "c"}
    with imported(made, tmp_path, monkeypatch, **keys) as load:
        assert load("mcp_server").create_server().version == "1.2.0"
        assert load("app").create_app().version == "1.2.0"
