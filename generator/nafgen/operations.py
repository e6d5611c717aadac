"""Links a consumed operation: its path, its parameters and its body resolved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from . import spec
from .arguments import (
    Arguments,
    RefusedError,
    is_token,
    place_of,
)
from .binary_answers import link_binary
from .binds import Settings
from .bodies import BODY_EXPECTED, BodyLinker
from .consumed_paths import WRITING, PathLinker, report_setting
from .diagnostics import Reporter, Span, show
from .extras import fits, join_extras
from .ir import (
    ApiKeys,
    Auth,
    Basic,
    Bearer,
    ClientCredentials,
    Digest,
    Field,
    Operation,
    Supplied,
)
from .matching import find
from .media_types import Kind, of_media_type
from .parameter_values import ENVIRONMENT, ParameterValues, is_shared
from .results import extraction, is_scalar
from .selectors import is_selector
from .spec import Located
from .values import Placeholder, path_template
from .wire import Format, Location

METHODS: Final = WRITING | {"GET", "HEAD", "OPTIONS"}


class Refused(Struct, frozen=True, kw_only=True):
    """An operation that could not be linked, and why."""

    name: str
    code: str


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
    variables: tuple[str, ...] = field(init=False)
    values: ParameterValues = field(init=False)

    def __post_init__(self) -> None:
        base = path_template(str(self.entry.base_uri.value))
        self.variables = tuple(
            piece.name
            for piece in base
            if isinstance(piece, Placeholder)
            and not (piece.double and self.settings.variable(piece.name))
        )
        self.arguments = Arguments(self.reporter)
        self.values = ParameterValues(
            self.operation, self.settings, self.arguments, params={}
        )

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
        params = self._travelling()
        paths = PathLinker(
            self.resource,
            operation,
            self.absolute,
            self.variables,
            self.settings,
            self.arguments,
            self.values.of,
        )
        path, written = paths.link(params)
        params = [p for p in params if p.location or p.origin not in paths.used]
        fields = {place: self._fields(params, place) for place in Location}
        kind, constant = self._body_kind(params), self.values.constant
        linker = BodyLinker(operation, self.settings, self.arguments, kind, constant)
        body = linker.link(params)
        declared = {param.name for param in params} | self.credentials.keys()
        given = {
            name: value
            for name, value in self.extras.items()
            if name not in declared and not self._is_variable(name, value.span)
        }
        sent, extras = join_extras(operation, given, body, self.arguments)
        made = extraction(operation.outputs, self.reporter)
        if isinstance(made, str):
            raise RefusedError(made)
        format_ = self._format()
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
            from_settings=(*self.credentials, *self.variables),
            extracted=made,
            extracts_scalar=is_scalar(operation.outputs),
            format=format_,
            selector=self._selector(format_),
            schema=operation.schema,
            binary=link_binary(operation, format_, self.reporter),
            description=operation.description,
            origin=operation.origin,
        )

    def _is_variable(self, name: str, span: Span) -> bool:
        """Whether what a call gives is a variable of the base URL alone (reported)."""
        taken = find(name, self.arguments.all, lambda a: a.name) is not None
        if taken or find(name, self.variables, str) is None:
            return False
        report_setting(name, span, self.reporter)
        return True

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

    def _format(self) -> Format:
        raw = self.operation.raw_format
        if raw is None:
            return Format.JSON
        written = str(raw.value).lower()
        if written not in [*Format]:
            known = ", ".join(Format)
            self.arguments.refuse(
                "NAF904",
                raw.span,
                f"the response format {show(raw.value)} is not supported yet",
                f"{known} are (text and binary pass the answer on)",
            )
        return Format(written)

    def _selector(self, format_: Format) -> str:
        """Which parts of an answer count; in formats that have no parts, nothing."""
        written = self.operation.selector
        if written is None or format_ not in (Format.HTML, Format.MARKDOWN):
            return ""
        if format_ is Format.HTML and not is_selector(str(written.value)):
            self.arguments.refuse(
                "NAF101",
                written.span,
                f"{show(written.value)} is no CSS selector",
                "such as `table.prices`, or leave it out to read all tables",
            )
        return str(written.value)

    def _travelling(self) -> list[spec.Param]:
        """The parameters that are sent; templates know all of them."""
        params = list(self._params())
        known = (*self.entry.params, *params)
        self.values.params |= {param.name: param for param in known}
        return [param for param in params if place_of(param) != ENVIRONMENT]

    def _params(self) -> Iterator[spec.Param]:
        """The parameters of all levels; the nearest one of a name and place wins."""
        nearest: dict[tuple[str, str], spec.Param] = {}
        shared = [p for p in self.entry.params if self._is_shared(p)]
        for param in (*shared, *self.resource.params, *self.operation.params):
            place = str(param.location.value) if param.location else "query"
            if place not in [*Location, ENVIRONMENT]:
                self.arguments.refuse(
                    "NAF908",
                    param.location.span if param.location else param.origin.span,
                    f"a parameter in {show(place)} is not supported yet",
                    "path, query, header, cookie, body and environment are",
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
            elif param.is_credential:
                self.credentials[name] = None
                yield param
            elif not self._is_credential(place, name, param):
                given = self.extras.get(name)
                misfit = given is not None and not fits(param.type, given.value)
                yield replace(param, type="any") if misfit else param

    def _is_shared(self, param: spec.Param) -> bool:
        """Whether a parameter of the API is one of the operation: the client itself
        sends constant headers and queries, and a constant makes no body by itself."""
        place = place_of(param)
        if place == "body":
            return param.value is None or self.operation.method in BODY_EXPECTED
        return place not in ("header", "query") or not is_shared(
            param, self.entry.params, self.settings
        )

    def _is_credential(self, place: str, name: str, param: spec.Param) -> bool:
        """Whether the configured authentication sends this already."""
        match self.auth:
            case ApiKeys(keys=keys):
                sent = {(str(key.location), key.name.lower()) for key in keys}
            case Basic() | Bearer() | Digest() | ClientCredentials():
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

    # --- query, headers, cookies -------------------------------------------------

    def _fields(self, params: list[spec.Param], place: Location) -> tuple[Field, ...]:
        if place in (Location.PATH, Location.BODY):
            return ()
        return tuple(
            Field(name=param.name, value=self.values.of(each, place))
            for param in params
            if place_of(param) == place
            for each in _each(param, place)
        )


def _each(param: spec.Param, place: Location) -> Iterator[spec.Param]:
    """A parameter, once for each item where it is a constant list in the query."""
    value = param.value.value if param.value and place is Location.QUERY else None
    if param.value is None or not isinstance(value, list):
        yield param
        return
    for item in value:
        if item is not None:
            yield replace(param, value=Located(item, param.value.span))
