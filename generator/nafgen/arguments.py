"""Collects the arguments of a consumed operation while it is linked."""

from __future__ import annotations

import re
from typing import Any, Final, NoReturn

from msgspec import Struct, field

from . import spec
from .diagnostics import Origin, Reporter, Span
from .ir import Argument, ArrayOf, Constant, ObjectOf, Text
from .wire import Location, Type

_NOT_IN_HEADER: Final = re.compile(r"[^\t\x20-\x7e\x80-\xff]").search
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+").fullmatch
CREDENTIALS: Final = frozenset({"authorization", "cookie"})
"""Headers in which a caller of a route may pass a credential on; no tool asks for one."""
_PROTOCOL_HEADERS: Final = CREDENTIALS | {
    "accept",
    "accept-encoding",
    "connection",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
}


MAX_ARGUMENTS: Final = 512
"""Arguments of one operation: those of published ones are less than a tenth."""


class RefusedError(Exception):
    """Carries the code of the error that costs an operation."""


class Arguments(Struct):
    """The arguments found so far, in order."""

    reporter: Reporter
    found: list[Argument] = field(default_factory=list)

    @property
    def all(self) -> tuple[Argument, ...]:
        return tuple(self.found)

    def add(self, param: spec.Param, place: Location, required: bool) -> Argument:
        """The argument of a parameter; no caller is required to give protocol headers.

        Raises:
            RefusedError: the operation has too many of them (reported).
        """
        if len(self.found) == MAX_ARGUMENTS:
            self.refuse(
                "NAF004",
                param.origin.span,
                f"an operation may take {MAX_ARGUMENTS} arguments, and this one takes more",
                "take the body as a whole, by one parameter `body`",
            )
        argument = Argument(
            name=param.name,
            location=place,
            type=type_of(param.type, Type.STRING),
            items=type_of(param.items, Type.ANY) if param.items else None,
            required=required and not is_protocol_header(place, param.name),
            description=param.description,
            origin=param.origin,
        )
        self.found.append(argument)
        return argument

    def refuse(self, code: str, span: Span, message: str, hint: str = "") -> NoReturn:
        """Report what makes the operation impossible to compile.

        Raises:
            RefusedError: always.
        """
        self.reporter.report(code, span, message, hint=hint)
        raise RefusedError(code)


def is_token(name: str) -> bool:
    """Whether a header or a cookie can have this name."""
    return _TOKEN(name) is not None


def sendable(text: Text) -> bool:
    """Whether a header can hold a text, as far as the spec says it."""
    literal = "".join(part for part in text.parts if isinstance(part, str))
    return not _NOT_IN_HEADER(literal)


def literal(value: Any) -> ObjectOf | ArrayOf | Constant:
    """A value of JSON that a spec writes, as what an argument is given."""
    if isinstance(value, dict):
        return ObjectOf(tuple((key, literal(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ArrayOf(tuple(map(literal, value)))
    return Constant(value)


def undeclared(name: str, origin: Origin, *, required: bool) -> spec.Param:
    """A parameter that is used but declared nowhere: text, as far as anybody knows."""
    return spec.Param(
        name=name,
        location=None,
        type="string",
        items=None,
        required=required,
        description="",
        value=None,
        origin=origin,
    )


def is_protocol_header(place: Location, name: str) -> bool:
    """Whether it is a credential or belongs to HTTP itself, and so is never an input."""
    name = name.lower()
    return place is Location.HEADER and (
        name in _PROTOCOL_HEADERS or name.startswith(("content-", "proxy-"))
    )


def is_kept_out(kind: str, place: Location, name: str) -> bool:
    """Whether no route (`kind` is rest) or tool (mcp) has it as an input."""
    passed_on = kind == "rest" and name.lower() in CREDENTIALS
    return is_protocol_header(place, name) and not passed_on


def items_of(param: spec.Param, argument: Argument | None) -> Type | None:
    """What an input that is an array holds: what it says, else what it feeds."""
    inherited = argument.items if argument else None
    return type_of(param.items, Type.ANY) if param.items else inherited


def is_required(param: spec.Param, argument: Argument | None) -> bool:
    """What the file says of an input, else what the consumed parameter needs."""
    if param.required is not None:
        return param.required
    return argument.required if argument else True


def place_of(param: spec.Param) -> str:
    """Where a parameter travels; in the query where the file does not say."""
    return str(param.location.value) if param.location else "query"


def type_of(written: str | None, default: Type) -> Type:
    """The type that a parameter declares; the default where it declares none we know."""
    return Type(written) if written is not None and written in [*Type] else default
