"""What MCP servers say of themselves when a client connects."""

from __future__ import annotations

from pathlib import Path

import pytest
from compile_support import compile_text
from mcp_support import introduction
from package_support import imported

SPEC = """\
ikanos: 1.0.0-beta5
info: {title: Yard, description: Of the capability.}
capability:
  exposes:
  - type: mcp
    namespace: yard-tools
    port: 3001
    description: Tools of a shipyard; ask for ships first.
    tools:
      get-ship:
        description: One ship.
        outputParameters: [{name: imo, type: string, value: IMO-1}]
"""


def test_a_server_with_tools_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with imported(compile_text(SPEC), tmp_path, monkeypatch) as load:
        said = introduction(load)
    assert said == (
        "yard-tools",
        "Tools of a shipyard; ask for ships first.",
        ["tools"],
    )
