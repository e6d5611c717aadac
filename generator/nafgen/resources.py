"""Files that come with nafgen, in an installed package and in a checkout alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from . import __version__
from .files import contents
from .manifest import Generator

PACKAGE: Final = Path(__file__).parent
_CHECKOUT: Final = PACKAGE.parent.parent
RUNTIME: Final = PACKAGE / "runtime"
SCHEMAS: Final = PACKAGE / "schemas"


def templates() -> Path:
    """The folder of the templates."""
    return _inside_or(PACKAGE / "templates", _CHECKOUT / "templates")


def explanations() -> Path:
    """The folder of the diagnostics' pages."""
    return _inside_or(PACKAGE / "explanations", _CHECKOUT / "docs" / "diagnostics")


def _inside_or(inside: Path, checkout: Path) -> Path:
    """The checkout's own folder wins: an editable install may hold a stale copy."""
    return checkout if checkout.is_dir() else inside


@cache
def generator() -> Generator:
    """This nafgen: its version, and a hash of all that shapes its output."""
    digest = sha256()
    for folder, suffix in (
        (PACKAGE, ".py"),
        (PACKAGE / "targets", ".py"),
        (RUNTIME, ".py"),
        (SCHEMAS, ".json"),
        (templates(), ".j2"),
    ):
        for name, data in _files(str(folder), suffix):
            digest.update(b"%s\0%s\0" % (name.encode(), data))
    return Generator(version=__version__, fingerprint=digest.hexdigest())


def _files(folder: str, suffix: str) -> Iterator[tuple[str, bytes]]:
    # Paths as objects would take longer than reading and hashing.
    for name in sorted(os.listdir(folder)):  # noqa: PTH208
        if name.endswith(suffix):
            yield name, contents(f"{folder}/{name}")
