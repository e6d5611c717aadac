"""What routes and tools ask for: declared, referred to by `with`, needed, inherited."""

from __future__ import annotations

import pytest
from bodies_support import (
    OPERATION,
    ROUTE,
    TOOL,
    asked,
    compiled,
    found_in,
    request,
    route_of,
    sent,
    spec,
    tool_of,
    verified,
)
from nafgen.expect_results import ABSENT

MANY = """inputParameters: [
  {name: n, in: query, type: integer, required: true, description: How many.},
  {name: flag, in: query, type: boolean},
  {name: X-Trace, in: header}]""".replace("\n", " ")
N, FLAG, TRACE = "integer!", "boolean", "string"


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        # Neither `with` nor inputs: all that the operation takes.
        ("", {"n": N, "flag": FLAG, "X-Trace": TRACE}),
        ("with: null", {"n": N, "flag": FLAG, "X-Trace": TRACE}),
        ("inputParameters: []", {"n": N, "flag": FLAG, "X-Trace": TRACE}),
        # A `with` is no complete list of what is needed, but it is of what is not.
        ("with: {}", {"n": N}),
        ("with: {flag: ROOT.flag}", {"flag": FLAG, "n": N}),
        ("with: {flag: ROOT.loud, n: 3}", {"loud": FLAG}),
        ("with: {FLAG: ROOT.f, x_trace: ROOT.t}", {"f": FLAG, "t": TRACE, "n": N}),
        ("with: {n: '{{ROOT.limit}}'}", {"limit": N}),
        # Types and requiredness are inherited, by name or through `with`.
        ("inputParameters: [{name: n}, {name: flag}]", {"n": N, "flag": FLAG}),
        ("inputParameters: {N: {}, Flag: {}}", {"N": N, "Flag": FLAG}),
        (
            "inputParameters: [{name: limit}, {name: loud}],"
            " with: {n: ROOT.limit, flag: ROOT.loud}",
            {"limit": N, "loud": FLAG},
        ),
        (
            "inputParameters: [{name: page-size}], with: {n: ROOT.pageSize}",
            {"page-size": N},
        ),
        ("inputParameters: [{name: loud, required: true}], with: {flag: ROOT.loud}",
         {"loud": "boolean!", "n": N}),
        # What the upstream needs is required, whatever the input says.
        ("inputParameters: [{name: n, required: false}]", {"n": N}),
        # Constants are never asked for.
        ("inputParameters: [{name: n, value: 7}, {name: flag, value: true}]", {}),
        ("inputParameters: [{name: c, value: 7}], with: {n: ROOT.c}", {}),
    ],
)  # fmt: skip
def test_inputs(unit: str, expected: dict[str, str]) -> None:
    route, tool = unit.replace("ROOT", "rest"), unit.replace("ROOT", "tools")
    made = verified(spec(MANY, route, tool, method="GET"))
    assert found_in(made) == []
    assert asked(tool_of(made)) == expected
    assert {n: t.split()[0] for n, t in asked(route_of(made)).items()} == expected


def test_descriptions_are_inherited_through_with() -> None:
    made = compiled(
        spec(
            MANY,
            tool="inputParameters: [{name: limit}, {name: own, description: Own.}],"
            " with: {n: tools.limit, flag: tools.own}",
            method="GET",
        )
    )
    assert [each.description for each in tool_of(made).inputs] == ["How many.", "Own."]


@pytest.mark.parametrize(
    ("names", "tool", "expected"),
    [
        ("[MaxResults, maxResults]", "", ["MaxResults", "maxResults"]),
        ("[page-size, page_size]", "inputParameters: [{name: page_size}]",
         ["page_size"]),
        ("['sort[]', sort]", "", ["sort[]", "sort"]),
        ("[a.b, a-b, aB]", "with: {aB: tools.aB}", ["aB"]),
    ],
)  # fmt: skip
def test_parameters_that_differ_in_spelling_have_an_input_each(
    names: str, tool: str, expected: list[str]
) -> None:
    params = ", ".join(f"{{name: {n}, in: query}}" for n in names[1:-1].split(", "))
    made = verified(spec(f"inputParameters: [{params}]", tool=tool, method="GET"))
    unit = tool_of(made)
    assert [*asked(unit)] == expected
    given = {name: f"value of {name}" for name in expected}
    assert dict(request(made, unit, **given).query) == given


def test_a_variable_of_the_path_is_no_query_of_another_spelling() -> None:
    params = "inputParameters: [{name: ID, in: query}]"
    made = verified(spec(params, method="GET", path="/things/{id}"))
    for unit in (tool_of(made), route_of(made)):
        assert [*asked(unit)] == ["id", "ID"]
        assert request(made, unit, id="a").query == ()
        assert request(made, unit, id="a", ID="b").query == (("ID", "b"),)


