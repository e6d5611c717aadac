"""Names of input files: specs, the overlays beside them, and what they import."""

from __future__ import annotations

import posixpath
import re
from hashlib import sha256
from pathlib import PurePosixPath
from typing import Final

from msgspec import Struct

SUFFIXES: Final = (".yaml", ".yml")
NOT_READ: Final = ""
"""In the place of the hash of an imported file that is not there, or not allowed."""
PLACES: Final = "[places]"
"""In the place of a file, names where folders are from one another."""
_OVERLAY: Final = ".overlay"
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:").match


class OutsideError(OSError):
    """A file is outside the folders that a spec may read."""


class Spec(Struct, frozen=True, kw_only=True):
    """A spec to compile: `shown` as the user names it, `relative` to the specs folder.

    `root` is the specs folder, and `folders` are others that it may read from, by their
    absolute paths. `from_output` is the specs folder as seen from the output folder.
    """

    shown: str
    relative: str
    root: str = ""
    folders: tuple[str, ...] = ()
    from_output: str = "../specs"

    @property
    def overlay(self) -> Spec:
        """The overlay beside the spec, whether there is one or not."""
        return Spec(shown=_overlay_of(self.shown), relative=_overlay_of(self.relative))

    @property
    def places(self) -> str:
        """Where the specs folder is from the output folder, and others from it, hashed."""
        others = (posixpath.relpath(each, self.root or "/") for each in self.folders)
        return sha256("\n".join((self.from_output, *others)).encode()).hexdigest()

    def beside(self, path: str) -> Spec:
        """The file at a path that is relative to the folder of this one."""
        shown, relative = (
            posixpath.normpath(posixpath.join(posixpath.dirname(own), path))
            for own in (self.shown, self.relative)
        )
        return Spec(shown=shown, relative=relative)

    def at(self, relative: str) -> Spec:
        """The file at a path that is relative to the specs folder."""
        depth = len(PurePosixPath(self.relative).parent.parts)
        return self.beside(posixpath.join(*[".."] * depth, relative))


def is_spec(name: str) -> bool:
    """Whether a file's name is that of a spec: YAML, and no overlay."""
    return name.endswith(SUFFIXES) and not is_overlay(name)


def is_overlay(name: str) -> bool:
    """Whether a file's name is that of an overlay."""
    return posixpath.splitext(name)[0].endswith(_OVERLAY)


def is_relative(path: str) -> bool:
    """Whether a path in a spec is relative, and written with `/`."""
    odd = path.startswith("/") or "\\" in path or not path.isprintable()
    return not odd and not _SCHEME(path)


def _overlay_of(path: str) -> str:
    stem, suffix = posixpath.splitext(path)
    return f"{stem}{_OVERLAY}{suffix}"
