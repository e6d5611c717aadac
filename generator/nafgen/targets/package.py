"""The files that every package has: exports, command line, README, and `_runtime`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Final

from msgspec import Struct

from ..diagnostics import Origin
from ..markdown import code, prose
from ..names import NameTable
from ..plan import FilePlan, VerbatimView
from ..program import (
    Adapter,
    Forward,
    McpAdapter,
    Program,
    RestAdapter,
    Route,
    SkillAdapter,
)
from ..pycode import Code, doc, import_order, lit
from ..resources import RUNTIME
from ..result_steps import has_queries, results_of
from ..wire import Type
from .connections import client_modules
from .expressions import comma
from .guards import SUPPORT
from .mappings import QUERY_LIBRARY, support_modules
from .observed import (
    control_libraries,
    control_line,
    control_modules,
    control_server,
)
from .readers import answer_libraries, answer_modules
from .scripts import script_libraries, script_modules
from .served import served_lines, support
from .skill_docs import how_to_run
from .sources import readings
from .variables import variables_of

_IMPORTED: Final = re.compile(r"^ *from \.(\w+) import ", re.MULTILINE).findall


class ExportView(Struct, frozen=True, kw_only=True):
    module: Code
    literal: Code
    names: Code


class InitView(Struct, frozen=True, kw_only=True):
    doc: Code
    has_exports: bool
    exports: tuple[ExportView, ...]
    all: Code
    lookup: tuple[Code, ...]


class MainView(Struct, frozen=True, kw_only=True):
    doc: Code
    adapters: tuple[Code, ...]


class VariableView(Struct, frozen=True, kw_only=True):
    """An environment variable."""

    name: Code
    about: Code


class RowView(Struct, frozen=True, kw_only=True):
    """A consumed operation, and what exposes it."""

    operation: Code
    routes: Code
    tools: Code


class ReadmeView(Struct, frozen=True, kw_only=True):
    title: Code
    description: Code
    package: Code
    requirements: Code
    has_exports: bool
    exports: Code
    adapters: tuple[Code, ...]
    forwards: tuple[Code, ...]
    served: tuple[Code, ...]
    has_mcp: bool
    variables: tuple[VariableView, ...]
    has_rows: bool
    rows: tuple[RowView, ...]


def plan(program: Program, names: NameTable) -> tuple[FilePlan, ...]:
    """The plans of the files beside the adapters' own."""
    plans = [
        FilePlan(path="__init__.py", template="init.py.j2", view=_init(program, names)),
        FilePlan(
            path="README.md", template="README.md.j2", view=_readme(program, names)
        ),
        FilePlan(
            path="py.typed", template="verbatim.j2", view=VerbatimView(text=Code())
        ),
    ]
    if program.servers:
        view = MainView(
            doc=doc(f"Runs the package: `python -m {names.package} serve`."),
            adapters=tuple(_adapters(program, names)),
        )
        plans.append(FilePlan(path="__main__.py", template="main.py.j2", view=view))
    for module in _runtime_modules(program, names):
        path = f"_runtime/{module}.py"
        view_ = VerbatimView(text=_runtime_text(module))
        plans.append(FilePlan(path=path, template="runtime.py.j2", view=view_))
    return tuple(plans)


def _init(program: Program, names: NameTable) -> InitView:
    exported: dict[str, list[str]] = {}
    for adapter in program.adapters:
        module = names.modules[adapter.origin]
        is_rest = isinstance(adapter, RestAdapter)
        alone = module in ("app", "mcp_server")
        if alone:
            exported[module] = ["create_app" if is_rest else "create_server"]
    if not program.adapters and program.control is not None:
        exported["control"] = ["create_app"]
    exported["client"] = [
        name
        for own in names.upstreams.values()
        for name in (own.async_class, own.sync_class)
    ]
    flat = sorted(
        ((name, module) for module, ns in exported.items() for name in ns),
        key=lambda pair: import_order(pair[0]),
    )
    return InitView(
        doc=doc(program.label or "A generated package."),
        has_exports=bool(flat),
        exports=tuple(
            ExportView(
                module=Code(module),
                literal=lit(module),
                names=comma(sorted(found, key=import_order)),
            )
            for module, found in sorted(exported.items())
            if found
        ),
        all=comma(lit(name) for name, _ in flat),
        lookup=tuple(Code(f"{lit(name)}: {lit(module)}") for name, module in flat),
    )


