"""Links the paths of consumed operations, and the queries that they are written with."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias
from urllib.parse import quote, unquote_plus

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .arguments import Arguments, RefusedError, place_of, undeclared
from .binds import Settings
from .diagnostics import Origin, Reporter, Span, show
from .ir import (
    Argument,
    Constant,
    Field,
    Interpolated,
    Member,
    Placed,
    Setting,
    Text,
    Value,
)
from .matching import find
from .parameter_values import text_parts
from .reader import pointer_name
from .spec import Located
from .values import ROOTS, Placeholder, climbs, encoded, path_template, reference
from .wire import Location

WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_ADDRESS: Final = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://").match

Part: TypeAlias = str | Argument | Setting


def join(*paths: str) -> str:
    """Paths joined by exactly one slash; a trailing slash stays."""
    joined = ""
    for path in paths:
        if path and not path.startswith(("/", "?", ":")):
            path = f"/{path}"
        joined = joined.rstrip("/") + path if path else joined
    return joined


def report_setting(name: str, span: Span, reporter: Reporter) -> None:
    """Report a parameter or a value that is a setting already."""
    message = f"{show(name)} is in the base URL, so it is a setting and no input"
    reporter.report("NAF411", span, message)


class PathLinker(Struct):
    """Links the path of one operation.

    `variables` are names in the base URL, which are settings. `value` gives what a
    parameter is filled with. `used` is what those in the path and
    in its query are, by where they are declared.
    """

    resource: spec.ConsumedResource
    operation: spec.ConsumedOperation
    absolute: bool
    variables: tuple[str, ...]
    settings: Settings
    arguments: Arguments
    value: Callable[[spec.Param, Location], Value]
    used: dict[Origin, Value] = field(default_factory=dict)

    def link(
        self, params: list[spec.Param]
    ) -> tuple[tuple[Part, ...], tuple[Field, ...]]:
        """The parts of the path, and the fields of the query that it is written with.

        Raises:
            RefusedError: it cannot be compiled (reported).
        """
        text, query = self._written()
        # One that does not say where it travels is in the path if that has its name.
        declared = [p for p in params if p.location is None or place_of(p) == "path"]
        path: list[Part] = []
        for piece in path_template(text):
            if isinstance(piece, str):
                path.append(encoded(piece))
            elif (setting := self._bind(piece)) is not None:
                path.append(setting)
            else:
                path += self._parts(self._param(piece, declared))
        if climbs("".join(part if isinstance(part, str) else "x" for part in path)):
            self.arguments.refuse(
                "NAF101", self._span, "a path cannot hold a segment `.` or `..`"
            )
        fields = tuple(self._fields(query, declared))
        self._lost([p for p in declared if p.location and p.origin not in self.used])
        return tuple(path), fields

    @property
    def _span(self) -> Span:
        return (self.operation.path or self.resource.path).span

    def _written(self) -> tuple[str, str]:
        """The path of the operation and its query, as the spec writes them."""
        written = [str(self.resource.path.value)]
        if self.operation.path is not None:
            kept = [] if self.absolute else written
            written = [*kept, str(self.operation.path.value)]
        paths, queries = [], []
        for text in written:
            text, fragment, _ = text.partition("#")
            path, _, query = text.partition("?")
            if fragment:
                self.arguments.reporter.report(
                    "NAF416",
                    self._span,
                    "a request ends before `#`, so what follows it is not sent",
                    hint="if it tells operations apart, say it with a parameter instead",
                )
            if _ADDRESS(path):
                self.arguments.refuse(
                    "NAF101",
                    self._span,
                    f"{show(path)} is an address, and a path is wanted",
                    "write the part of it that follows the `baseUri`",
                )
            paths.append(path)
            queries.append(query)
        return join(*paths), "&".join(queries)

    def _bind(self, piece: Placeholder) -> Setting | None:
        """The setting that a placeholder of a path names, if it names one."""
        return self.settings.of(piece.name, self._span) if piece.double else None

    def _param(self, piece: Placeholder, declared: list[spec.Param]) -> spec.Param:
        """The declared parameter of a placeholder, or one that only the path declares."""
        target = reference(piece.name, ROOTS)
        name = target.name if target else piece.name
        if not name:
            self.arguments.refuse(
                "NAF101",
                self._span,
                "a variable of this path has no name",
                "write it between the braces, as in `{id}`",
            )
        pointer = f"{self.operation.origin.pointer}.path[{pointer_name(name)}]"
        found = find(name, declared, lambda p: p.name)
        return found or undeclared(name, Origin(pointer, self._span), required=True)

    def _filled(self, param: spec.Param, place: Location) -> Value:
        """What fills a parameter, which is one argument wherever the path has it."""
        if param.origin not in self.used:
            self.used[param.origin] = self.value(replace(param, required=True), place)
        return self.used[param.origin]

    def _parts(self, param: spec.Param) -> tuple[Part, ...]:
        parts: tuple[Part, ...]
        match self._filled(param, Location.PATH):
            case Argument() as argument:
                return (argument,)
            case Constant(constant):
                parts = (json.dumps(constant),)
            case Text() | Interpolated() as text:
                texts = text_parts(text)
                # Only bodies take members of arguments.
                parts = tuple(p for p in texts if not isinstance(p, Member | Placed))
        sample = "".join(part if isinstance(part, str) else "x" for part in parts)
        if param.value is not None and (not sample or climbs(sample)):
            self.arguments.refuse(
                "NAF101",
                param.value.span,
                f"{show(param.value.value)} is no part of a path",
            )
        return tuple(quote(p, safe="") if isinstance(p, str) else p for p in parts)

    def _lost(self, unused: list[spec.Param]) -> None:
        """Report parameters that have no place in the path."""
        lost = []
        for param in unused:
            if find(param.name, self.variables, str) is None:
                lost.append(param)
            else:
                report_setting(param.name, param.origin.span, self.arguments.reporter)
        if not lost:
            return
        names = ", ".join(f"`{param.name}`" for param in lost)
        hint = "put it into the path, in the spec or by an overlay"
        if self.operation.method in WRITING:
            self.arguments.refuse(
                "NAF402",
                lost[0].origin.span,
                f"the path has no place for {names}: {self.operation.method} would go"
                " to the whole collection, so this operation is left out",
                hint,
            )
        self.arguments.reporter.report(
            "NAF401",
            lost[0].origin.span,
            f"the path has no place for {names}, so it is not sent",
            hint=hint,
        )

    def _fields(self, query: str, declared: list[spec.Param]) -> Iterator[Field]:
        """The query that a path is written with; a placeholder in it is a parameter."""
        for pair in filter(None, query.split("&")):
            name, _, written = pair.partition("=")
            value: Value | None
            pieces = path_template(written)
            piece = pieces[0] if len(pieces) == 1 else None
            if isinstance(piece, Placeholder) and not self._bind(piece):
                value = self._filled(self._param(piece, declared), Location.QUERY)
            else:
                value = self.settings.text(Located(unquote_plus(written), self._span))
            if value is None:
                raise RefusedError("NAF902")
            yield Field(name=unquote_plus(name), value=value)
