"""Paths that lead elsewhere, and an operating system that refuses."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from nafgen.drift import package_drift
from nafgen.plan import MANIFEST, GeneratedFile
from nafgen.write import (
    Mode,
)
from write_support import (
    LATER,
    NEW,
    OLD,
    Build,
    assert_built,
    contents,
)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path / "generated")


UNSAFE = [
    "",
    "/etc",
    "../up",
    "a/../../up",
    "a//b",
    "a/",
    "./a",
    "a\\b",
    "C:/a",
    "C:a",
    "a\0b",
    "a\nb",
    "a\ud800b",
]


class TestContainment:
    @pytest.mark.parametrize("path", UNSAFE)
    def test_unsafe_package_path(self, build: Build, path: str) -> None:
        assert build(replace(OLD, path=path)).status == "refused"
        assert [d.code for d in build.reporter] == ["NAF502"]
        assert not build.output.exists()

    @pytest.mark.parametrize("path", UNSAFE)
    def test_unsafe_file_path(self, build: Build, path: str) -> None:
        files = (*OLD.files, GeneratedFile(path=path, data=b"x"))
        assert build(replace(OLD, files=files)).status == "refused"
        assert [d.code for d in build.reporter] == ["NAF502"]
        assert not build.output.exists()

    @pytest.mark.parametrize("mode", list(Mode))
    @pytest.mark.parametrize(
        "link", ["a", "a/photos", "a/photos/_runtime", "a/photos/client.py"]
    )
    @pytest.mark.parametrize("dangling", [False, True])
    def test_links_on_the_way(
        self, build: Build, tmp_path: Path, mode: Mode, link: str, dangling: bool
    ) -> None:
        outside = tmp_path / "outside"
        if not dangling:
            outside.mkdir()
        place = build.output / link
        place.parent.mkdir(parents=True)
        place.symlink_to(outside)
        before = contents(tmp_path)
        outcome = build(replace(OLD, path="a/photos"), mode, discard_edits=True)
        assert outcome.status == "refused"
        codes = {path: code for code, path in build.found}
        assert codes.pop(link) == "NAF502"
        assert set(codes.values()) <= {"NAF611"}
        assert contents(tmp_path) == before

    def test_linked_manifest(self, build: Build, tmp_path: Path) -> None:
        build(OLD)
        path = build.output / "photos" / MANIFEST
        path.rename(tmp_path / "manifest")
        path.symlink_to(tmp_path / "manifest")
        assert build(NEW, discard_edits=True).status == "refused"
        assert ("NAF502", f"photos/{MANIFEST}") in build.found
        assert path.is_symlink()

    def test_output_folder_may_be_a_link(self, build: Build, tmp_path: Path) -> None:
        (tmp_path / "real").mkdir()
        build.output.symlink_to("real")
        assert build(OLD).status == "built"
        assert_built(tmp_path / "real", OLD)

    def test_folder_in_place_of_a_file(self, build: Build) -> None:
        (build.output / "photos/client.py").mkdir(parents=True)
        assert build(OLD, discard_edits=True).status == "refused"
        assert build.found == [("NAF601", "photos/client.py")]
        assert contents(build.output) == {}

    def test_pipe_in_place_of_a_file(self, build: Build) -> None:
        (build.output / "photos").mkdir(parents=True)
        os.mkfifo(build.output / "photos/client.py")
        assert build(OLD, discard_edits=True).status == "refused"
        assert build.found == [("NAF601", "photos/client.py")]

    @pytest.mark.parametrize("place", ["", "photos", "photos/_runtime"])
    def test_file_in_place_of_a_folder(self, build: Build, place: str) -> None:
        path = build.output / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine\n")
        assert build(OLD, discard_edits=True).status == "refused"
        assert [d.code for d in build.reporter] == ["NAF601"]
        assert [Path(d.span.file) for d in build.reporter] == [path]
        assert path.read_text() == "mine\n"


class TestFailures:
    def test_output_below_a_file(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("mine\n")
        build = Build(tmp_path / "file/generated")
        for mode in Mode:
            assert build(OLD, mode).status == "refused"
            assert [d.code for d in build.reporter] == ["NAF603"]
            assert "Not a directory" in build.messages

    def test_output_folder_is_a_file(self, build: Build) -> None:
        build.output.write_text("mine\n")
        assert build.stale() == {}
        assert [d.code for d in build.reporter] == ["NAF601"]

    @pytest.mark.parametrize("name", ["x" * 256, f"{'x' * 256}/y"])
    def test_name_too_long(self, build: Build, name: str) -> None:
        files = (*OLD.files, GeneratedFile(path=name, data=b"x"))
        assert build(replace(OLD, files=files)).status == "refused"
        assert build.found == [("NAF603", f"photos/{name}")]
        assert "name too long" in build.messages
        assert not build.output.exists()

    def test_package_name_too_long(self, build: Build) -> None:
        assert build(replace(OLD, path="x" * 256)).status == "refused"
        assert build.found == [("NAF603", f"{'x' * 256}/{MANIFEST}")]
        assert not build.output.exists()

    def test_file_that_appears_meanwhile_is_kept(
        self, build: Build, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build(OLD)
        newcomer = build.output / "photos/_runtime/http.py"

        def compare_too_early(*args: Any) -> Any:
            drift = package_drift(*args)
            newcomer.write_text("mine\n")
            return drift

        monkeypatch.setattr("nafgen.write.package_drift", compare_too_early)
        before = contents(build.output)
        assert build(NEW).status == "refused"
        assert build.found == [("NAF603", "photos/_runtime/http.py")]
        mine = {"photos/_runtime/http.py": b"mine\n"}
        assert contents(build.output) == {**before, **mine}

    @pytest.mark.parametrize("call", ["write", "replace", "unlink"])
    def test_failing_calls(
        self, build: Build, monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        """Whichever call fails, nothing is half done that the next build minds."""
        names = {"write": "fdopen", "replace": "replace", "unlink": "unlink"}
        real = getattr(os, names[call])
        for good_calls in range(20):
            shutil.rmtree(build.output, ignore_errors=True)
            build(OLD)
            left = [good_calls]

            def fail(*args: Any, left: list[int] = left, **kwargs: Any) -> Any:
                left[0] -= 1
                if left[0] == -1:
                    raise OSError(28, os.strerror(28))
                return real(*args, **kwargs)

            with monkeypatch.context() as patch:
                patch.setattr(os, names[call], fail)
                outcome = build(NEW)
            if left[0] >= 0:
                assert good_calls > 1
                break
            if outcome.status == "refused":
                assert [code for code, _ in build.found] == ["NAF603"]
                assert "No space left" in build.messages
            assert list(build.output.rglob("*.tmp")) == []
            assert build(LATER).status == "built"
            assert build.found == []
            assert_built(build.output, LATER)
        else:
            pytest.fail("no build got through")

    def test_full_disk(self, build: Build) -> None:
        """A file beyond the limit of the process fails as on a full disk."""
        build(OLD)
        before = contents(build.output)
        said = subprocess.run(
            [sys.executable, __file__, build.output],
            check=True,
            timeout=60,
            capture_output=True,
            text=True,
        ).stdout
        assert said == "refused NAF603 this cannot be written: File too large\n"
        assert contents(build.output) == before
        assert not (build.output / "photos/_runtime/http.py").exists()


def _build_limited(output: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    build = Build(output)
    large = GeneratedFile(path="large.py", data=b"x" * 8192)
    outcome = build(replace(NEW, files=(*NEW.files, large)))
    for found in build.reporter:
        print(outcome.status, found.code, found.message)


if __name__ == "__main__":
    _build_limited(Path(sys.argv[1]))
