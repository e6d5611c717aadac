"""What lists of tools cost: as said by a build, and as a real server sends them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import httpx
import pytest
from cli_support import PHOTOS, Project
from compile_support import compile_file, compile_text
from conftest import ROOT
from mcp.server.lowlevel import Server
from nafgen.compile import Compilation
from nafgen.listing import costs
from nafgen.program import McpAdapter
from package_support import imported
from runtime_support import serving

SPECS = sorted(
    path for path in (ROOT / "specs").glob("*.yaml") if ".o" not in path.name
)
CASES = [ROOT / "tests" / "cases" / name for name in ("names", "hostile", "flows")]
HEADERS = {
    "accept": "application/json, text/event-stream",
    "mcp-protocol-version": "2025-11-25",
}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
EVERYTHING = """\
ikanos: 1.0.0-beta5
info: {display: Things}
capability:
  consumes:
  - type: http
    namespace: things
    baseUri: https://things.example
    resources:
      things:
        path: /things/{id}
        operations:
          put-thing:
            method: PUT
            inputParameters:
              id: {in: path}
              tags: {in: query, type: array, description: "Ünïcode \\" \\\\ \\t \\u007f 😀"}
          get-thing: {method: GET}
  exposes:
  - type: mcp
    namespace: agent
    port: 9090
    tools:
      put-thing: {display: Puts, description: "Line\\nbreak", call: things.put-thing}
      get-thing: {call: things.get-thing}
"""


def sent(answer: httpx.Response) -> list[str]:
    """Each tool of a list as it stands in the answer's own text."""
    text, decoder = answer.text, json.JSONDecoder()
    start = text.index('"tools":[') + len('"tools":[')
    found = []
    while text[start] != "]":
        _, end = decoder.raw_decode(text, start)
        found.append(text[start:end])
        start = end + (text[end] == ",")
    assert f'"tools":[{",".join(found)}]' in text
    return found


def compared(made: Compilation, folder: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Compare costs with what servers send; how many tools there were."""
    assert made.program is not None and made.names is not None
    adapters = [a for a in made.program.adapters if isinstance(a, McpAdapter)]
    said = costs(made.program, made.names)
    assert len(said) == len(adapters)
    with imported(made, folder, monkeypatch) as load:
        for adapter, cost in zip(adapters, said, strict=True):
            served = load(made.names.modules[adapter.origin]).tools.served()
            server = Server(
                "things", on_list_tools=served.list, on_call_tool=served.call
            )
            app = server.streamable_http_app(json_response=True, stateless_http=True)
            with serving(app) as url:
                answer = httpx.post(f"{url}/mcp", json=LIST, headers=HEADERS)
            tools = sent(answer)
            sizes = [len(text.encode()) for text in tools]
            assert sizes == [tool.size for tool in cost.tools]
            names = [json.loads(text)["name"] for text in tools]
            assert names == [tool.name for tool in cost.tools]
            assert cost.size == len(f"[{','.join(tools)}]".encode())
    return sum(len(cost.tools) for cost in said)


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_a_server_sends_what_was_said(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compared(compile_file(spec), tmp_path, monkeypatch)


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.name)
def test_so_it_does_of_odd_texts(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = compile_file(case / "spec.yaml")
    assert compared(made, tmp_path, monkeypatch)


def test_so_it_does_of_every_kind_of_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compared(compile_text(EVERYTHING), tmp_path, monkeypatch) == 2


class TestBuild:
    def test_a_table(self, tmp_path: Path) -> None:
        project = Project(tmp_path, photos=PHOTOS)
        assert project("build").out == ""
        run = project("build", "--stats")
        line, tool = run.out.splitlines()
        assert run.code == 0 and run.err == "1 spec: 1 unchanged\n"
        size = costs_of(PHOTOS)
        assert line == (
            f"photos: 1 tool, {size + 2} bytes, about {math.ceil((size + 2) / 4)} tokens"
        )
        assert tool.split() == [str(size), str(math.ceil(size / 4)), "show-album"]

    def test_as_json(self, tmp_path: Path) -> None:
        project = Project(tmp_path, photos=PHOTOS)
        size = costs_of(PHOTOS)
        run = project("build", "--stats", "--output-format", "json")
        (server,) = run.json["specs"][0]["servers"]
        assert server == {
            "server": "photos",
            "bytes": size + 2,
            "tokens": math.ceil((size + 2) / 4),
            "tools": [
                {"name": "show-album", "bytes": size, "tokens": math.ceil(size / 4)}
            ],
        }
        run = project("build", "--output-format", "json")
        assert "servers" not in run.json["specs"][0]

    def test_the_largest_is_first(self, tmp_path: Path) -> None:
        more = "    - {name: all, description: One, call: photos.get-album}\n"
        project = Project(tmp_path, photos=PHOTOS + more)
        named = [
            line.split()[-1] for line in project("build", "--stats").out.splitlines()
        ]
        assert named == ["tokens", "show-album", "all"]

    def test_no_server(self, tmp_path: Path) -> None:
        project = Project(tmp_path, photos=PHOTOS.partition("  - type: mcp")[0])
        assert project("build", "--stats").out == ""

    def test_a_budget(self, tmp_path: Path) -> None:
        project = Project(tmp_path, photos=PHOTOS)
        budget = math.ceil((costs_of(PHOTOS) + 2) / 4)
        assert project("build").code == 0
        project.write("pyproject.toml", f"[tool.nafgen]\ntools-budget = {budget}\n")
        assert project("build").code == 0
        project.write("pyproject.toml", f"[tool.nafgen]\ntools-budget = {budget - 1}\n")
        for _ in range(2):  # from the manifest, the second time
            run = project("build")
            assert (run.code, run.codes) == (1, [("specs/photos.yaml", "NAF806")])
            assert "partial" not in run.err
        assert (project.folder / "generated/photos/mcp_server.py").is_file()
        assert project("validate").code == project("verify").code == 1
        project.write("pyproject.toml", "")
        assert project("build").code == 0


def costs_of(spec: str) -> int:
    """The bytes of the only tool of a spec."""
    made = compile_text(spec)
    assert made.program is not None and made.names is not None
    ((tool,),) = [cost.tools for cost in costs(made.program, made.names)]
    return tool.size
