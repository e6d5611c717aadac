"""Parameters of consumed APIs: at each level, in each place, with each kind of value, in
both shapes; what is compiled is verified, and compared with what is written here."""

from __future__ import annotations

from typing import Any

import pytest
from compile_support import checked, compile_text
from nafgen.compile import Compilation
from nafgen.expect import ExpectedRequest, expected_request

SPEC = """\
naftiko: 1.0.0-alpha2
info: {{label: Parameters, description: Of a consumed API}}
binds:
- {{namespace: env, keys: {{VERSION: SHOP_VERSION}}}}
capability:
  consumes:
  - type: http
    namespace: shop
    baseUri: https://shop.test
    inputParameters: {api}
    resources:
    - path: {path}
      inputParameters: {resource}
      operations:
      - {{name: go, method: {method}, inputParameters: {operation}{more}}}
  exposes:
  - type: rest
    namespace: web
    port: 8080
    resources:
    - {{path: /go, operations: [{{method: {method}, call: shop.go}}]}}
  - type: mcp
    namespace: agent
    port: 9090
    tools:
    - {{name: go, description: Go, call: shop.go}}
"""
SETTINGS = {"SHOP_VERSION": "2024", "ZONE": "zone of the environment"}
LEVELS = ("api", "resource", "operation")


def compiled(**parts: str) -> Compilation:
    empty = dict.fromkeys(LEVELS, "[]")
    written = {"path": "/things", "method": "POST", "more": ""} | empty | parts
    return compile_text(SPEC.format(**written))


def sent(made: Compilation, **given: Any) -> ExpectedRequest:
    """What the operation sends, which the package does as well."""
    assert checked(made).program is not None and made.program is not None
    (upstream,) = made.program.upstreams
    (operation,) = upstream.operations
    assert {argument.name for argument in operation.arguments} >= given.keys()
    values = {a.origin: given[a.name] for a in operation.arguments if a.name in given}
    return expected_request(upstream, operation, values, SETTINGS)


def arguments(made: Compilation) -> list[str]:
    assert made.program is not None
    (operation,) = made.program.upstreams[0].operations
    return [argument.name for argument in operation.arguments]


def found(made: Compilation) -> dict[str, str]:
    return {each.code: each.message for each in made.diagnostics}


VALUES: list[tuple[str, str, dict[str, str], str]] = [
    # a parameter, its value, what a call gives, and what is sent
    ("a", "", {"a": "given"}, "given"),
    ("b", "fixed", {}, "fixed"),
    ("c", "7", {}, "7"),
    ("d", "'{{VERSION}}'", {}, "2024"),
    ("e", "'{{env.VERSION}}'", {}, "2024"),
    ("f", "'v{{VERSION}}.1'", {}, "v2024.1"),
    ("g", "'Bearer-{{gx}}'", {"gx": "given"}, "Bearer-given"),
    ("h", "'{{VERSION}}-{{hx}}'", {"hx": "given"}, "2024-given"),
    ("i", "'{{ix}}'", {"ix": "given"}, "given"),
    ("j", "'{{tools.jx}}'", {"jx": "given"}, "given"),
    ("k", "'k-{{k}}'", {"k": "given"}, "k-given"),
    ("l", "'{{lx}}-{{ly}}'", {"lx": "1", "ly": "2"}, "1-2"),
    ("m", "'{{{mx}}}'", {"mx": "given"}, "given"),
    ("n", "'a-{{&nx}}'", {"nx": "given"}, "a-given"),
    ("o", "'{{o.x}}'", {"o.x": "given"}, "given"),
]
GIVEN = {name: text for _, _, given, _ in VALUES for name, text in given.items()}


