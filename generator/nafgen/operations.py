"""Links a consumed operation: its path, its parameters and its body resolved."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from . import spec
from .binds import Settings
from .diagnostics import Origin, Reporter, Span, show
from .ir import (
    ApiKey,
    Argument,
    ArrayOf,
    Auth,
    Basic,
    Bearer,
    Constant,
    Field,
    Interpolated,
    Location,
    ObjectOf,
    Operation,
    Setting,
    Template,
    Text,
    Type,
    Value,
)
from .matching import find
from .reader import pointer_name
from .results import extraction
from .spec import Located
from .values import Placeholder, encoded, path_template, reference, template

WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
_METHODS: Final = WRITING | {"GET", "HEAD", "OPTIONS"}
_ROOTS: Final = frozenset({"tools", "rest"})
_JSON: Final = frozenset({"json"})
_PLAIN: Final = frozenset({"text", "binary"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An operation that could not be linked, and why."""

    name: str
    code: str


def join(*paths: str) -> str:
    """Paths joined by exactly one slash; a trailing slash stays."""
    joined = ""
    for path in paths:
        if path and not path.startswith(("/", "?", ":")):
            path = f"/{path}"
        joined = joined.rstrip("/") + path if path else joined
    return joined


class _RefusedError(Exception):
    """Carries the code of the error that costs an operation."""


