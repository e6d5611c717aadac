"""What published files write of answers, in ways of their own, with names of ours."""

from __future__ import annotations

import pytest
from nafgen.ir import RELAY, Constant, Each, Pick, Relay, Result, Shape
from nafgen.paths import Every, Function, Literal, Members, Query
from nafgen.program import McpAdapter, RestAdapter
from published_support import OPERATION, ROUTE, TOOL, compiled, found_in

NAME = Pick(("name",))

OUTPUTS: list[tuple[str, str, Result | Relay]] = [
    # what the consumed operation extracts, what is made of it, and what that means
    (
        "[{name: result, type: object, value: $.}]",
        "[{type: object, mapping: $.}]",
        RELAY,
    ),
    (
        "[{name: result, type: object, value: $}]",
        "[{type: array, mapping: $}]",
        RELAY,
    ),
    ("[]", "[{type: object}]", RELAY),
    ("[]", "[{type: string, mapping: ~}]", RELAY),
    ("[{name: list, type: array, value: $.a.b-c}]", "[]", RELAY),
    ("[{name: list, type: array, value: $.a.b-c}]", "~", RELAY),
    ("[]", "[{type: array, mapping: $.a.b.c.d}]", Pick(("a", "b", "c", "d"))),
    (
        "[]",
        "[{name: n, type: integer, value: $._meta.@count}]",
        Pick(("_meta", "@count")),
    ),
    ("[]", "[{type: integer, mapping: $.data.length}]", Pick(("data", "length"))),
    # an exposed mapping starts at what is extracted, or at its name
    (
        "[{name: list, type: array, value: $.items}]",
        "[{mapping: $.}]",
        Pick(("items",)),
    ),
    (
        "[{name: list, type: array, value: $.items}]",
        "[{mapping: $.list}]",
        Pick(("items",)),
    ),
    ("[{name: list, value: $.items}]", "[{mapping: $.list.a}]", Pick(("items", "a"))),
    (
        "[{name: list, value: $.items}]",
        "[{mapping: $.a.list}]",
        Pick(("items", "a", "list")),
    ),
    ("[{name: result, value: $.result}]", "[{mapping: $.result}]", Pick(("result",))),
    ("[{type: object, mapping: $.items}]", "[{mapping: $.a}]", Pick(("items", "a"))),
    ("{list: {value: $.items}}", "[{mapping: $.list}]", Pick(("items",))),
    # more than names
    ("[]", "[{mapping: '$.a[0].b[-1]'}]", Pick(("a", 0, "b", -1))),
    ("[]", "[{mapping: \"$['a b'].$ref\"}]", Pick(("a b", "$ref"))),
    ("[]", "[{mapping: '$.a[*].b'}]", Pick(("a", Every(("b",))))),
    (
        "[{name: list, value: '$.items[*].a'}]",
        "[{mapping: '$.list[0].b'}]",
        Pick(("items", Every(("a",)), 0, "b")),
    ),
    (
        "[{name: list, value: $.items}]",
        "[{mapping: '$.list[?(@.n == 1)].x'}]",
        Pick(("items", Query("$[?@.n == 1].x", '[{"x": "found", "n": 1}]'))),
    ),
    (
        "[{name: list, value: $.items}]",
        "[{mapping: '$.sum($.list[*].n, 3)'}]",
        Pick((Function("sum", (("items", Every(("n",))), Literal(3))),)),
    ),
    (
        "[]",
        "[{type: array, mapping: '$.a[*].b', items: {mapping: \"$['c','d']\"}}]",
        Each(("a", Every(("b",))), Pick((Members(("c", "d")),))),
    ),
    # what is always the same
    ("[{name: n, value: 7}]", "[{mapping: $.n}]", Constant(7)),
    ("[{name: n, const: seven}]", "[{type: string, mapping: $.}]", Constant("seven")),
    (
        "[{name: n, value: true}, {name: m, value: $.m}]",
        "[{type: object, mapping: $.}]",
        Shape((("n", Constant(True)), ("m", Pick(("m",))))),
    ),
    (
        "[{name: n, value: 7}, {name: m, value: $.m}]",
        "[{type: object, properties: {a: {mapping: $.n.x}, b: {mapping: $.m}}}]",
        Shape((("a", Constant(None)), ("b", Pick(("m",))))),
    ),
    # several
    (
        "[{name: a, value: $.x.a}, {name: b, value: $.y}]",
        "[{type: object, mapping: $.}]",
        Shape((("a", Pick(("x", "a"))), ("b", Pick(("y",))))),
    ),
    (
        "{a: {value: $.x.a}, b: {value: $.y}}",
        "{one: {mapping: $.b.c}, two: {mapping: $.z}}",
        Shape((("one", Pick(("y", "c"))), ("two", Pick(("z",))))),
    ),
    ("[]", "{id: {type: string, mapping: $.key}}", Pick(("key",))),
    # lists, by their type or by their items alone
    ("[]", "[{type: array, mapping: $., items: {type: object}}]", RELAY),
    (
        "[]",
        "[{type: array, mapping: $.a, items: {mapping: $.name}}]",
        Each(("a",), NAME),
    ),
    (
        "[]",
        "[{type: array, mapping: $.a, items: {mapping: $.name}}]",
        Each(("a",), NAME),
    ),
    ("[]", "[{mapping: $.a, items: {mapping: $.name}}]", Each(("a",), NAME)),
    (
        "[{name: list, value: $.items}]",
        "[{type: array, mapping: $.list, items: {properties: {n: {mapping: $.name}}}}]",
        Each(("items",), Shape((("n", NAME),))),
    ),
]


