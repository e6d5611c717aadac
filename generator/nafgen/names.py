"""Every name that nafgen gives: packages, modules, classes, functions, parameters, tools.

The policy is written down in docs/names.md and is public: a change of it renames things
in the code of users. Names depend on nothing but the spec, and adding an operation does
not rename another unless the two collide.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from .diagnostics import Origin, Reporter
from .ir import (
    Adapter,
    McpAdapter,
    Operation,
    Program,
    RestAdapter,
    Route,
    Supplied,
    Tool,
    Upstream,
)
from .naming import camel, snake, tool_name, words
from .pycode import RESERVED, Code, dotted, identifier

CLIENT_GLOBALS: Final = frozenset("""
    Any AsyncClient Call Client Connection Environment Final Setting annotations
    basic given httpx joined listed segment
    """.split())
CLIENT_METHODS: Final = frozenset({"aclose", "call", "close", "send"})
APP_GLOBALS: Final = frozenset("""
    Annotated Any Body Cookie FastAPI OPTIONS Header Path Query Response add_health
    annotations api app calls closing create_app given each pick relay
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
    Any Api Arguments CallToolResult Hints NamedTuple Server Tools a annotations
    api calls create_server each lending pick relay tools
    """.split())


@dataclass(slots=True)
class Scope:
    """Names that may not be given twice; the first to claim one keeps it."""

    reporter: Reporter
    taken: dict[str, Origin | None] = field(default_factory=dict)

    @classmethod
    def of(cls, reporter: Reporter, reserved: Iterable[str]) -> Scope:
        return cls(reporter, dict.fromkeys(reserved))

    def claim(
        self, wanted: str, origin: Origin, joint: str = "_", *, silent: bool = False
    ) -> str:
        """The wanted name, or the first free one with a number behind it, reported."""
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted.rstrip('_')}{joint}{number}"
        first = self.taken.get(wanted)
        if first is not None and not silent:
            self.reporter.report(
                "NAF301",
                origin.span,
                f"`{wanted}` is taken, so this one is called `{name}`",
                related=[("the first one", first.span)],
            )
        self.taken[name] = origin
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamNames:
    """Classes of an upstream, its variable in adapters, and its settings' arguments."""

    async_class: Code
    sync_class: Code
    variable: Code
    connect: Code
    settings: dict[str, Code]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationNames:
    """A consumed operation's function, its method, and its parameters."""

    upstream: UpstreamNames
    function: Code
    method: Code
    arguments: dict[Origin, Code]


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitNames:
    """A route's or tool's function and parameters, and a tool's name on the wire."""

    function: Code
    result: Code
    inputs: dict[Origin, Code]
    tool: str


@dataclass(frozen=True, slots=True)
class NameTable:
    """All names of a program, found by the origin of what they name.

    `package` is the dotted name of the package below the output folder.
    """

    package: Code
    upstreams: dict[Origin, UpstreamNames] = field(default_factory=dict)
    operations: dict[Origin, OperationNames] = field(default_factory=dict)
    units: dict[Origin, UnitNames] = field(default_factory=dict)
    modules: dict[Origin, Code] = field(default_factory=dict)

    def all(self) -> Iterator[str]:
        """Every identifier of the table."""
        yield from self.modules.values()
        for upstream in self.upstreams.values():
            yield from (upstream.async_class, upstream.sync_class, upstream.connect)
            yield upstream.variable
            yield client_parameter(upstream)
            yield from upstream.settings.values()
        for operation in self.operations.values():
            yield from (operation.function, operation.method)
            yield from operation.arguments.values()
        for unit in self.units.values():
            yield from (unit.function, unit.result)
            yield from unit.inputs.values()


def client_parameter(upstream: UpstreamNames) -> Code:
    """The parameter of `create_app` and `create_server` that takes a client."""
    return identifier(upstream.variable.removesuffix("api") + "client")


def allocate(program: Program, package: str, reporter: Reporter) -> NameTable:
    """The names of a program; `package` is the path of its package."""
    table = NameTable(dotted(*package.split("/")))
    readable = _readable_names(program)
    module = Scope.of(reporter, CLIENT_GLOBALS)
    many = len(program.upstreams) > 1
    for upstream in program.upstreams:
        table.upstreams[upstream.origin] = _upstream(upstream, module, many)
    for upstream in program.upstreams:
        _operations(upstream, table, module, readable, many, reporter)
    files = Scope.of(reporter, {"client"})
    kinds = [type(adapter) for adapter in program.adapters]
    for adapter in program.adapters:
        alone = kinds.count(type(adapter)) == 1
        table.modules[adapter.origin] = _module(adapter, files, alone)
        _units(adapter, table, readable, reporter)
    return table


