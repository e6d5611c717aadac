"""Pieces of Python that several targets emit: types, texts and calls."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..givens import is_complete
from ..ir import (
    Argument,
    ArrayOf,
    Call,
    Constant,
    Forward,
    Input,
    ObjectOf,
    Setting,
    Template,
    Text,
)
from ..names import NameTable, client_parameter
from ..pycode import Code, Imports, lit
from ..wire import Type

RUNTIME = "._runtime"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiView:
    """A client that an adapter uses: its class, its parameter, and its variable."""

    async_class: Code
    parameter: Code
    variable: Code


def api_views(
    calls: Iterable[Call],
    names: NameTable,
    imports: Imports,
    forwards: Iterable[Forward] = (),
) -> tuple[ApiView, ...]:
    """The clients that calls and forwards need, in the order of the spec."""
    used = {names.operations[c.operation.origin].upstream.async_class for c in calls}
    used |= {names.upstreams[each.upstream].async_class for each in forwards}
    return tuple(
        ApiView(
            async_class=imports.use(".client", own.async_class),
            parameter=client_parameter(own),
            variable=own.variable,
        )
        for own in names.upstreams.values()
        if own.async_class in used
    )


def client_parameters(apis: Iterable[ApiView]) -> Code:
    """The parameters of a factory that may be given its clients."""
    return comma(f"{a.parameter}: {a.async_class} | None = None" for a in apis)


def owned_clients(apis: Iterable[ApiView]) -> Code:
    """The clients that a factory made itself and that are therefore closed."""
    return comma(f"*([] if {a.parameter} else [{a.variable}])" for a in apis)


def comma(pieces: Iterable[str]) -> Code:
    """Pieces joined by commas."""
    return Code(", ".join(pieces))


def annotation(
    type_: Type, items: Type | None, imports: Imports, *, optional: bool
) -> Code:
    """The annotation of a value of a type; `| None` when it may be absent."""
    match type_:
        case Type.STRING:
            text = "str"
        case Type.INTEGER:
            text = "int"
        case Type.NUMBER:
            text = "float"
        case Type.BOOLEAN:
            text = "bool"
        case Type.ARRAY:
            text = (
                f"list[{annotation(items or Type.ANY, None, imports, optional=False)}]"
            )
        case Type.OBJECT:
            text = f"dict[str, {imports.use('typing', 'Any')}]"
        case Type.BYTES:
            text = "bytes"
        case Type.ANY:
            return imports.use("typing", "Any")
    return Code(f"{text} | None" if optional else text)


def setting_marker(text: Text, imports: Imports) -> Code:
    """A text whose settings are filled in when the call is sent."""
    if all(isinstance(part, str) for part in text.parts):
        return lit("".join(str(part) for part in text.parts))
    pattern = "".join(
        (
            f"{{{part.variable}}}"
            if isinstance(part, Setting)
            else part.replace("{", "{{").replace("}", "}}")
        )
        for part in text.parts
    )
    return Code(f"{imports.use(f'{RUNTIME}.upstream', 'Setting')}({lit(pattern)})")


def call_expression(
    call: Call,
    names: NameTable,
    imports: Imports,
    input_expression: Callable[[Input], Code],
) -> Code:
    """The call of a consumed operation's function: required arguments by position."""
    operation = names.operations[call.operation.origin]
    module = imports.use(".", "client", "calls")
    given: list[str] = []
    in_order = sorted(call.values, key=lambda pair: not pair[0].required)
    for argument, value in in_order:
        match value:
            case Input():
                expression = input_expression(value)
            case Constant(constant):
                expression = lit(constant)
            case Text():
                expression = setting_marker(value, imports)
            case ObjectOf() | ArrayOf():
                expression = _structure(value, input_expression, imports)
                if argument.required and not is_complete(value):
                    empty = "{}" if isinstance(value, ObjectOf) else "[]"
                    expression = Code(f"{expression} or {empty}")
        name = operation.arguments[argument.origin]
        given.append(expression if argument.required else f"{name}={expression}")
    return Code(f"{module}.{operation.function}({comma(given)})")


def _structure(
    given: Template, input_expression: Callable[[Input], Code], imports: Imports
) -> Code:
    """A structure of inputs and constants, without what is absent."""
    complete = is_complete(given)
    match given:
        case Input():
            return input_expression(given)
        case Constant(constant):
            return lit(constant)
        case ObjectOf(members):
            pairs = comma(
                f"{lit(key)}: {_structure(member, input_expression, imports)}"
                for key, member in members
            )
            made = f"{{{pairs}}}"
            if complete:
                return Code(made)
            return Code(f"{imports.use(f'{RUNTIME}.upstream', 'given')}({made})")
        case ArrayOf(elements):
            items = comma(_structure(e, input_expression, imports) for e in elements)
            if complete:
                return Code(f"[{items}]")
            return Code(f"{imports.use(f'{RUNTIME}.upstream', 'listed')}({items})")
        case _:
            raise TypeError(type(given).__name__)


def parameter(name: Code, annotated: Code, argument: Argument | Input) -> Code:
    """A parameter; one that is not required may be left out."""
    return Code(f"{name}: {annotated}" + ("" if argument.required else " = None"))
