"""A spec without a package is compiled again when something has changed, and only then."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from pathlib import Path

import nafgen.compile
import pytest
from cli_support import PARTIAL, PHOTOS, REFUSED, Project

# Imports what is in another file, which has to be a spec.
IMPORTING = PHOTOS.replace(
    "consumes:\n", "consumes:\n  - {import: other, location: ./other.yml}\n", 1
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path)
    project.write("pyproject.toml", "[tool.nafgen]\n")
    project.write("specs/bad.yaml", REFUSED)
    project.write("specs/photos.yaml", PHOTOS)
    return project


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The specs that are compiled from now on."""
    names: list[str] = []
    compile_spec = nafgen.compile.compile_spec

    def counted(*given: object, **named: object) -> object:
        names.append(given[0].shown)  # type: ignore[attr-defined]
        return compile_spec(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(nafgen.compile, "compile_spec", counted)
    return names


def memory(project: Project) -> Path:
    return project.folder / "generated" / ".nafgen_cache"


def records(project: Project) -> list[Path]:
    return sorted(memory(project).glob("*.json"))


def report(project: Project) -> tuple[int, object]:
    run = project("build", "--output-format", "json", "-j1")
    return run.code, json.loads(run.out)["specs"]


def test_a_refused_spec_is_compiled_once(project: Project, compiled: list[str]) -> None:
    first = project("build", "-j1")
    assert first.codes == [("specs/bad.yaml", "NAF005")]
    assert sorted(compiled) == ["specs/bad.yaml", "specs/photos.yaml"]
    compiled.clear()
    again = project("build", "-j1")
    assert (again.code, again.codes) == (1, first.codes)
    assert again.err.replace("unchanged", "built") == first.err
    assert compiled == []
    assert json.loads(records(project)[0].read_text())["spec"] == "bad.yaml"
    assert (memory(project) / ".gitignore").read_text().splitlines()[-1] == "*"


def test_a_report_is_the_same_without_it(project: Project) -> None:
    project.write("specs/partial.yaml", PARTIAL.replace("photos-mcp", "other"))
    project("build", "-j1")
    remembered = report(project)
    for path in records(project):
        path.unlink()
    assert report(project) == remembered
    assert report(project) == remembered


def change_spec(project: Project) -> None:
    project.write("specs/bad.yaml", f"# Changed.\n{REFUSED}")


def add_overlay(project: Project) -> None:
    project.write("specs/bad.overlay.yaml", "overlay: 1.0.0\n")


def change_rules(project: Project) -> None:
    project.write("pyproject.toml", "[tool.nafgen]\nbuiltin-hosts = false\n")


def other_nafgen(project: Project) -> None:
    (path,) = records(project)
    path.write_text(path.read_text().replace('"fingerprint": "', '"fingerprint": "0'))


@pytest.mark.parametrize(
    "change", [change_spec, add_overlay, change_rules, other_nafgen]
)
def test_a_change_counts(
    project: Project, compiled: list[str], change: Callable[[Project], None]
) -> None:
    project("build", "-j1")
    compiled.clear()
    change(project)
    project("build", "-j1")
    assert "specs/bad.yaml" in compiled


def test_a_corrected_spec_is_built(project: Project) -> None:
    project("build", "-j1")
    project.write("specs/bad.yaml", PHOTOS)
    assert project("build", "-j1").code == 0
    assert (project.folder / "generated/bad/client.py").is_file()
    assert records(project) == []


def test_an_imported_file_is_an_input(project: Project, compiled: list[str]) -> None:
    (project.folder / "specs/bad.yaml").unlink()
    text = IMPORTING.partition("  - type: http\n")[0]
    project.write("specs/importing.yaml", text)
    project("build", "-j1")
    compiled.clear()
    project("build", "-j1")
    assert compiled == []
    project.write("specs/other.yml", REFUSED)
    project("build", "specs/importing.yaml", "-j1")
    assert compiled == ["specs/importing.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "\x00", '"text"', "[" * 100_000, "1" * 5_000),
        '{"nafgen": 1}',
    ],
    ids=range(9),
)
def test_what_is_no_record_says_nothing(project: Project, text: str) -> None:
    project("build", "-j1")
    expected = report(project)
    (path,) = records(project)
    path.write_text(text)
    assert report(project) == expected
    assert report(project) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tools", "many"),
        ("left_out", 1),
        ("left_out", [1]),
        ("left_out", [{"kind": "tool"}]),
        ("held", 1),
        ("held", [1]),
        ("diagnostics", 1),
        ("diagnostics", [1]),
        ("diagnostics", [{}]),
    ],
)
def test_what_is_wrong_in_a_record_says_nothing(
    project: Project, key: str, value: object
) -> None:
    project("build", "-j1")
    expected = report(project)
    (path,) = records(project)
    record = json.loads(path.read_text())
    record["summary"][key] = value
    path.write_text(json.dumps(record))
    assert report(project) == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("file", "../pyproject.toml"),
        ("file", "/etc/passwd"),
        ("code", "NAF000"),
        ("line", "one"),
        ("related", [{"message": "", "file": "/etc/passwd", **dict.fromkeys(
            ("line", "column", "end_line", "end_column"), 1)}]),
    ],
)  # fmt: skip
def test_a_record_shows_no_other_file(
    project: Project, key: str, value: object
) -> None:
    project("build", "-j1")
    expected = project("build", "-j1")
    (path,) = records(project)
    record = json.loads(path.read_text())
    (found,) = record["summary"]["diagnostics"]
    found[key] = value
    record["inputs"]["../../../../../../../../etc/passwd"] = ""
    path.write_text(json.dumps(record))
    assert project("build", "-j1") == expected


