"""Lowers what both sides of a capability have: units, parameters and outputs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .diagnostics import Reporter, Span, show
from .keywords import OUTPUT, PARAM
from .reader import Keys, Reader
from .source import Document, Map, Seq
from .spec import Located

Unit = TypeVar("Unit")
LOOPBACK: Final = "127.0.0.1"
"""Where an adapter listens that does not say so."""
MAX_UNITS: Final = 5_000
"""Units of a file; the largest published one has less than half of that."""
_NAMING: Final = ("namespace", "as", "import", "openapi")
"""Keys of an API or adapter by which calls know it; the last three are of other files."""
_INSIDE: Final = {"upstream": "operation", "adapter": "route"}
"""Units that hold others, and what those are outside `tools`."""
_SERVED: Final = {"tools": "tool", "resources": "resource", "prompts": "prompt"}
_TYPES: Final = {
    "string": "string str text date datetime bytes",
    "integer": "integer int long int32 int64",
    "number": "number float double decimal",
    "boolean": "boolean bool",
    "array": "array list",
    "object": "object dict map json",
}
_OFFICIAL: Final = {
    name: kind for kind, all_ in _TYPES.items() for name in all_.split()
}


class Units(Struct):
    """What is shared while a document is lowered.

    `unusable` lists the units that were left out, `script_steps` the steps that run
    scripts. `refused_inside` is the code of the first unsupported keyword in parameters
    or outputs of the unit at hand, `number` how many units there were.
    """

    reporter: Reporter
    document: Document
    unusable: list[spec.Unusable] = field(default_factory=list)
    script_steps: list[spec.ScriptStep] = field(default_factory=list)
    refused_inside: str | None = None
    number: int = 0

    def of(
        self,
        readers: tuple[Reader, ...],
        kind: str,
        make: Callable[[Reader], Unit | str],
    ) -> tuple[Unit, ...]:
        """Lower each reader; `make` gives the code of the error that costs the unit."""
        units: list[Unit] = []
        for reader in readers:
            made = self.unit(reader, kind, make)
            if isinstance(made, spec.Unusable):
                self.unusable.append(made)
                self.unusable += _inside(reader, kind, made.code)
            else:
                units.append(made)
        return tuple(units)

    def unit(
        self, reader: Reader, kind: str, make: Callable[[Reader], Unit | str]
    ) -> Unit | spec.Unusable:
        """Lower one unit; what is refused inside it costs it, and nothing around it."""
        self.number += 1
        around, self.refused_inside = self.refused_inside, None
        is_cut = kind not in _INSIDE and self._is_cut(reader.data)
        made = self._cut(reader, kind) if is_cut else make(reader)
        refused, self.refused_inside = self.refused_inside, around
        code = refused or made
        if not isinstance(code, str):
            return code
        names = (reader.name, *map(reader.text, _NAMING))
        name = next(filter(None, names), reader.pointer)
        return spec.Unusable(kind=kind, name=name, code=code)

    def _is_cut(self, unit: Map) -> bool:
        """Whether the text of a truncated file ends in a mapping that nothing closes."""
        document, span = self.document, unit.span
        return (
            document.truncated
            and span.file == document.path
            and span[3:] == document.root.span[3:]
            and not document.line(span.line).startswith("{", span.column - 1)
        )

    def _cut(self, reader: Reader, kind: str) -> str:
        """Even a value that looks whole may be the beginning of another one."""
        self.reporter.report(
            "NAF010",
            reader.span,
            f"the file was cut off in this {kind}, so it is left out",
            hint="get the whole file, or complete it and remove the comment at its end",
        )
        return "NAF010"

    def shared_params(
        self, reader: Reader, keys: Keys = PARAM
    ) -> tuple[tuple[spec.Param, ...], str | None]:
        """The parameters of a resource, and what makes them cost all its operations."""
        around, self.refused_inside = self.refused_inside, None
        params = self.params(reader, keys)
        refused, self.refused_inside = self.refused_inside, around
        broken = "NAF101" if reader.is_broken("operations", "forward") else None
        return params, refused or broken

    def note(self, span: Span, written: str, official: str) -> None:
        self.reporter.report(
            "NAF409", span, f"{written} is read as the official {official}"
        )

    def note_defaults(self, entry: Reader, **defaults: str | int) -> None:
        """Note what an adapter does not say, and how it is read."""
        for key, default in defaults.items():
            if key not in entry:
                self.note(
                    entry.span, f"an adapter without `{key}`", f"`{key}: {default}`"
                )

    def report_empty(self, entry: Reader, key: str) -> None:
        """Say that an adapter has nothing to serve."""
        self.reporter.report(
            "NAF418",
            entry.data.key_span(key) if key in entry.data else entry.span,
            f"this adapter has nothing in its `{key}`, so it is not written",
            hint="write what it shall serve, or remove it",
        )

    def params(self, entry: Reader, keys: Keys = PARAM) -> tuple[spec.Param, ...]:
        params = []
        for reader in entry.children("inputParameters"):
            self.refused_inside = reader.check_keys(keys) or self.refused_inside
            items = reader.child("items")
            params.append(
                spec.Param(
                    name=reader.name,
                    location=reader.located("in"),
                    type=self._type(reader) or None,
                    items=self._type(items) if items else None,
                    required=reader.flag("required"),
                    description=reader.text("description"),
                    value=reader.located("value"),
                    origin=reader.origin,
                    pattern=(
                        reader.located("pattern") if "pattern" in keys.read else None
                    ),
                )
            )
        return tuple(params)

    def _type(self, reader: Reader) -> str:
        """The type of a value, its usual other spellings read as the official ones."""
        written = reader.text("type")
        official = _OFFICIAL.get(written.lower(), written)
        if official != written:
            self.note(reader.data.value_span("type"), show(written), f"`{official}`")
        return official

    def outputs(self, entry: Reader) -> tuple[spec.Output, ...]:
        """The outputs; in a mapping of them, their keys are their names."""
        return tuple(
            self._output(
                reader, "" if isinstance(reader.path[-1], int) else reader.name
            )
            for reader in entry.children("outputParameters")
        )

    def extracted(self, entry: Reader) -> tuple[spec.Output, ...]:
        """The outputs of a consumed operation, whose `value` is a path without `$` too."""
        return tuple(
            self._as_path(reader, output)
            for reader, output in zip(
                entry.children("outputParameters"), self.outputs(entry), strict=True
            )
        )

    def _as_path(self, reader: Reader, output: spec.Output) -> spec.Output:
        value = reader.located("value")
        if output.mapping is not None or value is None:
            return output
        if not isinstance(value.value, str):
            return output
        self.note(value.span, show(value.value), show(f"$.{value.value}"))
        return replace(output, mapping=value, value=None)

    def _output(self, reader: Reader, name: str = "") -> spec.Output:
        self.refused_inside = reader.check_keys(OUTPUT) or self.refused_inside
        value, mapping = reader.located("value"), reader.located("mapping")
        if mapping is None and _is_json_path(value):
            mapping, value = value, None
        items = self._items(reader)
        properties = tuple(
            (child.path[-1], self._output(child))
            for child in reader.children("properties")
        )
        return spec.Output(
            name=reader.text("name", name),
            type=self._type(reader) or ("array" if items else "object"),
            mapping=mapping,
            value=value or reader.located("const"),
            properties=tuple((str(name), output) for name, output in properties)
            or None,
            items=self._output(items) if items else None,
            origin=reader.origin,
        )

    def _items(self, reader: Reader) -> Reader | None:
        """What each item of an array is: a mapping, or the only one of a list."""
        if not isinstance(reader.data.get("items"), Seq):
            return reader.child("items")
        items = reader.children("items")
        if len(items) > 1 or any("name" in item for item in items):
            self.refused_inside = self.refused_inside or "NAF101"
            self.reporter.report(
                "NAF101",
                reader.data.value_span("items"),
                "`items` must be one mapping, not a list",
                hint="write members of an object as its `properties`",
            )
        return items[0] if items else None


def _inside(reader: Reader, kind: str, code: str) -> Iterator[spec.Unusable]:
    """The operations, routes and tools of an API or adapter that is left out."""
    inner = _INSIDE.get(kind)
    if inner is None:
        return
    for holder in (reader, *reader.children("resources", "path")):
        for entry in holder.children("operations"):
            name = entry.name or holder.text("path") or holder.path[-1]
            yield spec.Unusable(kind=inner, name=str(name), code=code)
        if inner == "route" and holder.child("forward"):
            yield spec.Unusable(kind=inner, name=holder.text("path"), code=code)
    for path in reader.children("paths", "path"):
        name = path.text("path") or path.path[-1]
        yield spec.Unusable(kind=inner, name=str(name), code=code)
    for skill in reader.children("skills"):
        name = skill.name or skill.pointer
        yield spec.Unusable(kind="skill", name=name, code=code)
    for key, served in _SERVED.items():
        for unit in reader.children(key):
            if key != "resources" or "uri" in unit:
                name = unit.name or unit.pointer
                yield spec.Unusable(kind=served, name=name, code=code)


def _is_json_path(value: Located | None) -> bool:
    return (
        value is not None
        and isinstance(value.value, str)
        and value.value.startswith("$")
    )
