"""Finds what a `location` names: a file or a folder below the specs folder."""

from __future__ import annotations

import posixpath
import re
from typing import Final

from msgspec import Struct

from . import inputs
from .naming import package_path
from .spec import Located

_URI: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)").fullmatch
_UP: Final = ".."


def file_path(location: Located) -> str | None:
    """The path in a `file:` URI, None where it is none. What begins with a dot is relative
    to the folder of the file that has the location, with three slashes or two."""
    found = _URI(str(location.value).strip())
    if found is None or found[1].lower() != "file":
        return None
    written = found[2]
    return written[1:] if written.startswith("/.") else written


def is_uri(location: Located) -> bool:
    """Whether a location is a URI of any kind."""
    return _URI(str(location.value).strip()) is not None


class Locations(Struct, frozen=True):
    """Where the locations in a spec, and in what it imports, lead."""

    file: inputs.Spec

    def below(self, location: Located, path: str) -> str | None:
        """The path from the specs folder of what `path` names beside a location; None
        where that is outside of all folders that the spec may read."""
        # An imported entry means what is beside the file that it is written in.
        beside = posixpath.relpath(
            posixpath.join("/", posixpath.dirname(location.span.file)),
            posixpath.join("/", posixpath.dirname(self.file.shown)),
        )
        folder = posixpath.join(posixpath.dirname(self.file.relative), beside)
        full = posixpath.normpath(posixpath.join(folder, path))
        is_plain = path.isprintable() and "\\" not in path
        return full if is_plain and self._may_read(full) else None

    def from_package(self, path: str) -> str:
        """A path from the specs folder, as seen from the folder of the package."""
        depth = len(package_path(self.file.relative).split("/"))
        folder = posixpath.join(*[_UP] * depth, self.file.from_output)
        return posixpath.normpath(posixpath.join(folder, path))

    def _may_read(self, path: str) -> bool:
        if not path.startswith("/") and path.split("/")[0] != _UP:
            return True
        full = posixpath.normpath(posixpath.join(self.file.root, path))
        return any(full.startswith(f"{each}/") for each in self.file.folders)
