"""Files of a folder that is served: which there are, and one of them; never one outside."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

MAX_FILE: Final = 32 * 1024 * 1024
"""Bytes of a file that is served, at the most."""
MAX_FILES: Final = 10_000
"""Files of a folder at the most."""
_SEGMENT: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*").fullmatch
"""A name that is served: no hidden one, and none that leads somewhere else."""
_TYPES: Final = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".htm": "text/html",
    ".html": "text/html",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".md": "text/markdown",
    ".mp3": "audio/mpeg",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".py": "text/x-python",
    ".sh": "text/x-shellscript",
    ".svg": "image/svg+xml",
    ".toml": "application/toml",
    ".tsv": "text/tab-separated-values",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
    ".xml": "application/xml",
    ".yaml": "application/yaml",
    ".yml": "application/yaml",
    ".zip": "application/zip",
}


class UnsafePathError(ValueError):
    """A path that cannot be one of a file in a folder."""


class TooLargeError(ValueError):
    """There is more in a folder or a file than is served."""


class File(NamedTuple):
    """A file: `path` from its folder, with `/`; `size` in bytes; its media type."""

    path: str
    size: int
    type: str


class Folder:
    """A folder, at `path` from the folder of the file `module`.

    `variable` names another place in the environment, and the only one without `path`.
    """

    def __init__(self, variable: str, module: str, path: str | None) -> None:
        self._variable = variable
        self._default = path and os.path.normpath(Path(module).parent / path)

    def files(self) -> list[File]:
        """What is in the folder and those below it, by path.

        What `read` refuses is not in there, nor what is below a link to a folder.

        Raises:
            FileNotFoundError: there is no such folder.
            TooLargeError: there are too many files.
        """
        base = self._base()
        found = []
        for path in _walk(base):
            size = _size(base, path)
            if size is not None:
                found.append(File(path, size, media_type(path)))
            if len(found) > MAX_FILES:
                raise TooLargeError(f"a folder has {MAX_FILES} files at the most")
        return sorted(found)

    def read(self, path: str, limit: int = MAX_FILE) -> bytes:
        """The content of a file, of `limit` bytes at the most.

        Raises:
            UnsafePathError: the path has a part that no file of a folder has, or a link
                leads outside.
            FileNotFoundError: there is no such file that can be read.
            TooLargeError: the file is larger.
        """
        if not all(map(_SEGMENT, path.split("/"))):
            raise UnsafePathError("this is not the path of a file")
        base = self._base()
        real = _real(base, path)
        if base not in real.parents:
            raise UnsafePathError("this path leads outside its folder")
        try:
            content = _content(real, limit)
        except OSError:
            raise FileNotFoundError(f"there is no file {path}") from None
        if len(content) > limit:
            raise TooLargeError(f"a file has {limit} bytes at the most")
        return content

    def _base(self) -> Path:
        place = os.environ.get(self._variable) or self._default
        if not place or not Path(place).is_dir():
            raise FileNotFoundError(f"{self._variable} names no folder that is there")
        return Path(os.path.realpath(place))


def media_type(path: str) -> str:
    """What a file is, by the ending of its name."""
    return _TYPES.get(Path(path).suffix.lower(), "application/octet-stream")


def _walk(base: Path) -> Iterator[str]:
    """The paths of all that is no folder, where each part is one that is served."""
    for folder, folders, names in os.walk(base):
        folders[:] = filter(_SEGMENT, folders)
        for name in filter(_SEGMENT, names):
            yield Path(folder, name).relative_to(base).as_posix()


def _size(base: Path, path: str) -> int | None:
    """The size of a file; None where it cannot be served."""
    real = _real(base, path)
    try:
        found = real.stat()
    except OSError:
        return None
    is_served = stat.S_ISREG(found.st_mode) and base in real.parents
    return found.st_size if is_served else None


def _real(base: Path, path: str) -> Path:
    """Where a file is, once all links are followed."""
    return Path(os.path.realpath(base / path))


def _content(real: Path, limit: int) -> bytes:
    """The first bytes of a file, one more than `limit` at the most.

    Raises:
        OSError: it is no regular file that can be read.
    """
    if not stat.S_ISREG(real.lstat().st_mode):
        raise OSError("not a regular file")
    # Should it have become another one: no link is followed, and no pipe waited for.
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(real, flags)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("not a regular file")
        return file.read(limit + 1)
