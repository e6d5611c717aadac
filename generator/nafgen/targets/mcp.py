"""mcp_server.py: an MCP server per MCP adapter."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from msgspec import Struct

from ..diagnostics import Origin
from ..ir import Input, StepValue
from ..listing import input_schema
from ..names import NameTable, UnitNames
from ..plan import FilePlan
from ..program import FlowCall, McpAdapter, Program, Tool
from ..pycode import Code, Imports, comment, doc, lit, literal
from ..wire import Type
from .expressions import (
    RUNTIME,
    ApiView,
    api_views,
    bounded,
    call_expression,
    client_parameters,
    comma,
    decoded,
    flow_call,
    owned_clients,
)
from .guards import GuardView, guard_views
from .mappings import ResultView, result_view
from .observed import observes
from .served import ServedView, served_view
from .tool_settings import has_several_apis

_TOOLS = f"{RUNTIME}.tools"


class ToolView(Struct, frozen=True, kw_only=True):
    origin: Code
    arguments: Code
    function: Code
    relay: Code


class ModuleView(Struct, frozen=True, kw_only=True):
    doc: Code
    imports: tuple[tuple[Code, ...], ...]
    results: tuple[ResultView, ...]
    several: bool
    api: Code
    apis: tuple[ApiView, ...]
    parameters: Code
    tools: tuple[ToolView, ...]
    served: ServedView
    name: Code
    instructions: Code
    made: Code
    owned: Code
    server: Code
    guards: tuple[GuardView, ...]
    observes: tuple[Code, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plan of each MCP adapter's module."""
    return tuple(
        FilePlan(
            path=f"{names.modules[adapter.origin]}.py",
            template="mcp_server.py.j2",
            view=_module(program, adapter, names),
        )
        for adapter in program.adapters
        if isinstance(adapter, McpAdapter)
    )


def _module(program: Program, adapter: McpAdapter, names: NameTable) -> ModuleView:
    imports = Imports()
    imports.use("__future__", "annotations")
    imports.use("mcp.server.lowlevel", "Server")
    if adapter.tools:
        imports.use("mcp_types", "CallToolResult")
    used = ("Arguments", "Hints") if adapter.tools else ()
    for name in (*used, "Tools", "lending"):
        imports.use(_TOOLS, name)
    apis = api_views((unit.call for unit in adapter.units), names, imports)
    several = len(apis) > 1
    if several:
        imports.use("typing", "NamedTuple")
    results = [
        result_view(unit.result, names.units[unit.origin], imports)
        for unit in adapter.units
    ]
    api = Code("Api") if several else apis[0].async_class if apis else Code("None")
    tell = has_several_apis(program)
    tools = tuple(_tool(t, names, imports, api, several, tell) for t in adapter.tools)
    served = served_view(adapter, names, imports, api, several=several)
    guards = guard_views(adapter.guard, program, imports)
    server = Code("Server")
    if guards:
        server = imports.use(f"{RUNTIME}.guarded_server", "GuardedServer")
    observed = observes(program, imports)
    return ModuleView(
        doc=doc(
            adapter.description
            or f"MCP adapter for {program.label or adapter.namespace}."
        ),
        imports=imports.blocks(),
        results=tuple(view for view in results if view is not None),
        several=several,
        api=api,
        apis=apis,
        parameters=client_parameters(apis),
        tools=tools,
        served=served,
        name=comma(_introduction(program, adapter)),
        instructions=lit(adapter.description or program.description or None),
        made=(
            Code(f"Api({comma(a.variable for a in apis)})")
            if several
            else apis[0].variable if apis else Code("None")
        ),
        owned=owned_clients(apis),
        server=server,
        guards=guards,
        observes=observed,
    )


def _introduction(program: Program, adapter: McpAdapter) -> Iterator[Code | str]:
    """What the server calls itself."""
    yield lit(adapter.namespace)
    if program.version:
        yield f"version={lit(program.version)}"


def _tool(
    tool: Tool,
    names: NameTable,
    imports: Imports,
    api: Code,
    several: bool,
    tells_apis: bool,
) -> ToolView:
    own = names.units[tool.origin]
    argument = partial(_argument, own.properties, imports)

    def client(variable: Code) -> Code:
        return Code(f"api.{variable}") if several else Code("api")

    if isinstance(tool.call, FlowCall):
        call = flow_call(tool.call, names, imports, argument, client)
        made = [f"await {call}"]
        if tool.binary is not None and tool.binary.media_type:
            made.append(lit(tool.binary.media_type.partition(";")[0].lower()))
        relay = f"{imports.use(_TOOLS, 'answered')}({comma(made)})"
    else:
        variable = names.operations[tool.call.operation.origin].upstream.variable
        call = call_expression(tool.call, names, imports, argument)
        relayed = [bounded(client(variable), tool.binary, imports), call]
        if result_view(tool.result, own, imports) is not None:
            relayed.append(own.result)
        relay = f"await {imports.use(_TOOLS, 'relay')}({comma(relayed)})"
    return ToolView(
        origin=comment(tool.origin.pointer),
        arguments=_registered(tool, own, tells_apis),
        function=Code(
            f"{own.function}(api: {api}, {_arguments_name(tool)}: Arguments)"
        ),
        relay=Code(relay),
    )


def _arguments_name(tool: Tool) -> str:
    """The name of the arguments; one that is not used begins with an underscore."""
    return "arguments" if tool.inputs else "_"


def _argument(
    properties: dict[Origin, str], imports: Imports, given: Input | StepValue
) -> Code:
    if isinstance(given, StepValue):
        raise TypeError("a tool has no steps of its own")
    name = lit(properties[given.origin])
    value = f"arguments[{name}]" if given.required else f"arguments.get({name})"
    if given.type is Type.BYTES:
        return decoded(Code(value), imports)
    return Code(value)


def _registered(tool: Tool, own: UnitNames, tells_apis: bool) -> Code:
    hints, named = tool.hints, own.properties
    arguments = [str(lit(own.tool))]
    if tool.title:
        arguments.append(f"title={lit(tool.title)}")
    if tool.description:
        arguments.append(f"description={lit(tool.description)}")
    if tool.inputs:
        properties = {named[given.origin]: input_schema(given) for given in tool.inputs}
        arguments.append(f"properties={literal(properties)}")
    required = [named[given.origin] for given in tool.inputs if given.required]
    if required:
        arguments.append(f"required={literal(required)}")
    flags = comma(
        f"{name}={flag}"
        for name, flag in (
            ("read_only", hints.read_only),
            ("destructive", hints.destructive),
            ("idempotent", hints.idempotent),
            ("open_world", hints.open_world),
        )
    )
    arguments.append(f"hints=Hints({flags})")
    called = dict.fromkeys(o.namespace for o in tool.call.operations)
    if tells_apis and called:
        arguments.append(f"apis={literal(list(called))}")
    return comma(arguments)