@pytest.mark.parametrize(("consumed", "exposed", "meaning"), OUTPUTS)
def test_what_is_made_of_an_answer(
    consumed: str, exposed: str, meaning: Result
) -> None:
    mapped = f", outputParameters: {exposed}"
    made = compiled(
        operation=f"outputParameters: {consumed}", route=mapped, tool=mapped
    )
    assert list(made.diagnostics) == []
    assert made.program is not None
    rest, mcp = made.program.adapters
    assert isinstance(rest, RestAdapter) and isinstance(mcp, McpAdapter)
    assert (rest.routes[0].result, mcp.tools[0].result) == (meaning, meaning)


def test_a_path_without_its_root() -> None:
    """What a consumed operation extracts is always at a path, unless it is no text."""
    mapped = ", outputParameters: [{mapping: $.}]"
    outputs = "outputParameters: [{name: n, value: data.id}]"
    made = compiled(operation=outputs, route=mapped, tool=mapped)
    assert found_in(made) == [("NAF409", OPERATION)]
    assert made.program is not None
    rest, _ = made.program.adapters
    assert isinstance(rest, RestAdapter)
    assert rest.routes[0].result == Pick(("data", "id"))


@pytest.mark.parametrize(
    ("exposed", "code"),
    [
        ("[{mapping: '$.a[x]'}]", "NAF905"),
        ("[{mapping: '$.a[*].b.sum()'}]", "NAF905"),
        ("[{mapping: '$.a[?(@.b =~ /(a+)+/)]'}]", "NAF905"),
        ("[{mapping: ''}]", "NAF905"),
        ("[{mapping: '{{$.a}}'}]", "NAF905"),
        ("[{type: array, mapping: $.a, items: {mapping: '$.b['}}]", "NAF905"),
        ("[{mapping: 7}]", "NAF101"),
        ("[{mapping: [$.a]}]", "NAF101"),
        ("[$.a]", "NAF101"),
        ("$.a", "NAF101"),
        ("[{type: string, value: '{{X}}'}]", "NAF902"),
        ("[{mapping: $.a}, {mapping: $.b}]", "NAF901"),
        ("[{name: a, mapping: $.a}, {name: a, mapping: $.b}]", "NAF901"),
    ],
)
def test_what_cannot_be_made_of_an_answer(exposed: str, code: str) -> None:
    mapped = f", outputParameters: {exposed}"
    made = compiled(route=mapped, tool=mapped)
    assert [(f.code, f.span.line) for f in made.diagnostics] == [
        (code, ROUTE),
        (code, TOOL),
    ]
    assert made.program is not None
    assert made.program.adapters == ()


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("json", "json"),
        ("JSON", "json"),
        ("~", "json"),
        ("text", "text"),
        ("Text", "text"),
        ("binary", "binary"),
        ("BINARY", "binary"),
        ("XML", "xml"),
        ("csv", "csv"),
        ("markdown", "markdown"),
        ("avro", "NAF213"),
        ("msgpack", "NAF904"),
        ("image/png", "NAF904"),
        ("true", "NAF101"),
        ("[json]", "NAF101"),
    ],
)
def test_how_an_answer_is_written(written: str, answer: str) -> None:
    """Whatever it is declared as, verification answers with other types and with nothing."""
    mapped = ", outputParameters: [{type: object, mapping: $.}]"
    made = compiled(operation=f"outputRawFormat: {written}", route=mapped, tool=mapped)
    if answer.startswith("NAF"):
        assert found_in(made) == [(answer, OPERATION)]
        assert made.package is None
        return
    assert list(made.diagnostics) == []
    assert made.program is not None
    (operation,) = made.program.upstreams[0].operations
    assert operation.format == answer


def test_only_json_is_mapped() -> None:
    mapped = ", outputParameters: [{type: object, mapping: $.a}]"
    made = compiled(operation="outputRawFormat: text", route=mapped, tool=mapped)
    found = [(f.code, f.span.line) for f in made.diagnostics]
    assert found == [("NAF904", ROUTE), ("NAF904", TOOL)]
