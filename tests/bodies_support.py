"""Small specs of one API, and what their routes and tools ask for and send."""

from __future__ import annotations

from typing import Any

from compile_support import checked, compile_text
from nafgen.compile import Compilation, compile_spec
from nafgen.diagnostics import Severity
from nafgen.expect import ExpectedRequest, expected_request
from nafgen.expect_results import ABSENT
from nafgen.expect_values import argument_values
from nafgen.inputs import Spec
from nafgen.ir import Operation, Upstream
from nafgen.program import McpAdapter, RestAdapter, Route, Tool
from nafgen.rule import parse
from nafgen.rule_set import Rules

HOST = "https://api.example.com"
SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Shop, description: Of specs}}
binds:
- {{namespace: env, keys: {{TENANT: TENANT}}}}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: {base}
    resources:
    - path: {path}
      operations:
      - {{name: go, method: {method}, {operation}}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: {routed}
      operations:
      - {{name: go, method: {by}, call: shop.go{route}}}
  - type: mcp
    namespace: agent
    port: 9090
    tools:
    - {{name: go, description: Go, call: shop.go{tool}}}
"""
OPERATION, ROUTE, TOOL = 13, 21, 26
"""The lines of the operation, the route and the tool."""


def spec(
    operation: str,
    route: str = "",
    tool: str = "",
    *,
    method: str = "POST",
    by: str = "",
    path: str = "/things",
    routed: str = "",
    base: str = HOST,
) -> str:
    """A spec with one operation, a route and a tool; each is what its mapping holds."""
    return SPEC.format(
        operation=operation,
        route=f", {route}" if route else "",
        tool=f", {tool}" if tool else "",
        method=method,
        by=by or method,
        path=path,
        routed=routed or path,
        base=base,
    )


def compiled(source: str, *rules: dict[str, Any]) -> Compilation:
    """The compilation of a spec in a project with these rules."""
    if not rules:
        return compile_text(source)
    read = {"spec.yaml": source.encode()}.get
    own = Rules(own=tuple(map(parse, rules)))
    return compile_spec(Spec(shown="spec.yaml", relative="spec.yaml"), read, rules=own)


def verified(source: str, *rules: dict[str, Any]) -> Compilation:
    """The compilation of a spec, all of whose units do what it says."""
    return checked(compiled(source, *rules))


def found_in(made: Compilation, *, notes: bool = False) -> list[tuple[str, int]]:
    """Codes and lines, of notes only where they matter."""
    return [
        (found.code, found.span.line)
        for found in made.diagnostics
        if notes or found.severity is not Severity.NOTE
    ]


def upstream_of(made: Compilation) -> Upstream:
    assert made.program is not None
    return made.program.upstreams[0]


def operation_of(made: Compilation) -> Operation:
    return upstream_of(made).operations[0]


def route_of(made: Compilation) -> Route:
    assert made.program is not None
    adapters = [a for a in made.program.adapters if isinstance(a, RestAdapter)]
    return adapters[0].routes[0]


def tool_of(made: Compilation) -> Tool:
    assert made.program is not None
    adapters = [a for a in made.program.adapters if isinstance(a, McpAdapter)]
    return adapters[0].tools[0]


def asked(unit: Route | Tool) -> dict[str, str]:
    """The type of each input by name, `!` where it is required; a route's with place."""
    return {
        each.name: f"{each.type}{'!' if each.required else ''}"
        + (f" {each.location}" if isinstance(unit, Route) else "")
        for each in unit.inputs
    }


def request(made: Compilation, unit: Route | Tool, **given: Any) -> ExpectedRequest:
    """What a unit sends for inputs by name; `verified` holds generated code to it."""
    inputs = {
        each.origin: given[each.name] for each in unit.inputs if each.name in given
    }
    assert len(inputs) == len(given), asked(unit)
    settings = {"TENANT": "t1"}
    values = argument_values(unit.call, inputs, settings)
    return expected_request(upstream_of(made), unit.call.operation, values, settings)


def sent(made: Compilation, unit: Route | Tool, **given: Any) -> Any:
    """The body that a unit sends, None where it sends none."""
    body = request(made, unit, **given).body
    return None if body is ABSENT else body
