"""The versions of the specification, and what they call its keywords and documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Renamed(Struct, frozen=True):
    """A keyword that has one name in files of `naftiko`, and another in those of `ikanos`."""

    naftiko: str
    ikanos: str


LABEL: Final = Renamed("label", "display")
FUNCTIONS: Final = Renamed("functions", "flows")
TARGET: Final = Renamed("targetName", "target")
SOURCE: Final = Renamed("location", "from")
"""Only in imports; elsewhere `location` and `from` are keywords of their own."""
RENAMED: Final = (LABEL, FUNCTIONS, TARGET, SOURCE)


class Version(Struct, frozen=True):
    """A version as a file declares it: the root key, and its value."""

    key: str
    number: str

    def __str__(self) -> str:
        return f"{self.key}: {self.number}"

    def spells(self, keyword: Renamed) -> tuple[str, str]:
        """The name that a keyword has in this version, and the one it has in others."""
        names = (keyword.naftiko, keyword.ikanos)
        return names if self.key == "naftiko" else (names[1], names[0])


VERSIONS: Final = (
    Version("naftiko", "1.0.0-alpha1"),
    Version("naftiko", "1.0.0-alpha2"),
    Version("naftiko", "1.0.0-alpha3"),
    Version("ikanos", "1.0.0-alpha3"),
    Version("ikanos", "1.0.0-alpha4"),
    Version("ikanos", "1.0.0-beta1"),
    Version("ikanos", "1.0.0-beta2"),
    Version("ikanos", "1.0.0-beta3"),
    Version("ikanos", "1.0.0-beta4"),
    Version("ikanos", "1.0.0-beta5"),
)
"""In the order in which they came."""
UNDECLARED: Final = VERSIONS[1]
"""How a file is read that declares none."""
KEYS: Final = ("naftiko", "ikanos")
SECTIONS: Final = ("consumes", "exposes", "aggregates", "binds")
"""What a capability is made of, and what a file without one holds for others."""


def version_key(root: Mapping[str, object]) -> str | None:
    """The root key that declares the version; None where there is none."""
    return next((key for key in KEYS if key in root), None)


def declared(root: Mapping[str, object]) -> Version | None:
    """The version that the root of a document declares; None when it is not known."""
    key = version_key(root)
    if key is None:
        return UNDECLARED
    return next((v for v in VERSIONS if v.key == key and v.number == root[key]), None)


def is_standalone(root: Mapping[str, object]) -> bool:
    """Whether a document has what other files import at its root, and no capability."""
    held = any(root.get(section) is not None for section in SECTIONS)
    return held and "capability" not in root and version_key(root) is not None
