"""The proof of safety as properties of whole specs, hostile text in every position."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cli_support import Project
from compile_support import compile_text, files_of
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_support import examples
from inert import PACKAGE, check_files, literals, shown
from nafgen import format as formatting
from nafgen.compile import Compilation
from nafgen.pycode import doc_text
from nafgen.verify import verify
from spec_strategies import HOSTILE, UNREADABLE, capabilities, written


@pytest.fixture(scope="module")
def without_black() -> Iterator[None]:
    """Layout does not matter to most properties, and takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formatting, "python", str)
        yield


def compiled(spec: Any) -> Compilation:
    made = compile_text(written(spec).decode())
    codes = {found.code for found in made.diagnostics}
    assert codes.isdisjoint({"NAF501", "NAF599"}), codes
    return made


@pytest.mark.usefixtures("without_black")
@examples(150)
@given(capabilities())
def test_a_spec_is_refused_or_inert(spec: dict[str, Any]) -> None:
    made = compiled(spec)
    if made.package is None:
        assert any(found.severity == "error" for found in made.diagnostics)
        return
    assert PACKAGE(made.package.path)
    files = files_of(made)
    check_files(files)
    json.loads(json.dumps(made.package.summary))
    assert files_of(compiled(spec)) == files


@pytest.mark.usefixtures("without_black")
@examples(60)
@given(capabilities())
def test_titles_and_descriptions_are_whole(spec: dict[str, Any]) -> None:
    made = compiled(spec)
    if made.package is None or made.program is None:
        return
    files, info = files_of(made), spec["info"]
    readme = files["README.md"].splitlines()
    label = info.get("label", "")
    printable = doc_text("".join(c if c.isprintable() else " " for c in label))
    if printable:
        assert shown(readme[1][2:]) == printable
    if "app.py" in files and "label" in info:
        assert info["label"] in literals(files["app.py"])
    said = [
        text for path in files if path.endswith(".py") for text in literals(files[path])
    ]
    for adapter in made.program.adapters:
        for unit in getattr(adapter, "tools", ()):
            assert unit.description in said
            assert unit.title in said or not unit.title


# --- on disk -----------------------------------------------------------------------------

file_names = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
    st.sampled_from((*UNREADABLE, "\udcff", "a\n.yaml", "CON", "-rf", "spec.overlay")),
).map(lambda name: name.replace("/", "\N{FRACTION SLASH}").replace("\x00", ""))


def storable(name: str) -> bool:
    """Whether a file can have this name."""
    try:
        return len(os.fsencode(f"{name}.yaml")) < 255
    except UnicodeEncodeError:
        return False


def tree(folder: Path) -> dict[str, bytes]:
    """Every file and link below a folder."""
    paths = sorted(folder.rglob("*"))
    return {
        os.fsencode(path.relative_to(folder)).decode("latin-1"): (
            os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        )
        for path in paths
        if path.is_symlink() or path.is_file()
    }


@examples(12, shrink=False)
@given(
    st.lists(
        st.tuples(file_names.filter(storable), capabilities()), min_size=1, max_size=2
    ),
    st.sampled_from(("json", "sarif", "github", "text", "concise")),
)
def test_nothing_is_written_but_the_package(
    specs: list[tuple[str, dict[str, Any]]], shown_as: str
) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "project")
        folder.mkdir()
        project = Project(folder)
        for name, spec in specs:
            (folder / "specs" / f"{name}.yaml").write_bytes(written(spec))
        before = tree(Path(scratch))
        done = project("build", "-j", "1", "--output-format", shown_as)
        after = tree(Path(scratch))
        assert (
            "Traceback" not in done.out + done.err
            and "NAF599" not in done.out + done.err
        )
        assert done.code in (0, 1)
        check_output(done.out, shown_as)
        assert {path: after.pop(path) for path in before} == before
        assert all(path.startswith("project/generated/") for path in after)
        check_manifests(folder / "generated")
        assert project("build", "-j", "1").code == done.code
        assert tree(folder / "generated") == {
            path.removeprefix("project/generated/"): data
            for path, data in after.items()
        }


def check_output(out: str, shown_as: str) -> None:
    """What a program reads can be read, and says nothing that the spec wants to say."""
    if shown_as in ("json", "sarif"):
        assert isinstance(json.loads(out), dict)
    elif shown_as == "github":
        kinds = ("::error file=", "::warning file=", "::notice file=")
        assert all(line.startswith(kinds) for line in out.splitlines())
    else:
        assert out == ""


def check_manifests(output: Path) -> None:
    """Each package has a manifest that names its files with their hashes, and no others."""
    for path in output.rglob(".nafgen.json") if output.exists() else ():
        folder = path.parent
        if folder == output:
            continue
        manifest = json.loads(path.read_bytes())
        found = {
            file.relative_to(folder).as_posix(): sha256(file.read_bytes()).hexdigest()
            for file in folder.rglob("*")
            if file.is_file() and file != path
        }
        assert manifest["files"] == found


# --- at work -------------------------------------------------------------------------------


@pytest.mark.usefixtures("without_black")
@examples(10)
@given(capabilities())
def test_what_is_compiled_does_what_the_spec_says(spec: dict[str, Any]) -> None:
    made = compiled(spec)
    if made.package is None:
        return
    done = verify(made)
    wrong = [found.message for found in done.differences]
    assert wrong == [], wrong
    called = {"operations": done.operations, "routes": done.routes, "tools": done.tools}
    assert called == {what: made.package.summary[what] for what in called}