@pytest.mark.parametrize("shape", ["list", "map"])
@pytest.mark.parametrize("place", ["query", "header", "path", "cookie", "body"])
@pytest.mark.parametrize("level", LEVELS)
def test_values(level: str, place: str, shape: str) -> None:
    """All values in one operation; those of which something is absent are not sent."""
    written = []
    for name, value, _, _ in VALUES:
        inner = f"in: {place}" + (f", value: {value}" if value else "")
        is_list = shape == "list"
        written.append(
            f"{{name: {name}, {inner}}}" if is_list else f"{name}: {{{inner}}}"
        )
    params = ", ".join(written)
    path = "".join(f"/{{{name}}}" for name, *_ in VALUES) if place == "path" else "/all"
    made = compiled(
        path=path,
        method="POST" if place == "body" else "GET",
        **{level: f"[{params}]" if shape == "list" else f"{{{params}}}"},
    )
    assert arguments(made) == [*GIVEN]
    expected = {name: number(text, place) for name, _, _, text in VALUES}
    assert in_place(sent(made, **GIVEN), place) == expected
    if place != "path":
        fixed = {name: expected[name] for name, _, given, _ in VALUES if not given}
        assert in_place(sent(made), place) == fixed


def number(text: str, place: str) -> Any:
    """A constant number, which a body alone has as one."""
    return 7 if place == "body" and text == "7" else text


def in_place(request: ExpectedRequest, place: str) -> dict[str, Any]:
    names = [name for name, *_ in VALUES]
    match place:
        case "query":
            found: Any = dict(request.query)
        case "header":
            found = request.headers
        case "cookie":
            found = request.cookies
        case "path":
            found = dict(zip(names, request.path.split("/")[1:], strict=True))
        case _:
            found = request.body
    return {name: found[name] for name in names if name in found}


@pytest.mark.parametrize("level", LEVELS)
def test_the_environment_gives_templates_a_value(level: str) -> None:
    zone = "{name: ZONE, in: environment}"
    name = "{name: X-Zone, in: header, value: 'in {{ZONE}}'}"
    query = "{name: q, in: query, value: '{{ZONE}}:{{x}}'}"
    parts = {"operation": f"[{name}, {query}]"}
    parts[level] = f"[{zone}, {name}, {query}]"
    made = compiled(**parts)
    request = sent(made, x="1")
    assert request.headers["x-zone"] == "in zone of the environment"
    assert request.query == (("q", "zone of the environment:1"),)
    assert not found(made).keys() & {"NAF207", "NAF908"}
    assert made.program is not None
    assert [s.variable for s in made.program.upstreams[0].settings] == ["ZONE"]


def test_what_nothing_uses_of_the_environment_is_not_read() -> None:
    made = compiled(api="[{name: ZONE, in: environment}]")
    assert made.program is not None
    assert made.program.upstreams[0].settings == ()


def test_a_value_in_the_environment_is_a_constant_of_templates() -> None:
    made = compiled(
        api="[{name: kind, in: environment, value: book}]",
        resource="[{name: X-Kind, in: header, value: 'a {{kind}}'}]",
    )
    assert sent(made).headers["x-kind"] == "a book"
    assert arguments(made) == ["body"]


def test_the_nearest_level_wins() -> None:
    levels = {
        "api": "[{name: a, in: query, value: 1}, {name: b, in: query, value: 1}]",
        "resource": "[{name: b, in: query, value: 2}, {name: c, in: query, value: 2}]",
        "operation": "[{name: c, in: query, value: '3-{{x}}'}]",
    }
    request = sent(compiled(method="GET", **levels), x="y")
    assert dict(request.query) == {"a": "1", "b": "2", "c": "3-y"}


def test_values_see_other_parameters() -> None:
    """An input that travels itself is one input; constants are known by their names."""
    made = compiled(
        path="/things/{id}",
        operation="[{name: id, in: path}, {name: kind, in: query, value: 'k-{{color}}'},"
        " {name: color, in: query, value: red}, {name: term, in: query},"
        " {name: X-Seen, in: header, value: '{{id}} {{term}} {{kind}} {{VERSION}}'}]",
        method="GET",
    )
    assert arguments(made) == ["id", "term"]
    request = sent(made, id="7", term="t")
    assert request.path == "/things/7"
    assert dict(request.query) == {"kind": "k-red", "color": "red", "term": "t"}
    assert request.headers["x-seen"] == "7 t k-red 2024"
    assert "x-seen" not in sent(made, id="7").headers


