"""What the spec says must arrive and leave, against requests written by hand."""

import pytest
from compile_support import compile_text
from nafgen.examples import (
    Journey,
    answers_for,
    edge_values,
    example,
    marked,
    variants,
)
from nafgen.expect import ExpectedRequest, expected_request, segment
from nafgen.expect_places import UnsendableError, text
from nafgen.expect_results import ABSENT, expected_result
from nafgen.expect_values import argument_values
from nafgen.ir import WHOLE, Constant, Each, Operation, Pick, Shape, Upstream
from nafgen.program import Program, RestAdapter
from nafgen.verify import verify
from nafgen.wire import Encoding, Location
from verify_support import KITCHEN, ONE_KEY, TWO_UPSTREAMS, compiled

SETTINGS = {"KITCHEN_KEY": "k3y", "CUISINE": "thai & more"}


def program(source: str) -> Program:
    made = compiled(source).program
    assert made is not None
    return made


def operation(source: str, name: str) -> tuple[Upstream, Operation]:
    return next(
        (upstream, found)
        for upstream in program(source).upstreams
        for found in upstream.operations
        if found.name == name
    )


def request(
    source: str, name: str, settings: dict[str, str], **given: object
) -> ExpectedRequest:
    upstream, found = operation(source, name)
    values = {
        argument.origin: given[argument.name.replace("-", "_")]
        for argument in found.arguments
        if argument.name.replace("-", "_") in given
    }
    return expected_request(upstream, found, values, settings)


def test_query_headers_and_cookies() -> None:
    made = request(
        KITCHEN,
        "list-dishes",
        SETTINGS,
        limit=0,
        price=3.0,
        vegan=False,
        tag=["a b", ""],
        filter={"a": [1]},
        X_Trace="t",
        session='a"b',
    )
    assert made == ExpectedRequest(
        method="GET",
        origin="https://kitchen.example.com",
        path="/v2/dishes",
        query=(
            ("cuisine", "thai & more"),
            ("page_size", "50"),
            ("limit", "0"),
            ("price", "3"),
            ("vegan", "false"),
            ("tag", "a b"),
            ("tag", ""),
            ("filter", '{"a":[1]}'),
            ("lang", "en"),
        ),
        headers={"x-version": "2024-01-01", "x-trace": "t", "x-key": "k3y"},
        unsent=frozenset({"authorization"}),
        cookies={"session": "a%22b"},
        body=ABSENT,
    )


def test_what_is_not_given_is_not_sent() -> None:
    made = request(KITCHEN, "list-dishes", SETTINGS)
    assert [name for name, _ in made.query] == ["cuisine", "page_size", "lang"]
    assert made.unsent == {"authorization", "x-trace"}
    assert made.cookies == {}


def test_members_of_a_body() -> None:
    made = request(KITCHEN, "add-dish", SETTINGS, title="Soup", servings=2)
    assert made.body == {"title": "Soup", "servings": 2, "source": "kitchen"}
    assert made.headers["content-type"] == "application/json"


def test_a_body_template_keeps_types_and_drops_what_is_absent() -> None:
    full = request(
        KITCHEN,
        "cook",
        SETTINGS,
        dish_id="a/b",
        heat=[1, {"x": None}],
        guest="Zoë",
        table=4,
        spice=False,
        only="o",
    )
    assert full.path == "/v2/dishes/a%2Fb/cook"
    assert full.body == {
        "dish": {
            "heat": [1, {"x": None}],
            "note": "for Zoë at 4",
            "nested": {"spices": [False, "salt"], "fixed": True},
        },
        "optional": {"only": "o"},
        "nothing": None,
        "list": [1, 2.5, None],
    }
    bare = request(KITCHEN, "cook", SETTINGS, dish_id="1", guest="alone")
    assert bare.body == {
        "dish": {"nested": {"spices": ["salt"], "fixed": True}},
        "nothing": None,
        "list": [1, 2.5, None],
    }


def test_a_whole_body_may_be_empty_and_an_optional_one_absent() -> None:
    assert request(KITCHEN, "replace-dish", SETTINGS, dish_id="1", body={}).body == {}
    assert request(KITCHEN, "patch-dish", SETTINGS, dish_id="1").body is ABSENT


def test_a_query_in_the_path_and_two_variables_in_it() -> None:
    made = request(KITCHEN, "photo", SETTINGS, dish_id="é", size="x l")
    assert made.path == "/v2/dishes/%C3%A9/photo.x%20l"
    assert made.query == (("format", "png"), ("v", "2"), ("lang", "en"))


