"""Links a consumed operation: its path, its parameters and its body resolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import quote, unquote_plus

from . import spec
from .arguments import (
    Arguments,
    RefusedError,
    is_token,
    place_of,
    sendable,
    undeclared,
)
from .binds import Settings
from .bodies import BodyLinker
from .diagnostics import Origin, Reporter, Span, show
from .extras import fits, join_extras
from .ir import (
    ApiKeys,
    Argument,
    Auth,
    Basic,
    Bearer,
    Constant,
    Field,
    Location,
    Operation,
    Setting,
    Supplied,
    Value,
)
from .matching import find
from .media_types import Kind, of_media_type
from .reader import pointer_name
from .results import extraction
from .spec import Located
from .values import Placeholder, climbs, encoded, is_constant, path_template

WRITING: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_BODY_EXPECTED: Final = frozenset({"POST", "PUT", "PATCH"})
METHODS: Final = WRITING | {"GET", "HEAD", "OPTIONS"}
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


@dataclass(slots=True)
class OperationLinker:
    """Links one consumed operation.

    `extras` are values that calls give, by name, whether they are declared or not;
    `kind` is how the API takes bodies.
    """

    entry: spec.Consumes
    settings: Settings
    reporter: Reporter
    auth: Auth | None
    resource: spec.ConsumedResource
    operation: spec.ConsumedOperation
    absolute: bool
    extras: dict[str, Located]
    kind: Kind
    arguments: Arguments = field(init=False)
    credentials: dict[str, None] = field(default_factory=dict)
    variables: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        base = path_template(str(self.entry.base_uri.value))
        self.variables = frozenset(p.name for p in base if isinstance(p, Placeholder))
        self.arguments = Arguments(self.reporter)

    def link(self) -> Operation | Refused:
        """The operation, or why it is left out (reported)."""
        try:
            return self._linked()
        except RefusedError as refusal:
            return Refused(name=self.operation.name, code=str(refusal))

    def _linked(self) -> Operation:
        operation = self.operation
        if operation.method not in METHODS:
            self.arguments.refuse(
                "NAF101",
                operation.origin.span,
                f"the method {show(operation.method)} is not known",
                f"one of {', '.join(sorted(METHODS))}",
            )
        params = list(self._params())
        path, written = self._path(params)
        fields = {place: self._fields(params, place) for place in Location}
        body = BodyLinker(
            self.operation, self.settings, self.arguments, self._body_kind(params)
        ).link(params)
        declared = {param.name for param in params} | self.credentials.keys()
        given = {n: v for n, v in self.extras.items() if n not in declared}
        for name in self.variables & given.keys():
            self._report_setting(name, given.pop(name).span)
        sent, extras = join_extras(operation, given, body, self.arguments)
        made = extraction(operation.outputs, self.reporter)
        if isinstance(made, str):
            raise RefusedError(made)
        return Operation(
            namespace=self.entry.namespace,
            name=operation.name,
            method=operation.method,
            path=path,
            query=(*written, *fields[Location.QUERY], *extras),
            headers=fields[Location.HEADER],
            cookies=fields[Location.COOKIE],
            body=sent,
            encoding=body.kind.encoding,
            media_type=body.kind.media_type,
            arguments=self.arguments.all,
            from_settings=(*self.credentials, *sorted(self.variables)),
            extracted=made,
            is_json=self._is_json(),
            description=operation.description,
            origin=operation.origin,
        )

    def _body_kind(self, params: list[spec.Param]) -> Kind:
        """How the body is written: as a constant header says, else as the API has it."""
        given = [*self.entry.headers]
        given += [
            (param.name, param.value)
            for param in (*self.entry.params, *params)
            if param.value is not None and place_of(param) == "header"
        ]
        for name, located in reversed(given):
            if name.lower() == "content-type" and "{{" not in str(located.value):
                return of_media_type(str(located.value))
        return self.kind

    def _is_json(self) -> bool:
        raw = self.operation.raw_format
        written = str(raw.value).lower() if raw else "json"
        if raw is not None and written not in _JSON | _PLAIN:
            self.arguments.refuse(
                "NAF904",
                raw.span,
                f"the response format {show(raw.value)} is not supported yet",
                "json, text and binary are (text passes the answer on)",
            )
        return written in _JSON

    def _params(self) -> Iterator[spec.Param]:
        """The parameters of all levels; the nearest one of a name and place wins."""
        nearest: dict[tuple[str, str], spec.Param] = {}
        shared = [p for p in self.entry.params if p.value is None]
        for param in (*shared, *self.resource.params, *self.operation.params):
            place = str(param.location.value) if param.location else "query"
            if place not in [*Location]:
                self.arguments.refuse(
                    "NAF908",
                    param.location.span if param.location else param.origin.span,
                    f"a parameter in {show(place)} is not supported yet",
                    "path, query, header, cookie and body are",
                )
            if (
                param.name
                and place in ("header", "cookie")
                and not is_token(param.name)
            ):
                self.arguments.refuse(
                    "NAF101",
                    param.origin.span,
                    f"{show(param.name)} cannot be the name of a {place}",
                )
            # The names of headers have no case.
            known = param.name.lower() if place == "header" else param.name
            nearest[place, known] = param
        for (place, _), param in nearest.items():
            name = param.name
            if not name:
                self.reporter.report(
                    "NAF404",
                    param.origin.span,
                    "a parameter without a name is left out",
                    hint="give it a `name`",
                )
            elif not self._is_credential(place, name, param):
                given = self.extras.get(name)
                misfit = given is not None and not fits(param.type, given.value)
                yield replace(param, type="any") if misfit else param

    def _is_credential(self, place: str, name: str, param: spec.Param) -> bool:
        """Whether the configured authentication sends this already."""
        match self.auth:
            case ApiKeys(keys=keys):
                sent = {(str(key.location), key.name.lower()) for key in keys}
            case Basic() | Bearer():
                sent = {("header", "authorization")}
            case Supplied() | None:
                return False
        if (place, name.lower()) not in sent:
            return False
        self.credentials[name] = None
        self.reporter.report(
            "NAF411",
            param.origin.span,
            f"{show(name)} is sent by the authentication, so it is not an input",
        )
        return True

    def _path(
        self, params: list[spec.Param]
    ) -> tuple[tuple[str | Argument | Setting, ...], tuple[Field, ...]]:
        operation = self.operation
        located = operation.path or self.resource.path
        if operation.path is None:
            text = join(str(located.value))
        elif self.absolute:
            text = join(str(operation.path.value))
        else:
            text = join(str(self.resource.path.value), str(operation.path.value))
        text, fragment, _ = text.partition("#")
        if fragment:
            self.reporter.report(
                "NAF416",
                located.span,
                "a request ends before `#`, so what follows it is not sent",
                hint="if it tells operations apart, say it with a parameter instead",
            )
        text, _, query = text.partition("?")
        declared = [p for p in params if place_of(p) == "path"]
        path: list[str | Argument | Setting] = []
        used: set[Origin] = set()
        values: dict[Origin, tuple[str | Argument | Setting, ...]] = {}
        for piece in path_template(text):
            if isinstance(piece, str):
                path.append(encoded(piece))
                continue
            setting = self._bind(piece, located.span)
            if setting is not None:
                path.append(setting)
                continue
            param = self._path_param(piece, declared, located)
            if param.origin not in used:
                used.add(param.origin)
                values[param.origin] = self._path_value(param)
            path += values[param.origin]
        if climbs("".join(part if isinstance(part, str) else "x" for part in path)):
            self.arguments.refuse(
                "NAF101", located.span, "a path cannot hold a segment `.` or `..`"
            )
        written = self._written_query(query, declared, used, located)
        self._lost([param for param in declared if param.origin not in used])
        return tuple(path), written

    def _bind(self, piece: Placeholder, span: Span) -> Setting | None:
        """The setting that a placeholder of a path names, if it names one."""
        return self.settings.of(piece.name, span) if piece.double else None

    def _path_param(
        self, piece: Placeholder, declared: list[spec.Param], located: Located
    ) -> spec.Param:
        """The declared parameter of a placeholder, or one that only the path declares."""
        if not piece.name:
            self.arguments.refuse(
                "NAF101",
                located.span,
                "a variable of a path needs a name, as in `{id}`",
            )
        pointer = f"{self.operation.origin.pointer}.path[{pointer_name(piece.name)}]"
        found = find(piece.name, declared, lambda p: p.name)
        origin = Origin(pointer, located.span)
        return found or undeclared(piece.name, origin, required=True)

    def _path_value(self, param: spec.Param) -> tuple[str | Argument | Setting, ...]:
        if param.value is None:
            return (self.arguments.add(param, Location.PATH, required=True),)
        text = self.settings.text(param.value)
        if text is None:
            raise RefusedError("NAF902")
        if not text.parts:
            self.arguments.refuse(
                "NAF101", param.value.span, "a part of a path cannot be empty"
            )
        return tuple(
            quote(part, safe="") if isinstance(part, str) else part
            for part in text.parts
        )

    def _report_setting(self, name: str, span: Span) -> None:
        message = f"{show(name)} is in the base URL, so it is a setting and no input"
        self.reporter.report("NAF411", span, message)

    def _lost(self, lost: list[spec.Param]) -> None:
        """Report parameters that have no place in the path."""
        for param in lost:
            if param.name in self.variables:
                self._report_setting(param.name, param.origin.span)
        lost = [param for param in lost if param.name not in self.variables]
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
        self.reporter.report(
            "NAF401",
            lost[0].origin.span,
            f"the path has no place for {names}, so it is not sent",
            hint=hint,
        )

    def _written_query(
        self,
        query: str,
        declared: list[spec.Param],
        used: set[Origin],
        located: Located,
    ) -> tuple[Field, ...]:
        """The query that a path is written with; a placeholder in it is a parameter."""
        fields = []
        for pair in filter(None, query.split("&")):
            name, _, written = pair.partition("=")
            value: Value | None
            pieces = path_template(written)
            piece = pieces[0] if len(pieces) == 1 else None
            if isinstance(piece, Placeholder) and not self._bind(piece, located.span):
                param = self._path_param(piece, declared, located)
                alike = (a for a in self.arguments.all if a.origin == param.origin)
                value = next(alike, None) or self._value(
                    replace(param, required=True), Location.QUERY
                )
                used.add(param.origin)
            else:
                value = self.settings.text(Located(unquote_plus(written), located.span))
            if value is None:
                raise RefusedError("NAF902")
            fields.append(Field(name=unquote_plus(name), value=value))
        return tuple(fields)

    # --- query, headers, cookies -------------------------------------------------

    def _fields(self, params: list[spec.Param], place: Location) -> tuple[Field, ...]:
        if place in (Location.PATH, Location.BODY):
            return ()
        return tuple(
            Field(name=param.name, value=self._value(param, place))
            for param in params
            if place_of(param) == place
        )

    def _value(self, param: spec.Param, place: Location) -> Value:
        if param.value is None:
            return self.arguments.add(param, place, required=bool(param.required))
        constant = param.value.value
        if is_constant(constant):
            return Constant(constant)
        text = self.settings.text(param.value)
        if text is None:
            raise RefusedError("NAF902")
        if place is Location.HEADER and not sendable(text):
            self.arguments.refuse(
                "NAF101", param.value.span, "a header cannot hold this value"
            )
        return text