@pytest.mark.parametrize("level", LEVELS)
def test_bodies_see_constants_by_their_names(level: str) -> None:
    constants = (
        "[{name: X-Kind, in: header, value: book}, {name: n, in: query, value: 7},"
        " {name: X-Version, in: header, value: '{{VERSION}}'},"
        " {name: X-Mixed, in: header, value: '{{VERSION}}/{{x}}'}]"
    )
    data = (
        "{kind: '{{X-Kind}}', n: '{{n}}', version: '{{X-Version}}',"
        " text: 'a {{X-Kind}} of {{VERSION}} for {{who}}', mixed: '{{X-Mixed}}'}"
    )
    made = compiled(**{level: constants}, more=f", body: {{type: json, data: {data}}}")
    assert sorted(arguments(made)) == ["who", "x"]
    assert sent(made, who="me", x="1").body == {
        "kind": "book",
        "n": 7,
        "version": "2024",
        "text": "a book of 2024 for me",
        "mixed": "2024/1",
    }
    without = sent(made)
    assert without.body == {"kind": "book", "n": 7, "version": "2024"}
    assert "x-mixed" not in without.headers


@pytest.mark.parametrize("place", ["query", "header", "path", "cookie", "body"])
@pytest.mark.parametrize(
    "value",
    ["{{#x}}a{{/x}}", "{{^x}}a{{/x}}", "{{! a comment}}", "{{> part}}", "{{x | y}}"],
)
def test_what_mustache_knows_beyond_names_is_refused(place: str, value: str) -> None:
    """It is never sent as the text that it is."""
    path = "/things/{p}" if place == "path" else "/things"
    written = f"[{{name: p, in: {place}, value: '{value}'}}]"
    made = compiled(operation=written, path=path)
    assert made.package is None
    assert "NAF902" in found(made)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        (
            "[{name: a, in: query, value: '{{b}}-'}, {name: b, in: query, value: '{{a}}-'}]",
            "NAF902",
        ),
        ('[{name: X-A, in: header, value: "a\\nb{{x}}"}]', "NAF101"),
        ("[{name: a, in: matrix}]", "NAF908"),
    ],
)
def test_values_that_cannot_be_compiled(params: str, code: str) -> None:
    made = compiled(operation=params)
    assert made.package is None
    assert code in found(made)


def test_values_that_no_path_can_hold_are_refused() -> None:
    path = "[{name: p, in: path, value: '.{{x}}'}]"
    made = compiled(path="/things/{p}", operation=path, method="DELETE")
    assert sent(made, x="a").path == "/things/.a"


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ("""'{"a": {{n}}, "b": "{{m}}"}'""", {"a": 7, "b": "x"}),
        (
            "{type: json, data: {a: '{{n}}', b: 'no {{n}} {{m}}'}}",
            {"a": 7, "b": "no 7 x"},
        ),
        ("{type: json, data: {b: '{{m}}'}}", {"n": 7, "b": "x"}),
    ],
)
def test_a_constant_of_the_body_is_known_to_it(body: str, sent: dict[str, Any]) -> None:
    """Nobody is asked for it; it is a member only where the body does not mention it."""
    made = checked(compile_text(f"""
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: api
    baseUri: https://api.example
    resources:
    - path: /x
      operations:
      - name: make
        method: POST
        inputParameters:
        - {{name: n, in: body, value: 7}}
        - {{name: m, in: body, type: string}}
        body: {body}
"""))
    assert made.program is not None
    (operation,) = made.program.upstreams[0].operations
    assert [argument.name for argument in operation.arguments] == ["m"]
    values = {operation.arguments[0].origin: "x"}
    request = expected_request(made.program.upstreams[0], operation, values, {})
    assert request.body == sent
