"""Links the values of consumed parameters: constants, binds, and templates over both
and over what calls give."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from . import spec
from .arguments import (
    Arguments,
    RefusedError,
    place_of,
    sendable,
    undeclared,
)
from .binds import Settings, scalar, screaming
from .diagnostics import Origin, show
from .ir import Argument, Constant, Interpolated, Member, Placed, Setting, Text, Value
from .reader import pointer_name
from .spec import Located
from .values import (
    ROOTS,
    Placeholder,
    is_constant,
    reference,
    template,
    whole_reference,
)
from .wire import Location

ENVIRONMENT: Final = "environment"
"""Where parameters are that travel nowhere, and give templates their value."""
NAME: Final = re.compile(r"[^\s|#^&>!/(){}][^|(){}]*").fullmatch
"""What a placeholder may hold: neither sections, nor filters, nor calls."""
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*").fullmatch


def environment_binds(entry: spec.Consumes) -> Iterator[spec.Bind]:
    """The binds that parameters in the environment are, wherever an API has them."""
    params = [*entry.params]
    for resource in entry.resources:
        params += resource.params
        for operation in resource.operations:
            if isinstance(operation, spec.ConsumedOperation):
                params += operation.params
    for param in params:
        if param.value is None and param.name and place_of(param) == ENVIRONMENT:
            known = _VARIABLE(param.name) is not None
            variable = param.name if known else screaming(param.name)
            yield spec.Bind(
                name=param.name, variable=variable, namespace="", origin=param.origin
            )


def is_shared(
    param: spec.Param, params: Iterable[spec.Param], settings: Settings
) -> bool:
    """Whether a parameter of an API is the same in all calls: nothing but binds."""
    if param.value is None:
        return False
    pieces = template(scalar(param.value.value))
    names = [piece.name for piece in pieces if isinstance(piece, Placeholder)]
    others = {other.name for other in params if place_of(other) != ENVIRONMENT}
    others |= {p.name for p in params if p.value is not None}
    return all(
        settings.declared(name) or (name not in others and settings.variable(name))
        for name in names
    )


class ParameterValues(Struct):
    """What the parameters of one operation are filled with; `params` are all of them."""

    operation: spec.ConsumedOperation
    settings: Settings
    arguments: Arguments
    params: dict[str, spec.Param]
    made: dict[Origin, Argument] = field(default_factory=dict)
    inferred: dict[str, Argument] = field(default_factory=dict)
    pending: list[str] = field(default_factory=list)

    def of(self, param: spec.Param, place: Location) -> Value:
        """The value of a parameter at the place where it travels.

        Raises:
            RefusedError: it cannot be compiled (reported).
        """
        if param.value is None:
            return self._argument(param, place)
        constant = param.value.value
        target = whole_reference(constant)
        if target is not None:
            named = replace(param, name=target.name)
            return self.arguments.add(named, place, required=bool(param.required))
        if is_constant(constant):
            return Constant(constant)
        if not isinstance(constant, str):
            text = self.settings.text(param.value)
            if text is None:
                raise RefusedError("NAF902")
            return text
        value = self._filled(param, param.value, place)
        written = tuple(part for part in text_parts(value) if isinstance(part, str))
        if place is Location.HEADER and not sendable(Text(parts=written)):
            self.arguments.refuse(
                "NAF101", param.value.span, "a header cannot hold this value"
            )
        return value

    def constant(self, name: str) -> Value | None:
        """What a name means that is declared with a value, for bodies."""
        param = self.params.get(name)
        if param is None or param.value is None:
            return None
        # In a body, the value of a member that has placeholders is a part of it.
        if place_of(param) == "body" and "{{" in str(param.value.value):
            return None
        return self._declared(param)

    def _argument(self, param: spec.Param, place: Location) -> Argument:
        if param.origin not in self.made:
            required = bool(param.required)
            self.made[param.origin] = self.arguments.add(param, place, required)
        return self.made[param.origin]

    def _filled(self, param: spec.Param, located: Located, place: Location) -> Value:
        return joined_value(
            piece if isinstance(piece, str) else self._piece(piece, param, place)
            for piece in template(located.value)
        )

    def _piece(
        self, piece: Placeholder, param: spec.Param, place: Location
    ) -> Value | Setting:
        """What a placeholder in the value of a parameter stands for."""
        span = param.value.span if param.value else param.origin.span
        target = reference(piece.name, ROOTS)
        name = target.name if target else piece.name
        bind = self.settings.declared(name) if target is None else None
        if bind is not None:
            return self.settings.add(bind.variable, bind.origin)
        if name == param.name:  # what calls give is dressed up
            return self._argument(replace(param, value=None), place)
        other = self.params.get(name)
        if other is not None:
            return self._declared(other)
        setting = self.settings.of(name, span) if target is None else None
        if setting is not None:
            return setting
        if not NAME(name):
            self.arguments.refuse(
                "NAF902",
                span,
                f"{show('{{' + piece.name + '}}')} is not the name of an input",
                "write `{{NAME}}`; there are no filters, sections or functions",
            )
        if name not in self.inferred:
            is_whole = template(str(param.value and param.value.value)) == (piece,)
            pointer = f"{self.operation.origin.pointer}.value[{pointer_name(name)}]"
            required = bool(param.required)
            made = undeclared(name, Origin(pointer, span), required=required)
            if is_whole:
                made = replace(made, type=param.type or made.type, items=param.items)
                made = replace(made, description=param.description)
            self.inferred[name] = self.arguments.add(made, place, required)
        return self.inferred[name]

    def _declared(self, param: spec.Param) -> Value:
        """The value of another parameter."""
        if param.name in self.pending:
            self.arguments.refuse(
                "NAF902",
                param.origin.span,
                f"the value of {show(param.name)} refers to itself",
                "write one of the values without a placeholder",
            )
        written = place_of(param)
        place = Location.QUERY if written == ENVIRONMENT else Location(written)
        self.pending.append(param.name)
        try:
            return self.of(param, place)
        finally:
            self.pending.pop()


def joined_value(pieces: Iterable[str | Setting | Value | Placed]) -> Value:
    """Pieces of a text as one value; one that is alone keeps its type."""
    values = tuple(pieces)
    if len(values) == 1 and not isinstance(values[0], str | Setting | Placed):
        return values[0]
    parts = [part for value in values for part in text_parts(value)]
    texts = [part for part in parts if isinstance(part, str | Setting)]
    if len(texts) == len(parts):
        return Text(parts=tuple(texts))
    return Interpolated(
        tuple(
            Text(parts=(part,)) if isinstance(part, Setting) else part for part in parts
        )
    )


def in_xml(value: Value) -> Value:
    """A value that a spec writes as text of XML; what fills it is escaped when sent."""
    return joined_value(
        html.escape(part) if isinstance(part, str) else part
        for part in text_parts(value)
    )


def text_parts(
    value: str | Setting | Value | Placed,
) -> tuple[str | Argument | Member | Placed | Setting, ...]:
    """A value as parts of a text."""
    match value:
        case str() | Argument() | Member() | Placed() | Setting():
            return (value,)
        case Constant(constant):
            return (scalar(constant),)
        case Text(parts=texts):
            return texts
        case Interpolated(parts):
            kept = str | Argument | Member | Placed | Text
            known = (part for part in parts if isinstance(part, kept))
            return tuple(inner for part in known for inner in text_parts(part))