def test_credentials() -> None:
    basic = request(
        TWO_UPSTREAMS, "list", {"REGION": "eu", "USER": "u", "PASSWORD": "p:w"}
    )
    assert basic.origin == "https://eu.plain.example.com"
    assert basic.headers == {"authorization": "Basic dTpwOnc="}
    bearer = request(
        TWO_UPSTREAMS, "get", {"TOKEN": "t", "TOKEN_BASE_URL": "http://h:80"}, id="1"
    )
    assert (bearer.origin, bearer.path) == ("http://h", "/things/1")
    assert bearer.headers == {"authorization": "Bearer t"}
    in_query = request(ONE_KEY.format("query"), "get", {"KEY": "a&b"}, q="1")
    assert in_query.query == (("q", "1"), ("api_key", "a&b"))
    in_cookie = request(ONE_KEY.format("cookie"), "get", {"KEY": "a;b"}, q="1")
    assert in_cookie.cookies == {"api_key": "a%3Bb"}


def test_a_setting_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError, match="TOKEN_BASE_URL"):
        request(TWO_UPSTREAMS, "get", {"TOKEN": "t"}, id="1")


@pytest.mark.parametrize("value", ["", ".", "..", "a/..", "..\\a"])
def test_a_value_that_climbs_is_not_sent(value: str) -> None:
    with pytest.raises(UnsendableError):
        segment(value)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ("a/b", "a%2Fb"),
        ("%2F", "%252F"),
        ("~-._", "~-._"),
        ("...", "..."),
        ("?#", "%3F%23"),
    ],
)
def test_a_segment_keeps_its_place(value: str, encoded: str) -> None:
    assert segment(value) == encoded


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, "true"),
        (7.0, "7"),
        (0.5, "0.5"),
        (None, "null"),
        ([1, "a"], '[1,"a"]'),
        ("", ""),
    ],
)
def test_text(value: object, written: str) -> None:
    assert text(value) == written


def test_a_call_takes_inputs_constants_and_nothing_that_was_not_given() -> None:
    rest = next(a for a in program(KITCHEN).adapters if isinstance(a, RestAdapter))
    route = next(r for r in rest.routes if r.name == "list-dishes")
    given = {i.origin: 5 for i in route.inputs if i.name == "max"}
    values = argument_values(route.call, given, {})
    names = {argument.origin: argument.name for argument, _ in route.call.values}
    assert {names[o]: v for o, v in values.items()} == {"limit": 5, "vegan": True}


def test_results() -> None:
    answer = {"a": {"b": [{"id": 1}, {}, 3]}, "n": None}
    assert expected_result(WHOLE, answer) == answer
    assert expected_result(Pick(("a", "x")), answer) is None
    assert expected_result(Each(("n",), WHOLE), answer) is None
    made = expected_result(
        Shape(
            (
                ("ids", Each(("a", "b"), Pick(("id",)))),
                ("kind", Constant("k")),
                ("inner", Shape((("first", Pick(("a",))),))),
            )
        ),
        answer,
    )
    assert made == {
        "ids": [1, None, None],
        "kind": "k",
        "inner": {"first": answer["a"]},
    }


def test_marked_answers_have_what_a_mapping_looks_for() -> None:
    result = Shape((("x", Pick(("a", "b"))), ("ys", Each(("a", "c"), Pick(("d",))))))
    made = marked(result)
    assert expected_result(result, made) == {
        "x": "found a.b",
        "ys": ["found 1 d", "found 2 d"],
    }
    _, found = operation(KITCHEN, "list-dishes")
    replies = answers_for(result, found)
    assert [answer.value for answer in replies] == [made, {}, [1, "two"]]


def test_examples_fit_their_types_and_differ_by_name() -> None:
    _, found = operation(KITCHEN, "list-dishes")
    made = {argument.name: example(argument) for argument in found.arguments}
    kinds = {name: type(value) for name, value in made.items()}
    assert kinds == {
        "limit": int,
        "price": float,
        "vegan": bool,
        "tag": list,
        "filter": dict,
        "X-Trace": str,
        "session": str,
    }
    assert made["X-Trace"] != made["session"]


def test_edge_values_can_arrive_where_they_must() -> None:
    _, found = operation(KITCHEN, "list-dishes")
    by_name = {argument.name: argument for argument in found.arguments}
    header = Journey(inbound=Location.HEADER, outbound=frozenset({Location.HEADER}))
    for value in edge_values(by_name["X-Trace"], header):
        assert value.isascii() and value.isprintable() and value == value.strip()
    path = Journey(inbound=Location.PATH, outbound=frozenset({Location.QUERY}))
    values = edge_values(by_name["session"], path)
    assert ".." in values
    assert "a/b/../c" in values
    assert not any("\n" in value or value == "" for value in values)


