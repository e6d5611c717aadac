"""app.py: a FastAPI app per REST adapter."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from ..ir import Argument, Input, StepValue, segments
from ..media_types import BINARY
from ..names import NameTable, UnitNames
from ..plan import FilePlan
from ..program import FlowCall, Forward, Program, RestAdapter, Route
from ..pycode import Code, Imports, comment, doc, lit, literal
from ..wire import BASE64, Location, ObjectStyle, Type
from .expressions import (
    RUNTIME,
    ApiView,
    annotation,
    api_views,
    bounded,
    call_expression,
    client_parameters,
    comma,
    decoded,
    flow_call,
    owned_clients,
    parameter,
)
from .guards import GuardView, described, guard_views
from .mappings import ResultView, result_view
from .observed import observes

_REST = f"{RUNTIME}.rest"
_DOCS = {"/docs", "/openapi.json"}
_SOURCES = {
    Location.QUERY: "Query",
    Location.HEADER: "Header",
    Location.COOKIE: "Cookie",
    Location.PATH: "Path",
    Location.BODY: "Body",
}


class RouteView(Struct, frozen=True, kw_only=True):
    origin: Code
    decorator: Code
    function: Code
    parameters: Code
    doc: Code
    relay: Code


class ForwardView(Struct, frozen=True, kw_only=True):
    origin: Code
    arguments: Code


class ModuleView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    results: tuple[ResultView, ...]
    parameters: Code
    apis: tuple[ApiView, ...]
    owned: Code
    arguments: Code
    guards: tuple[GuardView, ...]
    observes: tuple[Code, ...]
    routes: tuple[RouteView, ...]
    forwards: tuple[ForwardView, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of each REST adapter's module."""
    return tuple(
        FilePlan(
            path=f"{names.modules[adapter.origin]}.py",
            template="app.py.j2",
            view=_module(program, adapter, names),
        )
        for adapter in program.adapters
        if isinstance(adapter, RestAdapter)
    )


def _module(program: Program, adapter: RestAdapter, names: NameTable) -> ModuleView:
    imports = Imports()
    imports.use("__future__", "annotations")
    imports.use("fastapi", "FastAPI")
    for name in ("App", "add_health", "closing"):
        imports.use(_REST, name)
    if adapter.routes:
        imports.use("fastapi", "Response")
    if adapter.forwards:
        imports.use(f"{RUNTIME}.forward", "add_forward")
    calls = (route.call for route in adapter.routes)
    apis = api_views(calls, names, imports, adapter.forwards)
    results = [_result(route, names, imports) for route in adapter.routes]
    bracketed = frozenset(
        up.namespace for up in program.upstreams if up.objects is ObjectStyle.BRACKETS
    )
    routes = tuple(_route(route, names, imports, bracketed) for route in adapter.routes)
    guards = guard_views(adapter.guard, program, imports)
    if guards:
        imports.use(f"{RUNTIME}.inbound", "add_guard")
    arguments = _arguments(program, adapter, imports)
    observed = observes(program, imports)
    return ModuleView(
        doc=doc(
            adapter.description
            or f"REST adapter for {program.label or adapter.namespace}."
        ),
        imports=imports.blocks(),
        results=tuple(view for view in results if view is not None),
        parameters=client_parameters(apis),
        apis=apis,
        owned=owned_clients(apis),
        arguments=arguments,
        guards=guards,
        observes=observed,
        routes=routes,
        forwards=tuple(_forward(each, names) for each in adapter.forwards),
    )


def _arguments(program: Program, adapter: RestAdapter, imports: Imports) -> Code:
    arguments = [f"title={lit(program.label or adapter.namespace)}"]
    if program.description:
        arguments.append(f"description={lit(program.description)}")
    if program.version:
        arguments.append(f"version={lit(program.version)}")
    for name, path in (("docs_url", "/docs"), ("openapi_url", "/openapi.json")):
        routed = any(_answers(route.path, path) for route in adapter.routes)
        if routed or any(_takes(forward, path) for forward in adapter.forwards):
            arguments.append(f'{name}="/-{path}"')
    if adapter.guard is not None:
        arguments.append(f"dependencies=[{described(adapter.guard, imports)}]")
    return comma(arguments)


def _answers(own: tuple[str | Input, ...], path: str) -> bool:
    """Whether a route could take a path of FastAPI's own, which then moves away."""
    ours, theirs = segments(own), path.split("/")
    return len(ours) == len(theirs) and all(
        inputs or text == other
        for (text, inputs), other in zip(ours, theirs, strict=True)
    )


