"""`/scripting` of a control adapter: what it tells of scripts, and changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from compile_support import checked, compile_file, compile_text, files_of
from conftest import ROOT
from nafgen.compile import Compilation
from package_support import imported

CONFORMANCE = ROOT.parent / "shared" / "conformance"
FILES: Final = sorted(CONFORMANCE.rglob("control-scripting-capability.yaml"))
OWN: Final = """\
ikanos: 1.0.0-beta5
info: {display: Harbour, description: Its scripts.}
capability:
  exposes:
  - type: control
    port: 9198
    management:
      scripting:
        enabled: true
        defaultLocation: file:///app/scripts
        defaultLanguage: javascript
        timeout: 3000
        statementLimit: 50000
        allowedLanguages: [javascript, python]
"""
TOLD: Final = {
    "enabled": True,
    "defaultLocation": "file:///app/scripts",
    "defaultLanguage": "javascript",
    "timeout": 3000,
    "allowedLanguages": ["javascript", "python"],
}
SCRIPTED: Final = """\
ikanos: 1.0.0-beta5
info: {display: Harbour, description: Its scripts.}
capability:
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
      twice:
        path: /twice
        operations:
          twice:
            method: GET
            inputParameters: {n: {in: query, type: number, description: A number.}}
            steps:
              twice: {type: script, file: twice.js}
  - type: control
    port: 9198
    management:
      scripting: {defaultLocation: 'file:///./scripts', defaultLanguage: javascript}
"""
TWICE: Final = "if (context.n < 0) for (;;); const result = {twice: context.n * 2};"


def asked(load: Callable[[str], Any], *asked: tuple[str, str, Any]) -> list[Any]:
    """What the apps answer: of a path of the route, else of the control adapter."""

    async def run() -> list[Any]:
        answers = []
        apps = {"/twice": load("app") if has_route else None}
        for method, path, content in asked:
            module = apps.get(path.partition("?")[0]) or load("control")
            transport = httpx.ASGITransport(module.create_app())
            async with httpx.AsyncClient(
                transport=transport, base_url="http://control.test"
            ) as caller:
                data = content if isinstance(content, bytes) else json.dumps(content)
                answers.append(await caller.request(method, path, content=data))
        return answers

    has_route = any(path.startswith("/twice") for _, path, _ in asked)
    return asyncio.run(run())


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of these packages is recorded for the whole process."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda: compile_text(OWN), id="own"),
        *(
            pytest.param(lambda path=path: compile_file(path), id=path.parts[-6])
            for path in FILES
        ),
    ],
)
def test_what_the_spec_says_is_told(
    made: Callable[[], Compilation], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = checked(made())
    with imported(compiled, tmp_path, monkeypatch) as load:
        told, refused, after = asked(
            load,
            ("GET", "/scripting", None),
            ("PUT", "/scripting", {"timeout": 0}),
            ("GET", "/scripting", None),
        )
    stats = {"totalExecutions": 0, "totalErrors": 0, "averageDurationMs": 0}
    assert told.json() == after.json() == {**TOLD, "stats": stats}
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"] == "`timeout` is more than 0 milliseconds"


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        (b"{", 400, "a change is JSON"),
        (b"[" * 100_000, 413, "64 KiB"),
        (b"[" * 60_000, 400, "a change is JSON"),
        ([], 400, "a change is an object"),
        ({"timeout": -1}, 400, "`timeout`"),
        ({"timeout": True}, 400, "`timeout`"),
        ({"timeout": "5"}, 400, "`timeout`"),
        ({"enabled": 1}, 400, "`enabled` is true or false"),
        ({"allowedLanguages": ["groovy"]}, 400, "some of javascript, python"),
        ({"allowedLanguages": "python"}, 400, "some of javascript, python"),
        ({"allowedLanguages": [{}]}, 400, "some of javascript, python"),
        ({"statementLimit": 5}, 400, "enabled, timeout and allowedLanguages"),
        ({"defaultLocation": "file:///etc"}, 400, "enabled, timeout and"),
        ({"enabled": False, "timeout": 0}, 400, "`timeout`"),
    ],
)
def test_a_wrong_change_changes_nothing(
    change: Any,
    status: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with imported(compile_text(OWN), tmp_path, monkeypatch) as load:
        refused, told = asked(
            load, ("PUT", "/scripting", change), ("GET", "/scripting", None)
        )
    assert refused.status_code == status
    assert said in refused.json()["detail"]
    assert {name: told.json()[name] for name in TOLD} == TOLD


@pytest.mark.usefixtures("quiet")
def test_changes_count_for_what_is_run_from_then_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/twice.js").write_text(TWICE, encoding="utf-8")
    (tmp_path / "harbour.yaml").write_text(SCRIPTED, encoding="utf-8")
    made = checked(compile_file(tmp_path / "harbour.yaml"))
    monkeypatch.setenv("SCRIPT_TIMEOUT", "30")
    with imported(made, tmp_path, monkeypatch) as load:
        route = ("GET", "/twice?n=4", None)
        first, off, refused, on, again, python, other, short, late, told = asked(
            load,
            route,
            ("PUT", "/scripting", {"enabled": False}),
            route,
            ("PUT", "/scripting", {"enabled": True}),
            route,
            ("PUT", "/scripting", {"allowedLanguages": ["python"]}),
            route,
            ("PUT", "/scripting", {"allowedLanguages": ["javascript"], "timeout": 150}),
            ("GET", "/twice?n=-1", None),
            ("GET", "/scripting", None),
        )
    assert [a.status_code for a in (off, on, python, short)] == [200] * 4
    assert first.json() == again.json() == {"twice": 8}
    assert "scripts are switched off" in refused.json()["detail"]
    assert "scripts in javascript are switched off" in other.json()["detail"]
    assert "it ran too long" in late.json()["detail"]
    state = told.json()
    assert (state["timeout"], state["allowedLanguages"]) == (150, ["javascript"])
    stats = state["stats"]
    assert (stats["totalExecutions"], stats["totalErrors"]) == (5, 3)
    assert stats["averageDurationMs"] > 0
    assert stats["lastExecutionAt"].startswith("20")


def test_what_is_switched_off_is_told() -> None:
    made = compile_text(OWN.replace("enabled: true", "enabled: false"))
    assert "Scripting(\n    enabled=False," in files_of(made)["control.py"]
    checked(made)


def test_nothing_is_told_of_scripts_where_the_spec_does_not() -> None:
    text = OWN[: OWN.index("    management:")] + "    management: {info: true}\n"
    files = files_of(compile_text(text))
    assert "Scripting" not in files["control.py"]
    assert not [path for path in files if "script" in path]