def _adapters(program: Program, names: NameTable) -> list[Code]:
    lines = []
    for adapter in program.adapters:
        kind = "rest" if isinstance(adapter, RestAdapter) else "mcp"
        transport = adapter.transport if isinstance(adapter, McpAdapter) else "http"
        values = [kind, names.modules[adapter.origin], adapter.address]
        arguments = [*map(lit, values), lit(adapter.port)]
        if transport != "http":
            arguments.append(lit(transport))
        lines.append(Code(f"Adapter({comma(arguments)})"))
    for skills in program.skills:
        values = ["skill", names.modules[skills.origin], skills.address]
        lines.append(Code(f"Adapter({comma([*map(lit, values), lit(skills.port)])})"))
    if program.control is not None:
        lines.append(control_server(program.control))
    return lines


@cache
def _runtime_text(module: str) -> Code:
    return Code((RUNTIME / f"{module}.py").read_text(encoding="utf-8"))


def _runtime_modules(program: Program, names: NameTable) -> tuple[str, ...]:
    """The runtime modules that the package needs, and what those import."""
    wanted = ["__init__", "upstream"]
    wanted += answer_modules(program)
    wanted += client_modules(program.upstreams)
    wanted += ["main", "skills"] if program.skills else []
    for adapter in program.adapters:
        wanted += ["main", "rest" if isinstance(adapter, RestAdapter) else "tools"]
        if isinstance(adapter, RestAdapter):
            wanted += ["forward"] if adapter.forwards else []
        else:
            wanted += ["stdio", *support(adapter)]
        if adapter.guard is not None and isinstance(adapter, McpAdapter):
            wanted.append("guarded_server")
        wanted += support_modules(*(unit.result for unit in adapter.units))
        inputs = [given for unit in adapter.units for given in unit.inputs]
        if any(given.path for given in inputs):
            wanted.append("members")
        bytes_ = [given for given in inputs if given.type is Type.BYTES]
        if any(isinstance(adapter, McpAdapter) or not each.whole for each in bytes_):
            wanted.append("base64_inputs")
    wanted += [SUPPORT[type(guard.scheme)].module for guard in program.guards]
    wanted += control_modules(program.control)
    for flow in program.flows:
        wanted += support_modules(*results_of(flow))
        wanted += ["flows"] if flow.steps else []
    wanted += script_modules(program)
    wanted += ["held_settings"] if program.held else []
    wanted += [each.module for each in readings(program)]
    found: set[str] = set()
    while wanted:
        module = wanted.pop()
        if module not in found:
            found.add(module)
            wanted += siblings(_runtime_text(module))
    return tuple(sorted(found))


@cache
def siblings(text: str) -> tuple[str, ...]:
    """The support modules that the text of one imports."""
    # To look through its syntax tree would take longer than all else about a small spec.
    return tuple(_IMPORTED(text))


