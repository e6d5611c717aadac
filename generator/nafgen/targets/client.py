"""client.py: what each operation sends, and a sync and an async client per API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from ..diagnostics import Origin
from ..ir import (
    Argument,
    ArrayOf,
    Constant,
    Field,
    Input,
    Interpolated,
    Member,
    Negotiated,
    ObjectOf,
    Operation,
    Part,
    Placed,
    Setting,
    StepValue,
    Supplied,
    Template,
    Text,
    Upstream,
    Value,
)
from ..names import NameTable
from ..plan import FilePlan
from ..program import Program
from ..pycode import Code, Imports, comment, doc, fstring, lit
from ..wire import Encoding
from .body_modules import WRITTEN_AT, XML_BODIES
from .client_docs import class_doc
from .connections import UPSTREAM, connection, negotiation, reads
from .expressions import (
    RUNTIME,
    argument_type,
    bounded,
    comma,
    parameter,
    setting_marker,
)
from .readers import reader
from .sources import environment

_XML: Final = (XML_BODIES, "XmlSetting")


class MethodView(Struct, frozen=True, kw_only=True):
    """An operation: its function, and its method on both clients.

    `reader` makes what reads the answers, where that takes a schema.
    """

    has_reader: bool
    reader: Code
    origin: Code
    function: Code
    parameters: Code
    call: Code
    method: Code
    method_parameters: Code
    doc: Code
    short_doc: Code
    async_client: Code
    sync_client: Code
    build: Code


class ClientView(Struct, frozen=True, kw_only=True):
    """The two clients of an API and the function that reads their settings."""

    origin: Code
    async_class: Code
    sync_class: Code
    async_doc: Code
    sync_doc: Code
    parameters: Code
    arguments: Code
    connect: Code
    connect_parameters: Code
    environment: Code
    reads: tuple[Code, ...]
    is_negotiated: bool
    negotiation: tuple[Code, ...]
    connection: Code
    methods: tuple[MethodView, ...]


class ModuleView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    clients: tuple[ClientView, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of client.py, where an API is consumed."""
    if not program.upstreams:
        return ()
    imports = Imports()
    imports.use("__future__", "annotations")
    imports.use("", "httpx")
    for name in ("AsyncClient", "Client", "Connection"):
        imports.use(UPSTREAM, name)
    clients = tuple(_client(up, program, names, imports) for up in program.upstreams)
    view = ModuleView(
        doc=doc(f"Clients for {program.label or 'the consumed APIs'}."),
        imports=imports.blocks(),
        clients=clients,
    )
    return (FilePlan(path="client.py", template="client.py.j2", view=view),)


def _client(
    upstream: Upstream, program: Program, names: NameTable, imports: Imports
) -> ClientView:
    own = names.upstreams[upstream.origin]
    settings = (*upstream.settings, upstream.base_url)
    arguments = [own.settings[setting.variable] for setting in settings]
    parameters = [f"{name}: str | None" for name in arguments]
    if isinstance(upstream.auth, Supplied | Negotiated):
        arguments.append(Code("auth"))
        parameters.append("auth: httpx.Auth | None")
    prefix = lit(upstream.base_url.variable.removesuffix("_BASE_URL"))
    where = upstream.base_url.default or "the address in its settings"
    return ClientView(
        origin=comment(upstream.origin.pointer),
        async_class=own.async_class,
        sync_class=own.sync_class,
        async_doc=class_doc(upstream, own, f"Asynchronous client for {where}."),
        sync_doc=doc(f"Like {own.async_class}, but blocking."),
        parameters=comma(f"{each} = None" for each in parameters),
        arguments=comma(arguments),
        connect=own.connect,
        connect_parameters=comma(parameters),
        environment=environment(prefix, settings, program, imports, UPSTREAM),
        reads=tuple(reads(upstream, own)),
        is_negotiated=isinstance(upstream.auth, Negotiated),
        negotiation=tuple(negotiation(upstream, own, imports)),
        connection=connection(upstream, own, imports),
        methods=tuple(_method(op, names, imports) for op in upstream.operations),
    )


def _method(operation: Operation, names: NameTable, imports: Imports) -> MethodView:
    own = names.operations[operation.origin]
    imports.use("typing", "Any")
    imports.use(UPSTREAM, "Call")
    ordered = sorted(operation.arguments, key=lambda argument: not argument.required)
    parameters = [
        parameter(own.arguments[a.origin], argument_type(a, imports), a)
        for a in ordered
    ]
    passed = comma(_passed(a, own.arguments[a.origin]) for a in ordered)
    described = [
        (own.arguments[a.origin], a.description) for a in ordered if a.description
    ]
    summary = operation.description or operation.name
    read = reader(operation, imports)
    made = Code(f"{own.reader} = {read}") if operation.schema else Code()
    return MethodView(
        has_reader=operation.schema is not None,
        reader=made,
        origin=comment(operation.origin.pointer),
        function=own.function,
        parameters=comma(parameters),
        call=_call(
            operation, own.arguments, own.reader if operation.schema else read, imports
        ),
        method=own.method,
        method_parameters=comma(["self", "*", *parameters] if parameters else ["self"]),
        doc=doc(summary, described, indent=8),
        short_doc=doc(summary),
        async_client=bounded(Code("self"), operation.binary, imports),
        sync_client=bounded(Code("self"), operation.binary, imports, is_async=False),
        build=Code(f"{own.function}({passed})"),
    )


def _passed(argument: Argument, name: Code) -> Code:
    return name if argument.required else Code(f"{name}={name}")


