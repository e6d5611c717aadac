"""Pieces of Python that several targets emit: types, texts and calls."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from ..givens import is_complete
from ..ir import (
    Argument,
    ArrayOf,
    Binary,
    Constant,
    Given,
    Input,
    Interpolated,
    Member,
    ObjectOf,
    Part,
    Placed,
    Setting,
    StepValue,
    Template,
    Text,
)
from ..names import NameTable, UpstreamNames, client_parameter
from ..program import Call, Flow, FlowCall, Forward
from ..pycode import Code, Imports, lit
from ..wire import Location, Type

RUNTIME = "._runtime"
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.:-]+").fullmatch


class ApiView(Struct, frozen=True, kw_only=True):
    """A client that an adapter uses: its class, its parameter, and its variable."""

    async_class: Code
    parameter: Code
    variable: Code


def api_views(
    calls: Iterable[Call | FlowCall],
    names: NameTable,
    imports: Imports,
    forwards: Iterable[Forward] = (),
) -> tuple[ApiView, ...]:
    """The clients that calls and forwards need, in the order of the spec."""
    used = {
        names.operations[operation.origin].upstream.async_class
        for call in calls
        for operation in call.operations
    }
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


def bounded(
    api: Code, binary: Binary | None, imports: Imports, *, is_async: bool = True
) -> Code:
    """The client that sends a call, which takes answers of so many bytes only."""
    if binary is None:
        return api
    name = "AsyncBounded" if is_async else "Bounded"
    arguments = [api, lit(binary.limit)]
    if binary.media_type:
        arguments.append(lit(binary.media_type))
    made = imports.use(f"{RUNTIME}.bytes_answers", name)
    return Code(f"{made}({comma(arguments)})")


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


def decoded(text: Code, imports: Imports) -> Code:
    """The bytes of an input that travels in base64."""
    return Code(f"{imports.use(f'{RUNTIME}.base64_inputs', 'decoded')}({text})")


def setting_marker(
    text: Text,
    imports: Imports,
    marker: tuple[str, str] = (f"{RUNTIME}.upstream", "Setting"),
) -> Code:
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
    return Code(f"{imports.use(*marker)}({lit(pattern)})")


def flow_apis(flow: Flow, names: NameTable) -> tuple[UpstreamNames, ...]:
    """The APIs that a flow calls, in the order of the spec."""
    used = {names.operations[each.origin].upstream.connect for each in flow.operations}
    return tuple(own for own in names.upstreams.values() if own.connect in used)


def flow_call(
    call: FlowCall,
    names: NameTable,
    imports: Imports,
    value: Callable[[Input | StepValue], Code],
    client: Callable[[Code], str] = str,
) -> Code:
    """The call of a flow's function; `client` says where the client of a name is."""
    own = names.flows[call.flow.origin]
    module = imports.use(".", "flows")
    clients = [client(api.variable) for api in flow_apis(call.flow, names)]
    given = [
        f"{own.inputs[argument.origin]}={given_expression(each, argument, value, imports)}"
        for argument, each in call.values
    ]
    return Code(f"{module}.{own.function}({comma([*clients, *given])})")


def call_expression(
    call: Call,
    names: NameTable,
    imports: Imports,
    value: Callable[[Input | StepValue], Code],
) -> Code:
    """The call of a consumed operation's function: required arguments by position."""
    operation = names.operations[call.operation.origin]
    module = imports.use(".", "client", "calls")
    given: list[str] = []
    in_order = sorted(call.values, key=lambda pair: not pair[0].required)
    for argument, each in in_order:
        expression = given_expression(each, argument, value, imports)
        name = operation.arguments[argument.origin]
        given.append(expression if argument.required else f"{name}={expression}")
    return Code(f"{module}.{operation.function}({comma(given)})")


def given_expression(
    given: Given,
    argument: Argument | None,
    value: Callable[[Input | StepValue], Code],
    imports: Imports,
) -> Code:
    """What an argument gets; without one, what is made of it whatever is absent."""
    is_required = argument is not None and argument.required
    match given:
        case Input() | StepValue():
            return value(given)
        case Constant(constant):
            return lit(constant)
        case Text():
            return setting_marker(given, imports)
        case Interpolated(parts):
            pieces = comma(_part(part, value, imports) for part in parts)
            join = "filled" if is_required else "joined"
            return Code(f"{imports.use(f'{RUNTIME}.upstream', join)}({pieces})")
        case ObjectOf() | ArrayOf():
            expression = _structure(given, value, imports)
            if is_required and not is_complete(given):
                empty = "{}" if isinstance(given, ObjectOf) else "[]"
                return Code(f"{expression} or {empty}")
            return expression


def _part(
    part: Part, value: Callable[[Input | StepValue], Code], imports: Imports
) -> Code:
    if isinstance(part, str):
        return lit(part)
    if isinstance(part, Argument | Member | Placed):
        raise TypeError("what an argument gets is made of inputs")
    return given_expression(part, None, value, imports)


def _structure(
    given: Template, value: Callable[[Input | StepValue], Code], imports: Imports
) -> Code:
    """A structure of inputs and constants, without what is absent."""
    complete = is_complete(given)
    match given:
        case ObjectOf(members):
            pairs = comma(
                f"{lit(key)}: {_structure(member, value, imports)}"
                for key, member in members
            )
            made = f"{{{pairs}}}"
            if complete:
                return Code(made)
            return Code(f"{imports.use(f'{RUNTIME}.upstream', 'given')}({made})")
        case ArrayOf(elements):
            items = comma(_structure(element, value, imports) for element in elements)
            if complete:
                return Code(f"[{items}]")
            return Code(f"{imports.use(f'{RUNTIME}.upstream', 'listed')}({items})")
        case Argument() | Member():
            raise TypeError("what an argument gets is made of inputs")
        case _:
            return given_expression(given, None, value, imports)


def parameter(name: Code, annotated: Code, argument: Argument | Input) -> Code:
    """A parameter; one that is not required may be left out."""
    return Code(f"{name}: {annotated}" + ("" if argument.required else " = None"))


def argument_type(argument: Argument, imports: Imports) -> Code:
    """The type of an argument of an operation: what is sent as text is anything."""
    optional = not argument.required
    sent_as_text = argument.location is not Location.BODY
    loose = argument.type is Type.OBJECT or (
        argument.type is Type.ARRAY and argument.location is not Location.QUERY
    )
    if sent_as_text and loose:
        return annotation(Type.ANY, None, imports, optional=optional)
    return annotation(argument.type, argument.items, imports, optional=optional)


def url_host(address: str) -> str:
    """An address that is listened on, as it stands in a URL from the same machine."""
    if not _ADDRESS(address) or address in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1"
    return f"[{address}]" if ":" in address else address
