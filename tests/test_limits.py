"""Files with more of something than any capability has are refused, and soon."""

from __future__ import annotations

import time

import pytest
from compile_support import compile_text
from nafgen.arguments import MAX_ARGUMENTS
from nafgen.compile import Compilation
from nafgen.units import MAX_UNITS

MAX_SECONDS = 20.0
SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Limits, description: Of files}}
binds: {binds}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://shop.example
    resources:
    - path: /things
      operations:
      - {operation}
      {operations}
  exposes:
  - type: mcp
    namespace: agent
    port: 9090
    tools:
    - {{name: tool, description: D, call: shop.list, {tool}}}
    {tools}
"""
OPERATION, TOOL = 12, 19
PARTS = {
    "binds": "[]",
    "operation": "{name: list, method: POST, body: {type: json, data: {a: b}}}",
    "operations": "",
    "tool": "title: T",
    "tools": "",
}


def listed(form: str, number: int, joint: str = ", ") -> str:
    return joint.join(form.replace("#", str(each)) for each in range(number))


def compiled(**parts: str) -> Compilation:
    started = time.process_time()
    made = compile_text(SPEC.format(**PARTS | parts))
    assert time.process_time() - started < MAX_SECONDS
    return made


def found_in(made: Compilation, code: str) -> list[tuple[int, str]]:
    return [(f.span.line, f.message) for f in made.diagnostics if f.code == code]


def operation(params: str = "", data: str = "a: b") -> str:
    return (
        f"{{name: list, method: POST, inputParameters: [{params}],"
        f" body: {{type: json, data: {{{data}}}}}}}"
    )


@pytest.mark.parametrize(
    ("part", "text", "line"),
    [
        ("operation", operation(listed("{name: p#, in: query}", 257)), OPERATION),
        ("tool", f"inputParameters: [{listed('{name: p#}', 20_000)}]", TOOL),
        ("tool", f"with: {{{listed('P#: tools.p#', 20_000)}}}", TOOL),
        ("binds", f"[{{namespace: env, keys: {{{listed('K#: K#', 5_000)}}}}}]", 3),
    ],
    ids=["parameters", "inputs", "with", "binds"],
)
def test_lists_of_a_unit(part: str, text: str, line: int) -> None:
    made = compiled(**{part: text})
    ((at, message),) = [f for f in found_in(made, "NAF101") if "entries" in f[1]]
    assert (at, message.endswith("must not hold more than 256 entries")) == (line, True)


def test_as_many_parameters_as_may_be() -> None:
    params = listed("{name: Param#, in: query}", 256)
    given = f"with: {{{listed('param-#: tools.param_#', 256)}}}"
    made = compiled(operation=operation(params), tool=given)
    assert found_in(made, "NAF101") == found_in(made, "NAF404") == []
    assert made.package is not None
    assert made.package.summary["tools"] == 1


@pytest.mark.parametrize("number", [MAX_ARGUMENTS, MAX_ARGUMENTS + 1, 50_000])
def test_placeholders_of_a_body(number: int) -> None:
    data = listed("a#: '{{tools.a#}}'", number)
    other = "- {name: other, method: GET}"
    made = compiled(operation=operation(data=data), operations=other)
    too_many = number > MAX_ARGUMENTS
    assert [line for line, _ in found_in(made, "NAF004")] == (
        [OPERATION, TOOL] if too_many else []
    )
    assert made.package is not None
    assert made.package.summary["operations"] == (1 if too_many else 2)


@pytest.mark.parametrize(
    ("part", "form"),
    [
        ("operations", "- {name: read-#, method: GET, path: '/#'}"),
        ("tools", "- {name: t#, description: D, call: shop.nothing-#}"),
        ("tools", "- {name: t, description: D, call: shop.List}"),
    ],
    ids=["operations", "unresolved", "equal"],
)
@pytest.mark.parametrize("number", [300, MAX_UNITS])
def test_units_of_a_file(part: str, form: str, number: int) -> None:
    indent = "\n      " if part == "operations" else "\n    "
    made = compiled(**{part: listed(form, number, indent)})
    refused = found_in(made, "NAF004")
    assert (made.package is None) == bool(refused) == (number == MAX_UNITS)
    assert "5,000" in (refused or [(0, "5,000")])[0][1]


FLOW = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - {type: http, namespace: api, baseUri: https://a.test,
     resources: [{path: /a, operations: [{name: a, method: GET}]}]}
  exposes:
  - type: mcp
    namespace: agent
    port: 9
    tools:
    - {name: t, description: T, steps: [STEPS], mappings: [MAPPINGS]}
    - {name: good, description: G, call: api.a}
"""
STEP = "{type: call, name: a, call: api.a}"
LOOKUP = "{type: lookup, name: l, index: a, match: MATCH, lookupValue: x}"
DEEP = ".".join("a" * 5000)


@pytest.mark.parametrize(
    ("steps", "mappings"),
    [
        (STEP, f"{{targetName: {DEEP}, value: $.a}}"),
        (f"{STEP}, {LOOKUP.replace('MATCH', DEEP)}", ""),
        (STEP, f"{{targetName: m, value: '{{{{{DEEP}}}}}'}}"),
        (", ".join(STEP.replace("name: a", f"name: a{n}") for n in range(300)), ""),
        (STEP, ", ".join(f"{{targetName: m{n}, value: $.a}}" for n in range(300))),
    ],
    ids=["target", "match", "placeholder", "steps", "mappings"],
)
def test_flows_are_bounded(steps: str, mappings: str) -> None:
    made = compile_text(FLOW.replace("STEPS", steps).replace("MAPPINGS", mappings))
    assert [(unit.name, unit.code) for unit in made.left_out] == [("t", "NAF004")]
    assert made.package is not None