def test_a_link_is_not_followed(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    memory(project).parent.mkdir()
    memory(project).symlink_to(elsewhere)
    first = project("build", "-j1")
    assert project("build", "-j1").codes == first.codes
    assert list(elsewhere.iterdir()) == []


def test_a_place_that_cannot_be_written_is_left(project: Project) -> None:
    memory(project).parent.mkdir()
    memory(project).write_text("a file, where a folder is needed")
    first = project("build", "-j1")
    assert project("build", "-j1").codes == first.codes
    assert memory(project).is_file()


def test_a_spec_that_cannot_be_read_is_tried_again(
    project: Project, compiled: list[str]
) -> None:
    bad = project.folder / "specs/bad.yaml"
    bad.unlink()
    bad.symlink_to("nothing.yaml")
    assert project("build", "-j1").codes == [("specs/bad.yaml", "NAF001")]
    compiled.clear()
    project("build", "-j1")
    assert compiled == ["specs/bad.yaml"]


@pytest.mark.parametrize("arguments", [("build", "--check"), ("validate",)])
def test_nothing_is_kept_where_nothing_is_written(
    project: Project, arguments: tuple[str, ...]
) -> None:
    project(*arguments, "-j1")
    assert not memory(project).exists()


def test_nothing_is_kept_where_all_is_well(project: Project) -> None:
    (project.folder / "specs/bad.yaml").unlink()
    assert project("build", "-j1").code == 0
    assert {path.name for path in project.folder.iterdir()} == {
        *("generated", "pyproject.toml", "specs"),
    }


def test_a_check_believes_no_record(project: Project, compiled: list[str]) -> None:
    project("build", "-j1")
    compiled.clear()
    project("build", "--check", "-j1")
    assert sorted(compiled) == ["specs/bad.yaml", "specs/photos.yaml"]


def test_one_change_compiles_one_spec(project: Project, compiled: list[str]) -> None:
    for number in range(5):
        project.write(f"specs/more-{number}.yaml", PHOTOS)
    project("build", "-j1")
    compiled.clear()
    project.write("specs/more-3.yaml", f"{PHOTOS}\n# Changed.\n")
    before = project.times
    project("build", "-j1")
    assert compiled == ["specs/more-3.yaml"]
    written = {path for path, time in project.times.items() if before[path] != time}
    assert {Path(path).relative_to(project.folder).as_posix() for path in written} == {
        "generated/more_3",
        "generated/more_3/.nafgen.json",
    }


def test_a_full_disk_leaves_nothing_behind(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Path, target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        bad = project("build", "specs/bad.yaml", "-j1")
    validated = project("validate", "specs/bad.yaml", "-j1").codes
    assert bad.codes == [*validated, ("generated/.gitattributes", "NAF603")]
    assert [path.name for path in memory(project).iterdir()] == [".gitignore"]
