"""Whole files as they are published: shapes, names, constants, includes, what is no spec.

Each table holds variations of one thing in a small spec of ours: what is said of it and
where, and what is sent. All that is compiled is verified: each unit is called, and its
request and its answer are compared with what the spec says.
"""

from __future__ import annotations

import pytest
from compile_support import compile_text, files_of
from nafgen.compile import Compilation
from nafgen.diagnostics import Severity
from nafgen.verify import verify

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
    "exposes": "- {type: mcp, namespace: tools, tools: [{name: t, call: shop.list}]}",
}


def spec(**parts: str) -> str:
    return SPEC.format_map(PARTS | parts)


def line_of(part: str) -> int:
    """The line of the spec at which a part begins."""
    before = SPEC[: SPEC.index(f"{{{part}}}")]
    return before.count("\n") + 1


def verified(source: str) -> Compilation:
    """The compilation of a spec, all of whose compiled units do what it says."""
    made = compile_text(source)
    assert made.package is not None, [str(found) for found in made.diagnostics]
    done = verify(made)
    assert [found.message for found in done.differences] == []
    assert (done.operations, done.routes, done.tools) == counts(made)
    return made


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


# --- names that nothing refers to ----------------------------------------------------


@pytest.mark.parametrize(
    ("info", "label"),
    [
        ("{title: A}", "A"),
        ("{name: B, version: 1.0}", "B"),
        ("{label: '', title: '', name: C}", "C"),
        ("{label: D, title: E, name: F}", "D"),
        ("{label: null, personas: [{id: x}], related: {a: b}}", ""),
        ("null", ""),
    ],
)
def test_what_a_capability_is_called(info: str, label: str) -> None:
    made = verified(spec(info=info))
    assert made.capability is not None
    assert (made.capability.label, found_in(made)) == (label, [])


@pytest.mark.parametrize("name", ["'a b.c_{d}#,'", "''", "null", "2024", "1.5", "true"])
def test_resources_of_any_name(name: str) -> None:
    route = (
        f"{{name: {name}, path: /x, operations: [{{method: GET, call: shop.list}}]}}"
    )
    exposes = f"- {{type: rest, namespace: web, resources: [{route}]}}"
    made = verified(spec(resource=f"name: {name}", exposes=exposes))
    assert (counts(made), found_in(made)) == ((2, 1, 0), [])


@pytest.mark.parametrize(
    "named", ["id: look", "name: null, id: look", "name: '', id: look", "name: look"]
)
def test_an_operation_is_called_by_its_name_or_its_id(named: str) -> None:
    tools = "[{name: a, call: shop.look}, {name: look}]"
    made = verified(
        spec(
            operation=f"{{{named}, method: head}}",
            exposes=f"- {{type: mcp, namespace: m, tools: {tools}}}",
        )
    )
    assert (counts(made), found_in(made)) == (
        (2, 0, 2),
        [("NAF208", line_of("exposes"))],
    )
    assert 'Call("HEAD", "/things")' in files_of(made)["client.py"]


# --- constants of a whole API --------------------------------------------------------


@pytest.mark.parametrize(
    ("api", "sent"),
    [
        ("headers: {X-Version: 2024-01-01}", '{"x-version": "2024-01-01"}'),
        ("headers: {X-A: 5, x-b: true, X-C: 1.5}", '"x-a": "5", "x-b": "true"'),
        ("headers: {X-Key: 'k-{{env.KEY}}'}", 'headers={"x-key": f"k-{key}"}'),
        ("headers: {}", 'Call("GET", "/things")'),
        ("inputParameters: [{name: X-A, in: header, value: a}]", '{"x-a": "a"}'),
        ("inputParameters: {X-A: {in: header, value: 5}}", '{"x-a": "5"}'),
        ("inputParameters: [{name: q, in: query, value: 5}]", 'query={"q": "5"}'),
        ("inputParameters: [{name: q, value: a}]", 'query={"q": "a"}'),
        ("inputParameters: [{name: c, in: cookie, value: a}]", 'cookies={"c": "a"}'),
        (
            "inputParameters: [{name: b, in: body, value: [1]}]",
            'json=given({"b": [1]})',
        ),
    ],
)
def test_constants_of_an_api_are_sent_with_every_request(api: str, sent: str) -> None:
    made = verified(spec(api=api))
    assert sent in files_of(made)["client.py"]
    assert not [found for found in made.diagnostics if found.severity == "error"]


def test_a_constant_of_an_api_stands_in_the_paths_that_have_its_place() -> None:
    made = verified(
        spec(
            api="inputParameters: [{name: tenant, in: path, value: a/b}]",
            operation="{name: add, method: PUT, path: '/{tenant}', body: x}",
        )
    )
    assert '"/things/a%2Fb"' in files_of(made)["client.py"]
    assert found_in(made) == [("NAF401", line_of("api"))]


def test_a_constant_of_an_api_joins_the_template_of_a_body() -> None:
    block = "{type: json, data: {a: '{{tools.a}}', c: own}}"
    made = verified(
        spec(
            api="inputParameters: {b: {in: body, value: x}, c: {in: body, value: y}}",
            operation=f"{{name: add, method: POST, body: {block}}}",
        )
    )
    body = 'json=given({"b": "x", "c": "own", "a": a})'
    assert f'Call("POST", "/things", {body})' in files_of(made)["client.py"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ("{X-A: [a, b]}", "NAF101"),
        ("{X-A: {value: a}}", "NAF101"),
        ("{X-A: null}", "NAF101"),
        ("[{name: X-A, value: a}]", "NAF101"),
        ("'X-A: a'", "NAF101"),
        ("{'X A': a}", "NAF101"),
        ('{X-A: "a\\nb"}', "NAF101"),
        ("{X-A: '{{lower}}'}", "NAF902"),
    ],
)
def test_headers_that_cannot_be_sent(headers: str, code: str) -> None:
    made = compile_text(spec(api=f"headers: {headers}"))
    errors = [f for f in made.diagnostics if f.severity == "error" and f.span.line > 1]
    assert [(f.code, f.span.line) for f in errors] == [
        (code, line_of("api")),
        (code, line_of("exposes")),
    ]
    assert left_out(made)[0] == ("upstream", "shop", code)


@pytest.mark.parametrize("place", ["query", "header", "cookie", "path"])
@pytest.mark.parametrize("value", ["[a, b]", "{a: 1}", "[]"])
def test_a_structure_is_sent_in_a_body_alone(place: str, value: str) -> None:
    param = f"{{name: p, in: {place}, value: {value}}}"
    operation = (
        f"{{name: add, method: PUT, path: '/{{p}}', inputParameters: [{param}]}}"
    )
    made = compile_text(spec(operation=operation))
    at = line_of("operation")
    assert ("NAF902", at) in found_in(made)
    assert left_out(made) == [("operation", "add", "NAF902")]
    in_body = verified(spec(operation=operation.replace(place, "body")))
    assert found_in(in_body) == []
