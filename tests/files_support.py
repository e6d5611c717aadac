"""Small specs with one part that varies, for tests of what published files write."""

from __future__ import annotations

from compile_support import checked, compile_text
from nafgen.compile import Compilation
from nafgen.diagnostics import Severity

SPEC = """\
naftiko: 1.0.0-alpha2
info: {info}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://shop.example
    {api}
    resources:
    - path: /things
      {resource}
      operations:
      - {{name: list, method: GET, outputParameters: [{output}]}}
      - {operation}
  {others}
  exposes:
  {exposes}
"""
PARTS = {
    "info": "{label: Shop}",
    "api": "description: A shop.",
    "resource": "name: things",
    "output": "{name: result, type: object, value: $.}",
    "operation": "{name: add, method: POST, inputParameters: [{name: n, in: body}]}",
    "others": "binds: []",
    "exposes": "- {type: mcp, namespace: tools, port: 9090, tools: [{name: t, call: shop.list}]}",
}


def spec(**parts: str) -> str:
    return SPEC.format_map(PARTS | parts)


def line_of(part: str) -> int:
    """The line of the spec at which a part begins."""
    before = SPEC[: SPEC.index(f"{{{part}}}")]
    return before.count("\n") + 1


def verified(source: str) -> Compilation:
    """The compilation of a spec, all of whose compiled units do what it says."""
    return checked(compile_text(source))


def counts(made: Compilation) -> tuple[int, int, int]:
    summary = made.summary()
    return summary["operations"], summary["routes"], summary["tools"]


def found_in(made: Compilation, *, notes: bool = True) -> list[tuple[str, int]]:
    """Codes and lines, in the order of the file."""
    return [
        (found.code, found.span.line)
        for found in made.diagnostics
        if notes or found.severity is not Severity.NOTE
    ]


def left_out(made: Compilation) -> list[tuple[str, str, str]]:
    return [(unit.kind, unit.name, unit.code) for unit in made.left_out]