def _readme(program: Program, names: NameTable) -> ReadmeView:
    classes = [
        name
        for own in names.upstreams.values()
        for name in (own.async_class, own.sync_class)
    ]
    has_mcp = any(isinstance(adapter, McpAdapter) for adapter in program.adapters)
    variables: dict[str, Code] = {}
    for name, about in variables_of(program):
        variables.setdefault(name, about)
    label = program.label or "A generated package"
    return ReadmeView(
        title=prose(label),
        description=prose(program.description or label),
        package=names.package,
        requirements=Code(" ".join(_requirements(program))),
        has_exports=bool(classes or program.flows or program.control),
        exports=comma(
            [*classes, *(["flows"] if program.flows else [])] or ["create_app"]
        ),
        adapters=tuple(_how_to_run(program, names)),
        forwards=tuple(_forwards(program)),
        served=tuple(served_lines(program, names)),
        has_mcp=has_mcp,
        variables=tuple(
            VariableView(name=code(name), about=about)
            for name, about in variables.items()
        ),
        has_rows=any(upstream.operations for upstream in program.upstreams),
        rows=tuple(_rows(program, names)),
    )


def _requirements(program: Program) -> list[str]:
    kinds = {type(server) for server in program.servers}
    needed = {
        "aiohttp": bool(kinds),
        "fastapi": bool(kinds & {RestAdapter, SkillAdapter}),
        "mcp": McpAdapter in kinds,
        "uvicorn[standard]": bool(kinds),
    }
    libraries = answer_libraries(program)
    libraries.update(control_libraries(program))
    schemes = {type(guard.scheme) for guard in program.guards}
    libraries.update(lib for each in schemes for lib in SUPPORT[each].libraries)
    libraries |= script_libraries(program)
    if has_queries(program):
        libraries.add(QUERY_LIBRARY)
    libraries.update(lib for each in readings(program) for lib in each.libraries)
    return [
        "httpx",
        *(name for name, is_needed in needed.items() if is_needed),
        *sorted(libraries),
    ]


def _how_to_run(program: Program, names: NameTable) -> Iterator[Code]:
    for adapter in program.adapters:
        yield _how_to_run_one(adapter, names)
    yield from how_to_run(program, names)
    if program.control is not None:
        yield control_line(program.control, names.package)


def _how_to_run_one(adapter: Adapter, names: NameTable) -> Code:
    module = names.modules[adapter.origin]
    if isinstance(adapter, RestAdapter):
        return Code(
            f"REST on port {adapter.port}: `python -m {names.package} rest`,"
            f" or `uvicorn {names.package}.{module}:create_app --factory`."
        )
    if adapter.transport == "stdio":
        return Code(f"MCP on stdio: `python -m {names.package} mcp`.")
    return Code(
        f"MCP on port {adapter.port} at `/mcp`: `python -m {names.package} mcp`;"
        " on stdio: the same with `--transport stdio`."
    )


def _forwards(program: Program) -> Iterator[Code]:
    """What is passed on, and with which headers."""
    rests = (each for each in program.adapters if isinstance(each, RestAdapter))
    for forward in (each for rest in rests for each in rest.forwards):
        path = code(_shown(forward))
        trusted = comma(map(code, forward.trusted))
        kept = f", with the headers {trusted}" if trusted else ""
        yield Code(f"Passed on to {code(forward.namespace)}: {path}{kept}.")


def _rows(program: Program, names: NameTable) -> Iterator[RowView]:
    routes: defaultdict[Origin, list[Code]] = defaultdict(list)
    tools: defaultdict[Origin, list[Code]] = defaultdict(list)
    for adapter in program.adapters:
        if isinstance(adapter, RestAdapter):
            for route in adapter.routes:
                shown = code(f"{route.method} {_shown(route)}")
                for origin in {each.origin for each in route.call.operations}:
                    routes[origin].append(shown)
        else:
            for tool in adapter.tools:
                shown = code(names.units[tool.origin].tool)
                for origin in {each.origin for each in tool.call.operations}:
                    tools[origin].append(shown)
    for upstream in program.upstreams:
        for operation in upstream.operations:
            yield RowView(
                operation=code(names.operations[operation.origin].method),
                routes=comma(routes[operation.origin]),
                tools=comma(tools[operation.origin]),
            )


def _shown(route: Route | Forward) -> str:
    return "".join(p if isinstance(p, str) else f"{{{p.name}}}" for p in route.path)
