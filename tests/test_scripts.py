"""Steps that run scripts: in routes and tools, with requests around them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import pytest
from cli_support import Project
from compile_support import checked, compile_file, files_of
from conftest import ROOT
from mcp import Client
from msgspec.structs import replace
from nafgen.compile import Compilation
from nafgen.program import CallStep, ScriptStep
from nafgen.verify import verify
from package_support import imported
from runtime_support import Exchange, serving, upstream

SHIPS: Final = [
    {"name": "Star", "tonnage": 42000},
    {"name": "Gull", "tonnage": 900},
    {"name": "Bear", "tonnage": 1000},
]
SPEC: Final = """\
naftiko: 1.0.0-alpha2
info: {label: Harbour, description: Counts ships.}
capability:
  consumes:
  - type: http
    namespace: registry
    baseUri: https://registry.test
    resources:
    - path: /ships
      operations:
      - {name: list-ships, method: GET}
      - {name: add-ship, method: POST, body: {type: json, data: '{"name": "{{name}}"}'}}
    - path: /crews
      operations:
      - {name: list-crews, method: GET}
    - path: /flags
      operations:
      - {name: flag, method: GET, outputRawFormat: binary}
  exposes:
  - type: mcp
    namespace: agent
    port: 9090
    description: Tools.
    tools:
"""
TOOL: Final = """\
    - name: NAME
      description: Does it.
      inputParameters:
      - {name: least, type: number, description: The least., required: false}
      steps:
"""


class Registry:
    """The API of the specs here; it notes what it is asked for."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, Any]] = []

    def __call__(self, exchange: Exchange) -> None:
        length = int(exchange.headers.get("content-length", "0"))
        body = json.loads(exchange.rfile.read(length) or "null")
        self.requests.append((exchange.command, exchange.path, body))
        answer = SHIPS if exchange.path.startswith("/ships") else {"ok": True}
        exchange.answer(json.dumps(answer).encode(), content_type="application/json")


@contextmanager
def running(
    made: Compilation, api: Registry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[str], Any]]:
    with (
        upstream(api) as url,
        imported(made, folder, monkeypatch, REGISTRY_BASE_URL=url) as load,
    ):
        yield load


def call_tool(load: Callable[[str], Any], name: str, **arguments: Any) -> Any:
    async def called() -> Any:
        async with Client(load("mcp_server").create_server()) as client:
            return await client.call_tool(name, arguments)

    return anyio.run(called)


def harbour(folder: Path, tools: dict[str, str], **scripts: str) -> Compilation:
    """A capability with tools, whose scripts are beside it."""
    text = SPEC
    for name, steps in tools.items():
        text += TOOL.replace("NAME", name) + steps
    for name, script in scripts.items():
        file = folder / "scripts" / name.replace("_", ".")
        file.parent.mkdir(exist_ok=True)
        file.write_text(script, encoding="utf-8", newline="")
    (folder / "harbour.yaml").write_text(text, encoding="utf-8")
    return compile_file(folder / "harbour.yaml")


def script(name: str, file: str, more: str = "") -> str:
    language = "python" if file.endswith(".py") else "javascript"
    return (
        f"      - {{type: script, name: {name}, file: {file}, language: {language},"
        f' location: "file:///./scripts"{more}}}\n'
    )


def call(name: str, operation: str, more: str = "") -> str:
    return f"      - {{type: call, name: {name}, call: registry.{operation}{more}}}\n"


@pytest.fixture(scope="module")
def case() -> Compilation:
    return compile_file(ROOT / "tests/cases/scripts/spec.yaml", "scripts.yaml")