@dataclass(slots=True)
class OperationLinker:
    """Links one consumed operation."""

    entry: spec.Consumes
    settings: Settings
    reporter: Reporter
    auth: Auth | None
    resource: spec.ConsumedResource
    operation: spec.ConsumedOperation
    absolute: bool
    arguments: list[Argument] = field(default_factory=list)

    def link(self) -> Operation | Refused:
        """The operation, or why it is left out (reported)."""
        try:
            return self._linked()
        except _RefusedError as refusal:
            return Refused(name=self.operation.name, code=str(refusal))

    def _refuse(self, code: str, span: Span, message: str, hint: str = "") -> None:
        self.reporter.report(code, span, message, hint=hint)
        raise _RefusedError(code)

    def _linked(self) -> Operation:
        operation = self.operation
        if operation.method not in _METHODS:
            self._refuse(
                "NAF101",
                operation.origin.span,
                f"the method {show(operation.method)} is not known",
                f"one of {', '.join(sorted(_METHODS))}",
            )
        params = list(self._params())
        path, written = self._path(params)
        fields = {place: self._fields(params, place) for place in Location}
        body = self._body(params)
        made = extraction(operation.outputs, self.reporter)
        if isinstance(made, str):
            raise _RefusedError(made)
        return Operation(
            namespace=self.entry.namespace,
            name=operation.name,
            method=operation.method,
            path=path,
            query=(*written, *fields[Location.QUERY]),
            headers=fields[Location.HEADER],
            cookies=fields[Location.COOKIE],
            body=body,
            arguments=tuple(self.arguments),
            extracted=made[0],
            extracted_name=made[1],
            is_json=self._is_json(),
            description=operation.description,
            origin=operation.origin,
        )

    def _is_json(self) -> bool:
        raw = self.operation.raw_format
        written = str(raw.value).lower() if raw else "json"
        if raw is not None and written not in _JSON | _PLAIN:
            self._refuse(
                "NAF904",
                raw.span,
                f"the response format {show(raw.value)} is not supported yet",
                "json, text and binary are",
            )
        return written in _JSON

    def _params(self) -> Iterator[spec.Param]:
        """The parameters of all levels; the nearest one of a name and place wins."""
        nearest: dict[tuple[str, str], spec.Param] = {}
        shared = [p for p in self.entry.params if p.value is None]
        for param in (*shared, *self.resource.params, *self.operation.params):
            place = str(param.location.value) if param.location else "query"
            if place not in [*Location]:
                self._refuse(
                    "NAF908",
                    param.location.span if param.location else param.origin.span,
                    f"a parameter in {show(place)} is not supported yet",
                )
            nearest[place, param.name] = param
        for (place, name), param in nearest.items():
            if not name:
                self.reporter.report(
                    "NAF404",
                    param.origin.span,
                    "a parameter without a name is left out",
                )
            elif not self._is_credential(place, name, param):
                yield param

    def _is_credential(self, place: str, name: str, param: spec.Param) -> bool:
        """Whether the configured authentication sends this already."""
        match self.auth:
            case ApiKey(name=key, location=location):
                sent = (location.value, key.lower())
            case Basic() | Bearer():
                sent = ("header", "authorization")
            case None:
                return False
        if (place, name.lower()) != sent:
            return False
        self.reporter.report(
            "NAF411",
            param.origin.span,
            f"`{show(name)}` is sent by the authentication, so it is not an input",
        )
        return True

    def _argument(self, param: spec.Param, place: Location, required: bool) -> Argument:
        argument = Argument(
            name=param.name,
            location=place,
            type=type_of(param.type, Type.STRING),
            items=type_of(param.items, Type.ANY) if param.items else None,
            required=required,
            description=param.description,
            origin=param.origin,
        )
        self.arguments.append(argument)
        return argument

    # --- path ------------------------------------------------------------------

    def _path(
        self, params: list[spec.Param]
    ) -> tuple[tuple[str | Argument, ...], tuple[Field, ...]]:
        operation = self.operation
        located = operation.path or self.resource.path
        if operation.path is None:
            text = join(str(located.value))
        elif self.absolute:
            text = join(str(operation.path.value))
        else:
            text = join(str(self.resource.path.value), str(operation.path.value))
        text = text.partition("#")[0]
        text, _, query = text.partition("?")
        declared = [p for p in params if _place(p) == "path"]
        path: list[str | Argument] = []
        found: dict[str, Argument] = {}
        for piece in path_template(text):
            if isinstance(piece, str):
                path.append(encoded(piece))
                continue
            self._no_bind(piece, located.span)
            if piece.name not in found:
                found[piece.name] = self._path_argument(piece, declared, located)
            path.append(found[piece.name])
        self._lost([p for p in declared if p.origin not in _origins(found.values())])
        return tuple(path), self._written_query(query, located.span)

    def _no_bind(self, piece: Placeholder, span: Span) -> None:
        if piece.double and self.settings.of(piece.name, span) is not None:
            self._refuse(
                "NAF902",
                span,
                f"the bind `{piece.name}` in a path is not supported yet",
            )

    def _path_argument(
        self, piece: Placeholder, declared: list[spec.Param], located: Located
    ) -> Argument:
        param = find(piece.name, declared, lambda p: p.name)
        if param is None:
            pointer = (
                f"{self.operation.origin.pointer}.path[{pointer_name(piece.name)}]"
            )
            origin = Origin(pointer, located.span)
            param = spec.Param(
                name=piece.name,
                location=None,
                type="string",
                items=None,
                required=True,
                description="",
                value=None,
                origin=origin,
            )
        return self._argument(param, Location.PATH, required=True)

    def _lost(self, lost: list[spec.Param]) -> None:
        if not lost:
            return
        names = ", ".join(f"`{param.name}`" for param in lost)
        hint = "put it into the path, in the spec or by an overlay"
        if self.operation.method in WRITING:
            self._refuse(
                "NAF402",
                lost[0].origin.span,
                f"the path has no place for {names}: {self.operation.method} would go"
                " to the whole collection, so this operation is left out",
                hint,
            )
        self.reporter.report(
            "NAF401",
            lost[0].origin.span,
            f"the path has no place for {names}, so it is not sent",
            hint=hint,
        )

    def _written_query(self, query: str, span: Span) -> tuple[Field, ...]:
        fields = []
        for pair in filter(None, query.split("&")):
            name, _, value = pair.partition("=")
            text = self.settings.text(Located(value, span))
            if text is None:
                raise _RefusedError("NAF902")
            fields.append(Field(name=name, value=text))
        return tuple(fields)

    # --- query, headers, cookies -------------------------------------------------

    def _fields(self, params: list[spec.Param], place: Location) -> tuple[Field, ...]:
        if place in (Location.PATH, Location.BODY):
            return ()
        return tuple(
            Field(name=param.name, value=self._value(param, place))
            for param in params
            if _place(param) == place
        )

    def _value(self, param: spec.Param, place: Location) -> Value:
        if param.value is None:
            return self._argument(param, place, required=bool(param.required))
        constant = param.value.value
        if isinstance(constant, bool | int | float):
            return Constant(constant)
        text = self.settings.text(param.value)
        if text is None:
            raise _RefusedError("NAF902")
        return text

    # --- body --------------------------------------------------------------------

    def _body(self, params: list[spec.Param]) -> Template | None:
        members = [param for param in params if _place(param) == "body"]
        block = self.operation.body
        if block is not None:
            return self._block(block, members)
        if [param.name for param in members] == ["body"]:
            param = members[0]
            whole = replace(param, type=param.type or "object")
            return self._argument(whole, Location.BODY, required=bool(param.required))
        if members:
            return ObjectOf(tuple((p.name, self._member(p)) for p in members))
        if self.operation.method in _BODY_EXPECTED:
            return self._free_form(self.operation.origin.span)
        return None

    def _member(self, param: spec.Param) -> Template:
        if param.value is not None:
            constant = param.value.value
            return self._filled(constant, param.value.span, {})
        return self._argument(param, Location.BODY, required=bool(param.required))

    def _free_form(self, span: Span) -> Argument:
        self.reporter.report(
            "NAF412",
            span,
            f"{self.operation.method} with no body declared takes an optional JSON body",
        )
        origin = Origin(f"{self.operation.origin.pointer}.body", span)
        param = spec.Param(
            name="body",
            location=None,
            type="object",
            items=None,
            required=False,
            description="Request body (JSON).",
            value=None,
            origin=origin,
        )
        return self._argument(param, Location.BODY, required=False)

    def _block(self, block: spec.Body, members: list[spec.Param]) -> Template:
        if block.type.value != "json":
            self._refuse(
                "NAF906",
                block.type.span,
                f"the body type {show(block.type.value)} is not supported yet",
                "json is",
            )
        if block.data is None or block.data.value in ({}, ""):
            return self._free_form(block.type.span)
        known = {p.name: self._argument(p, Location.BODY, False) for p in members}
        return self._filled(block.data.value, block.data.span, known)

    def _filled(self, data: Any, span: Span, known: dict[str, Argument]) -> Template:
        """A body template; a placeholder that nobody declares becomes an argument."""
        if isinstance(data, dict):
            return ObjectOf(
                tuple((k, self._filled(v, span, known)) for k, v in data.items())
            )
        if isinstance(data, list):
            return ArrayOf(tuple(self._filled(item, span, known) for item in data))
        if not isinstance(data, str):
            return Constant(data)
        pieces = [
            piece if isinstance(piece, str) else self._placeholder(piece, span, known)
            for piece in template(data)
        ]
        if len(pieces) == 1 and isinstance(pieces[0], Argument):
            return pieces[0]
        texts = [piece for piece in pieces if not isinstance(piece, Argument)]
        if len(texts) == len(pieces):
            return Text(parts=tuple(texts))
        if any(isinstance(piece, Setting) for piece in texts):
            self._refuse("NAF902", span, "one text cannot mix binds and inputs so far")
        parts = [piece for piece in pieces if not isinstance(piece, Setting)]
        return Interpolated(tuple(parts))

    def _placeholder(
        self, piece: Placeholder, span: Span, known: dict[str, Argument]
    ) -> Argument | Setting:
        target = reference(piece.name, _ROOTS)
        if target is None:
            setting = self.settings.of(piece.name, span)
            if setting is not None:
                return setting
        name = target.name if target else piece.name
        if name not in known:
            pointer = f"{self.operation.origin.pointer}.body[{pointer_name(name)}]"
            origin = Origin(pointer, span)
            argument = Argument(
                name=name,
                location=Location.BODY,
                type=Type.ANY,
                items=None,
                required=False,
                description="",
                origin=origin,
            )
            self.arguments.append(argument)
            known[name] = argument
        return known[name]


def _place(param: spec.Param) -> str:
    return str(param.location.value) if param.location else "query"


def type_of(written: str | None, default: Type) -> Type:
    """The type that a parameter declares; the default where it declares none we know."""
    return Type(written) if written is not None and written in [*Type] else default


def _origins(arguments: Iterable[Argument]) -> frozenset[Origin]:
    return frozenset(argument.origin for argument in arguments)
