"""What an operator's settings make of the tools of a compiled package."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from compile_support import checked, compile_text, files_of, write_to
from e2e_support import DEADLINE
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import ElicitRequestParams, ElicitResult
from runtime_support import Exchange, upstream

pytestmark = pytest.mark.slow
SPEC = """\
ikanos: 1.0.0-beta5
info: {display: Books}
capability:
  consumes:
  - type: http
    namespace: catalogue
    baseUri: https://catalogue.example
    resources:
      books:
        path: /books
        operations:
          list-books: {method: GET}
          add-book: {method: POST}
      book:
        path: /books/{isbn}
        operations:
          delete-book: {method: DELETE}
  - type: http
    namespace: loans
    baseUri: https://loans.example
    resources:
      loans:
        path: /loans
        operations:
          list-loans: {method: GET}
  exposes:
  - type: mcp
    namespace: books
    port: 3011
    tools:
      list-books: {description: All books., call: catalogue.list-books}
      delete-book: {description: Deletes one., call: catalogue.delete-book}
      list-loans: {description: All loans., call: loans.list-loans}
  - type: mcp
    namespace: desk
    port: 3012
    tools:
      add-book: {description: Adds one., call: catalogue.add-book}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("packages")
    write_to(checked(compile_text(SPEC)), made)
    return made


def run(
    folder: Path, *arguments: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "spec", *arguments],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), **settings},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )


@pytest.mark.parametrize(
    ("settings", "served"),
    [
        ({}, "list-books delete-book list-loans add-book"),
        ({"READ_ONLY": "1"}, "list-books list-loans"),
        ({"TOOLS": "api:catalogue"}, "list-books delete-book add-book"),
        ({"TOOLS": "list-*,add-book"}, "list-books list-loans add-book"),
        ({"EXCLUDE_TOOLS": "hint:destructive"}, "list-books list-loans add-book"),
    ],
)
def test_tools_prints_what_is_served(
    folder: Path, settings: dict[str, str], served: str
) -> None:
    done = run(folder, "tools", **settings)
    assert [tool["name"] for tool in json.loads(done.stdout)] == served.split()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"TOOLS": "list-boks"}, "TOOLS: there is no tool list-boks; did you mean"),
        ({"EXCLUDE_TOOLS": "api:lones"}, "there is no API lones; did you mean loans?"),
        ({"MAX_RESULT_BYTES": "1 MB"}, "MAX_RESULT_BYTES must be a number from 1"),
        ({"CONFIRM_DESTRUCTIVE": "1", "CONFIRMATION_KEY": "x"}, "CONFIRMATION_KEY"),
    ],
)
@pytest.mark.parametrize(
    "command", ["tools", "mcp --port 0", "mcp --only mcp_server_desk --transport stdio"]
)
def test_settings_that_cannot_be_used_are_named_before_the_start(
    folder: Path, settings: dict[str, str], said: str, command: str
) -> None:
    done = run(folder, *command.split(), **settings)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr and "Traceback" not in done.stderr
    assert "http://" not in done.stderr and "stdio" not in done.stderr


def test_the_readme_says_what_can_be_set() -> None:
    made = compile_text(SPEC)
    readme = files_of(made)["README.md"]
    for name in ("TOOLS", "EXCLUDE_TOOLS", "CONFIRM_DESTRUCTIVE", "ALLOWED_ORIGINS"):
        assert f"- `{name}`: " in readme
    assert "api:NAMESPACE" in readme
    reads = SPEC.replace("{method: DELETE}", "{method: GET}").replace(
        "list-loans: {description: All loans., call: loans.list-loans}", ""
    )
    readme = files_of(compile_text(reads))["README.md"]
    assert "CONFIRM" not in readme and "api:NAMESPACE" not in readme


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("action", ["accept", "decline"])
def test_the_user_decides_over_pipes(folder: Path, mode: str, action: Any) -> None:
    """A tool of a real process deletes what the user says may be deleted."""
    received: list[str] = []
    shown: list[str] = []

    def answer(exchange: Exchange) -> None:
        received.append(f"{exchange.command} {exchange.path}")
        exchange.answer(b"")

    async def ask(context: object, params: ElicitRequestParams) -> ElicitResult:
        assert received == []
        shown.append(params.message)
        return ElicitResult(action=action, content={})

    async def delete(base: str) -> bool:
        start = StdioServerParameters(
            command=sys.executable,
            args=[
                "-m",
                "spec",
                "mcp",
                "--only",
                "mcp_server_books",
                "--transport",
                "stdio",
            ],
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(folder),
                "CONFIRM_DESTRUCTIVE": "1",
                "CATALOGUE_BASE_URL": base,
            },
        )
        async with Client(
            stdio_client(start), mode=mode, elicitation_callback=ask
        ) as client:
            result = await client.call_tool("delete-book", {"isbn": "a/1"})
            return bool(result.is_error)

    with upstream(answer) as base:
        refused = asyncio.run(delete(base))
    assert refused == (action == "decline")
    assert shown == [
        'Run delete-book? It may change or delete something for good.\nisbn: "a/1"'
    ]
    assert received == ([] if refused else ["DELETE /books/a%2F1"])
