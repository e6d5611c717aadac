"""The output folder itself, and packages whose spec is gone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from msgspec.structs import replace
from nafgen.plan import HEADER, MANIFEST
from nafgen.write import (
    Mode,
    Outcome,
)
from write_support import (
    NEW,
    OLD,
    Build,
    assert_built,
    contents,
)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path / "generated")


class TestStale:
    def test_removes_own_files_and_emptied_folders(self, build: Build) -> None:
        build(replace(OLD, path="a/photos"))
        build(replace(OLD, path="a"))
        build(replace(NEW, path="b"))
        outcomes = build.stale("b")
        assert list(outcomes) == ["a/photos", "a"]
        assert {outcome.status for outcome in outcomes.values()} == {"built"}
        assert [path.name for path in build.output.iterdir()] == ["b"]
        assert build.found == []

    def test_other_specs_stay(self, build: Build) -> None:
        build(replace(OLD, spec="elsewhere.yaml"))
        assert build.stale() == {}
        assert (build.output / "photos/client.py").exists()

    def test_foreign_files_stay(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/mine.txt").write_text("mine\n")
        assert build.stale()["photos"].status == "built"
        assert build.found == [("NAF613", "photos/mine.txt")]
        assert contents(build.output) == {"photos/mine.txt": b"mine\n"}

    def test_edited_package_stays(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/client.py").write_text("mine\n")
        before = contents(build.output)
        assert build.stale()["photos"].status == "refused"
        assert build.found == [("NAF602", "photos/client.py")]
        assert contents(build.output) == before
        assert build.stale(discard_edits=True)["photos"].status == "built"
        assert list(build.output.iterdir()) == []

    def test_check_reports_the_package_once(self, build: Build) -> None:
        build(OLD)
        outcome = build.stale(mode=Mode.DIFF)["photos"]
        assert build.found == [("NAF613", f"photos/{MANIFEST}")]
        assert "its spec photos.yaml is gone" in build.messages
        assert "+++ /dev/null" in outcome.diff

    def test_no_output_folder(self, build: Build) -> None:
        assert build.stale() == {}
        assert build.found == []

    def test_links_are_not_followed(self, build: Build, tmp_path: Path) -> None:
        other = Build(tmp_path / "other")
        other(OLD)
        build.output.mkdir()
        (build.output / "photos").symlink_to(tmp_path / "other/photos")
        assert build.stale() == {}
        assert_built(other.output, OLD)

    def test_link_inside_is_not_followed(self, build: Build, tmp_path: Path) -> None:
        build(OLD)
        runtime = build.output / "photos/_runtime"
        runtime.rename(tmp_path / "runtime")
        runtime.symlink_to(tmp_path / "runtime")
        assert build.stale()["photos"].status == "built"
        assert build.found == [("NAF613", "photos/_runtime")]
        assert (tmp_path / "runtime/old.py").exists()


class TestRoot:
    def test_git_reads_the_attributes(self, build: Build) -> None:
        build(OLD)
        assert build.root().changed == (".gitattributes",)
        text = (build.output / ".gitattributes").read_text()
        assert text.splitlines()[0] == f"# {HEADER}"
        subprocess.run(["git", "init", "-q"], cwd=build.output, check=True, timeout=60)
        told = subprocess.run(
            ["git", "check-attr", "-a", "photos/client.py"],
            cwd=build.output,
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        ).stdout
        assert "photos/client.py: text: set" in told
        assert "photos/client.py: eol: lf" in told
        assert "photos/client.py: linguist-generated: true" in told

    def test_foreign_attributes_stay(self, build: Build) -> None:
        build.output.mkdir()
        (build.output / ".gitattributes").write_text("* -diff\n")
        assert build.root(discard_edits=True).status == "refused"
        assert build.found == [("NAF601", ".gitattributes")]
        assert (build.output / ".gitattributes").read_text() == "* -diff\n"

    def test_edited_attributes(self, build: Build) -> None:
        build.root()
        path = build.output / ".gitattributes"
        path.write_text(path.read_text() + "* -diff\n")
        assert build.root().status == "refused"
        assert build.found == [("NAF602", ".gitattributes")]
        assert build.root(discard_edits=True).status == "built"

    def test_packages_are_no_strangers(self, build: Build) -> None:
        build(OLD)
        build.root()
        assert build.root(Mode.CHECK) == Outcome(status="unchanged")
        assert build.found == []

    def test_killed_builds_file_is_removed(self, build: Build) -> None:
        build.root()
        left = build.output / f".nafgen-{'a' * 16}.tmp"
        left.write_text("half")
        assert build.root(Mode.CHECK).status == "built"
        assert build.found == [("NAF613", left.name)]
        assert build.root().status == "built"
        assert not left.exists()
