"""One small spec whose parts tests write in ways of their own, compiled and verified."""

from __future__ import annotations

from compile_support import checked, compile_text
from nafgen.compile import Compilation
from nafgen.expect import ExpectedRequest, expected_request
from nafgen.program import McpAdapter, RestAdapter

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Settings, description: Of a client}}
binds: {binds}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: {base}
    {api}
    resources:
    - path: {path}
      operations:
      - name: get
        method: {method}
        {operation}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - path: /got
      operations:
      - {{method: {method}, name: get, call: shop.get{route}}}
  - type: mcp
    namespace: agent
    port: 9090
    tools:
    - {{name: get, description: Get, call: shop.get{tool}}}
"""
BASE, API, PATH, OPERATION, ROUTE, TOOL = 8, 9, 11, 15, 23, 28
"""Lines of the spec, for the findings that are expected there."""


def compiled(**written: str) -> Compilation:
    """The spec with some of its parts written otherwise; what is compiled is verified."""
    parts = {
        "binds": "[]",
        "base": "https://api.example/v1",
        "api": "description: A shop",
        "path": "/things",
        "method": "GET",
        "operation": "description: Get",
        "route": "",
        "tool": "",
    }
    made = compile_text(SPEC.format(**parts | written))
    return made if made.package is None else checked(made)


def found_in(made: Compilation) -> list[tuple[str, int]]:
    """Codes and lines of findings, but for those of calls and of the whole file."""
    return [
        (found.code, found.span.line)
        for found in made.diagnostics
        if found.span.line not in (1, ROUTE, TOOL)
    ]


def request(made: Compilation, **settings: str) -> ExpectedRequest:
    """What the operation sends where each argument is `value` (verified to be sent)."""
    assert made.program is not None
    (upstream,) = made.program.upstreams
    (operation,) = upstream.operations
    values = {argument.origin: "value" for argument in operation.arguments}
    return expected_request(upstream, operation, values, settings)


def inputs(made: Compilation) -> tuple[list[str], list[str]]:
    """The names of what the route and the tool ask for."""
    assert made.program is not None
    rest, mcp = made.program.adapters
    assert isinstance(rest, RestAdapter) and isinstance(mcp, McpAdapter)
    units = (rest.routes[0], mcp.tools[0])
    route, tool = ([given.name for given in unit.inputs] for unit in units)
    return route, tool
