"""A folder on disk as the writer sees it: never through a symbolic link. Reads only."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Final

from .diagnostics import Reporter, Span
from .files import contents
from .plan import MANIFEST

MAKE_WAY: Final = "move or rename it: nafgen replaces only what it wrote itself"
REAL_FOLDER: Final = "replace the link with a real folder or file, or delete it"

# The name of a file that is being written, or that a killed build has left.
TEMPORARY: Final = re.compile(r"\.nafgen-[0-9a-f]{16}\.tmp")


class Mode(StrEnum):
    """What to do about changes: apply them, report them, or report and show them."""

    WRITE = "write"
    CHECK = "check"
    DIFF = "diff"


class Kind(StrEnum):
    """What stands at a path; a PACKAGE is a folder with a manifest of its own."""

    FILE = "file"
    FOLDER = "folder"
    PACKAGE = "package"
    LINK = "symbolic link"
    OTHER = "special file"


class FileError(Exception):
    """The operating system refuses to read or write what `span` names."""

    def __init__(self, span: Span, reason: str) -> None:
        super().__init__(reason)
        self.span = span
        self.reason = reason

    def report(self, reporter: Reporter) -> None:
        hint = "look at the path, its permissions and the free space, then build again"
        reporter.report("NAF603", self.span, self.reason, hint=hint)


def _refused(span: Span, verb: str, error: OSError) -> FileError:
    return FileError(span, f"this cannot be {verb}: {error.strerror or error}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A folder to bring up to date: the output folder, or a package's below it.

    `output` is what the user gave, `path` the folder's path below it, "" for itself.
    """

    output: Path
    path: str
    mode: Mode
    reporter: Reporter
    discard_edits: bool
    root: Path = field(init=False)
    folder: Path = field(init=False)

    def __post_init__(self) -> None:
        # Where the user's own path leads, links and all, is the user's choice.
        root = Path(os.path.realpath(self.output))
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "folder", root / self.path)

    def span(self, path: str = "") -> Span:
        """The span for a path relative to the folder, as the user knows it."""
        return Span.whole(str(PurePosixPath(self.output.as_posix(), self.path, path)))

    @contextmanager
    def attempt(self, path: str, verb: str) -> Iterator[None]:
        """Turn an OSError into a FileError: the file cannot be VERB (past form)."""
        try:
            yield
        except OSError as error:
            raise _refused(self.span(path), verb, error) from error

    def read(self, path: str) -> bytes:
        """The content of the file at `path`.

        Raises:
            FileError: it cannot be read.
        """
        try:
            return contents(f"{self.folder}/{path}")
        except OSError as error:
            raise _refused(self.span(path), "read", error) from error

    def is_reachable(self) -> bool:
        """Whether only real folders, or nothing yet, lead from `root` to `folder`.

        Reports what else is there, as NAF502 or NAF601.

        Raises:
            FileError: the operating system refuses to say.
        """
        parts = self.path.split("/") if self.path else []
        for length in range(len(parts) + 1):
            below = "/".join(parts[:length])
            try:
                mode = os.lstat(f"{self.root}/{below}".rstrip("/")).st_mode
            except FileNotFoundError:
                return True
            except OSError as error:
                raise _refused(self._above(below), "read", error) from error
            if not stat.S_ISDIR(mode):
                self._report(self._above(below), is_link=stat.S_ISLNK(mode))
                return False
        return True

    def _above(self, below: str) -> Span:
        return Span.whole(str(PurePosixPath(self.output.as_posix(), below)))

    def _report(self, span: Span, *, is_link: bool) -> None:
        kind = "a symbolic link" if is_link else "a file"
        message = f"{kind} stands where a folder is needed"
        code, hint = ("NAF502", REAL_FOLDER) if is_link else ("NAF601", MAKE_WAY)
        self.reporter.report(code, span, message, hint=hint)

    def scan(self, *, deep: bool = True) -> dict[str, Kind]:
        """What the folder holds by relative path; empty where there is no folder.

        Unless `deep`, only what is at the top. Passes over Python's caches, what nested
        packages hold, and temporary files that are not at the top, which a package being
        written nearby may have.

        Raises:
            FileError: a folder cannot be read.
        """
        found: dict[str, Kind] = {}
        todo = [""] if self.folder.is_dir() else []
        while todo:
            prefix = todo.pop()
            for name, kind in self._entries(prefix):
                if name == "__pycache__" or name.endswith(".pyc"):
                    continue
                if prefix and TEMPORARY.fullmatch(name):
                    continue
                found[f"{prefix}{name}"] = kind
                if deep and kind is Kind.FOLDER:
                    todo.append(f"{prefix}{name}/")
        return found

    def packages(self) -> Iterator[str]:
        """The paths of packages in the folder, at any depth.

        Raises:
            FileError: a folder cannot be read.
        """
        todo = [""] if self.folder.is_dir() else []
        while todo:
            prefix = todo.pop()
            for name, kind in self._entries(prefix):
                if name != "__pycache__" and kind in (Kind.FOLDER, Kind.PACKAGE):
                    todo.append(f"{prefix}{name}/")
                    if kind is Kind.PACKAGE:
                        yield f"{prefix}{name}"

    def _entries(self, path: str) -> list[tuple[str, Kind]]:
        try:
            with os.scandir(f"{self.folder}/{path}") as entries:
                return sorted([(entry.name, _kind(entry)) for entry in entries])
        except OSError as error:
            raise _refused(self.span(path), "read", error) from error


def _kind(entry: os.DirEntry[str]) -> Kind:
    if entry.is_file(follow_symlinks=False):
        return Kind.FILE
    if entry.is_symlink():
        return Kind.LINK
    if not entry.is_dir(follow_symlinks=False):
        return Kind.OTHER
    nested = os.path.lexists(f"{entry.path}/{MANIFEST}")
    return Kind.PACKAGE if nested else Kind.FOLDER
