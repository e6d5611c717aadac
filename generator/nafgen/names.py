"""Every name that nafgen gives: packages, modules, classes, functions, parameters, tools
and their arguments.

The policy is written down in docs/names.md and is public: a change of it renames things
in the code of users. Names depend on nothing but the spec, and adding an operation does
not rename another unless the two collide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

from msgspec import Struct, field

from .collisions import Claim, Scope
from .diagnostics import Origin, Reporter
from .ir import (
    Argument,
    Input,
    Negotiated,
    Operation,
    Relay,
    Result,
    Supplied,
    Upstream,
)
from .naming import camel, snake, tool_name, words
from .program import Adapter, McpAdapter, Program, Resource, RestAdapter, Route, Tool
from .pycode import RESERVED, Code, dotted, identifier
from .readable import readable_names
from .result_steps import queries, results_of
from .script_names import script_names
from .skill_names import skill_folders, skill_modules
from .wire_names import property_names, unique_names, variable_names

CLIENT_GLOBALS: Final = frozenset("""
    Any AsyncBounded AsyncClient Bounded Call Client Connection Environment Final
    Setting annotations
    avro_value basic csv_value given html_tables httpx joined listed markdown_parts
    protobuf_value psv_value segment tsv_value xml xml_value yaml_value
    ClientCredentials XmlSetting csv_field csv_quoted pick sparql_double_quoted sparql_iri
    sparql_iri_part sparql_single_quoted sparql_term yaml_double_quoted yaml_node
    yaml_single_quoted
    """.split())
CLIENT_METHODS: Final = frozenset({"aclose", "call", "close", "send"})
APP_GLOBALS: Final = frozenset("""
    Annotated Any AsyncBounded Body Cookie FastAPI OPTIONS Header Path Query Response add_forward
    add_guard add_health annotations answer api app calls closing create_app
    create_guard decoded filled flows given each joined listed body_member pick relay structure whole_body
    jsonpath observability observe path_functions pick_all pick_members
    """.split())
# Names that pydantic, which reads bodies for FastAPI, keeps for itself.
BODY_NAMES: Final = frozenset("""
    construct copy dict from_orm json model_computed_fields model_config
    model_construct model_copy model_dump model_dump_json model_extra model_fields
    model_fields_set model_json_schema model_parametrized_name model_post_init
    model_rebuild model_validate model_validate_json model_validate_strings parse_file
    parse_obj parse_raw register schema schema_json update_forward_refs validate
    """.split())
MCP_GLOBALS: Final = frozenset("""
    Any Api Arguments AsyncBounded CallToolResult Hints NamedTuple Server Tools a annotations
    answered api calls create_guard create_server decoded each filled flows given joined lending
    listed pick relay tools
    jsonpath path_functions pick_all pick_members
    observability observe
    """.split())
RESOURCE_GLOBALS: Final = frozenset(
    "CACHE CacheHint Content Folder Resources Variables content read resources".split()
)
PROMPT_GLOBALS: Final = frozenset(
    "CACHE CacheHint PromptArgument Prompts prompts".split()
)
FLOW_GLOBALS: Final = frozenset("""
    Any Setting annotations each extracted filled given joined listed lookup needed pick
    script step together jsonpath path_functions pick_all pick_members
    """.split())


class UpstreamNames(Struct, frozen=True, kw_only=True):
    """Classes of an upstream, its variable in adapters, and its settings' arguments."""

    async_class: Code
    sync_class: Code
    variable: Code
    connect: Code
    settings: dict[str, Code]


class OperationNames(Struct, frozen=True, kw_only=True):
    """A consumed operation's function, its method, and its parameters; `reader` reads
    its answers where that takes a schema."""

    upstream: UpstreamNames
    function: Code
    reader: Code
    method: Code
    arguments: dict[Origin, Code]


class UnitNames(Struct, frozen=True, kw_only=True):
    """A unit's function and parameters, and its names on the wire.

    `properties` are the names of a tool's arguments or of the variables in a resource's
    URI, `queries` those of the queries in its result.
    """

    function: Code
    result: Code
    queries: tuple[Code, ...]
    inputs: dict[Origin, Code]
    tool: str
    properties: dict[Origin, str]


class FlowNames(Struct, frozen=True, kw_only=True):
    """A flow's function, its parameters, the results of its steps by their names, and
    the queries in what it makes of them."""

    function: Code
    queries: tuple[Code, ...]
    inputs: dict[Origin, Code]
    steps: dict[str, Code]