def test_a_route_and_a_tool_filter_and_add_up(
    case: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list is filtered by a threshold, and its totals use a dependency."""
    api = Registry()
    wanted = {
        "ships": [
            {"name": "Star", "weight": "42000 t"},
            {"name": "Bear", "weight": "1000 t"},
        ],
        "total": 43000,
        "number": 2,
    }
    with running(case, api, tmp_path, monkeypatch) as load:
        tool = call_tool(load, "large-ships", minimum=1000, status="active")
        with serving(load("app").create_app()) as app:
            route = httpx.get(f"{app}/ships/large", params={"minimum": 1000})
    assert (tool.is_error, tool.structured_content) == (False, wanted)
    assert (route.status_code, route.json()) == (200, wanted)
    assert [path for _, path, _ in api.requests] == ["/ships?status=active", "/ships"]


def test_a_script_that_throws_stops_what_comes_after(
    case: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = Registry()
    with running(case, api, tmp_path, monkeypatch) as load:
        booked = call_tool(load, "charge", tonnage=1000)
        done = list(api.requests)
        refused = call_tool(load, "charge", tonnage=-1000)
    assert booked.structured_content == {"fee": 250}
    assert done == [("POST", "/fees", {"amount": 250})]
    assert refused.is_error
    said = refused.content[0].text
    assert "the step check failed" in said
    assert "RangeError: a ship has no negative tonnage" in said
    assert api.requests == done


def test_a_route_says_which_script_failed(
    case: Compilation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def empty(exchange: Exchange) -> None:
        exchange.answer(b'{"none": 1}', content_type="application/json")

    with (
        upstream(empty) as url,
        imported(case, tmp_path, monkeypatch, REGISTRY_BASE_URL=url) as load,
        serving(load("app").create_app()) as app,
    ):
        got = httpx.get(f"{app}/ships/large", params={"minimum": 1})
        monkeypatch.setenv("SCRIPTING", "false")
        off = httpx.get(f"{app}/ships/large", params={"minimum": 1})
    assert (got.status_code, got.json()["step"]) == (422, "large")
    assert got.headers["content-type"] == "application/problem+json"
    assert (
        "context.ships.filter is not a function" in got.text or "not a fun" in got.text
    )
    assert off.status_code == 500
    assert "scripts are switched off" in off.json()["detail"]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("keys.js", "const result = Object.keys(context).sort();"),
        ("keys.py", "result = sorted(context)"),
    ],
)
def test_what_a_script_is_given(
    file: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Inputs, results before it and `with`; nothing that is absent, later or bytes."""
    made = harbour(
        tmp_path,
        {
            "keys": call("ships", "list-ships")
            + call("flag", "flag")
            + script("none", "none.js")
            + script(
                "keys", file, ", with: {fixed: 1, of: $.ships, wanted: agent.least}"
            )
            + call("crews", "list-crews")
            + "      mappings: [{targetName: keys, value: $.keys}]\n",
        },
        **{file: text, "none.js": "const nothing = 1;"},
    )
    with running(made, Registry(), tmp_path, monkeypatch) as load:
        all_ = call_tool(load, "keys", least=5)
        least = call_tool(load, "keys")
    given = ["fixed", "least", "of", "ships", "wanted"]
    assert all_.structured_content == {"keys": given}
    assert least.structured_content == {"keys": ["fixed", "of", "ships"]}


def test_a_missing_result_is_not_there_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checked(
        harbour(
            tmp_path,
            {
                "add": script("none", "none.js")
                + call("added", "add-ship", ', with: {name: "{{none}}"}')
                + "      mappings: [{targetName: none, value: $.none},"
                " {targetName: part, value: $.none.part}]\n",
            },
            **{"none.js": "const nothing = 1;"},
        )
    )
    api = Registry()
    with running(made, api, tmp_path, monkeypatch) as load:
        got = call_tool(load, "add")
    assert got.structured_content == {"none": None, "part": None}
    assert api.requests == [("POST", "/ships", None)]  # a member that is absent


def test_a_script_alone_answers_what_it_makes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = checked(
        harbour(
            tmp_path,
            {"double": script("double", "double.py")},
            **{"double.py": "result = {'twice': context.get('least', 0) * 2}"},
        )
    )
    assert made.program is not None
    [adapter] = made.program.adapters
    [tool] = adapter.tools  # type: ignore[union-attr]
    assert tool.hints.read_only
    with running(made, Registry(), tmp_path, monkeypatch) as load:
        got = call_tool(load, "double", least=4)
    assert got.structured_content == {"twice": 8}


def test_calls_around_a_script_that_they_do_not_need_are_made_at_once(
    tmp_path: Path,
) -> None:
    """A script waits for the reads around it, and writes wait for the script."""
    made = harbour(
        tmp_path,
        {
            "all": call("ships", "list-ships")
            + script("count", "count.js")
            + call("crews", "list-crews")
            + call("added", "add-ship", ", with: {name: agent.least}")
        },
        **{"count.js": "const result = context.ships.length;"},
    )
    assert made.program is not None
    [flow] = made.program.flows
    batches = [[step.name for step in batch] for batch in flow.batches]
    assert batches == [["ships", "crews"], ["count"], ["added"]]
    assert [type(step) for step in flow.steps].count(ScriptStep) == 1
    assert isinstance(flow.steps[0], CallStep)
    assert flow.method == "POST"


def test_verification_finds_a_script_that_was_changed(case: Compilation) -> None:
    """What the package makes is compared with what the engine makes of the spec's text."""
    assert case.package is not None
    files = tuple(
        (
            replace(file, data=file.data.replace(b">=", b"<"))
            if file.path == "_scripts/filter.js"
            else file
        )
        for file in case.package.files
    )
    changed = replace(case, package=replace(case.package, files=files))
    found = [one.message for one in verify(changed).differences]
    assert any("body" in message or "text" in message for message in found), found


CONTROL: Final = """\
  - type: control
    port: 9091
    management:
      scripting:
        defaultLocation: file:///./scripts
        defaultLanguage: python
        timeout: 250
"""


def test_a_control_adapter_says_what_steps_leave_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = "      - {type: script, name: endless, file: endless.py}\n"
    made = harbour(
        tmp_path,
        {"endless": steps + CONTROL},
        **{"endless.py": "while True:\n    pass"},
    )
    assert "timeout=0.25" in files_of(made)["flows.py"]
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")  # it would be so in all later tests
    with running(made, Registry(), tmp_path, monkeypatch) as load:
        got = call_tool(load, "endless")
    assert got.is_error
    assert "the step endless failed" in got.content[0].text
    assert "it ran too long" in got.content[0].text


def test_files_are_copied_as_data(tmp_path: Path) -> None:
    made = harbour(
        tmp_path,
        {
            "one": script("one", "one.js") + script("other", "lib/one.js"),
            "two": script("two", "type.py"),
        },
        **{
            "one.js": "\ufeff// é\r\nconst result = `a\r\nb`;\r\n",
            "type.py": "import os",
        },
    )
    assert made.package is None or "one" not in made.package.summary  # lib is missing
    (tmp_path / "scripts/lib").mkdir()
    (tmp_path / "scripts/lib/one.js").write_text("result = 2", encoding="utf-8")
    files = files_of(compile_file(tmp_path / "harbour.yaml"))
    scripts = {path: text for path, text in files.items() if "_scripts" in path}
    assert scripts == {
        "_scripts/one.js": "// é\nconst result = `a\nb`;\n",
        "_scripts/one_lib.js": "result = 2",
        "_scripts/type.py.txt": "import os",
    }
    assert "quickjs-ng" in files["README.md"] and "pydantic-monty" in files["README.md"]


def test_a_script_of_an_imported_flow_is_beside_what_is_imported(
    tmp_path: Path,
) -> None:
    """Both files name `scripts/one.js`, each the one beside itself."""
    project = Project(tmp_path)
    project.write("specs/scripts/one.js", "const result = 'own';")
    project.write("specs/shared/scripts/one.js", "const result = 'shared';")
    project.write(
        "specs/shared/flows.yaml",
        "naftiko: 1.0.0-alpha2\naggregates:\n- label: Shared\n  namespace: shared\n"
        "  functions:\n  - name: imported\n    description: One.\n    steps:\n"
        + script("one", "one.js").replace("      - ", "    - "),
    )
    tools = TOOL.replace("NAME", "own") + script("one", "one.js")
    tools += "    - {name: imported, ref: shared.imported}\n"
    aggregates = "  aggregates:\n  - {from: shared/flows.yaml, import: shared}\n"
    text = SPEC.replace("  exposes:\n", f"{aggregates}  exposes:\n") + tools
    project.write("specs/harbour.yaml", text)
    run = project("build", "specs/harbour.yaml")
    assert run.code == 0, run.err
    names = ("one.js", "one_2.js")
    folder = "generated/harbour/_scripts"
    made = {project.read(f"{folder}/{name}") for name in names}
    assert made == {"const result = 'own';", "const result = 'shared';"}


def test_packages_without_scripts_know_nothing_of_them(tmp_path: Path) -> None:
    made = harbour(tmp_path, {"ships": call("ships", "list-ships")})
    assert not [path for path in files_of(made) if "script" in path]
    assert "quickjs" not in files_of(made)["README.md"]


@pytest.mark.parametrize("data", [b"// Caf\xe9\n", b"a\0b", b"//" + b"x" * 262_144])
def test_what_is_no_text_or_too_large_is_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/one.js").write_bytes(data)
    made = harbour(tmp_path, {"one": script("one", "one.js")})
    assert [found.code for found in made.diagnostics] == ["NAF214"]
    assert [unit.code for unit in made.left_out] == ["NAF214"]


def test_builds_follow_the_files_and_links_lead_nowhere(tmp_path: Path) -> None:
    """A build that changes nothing sees a changed script, and a link out of the folder."""
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    project.write("specs/scripts/one.js", "const result = 1;\n")
    tool = TOOL.replace("NAME", "one") + script("one", "one.js")
    project.write("specs/harbour.yaml", SPEC + tool)
    assert project("build").code == 0
    assert project("build", "--check").code == 0
    project.write("specs/scripts/one.js", "const result = 2;\n")
    assert project("build", "--check").code == 1
    assert project("build").code == 0
    assert project.read("generated/harbour/_scripts/one.js") == "const result = 2;\n"
    outside = tmp_path / "secret.js"
    outside.write_text("const result = 'secret';", encoding="utf-8")
    inside = tmp_path / "project/specs/scripts/one.js"
    inside.unlink()
    inside.symlink_to(outside)
    run = project("build")
    assert "NAF503" in run.err
    assert not [path for path in project.generated if "_scripts" in str(path)]
