"""The resources and prompts of an MCP server."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from ..diagnostics import Origin
from ..ir import Input, StepValue
from ..markdown import code
from ..names import NameTable, UnitNames
from ..program import FlowCall, Folder, McpAdapter, Program, Prompt, Resource
from ..pycode import Code, Imports, comment, lit
from ..wire import Caching, PromptArgument
from .expressions import RUNTIME, bounded, call_expression, comma, flow_call
from .mappings import result_view

_RESOURCES: Final = f"{RUNTIME}.resources"
_LINE: Final = 88
"""Characters of a message that is written on one line at the most."""


class ResourceView(Struct, frozen=True, kw_only=True):
    origin: Code
    arguments: Code
    function: Code
    made: Code


class AddedView(Struct, frozen=True, kw_only=True):
    """A folder or a prompt, which is added by a call."""

    origin: Code
    added: Code


class ServedView(Struct, frozen=True, kw_only=True):
    """What a server has besides tools; `resources` and `prompts` may be empty, and then
    there is no registry of them. `cache` is the name of the `hint` of how long clients
    may keep answers, empty where the spec says nothing of it."""

    has_cache: bool
    cache: Code
    hint: Code
    has_resources: bool
    resources: tuple[ResourceView, ...]
    folders: tuple[AddedView, ...]
    has_prompts: bool
    prompts: tuple[AddedView, ...]


def served_view(
    adapter: McpAdapter,
    names: NameTable,
    imports: Imports,
    api: Code,
    *,
    several: bool,
) -> ServedView:
    """The resources and prompts of an adapter, whose functions get an `api`."""
    has_resources = bool(adapter.resources or adapter.folders)
    if has_resources:
        imports.use(_RESOURCES, "Resources")
    if adapter.prompts:
        imports.use(f"{RUNTIME}.prompts", "Prompts")
    return ServedView(
        has_cache=adapter.caching is not None,
        cache=Code("CACHE" if adapter.caching else ""),
        hint=_hint(adapter.caching, imports),
        has_resources=has_resources,
        resources=tuple(
            _resource(each, names, imports, api, several=several)
            for each in adapter.resources
        ),
        folders=tuple(_folder(each, imports) for each in adapter.folders),
        has_prompts=bool(adapter.prompts),
        prompts=tuple(
            _prompt(each, names.prompts[each.origin], imports)
            for each in adapter.prompts
        ),
    )


def served_lines(program: Program, names: NameTable) -> Iterator[Code]:
    """The resources and prompts of MCP servers."""
    servers = _servers(program)
    for resource in (each for server in servers for each in server.resources):
        properties = names.units[resource.origin].properties
        yield Code(f"Resource: {code(shown_uri(resource, properties))}.")
    for folder in (each for server in servers for each in server.folders):
        yield Code(f"Resources: the files of a folder, below {code(folder.uri)}.")
    prompts = [each for server in servers for each in server.prompts]
    if prompts:
        called = comma(code(names.prompts[each.origin]) for each in prompts)
        yield Code(f"Prompts: {called}.")


def folder_settings(program: Program) -> Iterator[tuple[str, Code]]:
    """The variables that move folders, and what each is."""
    for folder in (each for server in _servers(program) for each in server.folders):
        default = f"default: {code(folder.path)}, from the folder of the package"
        yield folder.variable, Code(default)


def _servers(program: Program) -> list[McpAdapter]:
    return [each for each in program.adapters if isinstance(each, McpAdapter)]


def support(adapter: McpAdapter) -> list[str]:
    """The support modules for what an adapter has besides tools."""
    modules = ["resources"] if adapter.resources else []
    modules += ["resource_files"] if adapter.folders else []
    return modules + (["prompts"] if adapter.prompts else [])


def _hint(caching: Caching | None, imports: Imports) -> Code:
    if caching is None:
        return Code()
    made = imports.use("mcp.server.caching", "CacheHint")
    return Code(f"{made}(ttl_ms={lit(caching.ttl_ms)}, scope={lit(caching.scope)})")


# --- resources ---------------------------------------------------------------------


def _resource(
    resource: Resource, names: NameTable, imports: Imports, api: Code, *, several: bool
) -> ResourceView:
    own = names.units[resource.origin]
    for name in ("Content", "Variables"):
        imports.use(_RESOURCES, name)

    def variable(given: Input | StepValue) -> Code:
        if isinstance(given, StepValue):
            raise TypeError("a resource has no steps of its own")
        return Code(f"variables[{lit(own.properties[given.origin])}]")

    def client(of: Code) -> Code:
        return Code(f"api.{of}") if several else Code("api")

    call = resource.call
    if isinstance(call, FlowCall):
        given = [f"await {flow_call(call, names, imports, variable, client)}"]
        if resource.binary is not None and resource.binary.media_type:
            given.append(lit(resource.binary.media_type.partition(";")[0].lower()))
        made = f"{imports.use(_RESOURCES, 'content')}({comma(given)})"
    else:
        upstream = names.operations[call.operation.origin].upstream
        given = [
            bounded(client(upstream.variable), resource.binary, imports),
            call_expression(call, names, imports, variable),
        ]
        if result_view(resource.result, own, imports) is not None:
            given.append(own.result)
        made = f"await {imports.use(_RESOURCES, 'read')}({comma(given)})"
    # One that is not used begins with an underscore.
    variables = "variables" if resource.inputs else "_"
    return ResourceView(
        origin=comment(resource.origin.pointer),
        arguments=_registered(resource, own),
        function=Code(f"{own.function}(api: {api}, {variables}: Variables)"),
        made=Code(made),
    )


def _registered(resource: Resource, own: UnitNames) -> Code:
    uri = shown_uri(resource, own.properties)
    arguments = [str(lit(uri)), *_described(resource)]
    if resource.is_binary:
        arguments.append("is_blob=True")
    if resource.writes:
        arguments.append("writes=True")
    return comma(arguments)


def shown_uri(resource: Resource, variables: Mapping[Origin, str]) -> str:
    """The URI of a resource, or the template of those of several."""
    return "".join(
        part if isinstance(part, str) else f"{{{variables[part.origin]}}}"
        for part in resource.uri
    )


def _folder(folder: Folder, imports: Imports) -> AddedView:
    made = imports.use(f"{RUNTIME}.resource_files", "FolderFiles")
    place = imports.use(f"{RUNTIME}.folders", "Folder")
    found = comma([lit(folder.variable), "__file__", lit(folder.path)])
    arguments = [lit(folder.uri), f"{place}({found})", *_described(folder)]
    if folder.is_binary:
        arguments.append("is_blob=True")
    arguments.append(f"limit={lit(folder.limit)}")
    return AddedView(
        origin=comment(folder.origin.pointer),
        added=Code(f"resources.add_files({made}({comma(arguments)}))"),
    )


def _described(thing: Resource | Folder) -> list[str]:
    described = [f"name={lit(thing.name)}"]
    for name, text in (
        ("title", thing.title),
        ("description", thing.description),
        ("media_type", thing.media_type),
    ):
        if text:
            described.append(f"{name}={lit(text)}")
    return described


# --- prompts -----------------------------------------------------------------------


def _prompt(prompt: Prompt, name: str, imports: Imports) -> AddedView:
    arguments = [str(lit(name))]
    if prompt.title:
        arguments.append(f"title={lit(prompt.title)}")
    if prompt.description:
        arguments.append(f"description={lit(prompt.description)}")
    if prompt.arguments:
        made = comma(_argument(each, imports) for each in prompt.arguments)
        arguments.append(f"arguments=[{made}]")
    messages = comma(f"({lit(role)}, {_text(text)})" for role, text in prompt.messages)
    arguments.append(f"messages=[{messages}]")
    return AddedView(
        origin=comment(prompt.origin.pointer),
        added=Code(f"prompts.add({comma(arguments)})"),
    )


def _argument(argument: PromptArgument, imports: Imports) -> str:
    made = imports.use("mcp_types", "PromptArgument")
    given = [f"name={lit(argument.name)}"]
    if argument.title:
        given.append(f"title={lit(argument.title)}")
    if argument.description:
        given.append(f"description={lit(argument.description)}")
    given.append(f"required={lit(argument.required)}")
    return f"{made}({comma(given)})"


def _text(text: str) -> str:
    """A text, which is written line by line where it is long."""
    whole = lit(text)
    if len(whole) <= _LINE or "\n" not in text.rstrip("\n"):
        return whole
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    return f"({' '.join(map(lit, lines))})"