def test_an_input_that_is_renamed_feeds_nothing_of_its_own_name() -> None:
    params = "inputParameters: [{name: parent, in: query}, {name: id, in: query}]"
    made = verified(
        spec(
            params, "with: {parent: rest.id}", "with: {parent: tools.id}", method="GET"
        )
    )
    for unit in (tool_of(made), route_of(made)):
        assert request(made, unit, id="a").query == (("parent", "a"),)


def test_one_name_in_two_places_is_one_input() -> None:
    params = "inputParameters: [{name: id, in: query}]"
    made = verified(
        spec(params, tool="with: {id: tools.thing}", method="GET", path="/things/{id}")
    )
    assert found_in(made) == []
    made_of = request(made, tool_of(made), thing="a")
    assert (made_of.path, made_of.query) == ("/things/a", (("id", "a"),))


class TestNothingIsLost:
    """A declared input goes somewhere, or a warning at its line says that it does not."""

    @pytest.mark.parametrize(
        ("method", "operation"),
        [
            ("POST", "description: d"),
            ("PATCH", "body: {type: json}"),
            ("PUT", "body: {type: form, data: {}}"),
            ("POST", "body: {type: json, data: {kind: '{{tools.kind}}'}}"),
        ],
    )
    def test_without_with_it_has_its_own_name(
        self, method: str, operation: str
    ) -> None:
        route = "inputParameters: [{name: colour, in: body}]"
        tool = "inputParameters: [{name: colour}, {name: n, type: integer}]"
        made = verified(spec(operation, route, tool, method=method, by="POST"))
        assert found_in(made) == [("NAF404", ROUTE), ("NAF404", TOOL)]
        for unit in (route_of(made), tool_of(made)):
            got = request(made, unit, colour="red")
            assert got.body in ({"colour": "red"}, [["colour", "red"]])

    @pytest.mark.parametrize(
        ("operation", "unit"),
        [
            ("description: d", "inputParameters: [{name: lost}, {name: a}],"
             " with: {body: ROOT.a}"),
            ("body: {type: text, data: '{{tools.words}}'}",
             "inputParameters: [{name: lost}, {name: words}], with: {words: x}"),
        ],
    )  # fmt: skip
    def test_what_goes_nowhere_is_reported(self, operation: str, unit: str) -> None:
        made = verified(spec(operation, tool=unit.replace("ROOT", "tools")))
        assert ("NAF404", TOOL) in found_in(made)
        (found,) = [f for f in made.diagnostics if '"lost"' in f.message]
        assert found.message == '"lost" goes to no parameter of `go`, so it is not sent'
        assert "inputParameters" in found.hint

    def test_of_headers_of_the_protocol_routes_pass_credentials_on(self) -> None:
        params = "inputParameters: [{name: Authorization, in: header}, {name: accept, in: header}]"
        route = "with: {Authorization: rest.Authorization, accept: rest.accept}"
        for unit in (params, f"{params}, {route}"):
            tool = unit.replace("rest.", "tools.").replace(", in: header", "")
            made = verified(spec(params, unit, tool, method="GET"))
            assert [*asked(route_of(made))] == ["Authorization"]
            assert asked(tool_of(made)) == {}
            assert {("NAF411", OPERATION)} == {*found_in(made, notes=True)}