class NameTable(Struct, frozen=True):
    """All names of a program, found by the origin of what they name.

    `package` is its dotted name below the output folder, `scripts` are names of files.
    """

    package: Code
    upstreams: dict[Origin, UpstreamNames] = field(default_factory=dict)
    operations: dict[Origin, OperationNames] = field(default_factory=dict)
    flows: dict[Origin, FlowNames] = field(default_factory=dict)
    units: dict[Origin, UnitNames] = field(default_factory=dict)
    prompts: dict[Origin, str] = field(default_factory=dict)
    modules: dict[Origin, Code] = field(default_factory=dict)
    scripts: dict[Origin, Code] = field(default_factory=dict)
    skills: dict[Origin, str] = field(default_factory=dict)

    def all(self) -> Iterator[str]:
        """Every identifier of the table."""
        yield from self.modules.values()
        for upstream in self.upstreams.values():
            yield from (upstream.async_class, upstream.sync_class, upstream.connect)
            yield from (upstream.variable, client_parameter(upstream))
            yield from upstream.settings.values()
        for operation in self.operations.values():
            yield from (operation.function, operation.reader, operation.method)
            yield from operation.arguments.values()
        for flow in self.flows.values():
            yield from (flow.function, *flow.queries)
            yield from flow.inputs.values()
            yield from flow.steps.values()
        for unit in self.units.values():
            yield from (unit.function, unit.result, *unit.queries)
            yield from unit.inputs.values()


def client_parameter(upstream: UpstreamNames) -> Code:
    """The parameter of `create_app` and `create_server` that takes a client."""
    return identifier(upstream.variable.removesuffix("api") + "client")


def allocate(program: Program, package: str, reporter: Reporter) -> NameTable:
    """The names of a program; `package` is the path of its package."""
    table = NameTable(dotted(*package.split("/")))
    table.scripts.update(script_names(program, reporter))
    readable = readable_names(program)
    module = Scope.of(reporter, CLIENT_GLOBALS)
    many = len(program.upstreams) > 1
    variables = Scope(reporter).claim_all(
        [Claim(snake(up.namespace, "api"), up.origin) for up in program.upstreams]
    )
    for upstream, variable in zip(program.upstreams, variables, strict=True):
        table.upstreams[upstream.origin] = _upstream(upstream, variable, module, many)
    for upstream in program.upstreams:
        _operations(upstream, table, module, readable, many, reporter)
    _flows(program, table, reporter)
    files = Scope.of(reporter, {"client", "control", "flows"})
    if program.control is not None:
        table.modules[program.control.origin] = identifier("control")
    kinds = [type(adapter) for adapter in program.adapters]
    for adapter in program.adapters:
        alone = kinds.count(type(adapter)) == 1
        table.modules[adapter.origin] = _module(adapter, files, alone)
        _units(adapter, table, readable, reporter)
    table.modules.update(skill_modules(program, files))
    table.skills.update(skill_folders(program, reporter))
    return table


def _upstream(
    upstream: Upstream, variable: str, module: Scope, many: bool
) -> UpstreamNames:
    own = variable == snake(upstream.namespace, "api")
    name = camel(upstream.namespace if own else variable, "api")
    while {name, f"Async{name}"} & (module.taken.keys() | RESERVED):
        name += "Api"
    module.taken |= {name: upstream.origin, f"Async{name}": upstream.origin}
    auth = {"auth"} if isinstance(upstream.auth, Supplied | Negotiated) else set()
    arguments = Scope.of(module.reporter, {"self", "http", *auth})
    claims = {
        setting.variable: Claim(snake(setting.variable, "setting"), setting.origin)
        for setting in upstream.settings
    }
    base_url = upstream.base_url
    claims[base_url.variable] = Claim("base_url", base_url.origin)
    settings = dict(
        zip(
            claims,
            map(identifier, arguments.claim_all([*claims.values()])),
            strict=True,
        )
    )
    return UpstreamNames(
        async_class=identifier(f"Async{name}"),
        sync_class=identifier(name),
        variable=identifier(f"{variable}_api" if many else "api"),
        connect=identifier(f"_connect_{variable}" if many else "_connect"),
        settings=settings,
    )


def _operations(
    upstream: Upstream,
    table: NameTable,
    module: Scope,
    readable: dict[Origin, str],
    many: bool,
    reporter: Reporter,
) -> None:
    prefix = snake(upstream.namespace, "api").rstrip("_")
    methods = Scope.of(reporter, CLIENT_METHODS).claim_all(
        [
            Claim(
                snake(readable.get(operation.origin, operation.name), "operation"),
                operation.origin,
                _traits(operation),
            )
            for operation in upstream.operations
        ]
    )
    for operation, method in zip(upstream.operations, methods, strict=True):
        function = f"{prefix}_{method.rstrip('_')}" if many else method
        function = module.claim(function, operation.origin)
        table.operations[operation.origin] = OperationNames(
            upstream=table.upstreams[upstream.origin],
            function=identifier(function),
            reader=Code(f"_read_{function}"),
            method=identifier(method),
            arguments=_parameters(
                operation.arguments, Scope.of(reporter, {*CLIENT_GLOBALS, function})
            ),
        )


