"""A datum for an Avro schema, and the JSON value that stands in it.

What generated packages read it with is other code, so that one mistake cannot hide in
both.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Datum: TypeAlias = tuple[bytes, Any]

_SHALLOW: Final = 6
"""Schemas inside one another up to which optional parts are filled."""
_DEEP: Final = 64
_ONE: Final = b"\x02"
_END: Final = b"\x00"
_SCALARS: Final[dict[str, Datum]] = {
    "null": (b"", None),
    "boolean": (b"\x01", True),
    "int": (_ONE, 1),
    "long": (_ONE, 1),
    "float": (struct.pack("<f", 0.5), 0.5),
    "double": (struct.pack("<d", 0.1), 0.1),
    "bytes": (b"\x04\x00\xff", "AP8="),
    "string": (b"\x06a\xc3\xbc", "aü"),
}
_LOGICAL: Final[dict[tuple[str, str], Datum]] = {
    ("int", "date"): (_ONE, "1970-01-02"),
    ("int", "time-millis"): (_ONE, "00:00:00.001000"),
    ("long", "time-micros"): (_ONE, "00:00:00.000001"),
    ("long", "timestamp-millis"): (_ONE, "1970-01-01T00:00:00.001000Z"),
    ("long", "timestamp-micros"): (_ONE, "1970-01-01T00:00:00.000001Z"),
    ("string", "uuid"): (
        b"\x48" + b"00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-000000000001",
    ),
}


def sample(declared: Any) -> Datum:
    """A datum with all that the schema has room for.

    Raises:
        ValueError: the schema holds itself, so that no datum ends.
    """
    return _Sampler().datum(declared, 0)


class _Sampler:
    def __init__(self) -> None:
        self._named: dict[str, Mapping[str, Any]] = {}

    def datum(self, declared: Any, depth: int) -> Datum:
        if depth > _DEEP:
            raise ValueError("it holds itself")
        if isinstance(declared, list):
            return self._union(declared, depth)
        if isinstance(declared, str):
            if declared in _SCALARS:
                return _SCALARS[declared]
            return self.datum(self._named[declared.rpartition(".")[2]], depth + 1)
        kind = declared["type"]
        if not isinstance(kind, str):
            return self.datum(kind, depth)
        return self._declared(kind, declared, depth)

    def _declared(self, kind: str, declared: Mapping[str, Any], depth: int) -> Datum:
        if "name" in declared and kind in ("record", "error", "enum", "fixed"):
            self._named[declared["name"].rpartition(".")[2]] = declared
        match kind:
            case "record" | "error":
                return self._record(declared["fields"], depth)
            case "enum":
                return _END, declared["symbols"][0]
            case "array":
                return self._items(declared["items"], depth)
            case "map":
                return self._members(declared["values"], depth)
            case "fixed":
                return _fixed(declared)
            case "bytes" if declared.get("logicalType") == "decimal":
                return b"\x02\x07", _decimal(declared)
            case _:
                logical = (kind, str(declared.get("logicalType")))
                return _LOGICAL.get(logical) or self.datum(kind, depth)

    def _record(self, fields: list[Mapping[str, Any]], depth: int) -> Datum:
        made = {each["name"]: self.datum(each["type"], depth + 1) for each in fields}
        written = b"".join(data for data, _ in made.values())
        return written, {name: value for name, (_, value) in made.items()}

    def _union(self, branches: list[Any], depth: int) -> Datum:
        order = [*range(len(branches))]
        if depth < _SHALLOW:
            order.sort(key=lambda place: branches[place] == "null")
        elif "null" in branches:
            order = [branches.index("null")]
        data, value = self.datum(branches[order[0]], depth + 1)
        return bytes([order[0] * 2]) + data, value

    def _items(self, items: Any, depth: int) -> Datum:
        if depth >= _SHALLOW:
            return _END, []
        data, value = self.datum(items, depth + 1)
        return b"\x04" + data * 2 + _END, [value, value]

    def _members(self, values: Any, depth: int) -> Datum:
        if depth >= _SHALLOW:
            return _END, {}
        data, value = self.datum(values, depth + 1)
        return b"\x02\x06key" + data + _END, {"key": value}


def _fixed(declared: Mapping[str, Any]) -> Datum:
    size = declared["size"]
    if declared.get("logicalType") == "decimal":
        return (7).to_bytes(size, "big"), _decimal(declared)
    data = b"\x01" * size
    return data, base64.b64encode(data).decode("ascii")


def _decimal(declared: Mapping[str, Any]) -> str:
    scale = declared.get("scale", 0)
    return f"0.{'7'.rjust(scale, '0')}" if scale else "7"
