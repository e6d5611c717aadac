"""Files of folders that are served: those inside, and never another one."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from nafgen.runtime import folders
from nafgen.runtime.folders import File, Folder, TooLargeError, UnsafePathError

MODULE = "/nowhere/package/module.py"


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with files, and one beside it that must stay unknown."""
    inside = tmp_path / "base"
    (inside / "notes" / "deep").mkdir(parents=True)
    (inside / "guide.md").write_bytes(b"# Guide\n")
    (inside / "notes" / "deep" / "data.JSON").write_bytes(b"{}")
    (inside / "LICENSE").write_bytes(b"as you like")
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "base-2").mkdir()
    (tmp_path / "base-2" / "secret.txt").write_text("secret")
    return inside


@pytest.fixture
def folder(base: Path) -> Folder:
    return Folder("FILES", str(base.parent / "module.py"), "base")


def test_all_files_are_listed_by_path(folder: Folder) -> None:
    assert folder.files() == [
        File("LICENSE", 11, "application/octet-stream"),
        File("guide.md", 8, "text/markdown"),
        File("notes/deep/data.JSON", 2, "application/json"),
    ]


def test_what_is_listed_can_be_read(folder: Folder) -> None:
    for path, size, _ in folder.files():
        assert len(folder.read(path)) == size
    assert folder.read("guide.md") == b"# Guide\n"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        ".",
        "..",
        "../secret.txt",
        "notes/../../secret.txt",
        "notes/..",
        "./guide.md",
        "notes//deep/data.JSON",
        "/etc/passwd",
        "notes/",
        "..\\secret.txt",
        "notes\\deep",
        "C:secret.txt",
        "guide.md\0.png",
        "guide.md\n",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "\udc2fetc",
        "\uff0e\uff0e/secret.txt",
        ".hidden",
        "~/secret.txt",
    ],
)
def test_unsafe_paths(folder: Folder, base: Path, path: str) -> None:
    (base / ".hidden").write_text("hidden")
    with pytest.raises(UnsafePathError):
        folder.read(path)


@pytest.mark.parametrize(
    "path", ["missing.md", "guide.md/x", "notes", "x" * 300, "a/" * 3000 + "a"]
)
def test_missing_files(folder: Folder, path: str) -> None:
    with pytest.raises(FileNotFoundError):
        folder.read(path)


@pytest.mark.parametrize(
    "target", ["../secret.txt", "../base-2/secret.txt", "/etc/hosts"]
)
def test_links_that_lead_outside(folder: Folder, base: Path, target: str) -> None:
    (base / "link.txt").symlink_to(target)
    (base / "up").symlink_to("..")
    assert [file.path for file in folder.files()] == [
        *("LICENSE", "guide.md", "notes/deep/data.JSON")
    ]
    for path in ("link.txt", "up/secret.txt", "up/base-2/secret.txt"):
        with pytest.raises(UnsafePathError):
            folder.read(path)


def test_links_that_stay_inside(folder: Folder, base: Path) -> None:
    # As Kubernetes mounts files: links into a hidden folder beside them.
    (base / "..2026").mkdir()
    (base / "..2026" / "mounted.txt").write_text("mounted")
    (base / "..data").symlink_to("..2026")
    (base / "mounted.txt").symlink_to("..data/mounted.txt")
    (base / "loop").symlink_to("loop")
    (base / "again").symlink_to(".")
    assert File("mounted.txt", 7, "text/plain") in folder.files()
    assert len(folder.files()) == 4
    assert folder.read("mounted.txt") == b"mounted"
    with pytest.raises(FileNotFoundError):
        folder.read("loop")


def test_what_is_no_file(
    folder: Folder, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(base / "pipe")
    (base / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listening:
        monkeypatch.chdir(base)  # such a path must be short
        listening.bind("socket")
        assert len(folder.files()) == 3
        for name in ("pipe", "socket"):
            with pytest.raises(FileNotFoundError):
                folder.read(name)
    with pytest.raises(UnsafePathError):
        folder.read("device")


def test_a_pipe_that_takes_the_place_of_a_file(
    folder: Folder, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(base / "pipe")
    regular = (base / "guide.md").stat()
    monkeypatch.setattr(Path, "lstat", lambda _: regular)
    with pytest.raises(FileNotFoundError):
        folder.read("pipe")


def test_limits(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    assert folder.read("guide.md", 8) == b"# Guide\n"
    with pytest.raises(TooLargeError, match="7 bytes"):
        folder.read("guide.md", 7)
    monkeypatch.setattr(folders, "MAX_FILES", 2)
    with pytest.raises(TooLargeError, match="2 files"):
        folder.files()


def test_another_place(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in (Folder("FILES", MODULE, None), Folder("FILES", MODULE, "../files")):
        with pytest.raises(FileNotFoundError, match="FILES"):
            folder.files()
        with pytest.raises(FileNotFoundError, match="FILES"):
            folder.read("guide.md")
        monkeypatch.setenv("FILES", str(base))
        assert folder.read("guide.md") == b"# Guide\n"
        monkeypatch.setenv("FILES", str(base / "guide.md"))
        with pytest.raises(FileNotFoundError):
            folder.files()
        monkeypatch.delenv("FILES")


def test_a_folder_that_is_a_link(base: Path) -> None:
    (base.parent / "link").symlink_to("base")
    folder = Folder("FILES", str(base.parent / "module.py"), "link")
    assert folder.read("guide.md") == b"# Guide\n"
    assert len(folder.files()) == 3
