"""What `--check`, `--diff` and the output formats print, and that they write nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_support import CHANGED, PARTIAL, PHOTOS, REFUSED, Project, environment
from conftest import ROOT
from nafgen import report
from nafgen.diagnostics import CODES, Diagnostic, Span
from nafgen.manifest import digest

CLIENT = "generated/photos/client.py"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path, photos=PHOTOS)


@pytest.fixture
def built(project: Project) -> Project:
    assert project("build").code == 0
    return project


@pytest.mark.parametrize("flag", ["--check", "--diff"])
class TestCheck:
    """Each kind of difference has its code; no file is touched."""

    def test_up_to_date(self, built: Project, flag: str) -> None:
        run = built("build", flag)
        assert (run.code, run.out, run.err) == (0, "", "1 spec: 1 unchanged\n")

    def test_nothing_is_built(self, project: Project, flag: str) -> None:
        run = project("build", flag)
        assert run.code == 1
        assert {code for _, code in run.codes} == {"NAF611"}
        assert ("generated/.gitattributes", "NAF611") in run.codes
        assert (CLIENT, "NAF611") in run.codes
        assert run.err.endswith("1 spec: 1 out of date\n")
        assert not (project.folder / "generated").exists()

    def test_missing_file(self, built: Project, flag: str) -> None:
        (built.folder / CLIENT).unlink()
        self.expect(built, flag, [(CLIENT, "NAF611")])

    def test_changed_spec(self, built: Project, flag: str) -> None:
        built.write("specs/photos.yaml", CHANGED)
        run = built("build", flag)
        assert run.code == 1
        assert {code for _, code in run.codes} == {"NAF612"}
        assert (CLIENT, "NAF612") in run.codes
        assert "out of date: the spec changed (photos.yaml)" in run.err

    def test_hand_edit(self, built: Project, flag: str) -> None:
        built.edit(CLIENT)
        self.expect(built, flag, [(CLIENT, "NAF602")])

    def test_hand_edit_with_its_hash(self, built: Project, flag: str) -> None:
        """A manifest that was edited too does not hide the edit of a file."""
        old = (built.folder / CLIENT).read_bytes()
        built.edit(CLIENT)
        new = (built.folder / CLIENT).read_bytes()
        manifest = built.read("generated/photos/.nafgen.json")
        hidden = manifest.replace(digest(old), digest(new))
        assert hidden != manifest
        built.write("generated/photos/.nafgen.json", hidden)
        run = built("build", flag)
        assert (run.code, run.codes) == (1, [(CLIENT, "NAF612")])

    def test_extra_file(self, built: Project, flag: str) -> None:
        built.write("generated/photos/extra.py", "mine = 1\n")
        run = built("build", flag)
        assert run.code == 1
        assert run.codes == [("generated/photos/extra.py", "NAF613")]

    def test_left_over_package(self, built: Project, flag: str) -> None:
        (built.folder / "specs/photos.yaml").unlink()
        run = built("build", flag)
        assert run.code == 1
        assert ("generated/photos/.nafgen.json", "NAF613") in run.codes
        assert run.err.endswith("0 specs: 1 left over\n")
        assert built.packages == {"photos"}

    def test_all_at_once(self, built: Project, flag: str) -> None:
        for name in ("a", "b", "c"):
            built.write(f"specs/{name}.yaml", PHOTOS)
        built("build")
        before = built.times
        built.write("specs/a.yaml", CHANGED)
        built.edit("generated/b/client.py")
        (built.folder / "generated/c/client.py").unlink()
        (built.folder / "specs/photos.yaml").unlink()
        run = built("build", flag)
        codes = dict(run.codes)
        assert codes["generated/a/client.py"] == "NAF612"
        assert codes["generated/b/client.py"] == "NAF602"
        assert codes["generated/c/client.py"] == "NAF611"
        assert codes["generated/photos/.nafgen.json"] == "NAF613"
        del before[str(built.folder / "generated/c/client.py")]
        before[str(built.folder / "generated/b/client.py")] = built.times[
            str(built.folder / "generated/b/client.py")
        ]
        folders = {path for path in before if Path(path).is_dir()}
        assert {p: t for p, t in built.times.items() if p not in folders} == {
            p: t for p, t in before.items() if p not in folders
        }

    def test_findings_of_the_spec_count(self, built: Project, flag: str) -> None:
        built.write("specs/photos.yaml", PARTIAL)
        assert built("build").code == 1
        run = built("build", flag)
        assert (run.code, run.codes) == (1, [("specs/photos.yaml", "NAF204")])
        assert run.out == ""

    def expect(self, project: Project, flag: str, codes: list[tuple[str, str]]) -> None:
        before = project.times
        run = project("build", flag)
        assert (run.code, run.codes) == (1, codes)
        assert project.times == before


class TestDiff:
    def test_git_applies_it(self, built: Project) -> None:
        """What is printed, applied, is what a build would have done."""
        built.write("specs/old.yaml", PHOTOS)
        built("build")
        (built.folder / "specs/old.yaml").unlink()
        built.write("specs/new.yaml", PHOTOS.replace("One", "Größe · 写真"))
        built.write("specs/photos.yaml", CHANGED)
        built.edit(CLIENT)
        run = built("build", "--diff", "--discard-edits")
        assert run.code == 1
        assert "\n--- a/photos/client.py\n+++ b/photos/client.py\n" in run.out
        assert "NAF" not in run.out
        subprocess.run(
            ["git", "apply", "--directory=generated", "-"],
            cwd=built.folder,
            input=run.out.encode(),
            env=environment(GIT_CEILING_DIRECTORIES=str(built.folder.parent)),
            check=True,
        )
        after = built("build", "--check")
        assert (after.code, after.codes) == (0, [])

    def test_check_prints_none(self, project: Project) -> None:
        assert project("build", "--check").out == ""


class TestFormats:
    @pytest.fixture
    def partial(self, tmp_path: Path) -> Project:
        return Project(tmp_path, photos=PARTIAL)

    def test_text(self, partial: Project) -> None:
        run = partial("validate")
        assert run.code == 1
        assert run.err.splitlines()[:5] == [
            'specs/photos.yaml:42:13: error[NAF204]: operation "photos.get-albun" is not defined',
            "  42 |       call: photos.get-albun",
            "     |             ^^^^^^^^^^^^^^^^",
            "  specs/photos.yaml:15:9: `get-album` is defined here",
            "  hint: did you mean `get-album`?",
        ]
        assert run.out == ""

    def test_concise(self, partial: Project) -> None:
        run = partial("validate", "--output-format", "concise")
        assert run.err.splitlines() == [
            'specs/photos.yaml:42:13: error[NAF204]: operation "photos.get-albun" is'
            " not defined (did you mean `get-album`?)",
            "1 spec: 1 compiled in part",
        ]

    def test_github(self, partial: Project) -> None:
        run = partial("validate", "--output-format", "github")
        assert run.out == (
            "::error file=specs/photos.yaml,line=42,col=13,title=NAF204::"
            'operation "photos.get-albun" is not defined. did you mean `get-album`?\n'
        )

    def test_github_escapes(self) -> None:
        span = Span.whole("50%,a:b\n.yaml")
        found = Diagnostic(code="NAF412", message="100%\r\n\x85::x", span=span)
        assert report.github(found) == (
            "::notice file=50%25%2Ca%3Ab%0A.yaml,line=1,col=1,title=NAF412::"
            "100%25\\r\\n\\x85::x"
        )

    def test_people_see_no_control_characters(self) -> None:
        span = Span("a\x1b[2J.yaml", 1, 4, 1, 6)
        found = Diagnostic(code="NAF001", message="b\x1b]0;", span=span, hint="c\r")
        shown = report.text(found, lambda _file, _line: "\x07\t \x9bxy", colour=False)
        assert shown == "\n".join(
            [
                "a\\x1b[2J.yaml:1:4: error[NAF001]: b\\x1b]0;",
                "  1 | \\x07\\t \\x9bxy",
                "    |        ^^^^^",
                "  hint: c\\r",
            ]
        )
        assert report.concise(found).isprintable()

    @pytest.mark.parametrize(
        ("span", "caret"),
        [
            (Span("a", 7, 1, 7, 4), "^^^"),
            (Span("a", 7, 4, 7, 4), "   ^"),
            (Span("a", 7, 3, 9, 2), "  ^"),
            (Span("a", 7, 2, 7, 99), " ^^"),
        ],
        ids=["word", "point", "over lines", "beyond"],
    )
    def test_caret(self, span: Span, caret: str) -> None:
        found = Diagnostic(code="NAF001", message="m", span=span)
        shown = report.text(found, lambda _file, _line: "abc", colour=False)
        assert shown.splitlines()[1:] == ["  7 | abc", f"    | {caret}"]

    def test_a_whole_file_has_no_excerpt(self, built: Project) -> None:
        built.edit(CLIENT)
        lines = built("build", "--check").err.splitlines()
        assert lines[0].startswith(f"{CLIENT}:1:1: error[NAF602]: ")
        assert lines[1].startswith("  hint: ")

    @pytest.mark.parametrize("colours", [True, False])
    def test_colour(self, partial: Project, colours: bool) -> None:
        """On a terminal only, and not with NO_COLOR."""
        shown = _on_terminal(partial.folder, "" if colours else "1")
        assert (b"\x1b[1;31merror[NAF204]\x1b[0m" in shown) is colours
        assert b"NAF204" in shown
        assert "\x1b" not in partial("validate").err


def _on_terminal(folder: Path, no_color: str) -> bytes:
    main, other = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "nafgen", "validate"],
        cwd=folder,
        env=environment(NO_COLOR=no_color, TERM="xterm"),
        stdout=other,
        stderr=other,
    ) as process:
        assert process.wait(60) == 1
    os.close(other)
    shown = os.read(main, 100_000)
    os.close(main)
    return shown


def keys(value: Any) -> Iterator[str]:
    """The keys of all objects in a JSON value."""
    if isinstance(value, dict):
        yield from value
        value = list(value.values())
    for member in value if isinstance(value, list) else ():
        yield from keys(member)


class TestJson:
    def build(self, project: Project, *arguments: str, code: int = 0) -> dict[str, Any]:
        run = project("build", "--output-format", "json", *arguments)
        assert run.code == code
        assert run.err == ""
        found = run.json
        assert list(found) == ["specs", "summary", "diff"]
        assert isinstance(found, dict)
        return found

    def test_built(self, project: Project) -> None:
        found = self.build(project)
        assert found["specs"] == [
            {
                "spec": "specs/photos.yaml",
                "package": "photos",
                "status": "built",
                "operations": 1,
                "routes": 1,
                "tools": 1,
                "resources": 0,
                "prompts": 0,
                "called": {},
                "left_out": [],
                "diagnostics": [],
            }
        ]
        assert found["summary"] == {
            "built": 1,
            "unchanged": 0,
            "partial": 0,
            "refused": 0,
            "removed": 0,
            "operations": 1,
            "routes": 1,
            "tools": 1,
            "resources": 0,
            "prompts": 0,
            "called": {},
            "codes": {},
            "diagnostics": [],
        }
        assert self.build(project)["specs"][0]["status"] == "unchanged"

    def test_partial_and_refused(self, project: Project) -> None:
        project.write("specs/photos.yaml", PARTIAL)
        project.write("specs/bad.yaml", REFUSED)
        first = self.build(project, code=1)
        bad, partial = first["specs"]
        assert (bad["status"], bad["operations"]) == ("refused", 0)
        assert (partial["status"], partial["tools"]) == ("partial", 0)
        left_out = {"kind": "tool", "name": "show-album", "code": "NAF204"}
        assert partial["left_out"] == [left_out]
        [found] = partial["diagnostics"]
        assert (found["file"], found["line"]) == ("specs/photos.yaml", 42)
        assert (found["column"], found["end_column"]) == (13, 29)
        assert (found["code"], found["severity"]) == ("NAF204", "error")
        assert found["hint"] == "did you mean `get-album`?"
        assert first["summary"]["partial"] == first["summary"]["refused"] == 1
        codes = [
            each["code"] for spec in first["specs"] for each in spec["diagnostics"]
        ]
        assert first["summary"]["codes"] == dict(Counter(sorted(codes)))
        assert self.build(project, code=1) == first

    def test_every_key_is_documented(self, project: Project) -> None:
        project.write("specs/photos.yaml", PARTIAL)
        page = (ROOT / "docs/reports.md").read_text()
        for key in set(keys(self.build(project, code=1))) - set(CODES):
            assert f"`{key}`" in page, key

    def test_findings_on_no_spec(self, built: Project) -> None:
        (built.folder / "specs/photos.yaml").unlink()
        found = self.build(built, "--check", code=1)
        assert found["specs"] == []
        assert found["summary"]["removed"] == 1
        codes = {each["code"] for each in found["summary"]["diagnostics"]}
        assert codes == {"NAF613"}

    def test_diff_is_in_the_object(self, built: Project) -> None:
        built.write("specs/photos.yaml", CHANGED)
        expected = built("build", "--diff").out
        assert expected
        assert self.build(built, "--diff", code=1)["diff"] == expected

    def test_could_not_run(self, project: Project) -> None:
        found = self.build(project, "nowhere", code=2)
        assert found["specs"] == []
        [problem] = found["summary"]["diagnostics"]
        assert (problem["code"], problem["file"]) == ("NAF001", "nowhere")

    def test_validate(self, project: Project) -> None:
        run = project("validate", "--output-format", "json")
        assert run.code == 0
        assert run.json["summary"]["unchanged"] == 1
        assert not (project.folder / "generated").exists()


class TestValidate:
    def test_clean(self, project: Project) -> None:
        run = project("validate")
        assert (run.code, run.err) == (0, "1 spec: 1 compiled\n")

    def test_strict(self, project: Project) -> None:
        assert project("validate", "--strict").code == 0
        loose = PHOTOS.replace("in: path", "in: path\n          type: string")
        project.write("specs/photos.yaml", loose)
        assert project("validate").code == 0
        run = project("validate", "--strict")
        assert (run.code, run.codes) == (1, [("specs/photos.yaml", "NAF105")])

    def test_published_spec(self, project: Project) -> None:
        name = "message-batches-message-batches.yaml"
        spec = str(Path(__file__).parent.parent / "specs" / name)
        assert project("validate", spec).code == 0
        run = project("validate", "--strict", "--output-format", "concise", spec)
        assert run.code == 1
        assert {"NAF105"} < {code for _, code in run.codes} <= {"NAF105", "NAF412"}

    def test_could_not_run(self, project: Project) -> None:
        assert project("validate", "nowhere.yaml").code == 2