def test_variants_bring_every_edge_value_and_only_required_ones_once() -> None:
    _, found = operation(KITCHEN, "cook")
    body = Journey(inbound=None, outbound=frozenset({Location.BODY}))
    made = variants(found.arguments, [body] * len(found.arguments))
    only = [a.name for a in found.arguments if a.origin in made[1]]
    assert only == ["dish-id"]
    for argument in found.arguments:
        values = [values[argument.origin] for values in made[2:]]
        assert all(edge in values for edge in edge_values(argument, body))


def test_a_value_that_may_be_refused_is_tried_beside_plain_ones() -> None:
    upstream, found = operation(KITCHEN, "list-dishes")
    trace = next(a for a in found.arguments if a.name == "X-Trace")
    places = [
        Journey(inbound=None, outbound=frozenset({a.location})) for a in found.arguments
    ]
    made = variants(found.arguments, places)
    refused = []
    for values in made:
        try:
            expected_request(upstream, found, values, SETTINGS)
        except UnsendableError:
            refused.append(values)
    assert {values[trace.origin] for values in refused} == {
        "ünï 漢字 🎉",
        "line\nbreak\ttab",
    }
    plain = {k: v for k, v in made[0].items() if k != trace.origin}
    assert all(values.items() >= plain.items() for values in refused)


FORMS = """\
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: pay
    baseUri: https://api.stripe.com
    resources:
    - path: /charges
      operations:
      - name: charge
        method: POST
        inputParameters:
        - {name: created, in: query, type: object}
        - {name: body, in: body, type: object}
      - name: wrap
        method: PUT
        body: {type: xml, data: '<a b="{{title}}"/>'}
      - name: attach
        method: PATCH
        body:
          type: multipartForm
          data:
          - {name: note, value: '{{note}}'}
          - {name: file, value: '{{file}}', filename: a.txt}
"""


def test_a_form_and_a_query_in_brackets() -> None:
    made = request(
        FORMS,
        "charge",
        {},
        created={"gte": 1, "none": None},
        body={"rows": [{"a": True}, {"a": 2.0}], "expand": ["x", None, "y"], "t": "é"},
    )
    assert made.query == (("created[gte]", "1"),)
    assert made.headers["content-type"] == "application/x-www-form-urlencoded"
    assert made.encoding is Encoding.FORM
    assert made.body == [
        ["expand[]", "x"],
        ["expand[]", "y"],
        ["rows[0][a]", "true"],
        ["rows[1][a]", "2"],
        ["t", "é"],
    ]
    assert request(FORMS, "charge", {}, body={}).body is ABSENT


def test_a_value_inside_xml() -> None:
    made = request(FORMS, "wrap", {}, title="<\"'&>\n")
    assert made.body == '<a b="&lt;&#34;&#39;&amp;&gt;&#10;"/>'
    assert made.headers["content-type"] == "application/xml"
    with pytest.raises(UnsendableError):
        request(FORMS, "wrap", {}, title="\0")
    assert request(FORMS, "wrap", {}).body is ABSENT


def test_parts() -> None:
    made = request(FORMS, "attach", {}, file={"a": 1})
    kind = "application/octet-stream"
    assert made.body == [
        {"name": "file", "value": '{"a":1}', "filename": "a.txt", "content_type": kind}
    ]
    assert "content-type" not in made.headers
    for content, read in ((b"\xff", b"\xff"), (b"", ""), ("ü".encode(), "ü")):
        (part,) = request(FORMS, "attach", {}, file=content).body
        assert part["value"] == read
    assert request(FORMS, "attach", {}).body is ABSENT


def test_members_of_a_whole_body_make_it() -> None:
    made = compile_text("""
naftiko: 1.0.0-alpha2
capability:
  consumes:
  - type: http
    namespace: a
    baseUri: https://a.test
    resources:
    - path: /x
      operations:
      - name: add
        method: POST
        inputParameters: [{name: body, in: body, type: object}]
  exposes:
  - type: rest
    namespace: w
    resources:
    - path: /x
      operations:
      - method: POST
        name: add
        call: a.add
        inputParameters:
        - {name: first, in: body, type: string}
        - {name: second, in: body, type: string, required: false}
""")
    assert made.package is not None and made.program is not None
    (route,) = made.program.adapters[0].routes
    first, second = (given.origin for given in route.inputs)
    (body,) = argument_values(route.call, {first: "a"}, {}).values()
    assert body == {"first": "a"}
    (body,) = argument_values(route.call, {first: "a", second: "b"}, {}).values()
    assert body == {"first": "a", "second": "b"}
    done = verify(made)
    assert (done.routes, done.differences) == (1, ())
