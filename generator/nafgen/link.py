"""Links a capability: every name and reference of the surface model resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from . import spec
from .behaviours import BehaviourLinker, given_by_calls
from .binary_answers import served
from .controls import link_control
from .diagnostics import Reporter, Span, show
from .flows import Unit
from .forwards import link_forwards
from .guards import link_guard, report_shown
from .ir import READING, Argument, Input, Operation, Upstream
from .link_skills import link_skills
from .operations import METHODS, Refused
from .program import (
    Adapter,
    Call,
    FlowCall,
    Hints,
    LeftOut,
    McpAdapter,
    Program,
    RestAdapter,
    Route,
    Tool,
)
from .resolve import Resolver
from .route_paths import route_path, shape, specificity
from .rule_set import NO_RULES, Rules
from .rules import settle
from .served import ServedLinker
from .spec import Located
from .upstreams import Linked, link_upstream, merged, negotiated_settings

MAX_TOOLS: Final = 128
"""Tools that clients take of all servers together, as far as is known."""
_IDEMPOTENT = READING | {"PUT", "DELETE"}
_WRITING = frozenset({"PUT", "PATCH", "DELETE"})


def link(
    capability: spec.Capability, reporter: Reporter, rules: Rules = NO_RULES
) -> Program:
    """The program of a capability; what cannot be linked is reported and left out."""
    return _Linker(capability, reporter, rules).program()


@dataclass(slots=True)
class _Linker:
    capability: spec.Capability
    reporter: Reporter
    rules: Rules
    upstreams: dict[str, Linked] = field(default_factory=dict)
    left_out: list[LeftOut] = field(default_factory=list)
    resolver: Resolver = field(init=False)
    units: BehaviourLinker = field(init=False)
    served: ServedLinker = field(init=False)

    def __post_init__(self) -> None:
        refused = {
            unit.name: unit.code
            for unit in self.capability.unusable
            if unit.kind == "upstream"
        }
        scripts = dict(self.capability.scripts)
        self.resolver = Resolver(self.upstreams, refused, self.reporter, scripts)
        self.units = BehaviourLinker(self.resolver, self.reporter)
        self.served = ServedLinker(self.units, self.reporter, self.left_out)

    def program(self) -> Program:
        for unit in self.capability.unusable:
            self._leave_out(unit.kind, unit.name, unit.code)
        given = given_by_calls(self.capability)
        for entry in merged(self.capability.consumes):
            self._upstream(entry, given)
        for linked in self.upstreams.values():
            self._report_equal_requests(linked)
        for aggregate in self.capability.aggregates:
            for flow in aggregate.flows:
                self._flow(aggregate, flow)
        adapters: list[Adapter] = []
        for exposed in self.capability.exposes:
            if isinstance(exposed, spec.Rest):
                adapters.append(self._rest(exposed))
            else:
                adapters.append(self._mcp(exposed))
        skills, left_out = link_skills(self.capability, adapters, self.reporter)
        self.left_out += left_out
        return Program(
            label=self.capability.label,
            description=self.capability.description,
            version=self.capability.version,
            upstreams=tuple(map(_with_settings, self.upstreams.values())),
            flows=tuple(self.units.used.values()),
            adapters=tuple(adapter for adapter in adapters if _serves(adapter)),
            left_out=tuple(self.left_out),
            origin=self.capability.origin,
            control=link_control(self.capability, self.reporter),
            skills=skills,
        )

    def _leave_out(self, kind: str, name: str, code: str) -> None:
        self.left_out.append(LeftOut(kind=kind, name=name, code=code))

    def _leave_out_api(self, entry: spec.Consumes, code: str) -> None:
        self._leave_out("upstream", entry.namespace, code)
        for resource in entry.resources:
            for operation in resource.operations:
                self._leave_out("operation", operation.name, code)

    def _upstream(
        self, entry: spec.Consumes, given: Mapping[str, dict[str, Located]]
    ) -> None:
        if entry.namespace in self.upstreams:
            self.reporter.report(
                "NAF202",
                entry.origin.span,
                f"the namespace `{entry.namespace}` is consumed twice",
                hint="give this entry a namespace of its own, or merge the two",
            )
            self._leave_out_api(entry, "NAF202")
            self.upstreams[entry.namespace].leave_out(entry, "NAF202")
            return
        own = {
            call.removeprefix(f"{entry.namespace}."): values
            for call, values in given.items()
            if call.startswith(f"{entry.namespace}.")
        }
        binds = self.capability.binds
        entry, conventions = settle(entry, binds, self.rules, self.reporter)
        linked = link_upstream(entry, conventions, binds, own, self.reporter)
        if isinstance(linked, str):
            self._leave_out_api(entry, linked)
            self.resolver.refused[entry.namespace] = linked
            return
        self.upstreams[entry.namespace] = linked
        for operation in linked.operations:
            if isinstance(operation, Refused):
                self._leave_out("operation", operation.name, operation.code)

    def _report_equal_requests(self, linked: Linked) -> None:
        first: dict[str, Operation] = {}
        for operation in linked.upstream.operations:
            known = first.setdefault(_request(operation), operation)
            if known is not operation:
                self.reporter.report(
                    "NAF417",
                    operation.origin.span,
                    f"`{operation.name}` sends the same request as `{known.name}`",
                    hint="the path may have lost a part",
                    related=[(f"`{known.name}`", known.origin.span)],
                )

    def _flow(
        self, aggregate: spec.Aggregate, entry: spec.Flow | spec.Unusable
    ) -> None:
        code = self.units.aggregated(aggregate, entry)
        if code is not None:
            self._leave_out("flow", entry.name, code)

    # --- REST --------------------------------------------------------------------

    def _rest(self, exposed: spec.Rest) -> RestAdapter:
        routes: list[Route] = []
        seen: dict[tuple[str, str], Span] = {}
        for resource in exposed.resources:
            for operation in resource.operations:
                route = self._route(exposed, resource, operation, seen)
                if isinstance(route, str):
                    name = operation.name or resource.path.value
                    self._leave_out("route", name, route)
                else:
                    routes.append(route)
        forwards, left_out = link_forwards(
            exposed, self.upstreams, self.resolver.refused, self.reporter
        )
        self.left_out += left_out
        guard = link_guard(exposed, self.capability.binds, self.reporter)
        if guard is not None:
            report_shown(guard, routes, self.reporter)
        return RestAdapter(
            namespace=exposed.namespace,
            address=exposed.address,
            port=exposed.port,
            description=exposed.description,
            guard=guard,
            routes=tuple(sorted(routes, key=lambda route: specificity(route.path))),
            forwards=forwards,
            origin=exposed.origin,
        )

    def _route(
        self,
        exposed: spec.Rest,
        resource: spec.RestResource,
        entry: spec.RestOperation,
        seen: dict[tuple[str, str], Span],
    ) -> Route | str:
        if entry.method not in METHODS:
            self.reporter.report(
                "NAF101",
                entry.origin.span,
                f"the method {show(entry.method)} is not known",
                hint=f"one of {', '.join(sorted(METHODS))}",
            )
            return "NAF101"
        path = route_path(resource, self.reporter)
        if isinstance(path, str):
            return path
        form = shape(path)
        first = seen.get((entry.method, form))
        if first is not None:
            self.reporter.report(
                "NAF403",
                entry.origin.span,
                f"{entry.method} {resource.path.value} is routed already; the first wins",
                hint="remove one of the two, or change its path or method",
                related=[("the first one", first)],
            )
            return "NAF403"
        path_inputs = tuple(dict.fromkeys(p for p in path if isinstance(p, Input)))
        params = (*resource.params, *entry.params)
        unit = Unit(
            kind="rest",
            namespace=exposed.namespace,
            name=entry.name,
            behaviour=entry.behaviour,
            params=params,
            path_inputs=path_inputs,
            method=entry.method,
            description=entry.description,
            origin=entry.origin,
        )
        linked = self.units.linked(unit, (entry.method, path))
        if isinstance(linked, str):
            return linked
        inputs, call, made = linked
        seen[entry.method, form] = entry.origin.span
        by_name = {i.name: i for i in inputs}
        return Route(
            method=entry.method,
            path=tuple(p if isinstance(p, str) else by_name[p.name] for p in path),
            name=entry.name or call.callee.name,
            tag=resource.name,
            inputs=inputs,
            call=call,
            result=made,
            binary=served(call, exposed.max_size, entry.answer_type, self.reporter),
            description=entry.description or call.callee.description,
            origin=entry.origin,
        )

    # --- MCP ---------------------------------------------------------------------

    def _mcp(self, exposed: spec.Mcp) -> McpAdapter:
        tools: list[Tool] = []
        for entry in exposed.tools:
            tool = self._tool(exposed, entry)
            if isinstance(tool, str):
                self._leave_out("tool", entry.name, tool)
            elif self._is_wanted(tool):
                tools.append(tool)
        if len(tools) > MAX_TOOLS:
            self.reporter.report(
                "NAF431",
                exposed.origin.span,
                f"{len(tools)} tools are more than many clients take, which is"
                f" {MAX_TOOLS}",
                hint="expose fewer of them, by `tools` in a rule of pyproject.toml",
            )
        resources, folders = self.served.resources(exposed)
        return McpAdapter(
            namespace=exposed.namespace,
            address=exposed.address,
            port=exposed.port,
            transport=exposed.transport,
            description=exposed.description,
            guard=link_guard(exposed, self.capability.binds, self.reporter),
            tools=tuple(tools),
            resources=resources,
            folders=folders,
            prompts=self.served.prompts(exposed),
            caching=exposed.caching,
            origin=exposed.origin,
        )

    def _is_wanted(self, tool: Tool) -> bool:
        """Whether the project's rules expose this tool."""
        called = {operation.namespace for operation in tool.call.operations}
        return all(
            self.upstreams[namespace].conventions.exposes(tool.name)
            for namespace in called
        )

    def _tool(self, exposed: spec.Mcp, entry: spec.McpTool) -> Tool | str:
        unit = Unit(
            kind="mcp",
            namespace=exposed.namespace,
            name=entry.name,
            behaviour=entry.behaviour,
            params=entry.params,
            description=entry.description,
            origin=entry.origin,
        )
        linked = self.units.linked(unit, None)
        if isinstance(linked, str):
            return linked
        inputs, call, made = linked
        name = entry.name or call.callee.name
        return Tool(
            name=name,
            title=entry.title,
            description=entry.description or call.callee.description or name,
            hints=self._hints(entry, call),
            inputs=inputs,
            call=call,
            result=made,
            binary=served(call, exposed.max_size, None, self.reporter),
            origin=entry.origin,
        )

    def _hints(self, entry: spec.McpTool, call: Call | FlowCall) -> Hints:
        """What is said of the tool, else of the flow, else what the methods imply."""
        ref = entry.behaviour.ref
        semantics = self.units.semantics.get(str(ref.value), {}) if ref else {}
        given = dict(entry.hints)
        if (safe := semantics.get("safe")) is not None:
            given = {
                "readOnly": safe,
                **({"destructive": False} if safe else {}),
                **given,
            }
        if (idempotent := semantics.get("idempotent")) is not None:
            given = {"idempotent": idempotent, **given}
        methods = {operation.method for operation in call.operations}
        read_only = given.get("readOnly", methods <= READING)
        writes = not methods.isdisjoint(_WRITING)
        if (read_only and writes) or (
            "DELETE" in methods and not given.get("destructive", True)
        ):
            written = ", ".join(sorted(methods - READING))
            self.reporter.report(
                "NAF408",
                entry.origin.span,
                f"the hints of `{entry.name}` contradict the method {written}",
                hint="correct them, or leave them out: the method implies them",
            )
        return Hints(
            read_only=read_only,
            destructive=given.get("destructive", writes and not read_only),
            idempotent=given.get("idempotent", methods <= _IDEMPOTENT),
            open_world=given.get("openWorld", bool(methods)),
        )


def _request(operation: Operation) -> str:
    """What an operation sends, but for the names of its path's arguments."""
    path = "".join(part if isinstance(part, str) else "{}" for part in operation.path)
    body = "" if isinstance(operation.body, Argument) else operation.body
    return f"{operation.method} {path} {operation.query} {body}"


def _with_settings(linked: Linked) -> Upstream:
    settings = linked.settings
    base_url = linked.upstream.base_url
    if base_url.variable in settings.used:  # a bind has the name already
        own = f"{base_url.variable.removesuffix('BASE_URL')}API_BASE_URL"
        base_url = replace(base_url, variable=own)
    made = replace(
        linked.upstream,
        base_url=base_url,
        settings=tuple(settings.used.values()),
        call_settings=tuple((settings.in_calls or {}).values()),
    )
    return replace(made, negotiated_settings=negotiated_settings(made))


def _serves(adapter: Adapter) -> bool:
    if isinstance(adapter, RestAdapter):
        return bool(adapter.routes or adapter.forwards)
    return bool(adapter.units or adapter.folders or adapter.prompts)
