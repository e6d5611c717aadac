"""Reads the schemas that answers in Avro and Protocol Buffers are written by."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from . import spec
from .avro_schemas import avro_schema
from .diagnostics import Reporter, show
from .imports import Unfetched
from .inputs import is_relative
from .protobuf_schemas import protobuf_schema
from .spec import Located
from .wire import AnswerSchema, Format

MAX_FILE: Final = 256 * 1024
"""Bytes of a schema's file at the most."""

Fetch: TypeAlias = Callable[[Located], bytes | Unfetched]
"""Reads the file at a path that is relative to the file in which it is written."""

_KINDS: Final[dict[str, Callable[[bytes], AnswerSchema]]] = {
    Format.AVRO: avro_schema,
    Format.PROTOBUF: protobuf_schema,
}
_EXAMPLES: Final = {Format.AVRO: "things.avsc", Format.PROTOBUF: "things.proto"}


def read_schemas(
    capability: spec.Capability, fetch: Fetch, reporter: Reporter
) -> spec.Capability:
    """The capability in which operations have the schemas of their answers.

    Findings: NAF213 (a schema cannot be used) and NAF503; either costs the operation.
    """
    pass_ = _Pass(fetch, reporter)
    consumes = tuple(
        replace(
            entry,
            resources=tuple(
                replace(each, operations=tuple(map(pass_.operation, each.operations)))
                for each in entry.resources
            ),
        )
        for entry in capability.consumes
    )
    return replace(capability, consumes=consumes)


class _Pass(Struct, frozen=True):
    fetch: Fetch
    reporter: Reporter

    def operation(
        self, unit: spec.ConsumedOperation | spec.Unusable
    ) -> spec.ConsumedOperation | spec.Unusable:
        if isinstance(unit, spec.Unusable) or unit.raw_format is None:
            return unit
        format_ = str(unit.raw_format.value).lower()
        if format_ not in _KINDS:
            return unit
        found = self._schema(unit, unit.raw_format, Format(format_))
        if isinstance(found, str):
            return spec.Unusable(kind="operation", name=unit.name, code=found)
        return replace(unit, schema=found)

    def _schema(
        self, unit: spec.ConsumedOperation, declared: Located, format_: Format
    ) -> AnswerSchema | str:
        """The schema, or the code of why there is none (reported)."""
        path = unit.selector
        example = f"as `outputSchema: ./{_EXAMPLES[format_]}`"
        if path is None or not path.value or not isinstance(path.value, str):
            self.reporter.report(
                "NAF213",
                (path or declared).span,
                f"an answer in {show(format_)} needs the file of its schema",
                hint=f"name it, {example}; or write `outputRawFormat: binary`",
            )
            return "NAF213"
        if not is_relative(path.value):
            return self._refused(
                path,
                "NAF503",
                f"{show(path.value)} is not a relative path",
                f"write a path that is relative to this file, {example}",
            )
        data = self.fetch(path)
        if isinstance(data, Unfetched):
            message = f"the schema cannot be read: {data.reason}"
            return self._refused(path, data.code, message, data.hint)
        try:
            if len(data) > MAX_FILE:
                raise ValueError(f"it has more than {MAX_FILE:,} bytes")
            return _KINDS[format_](data)
        except ValueError as error:
            message = f"the schema {show(path.value)} cannot be used: {error}"
            return self._refused(path, "NAF213", message, "correct the file")

    def _refused(self, path: Located, code: str, message: str, hint: str) -> str:
        self.reporter.report(code, path.span, message, hint=hint)
        return code
