"""Drift: what check and diff say, and when a package is current."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from nafgen.plan import MANIFEST, GeneratedFile
from nafgen.write import (
    Generator,
    Mode,
    Outcome,
    is_current,
)
from write_support import (
    GENERATOR,
    NEW,
    NEWER,
    OLD,
    Build,
    assert_built,
    contents,
    package,
)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path / "generated")


class TestCheck:
    @pytest.mark.parametrize("mode", [Mode.CHECK, Mode.DIFF])
    def test_writes_nothing(self, build: Build, mode: Mode) -> None:
        assert build(OLD, mode).status == "built"
        assert build.root(mode).status == "built"
        assert not build.output.exists()
        build(OLD)
        before = contents(build.output)
        assert build(NEW, mode, discard_edits=True).status == "built"
        assert build.stale(mode=mode)["photos"].status == "built"
        assert contents(build.output) == before

    def test_clean(self, build: Build) -> None:
        build(OLD)
        for mode in (Mode.CHECK, Mode.DIFF):
            assert build(OLD, mode) == Outcome(status="unchanged")
            assert build.found == []

    def test_each_kind_of_difference(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/same.py").write_text("mine = 1\n")
        (build.output / "photos/mine.txt").write_text("mine\n")
        assert build(NEW, Mode.CHECK).status == "refused"
        assert build.found == [
            ("NAF611", "photos/_runtime/http.py"),
            ("NAF613", "photos/_runtime/old.py"),
            ("NAF611", "photos/brief.py"),
            ("NAF612", "photos/client.py"),
            ("NAF613", "photos/gone.py"),
            ("NAF613", "photos/mine.txt"),
            ("NAF602", "photos/same.py"),
        ]

    def test_edits_to_be_discarded_are_still_reported(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/same.py").write_text("mine = 1\n")
        assert build(OLD, Mode.CHECK, discard_edits=True).changed == ("same.py",)
        assert build.found == [("NAF602", "photos/same.py")]

    @pytest.mark.parametrize(
        ("spec_hash", "generator", "reason"),
        [
            ("s2", GENERATOR, "out of date: the spec changed (photos.yaml)"),
            ("s1", NEWER, "out of date: nafgen changed"),
            ("s2", NEWER, "the spec changed (photos.yaml) and nafgen changed"),
            ("s1", GENERATOR, "a setting changed, not the spec and not nafgen"),
        ],
    )
    def test_says_why(
        self, build: Build, spec_hash: str, generator: Generator, reason: str
    ) -> None:
        build(package(spec_hash="s1", client_py=b"x\n"))
        now = package(spec_hash=spec_hash, client_py=b"y\n")
        build(now, Mode.CHECK, generator=generator)
        assert build.found == [("NAF612", "photos/client.py")]
        assert reason in build.messages

    def test_manifest_alone(self, build: Build) -> None:
        build(OLD)
        assert build(OLD, Mode.CHECK, generator=NEWER).changed == (MANIFEST,)
        assert build.found == [("NAF612", f"photos/{MANIFEST}")]
        assert "nafgen changed" in build.messages
        (build.output / "photos" / MANIFEST).unlink()
        assert build(OLD, Mode.CHECK).changed == (MANIFEST,)
        assert build.found == [("NAF611", f"photos/{MANIFEST}")]

    def test_diff_text(self, build: Build) -> None:
        build(package(client_py=b"a\nb\n", gone_py=b"x"))
        outcome = build(package(client_py=b"a\nc\n"), Mode.DIFF)
        assert outcome.diff.startswith(
            "diff --git a/photos/client.py b/photos/client.py\n"
            "--- a/photos/client.py\n"
            "+++ b/photos/client.py\n"
            "@@ -1,2 +1,2 @@\n"
            " a\n"
            "-b\n"
            "+c\n"
            "diff --git a/photos/gone.py b/photos/gone.py\n"
            "deleted file mode 100644\n"
            "--- a/photos/gone.py\n"
            "+++ /dev/null\n"
            "@@ -1 +0,0 @@\n"
            "-x\n"
            "\\ No newline at end of file\n"
        )

    def test_diff_can_be_applied(self, build: Build) -> None:
        build(OLD)
        target = replace(
            NEW,
            files=(
                *NEW.files,
                GeneratedFile(path="py.typed", data=b""),
                GeneratedFile(path="odd.txt", data="a\u2028b\x0cc\rd".encode()),
            ),
        )
        outcome = build(target, Mode.DIFF)
        subprocess.run(
            ["git", "apply", "-"],
            cwd=build.output,
            input=outcome.diff.encode(),
            check=True,
            timeout=60,
            env={**os.environ, "GIT_CEILING_DIRECTORIES": str(build.output.parent)},
        )
        assert_built(build.output, target)
        assert build(target, Mode.CHECK) == Outcome(status="unchanged")

    def test_diff_of_bytes_that_are_no_text(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/client.py").write_bytes(b"\xff\xfe\n")
        assert "-\\xff\\xfe\n" in build(OLD, Mode.DIFF).diff


class TestIsCurrent:
    def test_yes(self, build: Build) -> None:
        build(OLD)
        found = is_current(build.output, "photos", lambda _: OLD.inputs, GENERATOR)
        assert found is not None
        assert found.summary == {"tools": 2}
        assert found.spec == "photos.yaml"

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda folder: (folder / "client.py").write_text("mine\n"),
            lambda folder: (folder / "client.py").unlink(),
            lambda folder: (folder / "mine.py").write_text("mine\n"),
            lambda folder: (folder / f".nafgen-{'0' * 16}.tmp").write_text("half"),
            lambda folder: (folder / MANIFEST).unlink(),
            lambda folder: (folder / "same.py").rename(folder.parent / "same.py")
            and (folder / "same.py").symlink_to("../same.py"),
            lambda folder: folder.rename(folder.parent / "moved")
            and folder.symlink_to("moved"),
            lambda folder: shutil.rmtree(folder),
        ],
    )
    def test_no(self, build: Build, spoil: Any) -> None:
        build(OLD)
        spoil(build.output / "photos")
        assert (
            is_current(build.output, "photos", lambda _: OLD.inputs, GENERATOR) is None
        )

    def test_other_inputs_or_generator(self, build: Build) -> None:
        build(OLD)
        assert (
            is_current(build.output, "photos", lambda _: NEW.inputs, GENERATOR) is None
        )
        assert is_current(build.output, "photos", lambda _: OLD.inputs, NEWER) is None
        assert (
            is_current(build.output, "../photos", lambda _: OLD.inputs, GENERATOR)
            is None
        )
        assert (
            is_current(build.output, "x" * 300, lambda _: OLD.inputs, GENERATOR) is None
        )
