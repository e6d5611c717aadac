"""A package's manifest: what was written, from what, and by which nafgen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from msgspec import Struct, field

_UNSAFE: Final = frozenset(("", ".", ".."))


class Generator(Struct, frozen=True, kw_only=True):
    """Which nafgen wrote: its version, and a hash of all that shapes its output."""

    version: str
    fingerprint: str


class Manifest(Struct, frozen=True, kw_only=True):
    """What a package's `.nafgen.json` says.

    `inputs`, `files` and `pending` map relative paths to SHA-256 in hex. `pending` is
    empty except after an interrupted write: then a file has its hash of `files` or of
    `pending`.
    """

    generator: Generator
    spec: str
    inputs: Mapping[str, str]
    files: Mapping[str, str]
    summary: Mapping[str, Any]
    pending: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Manifest | None:
        """The manifest in `data`; None if that is not one, or names unsafe paths."""
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            return None
        match value:
            case {
                "nafgen": {"version": str(version), "fingerprint": str(fingerprint)},
                "spec": str(spec),
                "inputs": dict(inputs),
                "files": dict(files),
                "summary": dict(summary),
            }:
                pending = value.get("pending", {})
            case _:
                return None
        hashes = [inputs, files, pending]
        if not all(isinstance(each, dict) for each in hashes):
            return None
        if not all(isinstance(hex_, str) for each in hashes for hex_ in each.values()):
            return None
        if not all(is_safe(path) for path in (*files, *pending)):
            return None
        return cls(
            generator=Generator(version=version, fingerprint=fingerprint),
            spec=spec,
            inputs=inputs,
            files=files,
            summary=summary,
            pending=pending,
        )

    def encode(self) -> bytes:
        """The manifest as JSON, the same bytes for the same values."""
        value: dict[str, Any] = {
            "nafgen": {
                "version": self.generator.version,
                "fingerprint": self.generator.fingerprint,
            },
            "spec": self.spec,
            "inputs": dict(self.inputs),
            "files": dict(self.files),
            "summary": dict(self.summary),
        }
        if self.pending:
            value["pending"] = dict(self.pending)
        return (json.dumps(value, indent=2, sort_keys=True) + "\n").encode()


def is_safe(path: str) -> bool:
    """Whether `path` is plain: relative, with `/`, and never leaving its folder."""
    return (
        path.isprintable()
        and "\\" not in path
        and ":" not in path
        and _UNSAFE.isdisjoint(path.split("/"))
    )


def digest(data: bytes) -> str:
    """The SHA-256 of `data` in hex."""
    return sha256(data).hexdigest()