def _takes(forward: Forward, path: str) -> bool:
    """Whether a forward could take a path of FastAPI's own."""
    if not forward.takes_rest:
        return _answers(forward.path, path)
    before = "".join(part for part in forward.path if isinstance(part, str))
    return path.startswith(before)


def _route(
    route: Route, names: NameTable, imports: Imports, bracketed: frozenset[str]
) -> RouteView:
    own = names.units[route.origin]
    deep = _deep(route)
    taken = [i for i in route.inputs if i not in deep]
    ordered = sorted(taken, key=lambda given: not given.required)
    embed = sum(1 for i in ordered if i.location is Location.BODY and not i.whole)
    parameters = [_parameter(i, route, own, imports, embed == 1) for i in ordered]
    if deep:
        parameters.append(_body(deep, imports))
    arguments = [str(lit(_path(route, own)))]
    method = route.method.lower()
    if route.tag:
        arguments.append(f"tags=[{lit(route.tag)}]")
    answered = route.binary.media_type if route.binary else ""
    if answered:
        content = f"{{{lit(answered)}: {{}}}}"
        arguments.append(f"response_class={imports.use('fastapi', 'Response')}")
        arguments.append(f'responses={{200: {{"content": {content}}}}}')
    texts = _texts(route, bracketed)

    def given(value: Input | StepValue) -> Code:
        if isinstance(value, StepValue):
            raise TypeError("a route has no steps of its own")
        name = own.inputs[value.origin]
        if value in deep:
            name = _member(value, imports)
        if value.type is Type.BYTES and not value.whole:
            return decoded(name, imports)
        if value in deep or value not in texts:
            return name
        return Code(f"{imports.use(_REST, 'structure')}({name})")

    if isinstance(route.call, FlowCall):
        call = flow_call(route.call, names, imports, given)
        made = comma([f"await {call}", *([lit(answered)] if answered else [])])
        relay = f"{imports.use(_REST, 'answer')}({made})"
    else:
        call = call_expression(route.call, names, imports, given)
        api = names.operations[route.call.operation.origin].upstream.variable
        relayed = [bounded(api, route.binary, imports), call]
        if result_view(route.result, own, imports) is not None:
            relayed.append(own.result)
        relay = f"await {imports.use(_REST, 'relay')}({comma(relayed)})"
    return RouteView(
        origin=comment(route.origin.pointer),
        decorator=Code(f"@app.{method}({comma(arguments)})"),
        function=own.function,
        parameters=comma(parameters),
        doc=doc(route.description or route.name),
        relay=Code(relay),
    )


def _deep(route: Route) -> tuple[Input, ...]:
    """The members of a body that is read as a whole, because one of them is deep in it."""
    members = [i for i in route.inputs if i.location is Location.BODY and not i.whole]
    return tuple(members) if any(each.path for each in members) else ()


def _body(deep: tuple[Input, ...], imports: Imports) -> Code:
    """The parameter for a body whose members are read one by one."""
    optional = not any(each.required for each in deep)
    type_ = annotation(Type.OBJECT, None, imports, optional=optional)
    wrapper, source = imports.use("typing", "Annotated"), imports.use("fastapi", "Body")
    default = " = None" if optional else ""
    extra = f"json_schema_extra={literal(_described(deep))}"
    return Code(f"whole_body: {wrapper}[{type_}, {source}({extra})]{default}")


def _described(deep: tuple[Input, ...]) -> dict[str, Any]:
    """What the members of a body are, as JSON Schema."""
    schema: dict[str, Any] = {}
    for each in deep:
        holder = schema
        for name in each.path or (each.name,):
            holder = holder.setdefault("properties", {}).setdefault(name, {})
        if each.type is Type.BYTES:
            holder.update({"type": Type.STRING.value, **BASE64})
        elif each.type is not Type.ANY:
            holder["type"] = each.type.value
        if each.pattern:
            holder["pattern"] = each.pattern
        if each.description:
            holder["description"] = each.description
    return schema


def _member(given: Input, imports: Imports) -> Code:
    """The expression that reads a member."""
    read = imports.use(f"{RUNTIME}.members", "body_member")
    path = given.path or (given.name,)
    arguments = ["whole_body", lit(_received(given)[0].value), *map(lit, path)]
    arguments += [] if given.required else ["required=False"]
    arguments += [f"pattern={lit(given.pattern)}"] if given.pattern else []
    return Code(f"{read}({comma(arguments)})")