class TestMembersOfARoutesBody:
    WHOLE = "inputParameters: [{name: n, in: query}, {name: body, in: body}]"

    def test_one_may_be_what_is_sent(self) -> None:
        made = verified(
            spec(self.WHOLE, "with: {body: rest.body.data, n: rest.body.n}")
        )
        unit = route_of(made)
        assert asked(unit) == {"data": "object body", "n": "string body"}
        got = request(made, unit, data={"a": 1}, n="2")
        assert (got.body, got.query) == ({"a": 1}, (("n", "2"),))

    def test_but_not_beside_the_whole(self) -> None:
        made = compiled(spec(self.WHOLE, "with: {body: rest.body, n: rest.body.n}"))
        assert found_in(made) == [("NAF901", ROUTE)]

    @pytest.mark.parametrize("by", ["GET", "HEAD"])
    def test_a_route_without_body_takes_them_in_the_query(self, by: str) -> None:
        template = "body: {type: json, data: {a: '{{tools.x}}', b: '{{tools.y}}'}}"
        made = verified(spec(template, "with: {x: rest.body.x}", by=by))
        unit = route_of(made)
        assert asked(unit) == {"x": "any query", "y": "any query"}
        assert sent(made, unit, x="1") == {"a": "1"}

    @pytest.mark.parametrize("by", ["GET", "HEAD"])
    @pytest.mark.parametrize("method", ["GET", "POST"])
    @pytest.mark.parametrize(
        "unit",
        [
            "",
            "with: {body: ROOT.body}",
            "with: {body: '{{ROOT.content}}'}",
            "inputParameters: [{name: body, in: body}]",
            "inputParameters: [{name: body, in: body, required: false}],"
            " with: {body: ROOT.body}",
            "inputParameters: [{name: data, in: body}], with: {body: ROOT.data}",
        ],
    )
    def test_an_optional_whole_body_is_no_part_of_it(
        self, unit: str, method: str, by: str
    ) -> None:
        body = "inputParameters: [{name: body, in: body, required: false}]"
        route, tool = unit.replace("ROOT", "rest"), unit.replace("ROOT", "tools")
        made = verified(spec(body, route, tool, method=method, by=by))
        assert asked(route_of(made)) == {}
        assert sent(made, route_of(made)) is None
        (name,) = asked(tool_of(made))
        assert sent(made, tool_of(made), **{name: {"a": 1}}) == {"a": 1}
        assert ("NAF419", OPERATION) in found_in(made, notes=True)

    @pytest.mark.parametrize("by", ["GET", "HEAD"])
    @pytest.mark.parametrize(
        ("is_needed", "unit"),
        [
            ("true", ""),
            ("true", "with: {body: rest.body}"),
            ("true", "inputParameters: [{name: body, in: body, required: false}]"),
            ("false", "inputParameters: [{name: body, in: body, required: true}]"),
        ],
    )
    def test_a_whole_body_that_is_needed_is(
        self, is_needed: str, unit: str, by: str
    ) -> None:
        body = f"inputParameters: [{{name: body, in: body, required: {is_needed}}}]"
        made = verified(spec(body, unit, method="GET", by=by))
        assert asked(route_of(made)) == {"body": "object! body"}
        assert "NAF419" not in dict(found_in(made, notes=True))

    def test_a_whole_body_may_come_from_the_query(self) -> None:
        route = "inputParameters: [{name: q, in: query}], with: {body: rest.q}"
        made = verified(spec("description: d", route, by="GET"))
        assert asked(route_of(made)) == {"q": "object query"}


@pytest.mark.parametrize("by", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "get"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_route_may_have_another_method_than_its_operation(
    by: str, method: str
) -> None:
    params = (
        "inputParameters: [{name: q, in: query, type: integer, required: true},"
        " {name: ids, in: body, type: array, items: {type: integer}},"
        " {name: o, in: body, type: object, required: true}]"
    )
    made = verified(spec(params, method=method, by=by))
    place = "query" if by in ("GET", "HEAD", "get") else "body"
    unit = route_of(made)
    assert asked(unit) == {
        "q": "integer! query",
        "ids": f"array {place}",
        "o": f"object! {place}",
    }
    got = request(made, unit, q=1, ids=[2], o={"a": None})
    assert (got.method, got.query) == (method, (("q", "1"),))
    assert got.body == {"ids": [2], "o": {"a": None}}


@pytest.mark.parametrize(
    ("method", "hints", "expected", "codes"),
    [
        ("GET", "", (True, False, True, True), []),
        ("HEAD", "hints: {}", (True, False, True, True), []),
        ("POST", "hints: null", (False, False, False, True), []),
        ("PUT", "hints: {openWorld: false}", (False, True, True, False), []),
        ("DELETE", "hints: {readOnly: false}", (False, True, True, True), []),
        ("POST", "hints: {readOnly: true}", (True, False, False, True), []),
        ("GET", "hints: {readOnly: false}", (False, False, True, True), []),
        ("PUT", "hints: {readOnly: true}", (True, False, True, True), ["NAF408"]),
        ("DELETE", "hints: {destructive: false}", (False, False, True, True),
         ["NAF408"]),
        ("GET", "hints: {readonly: false, openWorldHint: false}",
         (True, False, True, True), ["NAF104", "NAF104"]),
    ],
)  # fmt: skip
def test_hints(
    method: str, hints: str, expected: tuple[bool, ...], codes: list[str]
) -> None:
    made = verified(spec("description: d", tool=hints, method=method, by="POST"))
    unit = tool_of(made).hints
    stated = (unit.read_only, unit.destructive, unit.idempotent, unit.open_world)
    assert (stated, found_in(made)) == (expected, [(code, TOOL) for code in codes])


def test_constants_of_an_api_go_where_they_belong() -> None:
    shared = """\
    inputParameters:
    - {name: k, in: body, value: v}
    - {name: c, in: cookie, value: 1}
    - {name: p, in: path, value: x}
    - {name: X-H, in: header, value: h}
    - {name: q, in: query, value: true}
    resources:
"""
    for method, body in (("POST", {"k": "v"}), ("GET", ABSENT)):
        source = spec("description: d", method=method, path="/things/{p}", routed="/r")
        made = verified(source.replace("    resources:\n", shared, 1))
        got = request(made, tool_of(made))
        assert (got.path, got.body, got.cookies) == ("/things/x", body, {"c": "1"})
        assert (got.headers["x-h"], got.query) == ("h", (("q", "true"),))