def _upstream(upstream: Upstream, module: Scope, many: bool) -> UpstreamNames:
    name = camel(upstream.namespace, "api")
    while {name, f"Async{name}"} & (module.taken.keys() | RESERVED):
        name += "Api"
    module.taken |= {name: upstream.origin, f"Async{name}": upstream.origin}
    wanted = f"_connect_{snake(upstream.namespace, 'api')}"
    connect = module.claim(wanted, upstream.origin, silent=True)
    variable = connect.removeprefix("_connect_")
    auth = {"auth"} if isinstance(upstream.auth, Supplied) else set()
    arguments = Scope.of(module.reporter, {"self", "http", *auth})
    base_url = upstream.base_url
    settings = {
        base_url.variable: identifier(arguments.claim("base_url", base_url.origin))
    }
    for setting in upstream.settings:
        wanted = snake(setting.variable, "setting")
        name_ = arguments.claim(wanted, setting.origin)
        settings[setting.variable] = identifier(name_)
    return UpstreamNames(
        async_class=identifier(f"Async{name}"),
        sync_class=identifier(name),
        variable=identifier(f"{variable}_api" if many else "api"),
        connect=identifier(connect if many else "_connect"),
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
    methods = Scope.of(reporter, CLIENT_METHODS)
    prefix = snake(upstream.namespace, "api").rstrip("_")
    for operation in upstream.operations:
        name = snake(readable.get(operation.origin, operation.name), "operation")
        method = methods.claim(name, operation.origin)
        function = f"{prefix}_{method.rstrip('_')}" if many else method
        function = module.claim(function, operation.origin)
        scope = Scope.of(reporter, {*CLIENT_GLOBALS, function})
        arguments = {
            argument.origin: identifier(
                scope.claim(snake(argument.name, "value"), argument.origin)
            )
            for argument in operation.arguments
        }
        table.operations[operation.origin] = OperationNames(
            upstream=table.upstreams[upstream.origin],
            function=identifier(function),
            method=identifier(method),
            arguments=arguments,
        )


def _module(adapter: Adapter, files: Scope, alone: bool) -> Code:
    base = "app" if isinstance(adapter, RestAdapter) else "mcp_server"
    wanted = base if alone else f"{base}_{snake(adapter.namespace, 'adapter')}"
    return identifier(files.claim(wanted, adapter.origin))


def _units(
    adapter: Adapter, table: NameTable, readable: dict[Origin, str], reporter: Reporter
) -> None:
    is_rest = isinstance(adapter, RestAdapter)
    reserved = APP_GLOBALS | BODY_NAMES if is_rest else MCP_GLOBALS
    variables = {names.variable for names in table.upstreams.values()}
    classes = {names.async_class for names in table.upstreams.values()}
    functions = Scope.of(reporter, reserved | variables | classes)
    tools = Scope(reporter)
    units: tuple[Route | Tool, ...]
    units = adapter.tools if isinstance(adapter, McpAdapter) else adapter.routes
    for unit in units:
        name = readable.get(unit.call.operation.origin) if is_rest else None
        same = unit.name == unit.call.operation.name
        wanted = snake(name if name and same else unit.name, "operation")
        function = functions.claim(wanted, unit.origin)
        scope = Scope.of(reporter, {*reserved, *variables, function})
        table.units[unit.origin] = UnitNames(
            function=identifier(function),
            result=Code(f"_{function}_result"),
            inputs={
                i.origin: identifier(scope.claim(snake(i.name, "value"), i.origin))
                for i in unit.inputs
            },
            tool="" if is_rest else _tool(unit.name, unit.origin, tools, reporter),
        )


def _tool(name: str, origin: Origin, tools: Scope, reporter: Reporter) -> str:
    fitted = tool_name(name)
    if fitted in tools.taken:
        first = tools.taken[fitted] or origin
        reporter.report(
            "NAF302",
            origin.span,
            f"another tool is called `{fitted}` already",
            hint="give the tools names of their own; this one gets a number",
            related=[("the first one", first.span)],
        )
    elif fitted != name:
        reporter.report(
            "NAF304",
            origin.span,
            f"the tool is called `{fitted}`, which every client takes",
        )
    return tools.claim(fitted, origin, "-", silent=True)


def _readable_names(program: Program) -> dict[Origin, str]:
    """Names of operations whose words run together, split as a unit's name splits them.

    `listmessagebatches` is `list-message-batches` when a tool or, failing that, a route
    that calls it has a name such as `anthropic-list-message-batches`.
    """
    tools = [a for a in program.adapters if isinstance(a, McpAdapter)]
    rests = [a for a in program.adapters if isinstance(a, RestAdapter)]
    units: list[Route | Tool] = [tool for adapter in tools for tool in adapter.tools]
    units += [route for adapter in rests for route in adapter.routes]
    readable: dict[Origin, str] = {}
    for unit in units:
        operation = unit.call.operation
        split = _split_like(operation, unit.name)
        if split is not None:
            readable.setdefault(operation.origin, split)
    return readable


def _split_like(operation: Operation, name: str) -> str | None:
    squashed = operation.name.lower()
    if len(words(operation.name)) != 1:
        return None
    parts = words(name)
    for start in range(len(parts)):
        for end in range(start + 2, len(parts) + 1):
            if "".join(parts[start:end]) == squashed:
                return "-".join(parts[start:end])
    return None
