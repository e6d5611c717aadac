"""Names of input files: specs, and the overlays beside them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

SUFFIXES: Final = (".yaml", ".yml")
_OVERLAY: Final = ".overlay"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """A spec to compile: `shown` as the user names it, `relative` to the specs folder."""

    shown: str
    relative: str

    @property
    def overlay(self) -> Spec:
        """The overlay beside the spec, whether there is one or not."""
        return Spec(shown=_overlay_of(self.shown), relative=_overlay_of(self.relative))


def is_spec(name: str) -> bool:
    """Whether a file's name is that of a spec: YAML, and no overlay."""
    path = PurePosixPath(name)
    return path.suffix in SUFFIXES and PurePosixPath(path.stem).suffix != _OVERLAY


def _overlay_of(path: str) -> str:
    pure = PurePosixPath(path)
    return str(pure.with_name(f"{pure.stem}{_OVERLAY}{pure.suffix}"))
