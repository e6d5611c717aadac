"""Templates are compiled once, and what is kept of that is never trusted to be whole."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from nafgen import render
from nafgen.plan import FilePlan, VerbatimView
from nafgen.pycode import Code, Imports

PLAN = FilePlan(
    path="notes.txt", template="verbatim.j2", view=VerbatimView(text=Code("kept\n"))
)


@pytest.fixture(autouse=True)
def keeping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled code is kept, and below a folder of the test."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "kept"))
    monkeypatch.setattr(sys, "dont_write_bytecode", False)


def rendered() -> str:
    """What a new process renders."""
    environment = render._environment.__wrapped__()
    return str(environment.get_template(PLAN.template).render(view=PLAN.view))


def kept(tmp_path: Path) -> list[Path]:
    return sorted(path for path in tmp_path.rglob("*") if path.is_file())


def test_a_compiled_template_is_kept_and_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert rendered() == "kept\n"
    (file,) = kept(tmp_path)
    assert file.name == f"verbatim.j2.{sys.implementation.cache_tag}.pyc"

    def compiled_again(*_: object) -> None:
        raise AssertionError("it was compiled again")

    monkeypatch.setattr("jinja2.Environment.compile", compiled_again)
    assert rendered() == "kept\n"


@pytest.mark.parametrize("length", [0, 1, 20, 60, 200, -1])
def test_a_file_that_is_not_whole_is_replaced(tmp_path: Path, length: int) -> None:
    rendered()
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    file.write_bytes(whole[:length])
    assert rendered() == "kept\n"
    assert kept(tmp_path) == [file]
    assert file.read_bytes() == whole


def test_other_settings_or_another_jinja_replace_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rendered()
    (file,) = kept(tmp_path)
    whole = file.read_bytes()
    monkeypatch.setattr("jinja2.__version__", "9.9")
    assert rendered() == "kept\n"
    assert kept(tmp_path) == [file]
    assert file.read_bytes() != whole


def test_nothing_is_kept_where_python_keeps_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert rendered() == "kept\n"
    assert kept(tmp_path) == []


def test_a_place_that_cannot_be_written_is_left(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("a file, where a folder is needed")
    assert rendered() == "kept\n"
    assert kept(tmp_path) == [tmp_path / "kept"]


def test_rendering_is_the_same(tmp_path: Path) -> None:
    assert render.render(PLAN) == rendered() == rendered()


def test_imports_are_in_one_order() -> None:
    used = [
        ("._runtime.calls", "segment", ""),
        *(("._runtime.calls", "given", f"given_{number}") for number in range(8)),
        ("typing", "Any", ""),
        ("", "httpx", ""),
    ]
    made = set()
    for turn in range(len(used)):
        imports = Imports()
        for module, name, alias in (*used[turn:], *used[:turn]):
            imports.use(module, name, alias)
        made.add(imports.blocks())
    [blocks] = made
    assert [line for block in blocks for line in block][:2] == [
        "from typing import (Any)",
        "import httpx",
    ]