def _forward(forward: Forward, names: NameTable) -> ForwardView:
    """A forward. Only the variable that stands for the rest of its path has a name."""
    *first, last = forward.path
    parts = [*first, *([] if forward.takes_rest else [last])]
    path = "".join(
        part if isinstance(part, str) else f"{{variable_{number}}}"
        for number, part in enumerate(parts)
    )
    path += "{path:path}" if forward.takes_rest else ""
    variable = names.upstreams[forward.upstream].variable
    trusted = map(lit, forward.trusted)
    return ForwardView(
        origin=comment(forward.origin.pointer),
        arguments=comma(["app", lit(path), variable, *trusted]),
    )


def _result(route: Route, names: NameTable, imports: Imports) -> ResultView | None:
    return result_view(route.result, names.units[route.origin], imports)


def _path(route: Route, own: UnitNames) -> str:
    """The path with its variables as identifiers; Starlette takes nothing else.

    A variable that is no parameter of the function may not be called like one.
    """
    path = ""
    parameters = {str(own.inputs[given.origin]) for given in route.inputs}
    used: set[str] = set()
    for part in route.path:
        if isinstance(part, str):
            path += part
            continue
        name = variable = str(own.inputs[part.origin])
        number = 1
        taken = used if part in route.inputs else used | parameters
        while variable in taken:
            number += 1
            taken = used | parameters
            variable = f"{name}_{number}"
        used.add(variable)
        path += f"{{{variable}}}"
    return path


def _parameter(
    given: Input, route: Route, own: UnitNames, imports: Imports, alone: bool
) -> Code:
    name = own.inputs[given.origin]
    type_, items = _received(given)
    annotated = annotation(type_, items, imports, optional=not given.required)
    details = _details(given, name, alone)
    if type_ is Type.BYTES:
        operations = route.call.operations
        kind = operations[0].media_type if len(operations) == 1 else BINARY.media_type
        details.append(f"media_type={lit(kind)}")
    plain = given.location in (Location.QUERY, Location.PATH) or (
        given.whole and type_ is Type.OBJECT
    )
    if details or not plain or type_ is Type.ARRAY:
        source = imports.use("fastapi", _SOURCES[given.location])
        wrapper = imports.use("typing", "Annotated")
        annotated = Code(f"{wrapper}[{annotated}, {source}({comma(details)})]")
    return parameter(name, annotated, given)


def _details(given: Input, name: str, alone: bool) -> list[str]:
    details = []
    named = given.location not in (Location.PATH, Location.BODY) or not (
        given.whole or given.location is Location.PATH
    )
    if named and (given.name != name or given.location is Location.HEADER):
        details.append(f"alias={lit(given.name)}")
    if given.description:
        details.append(f"description={lit(given.description)}")
    if given.pattern:
        details.append(f"pattern={lit(given.pattern)}")
    if given.location is Location.BODY and not given.whole:
        if alone:
            details.append("embed=True")
        if given.type is Type.BYTES:
            details.append(f"json_schema_extra={literal(BASE64)}")
        if given.type in (Type.INTEGER, Type.NUMBER, Type.BOOLEAN):
            details.append("strict=True")
    return details


def _received(given: Input) -> tuple[Type, Type | None]:
    """The type that FastAPI reads: outside a body, structures travel as JSON text, and
    bytes that are not all of it in base64."""
    if given.type is Type.BYTES and not given.whole:
        return Type.STRING, None
    if given.location is Location.BODY:
        return given.type, given.items
    if given.type is Type.ARRAY and given.location is Location.QUERY:
        items = given.items
        return Type.ARRAY, items if items in _SCALARS else Type.STRING
    return (given.type if given.type in _SCALARS else Type.STRING), None


def _texts(route: Route, bracketed: frozenset[str]) -> set[Input]:
    """Inputs that come as JSON text and of which the call needs the value."""
    deep = isinstance(route.call, FlowCall) or (
        route.call.operation.namespace in bracketed
    )
    return {
        given
        for argument, given in route.call.values
        if isinstance(given, Input)
        and given.location is not Location.BODY
        and _is_structure(given)
        and (argument.location is Location.BODY or deep or _is_moved(given, argument))
    }


def _is_moved(given: Input, argument: Argument) -> bool:
    """Whether a list of the query goes where it is one text, so that items must not
    stay texts of their own."""
    is_list = given.type is Type.ARRAY and given.location is Location.QUERY
    return is_list and argument.location is not Location.QUERY


def _is_structure(given: Input) -> bool:
    nested = given.items in (Type.ARRAY, Type.OBJECT)
    if given.type is Type.ARRAY and given.location is Location.QUERY:
        return nested
    return given.type in (Type.ARRAY, Type.OBJECT)


_SCALARS = (Type.STRING, Type.INTEGER, Type.NUMBER, Type.BOOLEAN)
