"""Links a capability: every name and reference of the surface model resolved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from . import spec
from .arguments import is_protocol_header, place_of
from .diagnostics import Reporter, Span, show
from .exposed import CallLinker
from .forwards import link_forwards
from .guards import link_guard
from .ir import (
    Adapter,
    Argument,
    Call,
    Hints,
    Input,
    LeftOut,
    McpAdapter,
    Operation,
    Program,
    Relay,
    RestAdapter,
    Result,
    Route,
    Tool,
    Upstream,
)
from .operations import METHODS, Refused
from .resolve import Resolver
from .results import result
from .route_paths import route_path, shape, specificity
from .rules import NO_RULES, Rules, settle
from .spec import Located
from .upstreams import Linked, link_upstream, merged
from .wire import Location

MAX_TOOLS: Final = 128
"""Tools that clients take of all servers together, as far as is known."""
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_IDEMPOTENT = _SAFE | {"PUT", "DELETE"}


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

    def __post_init__(self) -> None:
        refused = {
            unit.name: unit.code
            for unit in self.capability.unusable
            if unit.kind == "upstream"
        }
        self.resolver = Resolver(self.upstreams, refused, self.reporter)

    def program(self) -> Program:
        for unit in self.capability.unusable:
            self._leave_out(unit.kind, unit.name, unit.code)
        given = _given(self.capability)
        for entry in merged(self.capability.consumes):
            self._upstream(entry, given)
        for linked in self.upstreams.values():
            self._report_equal_requests(linked)
        adapters: list[Adapter] = []
        for exposed in self.capability.exposes:
            if isinstance(exposed, spec.Rest):
                adapters.append(self._rest(exposed))
            else:
                adapters.append(self._mcp(exposed))
        return Program(
            label=self.capability.label,
            description=self.capability.description,
            upstreams=tuple(map(_with_settings, self.upstreams.values())),
            adapters=tuple(adapter for adapter in adapters if _serves(adapter)),
            left_out=tuple(self.left_out),
            origin=self.capability.origin,
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
        return RestAdapter(
            namespace=exposed.namespace,
            address=exposed.address,
            port=exposed.port,
            description=exposed.description,
            guard=link_guard(exposed, self.capability.binds, self.reporter),
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
        linked = self._linked(exposed, entry, params, path_inputs, (entry.method, path))
        if isinstance(linked, str):
            return linked
        inputs, call, made = linked
        seen[entry.method, form] = entry.origin.span
        by_name = {i.name: i for i in inputs}
        return Route(
            method=entry.method,
            path=tuple(p if isinstance(p, str) else by_name[p.name] for p in path),
            name=entry.name or call.operation.name,
            tag=resource.name,
            inputs=inputs,
            call=call,
            result=made,
            description=entry.description or call.operation.description,
            origin=entry.origin,
        )

    def _linked(
        self,
        exposed: spec.Exposes,
        entry: spec.RestOperation | spec.McpTool,
        params: tuple[spec.Param, ...],
        path_inputs: tuple[Input, ...],
        route: tuple[str, tuple[str | Input, ...]] | None,
    ) -> tuple[tuple[Input, ...], Call, Result | Relay] | str:
        """The inputs, the call and the result of a route or tool, or an error's code."""
        operation = self.resolver.called(
            entry.invocation, entry.name, entry.origin.span, exposed.namespace, route
        )
        if isinstance(operation, str):
            return operation
        linked = CallLinker(
            "rest" if isinstance(exposed, spec.Rest) else "mcp",
            exposed.namespace,
            operation,
            entry.invocation,
            params,
            path_inputs,
            route[0] if route else "",
            self.upstreams[operation.namespace].settings,
            self.reporter,
        ).link()
        made = result(entry.outputs, operation, self.reporter)
        if isinstance(linked, str):
            return linked
        return made if isinstance(made, str) else (*linked, made)

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
        return McpAdapter(
            namespace=exposed.namespace,
            address=exposed.address,
            port=exposed.port,
            transport=exposed.transport,
            description=exposed.description,
            guard=link_guard(exposed, self.capability.binds, self.reporter),
            tools=tuple(tools),
            origin=exposed.origin,
        )

    def _is_wanted(self, tool: Tool) -> bool:
        """Whether the project's rules expose this tool."""
        linked = self.upstreams[tool.call.operation.namespace]
        return linked.conventions.exposes(tool.name)

    def _tool(self, exposed: spec.Mcp, entry: spec.McpTool) -> Tool | str:
        linked = self._linked(exposed, entry, entry.params, (), None)
        if isinstance(linked, str):
            return linked
        inputs, call, made = linked
        name = entry.name or call.operation.name
        return Tool(
            name=name,
            title=entry.title,
            description=entry.description or call.operation.description or name,
            hints=self._hints(entry, call.operation.method),
            inputs=inputs,
            call=call,
            result=made,
            origin=entry.origin,
        )

    def _hints(self, entry: spec.McpTool, method: str) -> Hints:
        given = dict(entry.hints)
        read_only = given.get("readOnly", method in _SAFE)
        writes = method in ("PUT", "PATCH", "DELETE")
        if (read_only and writes) or (
            method == "DELETE" and not given.get("destructive", True)
        ):
            self.reporter.report(
                "NAF408",
                entry.origin.span,
                f"the hints of `{entry.name}` contradict the method {method}",
                hint="correct them, or leave them out: the method implies them",
            )
        return Hints(
            read_only=read_only,
            destructive=given.get("destructive", writes and not read_only),
            idempotent=given.get("idempotent", method in _IDEMPOTENT),
            open_world=given.get("openWorld", True),
        )


