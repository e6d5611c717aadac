"""Names of input files: specs, the overlays beside them, and what they import."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

SUFFIXES: Final = (".yaml", ".yml")
NOT_READ: Final = ""
"""In the place of the hash of an imported file that is not there, or not allowed."""
_OVERLAY: Final = ".overlay"


class OutsideError(OSError):
    """A file is outside the folders that a spec may read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A spec to compile: `shown` as the user names it, `relative` to the specs folder.

    `folders` are those, by absolute paths, that imports may come from besides the specs
    folder.
    """

    shown: str
    relative: str
    folders: tuple[str, ...] = ()

    @property
    def overlay(self) -> Spec:
        """The overlay beside the spec, whether there is one or not."""
        return Spec(shown=_overlay_of(self.shown), relative=_overlay_of(self.relative))

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
    return PurePosixPath(name).suffix in SUFFIXES and not is_overlay(name)


def is_overlay(name: str) -> bool:
    """Whether a file's name is that of an overlay."""
    return PurePosixPath(PurePosixPath(name).stem).suffix == _OVERLAY


def _overlay_of(path: str) -> str:
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}{_OVERLAY}{pure.suffix}"))
