"""Writing packages: what is written, and whose files are whose."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from nafgen.plan import HEADER, MANIFEST, GeneratedFile
from nafgen.write import (
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
    generated,
    manifest,
    package,
    planned,
)


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return Build(tmp_path / "generated")


class TestWrite:
    def test_first_build(self, build: Build) -> None:
        outcome = build(OLD)
        assert outcome.status == "built"
        assert outcome.changed == tuple(sorted([*planned(OLD), MANIFEST]))
        assert build.found == []
        assert_built(build.output, OLD)

    def test_manifest_text(self, build: Build) -> None:
        build(package(client_py=b"x\n"))
        assert (build.output / "photos" / MANIFEST).read_text() == (
            "{\n"
            '  "files": {\n'
            '    "client.py": "73cb3858a687a8494ca3323053016282'
            'f3dad39d42cf62ca4e79dda2aac7d9ac"\n'
            "  },\n"
            '  "inputs": {\n'
            '    "photos.yaml": "s1"\n'
            "  },\n"
            '  "nafgen": {\n'
            '    "fingerprint": "f1",\n'
            '    "version": "1.0"\n'
            "  },\n"
            '  "spec": "photos.yaml",\n'
            '  "summary": {\n'
            '    "tools": 2\n'
            "  }\n"
            "}\n"
        )

    def test_update_writes_only_what_changed(self, build: Build) -> None:
        build(OLD)
        same = (build.output / "photos/same.py").stat()
        outcome = build(NEW)
        assert outcome.status == "built"
        assert outcome.changed == (
            MANIFEST,
            "_runtime/http.py",
            "_runtime/old.py",
            "brief.py",
            "client.py",
            "gone.py",
        )
        assert build.found == []
        assert_built(build.output, NEW)
        assert (build.output / "photos/same.py").stat() == same

    def test_emptied_folders_go(self, build: Build) -> None:
        build(OLD)
        build(package(client_py=b"x\n"))
        assert not (build.output / "photos/_runtime").exists()

    def test_no_op_writes_nothing(self, build: Build) -> None:
        build(OLD)
        build.root()
        before = {path: path.stat() for path in build.output.rglob("*")}
        assert build(OLD) == Outcome(status="unchanged")
        assert build.root() == Outcome(status="unchanged")
        assert build.stale("photos") == {}
        assert {path: path.stat() for path in build.output.rglob("*")} == before

    def test_missing_file_is_restored(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/client.py").unlink()
        assert build(OLD).changed == ("client.py",)
        assert_built(build.output, OLD)

    def test_new_generator_changes_the_manifest_only(self, build: Build) -> None:
        build(OLD)
        assert build(OLD, generator=NEWER).changed == (MANIFEST,)
        assert manifest(build.output / "photos")["nafgen"]["version"] == "1.1"

    def test_equal_file_without_manifest_is_adopted(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos" / MANIFEST).unlink()
        assert build(OLD).changed == (MANIFEST,)
        assert build.found == []
        assert_built(build.output, OLD)

    def test_files_are_not_executable(self, build: Build) -> None:
        build(OLD)
        modes = {p.stat().st_mode & 0o133 for p in build.output.rglob("*.*")}
        assert modes == {0}

    def test_one_path_twice_is_a_mistake_of_ours(self, build: Build) -> None:
        file = GeneratedFile(path="client.py", data=b"")
        with pytest.raises(ValueError, match="one path"):
            build(replace(OLD, files=(file, file)))
        with pytest.raises(ValueError, match="one path"):
            build(replace(OLD, files=(GeneratedFile(path=MANIFEST, data=b""),)))


class TestOwnership:
    def test_foreign_file_in_the_way(self, build: Build) -> None:
        foreign = build.output / "photos/client.py"
        foreign.parent.mkdir(parents=True)
        foreign.write_text("mine = 1\n")
        for discard_edits in (False, True):
            assert build(OLD, discard_edits=discard_edits).status == "refused"
            assert build.found == [("NAF601", "photos/client.py")]
            assert contents(build.output) == {"photos/client.py": b"mine = 1\n"}

    def test_hand_edit_refuses_the_package(self, build: Build) -> None:
        build(OLD)
        edited = build.output / "photos/client.py"
        edited.write_bytes(generated("mine = 1"))
        before = contents(build.output)
        assert build(NEW) == Outcome(status="refused")
        assert build.found == [("NAF602", "photos/client.py")]
        assert "--discard-edits" in build.messages
        assert contents(build.output) == before

    def test_hand_edit_is_discarded_on_request(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/client.py").write_text("mine = 1\n")
        (build.output / "photos/gone.py").write_text("mine = 1\n")
        assert build(NEW, discard_edits=True).status == "built"
        assert build.found == []
        assert_built(build.output, NEW)

    def test_header_without_manifest_counts_as_edited(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos" / MANIFEST).unlink()
        assert build(NEW).status == "refused"
        codes = {path: code for code, path in build.found}
        assert codes["photos/client.py"] == "NAF602"
        assert build(NEW, discard_edits=True).status == "built"
        assert (build.output / "photos/client.py").read_bytes() == generated("new = 1")

    def test_edited_file_that_is_no_longer_generated_stays(self, build: Build) -> None:
        build(OLD)
        edited = build.output / "photos/gone.py"
        edited.write_text("mine = 1\n")
        assert build(NEW).status == "refused"
        assert build.found == [("NAF602", "photos/gone.py")]
        assert edited.read_text() == "mine = 1\n"
        assert (build.output / "photos/client.py").read_bytes() == generated("old = 1")

    def test_file_edited_into_what_is_planned_is_fine(self, build: Build) -> None:
        build(OLD)
        (build.output / "photos/client.py").write_bytes(generated("new = 1"))
        assert build(NEW).status == "built"
        assert_built(build.output, NEW)

    @pytest.mark.parametrize("discard_edits", [False, True])
    def test_stranger_is_reported_and_kept(
        self, build: Build, discard_edits: bool
    ) -> None:
        build(OLD)
        folder = build.output / "photos"
        (folder / "notes").mkdir()
        (folder / "notes/mine.py").write_bytes(generated("mine = 1"))
        (folder / "link").symlink_to("nowhere")
        for mode in Mode:
            build(OLD, mode, discard_edits=discard_edits)
            assert build.found == [
                ("NAF613", "photos/link"),
                ("NAF613", "photos/notes/mine.py"),
            ]
        assert build(NEW, discard_edits=discard_edits).status == "built"
        assert (folder / "notes/mine.py").read_bytes() == generated("mine = 1")
        assert (folder / "link").is_symlink()

    def test_caches_are_no_strangers(self, build: Build) -> None:
        build(OLD)
        cache = build.output / "photos/_runtime/__pycache__/old.cpython-311.pyc"
        cache.parent.mkdir()
        cache.write_bytes(b"cache")
        (build.output / "photos/client.pyc").write_bytes(b"cache")
        assert build(OLD, Mode.CHECK) == Outcome(status="unchanged")
        assert build.found == []
        assert (
            is_current(build.output, "photos", lambda _: OLD.inputs, GENERATOR)
            is not None
        )

    @pytest.mark.parametrize(
        "text",
        [
            "<<<<<<< ours\n",
            "[" * 100_000,
            "[]",
            '{"spec": "photos.yaml"}',
            '{"nafgen": {"version": "1", "fingerprint": "f"}, "spec": "s", "inputs": {},'
            ' "files": {"client.py": ["not a hash"]}, "summary": {}}',
            '{"nafgen": {"version": "1", "fingerprint": "f"}, "spec": "s", "inputs": {},'
            ' "files": {}, "pending": [], "summary": {}}',
        ],
    )
    def test_broken_manifest(self, build: Build, text: str) -> None:
        build(OLD)
        path = build.output / "photos" / MANIFEST
        path.write_text(text)
        assert build(OLD).status == "refused"
        assert build.found == [("NAF602", f"photos/{MANIFEST}")]
        assert (
            is_current(build.output, "photos", lambda _: OLD.inputs, GENERATOR) is None
        )
        assert path.read_text() == text
        assert build(OLD, discard_edits=True).status == "built"
        assert_built(build.output, OLD)

    def test_manifest_cannot_claim_files_elsewhere(
        self, build: Build, tmp_path: Path
    ) -> None:
        build(OLD)
        build(package(path="other", client_py=b"x\n"))
        claim = manifest(build.output / "photos")
        claim["files"]["../other/client.py"] = manifest(build.output / "other")[
            "files"
        ]["client.py"]
        (build.output / "photos" / MANIFEST).write_text(json.dumps(claim))
        assert build(NEW).status == "refused"
        assert build.stale("other") == {}
        assert build.found == [("NAF601", f"photos/{MANIFEST}")]
        assert (build.output / "other/client.py").exists()

    def test_nested_packages_do_not_meddle(self, build: Build) -> None:
        build(OLD)
        inner = replace(NEW, path="photos/albums")
        build(inner)
        assert build(OLD) == Outcome(status="unchanged")
        assert build.found == []
        assert (
            is_current(build.output, "photos", lambda _: OLD.inputs, GENERATOR)
            is not None
        )
        taken = package(client_py=b"x\n", albums__client_py=b"y\n")
        assert build(taken).status == "refused"
        assert build.found == [("NAF601", "photos/albums")]
        assert_built(build.output, inner)


PLACES = ("client.py", "same.py", "gone.py", "_runtime/http.py", "mine.txt")
TEXTS = (None, b"mine\n", generated("mine"), *{f.data for f in OLD.files + NEW.files})


@settings(max_examples=60, deadline=None)
@given(
    edits=st.dictionaries(st.sampled_from(PLACES), st.sampled_from(TEXTS)),
    built=st.booleans(),
    discard_edits=st.booleans(),
)
def test_nothing_foreign_is_lost(
    edits: Mapping[str, bytes | None], built: bool, discard_edits: bool
) -> None:
    """Whatever users did to the folder, their text survives or they gave it up."""
    with tempfile.TemporaryDirectory() as scratch:
        build = Build(Path(scratch))
        if built:
            build(OLD)
        for name, text in edits.items():
            place = build.output / "photos" / name
            place.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                place.write_bytes(text)
            else:
                place.unlink(missing_ok=True)
        before = contents(build.output / "photos")
        outcome = build(NEW, discard_edits=discard_edits)
        after = contents(build.output / "photos")
        if outcome.status == "refused":
            assert after == before
            assert {code for code, _ in build.found} & {"NAF601", "NAF602"}
            return
        assert planned(NEW).items() <= after.items()
        for name, text in before.items():
            owned = built and planned(OLD).get(name) == text
            listed = built and name in planned(OLD)
            marked = name in planned(NEW) and HEADER.encode() in text
            given_up = discard_edits and (listed or marked)
            if name != MANIFEST and not owned and not given_up:
                assert after[name] == text