def _request(operation: Operation) -> str:
    """What an operation sends, but for the names of its path's arguments."""
    path = "".join(part if isinstance(part, str) else "{}" for part in operation.path)
    body = "" if isinstance(operation.body, Argument) else operation.body
    return f"{operation.method} {path} {operation.query} {body}"


def _given(capability: spec.Capability) -> dict[str, dict[str, Located]]:
    """What calls give, by the text of the call and the name of the value.

    Without a `with`, inputs are given by their names; their values are the parameters.
    """
    given: dict[str, dict[str, Located]] = {}
    for exposed in capability.exposes:
        units: list[tuple[spec.RestOperation | spec.McpTool, tuple[spec.Param, ...]]]
        if isinstance(exposed, spec.Rest):
            units = [(u, r.params) for r in exposed.resources for u in r.operations]
        else:
            units = [(tool, ()) for tool in exposed.tools]
        for unit, shared in units:
            if unit.invocation.call is None:
                continue
            values = given.setdefault(str(unit.invocation.call.value), {})
            for name, located in unit.invocation.arguments:
                values.setdefault(name, located)
            if not unit.invocation.has_arguments:
                for param in filter(_is_implied, (*shared, *unit.params)):
                    values.setdefault(param.name, Located(param, param.origin.span))
    return given


def _is_implied(param: spec.Param) -> bool:
    """Whether an input can go to a parameter of its name that nobody declares."""
    place = place_of(param)
    return (
        param.value is None
        and place in ("query", "body")
        and not is_protocol_header(Location.HEADER, param.name)
    )


def _with_settings(linked: Linked) -> Upstream:
    settings = linked.settings
    base_url = linked.upstream.base_url
    if base_url.variable in settings.used:  # a bind has the name already
        own = f"{base_url.variable.removesuffix('BASE_URL')}API_BASE_URL"
        base_url = replace(base_url, variable=own)
    return replace(
        linked.upstream,
        base_url=base_url,
        settings=tuple(settings.used.values()),
        call_settings=tuple((settings.in_calls or {}).values()),
    )


def _serves(adapter: Adapter) -> bool:
    if isinstance(adapter, RestAdapter):
        return bool(adapter.routes or adapter.forwards)
    return bool(adapter.tools)
