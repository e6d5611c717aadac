"""What bodies are made of: parameters, blocks, both, or nothing that the spec says."""

from __future__ import annotations

from typing import Any

import pytest
from bodies_support import (
    OPERATION,
    asked,
    compiled,
    found_in,
    operation_of,
    request,
    route_of,
    sent,
    spec,
    tool_of,
    verified,
)
from compile_support import compile_text
from nafgen.verify import verify

FORM = {"host": "api.example.com", "body-encoding": "form"}


def params(*written: str) -> str:
    return f"inputParameters: [{', '.join(f'{{{each}}}' for each in written)}]"


def block(data: str, type_: str = "json") -> str:
    return f"body: {{type: {type_}, data: {data}}}"


class TestParameters:
    """`in: body` parameters without a `body` block."""

    @pytest.mark.parametrize(
        ("operation", "inputs", "body"),
        [
            (params("name: body, in: body"), "object", "WHOLE"),
            (params("name: body, in: body, type: array, required: true"), "array!",
             "WHOLE"),
            ("inputParameters: {body: {in: body, type: string}}", "string", "WHOLE"),
            (params("name: Body, in: body, type: object"), "object", "Body"),
            (params("name: GraphArn, in: body"), "string", "GraphArn"),
            (params("name: id, in: body, type: integer, required: true"), "integer!",
             "id"),
            ("description: nothing", "object", "WHOLE"),
            ("body: {type: json}", "object", "WHOLE"),
            ("body: {type: json, data: null}", "object", "WHOLE"),
            ("body: {}", "object", "WHOLE"),
            ("body: ''", "object", "WHOLE"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("method", ["POST", "put", "Patch"])
    def test_one(self, method: str, operation: str, inputs: str, body: str) -> None:
        made = verified(spec(operation, method=method))
        assert found_in(made) == []
        for unit in (tool_of(made), route_of(made)):
            name = "body" if body == "WHOLE" else body
            assert asked(unit)[name].split()[0] == inputs
            expected = "v" if body == "WHOLE" else {name: "v"}
            assert sent(made, unit, **{name: "v"}) == expected

    def test_a_sibling_of_others_that_is_called_body_is_a_member(self) -> None:
        made = verified(spec(params("name: to, in: body", "name: body, in: body")))
        assert sent(made, tool_of(made), to="a", body="b") == {"to": "a", "body": "b"}

    def test_constants_are_sent_and_their_placeholders_asked_for(self) -> None:
        made = verified(
            spec(
                params(
                    "name: n, in: body, value: 98",
                    "name: off, in: body, value: false",
                    "name: list, in: body, value: [1, '{{tools.x}}']",
                    "name: deep, in: body, value: {a: '{{rest.y}}', b: '{{TENANT}}'}",
                )
            )
        )
        assert asked(tool_of(made)) == {"x": "any", "y": "any"}
        assert sent(made, route_of(made), x=None, y=[2]) == {
            "n": 98,
            "off": False,
            "list": [1, None],
            "deep": {"a": [2], "b": "t1"},
        }

    @pytest.mark.parametrize("method", ["GET", "DELETE", "HEAD"])
    def test_a_method_without_body_sends_one_only_where_it_is_given(
        self, method: str
    ) -> None:
        made = verified(spec(params("name: body, in: body"), method=method))
        assert sent(made, tool_of(made)) is None
        assert sent(made, tool_of(made), body={"a": 1}) == {"a": 1}
        needed = params("name: a, in: body, required: true")
        made = verified(spec(needed, method=method))
        assert asked(tool_of(made)) == {"a": "string!"}
        assert sent(made, route_of(made), a="b") == {"a": "b"}
        assert asked(tool_of(verified(spec("description: d", method=method)))) == {}


class TestBoth:
    """A block is the template; parameters give its variables types and needs."""

    def test_types_and_needs(self) -> None:
        made = verified(
            spec(
                "inputParameters: [{name: n, in: body, type: integer, required: true},"
                " {name: s, in: body}], "
                + block("{n: '{{tools.n}}', s: '{{tools.s}}'}")
            )
        )
        assert asked(tool_of(made)) == {"n": "integer!", "s": "string"}

    @pytest.mark.parametrize("data", ["", ", data: {}", ", data: null", ", data: []"])
    @pytest.mark.parametrize("kind", ["json", "form", "multipart"])
    def test_a_block_without_data_says_how_parameters_are_written(
        self, kind: str, data: str
    ) -> None:
        members = params("name: a, in: body, required: true", "name: b, in: body")
        made = verified(spec(f"body: {{type: {kind}{data}}}, {members}"))
        assert found_in(made, notes=True) == []
        assert asked(tool_of(made)) == {"a": "string!", "b": "string"}
        assert operation_of(made).encoding == kind

    def test_members_that_the_block_does_not_mention_join_it(self) -> None:
        members = params(
            "name: ident, in: body, required: true", "name: v, in: body, value: 2"
        )
        made = verified(spec(block("{a: '{{tools.a}}'}", "form") + ", " + members))
        assert asked(tool_of(made)) == {"a": "any", "ident": "string!"}
        assert sent(made, tool_of(made), ident="t") == [["ident", "t"], ["v", "2"]]

    def test_a_member_gives_its_type_to_a_variable_of_another_name(self) -> None:
        members = params("name: startDate, in: body, type: integer, required: true")
        made = verified(spec(block("{startDate: '{{tools.from}}'}") + ", " + members))
        assert asked(route_of(made)) == {"from": "integer! body"}
        assert sent(made, route_of(made), **{"from": 3}) == {"startDate": 3}

    @pytest.mark.parametrize(
        "operation",
        [
            block("{kind: fixed}") + ", " + params("name: kind, in: body"),
            block("['{{tools.a}}']") + ", " + params("name: kind, in: body"),
            block("'text'", "text") + ", " + params("name: kind, in: body"),
        ],
    )
    def test_one_that_has_no_place_is_reported(self, operation: str) -> None:
        made = verified(spec(operation))
        assert found_in(made) == [("NAF404", OPERATION)]
        assert "kind" not in asked(tool_of(made))


class TestTemplates:
    @pytest.mark.parametrize(
        ("data", "given", "body"),
        [
            # A whole placeholder keeps its type, an absent one drops its key.
            ("{a: '{{tools.x}}', b: '{{ rest.y }}', c: '{{tools.z}}'}",
             {"x": [1, None], "y": False}, {"a": [1, None], "b": False}),
            ("{a: {b: {c: '{{x}}'}}, d: ['{{x}}', 1]}", {"x": 1},
             {"a": {"b": {"c": 1}}, "d": [1, 1]}),
            ("{a: {b: '{{tools.x}}'}, d: ['{{tools.x}}']}", {}, None),
            ("['{{tools.x}}', {b: '{{tools.y}}'}]", {"y": 2}, [{"b": 2}]),
            ("'{{tools.all}}'", {"all": [1]}, [1]),
            ("'  {{tools.all}} '", {"all": {"a": 1}}, {"a": 1}),
            # Others are escaped for the text that they stand in.
            ("'{\"a\": \"b {{tools.x}}\", \"n\": {{tools.n}}}'", {"x": '"', "n": 1},
             {"a": 'b "', "n": 1}),
            ("{query: 'q(n: {{tools.n}}, s: \"{{tools.s}}\")'}", {"n": 1, "s": "a"},
             {"query": 'q(n: 1, s: "a")'}),
            # Constants are of the type that YAML 1.2 gives them.
            ("{a: on, b: 010, c: 2024-01-02, d: null, e: [], f: {}, g: '', h: 1.0}", {},
             {"a": "on", "b": 10, "c": "2024-01-02", "d": None, "e": [], "f": {},
              "g": "", "h": 1.0}),
            ("{1: a, true: b, on: c}", {}, {"1": "a", "true": "b", "on": "c"}),
            ("{a: '{{TENANT}}', b: '{{env.TENANT}}', c: 'x-{{bind.TENANT}}'}", {},
             {"a": "t1", "b": "t1", "c": "x-t1"}),
            ("false", {}, False),
            # Names with characters that identifiers do not have.
            ("{a: '{{tools.a-b}}', b: '{{tools.a.b}}', c: '{{tools.$c~d}}'}",
             {"a-b": 1, "a.b": 2, "$c~d": 3}, {"a": 1, "b": 2, "c": 3}),
        ],
    )  # fmt: skip
    def test_json(self, data: str, given: dict[str, Any], body: Any) -> None:
        made = verified(spec(block(data)))
        assert found_in(made) == []
        for unit in (tool_of(made), route_of(made)):
            assert sent(made, unit, **given) == body

    @pytest.mark.parametrize(
        "data",
        [
            "{'{{tools.name}}': 1}",
            "{a: [{'x-{{TENANT}}': 1}]}",
            "{a: '{{}}'}",
            "{a: 'b {{ }}'}",
            "{a: '{{tools.a | upper}}'}",
            "{a: '{{#each b}}'}",
            "{a: '{{fn(b)}}'}",
        ],
    )
    def test_what_no_template_can_say_is_refused(self, data: str) -> None:
        made = compiled(spec(block(data)))
        (found,) = [f for f in made.diagnostics if f.code == "NAF902"][:1]
        assert (found.span.line, bool(found.hint)) == (OPERATION, True)
        assert made.package is None

    def test_a_block_has_no_other_keys(self) -> None:
        made = verified(spec("body: {type: json, name: '{{tools.name}}', n: 1}"))
        assert found_in(made) == [("NAF104", OPERATION)] * 2


class TestEncodings:
    @pytest.mark.parametrize(
        ("type_", "encoding", "media_type"),
        [
            ("JSON", "json", "application/json"),
            ("application/json; charset=utf-8", "json", "application/json"),
            ("Form", "form", "application/x-www-form-urlencoded"),
            ("form-urlencoded", "form", "application/x-www-form-urlencoded"),
            ("x-www-form-urlencoded", "form", "application/x-www-form-urlencoded"),
            ("form-data", "multipart", "multipart/form-data"),
            ("multipartForm", "multipart", "multipart/form-data"),
            ("text", "text", "text/plain; charset=utf-8"),
            ("text/csv", "text", "text/csv"),
            ("YAML", "text", "application/yaml"),
            ("text/xml", "xml", "text/xml; charset=utf-8"),
            ("application/soap+xml", "xml", "application/soap+xml"),
        ],
    )
    def test_types(self, type_: str, encoding: str, media_type: str) -> None:
        made = verified(spec(block("'{{tools.all}}'", f"'{type_}'")))
        operation = operation_of(made)
        assert (operation.encoding, operation.media_type) == (encoding, media_type)

    @pytest.mark.parametrize(
        "type_",
        [
            "cbor",
            "application/cbor",
            "pdf",
            "application/x-thing",
            "graphql",
            "text/漢",
        ],
    )
    def test_others_are_refused(self, type_: str) -> None:
        made = compiled(spec(block("'{{tools.all}}'", type_)))
        assert ("NAF906", OPERATION) in found_in(made)

    def test_a_mapping_of_one_text_is_that_text(self) -> None:
        made = verified(spec(block("{query: 'SELECT {{tools.what}}'}", "text")))
        assert ("NAF409", OPERATION) in found_in(made, notes=True)
        assert sent(made, tool_of(made), what="1") == "SELECT 1"

    @pytest.mark.parametrize("type_", ["text", "xml", "yaml"])
    @pytest.mark.parametrize("data", ["{a: b, c: d}", "{a: {b: c}}", "[a]", "5"])
    def test_other_structures_are_no_text(self, type_: str, data: str) -> None:
        made = compiled(spec(block(data, type_)))
        (found,) = [f for f in made.diagnostics if f.code == "NAF101"][:1]
        assert (found.span.line, "one text" in found.hint) == (OPERATION, True)

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            ("{type: json, data: '{\"a\": [{{tools.x}}], \"b\": 1}'}",
             [["a", "v"], ["b", "1"]]),
            ("'{\"a\": {{tools.x}}}'", [["a", "v"]]),
            ("'a={{tools.x}}&b=%20c'", [["a", "v"], ["b", " c"]]),
            ("'<a>{{tools.x}}</a>'", "<a>v</a>"),
            ("{type: json, data: {a: {b: '{{tools.x}}'}}}", [["a", '{"b":"v"}']]),
        ],
    )  # fmt: skip
    def test_where_a_rule_wants_forms(self, body: str, expected: Any) -> None:
        made = verified(spec(f"body: {body}"), FORM)
        assert sent(made, tool_of(made), x="v") == expected

    @pytest.mark.parametrize(
        "body", ["{type: json, data: [1]}", "{type: json, data: 5}", "no form", "'[1]'"]
    )
    def test_what_is_no_form_is_refused(self, body: str) -> None:
        made = compiled(spec(f"body: {body}"), FORM)
        (found,) = [f for f in made.diagnostics if f.code == "NAF101"][:1]
        assert (found.span.line, "rule" in found.hint) == (OPERATION, True)

    def test_types_of_parameters_in_other_spellings(self) -> None:
        made = verified(
            spec(params("name: a, in: body, type: Integer", "name: b, in: body, type: bool",
                        "name: c, in: body, type: date"))
        )  # fmt: skip
        assert asked(tool_of(made)) == {"a": "integer", "b": "boolean", "c": "string"}
        assert found_in(made, notes=True) == [("NAF409", OPERATION)] * 3


class TestQueries:
    @pytest.mark.parametrize(
        ("rule", "query"),
        [
            ({}, "a=1&a=2&b[]=1&b[]=2&o={\"x\":{\"y\":1}}"),
            ({"array-style": "brackets"}, "a[]=1&a[]=2&b[]=1&b[]=2&o={\"x\":{\"y\":1}}"),
            ({"array-style": "comma"}, "a=1,2&b[]=1,2&o={\"x\":{\"y\":1}}"),
            ({"object-style": "brackets"}, "a=1&a=2&b[]=1&b[]=2&o[x][y]=1"),
        ],
    )  # fmt: skip
    def test_styles(self, rule: dict[str, str], query: str) -> None:
        made = verified(
            spec(
                params(
                    "name: a, in: query, type: array, items: {type: integer}",
                    "name: 'b[]', in: query, type: array",
                    "name: o, in: query, type: object",
                ),
                method="GET",
            ),
            *([{"namespace": "shop", **rule}] if rule else []),
        )
        given = {"a": [1, 2], "b[]": [1, 2], "o": {"x": {"y": 1}}}
        got = request(made, tool_of(made), **given).query
        assert "&".join(f"{name}={value}" for name, value in got) == query

    def test_a_constant_list_is_written_as_lists_are(self) -> None:
        source = spec(
            params("name: a, in: query, value: [1, 'x-{{TENANT}}', null, true]"),
            method="GET",
        )
        assert request(verified(source), tool_of(verified(source))).query == (
            ("a", "1"), ("a", "x-t1"), ("a", "true"),
        )  # fmt: skip
        made = verified(source, {"namespace": "shop", "array-style": "comma"})
        assert request(made, tool_of(made)).query == (("a", "1,x-t1,true"),)

    @pytest.mark.parametrize(
        "param",
        [
            "name: a, in: query, value: {b: 1}",
            "name: a, in: query, value: [[1]]",
            "name: a, in: header, value: [1]",
            "name: a, in: cookie, value: {b: 1}",
        ],
    )
    def test_other_constant_structures_are_refused(self, param: str) -> None:
        made = compiled(spec(params(param), method="GET"))
        assert ("NAF902", OPERATION) in found_in(made)


OVERLAY = """\
overlay: 1.0.0
info: {{title: Of shop, version: '1'}}
actions:
- target: $.capability.consumes[0]{target}
  update: {update}
"""


@pytest.mark.parametrize(
    ("target", "update", "body"),
    [
        (".resources[0].operations[0].body", "{type: form}", [["a", "v"]]),
        ("", "{headers: {content-type: application/x-www-form-urlencoded}}",
         [["a", "v"]]),
        ("..operations[0].body", "{data: {b: '{{tools.b}}'}}", {"a": "v"}),
    ],
)  # fmt: skip
def test_overlays_say_how_bodies_are_sent(target: str, update: str, body: Any) -> None:
    overlay = OVERLAY.format(target=target, update=update)
    made = compile_text(spec(block("{a: '{{tools.a}}'}")), overlay)
    assert [f.message for f in verify(made).differences] == []
    assert sent(made, tool_of(made), a="v") == body


def test_a_mistake_in_an_overlay_is_at_its_line() -> None:
    update = "{body: {type: cbor, data: x}}"
    overlay = OVERLAY.format(target=".resources[0].operations[0]", update=update)
    made = compile_text(spec("description: d"), overlay)
    found = next(f for f in made.diagnostics if "cbor" in f.message)
    assert (found.span.file, found.span.line) == ("spec.overlay.yaml", 5)