def _call(
    operation: Operation, names: dict[Origin, Code], read: Code | None, imports: Imports
) -> Code:
    pieces = [str(lit(operation.method)), str(_path(operation, names, imports))]
    for kind, fields in (
        ("query", operation.query),
        ("headers", operation.headers),
        ("cookies", operation.cookies),
    ):
        if fields:
            pairs = comma(_pairs(kind, fields, names, imports))
            pieces.append(f"{kind}={{{pairs}}}")
    if operation.body is not None:
        pieces += _body(operation, operation.body, names, imports)
    if read is not None:
        pieces.append(f"read={read}")
    return Code(f"Call({comma(pieces)})")


def _body(
    operation: Operation,
    body: Template,
    names: dict[Origin, Code],
    imports: Imports,
) -> Iterator[str]:
    """The arguments of a call that say its body."""
    field = {
        Encoding.JSON: "json",
        Encoding.FORM: "form",
        Encoding.MULTIPART: "parts",
        Encoding.BINARY: "content",
    }.get(operation.encoding, "text")
    is_xml = operation.encoding is Encoding.XML
    made = _xml(body, names, imports) if is_xml else _template(body, names, imports)
    yield f"{field}={made}"
    if field in ("text", "content"):
        yield f"media_type={lit(operation.media_type)}"


def _xml(body: Template, names: dict[Origin, Code], imports: Imports) -> Code:
    """A text in which settings are text of XML, but for one that is all of it."""
    match body:
        case Interpolated(parts):
            made = comma(
                (
                    setting_marker(part, imports, _XML)
                    if isinstance(part, Text)
                    else _part(part, names, imports)
                )
                for part in parts
            )
            return Code(f"{imports.use(UPSTREAM, 'joined')}({made})")
        case Text(parts=[_, _, *_]):
            return setting_marker(body, imports, _XML)
        case _:
            return _template(body, names, imports)


def _path(operation: Operation, names: dict[Origin, Code], imports: Imports) -> Code:
    """The path; a setting in it is a `{NAME}` that is filled in when the call is sent."""
    parts = [
        f"{{{part.variable}}}" if isinstance(part, Setting) else part
        for part in operation.path
    ]
    if not any(isinstance(part, Argument) for part in parts):
        return lit("".join(map(str, parts)))
    segment = imports.use(UPSTREAM, "segment")
    return fstring(
        Code(f"{segment}({names[part.origin]})") if isinstance(part, Argument) else part
        for part in parts
    )


def _pairs(
    kind: str, fields: tuple[Field, ...], names: dict[Origin, Code], imports: Imports
) -> Iterator[Code]:
    """A pair for each name. What a caller gives goes before a constant of its name."""
    by_name: dict[str, list[Value]] = {}
    for field in fields:
        name = field.name.lower() if kind == "headers" else field.name
        by_name.setdefault(name, []).append(field.value)
    for name, values in by_name.items():
        given = [names[v.origin] for v in values if isinstance(v, Argument)]
        fixed = [
            _value(v, names, imports) for v in values if not isinstance(v, Argument)
        ]
        constant = Code(f"[{comma(fixed)}]") if len(fixed) > 1 else "".join(fixed)
        if given and fixed:
            made = f"{constant} if {given[-1]} is None else {given[-1]}"
        else:
            made = given[-1] if given else constant
        yield Code(f"{lit(name)}: {made}")


def _value(value: Value, names: dict[Origin, Code], imports: Imports) -> Code:
    match value:
        case Argument():
            return names[value.origin]
        case Member(argument, path):
            pick = imports.use(f"{RUNTIME}.mapping", "pick")
            return Code(f"{pick}({comma([names[argument.origin], *map(lit, path)])})")
        case Constant(constant):
            return lit(constant)
        case Text():
            return setting_marker(value, imports)
        case Interpolated(parts):
            made = comma(_part(part, names, imports) for part in parts)
            return Code(f"{imports.use(UPSTREAM, 'joined')}({made})")


def _template(template: Template, names: dict[Origin, Code], imports: Imports) -> Code:
    match template:
        case Argument() | Member() | Constant() | Text() | Interpolated():
            return _value(template, names, imports)
        case ArrayOf(elements):
            made = comma(_template(element, names, imports) for element in elements)
            if all(isinstance(element, Constant) for element in elements):
                return Code(f"[{made}]")
            return Code(f"{imports.use(UPSTREAM, 'listed')}({made})")
        case ObjectOf(members):
            return _object(members, names, imports)
        case Input() | StepValue():
            raise TypeError("a body is made of arguments")


def _object(
    members: tuple[tuple[str, Template], ...],
    names: dict[Origin, Code],
    imports: Imports,
) -> Code:
    """An object without its absent members; a null that the spec writes is not absent."""
    nulls = [key for key, member in members if member == Constant(None)]
    pairs = comma(
        f"{lit(key)}: {_template(member, names, imports)}"
        for key, member in members
        if key not in nulls
    )
    always = all(isinstance(m, Constant | Text) for _, m in members)
    made = f"{{{pairs}}}"
    if not always:
        made = f"{imports.use(UPSTREAM, 'given')}({made})"
    if not nulls:
        return Code(made)
    fixed = comma(f"{lit(key)}: None" for key in nulls)
    rest = f"**{made}" if always else f"**({made} or {{}})"
    return Code(f"{{{fixed}, {rest}}}" if pairs else f"{{{fixed}}}")


def _part(part: Part, names: dict[Origin, Code], imports: Imports) -> Code:
    match part:
        case str():
            return lit(part)
        case Argument() | Member() | Text():
            return _value(part, names, imports)
        case Placed(value, place):
            written = imports.use(*WRITTEN_AT[place])
            return Code(f"{written}({_value(value, names, imports)})")
        case _:
            raise TypeError("a body is made of arguments")