def _flows(program: Program, table: NameTable, reporter: Reporter) -> None:
    variables = {names.variable for names in table.upstreams.values()}
    classes = {names.async_class for names in table.upstreams.values()}
    functions = Scope.of(reporter, FLOW_GLOBALS | classes).claim_all(
        [
            Claim(snake(flow.name, "flow"), flow.origin, (words(flow.namespace),))
            for flow in program.flows
        ]
    )
    for flow, function in zip(program.flows, functions, strict=True):
        own = Scope.of(reporter, {*FLOW_GLOBALS, *variables, *classes, function})
        inputs = _parameters(flow.inputs, own)
        claims = [Claim(snake(step.name, "step"), step.origin) for step in flow.steps]
        steps = own.claim_all(claims)
        table.flows[flow.origin] = FlowNames(
            function=identifier(function),
            queries=tuple(_queries(function, *results_of(flow))),
            inputs=inputs,
            steps={
                step.name: identifier(name)
                for step, name in zip(flow.steps, steps, strict=True)
            },
        )


def _traits(request: Operation | Route) -> tuple[tuple[str, ...], ...]:
    """What tells requests of one name apart: words of their paths, what is variable in
    these, then methods."""
    path, method = request.path, request.method
    literal = unquote("/".join(part for part in path if isinstance(part, str)))
    variable = "/".join(p.name for p in path if isinstance(p, Argument | Input))
    return words(literal), words(variable), (method.lower(),)


def _parameters(things: Sequence[Argument | Input], scope: Scope) -> dict[Origin, Code]:
    claims = [
        Claim(snake(thing.name, "value"), thing.origin, ((str(thing.location),),))
        for thing in things
    ]
    names = scope.claim_all(claims)
    return {t.origin: identifier(n) for t, n in zip(things, names, strict=True)}


def _module(adapter: Adapter, files: Scope, alone: bool) -> Code:
    base = "app" if isinstance(adapter, RestAdapter) else "mcp_server"
    wanted = base if alone else f"{base}_{snake(adapter.namespace, 'adapter')}"
    return identifier(files.claim(wanted, adapter.origin))


def _units(
    adapter: Adapter, table: NameTable, readable: dict[Origin, str], reporter: Reporter
) -> None:
    reserved = _reserved(adapter)
    variables = {names.variable for names in table.upstreams.values()}
    classes = {names.async_class for names in table.upstreams.values()}
    units = adapter.units
    tools = {}
    if isinstance(adapter, McpAdapter):
        tools = unique_names("tool", _tool_claims(adapter), reporter)
        claims = [Claim(each.name, each.origin) for each in adapter.prompts]
        table.prompts.update(unique_names("prompt", claims, reporter))
    functions = Scope.of(reporter, reserved | variables | classes).claim_all(
        [
            Claim(_wanted(unit, readable, tools), unit.origin, _telling(unit))
            for unit in units
        ]
    )
    for unit, function in zip(units, functions, strict=True):
        own = Scope.of(reporter, {*reserved, *variables, function})
        table.units[unit.origin] = UnitNames(
            function=identifier(function),
            result=Code(f"_{function}_result"),
            queries=tuple(_queries(function, unit.result)),
            inputs=_parameters(unit.inputs, own),
            tool=tools.get(unit.origin, ""),
            properties=_properties(unit, reporter),
        )


def _reserved(adapter: Adapter) -> frozenset[str]:
    """Names that the module of an adapter needs for itself."""
    if isinstance(adapter, RestAdapter):
        return APP_GLOBALS | BODY_NAMES
    reserved = MCP_GLOBALS
    if adapter.resources or adapter.folders:
        reserved |= RESOURCE_GLOBALS
    return reserved | PROMPT_GLOBALS if adapter.prompts else reserved


def _properties(unit: Route | Tool | Resource, reporter: Reporter) -> dict[Origin, str]:
    if isinstance(unit, Tool):
        return property_names(unit.inputs, reporter)
    return variable_names(unit.inputs, reporter) if isinstance(unit, Resource) else {}


def _tool_claims(adapter: McpAdapter) -> list[Claim]:
    return [Claim(tool.name, tool.origin, _telling(tool)) for tool in adapter.tools]


def _queries(function: str, *results: Result | Relay) -> Iterator[Code]:
    """A constant for each query in results; the first needs no number."""
    for number in range(1, len(queries(*results)) + 1):
        suffix = "" if number == 1 else f"_{number}"
        yield Code(f"_{function.upper()}_QUERY{suffix}")


def _telling(unit: Route | Tool | Resource) -> tuple[tuple[str, ...], ...]:
    """What tells units of one name apart: their path, or that of what they call."""
    if isinstance(unit, Route):
        return _traits(unit)
    callee = unit.call.callee
    return _traits(callee) if isinstance(callee, Operation) else ()


def _wanted(
    unit: Route | Tool | Resource,
    readable: dict[Origin, str],
    tools: dict[Origin, str],
) -> str:
    """The function's name: a route's may be readable, a tool's is as unique as it."""
    callee, name = unit.call.callee, unit.name
    if isinstance(unit, Resource):
        return snake(f"{name}-resource", "resource")
    if isinstance(unit, Tool):
        served = tools[unit.origin]
        name = name if served == tool_name(name) else served
    elif name == callee.name:
        name = readable.get(callee.origin, name)
    return snake(name, "operation")
