"""What speed depends on, counted: files read, formatters called, models and clients made."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import httpx
import pytest
from cli_support import CHANGED, PHOTOS, REFUSED, Project
from compile_support import compile_file, compile_text
from conftest import ROOT
from fastapi.routing import APIRoute
from nafgen import discover, disk, render
from nafgen import format as formatting
from nafgen.files import contents
from package_support import imported
from runtime_support import Exchange, serving, upstream


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("pyproject.toml", "[tool.nafgen]\n")
    for number in range(5):
        project.write(f"specs/photos{number}.yaml", PHOTOS)
    project.write("specs/refused.yaml", REFUSED)
    project("build", "-q", "-j1")
    return project


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each file is read from now on, by its name in the project."""
    found: Counter[str] = Counter()

    def counted(path: str) -> bytes:
        found[path] += 1
        return contents(path)

    for module in (discover, disk):
        monkeypatch.setattr(module, "contents", counted)
    return found


def test_a_build_without_a_change_reads_each_file_once(
    project: Project, read: Counter[str]
) -> None:
    project("build", "-q", "-j1")
    packages = {path for path in read if "/generated/" in path}
    written = {path for path in project.times if Path(path).is_file()}
    assert packages == written
    assert {path for path in read if path.startswith("specs/")} >= {
        *(f"specs/photos{number}.yaml" for number in range(5)),
        "specs/refused.yaml",
    }
    assert set(read.values()) == {1}


def test_one_changed_spec_is_compiled_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered: Counter[str] = Counter()
    original = render.render

    def counted(plan: render.FilePlan) -> str:
        rendered[plan.path] += 1
        return original(plan)

    monkeypatch.setattr(render, "render", counted)
    project.write("specs/photos3.yaml", CHANGED)
    project("build", "-q", "-j1")
    # Twice, for the file and for its twin; other files are copied or have no twin.
    assert rendered["app.py"] == rendered["client.py"] == 2
    assert max(rendered.values()) == 2


def test_black_is_asked_about_comments_in_brackets_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []
    by_black = formatting.by_black

    def counted(text: str) -> str:
        asked.append(text)
        return by_black(text)

    monkeypatch.setattr(formatting, "by_black", counted)
    for path in sorted((ROOT / "specs").glob("*.yaml")):
        if "overlay" not in path.name:
            assert compile_file(path).package is not None
    assert all("(\n    # capability" in each for each in asked), asked
    assert len(asked) < 3


def test_routes_are_made_when_they_are_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one session, one connection and one request upstream serve each of them."""
    made: list[str] = []
    opened: list[object] = []
    init = APIRoute.__init__
    connections: set[int] = set()
    asked: list[str] = []

    def counted(self: APIRoute, path: str, *given: object, **named: object) -> None:
        made.append(path)
        init(self, path, *given, **named)  # type: ignore[arg-type]

    def answer(exchange: Exchange) -> None:
        connections.add(exchange.client_address[1])
        asked.append(exchange.path)
        exchange.answer(b'{"id": 1}', content_type="application/json")

    monkeypatch.setattr(APIRoute, "__init__", counted)
    with (
        upstream(answer) as url,
        imported(
            compile_text(PHOTOS), tmp_path, monkeypatch, PHOTOS_BASE_URL=url
        ) as load,
        serving(load("app").create_app()) as app,
    ):
        transport = load("_runtime.aiohttp_transport").AiohttpTransport
        open_ = transport._opened

        def counted_sessions(self: object) -> object:
            opened.append(self)
            return open_(self)

        monkeypatch.setattr(transport, "_opened", counted_sessions)
        assert made == []
        for _ in range(3):
            assert httpx.get(f"{app}/albums/a").json() == {"id": 1}
    assert made == ["/albums/{album_id}"]
    assert len(asked) == 3
    assert (len(opened), len(connections)) == (1, 1)
