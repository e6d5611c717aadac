"""The official shape of each version, as a JSON Schema that is made of one annotated one.

`schemas/official.json` holds all versions. What its annotations mean for a version:

- An object with `x-since` or `x-until` is there in these versions only.
- `x-is`, beside them in a list, is the item that the object stands for.
- `x-choose` lists schemas, and is the first that is there.
- `NAFTIKO|IKANOS` is a keyword that has two names.
- `x-named` is a collection of objects of a definition, which have names: a list in
  `naftiko`, where they hold their `name`, and a mapping by their names in `ikanos`.
- `x-name`, in such a definition, is what names look like, and `x-nameless` says that an
  item of a list need not have one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from .versions import VERSIONS, Renamed, Version

Schema = dict[str, Any]
_RANKS: Final = {str(version): rank for rank, version in enumerate(VERSIONS)}
_FIRST: Final = str(VERSIONS[0])
_LAST: Final = str(VERSIONS[-1])


def official(version: Version) -> Schema:
    """The strict schema of a version."""
    path = Path(__file__).with_name("schemas") / "official.json"
    annotated = json.loads(path.read_text(encoding="utf-8"))
    schema: Schema = _Reading(version, annotated["$defs"]).of(annotated)
    return schema


class _Reading(Struct, frozen=True):
    """What nodes of the annotated schema are in a version."""

    version: Version
    definitions: Mapping[str, Any]

    def of(self, node: Any) -> Any:
        if isinstance(node, list):
            return [self.of(item) for item in node if self._applies(item)]
        if isinstance(node, str):
            return self._name(node)
        if not isinstance(node, dict):
            return node
        if "x-is" in node:
            return node["x-is"]
        if "x-choose" in node:
            return self.of(next(filter(self._applies, node["x-choose"])))
        schema = dict(self._entries(node))
        if "x-named" in node:
            return self._collection(node["x-named"], schema)
        if "x-name" in node and self.version.key == "naftiko":
            return self._with_name(node, schema)
        return schema

    def _applies(self, node: Any) -> bool:
        if not isinstance(node, dict):
            return True
        first, last = node.get("x-since", _FIRST), node.get("x-until", _LAST)
        return _RANKS[first] <= _RANKS[str(self.version)] <= _RANKS[last]

    def _entries(self, node: Schema) -> Iterator[tuple[str, Any]]:
        for key, value in node.items():
            if not key.startswith("x-") and self._applies(value):
                is_text = isinstance(value, str)
                yield self._name(key), value if is_text else self.of(value)

    def _name(self, name: str) -> str:
        names = name.split("|")
        return self.version.spells(Renamed(*names))[0] if len(names) == 2 else name

    def _collection(self, name: str, schema: Schema) -> Schema:
        reference = {"$ref": f"#/$defs/{name}"}
        if self.version.key == "naftiko":
            return {"type": "array", **schema, "items": reference}
        if "minItems" in schema:
            schema["minProperties"] = schema.pop("minItems")
        names = self.of(self.definitions[name]["x-name"])
        return {
            "type": "object",
            "description": "a mapping by name",
            **schema,
            "propertyNames": names,
            "additionalProperties": reference,
        }

    def _with_name(self, node: Schema, schema: Schema) -> Schema:
        properties = {"name": self.of(node["x-name"]), **schema["properties"]}
        required = schema.get("required", [])
        if "x-nameless" not in node:
            required = ["name", *required]
        return {**schema, "required": required, "properties": properties}
